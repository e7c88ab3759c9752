"""Features and labels as users of scikit-learn have them."""
import math
from dataclasses import dataclass

import numpy as np

from secml_regpoison.limits import (
    LARGEST, LARGEST_DENSE, SMALLEST, is_rounding)
from secml_regpoison.validation import check
from .labels import MAX_CLASSES


@dataclass(frozen=True)
class ArrayData:
    """Rows of two classes or more, from arrays or data frames.

    Attributes
    ----------
    x : ndarray of float, shape (n, d)
    y : ndarray of int, shape (n,)
        0 for the first of the classes, 1 for the second, and so on.
    classes : ndarray, shape (k,)
        The labels as they were given, sorted.
    kind : type or None
        The class of the data frame or sparse matrix that `x` came in.
    columns : sequence or None
        The columns of the frame.

    """

    x: np.ndarray
    y: np.ndarray
    classes: np.ndarray
    kind: type = None
    columns: object = None

    def restore(self, x, y):
        """Features in the form that they came in, and labels."""
        x = np.asarray(x, dtype=float)
        if self.columns is not None:
            x = self.kind(x, columns=self.columns)
        elif self.kind is not None:
            x = self.kind(x)
        return x, self.classes[np.asarray(y).astype(int)]


def read_arrays(x, y, names=('X', 'y'), like=None):
    """Check features and labels.

    Parameters
    ----------
    x : array-like, data frame or sparse matrix, shape (n, d)
        Numbers, finite. Columns of text are refused by name.
    y : array-like, shape (n,)
        Labels of any type; each of two classes or more has a row.
    names : pair of str, optional
        What errors call them.
    like : ArrayData, optional
        Rows with the same columns and classes.

    Returns
    -------
    ArrayData

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the condition and the value.

    """
    name_x, name_y = names
    is_frame = hasattr(x, 'iloc') and hasattr(x, 'columns')
    columns = x.columns if is_frame else None
    values = _numbers(name_x, x, is_frame)
    if like is not None:
        check(name_x, values.shape[1], values.shape[1] == like.x.shape[1],
              f'of the {like.x.shape[1]} features of `X`')
        if is_frame and like.columns is not None:
            check(name_x, list(columns), list(columns) == list(like.columns),
                  f'a frame with the columns of `X`, {list(like.columns)}')
    check(name_x, values[0].tolist(), like is not None
          or (values != values[0]).any(), 'of rows that are not all the same')
    labels = _labels(name_y, y, len(values))
    classes = _classes(name_y, labels) if like is None else like.classes
    of_class = labels.astype(object)[:, None] == np.array(
        classes.tolist(), dtype=object)
    known, found = of_class.any(axis=1), of_class.any(axis=0)
    check(name_y, labels[~known][:1].tolist(), known.all(),
          f'labels among {classes.tolist()}')
    check(name_y, classes[found].tolist(), found.all(),
          f'labels of {"both" if len(classes) == 2 else "all"} classes')
    return ArrayData(values, of_class.argmax(axis=1), classes,
                     type(x) if is_frame or hasattr(x, 'toarray') else None,
                     columns)


def _numbers(name, x, is_frame):
    """`x` as a float array, (n, d)."""
    if is_frame:
        text = [column for column, dtype in x.dtypes.items()
                if getattr(dtype, 'kind', 'O') not in 'biuf']
        check(name, text, not text, 'a frame of numbers', ' Encode these '
              'columns, as with `pandas.get_dummies`, leave them out, or, if '
              'they hold numbers, say `.astype(float)`.')
        names = list(x.columns)
        x = x.to_numpy(dtype=float, na_value=np.nan)
    if hasattr(x, 'toarray'):
        check(name, x.shape, math.prod(x.shape) <= LARGEST_DENSE,
              f'of at most {LARGEST_DENSE:g} cells with its zeros written out',
              ' Choose rows or columns.')
        x = x.toarray()
    x = _as_array(name, x)
    check(name, x.shape, x.ndim == 2 and 0 not in x.shape,
          'of shape (n_rows, n_features)')
    if x.dtype.kind not in 'biuf':
        raise TypeError(f'`{name}` must be an array of numbers, got dtype '
                        f'{x.dtype}: encode text, or say `.astype(float)`.')
    x = np.asarray(np.ma.filled(x.astype(float), np.nan))
    _check_sizes(name, x, names if is_frame else range(x.shape[1]))
    return x


def _as_array(name, values):
    """The values as an array; ValueError where their rows differ in length.
    """
    try:
        return np.asanyarray(values)
    except ValueError as error:
        raise ValueError(f'`{name}` must be an array, got rows that make '
                         f'none: {error}') from None


def _check_sizes(name, x, columns):
    """Raise ValueError for values that are missing, too large or, in all of
    a column, too small for squares or the same up to rounding."""
    bad = np.argwhere(~(np.abs(x) <= LARGEST))
    if len(bad):
        row, j = bad[0]
        raise ValueError(
            f'`{name}` must be finite and within {LARGEST:g}, got '
            f'{x[row, j]:g} in row {row}, column {columns[j]!r}, the first of '
            f'{len(bad)}: fill in missing values, or leave out such rows.')
    largest = np.abs(x).max(axis=0)
    tiny = np.flatnonzero((0 < largest) & (largest < SMALLEST))
    check(name, largest[tiny].tolist(), not tiny.size, 'of columns whose '
          f'largest value is 0 or at least {SMALLEST:g}',
          f' Rescale {[columns[j] for j in tiny]}, or leave them out.')
    same = [columns[j] for j in np.flatnonzero(is_rounding(x))]
    check(name, same, not same, 'of columns that vary by more than rounding',
          ' Subtract their means, or leave them out.')


def _labels(name, y, n_rows):
    """`y` as an array of comparable labels, (n_rows,)."""
    check(name, float('nan'), not np.ma.is_masked(y), 'free of masked labels')
    y = np.asarray(_as_array(name, y))
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    check(name, y.shape, y.shape == (n_rows,), f'of shape ({n_rows},), a '
          'label for each row')
    if y.dtype.kind == 'O':
        kinds = sorted({type(label).__name__ for label in y})
        check(name, kinds, len(kinds) == 1, 'labels of one type',
              ' A missing label counts as another type.')
        _check_order(name, y, kinds)
    check(name, float('nan'), (y == y).all(), 'free of missing labels')
    return y


def _check_order(name, y, kinds):
    """Raise TypeError for labels, as None, that cannot be sorted."""
    try:
        np.unique(y)
    except TypeError:
        raise TypeError(f'`{name}` must be labels that can be sorted, as '
                        f'numbers and text, got {", ".join(kinds)} alone: '
                        'write text or numbers.') from None


def _classes(name, y):
    classes = np.unique(y)
    check(name, classes[:9].tolist(), 2 <= len(classes) <= MAX_CLASSES,
          f'labels of two classes, or of more, at most {MAX_CLASSES}',
          ' Choose rows of some, or put one against the rest: `y == label`.')
    return classes
