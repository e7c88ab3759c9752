"""The version of this package, without importing any of it."""
__version__ = '0.2.0'
