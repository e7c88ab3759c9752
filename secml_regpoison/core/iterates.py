"""What the outer loop goes through, and what it returns."""
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .model import Gradients


@dataclass(frozen=True, eq=False)
class Iterate:
    """Poisoning points, lambda, the model they give and the derivatives.

    ``grad_x_p = dB/dx_p`` and ``grad_lmbda = dA/dlmbda``, with the attacker's
    loss B and the defender's A of the trained model: arXiv 2105.10948, eq. 2,
    where both are one.

    Attributes
    ----------
    x_p : Tensor, shape (p, d)
        Poisoning points.
    lmbda : float
        The defender's best response to them, or the one given if it is fixed.
    trained : object
        What the model's `train` returns there.
    value, error : float
        The attacker's loss and share of errors.
    loss : float
        The defender's loss: `value` where `Problem.is_zero_sum`.
    gradients : Gradients
        Those of the model; with camouflage `grad_x_p` is a direction, see
        `.camouflaged`.
    log_s : float
        Of a `.TrustModel`; else 0.
    """

    x_p: Tensor
    lmbda: float
    trained: Any
    value: float
    error: float
    loss: float
    gradients: Gradients
    log_s: float = 0.

    @property
    def grad_x_p(self) -> Tensor:
        """Derivative, or direction, of the points, (p, d)."""
        return self.gradients.grad_x_p

    @property
    def grad_lmbda(self) -> float:
        """Derivative of the defender's loss with respect to lambda."""
        return float(self.gradients.grad_lmbda)


@dataclass(frozen=True, eq=False)
class Solution:
    """Result of `.solve`: the best iterate, and how it came about.

    Attributes
    ----------
    x_p : Tensor, shape (p, d)
        Poisoning points.
    lmbda : float
        The defender's best response to them, or the one given if it is fixed.
    value : float
        Attacker's loss there.
    w, b : Tensor, shapes (d,) and (), of k classes (k, d) and (k,)
        The poisoned model.
    f_seq, lmbda_seq : tuple of float
        Attacker's loss and lambda of every iterate recorded, the start first;
        by L-BFGS-B one an evaluation.
    n_trainings, n_evaluations : int
        Models trained, and iterates evaluated, which train one each. No
        derivative is computed for an iterate that no step follows.
    converged : bool
        Ended before `n_outer` steps, and not because no step may be shorter
        than `min_step`.
    log_s : float
        Of a `.TrustModel`; else 0.
    """

    x_p: Tensor
    lmbda: float
    value: float
    w: Tensor
    b: Tensor
    f_seq: tuple[float, ...]
    lmbda_seq: tuple[float, ...]
    n_trainings: int
    n_evaluations: int
    converged: bool
    log_s: float = 0.
