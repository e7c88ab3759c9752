"""Vertices of the feasible set that do more harm than where a search ended."""
import functools
import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from core_problems import clouds

from secml_regpoison.core import (
    Problem, hypergradient, second_search, solve)
from secml_regpoison.core.defender import Defender
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.iterates import Iterate
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Squared, SquaredHinge
from secml_regpoison.core.softmax_model import SoftmaxModel
from secml_regpoison.core.solvers import Training
from secml_regpoison.core.vertices import best_vertex


@pytest.fixture(autouse=True)
def one_search(monkeypatch):
    """No second search: see test_second_search.py."""
    monkeypatch.setattr(second_search, 'MAX_FEATURES', 0)


def pair(problem, n_points=1, lmbda=-2., box=4., **kwargs):
    """The attack without vertices, and with."""
    y_p = -problem.y_val[:n_points] if problem.n_classes is None \
        else (problem.y_val[:n_points] + 1) % problem.n_classes
    given = {'learn_lmbda': False, 'lb': -box, 'ub': box,
             'method': 'implicit', **kwargs}
    given['quasi_newton'] = not given['learn_lmbda'] and not (
        {'dmax', 'feasible'} & set(given))
    return [solve(problem, problem.x_val[:n_points], y_p, lmbda,
                  try_vertices=vertices, **given)
            for vertices in (False, True)] + [y_p]


MODELS = {
    'logistic': LinearModel,
    'hinge': functools.partial(LinearModel, loss=SquaredHinge()),
    'ridge': functools.partial(LinearModel, loss=Squared()),
    'softmax': SoftmaxModel}


@pytest.mark.parametrize('name, learn_lmbda, seed, n_points', [
    ('logistic', False, 9, 1), ('logistic', True, 2, 1),
    ('hinge', False, 8, 3), ('hinge', True, 10, 1), ('ridge', False, 1, 3),
    ('ridge', True, 10, 1), ('softmax', False, 23, 3),
    ('softmax', True, 21, 1)])
def test_stronger_where_the_search_ends_below_a_vertex(
        name, learn_lmbda, seed, n_points):
    problem = clouds(seed, n_classes=3 if name == 'softmax' else None)
    without, found, _ = pair(problem, n_points, learn_lmbda=learn_lmbda,
                             model=MODELS[name])
    assert found.value > 1.03 * without.value
    assert found.f_seq[:len(without.f_seq)] == without.f_seq
    assert found.value in found.f_seq
    assert (found.x_p.abs() <= 4).all()


@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('learn_lmbda', [False, True])
def test_never_weaker(name, learn_lmbda):
    for seed in range(4):
        problem = clouds(seed, n_classes=3 if name == 'softmax' else None)
        without, found, _ = pair(problem, 3, learn_lmbda=learn_lmbda,
                                 model=MODELS[name])
        assert found.value >= without.value


def loss_of_sklearn(problem, x_p, y_p, lmbda):
    """Validation loss of a `LogisticRegression` trained with the points."""
    x, y = torch.cat([problem.x_tr, x_p]), torch.cat([problem.y_tr, y_p])
    clf = LogisticRegression(C=math.exp(-lmbda), tol=1e-10, max_iter=10**4)
    margins = problem.y_val.numpy() * clf.fit(x, y).decision_function(
        problem.x_val)
    return float(np.logaddexp(0, -margins).mean())


@pytest.mark.slow
def test_one_point_against_all_vertices():
    """By scikit-learn, retrained with the point at each of the 8."""
    short = np.zeros(2, int)
    for seed in range(30):
        problem = clouds(seed)
        *found, y_p = pair(problem)
        assert found[1].value == pytest.approx(loss_of_sklearn(
            problem, found[1].x_p, y_p, -2.), rel=1e-6)
        best = max(loss_of_sklearn(problem, torch.tensor([corner]), y_p, -2.)
                   for corner in itertools.product([-4., 4.], repeat=3))
        short += [one.value < .999 * best for one in found]
    assert short[0] > 2 and not short[1]


