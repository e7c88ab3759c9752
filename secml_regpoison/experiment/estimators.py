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

ADVICE = (' Take a LogisticRegression, or a Pipeline of StandardScaler, '
          'MinMaxScaler or Normalizer and it.')


def classifier_of(estimator, n_classes=2):
    """Kind of classifier in a `Plan`, and preprocess, of an estimator.

    Parameters
    ----------
    estimator : LogisticRegression or Pipeline
    n_classes : int, optional

    Returns
    -------
    classifier : str
        'liblinear', which penalises the bias, 'logistic', or 'softmax' of
        more than two classes.
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
    _check_objective(last)
    if n_classes > 2:
        check('estimator.solver', last.solver, last.solver != 'liblinear',
              'another with more than two classes')
        return 'softmax', preprocess
    return ('liblinear' if last.solver == 'liblinear' else 'logistic',
            preprocess)


def fit_with_lambda(estimator, lmbda, x, y):
    """A clone of the estimator with C = exp(-lmbda), fitted."""
    changes = {'C': math.exp(-lmbda)}
    if _steps(estimator)[-1].penalty is None:
        # C counts again
        changes['penalty'] = inspect.signature(
            LogisticRegression).parameters['penalty'].default
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
    """The objective of a LogisticRegression is the attack's, C apart."""
    check('estimator.penalty', model.penalty,
          model.penalty in ('l2', None, 'deprecated'), "'l2' or None", ADVICE)
    check('estimator.l1_ratio', model.l1_ratio,
          model.penalty != 'deprecated' or not model.l1_ratio, '0', ADVICE)
    check('estimator.fit_intercept', model.fit_intercept,
          model.fit_intercept, 'True')
    check('estimator.class_weight', model.class_weight,
          model.class_weight is None, 'None: the attack weighs rows alike')
    check('estimator.intercept_scaling', model.intercept_scaling,
          model.solver != 'liblinear' or model.intercept_scaling == 1,
          '1 with the solver liblinear')
