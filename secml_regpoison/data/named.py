"""The data sets that secml or this package loads by name."""
import numpy as np

from secml.data.loader import CDataLoaderMNIST
from secml.data.loader.c_dataloader_mnist import MNIST_PATH

from .c_dataloader_dogfish import CDataLoaderDogFish
from .c_dataloader_fashion_mnist import CDataLoaderFashionMNIST


def read_named(name, classes):
    """Pixels in [0, 1] or features, and labels, of each part; a header."""
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
