"""Two-class data by name, or from a file.

secml, and what imports it, is imported where it is needed: the command line
refuses a file without it.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .files import EXTENSIONS, read_file

# Default classes: those of the paper.
DEFAULT_CLASSES = {
    'digits': (0, 8), 'mnist': (0, 8), 'fashion-mnist': (0, 2),
    'dogfish': (0, 1)}
NEED_SECML = 'mnist', 'fashion-mnist', 'dogfish'  # to be read


@dataclass(frozen=True)
class Source:
    """Two-class data, labels 0 and 1, not yet split.

    Attributes
    ----------
    parts : dict of str to (ndarray, ndarray)
        Features (n, d) and labels (n,) of 'pool', the rows to draw training
        and validation rows from; of 'test' if test rows are given.
    header : dict
        For `CDatasetHeader`: `y_original`, the labels as the data has them;
        `img_w` and `img_h` of images; `source`, 'stand-in' if it is one.

    """

    parts: dict
    header: dict

    @property
    def is_image(self):
        """Whether the features are pixels between 0 and 1."""
        return 'img_w' in self.header

    @cached_property
    def pool(self):
        """The rows to draw from, a CDataset."""
        return self._dataset('pool')

    @cached_property
    def test(self):
        """The test rows, a CDataset, or None if they are to be drawn."""
        return self._dataset('test')

    def _dataset(self, part):
        from secml.array import CArray
        from secml.data import CDataset, CDatasetHeader
        if part not in self.parts:
            return None
        x, y = self.parts[part]
        return CDataset(CArray(x), CArray(y), CDatasetHeader(**self.header))

    def title(self, name):
        """`name` for titles, marked if the data is a stand-in."""
        if self.header.get('source') == 'stand-in':
            return f'{name} (stand-in)'
        return name


def load_data(name_or_path, classes=None):
    """Load two classes of a named data set or of a file.

    Parameters
    ----------
    name_or_path : str
        'digits' (ships with scikit-learn), 'mnist', 'fashion-mnist',
        'dogfish', or the path of a .npz or .csv file. A .npz holds `X` and
        `y`, or `X_train`, `y_train`, `X_test` and `y_test`, no pickles; a
        .csv holds numbers, the label in the last column, a header or none.
    classes : pair, optional
        Labels to keep, as numbers or text; the first becomes 0, the second 1.
        Default: 0 and 8 of the digits, T-shirt and pullover of Fashion-MNIST,
        dog and fish, and the two labels, sorted, of a file.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        If the name is unknown, the file is malformed, a value is not finite,
        or there are not exactly two classes.
    OSError, RuntimeError
        If the file cannot be read, or the data cannot be downloaded.

    """
    if name_or_path in DEFAULT_CLASSES:
        classes = _pick_classes(
            name_or_path, np.arange(2 if name_or_path == 'dogfish' else 10),
            classes or DEFAULT_CLASSES[name_or_path])
        parts, more = _read_named(name_or_path, classes)
    else:
        _check_name(name_or_path)
        parts, more = read_file(name_or_path), {}
        labels = np.unique(np.concatenate([y for _, y in parts]))
        classes = _pick_classes(name_or_path, labels, classes)
    return Source(
        {part: _select(name_or_path, x, y, classes)
         for part, (x, y) in zip(('pool', 'test'), parts)},
        {'y_original': classes, **more})


def _read_named(name, classes):
    """Pixels in [0, 1] or features, and labels, of each part; a header."""
    if name != 'digits':
        from .named import read_named
        return read_named(name, classes)
    from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    return [(x / 16, y)], {'img_w': 8, 'img_h': 8}


def _check_name(name_or_path):
    """Raise unless it is the name of a data set or of a .npz or .csv file."""
    if not name_or_path.lower().endswith(EXTENSIONS):
        raise ValueError(
            f"`data` must be {', '.join(DEFAULT_CLASSES)}, or the path of a "
            f".npz or .csv file, got {name_or_path!r}.")


def _pick_classes(name, labels, classes):
    """The two requested labels, as they are written in the data."""
    listed = ', '.join(map(str, labels[:10])) + ', ...' * (labels.size > 10)
    if classes is None:
        classes = labels
        if labels.size != 2:
            raise ValueError(
                f"{name} must hold two classes, got {labels.size}: {listed}. "
                "Pick two with `classes` (--classes A B).")
    found = [[label for label in labels if _is_same_label(asked, label)]
             for asked in classes]
    for same in found:
        if len(same) > 1:
            raise ValueError(
                f"{name} must hold labels that differ as numbers, got "
                f"{', '.join(map(str, same))}.")
    picked = sum(found, [])
    if len(set(picked)) != 2 or len(classes) != 2:
        raise ValueError(
            f"`classes` must be two of the labels of {name} ({listed}), got "
            f"{', '.join(map(str, classes))}.")
    return tuple(label.item() for label in picked)


def _is_same_label(asked, label):
    """Whether both are the same text or the same number (1 and 1.0)."""
    try:
        same = float(asked) == float(label)
    except ValueError:
        same = False
    return same or str(asked) == str(label)


def _select(name, x, y, classes):
    """Rows of the two classes, labels renumbered to 0 and 1."""
    negative, positive = (y == label for label in classes)
    if not negative.any() or not positive.any():
        raise ValueError(
            f"{name} must have rows of both classes {classes} in "
            "each part, training and test.")
    rows = negative | positive
    return x[rows], positive[rows].astype(int)
