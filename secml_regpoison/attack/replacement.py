"""In which order poison takes the place of training rows."""
import numpy as np


def replacement_order(seed, n_rows):
    """The training rows, those that poison replaces first."""
    return np.random.default_rng([seed, 1]).permutation(n_rows)
