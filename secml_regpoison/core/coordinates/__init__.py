"""Coordinates of a linear model in which it is trained."""
