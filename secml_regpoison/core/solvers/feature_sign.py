"""A quadratic function with an L1 penalty, minimised exactly.

    min_x  c . x + x^T H x / 2 + sum_j mu_j |x_j|

by the feature-sign search of Lee, Battle, Raina and Ng (2007), with several
weights that enter at a time. Given the signs of the active weights, the
minimiser is one linear solve. The search goes there, or to the best of the
points on the way where a weight becomes zero and leaves. When the active
weights are near their optimum, those enter whose subgradient is largest.
"""
import torch
from torch import Tensor

from ..linalg import factorise
from ..penalties.l1 import least_subgradient

# Weights enter while the active ones' share of the subgradient is below this.
ENTER = .1
MAX_ENTERING = 8


def minimise(c: Tensor, hess: Tensor, mu: Tensor, x: Tensor,
             rtol: float) -> Tensor:
    """The minimiser, from `x`, (k,).

    Parameters
    ----------
    c, hess : Tensor, shapes (k,) and (k, k)
        `hess` is positive definite.
    mu : Tensor, shape (k,)
        At least 0; 0 for a weight that is not penalised.
    x : Tensor, shape (k,)
    rtol : float
        Stop at this norm of the subgradient, relative to the first.

    Raises
    ------
    FloatingPointError
        If `hess` is not positive definite.
    """
    stop, is_optimal = None, False
    for _ in range(20 * len(x)):
        grad = c + hess @ x
        residual = least_subgradient(x, grad, mu)
        size = float(torch.linalg.vector_norm(residual))
        stop = rtol * size if stop is None else stop
        active = (x != 0) | (mu == 0)
        entering = _entering(residual, active, ENTER * size)
        if size <= stop or is_optimal and not len(entering):
            break  # what is left after an optimal step is rounding
        active[entering] = True
        places, step = _newton_step(residual, hess, x, mu, active)
        t, is_optimal = _best_step(grad[places], residual[places],
                                   mu[places], x[places], step)
        x = x.index_copy(0, places, t)
    return x


def _entering(residual: Tensor, active: Tensor, tol: float) -> Tensor:
    """Places of the weights that become active."""
    outside = torch.where(active, 0., residual.abs())
    if torch.linalg.vector_norm(residual[active]) > tol:
        return outside.topk(0).indices
    count = min(MAX_ENTERING, int((outside > 0).sum()))
    return outside.topk(count).indices


def _newton_step(residual: Tensor, hess: Tensor, x: Tensor, mu: Tensor,
                 active: Tensor) -> tuple[Tensor, Tensor]:
    """Places of the active weights, and their way to the optimum for their
    signs. A weight that would leave zero to the wrong side stays there: the
    subgradient says the side, and the largest one never does."""
    while True:
        places = active.nonzero()[:, 0]
        part = residual[places]
        factor = factorise(hess[places[:, None], places])
        step = -torch.cholesky_solve(part[:, None], factor)[:, 0]
        wrong = (x[places] == 0) & (mu[places] > 0) & (step * part >= 0)
        if not wrong.any():
            return places, step
        active[places[wrong]] = False


def _best_step(grad: Tensor, residual: Tensor, mu: Tensor, x: Tensor,
               step: Tensor) -> tuple[Tensor, bool]:
    """The best point of ``x + t step`` among those where a weight becomes
    zero and t = 1, and whether none becomes zero."""
    crossing = -x / step
    inside = crossing[(crossing > 0) & (crossing < 1)]
    if not len(inside):
        return x + step, True
    t = torch.cat([inside, inside.new_ones(1)])
    # the curvature along the step is -residual . step
    values = (t * (grad @ step) - t * t / 2 * (residual @ step)
              + (x + t[:, None] * step).abs() @ mu)
    best = t[values.argmin()]
    return torch.where(crossing == best, 0., x + best * step), False
