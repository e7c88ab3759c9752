"""Linear classifiers with exactly the objective of the attack, in torch."""
import math
import numbers
import warnings

import torch

from secml.array import CArray
from secml.ml.classifiers import CClassifier, CClassifierLinearMixin

from secml_regpoison.convert import signs, to_carray, to_tensor
from secml_regpoison.core import Problem
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses.weighted import Weighted
from secml_regpoison.core.penalties import L1, L2
from secml_regpoison.core.solvers import Training
from secml_regpoison.quiet import ignoring
from secml_regpoison.validation import (
    check, check_choice, check_finite, check_type, resolve_device)

# Gradient norms relative to that at u = 0: Newton stops at the first, and
# warns if it does not reach the second. The first costs one more step, as
# convergence is quadratic; with very weak regularisation rounding prevents it.
TOLERANCES = {'float64': (1e-12, 1e-8), 'float32': (1e-6, 1e-4)}
PENALTIES = {'l2': L2, 'l1': L1}
# Either is set from the other: exp(691) is next above 1e300.
MAX_LMBDA = 691


def _number(name, value):
    """A float, also of a CArray of one: an item of a CArray is one."""
    if isinstance(value, CArray) and value.size == 1:
        value = value.item()
    check_type(name, value, numbers.Real, 'a number')
    return float(value)


