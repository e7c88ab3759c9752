"""Data that cannot be attacked: refused before any work, saying why.

A row: what is wrong, the expected error, the words that must appear.
"""
import numpy as np
import pytest

from attack_problems import clouds, make
from refusals import raises
from refused_attacks import DATA, assert_refused
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CClassifierLogisticTorch)

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.ml.classifiers import (
    CClassifierLogistic, CClassifierRidge, CClassifierSVM)
from secml.ml.classifiers.multiclass import CClassifierMulticlassOVA
from secml.ml.features.normalization import CNormalizerMinMax
from secml.ml.features.reduction import CPCA

NAN, INF = float('nan'), float('inf')


def changed(dataset, value):
    """A dataset with one feature of one row set to `value`."""
    x = dataset.X.deepcopy()
    x[1, 0] = value
    return CDataset(x, dataset.Y)


def labelled(dataset, labels):
    """A dataset with its labels replaced by these, again and again."""
    return CDataset(dataset.X, CArray(np.resize(
        labels, dataset.num_samples)))


def held(**header):
    """Two points with this header."""
    return CDataset(DATA[1].X[:2, :], DATA[1].Y[:2], CDatasetHeader(**header))


def with_x(x):
    """A dataset of these features."""
    return CDataset(CArray(x), CArray(np.arange(len(x)) % 2))


EMPTY = CDataset(CArray.zeros((0, 2)), CArray([]))
WIDE = clouds(24, 2, d=3)
X = DATA[0].X.tondarray()

# What is passed as training_data, or as val.
DATASETS = [
    (None, TypeError, 'NoneType'),
    (DATA[0].X, TypeError, 'CDataset, got CArray'),
    (EMPTY, ValueError, 'at least one row, got none'),
    (changed(DATA[0], NAN), ValueError, '.X` must be finite, got 1 NaN'),
    (changed(DATA[0], INF), ValueError, 'finite, got 1 NaN or inf among 80'),
    (changed(DATA[0], -INF).tosparse(), ValueError, 'finite, got 1'),
    (with_x(X[:, :0]), ValueError, '` must have at least one feature'),
    (with_x(X * 1e31), ValueError, '.X` must be between -1e+30'),
    (with_x(X * 1e200), ValueError, 'Rescale the features'),
    (with_x(X + 1j), TypeError, '.X` must be numbers, got complex128'),
    (with_x(X.astype(str)), TypeError, '.X` must be numbers, got <U'),
    (labelled(DATA[0], [0., NAN]), ValueError, '.Y` must be finite, got 20'),
    (labelled(DATA[0], ['a', 'b']), TypeError, '.Y` must be numbers'),
    (labelled(DATA[0], [1]), ValueError, '.Y` must be labels of'),
    (labelled(DATA[0], [0, 1, 2]), ValueError, ', got [0, 1, 2]'),
]

# What is passed as training_data alone.
LABELS = [
    (labelled(DATA[0], [.5, 1.5]), 'labels that are whole numbers, got [0.5, '
     '1.5]. Renumber them.'),
    (labelled(DATA[0], [0, 1e300]), 'whole numbers, got [0.0, 1e+300]'),
    (labelled(DATA[0], [1, 1 + 1e-17]), 'exactly two classes, got [1.0]'),
    (DATA[0][0, :], 'two classes, got [0]')]

CLASSIFIERS = [
    (CClassifierLogisticTorch, TypeError, 'a secml classifier, got '),
    (None, TypeError, 'a secml classifier, got NoneType'),
    ('logistic', TypeError, 'got str'),
    (CClassifierSVM(), TypeError, 'logistic regression'),
    (CClassifierSVM(), TypeError, 'got CClassifierSVM'),
    (CClassifierRidge(), TypeError, 'got CClassifierRidge'),
    (CClassifierMulticlassOVA(CClassifierLogistic), TypeError,
     'got CClassifierMulticlassOVA'),
    (CClassifierLogistic(C=-1), ValueError, '.C` must be a number between'),
    (CClassifierLogistic(preprocess=CPCA(n_components=1)), TypeError,
     'classifier.preprocess` must have a derivative'),
    (CClassifierLogistic(preprocess='linear'), TypeError,
     'classifier.preprocess` must have a derivative, as '),  # a kernel
    (CClassifierLogistic(preprocess=CNormalizerMinMax(preprocess='pca')),
     TypeError, 'CPCA'),
]

