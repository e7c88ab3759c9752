"""Rows that come again, within the parts of the data and across them."""
import numpy as np
import pandas as pd
from pandas.util import hash_array

from secml_regpoison.terminal import is_or_are
from .rows import PARTS

# whole numbers of as many values hardly make rows that are alike
MANY = 100


def repeated(data, n_values, share):
    """A warning where rows come again, so that a test row was trained on or
    tuned by; never of few whole numbers and text alone, which repeat by
    themselves. `n_values`: how many each column has; `share`: that of the
    rows to draw from which become training rows."""
    if not any(column.kind == 'number' or column.kind == 'whole'
               and n > MANY for column, n in n_values.items()):
        return
    rows = {part: _hashes(*both) for part, both in data.items()}
    is_copy = rows['pool'].duplicated()
    shared = _expected_in_training(rows['pool'], share)
    # few different numbers, or few columns, repeat by themselves
    is_varied = any(n > min(MANY, (~is_copy).sum() / 2)
                    for column, n in n_values.items() if column.kind != 'text')
    if is_copy.mean() > .4 or 'test' not in data and is_varied and (
            shared > .05) and shared > .05 + _expected_in_training(
                _hashes(*data['pool'], np.random.default_rng(0).permutation),
                share):
        are = 'are copies of others' if is_copy.sum() > 1 \
            else 'is a copy of another'
        yield (f'{is_copy.sum()} of {len(is_copy)} rows {are}: where test '
               'rows are drawn from them, '
               f'{100 * shared // 1:.0f} % are also among the training rows, '
               'and their error says little; leave the copies out')
    # a data set with copies has some in each part of it
    limit = min(.4, max(.05, 4 * is_copy.mean()))
    for part, other, words in (
            ('val', 'pool', 'training rows: lambda is tuned on rows that it '
             'was trained on'),
            ('test', 'pool', 'training rows: an error on them says little'),
            ('test', 'val', 'validation rows, by which lambda is tuned and '
             'trusted-only is trained: an error on them says little')):
        if part in rows and other in rows:
            both = pd.concat([rows[other], rows[part]])
            is_known = both.duplicated()[-len(rows[part]):]
            if is_known.mean() > limit:
                n = is_known.sum()
                yield (f'{n} of {len(is_known)} {PARTS[part]} rows '
                       f'{is_or_are(n)} also among the {words}')


def _hashes(x, y, change=np.asarray):
    """A hash of 64 bits of each row and its class, where each column is
    changed first; there is no copy of the table."""
    hashes = np.zeros(len(y), dtype=np.uint64)
    for column in (*x.T, y):
        # -0. + 0 is 0.; the factor is odd, so that no bit gets lost
        hashes = 31 * hashes + hash_array(change(column + 0.))
    return pd.Series(hashes)


def _expected_in_training(hashes, share):
    """Share of the test rows whose copy is among the training rows, where
    this `share` of all rows is drawn for training."""
    n_others = hashes.map(hashes.value_counts()) - 1
    return float((1 - (1 - share) ** n_others).mean())
