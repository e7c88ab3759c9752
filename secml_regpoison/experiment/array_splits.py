"""Training, validation and test rows from arrays, in their own units."""
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

from secml_regpoison.attack.box import bound_array
from secml_regpoison.data.arrays import read_arrays
from secml_regpoison.data.splits import Split
from secml_regpoison.folds import N_FOLDS, N_SEEDS
from secml_regpoison.validation import check
from .plan import CROSS_VALIDATED, LEAST_ROWS

# Parts that may be drawn, in this order, and their shares of the rows left.
DRAWN = {'test': .2, 'val': .25}


def read_all(x, y, **others):
    """The rows that are given, a dict of `ArrayData`: 'train', the rows to
    draw from, and of `others`, a pair each, those that are not None."""
    data = {'train': read_arrays(x, y)}
    for part, (x, y) in others.items():
        names = f'X_{part}', f'y_{part}'
        if (x is None) != (y is None):
            raise ValueError(f'`{names[0]}` and `{names[1]}` must be given '
                             'together, got one of them.')
        if x is not None:
            data[part] = read_arrays(x, y, names, data['train'])
    return data


def split_arrays(data, seed, lb, ub, policies):
    """Draw the rows that are not given.

    Parameters
    ----------
    data : dict of str to ArrayData
        See `read_all`.
    seed : int
    lb, ub : float, array-like or None
        Box of the poison; None: the range of the training rows. A series is
        taken by the columns of a frame.
    policies : sequence
        Those that will be asked for: each needs some rows of each class.

    Returns
    -------
    Split
        `rows` are places in the rows given.

    """
    pool, rows = data['train'], {part: np.arange(len(given.y))
                                 for part, given in data.items()}
    for part, share in DRAWN.items():
        if part not in data:
            y = pool.y[rows['train']]
            _check_counts(y, pool.classes, ' beside the test rows' * (
                part == 'val' and 'test' not in data))
            rows['train'], rows[part] = train_test_split(
                rows['train'], test_size=share, stratify=y,
                random_state=int(seed) % N_SEEDS)
    _check_policies_have_rows(data, rows, policies)
    train = pool.x[rows['train']]
    header = CDatasetHeader(y_original=tuple(pool.classes.tolist()))
    return Split(
        **{part: CDataset(CArray(given.x[places]), CArray(given.y[places]),
                          header=header) for part, places in rows.items()
           for given in [data.get(part, pool)]},
        lb=_bound('lb', lb, train.min(axis=0), pool.columns),
        ub=_bound('ub', ub, train.max(axis=0), pool.columns),
        integers=tuple(np.flatnonzero(
            (pool.x == np.rint(pool.x)).all(0)).tolist()),
        rows=rows, box='range' if lb is None and ub is None else 'given')


def _check_counts(y, classes, where):
    """Enough rows of each class to draw from."""
    counts = np.bincount(y, minlength=2)
    rarest = int(counts.argmin())
    if counts[rarest] < N_FOLDS:
        raise ValueError(
            f'`X` must have at least {N_FOLDS} rows of each class to draw '
            f'from, got {counts[rarest]} of class '
            f'{classes.tolist()[rarest]!r}{where}: bring more such rows, or '
            'give X_val, y_val, X_test and y_test.')


def _check_policies_have_rows(data, rows, policies):
    """Enough rows of each class to cross-validate."""
    for policy, part in CROSS_VALIDATED.items():
        y = data.get(part, data['train']).y[rows[part]]
        count = int(np.bincount(y, minlength=len(
            data['train'].classes)).min())
        check('policies', policy,
              policy not in policies or count >= LEAST_ROWS,
              f'others, as a class has {count} of the {part} rows and '
              f'{policy} needs {LEAST_ROWS}')


def check_whole_numbers(splits, columns):
    """Raise ValueError where the box leaves a column of whole numbers none."""
    for split in splits:
        lb, ub = (np.broadcast_to(bound_array(bound), split.train.num_features)
                  for bound in (split.lb, split.ub))
        for j in split.integers:
            if np.ceil(lb[j]) > np.floor(ub[j]):
                name = repr(j if columns is None else columns[j])
                raise ValueError(
                    '`lb` and `ub` must hold a whole number in column '
                    f'{name}, which holds nothing else, got {lb[j]:g} and '
                    f"{ub[j]:g}. Pass integer='none' for poison with other "
                    'numbers.')


def _by_columns(name, bound, columns):
    """A series or a frame as a bound, in the order of the columns of X."""
    if isinstance(bound, pd.DataFrame):
        bound = bound.squeeze()
    if columns is None or not isinstance(bound, pd.Series):
        return bound
    index = bound.index.tolist()
    check(name, index, set(index) == set(columns)
          and len(index) == len(columns), 'a series whose index is the '
          'columns of `X`', ' For values by position, pass its .to_numpy().')
    return bound[list(columns)]


def _bound(name, bound, default, columns):
    """A bound as secml takes it."""
    bound = _by_columns(name, bound, columns)
    if bound is None:
        return CArray(default)
    try:
        values = np.asarray(bound, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f'`{name}` must be a number, or one for each column, '
                        f'got {bound!r}.') from None
    return float(values) if values.ndim == 0 else CArray(values.ravel())