class CClassifierLinearTorch(CClassifierLinearMixin, CClassifier):
    r"""A linear classifier, trained by Newton's method.

    .. math::

        \min_{w, b} \frac{1}{n} \sum_i l(-y_i(x_i w + b))
            + \frac{e^\lambda}{2 n} (\|w\|^2 + \beta b^2)

    or with the penalty :math:`\frac{e^\lambda}{n} (\|w\|_1 + \beta |b|)`.

    A subclass has the attributes `core_loss`, the core's ``l``, and `beta`.
    It is of two classes, unless the subclass has another core model.

    Parameters
    ----------
    C : float or None, optional
        Inverse of the penalty's strength. Default 1.
    lmbda : float or None, optional
        Natural log of the penalty's strength, in the place of C. Setting
        either, now or later, sets both.
    device : str, optional
        Where to train: 'auto', 'cpu', 'cuda', ... 'auto' takes CUDA, if
        available, for 600,000 values (rows times features) or more. The
        trained classifier is kept on the CPU and can be pickled anywhere.
    dtype : {'float64', 'float32'}, optional
        Precision of training.
    preprocess : CPreProcess or str or None, optional
        That of secml's classifiers. Default None.
    penalty : {'l2', 'l1'}, optional
        Default 'l2'.

    """
    # the core's model, how it takes labels, and whether it is of two classes
    _model, _code, _two_classes = LinearModel, staticmethod(signs), True

    def __init__(self, C=None, lmbda=None, device='auto', dtype='float64',
                 preprocess=None, penalty='l2'):
        CClassifier.__init__(self, preprocess=preprocess)
        self._w = self._b = self._C = self._lmbda = None
        self.C = 1. if C is None else C
        if lmbda is not None:
            self.lmbda = lmbda
            check('C', C, C is None or math.isclose(C, self.C, rel_tol=1e-9),
                  f'None or exp(-lmbda) = {self.C:g}', ' Give one of them.')
        self.device = device
        self.dtype = dtype
        self.penalty = penalty

    # Both are stored: secml's parameters are the stored attributes, and each
    # is read back exactly as it was set. secml copies one after the other:
    # the second, equal to what the first has set, changes nothing.

    @property
    def C(self):
        """Inverse of the penalty's strength, exp(-lmbda)."""
        return self._C

    @C.setter
    def C(self, value):
        value = _number('C', value)
        check('C', value, 0 < value < math.inf
              and abs(math.log(value)) <= MAX_LMBDA, 'from 1e-300 to 1e300')
        if value != self._C:
            self._C, self._lmbda = value, 0. - math.log(value)  # 0, never -0

    @property
    def lmbda(self):
        """Natural log of the penalty's strength, -log(C)."""
        return self._lmbda

    @lmbda.setter
    def lmbda(self, value):
        value = _number('lmbda', value)
        check('lmbda', value, abs(value) <= MAX_LMBDA,
              f'from -{MAX_LMBDA} to {MAX_LMBDA}')
        if value != self._lmbda:
            self._C, self._lmbda = math.exp(-value), value

    @property
    def w(self):
        """Weights in the space of the preprocessed features, (d,)."""
        return self._w

    @property
    def b(self):
        """Bias, a float."""
        return self._b

    @property
    def core_penalty(self):
        """The core's class of the penalty."""
        return PENALTIES[self.penalty]

    def _check_settings(self):
        """Raise if a parameter that is a plain attribute is wrong."""
        check_choice('dtype', self.dtype, tuple(TOLERANCES))
        check_choice('penalty', self.penalty, tuple(PENALTIES))
        check('lmbda', self.lmbda, self.dtype == 'float64' or self.lmbda <= 80,
              'at most 80 in float32')
        resolve_device(self.device)

    def _check_rows(self, x, y):
        """Check for finite rows, at least one, and a label for each."""
        x, y = self._check_input(x, CArray([]) if y is None else y)
        check('x', x.shape, 0 not in x.shape,
              'at least one row and one feature')
        check('y', f'{y.size} labels', y.size == x.shape[0],
              f'one label for each of {x.shape[0]} rows of `x`')
        check_finite('x', x)
        check_finite('y', y)
        return x, y

    def fit(self, x, y):
        """Fit the preprocess and train, as any classifier of secml.

        Parameters
        ----------
        x : CArray, shape (n, d)
            Dense or sparse.
        y : CArray, shape (n,)
            Labels of two classes, or of as many as the classifier takes.

        Returns
        -------
        CClassifierLinearTorch
            Itself, trained.

        """
        self._check_settings()
        x, y = self._check_rows(x, y)
        n_classes = y.unique().size
        words = 'exactly' if self._two_classes else 'at least'
        check('y', f'{n_classes} classes', n_classes == 2
              or n_classes > 2 and not self._two_classes,
              f'labels of {words} two classes', ' For more, take '
              'CClassifierSoftmaxTorch, or wrap the classifier in '
              'CClassifierMulticlassOVA.' if n_classes > 2 else '')
        return super().fit(x, y)

    def _fit(self, x, y, weights=None):
        """Train on preprocessed rows, which may have weights (n,)."""
        dtype = getattr(torch, self.dtype)
        device = resolve_device(self.device, x.size)
        features = to_tensor(x, device)
        x = features.to(dtype)
        # otherwise gradients and curvatures are inf or NaN, and w stays 0
        if not math.isfinite(x.ravel() @ x.ravel()):
            raise FloatingPointError(
                f'numbers as large as {float(features.abs().max()):g}, squared'
                f', overflow in {self.dtype}: rescale the features.')
        y = self._code(y, self.classes, device).to(dtype)
        loss = self.core_loss if weights is None \
            else Weighted(self.core_loss, weights.to(x))
        # training ignores the validation set
        self._keep(*self._train(Problem(
            x, y, x, y, n_classes=None if self._two_classes
            else self.classes.size), loss))
        return self

    def _keep(self, w, b):
        self._w, self._b = to_carray(w.double()), float(b)

    def _train(self, problem, loss):
        """Weights and bias."""
        target_tol, warn_tol = TOLERANCES[self.dtype]
        # about `target_tol`; `warn_tol` is tested below
        with ignoring('training stopped at'):
            trained = self._model(
                problem, problem.y_tr[:0],
                Training('implicit', inner_tol=target_tol), loss, self.beta,
                self.core_penalty).train(problem.x_tr[:0], self.lmbda)
        left = trained.model.grad_norm
        if left > warn_tol:
            warnings.warn(
                f'the classifier stopped at a relative gradient norm of '
                f'{left:.1e}, asked for {warn_tol:.0e}: lmbda = '
                f'{self.lmbda:g} may be too small for {self.dtype}.',
                RuntimeWarning, stacklevel=5)
        return trained.w, trained.b
