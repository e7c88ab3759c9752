"""The loader of Fashion-MNIST: where it looks, and what it returns."""
import gzip
import hashlib
import os
import pickle

import numpy as np
import pytest

from data_files import served
from secml_regpoison.data import c_dataloader_fashion_mnist as module
from secml.array import CArray
from secml.data.loader import CDataLoader

N_ROWS = 40


def _idx(array):
    """The bytes of an IDX file of unsigned bytes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(
        array.shape, '>u4').tobytes() + array.astype(np.uint8).tobytes()


@pytest.fixture
def contents():
    """Images and labels by file name: small, with ten classes."""
    rng = np.random.default_rng(0)
    arrays = {}
    for (images, _), (labels, _) in module.FILES.values():
        arrays[images] = rng.integers(0, 256, (N_ROWS, 3, 5))
        arrays[labels] = rng.permutation(np.arange(N_ROWS) % 10)
    return arrays


@pytest.fixture
def folder(tmp_path, monkeypatch, contents):
    """An empty dataset folder for files with the MD5 of `contents`."""
    path = tmp_path / 'fashion-mnist'
    monkeypatch.setattr(module, 'FASHION_MNIST_PATH', str(path))
    # no server has this port: no test reaches the network
    monkeypatch.setattr(module, 'FASHION_MNIST_URL', 'http://127.0.0.1:9/')
    monkeypatch.setattr(module, 'FILES', {
        ds: tuple((name, hashlib.md5(_idx(contents[name])).hexdigest())
                  for name, _ in pair)
        for ds, pair in module.FILES.items()})
    return path


def _fill(folder, contents, packed=False):
    folder.mkdir(exist_ok=True)
    for name, array in contents.items():
        if packed:
            (folder / (name + '.gz')).write_bytes(gzip.compress(_idx(array)))
        else:
            (folder / name).write_bytes(_idx(array))


def test_it_is_registered(folder, contents):
    _fill(folder, contents)
    assert isinstance(CDataLoader.create('fashion-mnist'),
                      module.CDataLoaderFashionMNIST)


@pytest.mark.parametrize('ds', ['training', 'testing'])
def test_rows_of_the_classes_in_the_order_of_the_file(folder, contents, ds):
    _fill(folder, contents)
    loaded = module.CDataLoaderFashionMNIST().load(ds, classes=(7, 2))
    (images, _), (labels, _) = module.FILES[ds]
    rows = np.isin(contents[labels], (7, 2))
    np.testing.assert_array_equal(
        loaded.X.tondarray(), contents[images][rows].reshape(8, 15))
    np.testing.assert_array_equal(
        loaded.Y.tondarray(), contents[labels][rows] == 2)
    assert loaded.X.dtype == np.uint8
    assert (loaded.header.img_w, loaded.header.img_h) == (5, 3)
    assert loaded.header.y_original == (7, 2)


def test_num_samples_is_shared_between_classes(folder, contents):
    _fill(folder, contents)
    loaded = module.CDataLoaderFashionMNIST().load(
        'training', classes=(1, 4), num_samples=5)
    assert np.bincount(loaded.Y.tondarray()).tolist() == [3, 2]
    same = module.CDataLoaderFashionMNIST().load(
        'training', classes=CArray([1, 4]), num_samples=5.)
    np.testing.assert_array_equal(same.X.tondarray(), loaded.X.tondarray())


def test_packed_files_are_unpacked_once_and_nothing_else_is_left(
        folder, contents):
    _fill(folder, contents, packed=True)
    module.CDataLoaderFashionMNIST()
    assert sorted(os.listdir(folder)) == sorted(
        list(contents) + [name + '.gz' for name in contents])
    for name in contents:
        (folder / (name + '.gz')).unlink()
    assert module.CDataLoaderFashionMNIST().load('testing').num_samples == 40


def test_missing_and_damaged_files_are_downloaded(
        folder, contents, tmp_path, monkeypatch):
    _fill(tmp_path / 'served', contents, packed=True)
    _fill(folder, contents)
    missing, damaged = list(contents)[:2]
    (folder / missing).unlink()
    (folder / damaged).write_bytes(b'cut short')
    with served(tmp_path / 'served') as url:
        monkeypatch.setattr(module, 'FASHION_MNIST_URL', url)
        module.CDataLoaderFashionMNIST()
    for name, array in contents.items():
        assert (folder / name).read_bytes() == _idx(array)
    assert sorted(os.listdir(folder)) == sorted(contents)


def test_without_files_and_network_the_error_has_a_remedy(folder):
    with pytest.raises(RuntimeError, match='missing.*SECML_DS_DIR') as caught:
        module.CDataLoaderFashionMNIST()
    assert str(folder) in str(caught.value)
    assert list(module.FILES['training'])[0][0] in str(caught.value)


def test_a_damaged_archive_is_refused_and_leaves_nothing(folder, contents):
    _fill(folder, contents, packed=True)
    packed = folder / (list(contents)[0] + '.gz')
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(RuntimeError, match='damaged'):
        module.CDataLoaderFashionMNIST()
    packed.write_bytes(gzip.compress(b'another file'))
    with pytest.raises(RuntimeError, match='MD5'):
        module.CDataLoaderFashionMNIST()
    assert not (folder / list(contents)[0]).exists()


@pytest.mark.parametrize('arguments, words', [
    (dict(ds='train'), "`ds` must be 'training' or 'testing', got 'train'"),
    (dict(ds='testing', classes=()), '`classes` must be'),
    (dict(ds='testing', classes=(1, 1)), '`classes` must be'),
    (dict(ds='testing', classes=(1, 10)), r'got \(1, 10\)'),
    (dict(ds=['testing']), r"'training' or 'testing', got \['testing'\]"),
    (dict(ds='testing', classes=0), '`classes` must be .*, got 0'),
    (dict(ds='testing', classes=(0, 1.5)), r'got \(0, 1.5\)'),
    (dict(ds='testing', classes=('a',)), r"got \('a',\)"),
    (dict(ds='testing', num_samples=0), '`num_samples` must be'),
    (dict(ds='testing', num_samples=2.5), 'whole number .*, got 2.5'),
    (dict(ds='testing', classes=(3,), num_samples=5),
     'at most 4 rows of class 3, got 5'),
])
def test_bad_arguments(folder, contents, arguments, words):
    _fill(folder, contents)
    loader = module.CDataLoaderFashionMNIST()
    with pytest.raises(ValueError, match=words):
        loader.load(**arguments)


@pytest.mark.parametrize('num_samples', ['5', True])
def test_a_number_of_rows_that_is_no_number(folder, contents, num_samples):
    _fill(folder, contents)
    with pytest.raises(TypeError, match='`num_samples` must be None or a wh'):
        module.CDataLoaderFashionMNIST().load(
            'testing', num_samples=num_samples)


def test_a_file_of_another_type_is_refused(tmp_path):
    path = tmp_path / 'floats'
    path.write_bytes(bytes([0, 0, 13, 1]) + bytes(8))
    with pytest.raises(ValueError, match='must be an IDX file of unsigned '
                       r'bytes, got one that begins with .*\\x00\\r\\x01'):
        module._read_idx(path)


def test_it_can_be_pickled(folder, contents):
    _fill(folder, contents)
    loader = pickle.loads(pickle.dumps(module.CDataLoaderFashionMNIST()))
    assert loader.load('testing', classes=(0, 1)).num_samples == 8


@pytest.mark.slow
def test_the_real_files():
    if not all(os.path.isfile(os.path.join(module.FASHION_MNIST_PATH, name))
               for pair in module.FILES.values() for name, _ in pair):
        pytest.skip("Fashion-MNIST is not in secml's dataset folder")
    loader = module.CDataLoaderFashionMNIST()
    train, test = loader.load('training'), loader.load('testing', (0, 2))
    assert train.X.shape == (60000, 784)
    assert np.bincount(train.Y.tondarray()).tolist() == [6000] * 10
    assert test.X.shape == (2000, 784)
    # mean and deviation of the training pixels, as published for the set
    pixels = train.X.tondarray() / 255
    assert (round(pixels.mean(), 4), round(pixels.std(), 4)) == (.286, .353)
