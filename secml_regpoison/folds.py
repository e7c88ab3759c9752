"""Folds of cross-validation, the same wherever rows are cross-validated."""
import numpy as np

N_FOLDS = 5  # rows of each class to cross-validate, if there are so many
N_SEEDS = 2 ** 32  # scikit-learn's seeds are below it, ours any from 0 on


def n_folds(y):
    """Five, or as many as a class has rows; `y` are labels, (m,)."""
    return min(N_FOLDS, int(np.unique(y, return_counts=True)[1].min()))


def stratified_folds(y, seed):
    """scikit-learn's shuffled `StratifiedKFold` of rows with labels `y`."""
    # it takes long to import, and the command line needs the sizes above
    from sklearn.model_selection import StratifiedKFold
    return StratifiedKFold(n_folds(y), shuffle=True,
                           random_state=int(seed) % N_SEEDS)
