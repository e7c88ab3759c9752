"""Patches with which unmodified secml 0.15.6 runs on today's Python stack."""
from .imports import apply, importing, secml_problem

__all__ = ['apply', 'importing', 'secml_problem']
