"""Magnitudes and numbers that features may have, and the range of lambda."""
import numpy as np

# Beyond it liblinear no longer trains (scikit-learn warns), and products of a
# few rows are near the largest float64.
LARGEST = 1e30
# Below it the squares of features are 0, and liblinear never returns.
SMALLEST = 1e-150
# Cells of sparse rows with the zeros written out, 4 GB.
LARGEST_DENSE = 5e8
# scikit-learn divides by 1 below it, in MinMaxScaler and in Normalizer.
LEAST_SCALE = 10 * np.finfo(float).eps
# exp(+-46) = 1e+-20. Beyond 1e+-100 liblinear never returns. Long before, it
# reaches its limit: all weights 0, or no penalty.
MAX_LMBDA = 46.


def least_scale(kind, x):
    """The least number above 0 that 'min-max' divides the columns of `x` (n,
    d) by, or 'unit-norm' its rows, to a factor; of other scalers 1."""
    sizes = np.ptp(x, axis=0) if kind == 'min-max' else \
        np.abs(x).max(axis=1) if kind == 'unit-norm' else np.ones(1)
    return float(min(sizes[sizes > 0], default=1.))


def is_rounding(x):
    """Which columns of `x` (n, d), or whether one (n,), vary by no more than
    rounding: scikit-learn's scalers take them as constant."""
    limit = len(x) * np.finfo(float).eps * np.abs(x.mean(axis=0))
    return (x.std(axis=0) <= limit) & (x.min(axis=0) != x.max(axis=0))
