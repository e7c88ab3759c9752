"""Single moves of points that hold whole numbers, or one of some values."""
import itertools

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from refusals import raises
from secml_regpoison.core import Problem, solve
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.single_moves import MOST_OUTSIDE, SingleMoves
from secml_regpoison.core.softmax_model import SoftmaxModel
from secml_regpoison.core.sphere_slab import SphereSlab

GROUPS = ((0, 1, 2), (3, 4, 5, 6))
D = 7


def one_hot(rng, n):
    """Two columns of three and four values each, as 0 and 1."""
    return torch.as_tensor(np.hstack([
        np.eye(len(group))[rng.integers(0, len(group), n)]
        for group in GROUPS]))


def problem(seed=0, n_classes=None, **kwargs):
    rng = np.random.default_rng(seed)
    x, signal = one_hot(rng, 60), torch.as_tensor(rng.normal(size=D))
    y = (x @ signal + .5 * torch.as_tensor(rng.normal(size=60))).argsort(
        ).argsort() * (n_classes or 2) // 60
    y = y.double() if n_classes else 2. * y.double() - 1
    return Problem(x[:40], y[:40], x[40:], y[40:], n_classes=n_classes,
                   **kwargs)


def moved(problem, x, y, moves, lmbda=-2., **kwargs):
    """Where the moves from `x` lead, and no step of the ascent."""
    return solve(problem, x, y, lmbda, lb=kwargs.pop('lb', 0.),
                 ub=kwargs.pop('ub', 1.), moves=moves, **{
                     'learn_lmbda': False, 'method': 'implicit',
                     'n_outer': 0, **kwargs})


def value(problem, x, y, lmbda=-2., **kwargs):
    return moved(problem, x, y, SingleMoves(), lmbda, **kwargs).value


def neighbours(x):
    """All points that one move leads to."""
    for i, group in itertools.product(range(len(x)), GROUPS):
        for j in group:
            near = x.clone()
            near[i, list(group)] = 0.
            near[i, j] = 1.
            yield near


@pytest.mark.parametrize('kwargs', [
    {}, {'preprocess': MeanStd()}, {'n_classes': 3}])
def test_no_further_move_does_more_harm(kwargs):
    data = problem(**kwargs)
    y = data.y_val[:4]
    model = {'model': SoftmaxModel} if data.n_classes else {}
    start = data.x_val[:4]
    found = moved(data, start, y, SingleMoves((), GROUPS), **model)
    assert found.value > 1.05 * value(data, start, y, **model)
    for group in GROUPS:
        assert (found.x_p[:, group].sort().values[:, -1] == 1).all()
        assert (found.x_p[:, group].sum(1) == 1).all()
    # but for moves of which the derivative promises nothing
    best = max(value(data, near, y, **model) for near in neighbours(
        found.x_p))
    assert found.value >= .98 * best
    assert found.f_seq[0] == pytest.approx(
        value(data, start, y, **model)) and found.f_seq[-1] == found.value
    assert list(found.f_seq) == sorted(found.f_seq)


def test_with_target_labels_the_moves_lower_the_loss():
    data = problem(y_target=-problem().y_val)
    y, start = data.y_val[:4], data.x_val[:4]
    found = moved(data, start, y, SingleMoves((), GROUPS))
    assert found.value < .95 * value(data, start, y)
    best = min(value(data, near, y) for near in neighbours(found.x_p))
    assert found.value <= 1.02 * best


def test_the_loss_is_that_of_scikit_learn():
    data = problem()
    x, y = data.x_val[:4], data.y_val[:4]
    found = moved(data, x, y, SingleMoves((), GROUPS))
    clf = LogisticRegression(C=np.exp(2.), tol=1e-10, max_iter=10000).fit(
        torch.cat([data.x_tr, found.x_p]), torch.cat([data.y_tr, y]))
    margins = data.y_val.numpy() * clf.decision_function(data.x_val)
    assert found.value == pytest.approx(
        np.logaddexp(0, -margins).mean(), rel=1e-5)


def test_whole_numbers_move_by_one_inside_their_box():
    rng = np.random.default_rng(1)
    x = torch.as_tensor(rng.integers(0, 5, (70, 3)).astype(float))
    y = 2. * (x.sum(1) + torch.as_tensor(rng.normal(size=70)) > 6).double() - 1
    data = Problem(x[:40], y[:40], x[40:], y[40:])
    start, labels = x[40:44], -y[40:44]
    found = moved(data, start, labels, SingleMoves((0, 2)), ub=4.)
    assert found.value > 1.05 * value(data, start, labels, ub=4.)
    assert (found.x_p == found.x_p.round()).all()
    assert (found.x_p >= 0).all() and (found.x_p <= 4).all()
    assert (found.x_p[:, 1] == start[:, 1]).all()
    # the same of the command's step: whole numbers by `solve` itself
    mask = torch.tensor([True, True, True])
    best = [solve(data, start, labels, -2., learn_lmbda=False,
                  method='implicit', feasible=FeasibleSet(
                      start, x.new_zeros(3), x.new_full((3,), 4.),
                      integers=mask), moves=moves).value
            for moves in (SingleMoves(), SingleMoves((0, 1, 2)))]
    assert best[1] >= best[0]


