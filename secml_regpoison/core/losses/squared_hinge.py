"""The squared hinge loss."""
from typing import Optional

import torch
from torch import Tensor

from .squared import Squared


class SquaredHinge:
    """``max(0, 1 + h)^2`` of the negated margin: liblinear's smooth SVM."""

    curvature_bound = 2.

    def value(self, h: Tensor) -> Tensor:
        """``max(0, 1 + h)^2``."""
        return (1 + h).relu_().square_()

    def slope(self, h: Tensor, out: Optional[Tensor] = None) -> Tensor:
        """``2 max(0, 1 + h)``."""
        return torch.add(h, 1, out=out).relu_().mul_(2)

    def curvature(self, h: Tensor) -> Tensor:
        """2 inside the margin, 0 beyond it."""
        return 2 * (h > -1).to(h.dtype)

    # of the answer 2 q - 1, which is inside the margin of both classes
    constant = Squared.constant
