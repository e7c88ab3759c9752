"""Interface of a model for the outer loop, the defender and the attack.

    A(X_p, lmbda) = the validation loss of the model that training returns

(arXiv 2105.10948, eq. 1), and its derivatives with respect to both.
"""
from typing import Any, Callable, NamedTuple, Protocol

from torch import Tensor

from .problem import Problem


class Hypergradient(NamedTuple):
    """Value and derivatives, in the units of the loss.

    Attributes
    ----------
    value : Tensor, 0-d
        Attacker's loss on the validation set, or on a set of its own.
    grad_x_p : Tensor, shape (p, d)
        Derivative of the attacker's loss with respect to the points.
    grad_lmbda : Tensor, 0-d
        Derivative of the defender's loss with respect to lambda. Attacker and
        defender share one loss where `Problem.is_zero_sum`.
    """

    value: Tensor
    grad_x_p: Tensor
    grad_lmbda: Tensor


class Gradients(Protocol):
    """Interface of a `Hypergradient`. A model may compute a derivative when it
    is first read: a step that is rejected needs none."""

    @property
    def value(self) -> Tensor: ...
    @property
    def grad_x_p(self) -> Tensor: ...
    @property
    def grad_lmbda(self) -> Tensor: ...


class Losses(NamedTuple):
    """Mean loss on the rows and labels of each player, and share of the
    attacker's rows on the wrong side of its labels."""

    attacker: float
    defender: float
    attacker_error: float


def share_wrong(h: Tensor, y: Tensor) -> float:
    """Share of the rows that get another class than theirs.

    `h` is the negated margin ``-y f``. A score f of 0 is that of the class
    -1, as secml and scikit-learn predict.
    """
    return float(((h > 0) | (h == 0) & (y > 0)).double().mean())


class Model(Protocol):
    """Interface of a model for `solve`, the defender and the attack.

    A class of models is called with ``(problem, y_p, training)``; what
    `train` returns is the model's own, but has ``w`` and ``b``.
    """

    @property
    def problem(self) -> Problem:
        """The data."""

    @property
    def defender(self) -> Callable[..., Any]:
        """Class of its `.defender.Defender`."""

    @property
    def lmbda_step(self) -> float:
        """Step of the defender's grid of lambda."""

    def check(self, x_p: Tensor, lmbda: float) -> None:
        """Raise or warn, before any work, of what will not work."""

    def train(self, x_p: Tensor, lmbda: float, start: Any = None) -> Any:
        """Train; `start` is None or what `train` returned before."""

    def losses(self, trained: Any) -> Losses:
        """Validation losses of a trained model."""

    def hypergradient(self, trained: Any) -> Gradients:
        """Validation loss of a trained model and its derivatives."""

    def defender_hypergradient(self, trained: Any) -> Gradients:
        """The same of the defender's loss; for an attacker's camouflage."""
