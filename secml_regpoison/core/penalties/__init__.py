"""Penalties of the weights, one a file."""
