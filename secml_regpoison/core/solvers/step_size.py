"""The step size ``1 / L`` of training, and its derivative.

    L = max l'' (top(A_tr^T A_tr) + top(A_p A_p^T)) / n + mu

bounds the largest eigenvalue of the training Hessian (Weyl), with top the
largest eigenvalue. The second is p x p. The first is exact where a preprocess
is refitted; else it is computed once, by power iteration until a step adds
less than a thousandth: some percent too low, which gradient descent bears, as
it converges with any step below twice ``1 / L``. With the L1 penalty there is
no mu. With the unit eigenvectors v of ``A^T A``, and v_p of ``A_p A_p^T``,

    d top / dA = 2 (A v) v^T,        d top / dA_p = 2 v_p (v_p^T A_p)

of which the first counts where a preprocess is refitted: then the fixed rows
move with the points.
"""
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Union

import torch
from torch import Tensor

from ..checks import is_finite
from ..losses import Loss
from ..penalties import L1, L2
from ..problem import Problem


class RankOne(NamedTuple):
    """``left right^T`` of some rows ``A``, (k,) and (d,), and ``along``, their
    ``A^T left`` without the bias, (d,)."""

    left: Tensor
    right: Tensor
    along: Tensor


@dataclass(frozen=True)
class StepGradient:
    """A derivative with respect to the weights of the training rows: `scale`
    (a number, or 0-d) times a matrix of rank one for each part, that of the
    fixed rows, if they move, and that of the poisoning rows."""

    scale: Any
    parts: tuple[RankOne, ...]

    def rows(self, is_all: bool) -> Tensor:
        """Of all rows, (n, d), or of the poisoning rows alone, (p, d)."""
        parts = self.parts if is_all else self.parts[-1:]
        return torch.cat([torch.outer(self.scale * part.left, part.right)
                          for part in parts])

    def columns(self, signs: Tensor) -> tuple[Tensor, Tensor]:
        """See `..coordinates.RowFactors.columns`."""
        signs_of = signs.split([len(part.left) for part in self.parts])
        sums, products = (sum(parts) for parts in zip(*(
            (own @ part.left * part.right, part.along * part.right)
            for own, part in zip(signs_of, self.parts))))
        return self.scale * sums, self.scale * products


def top_eigenpair(rows_p: Tensor) -> tuple[float, Tensor]:
    """Largest eigenvalue of ``A_p A_p^T`` and its vector (p,), 0 of no rows.

    Raises
    ------
    FloatingPointError
        If the rows are too large to be squared.
    """
    if not len(rows_p):
        return 0., rows_p[:, 0]
    products = rows_p @ rows_p.T
    if not is_finite(products):
        raise FloatingPointError(
            f'poisoning points have grown past what {rows_p.dtype} can '
            'square: bound them, or pass a smaller step.')
    values, vectors = torch.linalg.eigh(products)
    return float(values[-1]), vectors[:, -1]


def smoothness(problem: Problem, rows_p: Tensor, penalty: Union[L1, L2],
               loss: Loss, top_p: Optional[tuple[float, Tensor]] = None
               ) -> tuple[float, StepGradient]:
    """L, and its derivative. `top_p` is `top_eigenpair` of `rows_p`, if
    known."""
    n, bound = problem.n_tr + len(rows_p), loss.curvature_bound
    top, v = top_p or top_eigenpair(rows_p)
    along = v @ rows_p[:, :-1]
    parts: tuple[RankOne, ...] = RankOne(v, along, along),
    if problem.rows_move:
        top_tr, u = problem.top_eigenpair
        weights = u[:-1]
        parts = RankOne(problem.rows_tr @ u, weights, top_tr * weights), *parts
    else:
        top_tr = problem.top_eigenvalue
    return (bound * (top_tr + top) / n + penalty.curvature,
            StepGradient(2 * bound / n, parts))


def loose_smoothness(problem: Problem, rows_p: Tensor,
                     penalty: Union[L1, L2], loss: Loss) -> float:
    """As L of `smoothness`, with ``||A_p||^2`` for its largest eigenvalue:
    larger by little, and much sooner."""
    squares = float(torch.linalg.vector_norm(rows_p)) ** 2
    return (loss.curvature_bound * (problem.top_eigenvalue + squares)
            / (problem.n_tr + len(rows_p)) + penalty.curvature)


def warn_if_unstable(eta: float, problem: Problem, rows_p: Tensor,
                     penalty: Union[L1, L2], loss: Loss) -> None:
    """Warn of an `eta` above ``2 / L``: the steps may not contract."""
    data = problem, rows_p, penalty, loss
    if not eta > 2. / loose_smoothness(*data):
        return
    bound = smoothness(*data)[0]
    if eta > 2. / bound:
        warnings.warn(
            f'eta = {eta:g} is above 2 / L = {2. / bound:.3g} of the training '
            'loss: gradient descent may not converge; None takes 1 / L. (In '
            "an attack's solver_params it is inner_eta.)",
            RuntimeWarning, stacklevel=4)
