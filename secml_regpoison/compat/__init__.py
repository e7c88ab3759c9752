"""Patches with which unmodified secml 0.15.6 runs on today's Python stack."""
from .imports import apply, importing, is_command, secml_problem

__all__ = ['apply', 'importing', 'is_command', 'secml_problem']