def test_a_target_is_reached_by_descent():
    problem = clouds(3)
    aimed = Problem(problem.x_tr, problem.y_tr, problem.x_val, problem.y_val,
                    torch.ones_like(problem.y_val))
    gains = [found.value / without.value for without, found, _ in (
        pair(aimed, n_points, lmbda=lmbda) for n_points in (1, 3)
        for lmbda in (-6., -2., 0.))]
    assert max(gains) <= 1 and min(gains) < .99


def test_the_vertex_by_the_classifier_of_the_far_one_is_tried():
    """Its weights are others than those of the start."""
    far, worst = ([[-1., -1.]], [[-1., 1.]])

    def evaluate(x_p, lmbda):
        at = x_p.tolist()
        return SimpleNamespace(
            x_p=x_p, lmbda=lmbda, value=float(at == worst),
            grad_x_p=torch.ones(1, 2), trained=SimpleNamespace(
                w=torch.tensor([1., -1. if at == far else 1.])))
    defender = SimpleNamespace(
        camouflage=0., bounds=None, evaluate=evaluate,
        model=SimpleNamespace(problem=SimpleNamespace(upward=1)),
        gain=lambda here, before: here.value - before.value)
    x_0 = torch.zeros(1, 2)
    found = best_vertex(defender, FeasibleSet(
        x_0, -torch.ones(2), torch.ones(2)), x_0, torch.ones(1),
        evaluate(x_0, 0.))
    assert found.x_p.tolist() == worst


def test_where_there_are_no_vertices():
    """Without bounds, and without steps; a ball has its own."""
    problem = clouds(2)
    for kwargs in ({'box': math.inf}, {'n_outer': 0}):
        without, found, _ = pair(problem, **kwargs)
        assert found.f_seq == without.f_seq
    for distance in ('l1', 'l2'):
        without, found, _ = pair(problem, dmax=2., distance=distance)
        assert found.value >= without.value
        moved = torch.linalg.vector_norm(
            found.x_p - problem.x_val[:1], int(distance[1]))
        assert moved <= 2 + 1e-9


def test_a_vertex_where_training_diverges_is_left_out():
    """A step size for the rows, and a box that is much too wide for it."""
    problem = clouds(2)
    settings = {'method': 'rmd', 'eta': .02, 'momentum': 0., 'n_inner': 200,
                'model': MODELS['ridge']}
    with pytest.raises(FloatingPointError), pytest.warns(match='eta'):
        hypergradient(problem, problem.x_val[:1] + 1e3, -problem.y_val[:1],
                      -2., **settings)
    without, found, _ = pair(problem, box=1e3, n_outer=2, step=.1,
                             **settings)
    assert found.f_seq == without.f_seq


@pytest.mark.parametrize('name', ['evaluate', 'grad_x_p'])
def test_a_search_that_has_ended_is_not_lost(name, monkeypatch):
    """Where nothing can be trained at its start with the lambda that it ended
    with, or differentiated."""
    def fails(*args):
        raise FloatingPointError('not finite')
    problem = clouds(2)
    x_p, y_p = problem.x_val[:1], -problem.y_val[:1]
    defender = Defender(LinearModel(problem, y_p, Training('implicit')), None,
                        None)
    best, ub = defender.evaluate(x_p, -2.), torch.full_like(x_p, 4.)
    monkeypatch.setattr(*{
        'evaluate': (defender, name, fails),
        'grad_x_p': (Iterate, name, property(fails))}[name])
    assert best_vertex(defender, FeasibleSet(x_p, -ub, ub), x_p, y_p,
                       best) is None


def test_points_that_hold_whole_numbers():
    problem = clouds(2)
    whole = torch.tensor([True, False, False])
    x_0 = problem.x_val[:2].round()
    feasible = FeasibleSet(x_0, -x_0.new_tensor(3.5),
                           x_0.new_tensor(3.5), integers=whole)
    found = pair(problem, 2, feasible=feasible)[1]
    assert (found.x_p[:, 0] == found.x_p[:, 0].round()).all()
    assert (found.x_p.abs() <= 3.5).all()
