"""The L1 penalty."""
from dataclasses import dataclass

import torch
from torch import Tensor

from .strength import Strength


@dataclass(frozen=True)
class L1(Strength):
    """``mu (||w||_1 + beta |b|)`` with ``mu = exp(lmbda)/n``.

    The minimiser of the training objective is that of scikit-learn with
    ``l1_ratio=1`` (before 1.8 ``penalty='l1'``) and C = exp(-lmbda). It has
    no derivative where a weight is 0: only the solvers of
    `..solvers.SPARSE_SOLVERS` train with it.

    Parameters
    ----------
    lmbda : float
        Natural log of the strength.
    n : int
        Number of training rows, poison included.
    beta : float
        0: the bias is not penalised, as by scikit-learn's 'saga'. 1: it is,
        as by liblinear.
    """

    # Kernel coordinates need an isotropic penalty, most solvers a smooth one.
    is_isotropic = is_smooth = False
    # Where it has derivatives, the second one is 0.
    curvature = 0.
    # As for L2; a valley ends where a weight leaves zero.
    lmbda_step = .5

    def value(self, w: Tensor, b: Tensor) -> Tensor:
        """The penalty, 0-d."""
        return self.strength * (w.abs().sum() + self.beta * b.abs())

    def gradient(self, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """``mu sign(w)`` and ``mu beta sign(b)``, 0 where a weight is 0; the
        derivative of each with respect to lambda is the same."""
        return self.strength * w.sign(), self.strength * self.beta * b.sign()


def least_subgradient(u: Tensor, grad: Tensor, mu: Tensor) -> Tensor:
    """The subgradient of least norm of a function plus ``sum_j mu_j |u_j|``.

    Parameters
    ----------
    u, grad : Tensor, shape (k,)
        A point, and the gradient of the function there.
    mu : Tensor, shape (k,)
        At least 0.

    Returns
    -------
    Tensor, shape (k,)
        0 where ``u_j = 0`` and ``|grad_j| <= mu_j``.
    """
    at_zero = grad - torch.maximum(torch.minimum(grad, mu), -mu)
    return torch.where(u != 0, grad + mu * u.sign(), at_zero)
