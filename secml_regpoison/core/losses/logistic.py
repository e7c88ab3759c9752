"""The logistic loss."""
import math
from typing import Optional

import torch
from torch import Tensor

from .labels import share_of_positive


class Logistic:
    """``softplus(h) = log(1 + exp(h))`` of the negated margin, in nats."""

    curvature_bound = .25

    def value(self, h: Tensor) -> Tensor:
        """``log(1 + exp(h))``."""
        # torch's softplus is linear past 20; -logsigmoid(-h) is exact
        return -torch.nn.functional.logsigmoid(-h)

    def slope(self, h: Tensor, out: Optional[Tensor] = None) -> Tensor:
        """``sigma(h)``."""
        return torch.sigmoid(h, out=out)

    def curvature(self, h: Tensor) -> Tensor:
        """``sigma(h) (1 - sigma(h))``."""
        q = torch.sigmoid(h)
        return q * (1 - q)

    def constant(self, y: Tensor) -> float:
        """The entropy, ``-q log q - (1 - q) log(1 - q)``."""
        q = share_of_positive(y)
        return -sum(share * math.log(share) for share in (q, 1 - q) if share)
