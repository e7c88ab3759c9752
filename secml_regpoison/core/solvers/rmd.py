"""Reverse-mode differentiation through T training steps, the paper's
Algorithm 1 (arXiv 2105.10948).

    forward   vel_{t+1} = momentum vel_t - eta grad L(u_t),
              u_{t+1}   = u_t + vel_{t+1},                  u_0 = vel_0 = 0
    reverse   v = grad_u A(u_T);  for t = T-1..0:
                  p_t  = momentum p_{t+1} + v
                  d   -= eta d/d(X_p, lmbda) (p_t . grad L(u_t))
                  v   -= eta Hess L(u_t) p_t
"""
from dataclasses import replace
from typing import Callable, Optional

from torch import Tensor

from ..coordinates import Coordinates
from ..losses import Loss
from ..problem import Problem
from .heavy_ball import heavy_ball
from .step_size import smoothness, top_eigenpair
from .training import RowGradients, TrainedModel, Training


def descend(coordinates: Coordinates, loss: Loss, training: Training,
            problem: Problem,
            start: Optional[TrainedModel] = None) -> TrainedModel:
    """T steps of gradient descent from 0, all iterates kept. The top
    eigenvalue of `start` is reused if its poisoning rows are the same."""
    eta, d_eta, top_p = training.eta, None, None
    if eta is None:
        rows_p = coordinates.rows_p
        top_p = start.top_p if start is not None \
            and start.coordinates.rows_p is rows_p else top_eigenpair(rows_p)
        bound, d_bound = smoothness(problem, rows_p, coordinates.penalty, loss,
                                    top_p)
        if not bound < 1e154:  # its square is a number
            raise FloatingPointError(
                'the features are too large for the step size 1 / L with L = '
                f'{bound:.3g}: rescale them, and bound the points.')
        eta = 1. / bound
        d_eta = replace(d_bound, scale=-d_bound.scale / bound ** 2)
    iterates, scores = heavy_ball(
        coordinates, loss, eta, training.momentum,
        coordinates.rows_p.new_zeros(2, coordinates.n_coords),
        training.n_inner)
    return TrainedModel(coordinates, loss, iterates[-1], iterates[:-1],
                        scores, eta, d_eta, top_p)


def adjoints(model: TrainedModel, grad_val: Tensor, training: Training,
             *in_reverse: Tensor) -> RowGradients:
    """Of the steps that are reversed, see `reverse`; `in_reverse` is what
    `heavy_ball` takes after the curvature, a row for each step."""
    last = slice(-(training.truncate or len(model.path)), None)
    tail = replace(model, path=model.path[last], scores=model.scores[last])
    curvature = model.loss.curvature(tail.scores)
    p, scores = heavy_ball(
        model.coordinates, model.loss, model.eta, training.momentum,
        grad_val.expand(2, -1), len(curvature), curvature,
        *(part[last] for part in in_reverse))
    return RowGradients(tail, p[1:], scores, -model.eta)


def reverse(model: TrainedModel, grad_val: Tensor, training: Training
            ) -> tuple[RowGradients, Callable[[], Tensor]]:
    """Derivatives of the loss whose gradient at the trained model is
    `grad_val`, with respect to the weights of the training rows, and to lambda
    when it is called for.

    ``v`` falls by ``eta Hess p_t`` and ``p`` gathers ``v``: heavy-ball steps
    of p backwards in time, from ``p_{T-1} = grad_val`` with the velocity
    `grad_val`.
    """
    model = replace(model, coordinates=model.coordinates.twin())
    rows = adjoints(model, grad_val, training)
    grad_lmbda = rows.lmbda()
    if model.d_eta is not None:
        # dA/d eta = -sum_t p_t . grad L(u_t), of which lambda's derivative
        # has the penalty's part;  d eta/d lmbda = -eta^2 mu
        eta, coordinates = model.eta, model.coordinates
        grad_eta = grad_lmbda / eta - (
            rows.adjoint_scores * model.loss.slope(rows.model.scores)
        ).sum() / coordinates.n
        grad_lmbda = grad_lmbda - (
            grad_eta * eta ** 2 * coordinates.penalty.strength)
        rows = replace(rows, grad_eta=grad_eta)
    return rows, lambda: grad_lmbda
