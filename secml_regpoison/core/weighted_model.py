"""A linear model whose training rows have weights.

With the adjoint ``p`` of a player's loss ``A``, see `.solvers`, and a factor
``s`` of the weights ``c`` from some row on,

    dA/dlog s = -(s/n) sum_i c_i l'(h_i) (a_i . p)

at the optimum, and summed over the steps, times their size, for 'rmd'.
"""
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .linear_model import LinearModel, Trained
from .losses.weighted import Weighted


@dataclass(frozen=True, eq=False)
class WeightedModel(LinearModel):
    """A `LinearModel` whose training rows have `weights`, (n,)."""

    weights: Any = None

    def _training_loss(self) -> Any:
        return Weighted(self.loss, self.weights)

    def row_losses(self, trained: Trained) -> Tensor:
        """The defender's loss on each of its rows, (m,)."""
        return self.loss.value(self._val_scores(trained, False))

    def grad_lmbda_log_s(self, trained: Trained, first_row: int) -> Tensor:
        """Derivatives of the defender's loss with respect to lambda and to the
        logarithm of a factor of the weights from `first_row` on, (2,)."""
        found = self.defender_hypergradient(trained)
        rows = found.rows
        slope = rows.model.loss.slope(rows.model.scores[:, first_row:])
        return torch.stack([found.grad_lmbda, (
            slope * rows.adjoint_scores[:, first_row:]).sum()
            * (rows.scale / rows.model.coordinates.n)])
