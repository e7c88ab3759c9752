"""Forward-mode differentiation (Franceschi et al. 2017).

    d vel_{t+1} = momentum d vel_t - eta d(grad L(u_t)) - d eta grad L(u_t)
    d u_{t+1}   = d u_t + d vel_{t+1}

One tangent for lambda, p d tangents for the points: use 'rmd' for those.
"""
from typing import Any, Callable, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .training import TrainedModel, Training, training_steps


class _Steps:
    """The steps of a trained model in its weights u = (w, b), whatever its
    coordinates, and the tangents that they carry. A model has m vectors: 1,
    or of k classes k - 1."""

    def __init__(self, model: TrainedModel, momentum: float, rows: Tensor):
        coordinates, n = model.coordinates, len(rows)
        self.rows, self.eta, self.momentum = rows, model.eta, momentum
        self.u = _as_weights(coordinates, model.path)
        self.slope = model.loss.slope(model.scores).unflatten(
            1, (-1, n)) / n
        self.hess_diag = model.loss.curvature(model.scores) / n
        self.moves = _as_weights(coordinates, training_steps(model, momentum))
        self.mu = coordinates.penalty.strengths(rows)

    def carry(self, d_scores: Callable[[int], Any],
              d_grad: Callable[[int], Tensor], d_eta: Tensor) -> Tensor:
        """Tangents (j, m, d + 1) of the trained model.

        d_scores, d_grad : what the variables change of the scores (j, m, n)
        and of the training gradient (j, m, d + 1) at step t, at a fixed
        model. d_eta : the derivative of the step size, (j,).
        """
        du = vel = self.u.new_zeros(len(d_eta), *self.u.shape[1:])
        for t in range(len(self.u)):
            scores = du @ self.rows.T + d_scores(t)
            curved_scores = self.hess_diag[t] * scores.flatten(1)
            change = curved_scores.view_as(scores) @ self.rows + d_grad(t)
            vel = self.momentum * vel - self.eta * (change + self.mu * du)
            vel += d_eta[:, None, None] * (self.moves[t] / self.eta)
            du = du + vel
        return du


def _as_weights(coordinates: Any, coords: Tensor) -> Tensor:
    """(w, b) of rows of coordinates (j, n_coords), (j, m, d + 1)."""
    b = coordinates.biases(coords).reshape(len(coords), -1, 1)
    w = coordinates.weights(coords).view(*b.shape[:2], -1)
    return torch.cat([w, b], 2)


class PointGradients(NamedTuple):
    """The part of `.training.RowGradients` that forward mode has: a clean row
    that moves would be a tangent for each of its features."""

    points: Callable[[], Tensor]


def forward(model: TrainedModel, grad_val: Tensor,
            training: Training
            ) -> tuple[PointGradients, Callable[[], Tensor]]:
    """Arguments and results as of `.rmd.reverse`; the fixed rows are dense.
    """
    coordinates = model.coordinates
    rows_p, n_tr = coordinates.rows_p, coordinates.n_tr
    steps = _Steps(model, training.momentum, torch.cat([
        coordinates.rows_tr, rows_p]))
    d = rows_p.shape[1] - 1
    grad = _as_weights(coordinates, grad_val[None]).ravel()
    d_eta_d_lmbda = grad.new_zeros(1)
    d_eta_d_rows = torch.zeros_like(rows_p[:, :-1])
    if model.d_eta is not None:
        d_eta_d_rows = model.d_eta.rows(False)
        d_eta_d_lmbda -= model.eta ** 2 * coordinates.penalty.strength
    one_feature_each = torch.eye(
        d, d + 1, device=rows_p.device)[:, None].to(rows_p)

    def with_respect_to_point(i: int) -> Tensor:
        row = n_tr + i

        def d_scores(t: int) -> Tensor:
            # the scores of this row move by w_j with its feature j
            return pad(steps.u[t, :, :-1].T[:, :, None],
                       (row, len(steps.rows) - row - 1))
        return steps.carry(
            d_scores, lambda t: steps.slope[t, :, row, None]
            * one_feature_each, d_eta_d_rows[i]).flatten(1) @ grad

    def with_respect_to_lmbda() -> Tensor:
        return steps.carry(
            lambda t: 0., lambda t: steps.mu * steps.u[t],
            d_eta_d_lmbda).flatten(1)[0] @ grad

    def points() -> Tensor:
        rows = [with_respect_to_point(i) for i in range(len(rows_p))]
        return torch.stack(rows) if rows else torch.zeros_like(rows_p[:, :-1])
    return PointGradients(points), with_respect_to_lmbda
