"""Valleys of the defender's loss in lambda.

The loss can have several: with much poison, one where the weights vanish. With
the L1 penalty or a squared hinge it has kinks, and is flat where no weight is
left.
"""
import math
from typing import Callable, Optional

import numpy as np

from .iterates import Iterate
from .verdicts import LMBDA_TOL

# Losses of the defender that differ by less, relatively, count as equal.
LOSS_RTOL = 1e-3
# A kink in lambda is looked at if the loss may be lower there by this much.
KINK_RTOL = 1e-2
# Losses of models without weights differ by less, relatively.
FLAT_RTOL = 1e-6
# The bottom of a valley may be this much below what the grid sees of it.
VALLEY_RTOL = .05


def lmbda_grid(bounds: tuple[float, float], step: float) -> np.ndarray:
    """Both bounds, and equal steps of at most `step` between. From the
    largest: a caller that warm-starts begins where training is easiest."""
    low, high = bounds
    return np.linspace(high, low, 1 + math.ceil((high - low) / step))


def best_of(losses: dict[float, float], lmbda: float) -> float:
    """`lmbda`, or the best lambda if that is better.

    Descent alone would stay in the valley where it started. Of several equally
    good, the largest.
    """
    good = (1 + LOSS_RTOL) * min(losses.values())
    if losses[lmbda] <= good:
        return lmbda
    return max(at for at, loss in losses.items() if loss <= good)


def cells_of(losses: dict[float, float]) -> dict[float, list[float]]:
    """Of each lambda whose loss is finite the next one on both sides, or
    itself."""
    grid = sorted(at for at in losses if losses[at] < math.inf)
    return {at: cell for at, *cell in zip(
        grid, [grid[0], *grid], [*grid[1:], grid[-1]])}


def may_hide_valley(losses: dict[float, float], at: float,
                    cell: list[float]) -> bool:
    """Whether the loss between `at` and its neighbours in `cell` may be less
    than anywhere on the grid."""
    least = min(losses.values())
    low, high = sorted(losses[end] for end in cell)
    is_near = losses[at] <= (1 + VALLEY_RTOL) * least \
        and high - low > FLAT_RTOL * least
    # its bottom may be as far below as the higher side is above
    is_dip = at not in cell and losses[at] <= low \
        and 2 * losses[at] - high < least
    return is_near or is_dip


def bisect(evaluate: Callable[[float], Iterate], here: Iterate,
           low: float, high: float) -> Iterate:
    """The bottom of the valley of `here`, whose loss is less than at `low`
    and `high`; of the valley below, where no weight is left and the loss
    is flat. To `LMBDA_TOL`, or `LOSS_RTOL` of the loss."""
    while True:
        grad = here.grad_lmbda
        end = high if grad < 0 else low
        width = abs(end - here.lmbda)
        if width < LMBDA_TOL or 0 < abs(grad * width) \
                < LOSS_RTOL * here.loss:
            return here
        there = evaluate((here.lmbda + end) / 2)
        inner = there
        if there.loss < here.loss or not (grad or there.grad_lmbda):
            here, inner = there, here
        low, high = (low, inner.lmbda) if inner.lmbda > here.lmbda \
            else (inner.lmbda, high)


def kink_between(ends: dict[bool, Iterate]) -> Optional[float]:
    """Lambda where the tangents at both ends of a bracket meet, if the loss
    may be lower there than at both by `KINK_RTOL`.

    ends : of a falling loss, at True, and of a rising one.
    """
    if len(ends) < 2:
        return None
    left, right = ends[True], ends[False]
    fall, rise = left.grad_lmbda, right.grad_lmbda
    width = right.lmbda - left.lmbda
    along = (right.loss - left.loss - rise * width) / (fall - rise)
    lower = min(left.loss, right.loss) - (left.loss + fall * along)
    is_lower = lower >= KINK_RTOL * left.loss and 0. < along < width
    return left.lmbda + along if is_lower else None
