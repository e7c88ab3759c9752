"""The objective and its derivative at single points, against differences."""
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

from attack_problems import (
    digits, fit_optimum, loss, make, run, scores_of, small)
from refusals import raises
from secml.adv.attacks.poisoning import CAttackPoisoning
from secml.array import CArray
from secml.data import CDataset
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features.normalization import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerTFIDF,
    CNormalizerUnitNorm)

# Differences of values need training to the last digits.
SOLVERS = {
    'rmd': {'inner_tol': 1e-12},
    'fmd': {'n_inner': 40, 'inner_tol': 1e-12},
    'implicit': {'inner_tol': 1e-12},
}
PREPROCESS = {
    'none': lambda: None,
    'min-max': CNormalizerMinMax,
    'min-max wide': lambda: CNormalizerMinMax(feature_range=(-2., 3.)),
    'mean-std': CNormalizerMeanStd,
    'unit-norm': CNormalizerUnitNorm,
    'chain': lambda: CNormalizerMinMax(preprocess=CNormalizerUnitNorm(
        preprocess=CNormalizerMeanStd(with_std=False))),
    'tf-idf': CNormalizerTFIDF,
}
SCALERS = {
    'none': None, 'unit-norm': Normalizer(), 'chain': make_pipeline(
        StandardScaler(with_std=False), Normalizer(), MinMaxScaler())}


def attack_at(data, c=1., preprocess='none', idx=0, **kwargs):
    """An attack with three points set by hand, away from kinks."""
    clf = CClassifierLogistic(C=c, preprocess=PREPROCESS[preprocess]())
    attack = make(data, 3, clf, **kwargs)
    attack.xc = CArray(.1 + .7 * data[1].X[:3, :].tondarray())
    attack.yc = CArray(1 - data[1].Y[:3].tondarray())
    attack._idx = idx
    return attack


def directions(d, n=3):
    """Random directions of unit norm, the same at each call."""
    u = np.random.default_rng(0).normal(size=(n, d))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def difference(attack, x, u, h=2e-4):
    """Central difference of the objective along `u`, of fourth order."""
    def f(t):
        return attack.objective_function(CArray(x + t * u))
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def assert_gradient_is_right(attack, data):
    x = .2 + .6 * data[2].X[0, :].tondarray().ravel()
    grad = attack.objective_function_gradient(CArray(x), normalization=False)
    assert grad.shape == (x.size,)
    for u in directions(x.size):
        assert_allclose(grad.tondarray() @ u, difference(attack, x, u),
                        rtol=1e-5)


@pytest.mark.parametrize('solver_type, preprocess', [
    pair for pair in product(SOLVERS, PREPROCESS)
    if pair[0] != 'fmd' or pair[1] in ('none', 'unit-norm', 'tf-idf')])
@pytest.mark.parametrize('c', [.01, 1., 100.])
def test_gradient_agrees_with_central_differences(solver_type, c, preprocess):
    data = small(d=5)
    attack = attack_at(data, c, preprocess, solver_type=solver_type,
                       solver_params=SOLVERS[solver_type])
    assert_gradient_is_right(attack, data)


@pytest.mark.parametrize('solver_type', SOLVERS)
@pytest.mark.parametrize('c', [.01, 1., 100.])
def test_gradient_on_images(solver_type, c):
    data = digits()
    attack = attack_at(data, c, solver_type=solver_type,
                       solver_params=SOLVERS[solver_type])
    assert_gradient_is_right(attack, data)


@pytest.mark.parametrize('solver_params', [None, {'inner_tol': 1e-3}])
def test_gradient_at_any_tolerance_of_the_attack(solver_params):
    """Differences of the objective were off by 3e-4: it took the attack's."""
    data = digits()
    assert_gradient_is_right(attack_at(
        data, 100., 'mean-std', solver_params=solver_params), data)


@pytest.mark.parametrize('kwargs', [
    {'y_target': 1}, {'poison_mode': 'replace'}, {'idx': 2}],
    ids=['target', 'replace', 'third point'])
