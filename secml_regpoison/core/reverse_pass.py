"""Derivatives of a linear model, computed when one of them is first read.

A step that is rejected needs none; see `.model.Gradients`.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable, Optional

from torch import Tensor

from .checks import is_finite
from .features import name_of_rows

if TYPE_CHECKING:
    from .linear_model import LinearModel, Trained


@dataclass(frozen=True, eq=False)
class ReversePass:
    """A player's loss at a trained model, and its derivatives: the reverse
    pass runs when one of them is first read, and nothing is computed for the
    other. `of_lmbda` is another player's pass, to which the derivative with
    respect to lambda belongs then."""

    model: 'LinearModel'
    trained: 'Trained'
    is_attacker: bool
    of_lmbda: Optional['ReversePass'] = None

    @cached_property
    def _found(self) -> tuple[Tensor, Any, Callable[[], Tensor]]:
        return self.model.reverse(self.trained, self.is_attacker)

    @property
    def value(self) -> Tensor:
        """Loss, 0-d."""
        return self._found[0]

    @property
    def rows(self) -> Any:
        """The `.solvers.training.RowGradients`."""
        return self._found[1]

    @cached_property
    def grad_x_p(self) -> Tensor:
        """Derivative with respect to the points, (p, d)."""
        return self._checked(self._vjp_features())

    def _vjp_features(self) -> Tensor:
        """Of the rows that move: the points, or all."""
        model, features, rows = self.model, self.trained.features, self.rows
        signs, n_tr = model.signs(), model.problem.n_tr
        signs_p = signs[n_tr:, None]
        if not features.all_move:
            return features.vjp(rows.points().mul_(signs_p))
        name = name_of_rows(features.problem, self.is_attacker)
        signed_slope, w = model.val_factors(self.trained, self.is_attacker)
        if not features.by_columns:
            return features.vjp(rows.from_row(0).mul_(signs[:, None]),
                                **{name: signed_slope @ w})
        sums, products = rows.columns(signs)
        rows_val = features.problem.rows[name]
        return features.vjp(
            rows.from_row(n_tr).mul_(signs_p), sums + signed_slope.sum(0) @ w,
            products + (signed_slope.T @ rows_val * w).sum(0))

    @cached_property
    def grad_lmbda(self) -> Tensor:
        """Derivative with respect to lambda, 0-d."""
        if self.of_lmbda is not None:
            return self.of_lmbda.grad_lmbda
        return self._checked(self._found[2]())

    def _checked(self, grad: Tensor) -> Tensor:
        if not is_finite(grad):
            model = self.trained.model
            is_eta_given = model.d_eta is None and model.eta == model.eta
            raise FloatingPointError(
                'the hypergradient is not finite, with mu = '
                f'{model.coordinates.penalty.strength:g}, step size '
                f'{model.eta:g}: regularise more (a larger lambda), use '
                'float64, or ' + ('pass a smaller eta.' if is_eta_given
                                  else 'rescale the features.'))
        return grad
