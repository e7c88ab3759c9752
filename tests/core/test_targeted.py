"""Points that pull the model towards a target."""
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from secml_regpoison.core import Problem
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.targeted import (
    LMBDAS, MOST_PLACED, WEIGHTS, make_targets, targeted_points)


def problem(d=2, **kwargs):
    """Overlapping clouds: 40 training rows, 20 of each player."""
    rng = np.random.default_rng(0)
    y = (-1.) ** np.arange(80)
    x = torch.as_tensor(rng.normal(size=(80, d)) + .8 * y[:, None])
    y = torch.as_tensor(y)
    return Problem(x[:40], y[:40], x[40:60], y[40:60], x_attacker=x[60:],
                   y_attacker=y[60:], **kwargs)


def points(problem, y_p, **kwargs):
    """Those of each target, in a box of -2 to 2."""
    bound = torch.full_like(problem.x_tr[0], 2.)
    starts = torch.zeros(len(y_p), len(bound), dtype=torch.float64)
    return list(targeted_points(
        problem, y_p, FeasibleSet(starts, -bound, bound, **kwargs),
        LinearModel, make_targets(problem, LinearModel)))


def fit(lmbda, *parts):
    """scikit-learn's model of parts: rows, labels and their weight."""
    return LogisticRegression(
        C=np.exp(-lmbda), tol=1e-10, max_iter=10000).fit(
            torch.cat([x for x, _, _ in parts]),
            torch.cat([y for _, y, _ in parts]),
            np.concatenate([np.full(len(y), c) for _, y, c in parts]))


def wrong(data, y, x_p, y_p):
    """Share of the attacker's rows that are not called y, scikit-learn's."""
    clf = fit(0., (data.x_tr, data.y_tr, 1.), (x_p, y_p[:len(x_p)], 1.))
    return (clf.predict(data.x_attacker) != y.numpy()).mean()


VERTICES = torch.tensor(list(itertools.product([-2., 2.], repeat=2)),
                        dtype=torch.float64)
ANGLES = torch.linspace(0., 2 * math.pi, 721, dtype=torch.float64)
CIRCLE = 1.5 * torch.stack([ANGLES.cos(), ANGLES.sin()], 1)
TIPS = torch.tensor([[2., 0.], [-2., 0.], [0., 2.], [0., -2.]],
                    dtype=torch.float64)
PLAIN = torch.eye(2, dtype=torch.float64)
TURN = torch.tensor([[.6, .8], [-.8, .6]], dtype=torch.float64)


@pytest.mark.parametrize('kwargs, places, apart, matrix', [
    ({}, VERTICES, 0., PLAIN), ({'dmax': 1.5}, CIRCLE, .01, PLAIN),
    ({'dmax': 2., 'distance': 'l1'}, TIPS, 0., PLAIN),
    ({'dmax': 1.5}, CIRCLE, .01, TURN)])
def test_each_point_is_where_the_losses_differ_most(
        kwargs, places, apart, matrix):
    """Of all places, nearly, by scikit-learn's models of the points so far
    and of the target, in features. Differences are up to 4.2."""
    data = problem(transform=lambda x: (x @ matrix,
                                        lambda grad: grad @ matrix.T))
    y_p = torch.tensor([1., -1., -1.], dtype=torch.float64)
    of_targets = itertools.product(LMBDAS, WEIGHTS)
    found = points(data, y_p, **kwargs)
    assert len(found) == len(LMBDAS) * len(WEIGHTS)
    for x_p, (lmbda, (trusted, own)) in zip(found, of_targets):
        target = fit(lmbda, (data.x_tr, data.y_tr, 1.),
                     (data.x_val, data.y_val, trusted),
                     (data.x_attacker, -data.y_attacker, own))
        for k in range(3):
            assert torch.cdist(x_p[k:k + 1], places).min() <= apart
            now = fit(lmbda, (data.x_tr, data.y_tr, 1.),
                      (x_p[:k] @ matrix, y_p[:k], 1.))
            gap = np.subtract(*(np.logaddexp(
                0, -y_p[k].item() * clf.decision_function(
                    torch.cat([places, x_p[k:k + 1]]) @ matrix))
                for clf in (now, target)))
            assert gap[-1] > gap.max() - .05


@pytest.mark.parametrize('preprocess', [None, MeanStd()])
def test_the_model_comes_to_err_on_the_attackers_rows(preprocess):
    """With more points than are placed one by one; in the units of the rows
    as the clean ones fit them."""
    data = problem(5, preprocess=preprocess)
    y_p = (-1.) ** torch.arange(MOST_PLACED + 5).double()
    found = points(data, y_p)
    assert all((x_p.abs() == 2).all() for x_p in found)

    def errors(x_p):
        return wrong(data, data.y_attacker, x_p, y_p)
    assert max(map(errors, found)) > errors(data.x_tr[:0]) + .3


def test_the_model_comes_to_give_one_label():
    data = problem(5)
    wanted = torch.ones_like(data.y_attacker)
    data = replace(data, y_target=wanted)
    y_p = torch.ones(8, dtype=torch.float64)

    def errors(x_p):
        return wrong(data, wanted, x_p, y_p)
    assert min(map(errors, points(data, y_p))) < errors(data.x_tr[:0]) - .25