@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_gradient_in_other_settings(kwargs, solver_type):
    data = small(d=5)
    attack = attack_at(data, preprocess='chain', solver_type=solver_type,
                       solver_params=SOLVERS[solver_type], **kwargs)
    assert_gradient_is_right(attack, data)


def test_gradient_of_sparse_data():
    data = small(d=5)
    sparse = [ds.tosparse() for ds in data]
    x = CArray([.3, .9, .1, .5, .6])
    expected, found = (attack_at(each, preprocess='min-max')
                       for each in (data, sparse))
    assert_array_equal(
        found.objective_function_gradient(x.tosparse()).tondarray(),
        expected.objective_function_gradient(x).tondarray())


def test_gradient_is_normalised_on_request():
    data = small()
    attack = attack_at(data)
    x = CArray([.5, .6])
    grad = attack.objective_function_gradient(x, normalization=False)
    unit = attack.objective_function_gradient(x)
    assert abs(grad.norm() - 1) > .1
    assert_allclose(unit.tondarray(), (grad / grad.norm()).tondarray())


@pytest.mark.parametrize('y_target', [None, 0])
@pytest.mark.parametrize('poison_mode', ['append', 'replace'])
@pytest.mark.parametrize('preprocess', ['none', 'unit-norm', 'chain'])
def test_objective_is_the_loss_of_the_poisoned_model(y_target, poison_mode,
                                                     preprocess):
    """One point is the argument, the others are the attribute; the
    preprocess is refitted on the poisoned data."""
    data = small()
    attack = attack_at(data, .5, preprocess, solver_type='implicit', idx=1,
                       y_target=y_target, poison_mode=poison_mode)
    x = CArray([.9, .2])
    points = attack.xc.deepcopy()
    points[1, :] = x
    model = fit_optimum(attack.poisoned_data(CDataset(points, attack.yc)),
                        np.log(2.), scaler=SCALERS[preprocess])
    assert_allclose(
        attack.objective_function(x),
        loss(model, data[1], None if y_target is None else -1), rtol=1e-6)
    scores = scores_of(model, data[1])
    wanted = data[1].Y.tondarray() if y_target is None else 0
    assert attack.objective_function(x, acc=True) == pytest.approx(
        ((scores > 0) != wanted).mean())


@pytest.mark.parametrize('solver_type, preprocess', [
    *product(SOLVERS, ['none', 'unit-norm']), ('rmd', 'chain'),
    ('implicit', 'chain')])
def test_objective_after_a_run_is_its_loss(solver_type, preprocess):
    """At lambda and the points of the run, for each of the points."""
    data = small()
    clf = CClassifierLogistic(preprocess=PREPROCESS[preprocess]())
    attack = make(data, 4, clf, solver_type=solver_type)
    adv_ds, f_opt = run(attack, data)[2:]
    expected = loss(fit_optimum(
        attack.poisoned_data(adv_ds), attack.lmbda,
        scaler=SCALERS[preprocess]), data[1])
    for idx in (0, 3):
        attack._idx = idx
        assert_allclose(attack.objective_function(attack.xc[idx, :]),
                        expected, rtol=1e-6)
    # secml leaves liblinear at a tolerance of 1e-4
    assert_allclose(f_opt, expected, rtol=1e-3)


def test_forward_mode_does_not_refit():
    """Refused when the attack is made, by the name of its parameter."""
    with raises(ValueError, "`solver_type` must be 'rmd' or 'implicit' with a "
                "preprocess that is refitted on poisoned rows, got 'fmd'"):
        make(small(), clf=CClassifierLogistic(preprocess='min-max'),
             solver_type='fmd')


def test_map_of_the_objective():
    """secml's own idiom, in two dimensions: the paper's Figure 1."""
    data = small()
    attack = make(data, 1)
    run(attack, data)
    fig = CFigure()
    fig.sp.plot_fun(func=attack.objective_function, plot_levels=False,
                    grid_limits=[(0, 1), (0, 1)], n_grid_points=6,
                    multipoint=False)
    fig.sp.plot_fgrads(attack.objective_function_gradient,
                       n_grid_points=3, grid_limits=[(0, 1), (0, 1)])
    drawn = fig.sp._sp.collections
    assert drawn
    fig.close()
    grid = [attack.objective_function(CArray([a, b]))
            for a in (0., 1.) for b in (0., 1.)]
    assert max(grid) - min(grid) > .01