TEST = DATA[2]
RUN = [
    ({'x': None}, TypeError, '`x` must be a CArray, got NoneType'),
    ({'x': TEST.X.tondarray()}, TypeError, '`x` must be a CArray, got ndarr'),
    ({'x': changed(TEST, NAN).X}, ValueError, '`x` must be finite, got 1'),
    ({'x': clouds(60, 1, d=3).X}, ValueError, '`x` must have 2 features'),
    ({'x': EMPTY.X, 'y': EMPTY.Y}, ValueError, '`x` must have at least one'),
    ({'y': None}, ValueError, '`y` must have one label for each of 60 rows'),
    ({'y': TEST.Y[:5]}, ValueError, 'rows of `x`, got 5'),
    ({'y': TEST.Y * NAN}, ValueError, '`y` must be finite, got 60'),
    ({'x': CArray([['a', 'b']] * 60)}, TypeError, '`x` must be numbers, got'),
    ({'x': CArray([.1, .2, .3]), 'y': CArray([0])}, ValueError,
     '`x` must have 2 features'),
    ({'y': CArray(['ham'] * 60)}, TypeError, '`y` must be numbers'),
    ({'y': CArray([7] * 60)}, ValueError,
     '`y` must be labels among the classes [0, 1], got [7]'),
    ({'max_iter': '2'}, ValueError, "`max_iter` must be a whole number of at "
     "least 1, got '2'"),
    ({'max_iter': np.array([1, 1])}, ValueError, 'number of at least 1, got '
     'array([1,'),
    ({'max_iter': 0}, ValueError, 'a whole number of at least 1, got 0'),
    ({'max_iter': 1.5}, ValueError, 'whole number of at least 1, got 1.5'),
    ({'max_iter': float('inf')}, ValueError, 'number of at least 1, got inf'),
    ({'ds_init': DATA[1].X}, TypeError, '`ds_init` must be a CDataset, got'),
    ({'ds_init': WIDE}, ValueError, '`ds_init.X` must have 2 features'),
    ({'ds_init': changed(DATA[1], NAN)}, ValueError, '`ds_init.X` must be f'),
    ({'ds_init': changed(DATA[1], 1.5)}, ValueError, '0.5 beyond `ub`'),
    ({'ds_init': changed(DATA[1], -2)}, ValueError, '2 beyond `lb`'),
    ({'ds_init': labelled(DATA[1], [0, 7])}, ValueError,
     '`ds_init.Y` must be labels among the classes [0, 1], got [0, 7]'),
    ({'ds_init': changed(DATA[1], 1 + 1e-6)}, ValueError,
     '`ds_init.X` must be inside the box, got a value 1e-06 beyond `ub`'),
    ({'ds_init': held(lmbda=NAN)}, ValueError,
     '`ds_init.header.lmbda` must be a number between -46 and 46, got nan'),
    ({'ds_init': held(lmbda=1000.)}, ValueError, '-46 and 46, got 1000.0'),
    ({'ds_init': held(search_lmbda=-1000., lmbda=0.)}, ValueError,
     '`ds_init.header.search_lmbda` must be a number between -46 and 46'),
    ({'ds_init': held(lmbda='1')}, TypeError, '-46 and 46, got str'),
    ({'ds_init': held(lmbda=None)}, TypeError, '-46 and 46, got NoneType'),
    ({'ds_init': held(lmbda=CArray([1, 2]))}, TypeError, 'got CArray'),
    ({'ds_init': held(starts=5)}, TypeError,
     '`ds_init.header.starts` must be a tuple'),
    ({'ds_init': held(starts=None)}, TypeError, 'got NoneType'),
    ({'ds_init': held(starts=('a', 'b'))}, ValueError, "('a', 'b'"),
    ({'ds_init': held(starts=(0, 24))}, ValueError, 'must be validation '
     'rows, whole numbers below 24, got (0, 24)'),
]


