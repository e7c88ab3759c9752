"""Reading two-class data by name or from a file, and splitting it."""
import csv
import os
import re

import numpy as np
import pytest

from data_files import CreatesFile
from secml_regpoison.data import named
from secml_regpoison.data.sources import load_data
from secml_regpoison.data.splits import split_data, split_sizes
from secml.settings import SECML_DS_DIR


def _blobs(n_rows=70, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    return rng.normal(size=(n_rows, 3)) + y[:, None], y


def _skip_without(name):
    """Skip if MNIST or Fashion-MNIST is not in secml's dataset folder."""
    path = os.path.join(SECML_DS_DIR, name, 'train-images-idx3-ubyte')
    if name != 'digits' and not os.path.isfile(path):
        pytest.skip(f"{name} is not in secml's dataset folder")


def _write_csv(path, x, y, header=None):
    lines = [] if header is None else [header]
    lines += [','.join(map(str, [*row, label])) for row, label in zip(x, y)]
    path.write_text('\n'.join(lines) + '\n')
    return str(path)


@pytest.mark.parametrize('name, n_pool, n_test, n_features', [
    ('digits', 352, None, 64), ('mnist', 11774, 1954, 784),
    ('fashion-mnist', 12000, 2000, 784)])
def test_named_data(name, n_pool, n_test, n_features):
    _skip_without(name)
    source = load_data(name)
    assert source.pool.X.shape == (n_pool, n_features)
    assert (source.test and source.test.num_samples) == n_test
    assert (source.pool.X.min(), source.pool.X.max()) == (0, 1)
    assert set(source.pool.Y.tolist()) == {0, 1}


def test_classes_are_renumbered_in_the_order_given():
    source = load_data('digits', classes=('8', '0'))
    default = load_data('digits')
    assert source.pool.header.y_original == (8, 0)
    np.testing.assert_array_equal(
        source.pool.Y.tondarray(), 1 - default.pool.Y.tondarray())


@pytest.mark.parametrize('header', [None, 'a,b,c,label'])
@pytest.mark.parametrize('names', [(0, 1), ('ham', 'spam'), (1.5, 2.5)])
def test_csv_with_and_without_header(tmp_path, header, names):
    x, y = _blobs()
    path = _write_csv(tmp_path / 'rows.csv', x, [names[i] for i in y], header)
    source = load_data(path)
    np.testing.assert_array_equal(source.pool.X.tondarray(), x)
    np.testing.assert_array_equal(source.pool.Y.tondarray(), y)
    assert source.pool.header.y_original == names
    assert source.test is None


def test_npz_of_one_part_and_of_two(tmp_path):
    x, y = _blobs()
    np.savez(tmp_path / 'one.npz', X=x, y=y)
    np.savez_compressed(tmp_path / 'two.npz', X_train=x[:50], y_train=y[:50],
                        X_test=x[50:], y_test=y[50:])
    one = load_data(str(tmp_path / 'one.npz'))
    two = load_data(str(tmp_path / 'two.npz'))
    np.testing.assert_array_equal(one.pool.X.tondarray(), x)
    np.testing.assert_array_equal(two.pool.X.tondarray(), x[:50])
    np.testing.assert_array_equal(two.test.X.tondarray(), x[50:])


def test_classes_of_a_file_match_as_numbers_or_text(tmp_path):
    x, y = _blobs()
    path = _write_csv(tmp_path / 'rows.csv', x, (y + np.arange(70) % 3))
    source = load_data(path, classes=('2', 0))
    labels = y + np.arange(70) % 3
    np.testing.assert_array_equal(
        source.pool.Y.tondarray(), labels[np.isin(labels, (0, 2))] == 0)


def test_a_file_is_data_and_never_code(tmp_path):
    trace = tmp_path / 'trace'
    x, y = _blobs()
    np.savez(tmp_path / 'evil.npz', X=x, y=np.array([CreatesFile(str(trace))]))
    with pytest.raises(ValueError, match='allow_pickle'):
        load_data(str(tmp_path / 'evil.npz'))
    assert not trace.exists()


def _npz(**arrays):
    def write(folder):
        np.savez(folder / 'bad.npz', **arrays)
        return str(folder / 'bad.npz')
    return write


def _csv(text):
    def write(folder):
        (folder / 'bad.csv').write_bytes(
            text if isinstance(text, bytes) else text.encode())
        return str(folder / 'bad.csv')
    return write


X, Y = _blobs(8)
WITH_NAN = np.where(np.arange(24).reshape(8, 3) == 4, np.nan, X)
BAD_FILES = {
    'unknown name': (lambda folder: 'letters', "got 'letters'"),
    'npz: no arrays': (_npz(a=X), 'X_val and y_val, X_test and y_test, got '
                                  'a'),
    'npz: no labels': (_npz(X=X, y=Y, X_val=X), 'got X, y, X_val'),
    'npz: objects': (_npz(X=X, y=Y.astype(object)),
                     r'labels as \.astype\(str\)'),
    'npz: objects as features': (_npz(X=X.astype(object), y=Y),
                                 r'save X\.astype\(float\), or labels'),
    'npz: flat': (_npz(X=Y, y=Y), '`X` .* must be a matrix'),
    'npz: images': (_npz(X=X.reshape(8, 3, 1), y=Y),
                    r'\(8, 3, 1\) .*: save X.reshape\(len\(X\), -1\)'),
    'npz: a column a class': (_npz(X=X, y=np.eye(2)[Y]),
                              r'save y.argmax\(axis=1\)'),
    'npz: text': (_npz(X=X.astype(str), y=Y),
                  r'`X` .* must be a matrix .*: save X\.astype\(float\)\.'),
    'npz: short y': (_npz(X=X, y=Y[1:]), r'one label .* 8 rows, got .*\(7,'),
    'npz: NaN': (_npz(X=WITH_NAN, y=Y), r"row 2: .* missing, got 'nan' in "
                                        'column `feature 2`'),
    'npz: tiny': (_npz(X=X * 1e-200, y=Y), '`feature 1` must hold numbers .* '
                                           'at least 1e-150, got .*e-200'),
    'npz: constant': (_npz(X=np.ones((8, 3)), y=Y),
                      'bad.npz must have a feature that differs'),
    'npz: inf': (_npz(X=np.where(X == X[4, 1], np.inf, X), y=Y),
                 'row 5: column `feature 2` must hold finite numbers'),
    'npz: NaN label': (_npz(X=X, y=np.r_[Y[:-1], np.nan]),
                       'row 8: the label must not be missing'),
    'npz: columns': (_npz(X_train=X, y_train=Y, X_test=X[:, :2], y_test=Y),
                     '`X_test` .* must have 3 columns .* got 2'),
    'npz: one column': (
        _npz(X_train=X[:, :1], y_train=Y, X_test=X, y_test=Y),
        '`X_test` .* must have 1 column as `X_train` has, got 3'),
    'npz: one row': (_npz(X=X[:1, :0], y=Y[:1]), 'got 1 row of 0 features'),
    'npz: one class': (_npz(X=X, y=0 * Y), 'two classes, got 1: 0'),
    'npz: three classes': (_npz(X=X, y=np.arange(8) % 3),
                           r'two classes, got 3: 0 \(3 rows\), .*Pick two'),
    'npz: one class in test': (
        _npz(X_train=X, y_train=Y, X_test=X, y_test=0 * Y),
        'rows of both classes'),
    'csv: empty': (_csv(''), 'an empty file'),
    'csv: header only': (_csv('a,b,label\n'), 'got 0 rows of 2 features'),
    'csv: header of two': (_csv('a,label\n'), 'got 0 rows of 1 feature\\.'),
    'csv: one column': (_csv('1\n2\n'), 'lines of one cell: --sep names'),
    'csv: ragged': (_csv('1,2,0\n3,1,1\n\n3,1\n3,4,1\n'),
                    'got 2 cells in line 4, 3 in most lines'),
    'csv: word': (_csv('a,b,y\n1,2,0\n1,two,1\n'),
                  "line 3: column `b` must hold numbers, got 'two', .* in 1 "
                  'of 2 cells.*--drop b'),
    'csv: gap': (_csv('1,2,0\n1,,1\n'),
                 "line 2: .* got '' in column 2, .* 1 such"),
    'csv: NaN': (_csv('1,2,0\n1,nan,1\n'), '--missing drop .* or --missing'),
    'csv: not text': (_csv(bytes(range(256))), 'must be a .npz file or text'),
}


@pytest.mark.parametrize('write, words', BAD_FILES.values(),
                         ids=BAD_FILES.keys())
def test_bad_files(tmp_path, write, words):
    with pytest.raises(ValueError, match=words):
        load_data(write(tmp_path))


def test_damaged_npz(tmp_path):
    path = tmp_path / 'bad.npz'
    np.savez_compressed(path, X=X, y=Y)
    content = path.read_bytes()
    middle = len(content) // 4
    path.write_bytes(content[:middle] + bytes(20) + content[middle + 20:])
    with pytest.raises(ValueError, match='bad.npz must be a valid .npz'):
        load_data(str(path))
    path.write_bytes(content[:middle])
    with pytest.raises(ValueError, match='numpy.savez wrote'):
        load_data(str(path))


def test_missing_file():
    with pytest.raises(FileNotFoundError, match='nowhere.csv'):
        load_data('nowhere.csv')


@pytest.mark.parametrize('classes', [
    ('0',), ('0', '0'), ('0', '1', '1'), ('0', 'zero'), ('0', '10')])
def test_bad_classes(classes):
    with pytest.raises(ValueError, match='`classes` must be two or more of'):
        load_data('digits', classes)


def test_three_classes(tmp_path):
    """In the order given; images in equal shares, a file's as it has them,
    and a rare class in each part."""
    source = load_data('digits', ('8', '1', '4'))
    assert source.header['y_original'] == (8, 1, 4)
    split = split_data(source, 92, 31)
    assert np.bincount(split.train.Y.tondarray()).tolist() == [32, 30, 30]
    assert np.bincount(split.val.Y.tondarray()).tolist() == [11, 10, 10]
    x, _ = _blobs(200)
    y = np.repeat(['a', 'b', 'c'], (60, 130, 10))
    np.savez(tmp_path / 'rows.npz', X=x, y=y)
    with pytest.raises(ValueError, match='two classes, got 3'):
        load_data(str(tmp_path / 'rows.npz'))
    source = load_data(str(tmp_path / 'rows.npz'), several=True)
    split = split_data(source, 80, 40)
    assert [np.bincount(part.Y.tondarray()).tolist() for part in (
        split.train, split.val, split.test)] == [
            [24, 51, 5], [12, 24, 4], [24, 55, 1]]
    with pytest.raises(ValueError, match=(
            "least 3 rows each and at most 197 together, got 2 and 40: class "
            "'a' has 60 rows, class 'b' 130, class 'c' 10")):
        split_data(source, 2, 40)


def test_split_is_balanced_disjoint_and_complete():
    source = load_data('digits')
    split = split_data(source, seed=3)
    parts = split.train, split.val, split.test
    assert [part.num_samples for part in parts] == [150, 50, 152]
    assert [part.Y.mean() for part in parts[:2]] == [0.5, 0.5]
    rows = np.vstack([part.X.tondarray() for part in parts])
    np.testing.assert_array_equal(
        np.unique(rows, axis=0, return_counts=True)[1],
        np.unique(source.pool.X.tondarray(), axis=0, return_counts=True)[1])
    assert (split.lb, split.ub) == (0, 1) and source.preprocess is None


def test_split_depends_on_the_seed_alone():
    source = load_data('digits')
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    first, again, other = (
        split_data(source, seed=seed).train.X.tondarray()
        for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert np.random.get_state()[1].tolist() == before


def test_mnist_split_is_that_of_the_paper():
    _skip_without('mnist')
    source = load_data('mnist')
    assert split_sizes(source) == (512, 171)
    split = split_data(source)
    assert np.bincount(split.train.Y.tondarray()).tolist() == [256, 256]
    assert np.bincount(split.val.Y.tondarray()).tolist() == [86, 85]
    assert split.test is source.test


def test_rows_of_a_file_and_the_box_are_in_units_of_the_file(tmp_path):
    x, y = _blobs(140)
    x = np.column_stack([x * [1, 100, 1e-3] + 5, np.full(140, 0.1)])
    y[:40] = 0
    np.savez(tmp_path / 'rows.npz', X=x, y=y)
    source = load_data(str(tmp_path / 'rows.npz'))
    assert source.preprocess == 'mean-std'
    split = split_data(source)
    for part, rows in split.rows.items():
        np.testing.assert_array_equal(
            getattr(split, part).X.tondarray(), x[rows])
    train = split.train.X.tondarray()
    np.testing.assert_array_equal(split.lb.tondarray(), train.min(axis=0))
    np.testing.assert_array_equal(split.ub.tondarray(), train.max(axis=0))
    # the file's class proportions are kept
    assert split.train.Y.mean() == pytest.approx(y.mean(), abs=1 / 60)
    assert split.val.Y.mean() == pytest.approx(y.mean(), abs=1 / 20)


@pytest.mark.parametrize('sizes, words', [
    ((400, 50), '346 together, got 400 and 50: class 0 has 178 rows'),
    ((150, 250), 'got 150 and 250: .*--train 260 --val 86'),
    ((150, 198), 'a test row of each must be left'),
    ((1, 50), 'at least 2 rows each'),
])
def test_too_many_or_too_few_rows_asked_for(sizes, words):
    with pytest.raises(ValueError, match=words):
        split_data(load_data('digits'), *sizes)


def test_without_mnist_the_error_has_a_remedy(monkeypatch):
    def fail():
        raise ConnectionError('no network')
    monkeypatch.setattr(named, 'CDataLoaderMNIST', fail)
    with pytest.raises(RuntimeError, match='no network.*SECML_DS_DIR'):
        load_data('mnist')


@pytest.mark.parametrize('n_each', [3, 4, 5, 8])
@pytest.mark.parametrize('n_classes', [2, 3, 6])
def test_sizes_that_are_advised_work(tmp_path, n_classes, n_each):
    """Also of more classes than two: each part needs a row of each."""
    x = np.random.default_rng(0).normal(size=(n_classes * n_each, 3))
    source = load_data(_write_csv(
        tmp_path / 'rows.csv', x, np.arange(len(x)) % n_classes), several=True)
    with pytest.raises(ValueError, match='Sizes that work') as error:
        split_data(source, len(x), 1)
    sizes = re.search(r'--train (\d+) --val (\d+)', str(error.value)).groups()
    # and, with a row to spare, the defaults
    for advised in [map(int, sizes), ()][:1 + (n_each > 3)]:
        split = split_data(source, *advised)
        for part in (split.train, split.val, split.test):
            assert part.num_classes == n_classes


def test_a_reader_of_csv_is_as_before(tmp_path):
    """Python keeps the limit of a cell for the whole process."""
    limit = csv.field_size_limit()
    (tmp_path / 'long.csv').write_text('note,y\n' + f'{"a" * limit}b,1\nc,2')
    with pytest.raises(ValueError, match='must hold numbers'):
        load_data(str(tmp_path / 'long.csv'))
    assert csv.field_size_limit() == limit
