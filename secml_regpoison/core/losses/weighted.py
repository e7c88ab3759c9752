"""A training loss whose rows have weights."""
from dataclasses import dataclass
from typing import Optional

from torch import Tensor

from . import Loss


@dataclass(frozen=True, eq=False)
class Weighted:
    """``c_i l(h_i)`` for the rows i of a training set.

    loss : ``l``. weights : ``c``, (n,), of at least 0. If there are fewer
    scores than weights, they belong to the last rows.
    """

    loss: Loss
    weights: Tensor

    @property
    def curvature_bound(self) -> float:
        """That of ``l``, times the largest weight above 1."""
        return self.loss.curvature_bound * max(1., float(self.weights.max()))

    def _of(self, h: Tensor) -> Tensor:
        return self.weights[len(self.weights) - h.shape[-1]:]

    def value(self, h: Tensor) -> Tensor:
        """``c l(h)``."""
        return self._of(h) * self.loss.value(h)

    def slope(self, h: Tensor, out: Optional[Tensor] = None) -> Tensor:
        """``c l'(h)``."""
        return self.loss.slope(h, out=out).mul_(self._of(h))

    def curvature(self, h: Tensor) -> Tensor:
        """``c l''(h)``."""
        return self._of(h) * self.loss.curvature(h)
