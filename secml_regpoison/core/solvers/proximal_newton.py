"""Training to the optimum with the L1 penalty, by proximal Newton steps.

A step minimises the penalty plus the second-order model of the loss, exactly,
by feature-sign search (Lee, Battle, Raina and Ng 2007); a step that does not
lower the objective enough is shortened (Lee, Sun and Saunders 2014). Only the
weights that are not zero take part, and as many others whose derivative
exceeds ``mu`` most.

The model's coordinates are those of the weights that are not zero. A small
change of the rows or of lambda leaves the others at zero, so that the
hypergradient of `.implicit.reverse` is that of these coordinates.
"""
import math
from typing import Optional

import torch
from torch import Tensor

from ..coordinates import PrimalCoordinates, SupportCoordinates
from ..linalg import singular, warn_imprecise
from ..losses import Loss
from ..penalties.l1 import least_subgradient
from ..problem import Problem
from . import feature_sign
from .newton import tolerance
from .proximal import loss_gradient
from .training import TrainedModel, Training

MAX_STEPS = 500
# At least so many weights may leave zero in a step.
MIN_ENTERING = 20
# The model of a step is minimised to this share of its first subgradient.
MODEL_RTOL = 1e-3


def proximal_newton(coordinates: PrimalCoordinates, loss: Loss,
                    training: Training, problem: Problem,
                    start: Optional[TrainedModel] = None) -> TrainedModel:
    """The optimum, from the weights of `start`, or from 0 if that is better.

    The tolerance is relative to the gradient at 0 and to ``mu``: the zeros
    of the optimum are decided by differences of the size of ``mu``.
    """
    tol = tolerance(training, coordinates.rows_p.dtype)
    mu = coordinates.penalty.strengths(coordinates.rows_p)
    zero = torch.zeros_like(mu)
    scale = float(torch.linalg.vector_norm(loss_gradient(
        coordinates, loss, coordinates.matvec(zero))))
    u = zero
    if start is not None:
        u = torch.cat([start.w, start.b[None]])
        if not _objective(coordinates, loss, mu, u) < _objective(
                coordinates, loss, mu, zero):
            u = zero
    u, size = _steps(coordinates, loss, mu, u,
                     tol * min(scale, coordinates.penalty.strength))
    if not size <= tol * scale:
        warn_imprecise('training stopped at a relative subgradient norm',
                       size / (scale or 1.), tol, u.dtype)
    part = SupportCoordinates(
        coordinates, ((u != 0) | (mu == 0)).nonzero()[:, 0])
    u = u[part.support]
    return TrainedModel(part, loss, u, u[None], part.matvec(u)[None],
                        grad_norm=size / (scale or 1.))


def _objective(coordinates: PrimalCoordinates, loss: Loss, mu: Tensor,
               u: Tensor) -> float:
    return float(loss.value(coordinates.matvec(u)).mean() + mu @ u.abs())


def _steps(coordinates: PrimalCoordinates, loss: Loss, mu: Tensor, u: Tensor,
           tol: float) -> tuple[Tensor, float]:
    """Steps from `u` until the subgradient is small or stays, and its norm."""
    size_below_rounding = math.inf
    for _ in range(MAX_STEPS):
        h = coordinates.matvec(u)
        grad = loss_gradient(coordinates, loss, h)
        residual = least_subgradient(u, grad, mu)
        size = float(torch.linalg.vector_norm(residual))
        if size <= tol:
            break
        part = SupportCoordinates(coordinates, _working_set(u, mu, residual))
        here, places = u[part.support], part.support
        step = _model_minimiser(part, loss, h, grad[places], mu[places],
                                here) - here
        t, decrease_seen = _line_search(
            loss, h, part.matvec(step), grad[places], mu[places], here, step)
        if not t or not decrease_seen and size > .5 * size_below_rounding:
            break
        u = u.index_copy(0, places, here + t * step)
        size_below_rounding = math.inf if decrease_seen else size
    return u, size


def _working_set(u: Tensor, mu: Tensor, residual: Tensor) -> Tensor:
    """Places of the weights that take part in a step."""
    active = (u != 0) | (mu == 0)
    outside = torch.where(active, 0., residual.abs())
    count = min(max(MIN_ENTERING, int(active.sum())),
                int((outside > 0).sum()))
    active[outside.topk(count).indices] = True
    return active.nonzero()[:, 0]


def _model_minimiser(part: SupportCoordinates, loss: Loss, h: Tensor,
                     grad: Tensor, mu: Tensor, here: Tensor) -> Tensor:
    """The minimiser of the penalty and the second-order model of the loss.

    Damped until the Hessian is positive definite: where more weights take
    part than rows are near the margin it is not. In units in which its
    diagonal is about 1: one damping, and one norm, for columns of any units.
    """
    # not that of `part`, which is damped by its largest column
    hess = PrimalCoordinates.hessian(part, loss.curvature(h) / part.n)
    bound = loss.curvature_bound / part.n * (
        part.rows_tr.square().sum(0) + part.rows_p.square().sum(0))
    damping = torch.finfo(h.dtype).eps ** .6
    unit = (hess.diagonal() + damping * bound).sqrt()
    unit[unit == 0] = 1.
    hess.div_(unit).div_(unit[:, None])
    grad, mu, here = grad / unit, mu / unit, here * unit
    for _ in range(20):
        hess.diagonal().add_(damping)
        try:
            return feature_sign.minimise(grad - hess @ here, hess, mu, here,
                                         MODEL_RTOL) / unit
        except FloatingPointError:
            damping *= 100
    raise singular(h.dtype)


def _line_search(loss: Loss, h: Tensor, dh: Tensor, grad: Tensor, mu: Tensor,
                 here: Tensor, step: Tensor) -> tuple[float, bool]:
    """1 if ``here + step`` lowers the objective enough, else the t at which
    ``here + t step`` lowers it most; and whether the decrease of a whole step
    is above rounding. `dh` is the change of the scores `h`."""
    value, penalty = loss.value(h).mean(), mu @ here.abs()
    decrease = -float(grad @ step + mu @ (here + step).abs() - penalty)
    if decrease <= 1e3 * torch.finfo(h.dtype).eps * float(value):
        return 1., False
    change = (loss.value(h + dh).mean() - value
              + mu @ (here + step).abs() - penalty)
    if change <= -1e-4 * decrease:
        return 1., True
    # the objective is convex: bisection of its derivative along the step,
    # for halving is slow where a loss has kinks in its slope
    low, high = 0., 1.
    for _ in range(40):
        t = (low + high) / 2
        slope = (loss.slope(h + t * dh) @ dh / len(h)
                 + (here + t * step).sign() @ (mu * step))
        low, high = (low, t) if slope > 0 else (t, high)
    return low, True
