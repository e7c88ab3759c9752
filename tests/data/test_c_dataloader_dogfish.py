"""The loader of dog v fish features: where it looks, and what it returns."""
import os
import pickle

import numpy as np
import pytest

from data_files import CreatesFile, served
from secml_regpoison.data import c_dataloader_dogfish as module
from secml_regpoison.data.sources import load_data
from secml_regpoison.data.splits import split_data
from secml.data.loader import CDataLoader

N_FEATURES = 4


def _arrays(n_rows=12, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n_rows, N_FEATURES)).astype('float32'),
            (np.arange(n_rows) % 2).astype('uint8'))


def _save_real(folder):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(module.FILES.values()):
        np.savez(folder / name, **dict(zip(module.KEYS, _arrays(seed=seed))))


def _save_standin(path):
    path.parent.mkdir(exist_ok=True)
    arrays = {}
    for seed, keys in enumerate(module.STANDIN_KEYS.values(), start=7):
        arrays.update(zip(keys, _arrays(seed=seed)))
    np.savez(path, **arrays)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A dataset folder without files; rows have four features."""
    monkeypatch.setattr(module, 'DOGFISH_PATH', str(tmp_path / 'dogfish'))
    monkeypatch.setattr(module, 'STANDIN_PATH', str(
        tmp_path / 'dogfish-standin' / 'dogfish_standin.npz'))
    # no server has this port: no test reaches the network
    monkeypatch.setattr(module, 'DOGFISH_URL', 'http://127.0.0.1:9/')
    monkeypatch.setattr(module, 'N_FEATURES', N_FEATURES)
    return tmp_path


def test_it_is_registered(folder):
    _save_real(folder / 'dogfish')
    assert isinstance(CDataLoader.create('dogfish'),
                      module.CDataLoaderDogFish)


@pytest.mark.parametrize('seed, ds', list(enumerate(module.FILES)))
def test_the_real_files_come_before_the_standin(folder, seed, ds):
    _save_real(folder / 'dogfish')
    _save_standin(folder / 'dogfish-standin' / 'dogfish_standin.npz')
    loaded = module.CDataLoaderDogFish().load(ds)
    x, y = _arrays(seed=seed)
    np.testing.assert_array_equal(loaded.X.tondarray(), x)
    np.testing.assert_array_equal(loaded.Y.tondarray(), y)
    assert loaded.header.source == 'koh-liang'


@pytest.mark.parametrize('seed, ds', list(enumerate(module.FILES, start=7)))
def test_the_standin_says_what_it_is(folder, seed, ds):
    _save_real(folder / 'dogfish')
    (folder / 'dogfish' / module.FILES['testing']).unlink()
    _save_standin(folder / 'dogfish-standin' / 'dogfish_standin.npz')
    loader = module.CDataLoaderDogFish()
    loaded = loader.load(ds)
    np.testing.assert_array_equal(loaded.X.tondarray(), _arrays(seed=seed)[0])
    assert loader.source == loaded.header.source == 'stand-in'


def test_standin_is_in_the_name_and_the_header_after_a_split(folder):
    _save_standin(folder / 'dogfish-standin' / 'dogfish_standin.npz')
    source = load_data('dogfish')
    assert source.title('dogfish') == 'dogfish (stand-in)'
    split = split_data(source, 6, 4)
    assert split.train.header.source == 'stand-in'


def test_rows_are_as_loaded_in_the_box_of_their_range(folder):
    _save_real(folder / 'dogfish')
    source = load_data('dogfish')
    assert source.title('dogfish') == 'dogfish'
    assert not source.is_image and source.test.num_samples == 12
    split = split_data(source, 6, 4)
    assert source.preprocess == 'mean-std'
    x = split.train.X.tondarray()
    np.testing.assert_array_equal(
        x, source.pool.X.tondarray()[split.rows['train']])
    np.testing.assert_array_equal(split.lb.tondarray(), x.min(axis=0))
    np.testing.assert_array_equal(split.ub.tondarray(), x.max(axis=0))


def test_classes_can_be_exchanged_and_are_two(folder):
    _save_real(folder / 'dogfish')
    np.testing.assert_array_equal(
        load_data('dogfish', (1, 0)).pool.Y.tondarray(),
        1 - load_data('dogfish').pool.Y.tondarray())
    with pytest.raises(ValueError, match='it has 0, 1'):
        load_data('dogfish', (0, 8))


def test_missing_files_are_downloaded(folder, monkeypatch, caplog):
    """With a warning for each: there is no checksum to compare with."""
    _save_real(folder / 'served')
    with served(folder / 'served') as url:
        monkeypatch.setattr(module, 'DOGFISH_URL', url)
        loader = module.CDataLoaderDogFish()
    assert [record.getMessage() for record in caplog.records] == [
        f'Downloading {url}{name}, without a checksum: none is published. '
        'Only keys, shapes, labels and finiteness are checked.'
        for name in module.FILES.values()]
    assert loader.source == 'koh-liang'
    assert loader.load('testing').num_samples == 12
    assert sorted(os.listdir(folder / 'dogfish')) == sorted(
        module.FILES.values())


def test_without_files_and_network_the_error_has_a_remedy(folder):
    with pytest.raises(RuntimeError, match='missing.*SECML_DS_DIR') as caught:
        module.CDataLoaderDogFish()
    assert module.FILES['training'] in str(caught.value)
    assert os.listdir(folder / 'dogfish') == []


def _bad_arrays(folder):
    """Features and labels that must be refused, and the error message."""
    x, y = _arrays()
    hole = x.copy()
    hole[3, 2] = np.nan
    touch = np.array([CreatesFile(str(folder / 'touched'))], dtype=object)
    return {'columns': (x[:, :3], y, 'shape'),
            'dimensions': (x[0], y, 'shape'),
            'text': (x.astype(str), y, 'must be numbers'),
            'fewer labels': (x, y[:-1], 'one label for each of 12 rows'),
            'other labels': (x, 2 * y.astype(int) - 1, r'got \[-1, 1\]'),
            'one class': (x, 0 * y, r'labels 0 and 1, got \[0\]'),
            'not finite': (hole, y, 'must be finite, got nan'),
            'pickled': (x, touch, 'allow_pickle')}


@pytest.mark.parametrize('kind', [
    'columns', 'dimensions', 'text', 'fewer labels', 'other labels',
    'one class', 'not finite', 'pickled'])
def test_bad_arrays_are_refused(folder, kind):
    _save_real(folder / 'dogfish')
    x, y, words = _bad_arrays(folder)[kind]
    np.savez(folder / 'dogfish' / module.FILES['training'],
             **dict(zip(module.KEYS, (x, y))))
    with pytest.raises(RuntimeError, match=words) as caught:
        module.CDataLoaderDogFish().load('training')
    assert module.FILES['training'] in str(caught.value)
    assert not (folder / 'touched').exists()


@pytest.mark.parametrize('damage', [
    lambda path: path.write_bytes(path.read_bytes()[:-40]),
    lambda path: path.write_bytes(b'<html>not found</html>'),
    lambda path: path.write_bytes(b''),
    lambda path: np.save(path.open('wb'), np.zeros(3)),
    lambda path: np.savez(path, X=np.zeros((2, 4)), y=np.zeros(2))],
    ids=['cut short', 'a page', 'empty', 'npy', 'other keys'])
def test_damaged_files_are_refused(folder, damage):
    _save_real(folder / 'dogfish')
    damage(folder / 'dogfish' / module.FILES['testing'])
    loader = module.CDataLoaderDogFish()
    with pytest.raises(RuntimeError, match='damaged'):
        loader.load('testing')


def test_bad_argument_and_pickling(folder):
    _save_real(folder / 'dogfish')
    loader = pickle.loads(pickle.dumps(module.CDataLoaderDogFish()))
    assert loader.load('training').num_samples == 12
    with pytest.raises(ValueError, match="'training' or 'testing', got 'tr'"):
        loader.load('tr')
    with pytest.raises(ValueError, match=r"'testing', got \['testing'\]"):
        module.CDataLoaderDogFish().load(['testing'])


def test_the_shared_standin():
    if not os.path.isfile(module.STANDIN_PATH):
        pytest.skip("the stand-in is not in secml's dataset folder")
    if all(os.path.isfile(os.path.join(module.DOGFISH_PATH, name))
           for name in module.FILES.values()):
        pytest.skip('the real files are there and come first')
    source = load_data('dogfish')
    assert source.pool.header.source == 'stand-in'
    assert (source.pool.X.shape, source.test.X.shape) == (
        (1800, 2048), (600, 2048))
    assert np.bincount(source.pool.Y.tondarray()).tolist() == [900, 900]
