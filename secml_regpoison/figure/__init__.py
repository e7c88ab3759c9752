"""Plots that every `fig.sp` has once this package is imported."""
