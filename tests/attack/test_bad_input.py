"""Bad settings of the attack: refused before any work, saying why.

A row: the argument, a bad value, the expected error, the words that must
appear beside "`argument` must".
"""
from decimal import Decimal

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attack_problems import clouds, make, run
from refusals import raises
from refused_attacks import DATA, assert_refused
from secml_regpoison import (
    CAttackPoisoningMinimaxRidge, CClassifierLogisticTorch)
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierRidge

NAN, INF = float('nan'), float('inf')

# Settings, each by the constructor and by `set`.
SETTINGS = [
    ('solver_type', 'pgd-exp', ValueError, "or 'rmd', got 'pgd-exp'. Of "
     "secml's solvers the points move by 'pgd-ls' alone"),
    ('solver_type', None, ValueError, 'got None'),
    ('solver_type', ['rmd', 'fmd'], ValueError, "'fmd' or 'implicit'"),
    ('solver_params', {1: 2}, ValueError, 'a dict with keys among'),
    ('solver_params', {'n_iner': 3}, ValueError, "got ['n_iner']"),
    ('solver_params', {'method': 'rmd'}, ValueError, "got ['method']"),
    ('poison_mode', 'add', ValueError, "'append' or 'replace', got 'add'"),
    ('poison_mode', None, ValueError, 'got None'),
    ('poison_mode', np.array(['append'] * 2), ValueError, "or 'replace', got"),
    ('init_type', np.array(['random'] * 2), ValueError, "'random', got arr"),
    ('init_type', 'loss_based', ValueError, "'random', got 'loss_based'"),
    ('distance', 'linf', ValueError, "'l1' or 'l2', got 'linf'"),
    ('distance', None, ValueError, 'got None'),
    ('dmax', -1, ValueError, 'at least 0, got -1'),
    ('dmax', NAN, ValueError, 'got nan'),
    ('dmax', 'far', TypeError, 'a number of at least 0, got str'),
    ('dmax', CArray([1, 2]), TypeError, 'got CArray'),
    ('dmax', 1j, TypeError, 'got complex'),
    ('lb', 2, ValueError, 'at most `ub` (1 at feature 0), got 2'),
    ('lb', CArray([0, 3]), ValueError, 'at most `ub` (1 at feature 1), got'),
    ('lb', NAN, ValueError, 'free of NaN'),
    ('lb', INF, ValueError, 'got inf'),
    ('lb', 'x1', TypeError, 'got str'),
    ('lb', [0, 0], TypeError, 'got list'),
    ('lb', CArray([0, 0, 0]), ValueError, 'each of 2 features, got 3'),
    ('ub', CArray([1, 1, 1]), ValueError, 'each of 2 features, got 3'),
    ('ub', CArray([1, NAN]), ValueError, 'got nan'),
    ('ub', -INF, ValueError, 'got -inf'),
    ('lb', CArray(['a', 'b']), TypeError, 'numbers, got <U1.'),
    ('lb', True, TypeError, 'got bool'),
    ('lb', 1e31, ValueError, 'free of NaN and below 1e+30'),
    ('ub', -1e31, ValueError, 'free of NaN and above -1e+30'),
    ('ub', 1 + 0j, TypeError, 'a number'),
    ('ub', CArray([[1, 1], [1, 1]]), ValueError, 'one bound, or one for each'),
    ('ub', CArray([]), ValueError, 'features, got 0.'),
    ('y_target', .5, ValueError, 'got 0.5'),
    ('y_target', NAN, ValueError, 'got nan'),
    ('y_target', [0], ValueError, 'got [0]'),
    ('y_target', 2, ValueError, 'one of the classes [0, 1], got 2'),
    ('y_target', 'ham', ValueError, "got 'ham'"),
    ('y_target', CArray([0, 1]), ValueError, 'classes [0, 1], got CArray'),
    ('learn_lmbda', 'yes', ValueError, "True, False or 'trust', got 'yes'"),
    ('learn_lmbda', 1, TypeError, 'got int'),
    ('learn_lmbda', CArray([True]), TypeError, "or 'trust', got CArray"),
    ('lmbda_bounds', {1, 2}, TypeError, 'got set'),
    ('lmbda_bounds', (False, True), TypeError, 'two numbers in order'),
    ('lmbda_bounds', np.array([[1, 2]]), ValueError, 'two numbers'),
    ('lmbda_bounds', 3, TypeError, 'two numbers in order'),
    ('lmbda_bounds', None, TypeError, 'got NoneType'),
    ('lmbda_bounds', (1,), ValueError, 'got (1,)'),
    ('lmbda_bounds', (1, 2, 3), ValueError, 'got (1, 2, 3)'),
    ('lmbda_bounds', (2, 1), ValueError, 'in order between -46 and 46, got '),
    ('lmbda_bounds', (0, NAN), ValueError, 'nan'),
    ('lmbda_bounds', (-INF, 3), ValueError, '-inf'),
    ('lmbda_bounds', (-8, 700), ValueError, '700'),
    ('lmbda_bounds', ('a', 'b'), TypeError, 'got str'),
    ('batch_size', 0, ValueError, 'whole number of at least 1, got 0'),
    ('batch_size', 2.5, ValueError, 'got 2.5'),
    ('batch_size', None, TypeError, 'got NoneType'),
    ('n_restarts', -1, ValueError, 'whole number of at least 0, got -1'),
    ('n_restarts', True, TypeError, 'got bool'),
    ('n_restarts', INF, ValueError, 'got inf'),
    ('random_seed', .5, ValueError, 'got 0.5'),
    ('random_seed', -1, ValueError, 'whole number of at least 0, got -1'),
    ('random_seed', 'now', TypeError, 'got str'),
    ('dtype', 'float16', ValueError, "'float64' or 'float32', got 'float16'"),
    ('dtype', None, ValueError, 'got None'),
    ('device', 'gpu', ValueError, "got 'gpu'"),
    ('device', 'cuda:99', ValueError, "got 'cuda:99'"),
    ('device', 'meta', ValueError, "got 'meta'"),
    ('device', None, ValueError, 'got None'),
    ('device', '', ValueError, "got ''"),
    ('device', 5, ValueError, 'got 5'),
    ('device', np.array(['cpu', 'cpu']), ValueError, 'got array'),
]

