"""Data of two classes or more: by name or from a file, and its splits."""
from .sources import Source, load_data
from .splits import Split, split_data

__all__ = ['Source', 'Split', 'load_data', 'split_data']
