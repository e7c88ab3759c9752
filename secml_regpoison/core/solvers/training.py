"""Training of a linear model: settings, the trained model, its vjp."""
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Optional

import torch
from torch import Tensor

from ..checks import check, check_number, is_finite, is_integer
from ..coordinates import Coordinates, RowFactors, Solve
from ..losses import Loss
from .step_size import StepGradient


@dataclass(frozen=True)
class Training:
    """How the classifier is trained, and differentiated.

    Parameters
    ----------
    method : str
        'rmd', 'fmd' or 'implicit'.
    n_inner : int
        T, the training steps of 'rmd' and 'fmd'.
    eta : float or None
        Step size; None for ``1 / L`` with the smoothness constant of
        `.solvers.step_size`. It moves with the poisoning
        points and with lambda, and the derivatives account for it.
    momentum : float
        Heavy-ball coefficient in [0, 1).
    form : {'auto', 'primal', 'gram'}
        Coordinates of the model; 'auto' takes the cheaper.
    inner_tol : float or None
        'implicit' stops at this norm of the training gradient, relative to
        that at ``u = 0``; None for 1e-8 in float64, 1e-5 in float32.
    truncate : int or None
        'rmd' reverses the last `truncate` steps only; None for all. The other
        methods have no steps to reverse, and ignore it.

    Raises
    ------
    ValueError
        A setting that makes no sense.
    """

    method: str = 'rmd'
    n_inner: int = 150
    eta: Optional[float] = None
    momentum: float = 0.
    form: str = 'auto'
    inner_tol: Optional[float] = None
    truncate: Optional[int] = None

    def __post_init__(self) -> None:
        check('form', self.form, isinstance(self.form, str)
              and self.form in ('auto', 'primal', 'gram'),
              "'auto', 'primal' or 'gram'")
        check('n_inner', self.n_inner, is_integer(self.n_inner, 1),
              'an integer of at least 1 and below 2**31')
        check_number('momentum', self.momentum, lambda m: 0. <= m < 1.,
                     'in [0, 1)')
        for name in ('eta', 'inner_tol'):
            check_number(name, getattr(self, name),
                         lambda value: 0. < value < math.inf,
                         'None or positive and finite', or_none=True)
        check('truncate', self.truncate,
              self.truncate is None or is_integer(self.truncate, 1),
              'None or an integer of at least 1 and below 2**31')


def check_not_diverged(u: Tensor, eta: Optional[float], lmbda: float) -> None:
    """Raise FloatingPointError if training diverged."""
    if not is_finite(u):
        raise FloatingPointError(
            f'training diverged with step size eta = {eta:g} at lmbda = '
            f'{lmbda:g}: pass a smaller eta (in solver_params of an attack '
            'inner_eta), or None for 1 / L.')


@dataclass(frozen=True)
class TrainedModel:
    """A trained model in its coordinates.

    u : coordinates of the model. path, scores : coordinates (k, n_coords) and
    ``A u`` (k, n) of the iterates that the derivative passes through: the T
    training steps, or the optimum alone. eta : the step size taken, and where
    it is ``1 / L`` d_eta : its derivative, and top_p : the `top_eigenpair` of
    the poisoning rows, see `.step_size`. grad_norm :
    norm of the training gradient at `u` relative to that at 0, and solve :
    the last Newton step's solver, where the method has them.
    """

    coordinates: Coordinates
    loss: Loss
    u: Tensor
    path: Tensor
    scores: Tensor
    eta: float = math.nan
    d_eta: Optional[StepGradient] = None
    top_p: Optional[tuple[float, Tensor]] = None
    grad_norm: float = math.nan
    solve: Optional[Solve] = None

    @cached_property
    def w(self) -> Tensor:
        """Weights, (d,)."""
        return self.coordinates.weights(self.u[None])[0]

    @property
    def b(self) -> Tensor:
        """Bias, 0-d."""
        return self.coordinates.biases(self.u)


def training_steps(model: TrainedModel, momentum: float) -> Tensor:
    """``-eta grad L(u_t)`` in coordinates, a row a step, read off the path:
    the part of a step that the velocity before it does not explain."""
    vel = torch.cat([model.path[1:], model.u[None]]) - model.path
    steps = vel.clone()
    steps[1:].sub_(vel[:-1], alpha=momentum)
    return steps


@dataclass(frozen=True)
class RowGradients:
    """``scale sum_t d/d(rows) (p_t . grad L(u_t))``, when it is asked for.

    For a training row ``a``, with the adjoint ``p`` of a step,

        d/da (p . grad L) = (l'(h)/n) p + s (a . p) u
        h = a . u,   s = l''(h)/n

    `p` are the adjoints (k, n_coords) and `adjoint_scores` is ``A p`` (k, n),
    a row a step. `grad_eta` is the derivative with respect to a step size that
    the rows decide, 0-d: by it, too, the loss depends on them.
    """

    model: TrainedModel
    p: Tensor
    adjoint_scores: Tensor
    scale: float
    grad_eta: Optional[Tensor] = None

    def from_row(self, first_row: int) -> Tensor:
        """With respect to the weights of the rows from `first_row` on: those
        of the poisoning rows, or of all."""
        rows: Any = sum(factors.rows() for factors in self._factors(first_row))
        rows.mul_(self.scale)
        step_grad = self._step_gradient()
        return rows if step_grad is None \
            else rows.add_(step_grad.rows(first_row == 0))

    def points(self) -> Tensor:
        """With respect to the weights of the poisoning rows, (p, d)."""
        return self.from_row(self.model.coordinates.n_tr)

    def columns(self, signs: Tensor) -> tuple[Tensor, Tensor]:
        """See `RowFactors.columns`."""
        sums, products = (self.scale * sum(parts) for parts in zip(*(
            factors.columns(signs) for factors in self._factors(0))))
        step_grad = self._step_gradient()
        if step_grad is None:
            return sums, products
        step_sums, step_products = step_grad.columns(signs)
        return sums + step_sums, products + step_products

    def lmbda(self) -> Tensor:
        """With respect to lambda, with the L2 penalty, 0-d: for a step

            d/dlmbda  (p . grad L) = mu (p_w . w + beta p_b b)

        without what a step size that lambda decides adds.
        """
        coordinates, p, u = self.model.coordinates, self.p, self.model.path
        return coordinates.penalty.bilinear(
            coordinates.inner(p, self.adjoint_scores, u).sum(),
            (coordinates.biases(p) * coordinates.biases(u)).sum()
        ).mul_(self.scale)

    def _factors(self, first_row: int) -> list[RowFactors]:
        model = self.model
        return model.coordinates.row_factors(
            model.loss, model.scores, self.p, self.adjoint_scores, model.path,
            first_row)

    def _step_gradient(self) -> Optional[StepGradient]:
        d_eta = self.model.d_eta
        return None if self.grad_eta is None or d_eta is None \
            else replace(d_eta, scale=self.grad_eta * d_eta.scale)
