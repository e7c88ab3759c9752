"""Penalties of the weights, one a file; each a value that a model is given."""
from typing import Any

from ..checks import check
from .l1 import L1
from .l2 import L2

__all__ = ['L1', 'L2', 'check_penalty']

# The solvers write these out for a strength: they do not call all of them.
_WRITTEN_OUT = 'value', 'gradient', 'bilinear', 'curvature', 'strengths'


def check_penalty(penalty: Any) -> None:
    """Raise ValueError unless its value and derivatives are those of `L2`, or
    of `L1` if it is not smooth: another would be trained as one of these."""
    base = L2 if penalty.is_smooth else L1
    check('penalty', penalty.__name__, all(
        getattr(penalty, name, None) == getattr(base, name, None)
        for name in _WRITTEN_OUT), 'L1, L2 or a subclass that changes their '
        'strength alone')
