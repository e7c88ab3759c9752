"""Data of two classes or more: by name or from a file, and its splits."""
from .sources import load_data
from .splits import split_data

__all__ = ['load_data', 'split_data']
