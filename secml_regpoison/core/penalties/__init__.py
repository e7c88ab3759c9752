"""Penalties of the weights, one a file; each a value that a model is given."""
from .l1 import L1
from .l2 import L2

__all__ = ['L1', 'L2']
