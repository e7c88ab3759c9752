"""Numbers that are codes for missing cells, as -999."""
import re
from collections import Counter

import numpy as np

from .cures import column_of, list_names

# nines, the least and greatest whole numbers of 16 and 32 bits, 1e20
MARK = re.compile(r'-?(99+(\.9+)?|1e\+[1-9]\d)|-32768|32767|65535|-?2147483647'
                  r'|-2147483648|4294967295')
MANY = 100


def missing_marks(columns):
    """A warning for each number that may mark missing cells.

    It is the least or the greatest value of a column, and far from the
    others; or, if it comes in 1 % of the rows, the only negative one, or
    beyond a gap like no other. It is one of `MARK`, -9 where it is the only
    negative one, -1 beside many counts, or any that is the only negative one
    of two columns, and far from the others.

    Parameters
    ----------
    columns : dict of str to ndarray

    """
    shared = Counter(x.min() for x in columns.values() if _is_apart(x))
    found = {}
    for name, x in columns.items():
        for value in (x.min(), x.max()):
            how = _distance(x, value, shared[value] > 1)
            if how:
                found.setdefault(value, []).append(
                    (name, how, (x == value).sum()))
    for value, where in found.items():
        names, hows, counts = zip(*where)
        how = 'far' if set(hows) == {'far'} else 'apart'
        if len(names) == 1:
            what, its = f'{column_of(*names)} is', 'its'
        else:
            what, its = f'columns {list_names(names)} are', 'their'
        rows = ' to '.join(map(str, sorted({min(counts), max(counts)})))
        yield (f'{what} {value:.10g} in {rows} rows, {how} from {its} other '
               'values: if that marks missing cells, empty them and type '
               '--missing drop')


def _is_apart(x):
    """Whether the least value is the only negative one, comes again, and is
    beyond a gap like no other of three values or more."""
    value, n_rows = x.min(), (x == x.min()).sum()
    if n_rows < 2 or n_rows != (x < 0).sum():
        return False
    others = np.unique(x[x != value])
    return others.size > 2 and others[0] - value > np.diff(others).max()


def _distance(x, value, is_shared):
    """'far' or 'apart' where the value may be a code, or None."""
    n_rows = (x == value).sum()
    if not 1 < n_rows < len(x):
        return None
    others = np.unique(x[x != value])
    if not (
            MARK.fullmatch(f'{value:.10g}')
            or MARK.fullmatch(f'{value:g}')  # of 32 bits
            or value == -9 and others[0] >= 0
            or is_shared and value < others[0] and others.size > 2
            or value == -1 and others[0] >= 0 and others.size > MANY
            and (others == np.rint(others)).all()):
        return None
    gap = np.abs(others - value).min()
    if gap > np.ptp(others):
        return 'far'
    is_frequent = n_rows >= len(x) / 100 and (
        value < 0 <= others[0] or gap > np.diff(others).max())
    return 'apart' if is_frequent else None
