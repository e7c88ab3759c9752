"""The kinds of classifiers that can be attacked, and how each is trained.

    L = (1/n) sum_i l(-y_i (x_i . w + b)) + exp(lmbda)/(2 n) (||w||^2
        + beta b^2)

A kind is a loss ``l``, a penalty (L2, as above, or L1), the bias's share
``beta`` of it, and the parameter that sets lambda. secml's kinds are lines of
`TARGETS`; a classifier of this package says loss, penalty and beta itself.
Logistic regressions of one class against the rest are attacked through a
softmax.
"""
import inspect
import math
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.base import BaseEstimator

from secml.array import CArray
from secml.ml.classifiers import (
    CClassifier, CClassifierLogistic, CClassifierRidge, CClassifierSVM)
from secml.ml.classifiers.multiclass import CClassifierMulticlassOVA
from secml.ml.kernels import CKernelLinear

from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import (
    Logistic, Loss, Softmax, Squared, SquaredHinge)
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.softmax_model import SoftmaxModel
from secml_regpoison.validation import check_type
from .digests import array_digest

# Parameters that change a fit, but not its objective; those of 'sgd' alone.
FIT = 'dtype', 'dual', 'max_iter', 'tol'
SGD = 'epochs', 'eta', 'batch_size', 'random_state'
# What trains a classifier and gives its scores.
METHODS = ('fit', '_fit', '_train', '_keep', 'forward', '_forward',
           'decision_function', 'w', 'b')
# Values of parameters that can be compared in another process.
PLAIN = (bool, int, float, str, type(None), tuple, list, dict,
         np.generic, np.ndarray, CArray)


@dataclass(frozen=True)
class Target:
    """How a kind of classifier is trained.

    loss : ``l``. beta : share of the bias. parameter : the classifier's name
    of what sets lambda; it is ``scale exp(sign lmbda)``. is_exact : whether
    the classifier has this very objective; else it is attacked through it,
    and lambda is learned from the classifier's own fits. penalty : the
    core's `L2` or `L1`. kept : the parameters that change the objective, with
    the values that keep it.
    """

    loss: Loss
    beta: float
    parameter: str = 'C'
    sign: int = -1
    scale: float = 1.
    is_exact: bool = True
    penalty: type = L2
    kept: dict = field(default_factory=dict)

    @property
    def by_class(self):
        """Whether there is a score for each class."""
        return isinstance(self.loss, Softmax)

    @property
    def model(self):
        """The core's model of it."""
        return SoftmaxModel if self.by_class else LinearModel

    def lmbda(self, clf):
        """lambda of a classifier."""
        value = getattr(parts_of(clf)[0], self.parameter)
        return self.sign * math.log(value / self.scale) + 0.  # no -0.0

    def set_lmbda(self, clf, lmbda):
        """Give a classifier this lambda."""
        for part in parts_of(clf):
            setattr(part, self.parameter,
                    self.scale * math.exp(self.sign * lmbda))


# liblinear penalises the bias. RidgeClassifier minimises
# ``sum_i (1 - m_i)^2 + alpha ||w||^2``: alpha is exp(lmbda)/2.
TARGETS = {
    CClassifierLogistic: Target(Logistic(), beta=1., kept={
        'solver': ('liblinear',), 'penalty': ('l2', 'deprecated'),
        'l1_ratio': (None, 0), 'class_weight': (None,),
        'fit_intercept': (True,), 'intercept_scaling': (1,)}),
    CClassifierSVM: Target(SquaredHinge(), beta=0., is_exact=False, kept={
        'kernel': (None,), 'class_weight': (None,)}),
    CClassifierRidge: Target(
        Squared(), beta=0., parameter='alpha', sign=1, scale=.5, kept={
            'class_weight': (None,), 'fit_intercept': (True,),
            'positive': (False,)})}


def parts_of(clf):
    """The classifiers that lambda is set for: itself, or, of one class
    against the rest, that of each class (before training the first)."""
    return clf._binary_classifiers \
        if isinstance(clf, CClassifierMulticlassOVA) else [clf]


def set_seed(clf):
    """Give a classifier without a seed one; returns it.

    liblinear's solver for this loss draws nothing, but scikit-learn would
    still draw a seed for it from NumPy's global generator.
    """
    for part in parts_of(clf):
        if getattr(part, 'random_state', 0) is None:
            part.random_state = 0
    return clf


def target_of(clf):
    """The `Target` of a classifier's class, or of one it inherits from; not
    exact if it has `_own_methods`. None if it cannot be attacked."""
    if isinstance(clf, CClassifierMulticlassOVA):
        part = target_of(parts_of(clf)[0])
        if part is None or not isinstance(part.loss, Logistic) \
                or part.penalty is not L2:
            return None
        return replace(part, loss=Softmax(), is_exact=False)
    if hasattr(clf, 'core_loss'):
        target = Target(clf.core_loss, float(clf.beta),
                        penalty=getattr(clf, 'core_penalty', L2))
    else:
        target = next((target for kind, target in TARGETS.items()
                       if isinstance(clf, kind)), None)
    return replace(target, is_exact=False) if _own_methods(clf) else target


