"""The squared loss."""
from typing import Optional

import torch
from torch import Tensor

from .labels import share_of_positive


class Squared:
    """``(1 + h)^2`` of the negated margin: with labels in {-1, +1} the squared
    error ``(y - f)^2`` of ridge regression, without a half."""

    curvature_bound = 2.

    def value(self, h: Tensor) -> Tensor:
        """``(1 + h)^2``."""
        return (1 + h).square_()

    def slope(self, h: Tensor, out: Optional[Tensor] = None) -> Tensor:
        """``2 (1 + h)``."""
        return torch.add(h, 1, out=out).mul_(2)

    def curvature(self, h: Tensor) -> Tensor:
        """2."""
        return torch.full_like(h, 2.)

    def constant(self, y: Tensor) -> float:
        """``4 q (1 - q)``, of the answer 2 q - 1."""
        q = share_of_positive(y)
        return 4 * q * (1 - q)