def test_a_value_that_the_box_keeps_out_is_not_taken():
    data = problem()
    ub = torch.tensor([1., 0., 1., 1., 0., 1., 0.], dtype=torch.float64)
    x = torch.zeros(4, D, dtype=torch.float64)
    x[:, [0, 3]] = 1.
    found = moved(data, x, data.y_val[:4], SingleMoves((), GROUPS), ub=ub)
    assert (found.x_p[:, ub == 0] == 0).all()
    assert (found.x_p != x).any()


def test_points_stay_in_the_filter():
    data = problem()
    x, y = data.x_tr[:4], data.y_tr[:4]
    clean = SphereSlab.fit(data.x_tr, data.y_tr, .5, torch.ones_like(
        data.x_tr[0])).for_labels(y)
    starts = torch.stack([
        next(row for row, label in zip(data.x_tr, data.y_tr)
             if label == y[i] and clean.passes(row.expand(4, -1))[i])
        for i in range(4)])
    box = FeasibleSet(starts, x.new_zeros(D), x.new_ones(D), filter=clean)
    found = solve(data, starts, y, -2., learn_lmbda=False, n_outer=0,
                  method='implicit', feasible=box,
                  moves=SingleMoves((), GROUPS))
    assert clean.passes(found.x_p).all()
    free = moved(data, starts, y, SingleMoves((), GROUPS))
    assert not clean.passes(free.x_p).all()
    assert value(data, starts, y) <= found.value < free.value


def test_moves_that_leave_a_ball_are_not_looked_for_without_end(monkeypatch):
    """No move by one fits in it."""
    rng = np.random.default_rng(0)
    x = torch.as_tensor(rng.integers(0, 9, (60, 60)).astype(float))
    data = Problem(x[:40], (-1.) ** torch.arange(40).double(), x[40:],
                   (-1.) ** torch.arange(20).double())
    start, looked, contains = x[40:60], [], FeasibleSet.contains
    ball = FeasibleSet(start, x.new_zeros(60), x.new_full((60,), 9.), .9)
    monkeypatch.setattr(FeasibleSet, 'contains', lambda self, x: (
        looked.append(1), contains(self, x))[1])
    found = solve(data, start, data.y_val, 0., learn_lmbda=False, n_outer=0,
                  method='implicit', feasible=ball,
                  moves=SingleMoves(tuple(range(60))))
    assert (found.x_p == start).all()
    assert MOST_OUTSIDE <= len(looked) <= MOST_OUTSIDE + 2


def test_a_learned_lambda_is_the_best_answer_in_the_end():
    data = problem(3)
    x, y = data.x_val[:8], -data.y_val[:8]
    found, start = (moved(data, x, y, moves, learn_lmbda=True)
                    for moves in (SingleMoves((), GROUPS), SingleMoves()))
    assert found.value > start.value
    grid = [value(data, found.x_p, y, lmbda)
            for lmbda in np.linspace(-8, 11.5, 40)]
    assert found.value <= min(grid) * (1 + 1e-3)
    assert found.lmbda == found.lmbda_seq[-1]


@pytest.mark.parametrize('seed', [1, 2])
def test_who_hides_moves_by_its_errors(seed):
    """Of scikit-learn, on its own rows, at the best lambda."""
    whole = problem(seed)
    data = Problem(whole.x_tr, whole.y_tr, whole.x_val[:8], whole.y_val[:8],
                   x_attacker=whole.x_val[8:], y_attacker=whole.y_val[8:])
    x, y, errors = whole.x_tr[:8], -whole.y_tr[:8], []
    for moves in SingleMoves(), SingleMoves((), GROUPS):
        found = moved(data, x, y, moves, learn_lmbda=True, camouflage=.5)
        clf = LogisticRegression(
            C=np.exp(-found.lmbda), tol=1e-10, max_iter=10000).fit(
                torch.cat([data.x_tr, found.x_p]), torch.cat([data.y_tr, y]))
        errors.append((clf.predict(data.x_attacker)
                       != data.y_attacker.numpy()).mean())
    assert errors[1] > errors[0]
    assert found.lmbda == found.lmbda_seq[-1]


def test_the_number_of_tries():
    data, trainings = problem(3), []
    for n_tries, patience in (0, 20), (5, 20), (50, 1), (200, 20):
        found = moved(data, data.x_val[:8], data.y_val[:8], SingleMoves(
            (), GROUPS, n_tries, patience))
        trainings.append(found.n_trainings)
    assert trainings[0] == 1 and trainings[1] <= 6
    assert trainings[2] < trainings[3] <= 201


def test_nothing_moves_where_nothing_may():
    data = problem()
    x, y = data.x_val[:2], data.y_val[:2]
    assert (moved(data, x, y, SingleMoves()).x_p == x).all()
    with raises(TypeError, '`moves` must be SingleMoves, got tuple'):
        moved(data, x, y, GROUPS)