def kind_of(clf):
    """The class that gives a classifier its loss; it may inherit from it."""
    return next((kind for kind in reversed(type(clf).__mro__)
                 if kind in TARGETS or 'core_loss' in vars(kind)), type(clf))


def _own_methods(clf):
    """Names of the `METHODS` that a classifier does not have from its kind:
    it may be another model."""
    kind = kind_of(clf)
    return [name for name in METHODS if getattr(type(clf), name, None)
            is not getattr(kind, name, None)]


def warn_of_surrogate(clf, training_data):
    """Warn where the points are not made against the classifier itself."""
    names = _own_methods(clf)
    if names:
        kind, name = kind_of(clf).__name__, type(clf).__name__
        warnings.warn(
            f'{name} has a `{names[0]}` of its own: the points are made '
            f'against a surrogate, {kind} trained on '
            f'{training_data.num_samples:d} clean rows and the poison, and '
            f'evaluated on {name} as it trains.', RuntimeWarning,
            stacklevel=3)


def trains_to_optimum(clf):
    """Whether a classifier's training ends at the optimum of the objective
    that its poison is made against."""
    return target_of(clf).is_exact and getattr(clf, 'solver', '') != 'sgd'


def training_settings(clf):
    """Settings that the fit of a classifier depends on, beside its class,
    lambda and preprocess, by name."""
    part, target = parts_of(clf)[0], target_of(clf)
    solver, is_own = getattr(part, 'solver', None), bool(_own_methods(part))
    names = FIT + SGD if is_own or solver == 'sgd' else FIT
    fit = {name: getattr(part, name) for name in names if hasattr(part, name)}
    if is_own:
        fit.update(_own_parameters(part))
    return {'penalty': target.penalty.__name__.lower(), 'beta': target.beta,
            'solver': solver, 'fit': ', '.join(
                f'{name}={value}' for name, value in fit.items())}


def _own_parameters(clf):
    """Parameters that a classifier has beside those of its kind, by name:
    public or read/write attributes, as secml defines them."""
    kind, found = kind_of(clf), {}
    for name in sorted({*dir(type(clf)), *vars(clf)}
                       - {*dir(kind), *inspect.signature(kind).parameters}):
        # a property without a setter is no parameter, a name_ is fitted
        has_setter = getattr(getattr(type(clf), name, None), 'fset', True)
        if has_setter and not name.startswith('_') and name[-1] != '_':
            value = getattr(clf, name, None)
            if isinstance(value, CArray):
                value = value.tondarray()
            if isinstance(value, PLAIN):
                found[name] = array_digest(value) \
                    if isinstance(value, np.ndarray) else value
    return found


def check_objective(clf):
    """Raise ValueError unless a classifier has its target's objective."""
    for part in parts_of(clf):
        for name, values in target_of(part).kept.items():
            value = getattr(part, name, values[0])
            if name == 'kernel' and value is not None:
                same = 'the same classifier' if isinstance(
                    value, CKernelLinear) else 'linear'
                raise ValueError(
                    '`classifier.kernel` must be None, got '
                    f'{type(value).__name__}: the attack is on weights of '
                    f'features. Make a {type(part).__name__} without it, '
                    f'which is {same}.')
            if value not in values:
                raise ValueError(
                    f'`classifier.{name}` must be {values[0]!r}, got '
                    f'{str(value)[:40]}: with another the classifier has an '
                    'objective that is not attacked. Make a '
                    f'{type(part).__name__} without it.')


def check_classifier(clf, loss, condition):
    """A classifier with a loss of that class; `condition` in words."""
    if isinstance(clf, BaseEstimator):
        raise TypeError(
            '`classifier` must be a secml classifier, got '
            f'{type(clf).__name__} of scikit-learn: pass it to '
            '`secml_regpoison.poisoning_curve(estimator, X, y)`, or take '
            'CClassifierLogisticTorch(C=...), or for the solver liblinear '
            'CClassifierLogistic(C=...), with a normalizer of '
            '`secml.ml.features` as `preprocess`.')
    check_type('classifier', clf, CClassifier, 'a secml classifier')
    if not isinstance(getattr(target_of(clf), 'loss', None), loss):
        part = parts_of(clf)[0]
        name = type(clf).__name__ + (
            '' if part is clf else f' of {type(part).__name__}')
        raise TypeError(
            f'`classifier` must be {condition}, got {name}. '
            'CAttackPoisoningMinimaxLR, ...SVM, ...Ridge and ...Softmax take '
            'one kind each; a CClassifierSkLearn none: take '
            'CClassifierLogisticTorch or CClassifierLogistic.')
