"""In which order poison takes the place of training rows."""
import numpy as np


def replacement_order(seed, n_rows):
    """The training rows, those that poison replaces first."""
    return np.random.default_rng([seed, 1]).permutation(n_rows)


def most_replaced(y, seed):
    """How many of the rows with labels `y` (n,) may be replaced, so that one
    of each class is left."""
    y = y[replacement_order(seed, len(y))]
    return min(np.flatnonzero(y == k).max() for k in np.unique(y))