@pytest.mark.parametrize('name', ['training_data', 'val'])
@pytest.mark.parametrize('dataset, error, words', DATASETS)
def test_data(name, dataset, error, words):
    data = (dataset, DATA[1]) if name == 'training_data' else (
        DATA[0], dataset)
    with raises(error, f'`{name}', words):
        make(data)


@pytest.mark.parametrize('training_data, words', LABELS)
def test_labels(training_data, words):
    with raises(ValueError, '`training_data.Y` must be', words):
        make((training_data, DATA[1]))


@pytest.mark.parametrize('val, words', [
    (WIDE, '`val.X` must have 2 features like `training_data`, got 3'),
    (labelled(DATA[1], [3, 8]), '`val.Y` must be labels of both classes '
     '[0, 1] of `training_data`, got [3, 8]')], ids=['width', 'labels'])
def test_data_that_do_not_match(val, words):
    with raises(ValueError, words):
        make((DATA[0], val))


@pytest.mark.parametrize('clf, error, words', CLASSIFIERS)
def test_classifier(clf, error, words):
    with raises(error, '`classifier', words):
        CAttackPoisoningMinimaxLR(clf, DATA[0], DATA[1])


@pytest.mark.parametrize('kwargs, error, words', RUN)
def test_arguments_of_run(kwargs, error, words):
    assert_refused(make(DATA, 3), error, words, **kwargs)


@pytest.mark.parametrize('xc, yc, at, error, words', [
    (None, None, [.1, .2], ValueError, '`xc` and `yc` must be set'),
    ([[.1, .2]], [7], [.1, .2], ValueError, '`yc` must be labels among'),
    ([[.1, .2]], [0, 1], [.1, .2], ValueError, 'one label for each of 1'),
    ([[.1, .2, .3]], [0], [.1, .2], ValueError, '`xc` must have 2 features'),
    ([[.1, NAN]], [0], [.1, .2], ValueError, '`xc` must be finite'),
    ([[.1, .2]], [0], [.1, NAN], ValueError, '`xc` must be finite'),
    ([[.1, .2]], [0], [.1], TypeError, 'one point of 2 features, got shape'),
    ([[.1, .2]], [0], [[.1, .2]] * 2, TypeError, 'got shape (2, 2)')])
@pytest.mark.parametrize('method', ['objective_function',
                                    'objective_function_gradient'])
def test_objective(xc, yc, at, error, words, method):
    attack = make(DATA)
    if xc is not None:
        attack.xc, attack.yc = CArray(xc), CArray(yc)
    with raises(error, words):
        getattr(attack, method)(CArray(at))


@pytest.mark.parametrize('adv_ds, error, words', [
    (5, TypeError, '`adv_ds` must be a CDataset, got int'),
    (WIDE, ValueError, '`adv_ds.X` must have 2 features'),
    (labelled(DATA[1], [4]), ValueError, '`adv_ds.Y` must be labels among'),
    (clouds(60, 1), ValueError, '`adv_ds` must be few enough')])
@pytest.mark.parametrize('method', ['poisoned_data', 'poisoned_classifier'])
def test_poison(adv_ds, error, words, method):
    with raises(error, words):
        getattr(make(DATA, poison_mode='replace'), method)(adv_ds)


def test_poison_without_lambda():
    with raises(TypeError, '`adv_ds.header.lmbda` must be a number between'):
        make(DATA).poisoned_classifier(DATA[1])
    for lmbda in (-1000., 1000.):
        with raises(ValueError, '`adv_ds.header.lmbda` must be', '-46 and 46'):
            make(DATA).poisoned_classifier(held(lmbda=lmbda))
    make(DATA, learn_lmbda=False).poisoned_classifier(DATA[1])
