"""The L2 penalty."""
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .strength import Strength


@dataclass(frozen=True)
class L2(Strength):
    """``mu/2 (||w||^2 + beta b^2)`` with ``mu = exp(lmbda)/n``.

    Parameters
    ----------
    lmbda : float
        Natural log of the strength; C = exp(-lmbda).
    n : int
        Number of training rows, poison included.
    beta : float
        0: the bias is not penalised, as in the paper and in scikit-learn's
        default solver. 1: it is, as by liblinear.
    """

    # One strength for all weights: what kernel coordinates need. A derivative
    # everywhere: what most solvers need.
    is_isotropic = is_smooth = True
    # Step along lambda that tells the validation loss's valleys apart.
    lmbda_step = 1.5

    @property
    def curvature(self) -> float:
        """Its second derivative with respect to a weight."""
        return self.strength

    def value(self, w: Tensor, b: Tensor) -> Tensor:
        """The penalty, 0-d."""
        return self.bilinear(w @ w + b * b, b * b) / 2

    def gradient(self, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """``mu w`` and ``mu beta b``; the derivative of each with respect to
        lambda is the same."""
        return self.strength * w, self.strength * self.beta * b

    def bilinear(self, product: Any, bias_product: Any) -> Any:
        """``mu (p_w . w + beta p_b b)``: the penalty's Hessian between two
        vectors, and the derivative of ``p . gradient`` with respect to lambda.

        Parameters
        ----------
        product, bias_product : float or Tensor
            ``p . u`` of whole vectors (w, b), and ``p_b b``.
        """
        return self.strength * (product - (1 - self.beta) * bias_product)
