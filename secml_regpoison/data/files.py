"""Features and labels of .npz and .csv files, read as data, never as code."""
import csv
import os

import numpy as np

from secml_regpoison.limits import LARGEST, SMALLEST
from secml_regpoison.npz import NpzReader

EXTENSIONS = ('.npz', '.csv')


def read_file(path):
    """Features and labels of each part of a .npz or .csv file.

    Parameters
    ----------
    path : str
        With one of `EXTENSIONS`, in small letters or capitals.

    Returns
    -------
    list of (ndarray, ndarray), shapes (n, d) and (n,)
        One part, or training and test; features as float64, labels as they
        are, numbers or text.

    Raises
    ------
    ValueError
        If the file is malformed or a number is not finite or beyond 1e30.
    OSError
        If the file cannot be read.

    """
    readers = dict(zip(EXTENSIONS, (_read_npz, _read_csv)))
    parts = readers[os.path.splitext(path)[1].lower()](path)
    for x, y in parts:
        if not x.size:
            raise ValueError(
                f"{path} must have at least one row and one feature, got "
                f"{x.shape[0]} rows of {x.shape[1]} features.")
        bad = ~(abs(x) <= LARGEST)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"{path} must hold finite numbers, got {x[row, column]} in "
                f"row {row + 1}, column {column + 1} of the features (none "
                f"may be beyond {LARGEST:g}).")
        if 0 < abs(x).max() < SMALLEST:
            raise ValueError(
                f'{path} must hold features of at least {SMALLEST:g}, the '
                f'largest of them, got {abs(x).max():g}: rescale them.')
        if y.dtype.kind == 'f' and not np.isfinite(y).all():
            raise ValueError(
                f"{path} must have finite labels, got {y[~np.isfinite(y)][0]}"
                f" in row {np.argmin(np.isfinite(y)) + 1}.")
        if x.shape[1] != parts[0][0].shape[1]:
            raise ValueError(
                f"`X_test` of {path} must have {parts[0][0].shape[1]} "
                f"columns as `X_train` has, got {x.shape[1]}.")
    return parts


def _read_npz(path):
    """Parts of a .npz file: `X`, `y`, or with suffixes _train and _test."""
    with NpzReader(path) as arrays:
        names = [('X', 'y')] if 'X' in arrays.names else [
            ('X_train', 'y_train'), ('X_test', 'y_test')]
        if not {name for pair in names for name in pair} <= set(arrays.names):
            raise ValueError(
                f"{path} must hold X and y, or X_train, y_train, X_test and "
                f"y_test, got {', '.join(arrays.names) or 'nothing'}.")
        for x, y in names:
            _check_headers(path, x, arrays.header(x), y, arrays.header(y))
        return [(arrays.read(x, float), arrays.read(y)) for x, y in names]


def _check_headers(path, x, header_x, y, header_y):
    """Raise ValueError unless it is a matrix of numbers, and its labels."""
    (shape_x, dtype_x), (shape_y, dtype_y) = header_x, header_y
    if len(shape_x) != 2 or dtype_x.kind not in 'biuf':
        raise ValueError(
            f"`{x}` of {path} must be a matrix of numbers, got shape "
            f"{shape_x} of {dtype_x}.")
    if shape_y != shape_x[:1]:
        raise ValueError(
            f"`{y}` of {path} must have one label for each of the "
            f"{shape_x[0]} rows, got shape {shape_y}.")
    if dtype_y.kind not in 'biufU':
        raise ValueError(f"`{y}` of {path} must be numbers or text, got "
                         f"{dtype_y}.")


def _read_csv(path):
    """The one part of a .csv file: the label is in the last column."""
    try:
        with open(path, newline='', encoding='utf-8-sig') as stream:
            rows = [row for row in csv.reader(stream) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} must be comma-separated text, got: {error}") from error
    has_header = rows and not any(map(_is_number, rows[0][:-1]))
    rows = rows[1:] if has_header else rows
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths == {1}:
        raise ValueError(
            f"{path} must have rows of one length, features and then a label "
            f"separated by commas, got lengths {sorted(widths)}.")
    for i, row in enumerate(rows):
        for j, cell in enumerate(row[:-1]):
            if not _is_number(cell):
                raise ValueError(
                    f"{path} must hold numbers in all columns but the last, "
                    f"got {cell!r} in row {i + 1}, column {j + 1}.")
    labels = [row[-1].strip() for row in rows]
    if all(map(_is_number, labels)):
        labels = [float(label) for label in labels]
    return [(np.array([row[:-1] for row in rows], dtype=float),
             np.array(labels))]


def _is_number(cell):
    """True if the text is a number, nan and inf included."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
