"""scikit-learn's linear classifiers and pipelines, as the attack models them.
"""
import inspect
import math
from numbers import Real

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from secml.array import CArray
from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerUnitNorm)

from secml_regpoison.folds import N_SEEDS
from secml_regpoison.limits import LEAST_SCALE, is_rounding, least_scale
from secml_regpoison.validation import check

# secml's names of what divides by the data
KINDS = {MinMaxScaler: 'min-max', Normalizer: 'unit-norm'}

# The default of `penalty` is a word from scikit-learn 1.8 on: `l1_ratio` says
# it instead.
_PENALTY = inspect.signature(LogisticRegression).parameters['penalty'].default
L1_WORDS = 'l1_ratio=1' if _PENALTY == 'deprecated' else "penalty='l1'"
ADVICE = (' Take a LogisticRegression, LinearSVC or RidgeClassifier, or a '
          'Pipeline of StandardScaler, MinMaxScaler or Normalizer and it.')


def classifier_of(estimator, n_classes=2):
    """Kind of classifier and penalty in a `Plan`, and preprocess, of an
    estimator.

    Parameters
    ----------
    estimator : LogisticRegression, LinearSVC, RidgeClassifier or Pipeline
    n_classes : int, optional

    Returns
    -------
    classifier : str
        'liblinear', which penalises the bias, 'logistic', 'softmax' of
        more than two classes, 'svm' or 'ridge'.
    penalty : str
        'l2' or 'l1'.
    preprocess : CNormalizer or None
        Not fitted; a chain of them if there are several scalers.

    Raises
    ------
    TypeError, ValueError
        If the estimator is trained on another objective.

    """
    steps = _steps(estimator)
    check('estimator', estimator, steps, 'a pipeline with steps', ADVICE)
    *scalers, last = steps
    if type(last) not in OBJECTIVES:
        raise TypeError(
            '`estimator` must end with one of '
            f'{", ".join(kind.__name__ for kind in OBJECTIVES)}, got '
            f'{type(last).__name__}.' + ADVICE)
    preprocess = None
    for scaler in scalers:
        preprocess = _normaliser(scaler, preprocess)
    check('estimator.fit_intercept', last.fit_intercept,
          last.fit_intercept == 1, 'True')
    check('estimator.class_weight', last.class_weight,
          last.class_weight is None, 'None: the attack weighs rows alike')
    return *OBJECTIVES[type(last)](last, n_classes), preprocess


def check_fits(estimator, x, y):
    """Raise ValueError where the estimator cannot be fitted, and where a
    scaler of scikit-learn takes for constant, or for 0, what the attack's
    scales: that is another model.

    Parameters
    ----------
    estimator
        That `classifier_of` takes.
    x, y : ndarray, shapes (n, d) and (n,)
        Clean rows.
    """
    few = np.concatenate([np.flatnonzero(y == k)[:2] for k in np.unique(y)])
    _with_loose_end(estimator).fit(x[few], y[few])
    inner = None
    for scaler in _steps(estimator)[:-1]:
        rows = x if inner is None else inner.fit_transform(
            CArray(x)).tondarray()
        name, cure = type(scaler).__name__, (
            ' Leave such columns out, or rescale them before.')
        if not isinstance(scaler, Normalizer):
            same = np.flatnonzero(is_rounding(rows)).tolist()
            check('X', f'columns {same[:8]}', not same, 'of columns that vary '
                  f'by more than rounding before the {name}', cure)
        least = least_scale(KINDS.get(type(scaler)), rows)
        check('X', least, least >= LEAST_SCALE, 'of rows and columns whose '
              f'size is 0 or at least {LEAST_SCALE:.2g} before the {name}',
              cure)
        inner = _normaliser(scaler, inner)


def _with_loose_end(estimator):
    """A clone of the estimator for few rows, of which nothing is learned: its
    training ends with the first step, and not with a warning."""
    trial = _with_lambda(estimator, 0., 0)
    last = last_step(trial)
    if isinstance(last.tol, Real) and last.tol >= 0:  # else it is refused
        last.set_params(tol=1e10)
    return trial


def fit_with_lambda(estimator, lmbda, seed, x, y):
    """A clone of the estimator with C = exp(-lmbda), or alpha =
    exp(lmbda)/2, fitted; its seed is `seed` where it has none."""
    return _with_lambda(estimator, lmbda, seed).fit(x, y)


def fit_with_trust(estimator, lmbda, seed, trust, trusted, others):
    """The same, on the `trusted` rows and the `others`, each an x and a y.

    Those count `trust` times each, as a sample weight; the scalers are fitted
    on the trusted rows alone.
    """
    fitted, (x, y) = _with_lambda(estimator, lmbda, seed), trusted
    if not trust:
        return fitted.fit(x, y)
    both = np.concatenate([x, others[0]])
    if isinstance(estimator, Pipeline) and len(fitted) > 1:
        both = fitted[:-1].fit(x).transform(both)
    weights = np.where(np.arange(len(both)) < len(x), 1., trust)
    last_step(fitted).fit(both, np.concatenate([y, others[1]]),
                          sample_weight=weights)
    return fitted


