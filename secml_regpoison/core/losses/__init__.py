"""Losses of the margin, one a file."""
