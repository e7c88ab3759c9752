"""The command line, `secml-regpoison`."""
from .main import main

__all__ = ['main']
