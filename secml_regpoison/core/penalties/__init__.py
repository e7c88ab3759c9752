"""Penalties of the weights, one a file; each a value that a model is given."""
from .l2 import L2

__all__ = ['L2']
