"""Bounds of the largest training objective: from above and from below."""
import math

import numpy as np
import pytest
import torch
from scipy import optimize

from secml_regpoison.core.certificate import _worst, enclose
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.losses import Logistic, Squared, SquaredHinge
from secml_regpoison.core.sphere_slab import SphereSlab

D, P = 3, 8
LOSSES = {'logistic': (Logistic(), lambda h: np.logaddexp(0, h)),
          'squared': (Squared(), lambda h: (1 + h) ** 2),
          'squared hinge': (SquaredHinge(),
                            lambda h: np.maximum(0, 1 + h) ** 2)}


def clouds():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(40) % 2, 1., -1.)
    x = np.clip(.5 + .2 * y[:, None] + .15 * rng.normal(size=(40, D)), 0, 1)
    return x, y


def box_and_filter(x, y, filtered):
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    passes = SphereSlab.fit(x, y, .8, torch.ones(D).double())
    return FeasibleSet(torch.zeros(2, D).double(), torch.zeros(1).double(),
                       torch.ones(1).double(),
                       filter=passes if filtered else None)


def oracle_of_box(x, y, value, lmbda, beta):
    """U by epigraph: the largest loss is at a corner of the box."""
    n = len(x) + P
    corners = np.array(np.meshgrid(*[[0., 1.]] * D)).reshape(D, -1).T

    def of(z):
        h = -y * (x @ z[:D] + z[D])
        return (value(h).sum() + P * z[-1]) / n + math.exp(lmbda) / (
            2 * n) * (z[:D] @ z[:D] + beta * z[D] ** 2)

    def room(z):
        scores = corners @ z[:D] + z[D]
        return z[-1] - value(np.r_[scores, -scores])
    start = np.r_[np.zeros(D + 1), 10.]
    return optimize.minimize(
        of, start, method='SLSQP', constraints={'type': 'ineq', 'fun': room},
        options={'ftol': 1e-12, 'maxiter': 1000}).fun


@pytest.mark.parametrize('beta', [0., 1.])
@pytest.mark.parametrize('name', LOSSES)
def test_the_box_against_its_corners(name, beta):
    x, y = clouds()
    loss, value = LOSSES[name]
    for lmbda in (-3., 2.):
        found = enclose(torch.as_tensor(x), torch.as_tensor(y),
                        box_and_filter(x, y, False), P, lmbda, loss, beta,
                        rtol=1e-4)
        expected = oracle_of_box(x, y, value, lmbda, beta)
        assert found.gap <= 1e-4
        assert found.lower <= expected * (1 + 1e-7)
        assert found.upper >= expected * (1 - 1e-7)


@pytest.mark.parametrize('filtered', [False, True])
def test_the_lower_end_is_an_attack(filtered):
    """Its value is that of training on the weighted points, and these are in
    the set; with looser tolerances the ends are further apart, never across.
    """
    x, y = clouds()
    feasible, lmbda = box_and_filter(x, y, filtered), 1.
    ends = [enclose(torch.as_tensor(x), torch.as_tensor(y), feasible, P,
                    lmbda, Logistic(), 0., rtol=rtol)
            for rtol in (.2, .02, 1e-3)]
    assert ends[0].gap > ends[2].gap and ends[2].gap <= 1e-3
    assert all(one.lower <= other.upper for one in ends for other in ends)
    last, n = ends[2], len(x) + P
    assert float(last.weights.sum()) == pytest.approx(1)
    both = FeasibleSet(
        last.points, feasible.lb, feasible.ub,
        filter=feasible.filter.for_labels(last.labels) if filtered else None)
    assert both.contains(last.points).all()
    rows = np.vstack([x, last.points.numpy()])
    signs = np.r_[y, last.labels.numpy()]
    c = np.r_[np.ones(len(x)), P * last.weights.numpy()] / n

    def objective(u):
        return c @ np.logaddexp(0, -signs * (rows @ u[:D] + u[D])) \
            + math.exp(lmbda) / (2 * n) * u[:D] @ u[:D]
    trained = optimize.minimize(objective, np.zeros(D + 1),
                                options={'gtol': 1e-9}).fun
    assert last.lower == pytest.approx(trained, rel=1e-6)


@pytest.mark.parametrize('bias', [-4., 0., 4.])
@pytest.mark.parametrize('name', LOSSES)
def test_the_largest_loss_of_each_label_is_at_a_corner(name, bias):
    """The squared loss of a row far on its right side is larger still further
    away."""
    loss, value = LOSSES[name]
    u = torch.tensor([1., -2., 3., bias]).double()
    rows, largest = _worst(u, box_and_filter(*clouds(), False), loss)
    corners = np.array(np.meshgrid(*[[0., 1.]] * D, [1.])).reshape(D + 1, -1).T
    losses = [value(-y * (corners @ u.numpy())).max() for y in (-1., 1.)]
    np.testing.assert_allclose(value((rows @ u).numpy()), losses, rtol=1e-12)
    assert float(largest) == pytest.approx(max(losses), rel=1e-12)
