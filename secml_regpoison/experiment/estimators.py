"""scikit-learn's logistic regressions and pipelines, as the attack models
them."""
import inspect
import math

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerUnitNorm)

from secml_regpoison.validation import check

# The default of `penalty` is a word from scikit-learn 1.8 on: `l1_ratio` says
# it instead.
_PENALTY = inspect.signature(LogisticRegression).parameters['penalty'].default
L1_WORDS = 'l1_ratio=1' if _PENALTY == 'deprecated' else "penalty='l1'"
ADVICE = (' Take a LogisticRegression, or a Pipeline of StandardScaler, '
          'MinMaxScaler or Normalizer and it.')


def classifier_of(estimator, n_classes=2):
    """Kind of classifier and penalty in a `Plan`, and preprocess, of an
    estimator.

    Parameters
    ----------
    estimator : LogisticRegression or Pipeline
    n_classes : int, optional

    Returns
    -------
    classifier : str
        'liblinear', which penalises the bias, 'logistic', or 'softmax' of
        more than two classes.
    penalty : str
        'l2' or 'l1'.
    preprocess : CNormalizer or None
        Not fitted; a chain of them if there are several scalers.

    Raises
    ------
    TypeError, ValueError
        If the estimator is trained on another objective.

    """
    *scalers, last = _steps(estimator)
    preprocess = None
    for scaler in scalers:
        preprocess = _normaliser(scaler, preprocess)
    if type(last) is not LogisticRegression:
        raise TypeError(
            '`estimator` must end with a LogisticRegression, got '
            f'{type(last).__name__}.' + ADVICE)
    penalty = 'l1' if _check_objective(last) else 'l2'
    if n_classes > 2:
        check('estimator.solver', last.solver, last.solver != 'liblinear',
              'another with more than two classes')
        check('estimator.penalty', penalty, penalty == 'l2',
              'l2 with more than two classes')
        return 'softmax', penalty, preprocess
    return ('liblinear' if last.solver == 'liblinear' else 'logistic',
            penalty, preprocess)


def fit_with_lambda(estimator, lmbda, x, y):
    """A clone of the estimator with C = exp(-lmbda), fitted."""
    changes = {'C': math.exp(-lmbda)}
    if _steps(estimator)[-1].penalty is None:
        # C counts again
        changes['penalty'] = _PENALTY
    prefix = f'{estimator.steps[-1][0]}__' if isinstance(
        estimator, Pipeline) else ''
    return clone(estimator).set_params(**{
        prefix + name: value for name, value in changes.items()}).fit(x, y)


def _steps(estimator):
    """The steps of a pipeline that do something, or the estimator alone."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [step for _, step in estimator.steps
            if step is not None and step != 'passthrough']


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


def _check_objective(model):
    """The objective of a LogisticRegression is the attack's, C apart; returns
    whether it has the L1 penalty, by either of its two names."""
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
    check('estimator.fit_intercept', model.fit_intercept,
          model.fit_intercept, 'True')
    check('estimator.class_weight', model.class_weight,
          model.class_weight is None, 'None: the attack weighs rows alike')
    check('estimator.intercept_scaling', model.intercept_scaling,
          model.solver != 'liblinear' or model.intercept_scaling == 1,
          '1 with the solver liblinear')
    return is_l1
