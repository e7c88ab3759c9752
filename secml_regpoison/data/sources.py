"""Two-class data by name, or from a file."""
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.data.loader import CDataLoaderMNIST
from secml.data.loader.c_dataloader_mnist import MNIST_PATH

from .c_dataloader_dogfish import CDataLoaderDogFish
from .c_dataloader_fashion_mnist import CDataLoaderFashionMNIST
from .files import EXTENSIONS, read_file

# Default classes: those of the paper.
DEFAULT_CLASSES = {
    'digits': (0, 8), 'mnist': (0, 8), 'fashion-mnist': (0, 2),
    'dogfish': (0, 1)}


@dataclass(frozen=True)
class Source:
    """Two-class data, labels 0 and 1, not yet split.

    Attributes
    ----------
    pool : CDataset
        Rows to draw the training and validation sets from.
    test : CDataset or None
        Rows to test on; None if they are drawn from the pool, too.
    is_image : bool
        Whether the features are pixels between 0 and 1.

    """

    pool: CDataset
    test: CDataset
    is_image: bool

    def title(self, name):
        """`name` for titles, marked if the data is a stand-in."""
        if getattr(self.pool.header, 'source', None) == 'stand-in':
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
    header = CDatasetHeader(y_original=classes, **more)
    pool, *test = [_select(name_or_path, x, y, header) for x, y in parts]
    return Source(pool, test[0] if test else None, 'img_w' in more)


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


def _select(name, x, y, header):
    """Rows of the two classes, labels renumbered to 0 and 1."""
    negative, positive = (y == label for label in header.y_original)
    if not negative.any() or not positive.any():
        raise ValueError(
            f"{name} must have rows of both classes {header.y_original} in "
            "each part, training and test.")
    rows = negative | positive
    return CDataset(CArray(x[rows]), CArray(positive[rows].astype(int)),
                    header=header)


def _read_named(name, classes):
    """Pixels in [0, 1] or features, and labels, of each part; a header."""
    if name == 'digits':
        x, y = load_digits(return_X_y=True)
        return [(x / 16, y)], {'img_w': 8, 'img_h': 8}
    if name == 'dogfish':
        loader = CDataLoaderDogFish()
        parts = map(loader.load, ('training', 'testing'))
        return [(part.X.tondarray(), part.Y.tondarray())
                for part in parts], {'source': loader.source}
    loader = _load_mnist() if name == 'mnist' else CDataLoaderFashionMNIST()
    parts = [loader.load(ds, classes) for ds in ('training', 'testing')]
    return [(part.X.tondarray() / 255, np.array(classes)[part.Y.tondarray()])
            for part in parts], {'img_w': 28, 'img_h': 28}


def _load_mnist():
    """secml's own loader; its failures with a remedy added."""
    try:
        return CDataLoaderMNIST()
    except (OSError, RuntimeError) as error:
        raise RuntimeError(
            f"MNIST is not in {MNIST_PATH} and secml could not download it "
            f"({error}). Put the four unpacked files there, named like "
            "train-images-idx3-ubyte, or set SECML_DS_DIR to a folder whose "
            "mnist/ has them.") from error
