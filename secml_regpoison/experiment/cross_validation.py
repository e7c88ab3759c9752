"""Lambda by cross-validation: one definition for all policies."""
import numpy as np

from secml_regpoison.attack.targets import target_of
from secml_regpoison.convert import as_refitted, indices, signs, to_tensor
from secml_regpoison.core import Problem
from secml_regpoison.core.linalg import SingularHessian
from secml_regpoison.core.valleys import lmbda_grid
from secml_regpoison.core.solvers import Training
from secml_regpoison.core.verdicts import by_chance
from secml_regpoison.folds import n_folds, stratified_folds


def cross_validated_lmbda(dataset, classifier, lmbda_bounds, seed):
    """Lambda of the least 5-fold cross-validated loss on the rows of a set,
    among those that do not clearly err more than the best.

    A few rows far out can make the loss of a fold huge at all but the largest
    lambdas, which then err on half of the rows. So a lambda counts only if
    its errors are as many as the least up to chance, see `by_chance`.

    The grid has steps of 0.5 (or a little less, to end at the bound); of
    equally good ones the largest lambda. With fewer than two rows of a class
    nothing can be compared: 0, scikit-learn's default.

    Parameters
    ----------
    dataset : CDataset
    classifier, seed
        See `cross_validate`.
    lmbda_bounds : pair of float

    Returns
    -------
    float

    """
    if n_folds(dataset.Y.tondarray()) < 2:
        return float(np.clip(0., *lmbda_bounds))
    grid = lmbda_grid(lmbda_bounds, .5)
    losses, n_wrong = cross_validate(dataset, classifier, grid, seed)
    is_good = by_chance(n_wrong, n_wrong.min(), dataset.num_samples)
    return float(grid[np.where(is_good, losses, np.inf).argmin()])


def cross_validate(dataset, classifier, lmbdas, seed):
    """Validation loss and errors of the folds, at each lambda.

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
    losses : ndarray, shape (len(lmbdas),)
        Mean over the rows; NaN where a class has fewer than two rows, inf at
        a lambda without an answer.
    n_wrong : ndarray, shape (len(lmbdas),)
        Rows that the classifier of the other folds takes for another class;
        all at a lambda without an answer.

    Raises
    ------
    FloatingPointError
        If no lambda has an answer.

    """
    target = target_of(classifier)
    x, y = to_tensor(dataset.X), (indices if target.by_class else signs)(
        dataset.Y, dataset.classes)
    if n_folds(y) < 2:
        return np.full((2, len(lmbdas)), np.nan)
    preprocess = classifier.preprocess and as_refitted(classifier.preprocess)
    found, fault = np.zeros((2, len(lmbdas))), FloatingPointError(
        'the loss is finite at no lambda: rescale the features.')
    n_classes = dataset.classes.size if target.by_class else None
    no_points = x[:0]  # the same at each lambda: so are features and kernel
    for fit, held_out in stratified_folds(y, seed).split(x, y):
        model = target.model(
            Problem(x[fit], y[fit], x[held_out], y[held_out],
                    preprocess=preprocess, n_classes=n_classes),
            y[:0], Training('implicit'), target.loss, target.beta,
            target.penalty)
        trained = None
        for k, lmbda in enumerate(lmbdas):
            try:
                trained = model.train(no_points, float(lmbda), trained)
            except SingularHessian as error:  # too weak a penalty: no answer
                found[0, k], fault = np.inf, error
                continue
            losses = model.losses(trained)
            found[:, k] += len(held_out) * np.array(
                [losses.defender, losses.attacker_error])
    has_none = found[0] == np.inf
    if has_none.all():
        raise fault
    found[1, has_none] = len(x)
    return found[0] / len(x), np.rint(found[1])
