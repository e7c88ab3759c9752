"""Loader of the Fashion-MNIST data set, like secml's loader of MNIST."""
import gzip
import os
import shutil
import zlib
from collections.abc import Iterable
from urllib.request import urlopen

import numpy as np

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.data.loader import CDataLoader
from secml.settings import SECML_DS_DIR
from secml.utils.download_utils import md5

from secml_regpoison.storage import atomic_path
from secml_regpoison.validation import check, check_choice, check_number

FASHION_MNIST_URL = (
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/')
FASHION_MNIST_PATH = os.path.join(SECML_DS_DIR, 'fashion-mnist')

# Name of each unpacked file and its MD5.
FILES = {
    'training': (
        ('train-images-idx3-ubyte', 'f4a8712d7a061bf5bd6d2ca38dc4d50a'),
        ('train-labels-idx1-ubyte', '9018921c3c673c538a1fc5bad174d6f9')),
    'testing': (
        ('t10k-images-idx3-ubyte', '8181f5470baa50b63fa0f6fddb340f0a'),
        ('t10k-labels-idx1-ubyte', '15d484375f8d13e6eb1aabb0c3f46965')),
}


class CDataLoaderFashionMNIST(CDataLoader):
    """Loads the Fashion-MNIST data set (Xiao, Rasul, Vollgraf, 2017).

    60,000 training and 10,000 test images of clothes, 28 x 28 grey levels
    (0 - 255), ten classes: 0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat,
    5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    The four files are looked for in ``SECML_DS_DIR/fashion-mnist``, unpacked
    or as ``.gz``; missing files are downloaded. The MD5 of each unpacked
    file is checked.

    Attributes
    ----------
    class_type : 'fashion-mnist'

    Raises
    ------
    RuntimeError
        If a file is missing or damaged and cannot be downloaded.

    """
    __class_type = 'fashion-mnist'

    def __init__(self):
        for name, digest in FILES['training'] + FILES['testing']:
            self._provide(name, digest)

    def load(self, ds, classes=tuple(range(10)), num_samples=None):
        """Load the images of some classes.

        The header has the size of an image, 'img_w' and 'img_h', and
        'y_original', the original label of each class.

        Parameters
        ----------
        ds : str
            Either 'training' or 'testing'.
        classes : tuple, optional
            Classes to load, default all ten. Labels are renumbered: the first
            one given becomes 0, the second 1, and so on.
        num_samples : int or None, optional
            Rows to load, shared out evenly among the classes; the first ones
            have one more where that leaves a rest. Default None, all rows.

        Returns
        -------
        CDataset
            Patterns are unsigned bytes, rows in the order of the file.

        Raises
        ------
        TypeError
            If `num_samples` is no number.
        ValueError
            If `ds` or a class is unknown, `num_samples` is not a whole number
            from 1 on, or a class has too few rows.

        """
        classes, num_samples = _check_request(ds, classes, num_samples)
        self.logger.info(f"Loading Fashion-MNIST {ds} dataset from "
                         f"{FASHION_MNIST_PATH}...")
        (images_file, _), (labels_file, _) = FILES[ds]
        images = _read_idx(os.path.join(FASHION_MNIST_PATH, images_file))
        labels = _read_idx(os.path.join(FASHION_MNIST_PATH, labels_file))

        rows = _pick_rows(labels, classes, num_samples)
        y = np.argmax(labels[rows][:, None] == np.array(classes), axis=1)
        _, height, width = images.shape
        header = CDatasetHeader(img_w=width, img_h=height, y_original=classes)
        return CDataset(CArray(images[rows].reshape(-1, height * width)),
                        CArray(y), header=header)

    def _provide(self, name, digest):
        """Make sure that the file is there: unpack or download it."""
        path = os.path.join(FASHION_MNIST_PATH, name)
        if os.path.isfile(path) and md5(path) == digest:
            return
        try:
            if os.path.isfile(path + '.gz'):
                with open(path + '.gz', 'rb') as packed:
                    _unpack(packed, path, digest)
            else:
                url = FASHION_MNIST_URL + name + '.gz'
                self.logger.info(f"Downloading {url}...")
                with urlopen(url, timeout=30) as packed:
                    _unpack(packed, path, digest)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            state = 'damaged' if os.path.isfile(path) or os.path.isfile(
                path + '.gz') else 'missing'
            raise RuntimeError(
                f"Fashion-MNIST file {name} is {state} in "
                f"{FASHION_MNIST_PATH} and could not be downloaded ({error}). "
                f"Delete it if damaged, get {name}.gz from "
                f"{FASHION_MNIST_URL} and put it there, or set SECML_DS_DIR "
                "to a folder whose fashion-mnist/ has it.") from error


def _check_request(ds, classes, num_samples):
    """Classes and number as integers; raises if they cannot be loaded."""
    check_choice('ds', ds, tuple(FILES))
    if isinstance(classes, Iterable):
        classes = tuple(classes)
    check('classes', classes, isinstance(classes, tuple)
          and all(label in range(10) for label in classes)
          and 0 < len(classes) == len({*classes}),
          'distinct whole numbers from 0 to 9, at least one')
    check_number('num_samples', num_samples, lambda n: n >= 1 and n % 1 == 0,
                 'None or a whole number of at least 1', or_none=True)
    return (tuple(map(int, classes)),
            None if num_samples is None else int(num_samples))


def _unpack(packed, path, digest):
    """Unpack a gzip stream to `path` if the result has the right MD5."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with atomic_path(path) as scratch:
        with gzip.open(packed) as source, open(scratch, 'wb') as target:
            shutil.copyfileobj(source, target)
        if md5(scratch) != digest:
            raise ValueError(f"its MD5 is {md5(scratch)}, not {digest}")


def _read_idx(path):
    """Read an IDX file of unsigned bytes into an array of its own shape.

    Header: two zero bytes, the type (8: unsigned byte), the number of
    dimensions, then each dimension as a big-endian 32-bit integer.
    """
    with open(path, 'rb') as stream:
        start = stream.read(4)
        zeros, kind, n_dims = np.frombuffer(start, dtype='>u2, u1, u1')[0]
        if zeros != 0 or kind != 8:
            raise ValueError(f'{path} must be an IDX file of unsigned bytes, '
                             f'got one that begins with {start!r}.')
        shape = np.frombuffer(stream.read(4 * n_dims), dtype='>u4')
        return np.frombuffer(stream.read(), dtype=np.uint8).reshape(shape)


def _pick_rows(labels, classes, num_samples):
    """Indices, in the order of the file, of the rows to load."""
    picked = []
    for i, label in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        if num_samples is not None:
            quota, rest = divmod(num_samples, len(classes))
            quota += i < rest
            if quota > rows.size:
                raise ValueError(
                    f"`num_samples` must ask for at most {rows.size} rows of "
                    f"class {label}, got {quota}.")
            rows = rows[:quota]
        picked.append(rows)
    return np.sort(np.concatenate(picked))
