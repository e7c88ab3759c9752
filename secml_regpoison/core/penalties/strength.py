"""Base class of the penalties."""
import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Strength:
    """``mu = exp(lmbda)/n``, and the bias's share `beta` of the penalty.

    Parameters
    ----------
    lmbda : float
        Natural log of the strength; C = exp(-lmbda).
    n : int
        Number of training rows, poison included.
    beta : float
        0: the bias is not penalised. 1: it is.
    """

    lmbda: float
    n: int
    beta: float = 0.

    def __post_init__(self) -> None:
        if self.beta not in (0., 1.):
            raise ValueError(f'`beta` must be 0 or 1, got {self.beta!r}.')

    @property
    def strength(self) -> float:
        """``mu``."""
        return math.exp(self.lmbda) / self.n

    def strengths(self, u: Tensor) -> Tensor:
        """``mu`` of each weight and ``beta mu`` of the bias, of the dtype and
        on the device of `u`, (d + 1,)."""
        mu = u.new_full((u.shape[-1],), self.strength)
        mu[-1] *= self.beta
        return mu
