"""Feasible set of the poisoning points.

A box, and as far as they are given: a ball around the point's start, the
sphere and the slab that a filter lets pass, whole numbers.
"""
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Optional, Union

import torch
from torch import Tensor

from .ball import Ball
from .checks import (
    check, check_ball, check_bounds, check_feasible, check_type)
from .linalg import unit_scale
from .sphere_slab import SphereSlab, least_root

Bound = Union[float, Tensor, None]
# A bound as large as this is none.
NO_BOUND = 1e30
# Widths of a box within this factor may be of columns of the same unit.
ALIKE = 100.


def check_box(x_p: Tensor, lb: Bound, ub: Bound) -> tuple[Tensor, Tensor]:
    """Bounds as tensors that broadcast against the points."""
    low, high = (_as_tensor(name, inf if bound is None else bound).to(x_p)
                 for name, bound, inf in (
                     ('lb', lb, -math.inf), ('ub', ub, math.inf)))
    check_bounds(low, high, x_p, 'x_p')
    return low, high


def _as_tensor(name: str, bound: Any) -> Tensor:
    try:
        found = torch.as_tensor(bound)
        if not found.is_complex() and found.dtype != torch.bool:
            # of Python's numbers it has torch's default dtype, and device
            return found if isinstance(bound, Tensor) else torch.as_tensor(
                bound, dtype=torch.float64, device='cpu')
    except (OverflowError, RuntimeError, TypeError, ValueError):
        pass
    raise TypeError(f'`{name}` must be None, a number or a Tensor, got '
                    f'{type(bound).__name__}.')


def box_units(x: Tensor, lb: Tensor, ub: Tensor) -> Tensor:
    """Units in which points (p, d) are rounded, (p, d): the largest bound of
    their column, or the entry itself. Without a bound but 0, 1 or more."""
    ends = torch.cat([x.new_zeros(1, x.shape[1])] + [
        torch.where(bound.abs() < NO_BOUND, bound.abs(), 0.).expand_as(x)
        for bound in (lb, ub)]).amax(0)
    return torch.where(ends > 0, torch.maximum(ends, x.abs()), 1 + x.abs())


def units_of(width: Tensor) -> Union[float, Tensor]:
    """Units of columns of these widths, (d,), see `.linalg.unit_scale`. 1 if
    they are within a factor of 100, or endless."""
    if not 0 < width.max() < NO_BOUND \
            or width.max() <= ALIKE * width[width > 0].min():
        return 1.
    return unit_scale(width)