CHECKED_WHEN_SET = ('dmax',)  # the others by the next call

# What `solver_params` may hold.
SOLVER_PARAMS = [
    ('n_inner', 0, ValueError, 'at least 1 and below 2**31, got 0'),
    ('n_inner', 10.5, ValueError, 'got 10.5'),
    ('n_inner', None, TypeError, 'got NoneType'),
    ('inner_eta', 0., ValueError, 'positive and finite, got 0.0'),
    ('inner_eta', 'auto', TypeError, 'an int or a float, got str'),
    ('inner_eta', Decimal('.1'), TypeError, 'a float, got Decimal'),
    ('momentum', 1, ValueError, 'in [0, 1), got 1'),
    ('momentum', NAN, ValueError, 'got nan'),
    ('form', 'dual', ValueError, "got 'dual'"),
    ('form', np.array(['gram'] * 2), ValueError, "'primal' or 'gram'"),
    ('inner_tol', INF, ValueError, 'None or positive'),
    ('inner_tol', -1, ValueError, 'got -1'),
    ('truncate', 0, ValueError, 'got 0'),
    ('n_outer', -1, ValueError, 'whole number of at least 0, got -1'),
    ('n_outer', 2.5, ValueError, 'got 2.5'),
    ('n_outer', True, TypeError, 'an int or a float, got bool'),
    ('step', Decimal('.1'), TypeError, 'an int or a float, got Decimal'),
    ('step', 0, ValueError, 'positive and finite, got 0'),
    ('step', 'long', TypeError, 'got str'),
    ('tol', -1e-3, ValueError, 'at least 0, got -0.001'),
    ('tol', None, TypeError, 'an int or a float, got NoneType'),
    ('tol', NAN, ValueError, 'got nan'),
    ('patience', 0, ValueError, 'whole number of at least 1, got 0'),
    ('patience', INF, ValueError, 'got inf'),
]

N_POINTS = [
    (-1, ValueError, 'at least 0 and below 2**31, got -1'),
    (2.5, ValueError, 'whole number of at least 0 and below 2**31, got 2.5'),
    (NAN, ValueError, 'got nan'),
    (INF, ValueError, 'got inf'),
    (2 ** 31, ValueError, 'at least 0 and below 2**31, got 2147483648'),
    (2 ** 63, ValueError, 'below 2**31'),
    (1e300, ValueError, 'below 2**31, got 1e+300'),
    (2 ** 29, ValueError, 'few enough for 5e+08 values in all, got 5368'),
    ('5', TypeError, 'got str'),
    (True, TypeError, 'got bool'),
    (CArray([1, 2]), TypeError, 'got CArray'),
]

C = [
    (0., ValueError, 'a number between 1e-20 and 1e20, got 0.0'),
    (-3., ValueError, 'got -3.0'),
    (NAN, ValueError, 'got nan'),
    (INF, ValueError, 'got inf'),
    (1e-300, ValueError, 'got 1e-300'),  # liblinear would never return
    ('strong', TypeError, 'got str'),
]


@pytest.mark.parametrize('name, value, error, words', SETTINGS)
def test_setting(name, value, error, words):
    with raises(error, f'`{name}` must', words):
        make(DATA, **{name: value})
    attack = make(DATA, 3)
    if name in CHECKED_WHEN_SET:
        with raises(error, f'`{name}` must', words):
            attack.set(name, value)
    else:
        attack.set(name, value)
        assert_refused(attack, error, f'`{name}` must', words)


@pytest.mark.parametrize('estimator', [
    LogisticRegression(), make_pipeline(StandardScaler(), Ridge())])
def test_an_estimator_of_scikit_learn_gets_the_cure(estimator):
    with raises(TypeError, f'got {type(estimator).__name__} of scikit-learn',
                'poisoning_curve(estimator, X, y)',
                'CClassifierLogisticTorch(C=...)'):
        make(DATA, clf=estimator)


