"""A second search, from rows next to the boundary and random ones."""
import functools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from secml_regpoison.core import Problem, second_search, solve
from secml_regpoison.core.iterates import Iterate
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import SquaredHinge
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.softmax_model import SoftmaxModel

LMBDA = -8.


def apart(seed, n_classes=None, d=2, n=40, m=30, **kwargs):
    """Classes that are nearly separable."""
    rng = np.random.default_rng(seed)
    y = np.arange(n + m) % (n_classes or 2)
    x = rng.normal(size=(n + m, d)) + 3.5 * y[:, None] * np.array(
        [1.] + [.5] * (d - 1))
    x, y = torch.as_tensor(x), torch.as_tensor(
        y if n_classes else 2. * y - 1).double()
    return Problem(x[:n], y[:n], x[n:], y[n:], n_classes=n_classes, **kwargs)


def attack(problem, n_points=1, **kwargs):
    n_classes = problem.n_classes
    y_p = -problem.y_val if n_classes is None \
        else (problem.y_val + 1) % n_classes
    settings = {'learn_lmbda': False, 'lb': -4., 'ub': 8., 'method':
                'implicit', 'try_vertices': True, **kwargs}
    settings['quasi_newton'] = not settings['learn_lmbda'] \
        and 'dmax' not in settings
    return solve(problem, problem.x_val[:n_points], y_p[:n_points], LMBDA,
                 **settings)


def once(monkeypatch, *args, **kwargs):
    """The attack without a second search."""
    with monkeypatch.context() as patch:
        patch.setattr(second_search, 'MAX_FEATURES', 0)
        return attack(*args, **kwargs)


HINGE = functools.partial(LinearModel, loss=SquaredHinge())


@pytest.mark.parametrize('seed, n_points, kwargs, gain', [
    (7, 1, {}, 8), (9, 3, {}, 4), (7, 1, {'model': HINGE}, 100),
    (0, 1, {'model': SoftmaxModel, 'n_classes': 3}, 2),
    (7, 1, {'preprocess': MeanStd()}, 4), (7, 1, {'method': 'rmd'}, 1.3),
    (7, 1, {'dmax': 4.}, 8), (0, 3, {'dmax': 4.}, 2)])
def test_stronger_by_a_factor(seed, n_points, kwargs, gain, monkeypatch):
    data = {name: kwargs.pop(name) for name in ('n_classes', 'preprocess')
            if name in kwargs}
    problem = apart(seed, **data)
    first = once(monkeypatch, problem, n_points, **kwargs)
    found = attack(problem, n_points, **kwargs)
    assert found.value > gain * first.value
    assert found.f_seq[:len(first.f_seq)] == first.f_seq
    assert found.value in found.f_seq
    assert len(found.lmbda_seq) == len(found.f_seq)
    assert ((found.x_p >= -4) & (found.x_p <= 8)).all()
    moved = torch.linalg.vector_norm(
        found.x_p - problem.x_val[:n_points], dim=1)
    assert (moved <= kwargs.get('dmax', math.inf) + 1e-9).all()


def loss_of_sklearn(problem, point, label):
    """Validation loss of a `LogisticRegression` trained with one point."""
    clf = LogisticRegression(C=math.exp(-LMBDA), tol=1e-8, max_iter=10**4)
    clf.fit(np.vstack([problem.x_tr, point]), [*problem.y_tr, label])
    return float(np.logaddexp(0, -problem.y_val.numpy() * clf.
                              decision_function(problem.x_val)).mean())


@pytest.mark.slow
@pytest.mark.parametrize('seed', [1, 4, 7])
def test_one_point_against_a_grid_of_places(seed, monkeypatch):
    """By scikit-learn, retrained at each place; one search ends below it."""
    problem = apart(seed)
    places = np.linspace(-4, 8, 25)
    worst = max(loss_of_sklearn(problem, point, -problem.y_val[0])
                for point in np.stack(np.meshgrid(places, places), -1
                                      ).reshape(-1, 2))
    assert once(monkeypatch, problem).value < worst
    assert attack(problem).value > .99 * worst


def test_never_weaker_and_no_trace_where_it_finds_nothing(monkeypatch):
    n_in_vain = 0
    for seed in range(8):
        problem = apart(seed)
        first, found = once(monkeypatch, problem, 2), attack(problem, 2)
        assert found.n_evaluations > first.n_evaluations
        if found.value == first.value:
            n_in_vain += 1
            assert found.f_seq == first.f_seq
            assert torch.equal(found.x_p, first.x_p)
        else:
            assert found.value > first.value
    assert 0 < n_in_vain < 8