@dataclass(frozen=True, eq=False)
class FeasibleSet:
    """A box, and what else holds the points.

    x_0 : (p, d), the starts, in the set. lb, ub : tensors that broadcast
    against it. dmax : radius of the ball around each start, None for no ball.
    distance : 'l1' or 'l2', the ball's norm. filter : sphere and slab of each
    point, or None. integers : features (d,) that hold whole numbers, a mask,
    or None.
    """

    x_0: Tensor
    lb: Tensor
    ub: Tensor
    dmax: Optional[float] = None
    distance: str = 'l2'
    filter: Optional[SphereSlab] = None
    integers: Optional[Tensor] = None

    def __post_init__(self) -> None:
        check_feasible(self.x_0, self.integers)
        check_bounds(self.lb, self.ub, self.x_0, 'x_0')
        check_ball(self.dmax, self.distance)
        check_type('filter', self.filter, (type(None), SphereSlab))
        check('distance', self.distance, self.filter is None
              or self.dmax is None or self.distance == 'l2',
              "'l2' where both `dmax` and a filter hold the points")

    @property
    def is_box(self) -> bool:
        """Whether the box is all there is."""
        return self.dmax is None and self.filter is None \
            and self.integers is None

    @property
    def is_bounded(self) -> bool:
        """Whether `support` is finite, and known."""
        if self.filter is not None:
            return self.dmax is None
        return self.dmax is not None or bool(
            (self.lb > -NO_BOUND).all() and (self.ub < NO_BOUND).all())

    @cached_property
    def widths(self) -> Tensor:
        """Widths of the box, at most that of the ball, (d,)."""
        width = (self.ub - self.lb).expand_as(self.x_0)
        if self.dmax is not None:
            width = width.clamp_max(2 * self.dmax)
        return width.amax(0) if len(width) else width.new_zeros(1)

    @cached_property
    def column_scale(self) -> Union[float, Tensor]:
        """`units_of` the `widths`."""
        return units_of(self.widths)

    def to(self, dtype: torch.dtype) -> 'FeasibleSet':
        """In another precision."""
        return replace(
            self, x_0=self.x_0.to(dtype), lb=self.lb.to(dtype),
            ub=self.ub.to(dtype),
            filter=None if self.filter is None else self.filter.to(dtype))

    def project(self, x: Tensor) -> Tensor:
        """Nearest points to `x`, row-wise.

        Exact. With `integers`, the nearest point is rounded. Where that is
        outside the ball or the filter, points nearer to the start are rounded
        instead, in steps of a sixteenth of the way; the first one inside is
        taken.
        """
        near = self._project_convex(x)
        if self.integers is None:
            return near
        found = self._round(near)
        if self.dmax is None and self.filter is None:
            return found
        share = torch.ones_like(x[:, :1])
        for _ in range(16):
            out = ~self.contains(found)
            if not out.any():
                break
            share[out] -= 1 / 16
            found[out] = self._round(
                self.x_0 + share * (near - self.x_0))[out]
        return found

    def project_start(self, x: Tensor) -> Tensor:
        """`project`; ValueError where the set of a point is empty."""
        x = self.project(x)
        if self.is_box or self.contains(x).all():
            return x
        points = (~self.contains(x)).nonzero().ravel().tolist()
        raise ValueError(
            '`feasible` must leave each point a place, got none for the '
            f'points {points[:5]} of {len(x)}: bounds, ball, filter and fixed '
            'features have nothing in common. Take a larger quantile or '
            '`dmax`, or hold fewer features.')

    def step_of(self, x: Tensor, step: float,
                direction: Tensor) -> Union[float, Tensor]:
        """`step`; where all features are whole numbers, for each row at least
        the step that takes its steepest free feature to the next one."""
        if self.integers is None or not self._whole(x).all():
            return step
        ahead = math.copysign(1., step) * direction
        free = torch.where(ahead > 0, x < self.ub, x > self.lb)
        steepest = (ahead.abs() * free).amax(1, keepdim=True)
        least = torch.where(steepest > 0, .501 / steepest, 0.)
        return math.copysign(1., step) * least.clamp_min(abs(step))

    def contains(self, x: Tensor) -> Tensor:
        """Whether points are finite and in the set, (p,), to rounding: of each
        feature in its own units, in the filter in those of its scale."""
        rtol = 1e-9 if x.dtype == torch.float64 else 1e-4
        beyond = torch.maximum(self.lb - x, x - self.ub)
        inside = (beyond <= rtol * box_units(x, self.lb, self.ub)).all(1)
        inside &= x.isfinite().all(1)  # the tolerance of inf is inf
        if self.integers is not None:
            part = (x - x.round()).abs() * self._whole(x)
            inside &= (part <= rtol * (1 + x.abs())).all(1)
        if self.dmax is not None:
            inside &= self.radius(x)[:, 0] - self.dmax <= rtol * (
                1 + x.abs().amax(1))
        if self.filter is not None:
            inside &= self.filter.passes(x, rtol)
        return inside

    def support(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Largest ``v . x`` over the set, row by row, (p,), and where it is.

        Whole numbers are left out, which can only raise it. The value may be
        above the true one by the tolerance of the search, never below it.
        """
        if self.filter is not None:
            if self.dmax is not None:
                raise ValueError('`dmax` must be None for the support of a '
                                 f'filtered set, got {self.dmax:g}.')
            value, place = self.filter.support(v, self.lb, self.ub)
            is_zero = ~v.any(1, keepdim=True)  # any place, but one of the set
            return value, place if not is_zero.any() else torch.where(
                is_zero, self.project(self.x_0), place)
        if self.dmax is None:
            x = torch.where(v > 0, self.ub, self.lb).expand_as(v)
            return (v * x).sum(1), x
        return self._ball.support(v, self.lb, self.ub)

    def _project_convex(self, x: Tensor) -> Tensor:
        """Nearest points but for whole numbers."""
        ball, passing = self._ball, self.filter
        if passing is None:
            return ball.project(x, self.lb, self.ub)
        if self.dmax is None:
            return passing.project(x, self.lb, self.ub)

        # by duality, that of a point on the way to the start
        def near(pull: Tensor) -> Tensor:
            return passing.project(
                self.x_0 + (x - self.x_0) / (1 + pull), self.lb, self.ub)
        zero = torch.zeros_like(x[:, :1])
        return near(least_root(
            lambda pull: ball.distance(near(pull)) - ball.radius, zero,
            zero + 1, zero + ball.radius))

    def radius(self, x: Tensor) -> Tensor:
        """Distances from the starts, (p, 1)."""
        return self._ball.distance(x)

    @property
    def _ball(self) -> Ball:
        return Ball(self.x_0, math.inf if self.dmax is None else self.dmax,
                    self.distance)

    def _whole(self, x: Tensor) -> Tensor:
        """Where whole numbers are asked for, (p, d): the mask, but for
        features whose box has none."""
        mask = torch.zeros_like(x, dtype=torch.bool) \
            if self.integers is None else self.integers
        return mask & (self.lb.ceil() <= self.ub.floor()).expand_as(x)

    def _round(self, x: Tensor) -> Tensor:
        """Nearest whole numbers in the box."""
        whole = torch.maximum(torch.minimum(
            x.round(), self.ub.floor()), self.lb.ceil())
        return torch.where(self._whole(x), whole, x)
