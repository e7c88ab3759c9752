"""Loader of the dog v fish features of ImageNet, or of their stand-in."""
import os
import shutil
from urllib.request import urlopen

import numpy as np

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.data.loader import CDataLoader
from secml.settings import SECML_DS_DIR

from secml_regpoison.npz import NpzReader
from secml_regpoison.storage import atomic_path
from secml_regpoison.validation import check_choice

DOGFISH_URL = 'http://mitra.stanford.edu/kundaje/pangwei/'
DOGFISH_PATH = os.path.join(SECML_DS_DIR, 'dogfish')
STANDIN_PATH = os.path.join(
    SECML_DS_DIR, 'dogfish-standin', 'dogfish_standin.npz')

# Koh and Liang's files, and the arrays of each; then those of the stand-in.
FILES = {'training': 'dogfish_900_300_inception_features_train.npz',
         'testing': 'dogfish_900_300_inception_features_test.npz'}
KEYS = 'inception_features_val', 'labels'
STANDIN_KEYS = {'training': ('X_train', 'y_train'),
                'testing': ('X_test', 'y_test')}
N_FEATURES = 2048


class CDataLoaderDogFish(CDataLoader):
    """Loads ImageNet dog v fish features (Koh and Liang, 2017).

    Activations of Inception v3 for photos of dogs (0) and fish (1): 2048
    features, 900 training and 300 test images of each class.

    The two files are looked for in ``SECML_DS_DIR/dogfish``. If they are not
    there, but a stand-in is in ``SECML_DS_DIR/dogfish-standin``, that is
    loaded: springer spaniels v tenches through a ResNet-50, of the same shape
    and far easier to tell apart, so that published numbers do not apply to it.
    If there is no stand-in either, the files are downloaded, with a warning:
    no checksum of them is published, and only keys, shapes, labels and
    finiteness are checked.

    Attributes
    ----------
    class_type : 'dogfish'
    source : str
        'koh-liang', or 'stand-in'.

    Raises
    ------
    RuntimeError
        If a file is damaged, or missing and cannot be downloaded.

    """
    __class_type = 'dogfish'

    def __init__(self):
        self.source = 'koh-liang'
        missing = [name for name in FILES.values() if not os.path.isfile(
            os.path.join(DOGFISH_PATH, name))]
        if missing and os.path.isfile(STANDIN_PATH):
            self.source = 'stand-in'
            self.logger.warning(
                f"Koh and Liang's dog v fish features are not in "
                f"{DOGFISH_PATH}: a stand-in is loaded, {STANDIN_PATH}.")
            return
        for name in missing:
            self._download(name)

    def load(self, ds):
        """Load the training or the test features.

        Extra dataset attributes:
         - 'source': 'koh-liang' or 'stand-in'.
         - 'y_original': the original label of each class.

        Parameters
        ----------
        ds : str
            Either 'training' or 'testing'.

        Returns
        -------
        CDataset
            Rows in the order of the file, which may be in blocks of a class.

        Raises
        ------
        ValueError
            If `ds` is unknown.
        RuntimeError
            If the file is damaged.

        """
        check_choice('ds', ds, tuple(FILES))
        path, keys = os.path.join(DOGFISH_PATH, FILES[ds]), KEYS
        if self.source == 'stand-in':
            path, keys = STANDIN_PATH, STANDIN_KEYS[ds]
        self.logger.info(f"Loading dog v fish {ds} dataset from {path}...")
        try:
            x, y = _read(path, *keys)
        except ValueError as error:
            raise RuntimeError(
                f"{path} is damaged ({error}). Delete it and get it again."
            ) from error
        header = CDatasetHeader(source=self.source, y_original=(0, 1))
        return CDataset(CArray(x), CArray(y), header=header)

    def _download(self, name):
        """Download one of Koh and Liang's files and check it."""
        url = DOGFISH_URL + name
        self.logger.warning(
            f"Downloading {url}, without a checksum: none is published. Only "
            "keys, shapes, labels and finiteness are checked.")
        try:
            os.makedirs(DOGFISH_PATH, exist_ok=True)
            with atomic_path(os.path.join(DOGFISH_PATH, name)) as scratch:
                with urlopen(url, timeout=30) as source, \
                        open(scratch, 'wb') as target:
                    shutil.copyfileobj(source, target)
                _read(scratch, *KEYS)
        except (OSError, ValueError) as error:
            raise RuntimeError(
                f"Dog v fish file {name} is missing in {DOGFISH_PATH} and "
                f"could not be downloaded ({error}). Get it from "
                f"{DOGFISH_URL} and put it there, or set SECML_DS_DIR to a "
                "folder whose dogfish/ has it or whose dogfish-standin/ has "
                "dogfish_standin.npz."
            ) from error


def _read(path, key_x, key_y):
    """Features (n, 2048) and labels (n,) of a .npz file; ValueError else."""
    with NpzReader(path) as arrays:
        for key in (key_x, key_y):
            if key not in arrays.names:
                raise ValueError(f"it has no array '{key}'")
        (shape, dtype), (shape_y, dtype_y) = map(arrays.header, (key_x, key_y))
        if shape[1:] != (N_FEATURES,) or dtype.kind not in 'fiu':
            raise ValueError(
                f"{key_x} must be numbers of shape (n, {N_FEATURES})"
                f", got {dtype} of shape {shape}")
        if shape_y != shape[:1] or dtype_y.kind not in 'bfiu':
            raise ValueError(f"{key_y} must have one label for each of "
                             f"{shape[0]} rows, got shape {shape_y}")
        x, y = arrays.read(key_x, float), arrays.read(key_y)
    if set(np.unique(y)) != {0, 1}:
        raise ValueError(f"{key_y} must hold the labels 0 and 1, got "
                         f"{np.unique(y)[:5].tolist()}")
    if not np.isfinite(x).all():
        raise ValueError(f"{key_x} must be finite, got "
                         f"{x[~np.isfinite(x)][0]}")
    return x, y.astype(int)
