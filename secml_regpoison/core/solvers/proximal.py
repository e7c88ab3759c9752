"""Proximal gradient steps with momentum for the L1 penalty, and their reverse.

The steps are those of `..coordinates.proximal`. With ``S_t`` the weights of
``u_t`` that are not zero, and with a free bias, reverse mode takes

    v = grad_u A(u_T);  for t = T-1..0:
        p_t  = v on S_{t+1}, else 0
        d   -= eta d/dX_p (p_t . grad f(u_t))
        d   -= eta mu sum_j p_tj sign(u_{t+1, j})        with respect to lambda
        v    = (1 + momentum) p_t - momentum p_{t+1} - eta Hess f(u_t) p_t

where ``f`` is the objective without its penalty, and ``p_T = 0``.
"""
from dataclasses import replace
from typing import Callable, Optional

import torch
from torch import Tensor

from ..coordinates import Coordinates
from ..losses import Loss
from ..penalties.l1 import least_subgradient
from ..problem import Problem
from . import rmd
from .training import RowGradients, TrainedModel, Training, training_steps


def descend(coordinates: Coordinates, loss: Loss, training: Training,
            problem: Problem,
            start: Optional[TrainedModel] = None) -> TrainedModel:
    """T steps from 0, all iterates kept."""
    model = rmd.descend(coordinates, loss, training, problem, start)
    return replace(model, grad_norm=_relative_subgradient(
        coordinates, loss, model.u))


def _relative_subgradient(coordinates: Coordinates, loss: Loss,
                          u: Tensor) -> float:
    """Norm of the least subgradient at `u`, relative to that of the loss's
    gradient at 0."""
    size = torch.linalg.vector_norm(least_subgradient(
        u, loss_gradient(coordinates, loss, coordinates.matvec(u)),
        coordinates.penalty.strengths(u)))
    scale = torch.linalg.vector_norm(loss_gradient(
        coordinates, loss, u.new_zeros(coordinates.n)))
    return float(size / scale) if scale > 0 else float(size)


def loss_gradient(coordinates: Coordinates, loss: Loss, h: Tensor) -> Tensor:
    """``A^T l'(h) / n``, the gradient without the penalty."""
    grad = h.new_zeros(coordinates.n_coords)
    coordinates.add_rmatvec(grad, loss.slope(h), 1. / coordinates.n)
    return grad


def reverse(model: TrainedModel, grad_val: Tensor, training: Training
            ) -> tuple[RowGradients, Callable[[], Tensor]]:
    """Arguments and results as of `.rmd.reverse`."""
    eta, penalty = model.eta, model.coordinates.penalty
    path = torch.cat([model.path, model.u[None]])
    support = ((path != 0) | (penalty.strengths(model.u) == 0)).to(path.dtype)
    rows = rmd.adjoints(model, grad_val * support[-1], training, support[:-1])
    p, after = rows.p, path[-len(rows.p):]
    grad_w, grad_b = penalty.gradient(after[:, :-1], after[:, -1])
    grad_lmbda = -eta * ((p[:, :-1] * grad_w).sum() + p[:, -1] @ grad_b)
    if model.d_eta is not None:
        # dA/d eta = -sum_t p_t . (grad f(u_t) + mu sign(u_{t+1})); lambda
        # does not change eta = 1 / L
        steps = training_steps(model, training.momentum)[-len(p):]
        rows = replace(rows, grad_eta=(p * steps).sum() / eta)
    return rows, lambda: grad_lmbda