def _with_lambda(estimator, lmbda, seed):
    """A clone of the estimator, with this lambda; it copies the rows, which
    others use too, and draws nothing from NumPy's global generator."""
    last = last_step(estimator)
    changes = {'C': math.exp(-lmbda)}
    if isinstance(last, RidgeClassifier):
        changes = {'alpha': math.exp(lmbda) / 2}
    elif last.penalty is None:
        # C counts again
        changes['penalty'] = _PENALTY
        if _PENALTY == 'deprecated':
            changes['l1_ratio'] = 0
    if last.random_state is None:
        changes['random_state'] = seed % N_SEEDS
    prefix = f'{estimator.steps[-1][0]}__' if isinstance(
        estimator, Pipeline) else ''
    # a step of a pipeline may have such a name, too
    copies = [name for name in estimator.get_params()
              if name.rsplit('__')[-1] in ('copy', 'copy_X')
              and bool(prefix) == ('__' in name)]
    return clone(estimator).set_params(**dict.fromkeys(copies, True), **{
        prefix + name: value for name, value in changes.items()})


def last_step(estimator):
    """The linear model of an estimator."""
    return _steps(estimator)[-1]


def _steps(estimator):
    """The steps of a pipeline that do something and its last, or the
    estimator alone."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps]
    return [step for step in steps[:-1]
            if step is not None and step != 'passthrough'] + steps[-1:]


def _normaliser(scaler, inner):
    """secml's version of a scaler, which takes what `inner` returns."""
    if type(scaler) is StandardScaler and scaler.with_mean:
        return CNormalizerMeanStd(with_std=scaler.with_std, preprocess=inner)
    if type(scaler) is MinMaxScaler and not scaler.clip:
        return CNormalizerMinMax(scaler.feature_range, preprocess=inner)
    if type(scaler) is Normalizer:
        return CNormalizerUnitNorm(scaler.norm, preprocess=inner)
    raise TypeError(
        '`estimator` must have steps with a derivative (StandardScaler with '
        'its mean, MinMaxScaler without clip, Normalizer), got '
        f'{scaler!r}.' + ADVICE)


def _logistic(model, n_classes):
    """Classifier and penalty of a LogisticRegression: the penalty has two
    names."""
    check('estimator.penalty', model.penalty,
          model.penalty in ('l2', 'l1', None, 'deprecated'),
          "'l2', 'l1' or None", ADVICE)
    check('estimator.l1_ratio', model.l1_ratio, model.penalty != 'deprecated'
          or model.l1_ratio in (None, 0, 1), '0 or 1', ADVICE)
    is_l1 = model.penalty == 'l1' or (model.penalty == 'deprecated'
                                      and model.l1_ratio == 1)
    check('estimator.solver', model.solver, not is_l1
          or model.solver in ('saga', 'liblinear'),
          "'saga' or 'liblinear' with the L1 penalty")
    several = getattr(model, 'multi_class', 'auto')
    check('estimator.multi_class', several, several in ('auto', 'deprecated'),
          'left out: more than two classes are a softmax')
    is_liblinear = model.solver == 'liblinear'
    check('estimator.intercept_scaling', model.intercept_scaling,
          not is_liblinear or model.intercept_scaling == 1,
          '1 with the solver liblinear')
    penalty = 'l1' if is_l1 else 'l2'
    if n_classes > 2:
        check('estimator.solver', model.solver, not is_liblinear,
              'another with more than two classes')
        check('estimator.penalty', penalty, not is_l1,
              'l2 with more than two classes')
        return 'softmax', penalty
    return 'liblinear' if is_liblinear else 'logistic', penalty


def _svm(model, n_classes):
    """Classifier and penalty of a LinearSVC."""
    _check_two_classes(model, n_classes)
    check('estimator.loss', model.loss, model.loss == 'squared_hinge',
          "'squared_hinge': the hinge has no derivative")
    check('estimator.intercept_scaling', model.intercept_scaling,
          model.intercept_scaling == 1, '1')
    check('estimator.multi_class', model.multi_class,
          model.multi_class == 'ovr', "'ovr': the attack has its loss")
    return 'svm', model.penalty


def _ridge(model, n_classes):
    """Classifier and penalty of a RidgeClassifier."""
    _check_two_classes(model, n_classes)
    check('estimator.positive', model.positive, not model.positive, 'False')
    return 'ridge', 'l2'


def _check_two_classes(model, n_classes):
    check('y', n_classes, n_classes == 2,
          f'labels of two classes with {type(model).__name__}',
          ' LogisticRegression takes more.')


OBJECTIVES = {LogisticRegression: _logistic, LinearSVC: _svm,
              RidgeClassifier: _ridge}
