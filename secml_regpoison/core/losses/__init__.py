"""Losses of the margin, one a file; each a value that a model is given.

A loss is a function of the negated margin ``h = -y (x . w + b)``, smooth and
convex. It has

- ``value(h)``, ``slope(h, out=None)``, ``curvature(h)``: the loss and its
  first and second derivative, elementwise, in nats where that applies;
- ``curvature_bound``: the largest value of `curvature`;
- ``constant(y)``: the least mean loss, on labels y, of an answer that no
  feature changes.

`Softmax`, of more classes than two, is another kind of loss, see there:
`..coordinates.class_steps` writes out its slope and curvature for speed, and
`..softmax_model` its value. Nothing else in the core knows which loss it is.
"""
from typing import Optional, Protocol

from torch import Tensor

from .logistic import Logistic
from .softmax import Softmax
from .squared import Squared
from .squared_hinge import SquaredHinge

__all__ = ['Logistic', 'Loss', 'Softmax', 'Squared', 'SquaredHinge']


class Loss(Protocol):
    """Interface of a loss for a model."""

    curvature_bound: float

    def value(self, h: Tensor) -> Tensor:
        """The loss, elementwise."""

    def slope(self, h: Tensor, out: Optional[Tensor] = None) -> Tensor:
        """Its first derivative, written to `out` if given."""

    def curvature(self, h: Tensor) -> Tensor:
        """Its second derivative."""

    def constant(self, y: Tensor) -> float:
        """Least mean loss of a constant answer on labels (m,)."""