def test_on_its_own_rows_an_attacker_wants_errors(monkeypatch):
    """By scikit-learn; the other search has four times the loss there."""
    rows = apart(11, m=90)
    problem = Problem(
        rows.x_tr, rows.y_tr, rows.x_val[:30], rows.y_val[:30],
        x_attacker=rows.x_val[30:], y_attacker=rows.y_val[30:])
    found = attack(problem, 3)
    with monkeypatch.context() as patch:
        patch.setattr(second_search, '_lead', lambda _, here, other: (
            here.value - other.value))
        second = attack(problem, 3)
    errors = []
    for x_p in found.x_p, second.x_p:
        clf = LogisticRegression(
            C=math.exp(-LMBDA), tol=1e-10, max_iter=100000).fit(
                torch.cat([problem.x_tr, x_p]),
                torch.cat([problem.y_tr, -problem.y_val[:3]]))
        errors.append((clf.predict(problem.x_attacker)
                       != problem.y_attacker.numpy()).mean())
    assert second.value > 4 * found.value
    assert errors[0] > errors[1] + .2


def test_the_callback_sees_the_path():
    seen = []
    found = attack(apart(7), callback=lambda here: seen.append(here.value))
    assert tuple(seen) == found.f_seq


@pytest.mark.parametrize('settings', [
    {'learn_lmbda': True}, {'try_vertices': False}, {'n_outer': 0}])
def test_where_there_is_none(settings, monkeypatch):
    problem = apart(7)
    first, found = (once(monkeypatch, problem, **settings),
                    attack(problem, **settings))
    assert found.n_evaluations == first.n_evaluations
    assert found.f_seq == first.f_seq


@pytest.mark.parametrize('name', ['', 'x_tr', 'x_val', 'transform', 'd'])
def test_rows_that_points_cannot_stand_at(name, monkeypatch):
    """Sparse rows, other features than the points', and too many."""
    problem = apart(7, d=51 if name == 'd' else 50)
    x_p, y_p = problem.x_val[:1], -problem.y_val[:1]
    if name == 'transform':
        problem = replace(problem, transform=lambda x: (x, lambda grad: grad))
    elif name[:1] == 'x':
        problem = replace(
            problem, **{name: getattr(problem, name).to_sparse_csr()})

    def n_evaluations():
        return solve(problem, x_p, y_p, LMBDA, learn_lmbda=False, n_outer=3,
                     lb=-4., ub=8., method='implicit', try_vertices=True,
                     quasi_newton=True).n_evaluations
    found = n_evaluations()
    monkeypatch.setattr(second_search, 'MAX_FEATURES', 0)
    assert (n_evaluations() < found) == (not name)


def test_rows_of_one_class():
    """There is no row of another: torch drew a number below 0."""
    problem = apart(7)
    problem = replace(problem, y_tr=problem.y_tr.abs(),
                      y_val=problem.y_val.abs())
    found = solve(problem, problem.x_val[:1], problem.y_val[:1], LMBDA,
                  learn_lmbda=False, lb=-4., ub=8., method='implicit',
                  try_vertices=True, quasi_newton=True, n_outer=2)
    assert math.isfinite(found.value)


@pytest.mark.parametrize('upward, order', [
    (1., [3., 2., 1.]), (-1., [1., 2., 3.])])
def test_places_where_training_fails_are_left_out(upward, order):
    """And with a target the least loss harms most."""
    def make(x_p):
        if x_p.item() > 4:
            raise FloatingPointError('diverged')
        return Iterate(x_p, LMBDA, None, x_p.item(), 0., 0., None)
    defender = SimpleNamespace(model=SimpleNamespace(
        problem=SimpleNamespace(upward=upward)))
    found = second_search._by_harm(
        defender, make, [torch.tensor(value) for value in (1., 3., 2., 5.)])
    assert [here.value for here in found] == order


def test_rows_next_to_a_class_lead_it_least():
    """Of each other class by its own score, less that of the label."""
    problem, rng = apart(0, 3, n=20, m=10), np.random.default_rng(0)
    w, b = torch.as_tensor(rng.normal(size=(3, 2))), torch.as_tensor(
        rng.normal(size=3))
    rows = second_search._Rows(problem, problem.x_val[:1], SimpleNamespace(
        w=w, b=b))
    x, y = np.r_[problem.x_tr, problem.x_val], np.r_[
        problem.y_tr, problem.y_val].astype(int)
    scores = x @ w.numpy().T + b.numpy()
    for label in range(3):
        lead = {tuple(row): of[k] - of[label]
                for row, k, of in zip(x, y, scores) if k != label}
        expected = sorted(lead, key=lead.get)[:second_search.N_ROWS]
        found = rows.next_to(torch.tensor(label).double())
        np.testing.assert_array_equal(found, expected)
