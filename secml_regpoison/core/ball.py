"""Balls around the starts of the points."""
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .checks import NORMS
from .sphere_slab import SphereSlab


@dataclass(frozen=True, eq=False)
class Ball:
    """A ball of the `norm` 'l1' or 'l2' around each `centre`, (p, d), which
    is in the box; together with that. radius : of all, inf for none."""

    centre: Tensor
    radius: float
    norm: str

    def distance(self, x: Tensor) -> Tensor:
        """Of points from the centres, (p, 1)."""
        return torch.linalg.vector_norm(
            x - self.centre, NORMS[self.norm], 1, keepdim=True)

    def project(self, x: Tensor, lb: Tensor, ub: Tensor) -> Tensor:
        """Nearest points in box and ball.

        It is the box's clip of ``c + shrink(x - c)``, with ``shrink`` a
        scaling for 'l2' and a soft threshold for 'l1'; its one parameter is
        found by bisection.
        """
        clipped = x.clamp(lb, ub)
        if self.radius == math.inf:
            return clipped
        low, high = (torch.full_like(x[:, :1], t) for t in (0., 1.))
        for _ in range(60):
            t = (low + high) / 2
            inside = self.distance(
                self._shrink(x, t).clamp(lb, ub)) <= self.radius
            low = torch.where(inside, t, low)
            high = torch.where(inside, high, t)
        return torch.where(self.distance(clipped) <= self.radius, clipped,
                           self._shrink(x, low).clamp(lb, ub))

    def _shrink(self, x: Tensor, t: Tensor) -> Tensor:
        delta = x - self.centre
        if self.norm == 'l2':
            return self.centre + t * delta
        cut = (1 - t) * delta.abs().amax(1, keepdim=True)
        return self.centre + delta.sign() * (delta.abs() - cut).relu()

    def support(self, v: Tensor, lb: Tensor,
                ub: Tensor) -> tuple[Tensor, Tensor]:
        """Largest ``v . x`` row by row, (p,), and where it is, (p, d)."""
        if self.norm == 'l2':
            size = v[:1]
            return SphereSlab(
                self.centre, torch.full_like(v[:, :1], self.radius),
                torch.zeros_like(size), torch.full_like(v[:, :1], math.inf),
                torch.ones_like(size[0])).support(v, lb, ub)
        # the features of the largest ``|v|`` go to their bounds first
        room = torch.where(v > 0, ub - self.centre, self.centre - lb)
        order = v.abs().argsort(1, descending=True)
        room = room.gather(1, order).clamp_max(self.radius)
        spent = room.cumsum(1)
        moves = torch.minimum(room, (
            self.radius - spent + room).clamp_min(0.))
        x = self.centre + v.sign() * torch.zeros_like(v).scatter(
            1, order, moves)
        return (v * x).sum(1), x
