"""Forward-mode differentiation (Franceschi et al. 2017).

    d vel_{t+1} = momentum d vel_t - eta d(grad L(u_t)) - d eta grad L(u_t)
    d u_{t+1}   = d u_t + d vel_{t+1}

One tangent for lambda, p d tangents for the points: use 'rmd' for those.
"""
from typing import Any, Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..checks import check
from ..coordinates.rows import is_sparse
from .training import TrainedModel, Training, training_steps


class _Steps:
    """The steps of a trained model in its weights u = (w, b), whatever its
    coordinates, and the tangents that they carry."""

    def __init__(self, model: TrainedModel, momentum: float, rows: Tensor):
        coordinates = model.coordinates

        def as_weights(coords: Tensor) -> Tensor:
            return torch.cat([coordinates.weights(coords),
                              coordinates.biases(coords)[:, None]], 1)
        self.rows, self.eta, self.momentum = rows, model.eta, momentum
        self.u = as_weights(model.path)
        self.slope = model.loss.slope(model.scores) / coordinates.n
        self.s = model.loss.curvature(model.scores) / coordinates.n
        self.moves = as_weights(training_steps(model, momentum))
        penalty = coordinates.penalty
        self.mu = rows.new_full((rows.shape[1],), penalty.strength)
        self.mu[-1] *= penalty.beta

    def carry(self, d_scores: Callable[[int], Any],
              d_grad: Callable[[int], Tensor], d_eta: Tensor) -> Tensor:
        """Tangents (k, d + 1) of the trained model.

        d_scores, d_grad : what the variables change of the scores (k, n) and
        of the training gradient (k, d + 1) at step t, at a fixed model.
        d_eta : the derivative of the step size, (k,).
        """
        du = vel = self.u.new_zeros(len(d_eta), self.u.shape[1])
        for t in range(len(self.u)):
            scores = du @ self.rows.T + d_scores(t)
            change = (self.s[t] * scores) @ self.rows + d_grad(t)
            vel = self.momentum * vel - self.eta * (change + self.mu * du)
            vel.addr_(d_eta, self.moves[t], alpha=1 / self.eta)
            du = du + vel
        return du


def forward(model: TrainedModel, grad_val: Tensor, training: Training,
            first_row: int) -> tuple[Tensor, Tensor]:
    """Arguments and results as of `.rmd.reverse`.

    Raises
    ------
    ValueError
        If clean rows move too: that is a tangent for each feature of each.
    """
    coordinates = model.coordinates
    rows_p, n_tr = coordinates.rows_p, coordinates.n_tr
    check('method', 'fmd', first_row == n_tr, "'rmd' or 'implicit' with a "
          'preprocess that is fitted on the poison')
    check('method', 'fmd', not is_sparse(coordinates.rows_tr),
          "'rmd' or 'implicit' with sparse rows")
    steps = _Steps(model, training.momentum, torch.cat([
        coordinates.rows_tr, rows_p]))
    d = rows_p.shape[1] - 1
    grad = torch.cat([coordinates.weights(grad_val[None])[0],
                      coordinates.biases(grad_val)[None]])
    d_eta_d_lmbda = grad.new_zeros(1)
    d_eta_d_rows = torch.zeros_like(rows_p[:, :-1])
    if model.d_eta_d_rows is not None:
        d_eta_d_rows = model.d_eta_d_rows
        d_eta_d_lmbda -= model.eta ** 2 * coordinates.penalty.strength
    one_feature_each = torch.eye(d, d + 1).to(rows_p)

    def with_respect_to_point(i: int) -> Tensor:
        row = n_tr + i

        def d_scores(t: int) -> Tensor:
            # the score of this row moves by w_j with its feature j
            return pad(steps.u[t, :-1, None], (row, len(steps.rows) - row - 1))
        return steps.carry(
            d_scores, lambda t: steps.slope[t, row] * one_feature_each,
            d_eta_d_rows[i]) @ grad

    grad_lmbda = steps.carry(lambda t: 0., lambda t: steps.mu * steps.u[t],
                             d_eta_d_lmbda) @ grad
    grad_rows = [with_respect_to_point(i) for i in range(len(rows_p))]
    return (torch.stack(grad_rows) if grad_rows
            else torch.zeros_like(rows_p[:, :-1])), grad_lmbda[0]
