"""Lambda by cross-validation: one definition for all policies."""
import numpy as np
from sklearn.model_selection import StratifiedKFold

from secml_regpoison.attack.targets import target_of
from secml_regpoison.convert import as_refitted, signs, to_tensor
from secml_regpoison.core import Problem
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.solvers import Training
from secml_regpoison.data.splits import N_FOLDS


def cross_validated_lmbda(dataset, classifier, lmbda_bounds, seed):
    """Lambda of the least 5-fold cross-validated loss on the rows of a set.

    The grid has steps of 0.5 (or a little less, to end at the bound). Loss
    and training are those of the classifier, its preprocess refitted on the
    rows that a fold trains on; of equally good ones the largest lambda.

    Parameters
    ----------
    dataset : CDataset
        At least five rows of each class.
    classifier : CClassifierLogistic or CClassifierLogisticTorch
        Its C is not read. Without a preprocess or with secml's normalizers.
    lmbda_bounds : pair of float
    seed : int
        For the folds.

    Returns
    -------
    float

    """
    lower, upper = lmbda_bounds
    # from the top: each optimum is where the next training starts
    grid = np.linspace(upper, lower, 1 + int(np.ceil(2 * (upper - lower))))
    x, y = to_tensor(dataset.X), signs(dataset.Y, dataset.classes)
    preprocess = classifier.preprocess and as_refitted(classifier.preprocess)
    losses, target = np.zeros(len(grid)), target_of(classifier)
    for fit, held_out in StratifiedKFold(
            N_FOLDS, shuffle=True, random_state=seed).split(x, y):
        model = LinearModel(
            Problem(x[fit], y[fit], x[held_out], y[held_out],
                    preprocess=preprocess),
            y[:0], Training('implicit'), target.loss, target.beta)
        trained = None
        for k, lmbda in enumerate(grid):
            trained = model.train(x[:0], lmbda, trained)
            losses[k] += len(held_out) * model.losses(trained).defender
    return float(grid[losses.argmin()])