@pytest.mark.parametrize('name, value, error, words', SOLVER_PARAMS)
def test_solver_params(name, value, error, words):
    with raises(error, f'`{name}` must', words):
        make(DATA, solver_params={name: value})
    attack = make(DATA, 3)
    attack.solver_params = {name: value}
    assert_refused(attack, error, f'`{name}` must', words)


@pytest.mark.parametrize('value', [5, 'n_inner', [('n_inner', 3)]])
def test_solver_params_that_are_no_dict(value):
    kind = type(value).__name__
    words = f"`solver_params` must be a dict or None, got {kind}"
    with raises(TypeError, words):
        make(DATA, solver_params=value)
    with raises(TypeError, words):
        make(DATA).solver_params = value


@pytest.mark.parametrize('value, error, words', N_POINTS)
@pytest.mark.parametrize('poison_mode', ['append', 'replace'])
def test_n_points(value, error, words, poison_mode):
    with raises(error, '`n_points` must', words):
        run(make(DATA, value, poison_mode=poison_mode), DATA)


@pytest.mark.parametrize('value, error, words', C)
@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_c_of_the_classifier(value, error, words, learn_lmbda):
    attack = make(DATA, 3, learn_lmbda=learn_lmbda)
    attack.classifier.C = value
    assert_refused(attack, error, '`classifier.C` must', words)


@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_a_lambda_that_float32_cannot_square(learn_lmbda, tmp_path):
    """It was refused by the core, in other words, after the checkpoint was
    on disk."""
    make(DATA, dtype='float32', lmbda_bounds=(-44, 44),
         clf=CClassifierLogisticTorch(C=1e-19))
    bounds = {'lmbda_bounds': (-45, 11)}
    for kwargs, name, words in (
            (bounds, 'lmbda_bounds', "between -44 and 44 with dtype='float32'"
             ), ({'clf': CClassifierLogisticTorch(C=1e-20)}, 'classifier.C',
                 "between 1e-19 and 1e19 with dtype='float32'")):
        with raises(ValueError, f'`{name}` must', words):
            make(DATA, dtype='float32', learn_lmbda=learn_lmbda, **kwargs)
    attack, path = make(DATA, 2, learn_lmbda=learn_lmbda, **bounds), \
        tmp_path / 'attack.npz'
    attack.dtype = 'float32'
    assert_refused(attack, ValueError, '`lmbda_bounds` must', checkpoint=path)
    assert not path.exists()


def test_alpha_of_the_classifier_is_half_as_far_as_c():
    for lmbda in (-46, 46):
        CAttackPoisoningMinimaxRidge(
            CClassifierRidge(alpha=np.exp(lmbda) / 2), DATA[0], DATA[1])
    with raises(ValueError, 'a number between 0.5e-20 and 0.5e20, got 1e+20'):
        CAttackPoisoningMinimaxRidge(
            CClassifierRidge(alpha=1e20), DATA[0], DATA[1])


@pytest.mark.parametrize('name, values, words', [
    ('n_points', [1.5], '`n_points` must be a whole number'),
    ('n_points', [7 + 1e-9], '`n_points` must be a whole number'),
    ('dmax', [.1, -.1], '`dmax` must be'),
    ('lb', [.1, 2.], '`lb` must be at most `ub` (1 at feature 0), got 2.0'),
    ('classifier.C', [1., 0.], '`classifier.C` must be'),
    ('y_target', [0, 5], '`y_target` must be'),
    ('batch_size', [3, 0], '`batch_size` must be'),
    ('ub', [1., -1.], '`lb` must be at most `ub` (-1 at feature 0)'),
    # secml's own: no such parameter, and a result
    ('n_inner', [3], 'param_name (n_inner) should be a parameter'),
    ('lmbda', [1.], '(lmbda)')])
def test_values_swept_by_a_security_evaluation(name, values, words):
    with raises(ValueError, words):
        CSecEval(make(DATA, 2), name, CArray(values)).run_sec_eval(DATA[2])


def test_strengths_may_be_shares_times_rows():
    """0.07 and 0.29 times 100 are next to a whole number, as floats."""
    attack = make(DATA)
    for share, n_points in ((.05, 5), (.07, 7), (.29, 29)):
        attack.n_points = (CArray([share]) * 100)[0]
        assert attack.n_points == n_points


def test_replacing_all_rows_of_a_class():
    """Here the only row of class 1, before all rows are replaced."""
    few = CDataset(clouds(12, 3).X, CArray([1] + 11 * [0]))
    refused = []
    for n_points in range(13):
        attack = make((few, DATA[1]), n_points, poison_mode='replace')
        try:
            assert run(attack, DATA)[2].num_samples == n_points
        except ValueError as error:
            assert f'leaves training rows of both classes (of 12), got ' \
                f'{n_points}.' in str(error)
            refused.append(n_points)
    assert 0 < refused[0] < 12
    assert refused == list(range(refused[0], 13))
