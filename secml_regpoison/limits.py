"""Magnitudes and numbers that features may have."""

# Beyond it liblinear no longer trains (scikit-learn warns), and products of a
# few rows are near the largest float64.
LARGEST = 1e30
# Below it the squares of features are 0, and liblinear never returns.
SMALLEST = 1e-150
# Cells of sparse rows with the zeros written out, 4 GB.
LARGEST_DENSE = 5e8