def test_single_point_is_optimised_among_the_others():
    """secml's internal `_run`, which its own attacks are built on."""
    data = small()
    attack = attack_at(data, learn_lmbda=False)
    before = attack.xc.deepcopy()
    x = attack._run(before, attack.yc, idx=1)
    assert x.shape == (2,)
    assert_array_equal(attack.xc[1, :].tondarray().ravel(), x.tondarray())
    assert_array_equal(attack.xc[[0, 2], :].tondarray(),
                       before[[0, 2], :].tondarray())
    assert attack.objective_function(x) > 1.01 * attack.objective_function(
        before[1, :])
    assert x.min() >= 0 and x.max() <= 1


def test_single_point_leaves_what_secmls_attacks_leave():
    """Path, ends and counters are of this point, also after a `run`; and it
    is the one that `objective_function` moves then."""
    data = small()
    attack = make(data, 3, learn_lmbda=False, solver_type='implicit')
    run(attack, data)
    before = CArray(.1 + .7 * data[1].X[:3, :].tondarray())
    x = attack._run(before, attack.yc, idx=1)
    assert attack._idx == 1
    assert_array_equal(attack.x0.tondarray(), before[1, :].tondarray().ravel())
    assert attack.x_seq.shape == (attack.f_seq.size, 2)
    assert_array_equal(attack.x_seq[0, :].tondarray().ravel(),
                       attack.x0.tondarray())
    assert_array_equal(attack.x_opt.tondarray(), x.tondarray())
    assert attack.f_opt == attack.f_seq.max() > attack.f_seq[0].item()
    assert attack.objective_function(x) == pytest.approx(attack.f_opt)
    assert attack.objective_function(attack.x0) == pytest.approx(
        attack.f_seq[0].item())
    assert 0 < attack.grad_eval <= attack.f_eval
    run(attack, data)
    assert attack._idx is None


@pytest.mark.parametrize('kind', [CDataset.todense, CDataset.tosparse])
def test_secmls_own_loop_over_the_points(kind):
    """It is built on `_rnd_init_poisoning_points`, `_run`, `_poisoned_clf`
    and `_update_poisoned_clf`."""
    data = [kind(ds) for ds in small()]
    attack = make(data, 3, learn_lmbda=False, solver_type='implicit')
    start = attack._rnd_init_poisoning_points(3, True, attack.val)
    y_pred, _, adv_ds, f_opt = CAttackPoisoning.run(
        attack, data[2].X, data[2].Y)
    x = adv_ds.X.todense().tondarray()
    assert_array_equal(adv_ds.Y.tondarray(), start[1].tondarray())
    assert (x != start[0].todense().tondarray()).any(axis=1).all()
    rows = data[0].append(adv_ds)
    clf = CClassifierLogistic().fit(rows.X, rows.Y)
    assert_array_equal(y_pred.tondarray(),
                       clf.predict(data[2].X).tondarray())
    assert loss((clf.w.tondarray(), clf.b.item()), CDataset(
        data[1].X.todense(), data[1].Y)) == pytest.approx(f_opt, rel=1e-3)
    for wrong in {'init_from_val': False}, {'val': data[2]}:
        with raises(ValueError, f'`{list(wrong)[0]}` must be'):
            attack._rnd_init_poisoning_points(3, **wrong)


def test_no_point_to_move():
    """After a run without points."""
    data = small()
    attack = make(data, 0)
    run(attack, data)
    for ask in (attack.objective_function, attack.learned_lmbda,
                attack.objective_function_gradient):
        with raises(ValueError, '`xc` must have a point 0 that moves, got 0 '
                                'points: run with a larger `n_points`'):
            ask(data[1].X[0, :])
