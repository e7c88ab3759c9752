"""What a preprocess makes of the rows, and the way back."""
from typing import TYPE_CHECKING, Callable, NamedTuple

from torch import Tensor

if TYPE_CHECKING:
    from .problem import Problem


class Features(NamedTuple):
    """Features of poisoning points and of the rows beside them.

    phi : features (p, d) of the points. vjp : takes derivatives with respect
    to features to one with respect to the points: those of the points, or
    with `all_move` of all training rows and of the validation rows. problem :
    the problem in features. all_move : whether the features of all rows move
    with the points.
    """

    phi: Tensor
    vjp: Callable[..., Tensor]
    problem: 'Problem'
    all_move: bool = False
