"""Random training, validation and test rows of two-class data."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Training, validation and test rows, and the box of the poison.

    Attributes
    ----------
    train, val, test : CDataset
    lb, ub : float or CArray
        Lower and upper bound of the poison, for all features or for each.

    """

    train: object
    val: object
    test: object
    lb: object
    ub: object


def split_sizes(source, n_train=None, n_val=None):
    """Number of training and of validation rows, the defaults filled in.

    Three training rows for one validation row, at most 512 and 171 (the
    paper's). If `source` has no test rows, as many are left for them as for
    training.
    """
    shares = 4 if 'test' in source.parts else 7
    n_rows = len(source.parts['pool'][1])
    return (min(512, 3 * n_rows // shares) if n_train is None else n_train,
            min(171, n_rows // shares) if n_val is None else n_val)


def split_data(source, n_train=None, n_val=None, seed=0):
    """Draw random training and validation rows, and the test rows.

    Images: pixels stay as they are, the box is [0, 1], and each class has
    half of the training and of the validation rows. Files: rows keep the
    class proportions of the file, features are standardised with mean and
    standard deviation of the training rows, and the box is their range.

    Parameters
    ----------
    source : Source
    n_train, n_val : int, optional
        See `split_sizes`.
    seed : int, optional

    Returns
    -------
    Split
        If `source` has no test rows, all remaining rows are the test rows.

    Raises
    ------
    ValueError
        If there are too few rows.

    """
    rows = draw_rows(source, n_train, n_val, seed)
    parts = [source.pool[rows[part].tolist(), :] for part in ('train', 'val')]
    parts.append(source.test if 'test' in source.parts
                 else source.pool[rows['test'].tolist(), :])
    return Split(*parts, 0., 1.) if source.is_image else _standardise(*parts)


def draw_rows(source, n_train=None, n_val=None, seed=0):
    """Rows of the pool by part: 'train', 'val' and, if drawn, 'test'.

    Parameters and errors are those of `split_data`.
    """
    n_train, n_val = split_sizes(source, n_train, n_val)
    y = source.parts['pool'][1]
    share = 0.5 if source.is_image else np.mean(y == 1)
    rows = np.random.default_rng(seed).permutation(y.size)
    train, rows = _draw('train', rows, y, n_train, share)
    val, rows = _draw('val', rows, y, n_val, share)
    if 'test' in source.parts:
        return {'train': train, 'val': val}
    if np.unique(y[rows]).size < 2:
        raise ValueError(
            "`train` and `val` must leave test rows of both classes, got "
            f"{n_train} and {n_val} of {y.size} rows: ask for fewer.")
    return {'train': train, 'val': val, 'test': rows}


def _draw(name, rows, y, n_rows, share):
    """First `n_rows` of `rows`, `share` of them of class 1, and the others."""
    drawn = np.zeros(rows.size, dtype=bool)
    n_positive = int(n_rows * share)
    for label, size in ((0, n_rows - n_positive), (1, n_positive)):
        of_class = np.flatnonzero(y[rows] == label)
        if not 0 < size <= of_class.size:
            raise ValueError(
                f"`{name}` must leave class {label} at least 1 and at most "
                f"{of_class.size} rows, got {n_rows} with {size} of it.")
        drawn[of_class[:size]] = True
    return rows[drawn], rows[~drawn]


def _standardise(train, val, test):
    """Scale by mean and deviation of the training rows; box is their range."""
    from secml.array import CArray
    from secml.data import CDataset
    x = train.X.tondarray()
    std = x.std(axis=0)
    # the deviation of a constant column is 0 or a rounding error, that of
    # numbers below 1e-160 is 0: these columns are not scaled
    is_constant = (x.min(axis=0) == x.max(axis=0)) | (std == 0)
    mean = CArray(x.mean(axis=0))
    std = CArray(np.where(is_constant, 1, std))
    train, val, test = (
        CDataset((ds.X - mean) / std, ds.Y, header=ds.header)
        for ds in (train, val, test))
    return Split(train, val, test, train.X.min(axis=0).ravel(),
                 train.X.max(axis=0).ravel())
