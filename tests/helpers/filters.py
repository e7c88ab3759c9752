"""The filter of Steinhardt, Koh and Liang (2017), written anew in NumPy."""
import numpy as np


def outside(x, y, rows, labels, quantile, scale=1.):
    """Which of the points x, y the filter of the clean rows drops; `scale` is
    the unit of each column."""
    classes = np.unique(labels)
    centres = [rows[labels == k].mean(axis=0) for k in classes]
    found = np.zeros(len(x), dtype=bool)
    for k, centre in zip(classes, centres):
        others = np.mean([c for c in centres if c is not centre], axis=0)

        def measures(of, centre=centre, apart=(centre - others) / scale):
            moved = (of - centre) / scale
            return np.linalg.norm(moved, axis=1), abs(moved @ apart)
        for far, limit in zip(measures(x), measures(rows[labels == k])):
            found |= (y == k) & (far > 1e-9 * (1 + limit.max()) + np.quantile(
                limit, quantile, method='higher'))
    return found
