"""Features and labels of .npz and .csv files, read as data, never as code."""
import csv
import os
import zipfile
import zlib

import numpy as np

from secml_regpoison.validation import LARGEST, SMALLEST

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
    with open(path, 'rb') as stream:
        if not zipfile.is_zipfile(stream):
            raise ValueError(f"{path} must be a file that numpy.savez wrote.")
        stream.seek(0)
        try:
            arrays = dict(np.load(stream, allow_pickle=False))
        except (ValueError, EOFError, zipfile.BadZipFile,
                zlib.error) as error:
            raise ValueError(f"{path} must be a valid .npz file of plain "
                             f"arrays, got: {error}") from error
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):  # has no NumPy header
            raise ValueError(f"`{key}` of {path} must be an array that "
                             f"numpy.savez wrote, got {array[:20]!r}.")
    names = [('X', 'y')] if 'X' in arrays else [
        ('X_train', 'y_train'), ('X_test', 'y_test')]
    missing = [key for pair in names for key in pair if key not in arrays]
    if missing:
        raise ValueError(
            f"{path} must hold X and y, or X_train, y_train, X_test and "
            f"y_test, got {', '.join(arrays) or 'nothing'}.")
    for x, y in names:
        if arrays[x].ndim != 2 or arrays[x].dtype.kind not in 'biuf':
            raise ValueError(
                f"`{x}` of {path} must be a matrix of numbers, got shape "
                f"{arrays[x].shape} of {arrays[x].dtype}.")
        if arrays[y].shape != arrays[x].shape[:1]:
            raise ValueError(
                f"`{y}` of {path} must have one label for each of the "
                f"{arrays[x].shape[0]} rows, got shape {arrays[y].shape}.")
        if arrays[y].dtype.kind not in 'biufU':
            raise ValueError(f"`{y}` of {path} must be numbers or text, got "
                             f"{arrays[y].dtype}.")
    return [(arrays[x].astype(float), arrays[y]) for x, y in names]


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
