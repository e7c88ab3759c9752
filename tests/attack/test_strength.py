"""Is it a strong attack, and is the answer to it a saddle point?"""
import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attack_problems import (
    clouds, digits, fit_optimum, loss, make, run, small, solver_value)
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.core import second_search

from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

# liblinear stops early at lambda = -8; that is the user's classifier
pytestmark = pytest.mark.filterwarnings('ignore:Liblinear failed to converge')

GRID = np.arange(-8, 11.51, .25)


def best_on_grid(poisoned, val):
    """Least validation loss over the grid of lambda, at the optimum."""
    return min(loss(fit_optimum(poisoned, lmbda), val) for lmbda in GRID)


@pytest.fixture(scope='module')
def evaluation():
    """Security evaluation at full effort, implicit: data, attack, result."""
    data = digits()
    attack = make(data, solver_type='implicit', solver_params=None)
    sec_eval = CSecEval(attack, 'n_points', CArray([0, 17, 34]),
                        save_adv_ds=True)
    sec_eval.run_sec_eval(data[2])
    return data, attack, sec_eval.sec_eval_data


@pytest.mark.parametrize('k', range(3))
def test_learned_lambda_is_the_best_of_a_grid(evaluation, k):
    """The defender's side of the saddle point, to 1 %, by scikit-learn."""
    data, attack, result = evaluation
    poisoned = attack.poisoned_data(result.adv_ds[k])
    # secml leaves liblinear at a tolerance of 1e-4: small losses differ more
    assert_allclose(result.fobj[k].item(), loss(fit_optimum(
        poisoned, result.adv_ds[k].header.lmbda), data[1]), rtol=1e-3,
        atol=2e-5)
    assert loss(fit_optimum(poisoned, result.adv_ds[k].header.lmbda), data[1]
                ) <= 1.001 * best_on_grid(poisoned, data[1])


@pytest.mark.slow
@pytest.mark.parametrize('n_points', [0, 17])
def test_learned_lambda_is_the_best_of_a_grid_under_rmd(n_points):
    """For the classifier, which trains to its end where the attack's model
    takes T steps."""
    data = digits()
    attack = make(data, n_points, solver_params=None)
    f_opt = run(attack, data)[3]
    x = attack.xc[0, :] if n_points else None
    other = attack.deepcopy()
    other.learn_lmbda = False
    losses = []
    for lmbda in GRID:
        other.classifier.C = math.exp(-lmbda)
        losses.append(other.objective_function(x) if n_points
                      else run(other, data, 0)[3])
    assert f_opt <= 1.01 * min(losses)
    assert max(losses) > 1.5 * min(losses)


def test_attacker_keeps_his_best_iterate(evaluation):
    attack = evaluation[1]
    assert attack.f_opt >= .99 * attack.f_seq.max()


@pytest.mark.parametrize('n_points', [5, 17])
@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_beats_flipped_labels(solver_type, n_points):
    """The starts alone, against a defender who tunes lambda as well."""
    data = digits()
    attack = make(data, n_points, solver_type=solver_type,
                  solver_params=None)
    adv_ds, f_opt = run(attack, data)[2:]
    flipped = attack.poisoned_data(CDataset(attack.x0, adv_ds.Y))
    assert f_opt > 1.3 * attack.f_seq[0].item()
    assert f_opt > 1.3 * best_on_grid(flipped, data[1])


def test_learning_lambda_mitigates_the_attack(evaluation):
    """The paper's claim: a small fixed lambda loses more, and lambda rises,
    ||w|| falls with the strength."""
    data, _, learned = evaluation
    fixed = make(data, 34, CClassifierLogistic(C=math.exp(8)),
                 learn_lmbda=False, solver_type='implicit',
                 solver_params=None)
    y_pred, _, _, f_opt = run(fixed, data)
    errors = [(found != data[2].Y).mean() for found in learned.Y_pred]
    assert errors[0] < .01 and errors[2] < .2
    assert (y_pred != data[2].Y).mean() > errors[2] + .1
    assert f_opt > 2 * learned.fobj[2].item()
    headers = [ds.header for ds in learned.adv_ds]
    assert headers[0].lmbda + 3 < headers[1].lmbda < headers[2].lmbda
    assert headers[0].w_norm > headers[1].w_norm > headers[2].w_norm


