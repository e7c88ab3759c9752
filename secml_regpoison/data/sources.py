"""Rows of two classes or more by name, or from a file.

secml, and what imports it, is imported where it is needed: the command line
refuses a file without it.
"""
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .labels import pick_classes
from .options import ReadOptions, as_path
from .rows import keep_by_mean

# Default classes: those of the paper.
DEFAULT_CLASSES = {
    'digits': (0, 8), 'mnist': (0, 8), 'fashion-mnist': (0, 2),
    'dogfish': (0, 1)}
NEED_SECML = 'mnist', 'fashion-mnist', 'dogfish'  # to be read


@dataclass(frozen=True)
class Source:
    """Rows of k classes, labels 0 to k - 1, not yet split.

    Attributes
    ----------
    parts : dict of str to (ndarray, ndarray)
        Features (n, d) and labels (n,) of 'pool', the rows to draw from; of
        'val' and 'test' if such rows are given.
    header : dict
        For `CDatasetHeader`: `y_original`, the labels as the data has them;
        `img_w` and `img_h` of images; `source`, 'stand-in' if it is one.
    file : FileData or None
        What a file has beside: names, lines, and the way back to its columns.

    """

    parts: dict
    header: dict
    file: object = None

    @property
    def is_image(self):
        """Whether the features are pixels between 0 and 1."""
        return 'img_w' in self.header

    @property
    def preprocess(self):
        """What the classifier does to the features: secml's name, or None."""
        return None if self.is_image else 'mean-std'

    def left_out(self, part):
        """Rows of each class of a part that --missing drop left out."""
        return self.file.left_out[part] if self.file \
            else np.zeros(len(self.header['y_original']), dtype=int)

    def advice(self, part, is_help=True):
        """A sentence for errors where rows are too few, or '' where those
        that were left out are no help."""
        return keep_by_mean(self.left_out(part).sum() * is_help,
                            len(self.parts[part][1]))

    @cached_property
    def pool(self):
        """The rows to draw from, a CDataset."""
        return self.dataset('pool')

    @cached_property
    def test(self):
        """The test rows, a CDataset, or None if they are to be drawn."""
        return self.dataset('test') if 'test' in self.parts else None

    def warnings(self, preprocess, n_train=None):
        """What looks wrong with a file, for a classifier that does
        `preprocess` to the features, and `n_train` training rows (by default
        as many as `.split_data` draws); a tuple of str."""
        if self.file is None:
            return ()
        from .copies import repeated
        from .splits import split_sizes
        from .suspects import mostly_zero
        share = split_sizes(self, n_train)[0] / len(self.parts['pool'][1])
        return (*self.file.warnings,
                *repeated(self.parts, self.file.n_values, share),
                *(mostly_zero(self.parts) if preprocess == 'mean-std' else ()))

    def dataset(self, part, rows=slice(None)):
        """A part, or some rows of it, as a CDataset."""
        from secml.array import CArray
        from secml.data import CDataset, CDatasetHeader
        x, y = self.parts[part]
        return CDataset(CArray(x[rows]), CArray(y[rows]),
                        CDatasetHeader(**self.header))

    def title(self, name):
        """`name` for titles, marked if the data is a stand-in."""
        if self.header.get('source') == 'stand-in':
            return f'{name} (stand-in)'
        return name


def load_data(name_or_path, classes=None, **options):
    """Load classes of a named data set or of a file.

    Parameters
    ----------
    name_or_path : str or path
        'digits' (ships with scikit-learn), 'mnist', 'fashion-mnist',
        'dogfish', or the path of a file: text with a row a line, ARFF, LIBSVM
        text, or .npz with `X` and `y`, or `X_train` and `y_train`, and, if
        there are such rows, `X_val`, `y_val`, `X_test` and `y_test`.
    classes : tuple, optional
        Labels to keep, two or more, as numbers or text; the first becomes 0,
        the second 1. Default: 0 and 8 of the digits, T-shirt and pullover of
        Fashion-MNIST, dog and fish, and the two labels, sorted, of a file.
    **options
        How to read a file, see `.ReadOptions`.

    Returns
    -------
    Source

    Raises
    ------
    TypeError
        If an option is of another type than `.ReadOptions` names.
    ValueError
        If the name is unknown, the file is malformed, a value is missing or
        not finite, no feature varies, or there are other than two classes
        and neither `classes`, `positive` nor `several` is given. Names the
        line and the column.
    MemoryError
        If the file is too large; names it.
    OSError, RuntimeError
        If the file cannot be read, or the data cannot be downloaded.

    """
    options = ReadOptions(classes=classes, **options)
    name_or_path = as_path('data', name_or_path)
    if name_or_path in DEFAULT_CLASSES:
        return _load_named(name_or_path, options)
    if not os.path.exists(name_or_path) and '.' not in name_or_path:
        raise ValueError(
            f"`data` must be {', '.join(DEFAULT_CLASSES)}, or the path of a "
            f"file, got {name_or_path!r}.")
    from .reading import read_classes  # pandas, which names do not need
    try:
        data = read_classes(name_or_path, options)
    except MemoryError as error:
        raise MemoryError(
            f'{name_or_path} does not fit into the memory of this machine: '
            f'use fewer rows or columns. {error}') from error
    x, _ = data.parts['pool']
    if (x == x[0]).all():
        raise ValueError(
            f'{name_or_path} must have a feature that differs between rows, '
            'got none: nothing tells the classes apart.')
    return Source(data.parts, {'y_original': data.classes}, data)


def _load_named(name, options):
    """A data set that has a name: its labels are numbers."""
    if options != ReadOptions(classes=options.classes,
                              several=options.several):
        raise ValueError(
            f'`data` must be a file with the options of files, got {name!r}: '
            'its columns are known.')
    classes = options.classes or DEFAULT_CLASSES[name]
    classes, _ = pick_classes(
        name, np.arange(2 if name == 'dogfish' else 10), classes)
    parts, more = _read_named(name, classes)
    return Source(
        {part: _select(x, y, classes)
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


def _select(x, y, classes):
    """Rows of the classes, labels renumbered from 0."""
    rows = np.isin(y, classes)
    return x[rows], (y[rows, None] == np.array(classes)).argmax(1)
