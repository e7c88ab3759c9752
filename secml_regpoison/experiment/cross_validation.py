"""Lambda by cross-validation: one definition for all policies."""
import numpy as np
from sklearn.model_selection import StratifiedKFold

from secml_regpoison.attack.targets import target_of
from secml_regpoison.convert import as_refitted, indices, signs, to_tensor
from secml_regpoison.core import Problem
from secml_regpoison.core.solvers import Training
from secml_regpoison.data.splits import N_FOLDS


def cross_validated_lmbda(dataset, classifier, lmbda_bounds, seed):
    """Lambda of the least 5-fold cross-validated loss on the rows of a set.

    The grid has steps of 0.5 (or a little less, to end at the bound); of
    equally good ones the largest lambda. With fewer than two rows of a class
    nothing can be compared: 0, scikit-learn's default.

    Parameters
    ----------
    dataset : CDataset
    classifier, seed
        See `cross_validated_losses`.
    lmbda_bounds : pair of float

    Returns
    -------
    float

    """
    lower, upper = lmbda_bounds
    # from the top: each optimum is where the next training starts
    grid = np.linspace(upper, lower, 1 + int(np.ceil(2 * (upper - lower))))
    if n_folds(dataset) < 2:
        return float(np.clip(0., lower, upper))
    losses = cross_validated_losses(dataset, classifier, grid, seed)
    return float(grid[losses.argmin()])


def n_folds(dataset):
    """Five, or as many as a class has rows."""
    return min(N_FOLDS, *(int((dataset.Y == label).sum())
                          for label in dataset.classes.tolist()))


def cross_validated_losses(dataset, classifier, lmbdas, seed):
    """Mean validation loss over the folds, at each lambda.

    Loss and training are those of the classifier, its preprocess refitted on
    the rows that a fold trains on.

    Parameters
    ----------
    dataset : CDataset
        A class with fewer than five rows makes as many folds.
    classifier : CClassifier
        Of a kind that can be attacked; its C is not read. Without a
        preprocess or with secml's normalizers.
    lmbdas : sequence of float
    seed : int
        For the folds.

    Returns
    -------
    ndarray, shape (len(lmbdas),)
        NaN where a class has fewer than two rows.

    """
    target = target_of(classifier)
    x, y = to_tensor(dataset.X), (indices if target.by_class else signs)(
        dataset.Y, dataset.classes)
    if n_folds(dataset) < 2:
        return np.full(len(lmbdas), np.nan)
    preprocess = classifier.preprocess and as_refitted(classifier.preprocess)
    losses = np.zeros(len(lmbdas))
    n_classes = dataset.classes.size if target.by_class else None
    for fit, held_out in StratifiedKFold(
            n_folds(dataset), shuffle=True, random_state=seed).split(x, y):
        model = target.model(
            Problem(x[fit], y[fit], x[held_out], y[held_out],
                    preprocess=preprocess, n_classes=n_classes),
            y[:0], Training('implicit'), target.loss, target.beta,
            target.penalty)
        trained = None
        for k, lmbda in enumerate(lmbdas):
            trained = model.train(x[:0], float(lmbda), trained)
            losses[k] += len(held_out) * model.losses(trained).defender
    return losses / len(x)