def test_restarts_keep_the_strongest():
    data = small()
    once, again = (make(data, 4, n_restarts=n_restarts)
                   for n_restarts in (0, 4))
    run(once, data), run(again, data)
    assert solver_value(again) >= solver_value(once)
    assert again.f_eval > 3 * once.f_eval
    targeted = [make(data, 4, n_restarts=n, y_target=1) for n in (0, 4)]
    for attack in targeted:
        run(attack, data)
    assert solver_value(targeted[1]) <= solver_value(targeted[0])


def test_restarts_and_a_second_search_find_the_worst_place(monkeypatch):
    """Of one point at a small fixed lambda; by scikit-learn, retrained at 121
    places."""
    data = [clouds(20, seed) for seed in range(3)]

    def loss_of(n_restarts):
        return run(make(
            data, 1, CClassifierLogisticTorch(C=3000), learn_lmbda=False,
            solver_type='implicit', solver_params=None, y_poison=1,
            n_restarts=n_restarts), data)[3]
    second = loss_of(0)
    monkeypatch.setattr(second_search, 'MAX_FEATURES', 0)
    once, again = loss_of(0), loss_of(4)
    worst = max(loss(fit_optimum(data[0].append(CDataset(
        CArray([place]), CArray([1]))), -math.log(3000),
        CClassifierLogisticTorch), data[1]) for place in itertools.product(
            np.linspace(0, 1, 11), repeat=2))
    assert once < .9 * worst
    assert again > .999 * worst and second > .999 * worst


INSIDE = {
    'unit box': (0, 1),
    'per feature': (CArray([.1, .2]), CArray([.8, .6])),
    'ndarrays': (np.array([.1, .2]), np.array([.8, .6])),
    'one below': (.25, None),
    'one above': (None, .75),
    'infinite': (-np.inf, .75),
    'increments': ('x0', 1),
    'decrements': (0, 'x0'),
    'increments up to': ('x0', .55),
    'decrements down to': (.45, 'x0'),
    'nowhere': ('x0', 'x0'),
}


@pytest.mark.parametrize('lb, ub', INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_points_stay_inside_the_box(lb, ub, learn_lmbda):
    """Starts are clipped to it; every iterate is inside."""
    data = small()
    attack = make(data, 6, lb=lb, ub=ub, learn_lmbda=learn_lmbda)
    adv_ds = run(attack, data)[2]
    start = data[1].X[list(adv_ds.header.starts), :].tondarray()
    low, high = (none if bound is None or isinstance(bound, str) else
                 CArray(bound).tondarray()
                 for bound, none in ((lb, -np.inf), (ub, np.inf)))
    start = np.clip(start, low, high)
    low = start if isinstance(lb, str) else low
    high = start if isinstance(ub, str) else high
    assert (attack.x0.tondarray() == start).all()
    for path in attack.x_seq.tondarray().reshape(-1, 6, 2):
        assert (path >= low).all() and (path <= high).all()
    moved = abs(adv_ds.X.tondarray() - start).max()
    pinned = isinstance(lb, str) and isinstance(ub, str)
    assert moved == 0 if pinned else moved > .05


def test_points_leave_the_data_where_there_is_no_box():
    data = small()
    x = run(make(data, 6, lb=None, ub=None, solver_params={
        'n_outer': 10, 'n_inner': 30}), data)[2].X
    assert x.min() < -.1 or x.max() > 1.1


@pytest.mark.parametrize('distance, order', [('l1', 1), ('l2', 2)])
@pytest.mark.parametrize('dmax', [0, .1, .4, 10])
def test_points_stay_within_dmax_of_their_start(distance, order, dmax):
    """Of the start as clipped; and the bound is reached."""
    data = small(d=4)
    attack = make(data, 6, distance=distance, dmax=dmax, lb=.1, ub=.9)
    adv_ds = run(attack, data)[2]
    start = np.clip(data[1].X[list(adv_ds.header.starts), :].tondarray(),
                    .1, .9)
    for path in attack.x_seq.tondarray().reshape(-1, 6, 4):
        moved = np.linalg.norm(path - start, order, axis=1)
        assert (moved <= dmax * (1 + 1e-12) + 1e-15).all()
        assert path.min() >= .1 and path.max() <= .9
    if dmax == 10:
        free = run(make(data, 6, lb=.1, ub=.9), data)[2]
        # start + room is the bound to rounding alone
        assert_allclose(adv_ds.X.tondarray(), free.X.tondarray(), rtol=1e-12)
    else:
        assert_allclose(np.linalg.norm(
            adv_ds.X.tondarray() - start, order, axis=1).max(), dmax)
