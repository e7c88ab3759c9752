"""The L2 penalty, and what kernel coordinates ask of a penalty."""
import math
from functools import partial

import pytest
import torch

from core_problems import compare, make

from secml_regpoison.core import hypergradient
from secml_regpoison.core.coordinates import (
    PrimalCoordinates, make_coordinates, signed_rows)
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.penalties import L1, L2
from secml_regpoison.core.penalties.strength import Strength
from secml_regpoison.core.solvers import Training


@pytest.mark.parametrize('beta', (0., 1.))
def test_value_gradient_and_derivative_by_lambda(beta):
    w = torch.tensor([1., -2.], dtype=torch.float64, requires_grad=True)
    b = torch.tensor(3., dtype=torch.float64, requires_grad=True)
    penalty = L2(.5, 7, beta)
    value = penalty.value(w, b)
    assert float(value.detach()) == pytest.approx(
        math.exp(.5) / 14 * (5 + 9 * beta), rel=1e-15)
    found = penalty.gradient(w, b)
    for got, want in zip(found, torch.autograd.grad(
            value, (w, b), materialize_grads=True)):
        torch.testing.assert_close(got, want)
    # p . d gradient / d lambda
    p_w, p_b = torch.tensor([.3, .4], dtype=torch.float64), .7
    step = 1e-6
    ahead, behind = (L2(.5 + t, 7, beta).gradient(w, b)
                     for t in (step, -step))
    compare(penalty.bilinear(p_w @ w + p_b * b, p_b * b).detach(), (
        p_w @ (ahead[0] - behind[0]) + p_b * (ahead[1] - behind[1])
    ).detach() / (2 * step), 1e-8)


def test_a_bias_is_penalised_or_not():
    with pytest.raises(ValueError, match='`beta` must be 0 or 1, got 0.5'):
        L2(0., 7, .5)


class OneStrengthAFeature(L2):
    """As much of such a penalty as the choice of coordinates looks at."""

    is_isotropic = False


def test_kernel_coordinates_need_an_isotropic_penalty():
    problem, x_p, y_p = make(n=12, d=50)
    arguments = problem, signed_rows(x_p, y_p), OneStrengthAFeature(0., 15)
    assert not isinstance(make_coordinates(*arguments[:2], L2(0., 15)),
                          PrimalCoordinates)
    assert isinstance(make_coordinates(*arguments), PrimalCoordinates)
    with pytest.raises(ValueError, match='need one isotropic L2'):
        LinearModel(problem, y_p, Training(form='gram'),
                    penalty=OneStrengthAFeature)


def of_twice_the_strength(base):
    class Twice(base):
        @property
        def strength(self):
            return 2 * super().strength
    return Twice


@pytest.mark.parametrize('penalty, methods', [
    (L2, ('rmd', 'fmd', 'implicit')), (L1, ('rmd', 'implicit'))])
def test_a_subclass_may_change_the_strength(penalty, methods):
    """Twice the strength is that of lambda + ln 2."""
    problem, x_p, y_p = make()
    for method in methods:
        got, expected = (hypergradient(
            problem, x_p, y_p, lmbda, method, eta=.05,
            model=partial(LinearModel, penalty=kind)) for lmbda, kind in (
                (-1., of_twice_the_strength(penalty)),
                (-1. + math.log(2), penalty)))
        for found, wanted in zip(got, expected):
            compare(found, wanted, 1e-9)


class Huber(Strength):
    """Smooth and no L2; a solver would train with L2 in its place."""

    is_smooth, is_isotropic, lmbda_step = True, False, 1.5


class OwnGradient(L2):
    def gradient(self, w, b):
        return self.strength * w * abs(w), self.strength * self.beta * b


class OwnStrengths(L1):
    def strengths(self, u):
        return super().strengths(u) * torch.arange(len(u))


@pytest.mark.parametrize('penalty', (Huber, OwnGradient, OwnStrengths))
def test_a_penalty_that_no_solver_has_is_refused(penalty):
    problem, x_p, y_p = make()
    with pytest.raises(ValueError, match='`penalty` must be L1, L2 or a subc'
                       f"lass that .* alone, got '{penalty.__name__}'"):
        hypergradient(problem, x_p, y_p, 0., model=partial(
            LinearModel, penalty=penalty))
