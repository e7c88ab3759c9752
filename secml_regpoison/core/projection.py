"""Where poisoning points may go: a box, and a ball around their start."""
import math
from dataclasses import dataclass
from typing import Optional, Union

import torch
from torch import Tensor

Bound = Union[float, Tensor, None]


def check_box(x_p: Tensor, lb: Bound, ub: Bound) -> tuple[Tensor, Tensor]:
    """Bounds as tensors that broadcast against the points."""
    low, high = (torch.as_tensor(inf if bound is None else bound).to(x_p)
                 for bound, inf in ((lb, -math.inf), (ub, math.inf)))
    for name, bound in (('lb', low), ('ub', high)):
        if bound.dim() > 2 or any(
                size not in (1, full) for size, full in
                zip(bound.shape[::-1], x_p.shape[::-1])):
            raise ValueError(
                f'`{name}` must be a number, one a feature or one a point '
                f'and feature, {tuple(x_p.shape)}, got shape '
                f'{tuple(bound.shape)}.')
    if not (low <= high).all():
        raise ValueError('`lb` must be at most `ub` (and neither NaN), got '
                         f'lb - ub up to {float((low - high).max()):g}.')
    return low, high


@dataclass(frozen=True, eq=False)
class FeasibleSet:
    """A box, and a ball of radius `dmax` around each start `x_0` in it.

    x_0 : (p, d). lb, ub : tensors that broadcast against it. dmax : None for
    no ball. distance : 'l1' or 'l2', the ball's norm.
    """

    x_0: Tensor
    lb: Tensor
    ub: Tensor
    dmax: Optional[float] = None
    distance: str = 'l2'

    def project(self, x: Tensor) -> Tensor:
        """Nearest points to `x`, row-wise.

        For `x_0` in the box the projection on box and ball together is the
        box's clip of ``x_0 + shrink(x - x_0)``, with ``shrink`` a scaling for
        'l2' and a soft threshold for 'l1'; its one parameter is found by
        bisection.
        """
        clipped = x.clamp(self.lb, self.ub)
        if self.dmax is None:
            return clipped
        low, high = (torch.full_like(x[:, :1], t) for t in (0., 1.))
        for _ in range(60):
            t = (low + high) / 2
            inside = self._radius(self._shrink(x, t)) <= self.dmax
            low = torch.where(inside, t, low)
            high = torch.where(inside, high, t)
        return torch.where(self._radius(clipped) <= self.dmax, clipped,
                           self._shrink(x, low))

    def _shrink(self, x: Tensor, t: Tensor) -> Tensor:
        delta = x - self.x_0
        if self.distance == 'l2':
            moved = t * delta
        else:
            cut = (1 - t) * delta.abs().amax(1, keepdim=True)
            moved = delta.sign() * (delta.abs() - cut).relu()
        return (self.x_0 + moved).clamp(self.lb, self.ub)

    def _radius(self, x: Tensor) -> Tensor:
        order = {'l1': 1, 'l2': 2}[self.distance]
        return torch.linalg.vector_norm(x - self.x_0, order, 1, keepdim=True)
