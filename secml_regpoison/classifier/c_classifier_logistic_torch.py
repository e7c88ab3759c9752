"""
.. module:: CClassifierLogisticTorch
   :synopsis: Logistic regression whose bias is not penalised, on any device

"""
import math
import numbers
import warnings

import torch

from secml.ml.classifiers import CClassifier, CClassifierLinearMixin

from .c_classifier_gradient_logistic_torch import (
    CClassifierGradientLogisticTorchMixin)
from secml_regpoison.validation import (
    check, check_type, check_integer, check_choice, resolve_device)
from secml_regpoison.convert import signs, to_carray, to_tensor
from secml_regpoison.core import Problem
from secml_regpoison.core.linear_model import LOGISTIC, LinearModel
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.solvers import Training
from secml_regpoison.core.solvers.sgd import sgd

# Gradient norms relative to that at u = 0: Newton stops at the first, and
# warns if it does not reach the second. The first costs one more step, as
# convergence is quadratic; with very weak regularisation rounding prevents it.
TOLERANCES = {'float64': (1e-12, 1e-8), 'float32': (1e-6, 1e-4)}


class CClassifierLogisticTorch(CClassifierLinearMixin, CClassifier,
                               CClassifierGradientLogisticTorchMixin):
    r"""Logistic regression with exactly the objective of the attack.

    .. math::

        \min_{w, b} \frac{1}{n} \sum_i \log(1 + e^{-y_i(x_i w + b)})
            + \frac{e^\lambda}{2 n} ||w||^2

    The logarithm is natural, the bias is not penalised, and C = exp(-lambda):
    the minimiser is that of scikit-learn's LogisticRegression(C=C) with the
    solver 'lbfgs'. It is not that of `CClassifierLogistic`, whose liblinear
    penalises the bias.

    Labels may be any two values; as everywhere in secml, `predict` returns the
    index of the label in `classes`, 0 or 1. Sparse input becomes dense for
    training.

    Parameters
    ----------
    C : float or None, optional
        Inverse of the L2 strength. Default 1.
    lmbda : float or None, optional
        Natural log of the L2 strength, in the place of C. Setting either,
        now or later, sets both.
    solver : {'newton', 'sgd'}, optional
        'newton' (default) trains to the optimum, see
        `.core.solvers.newton.newton`. 'sgd' starts from 0 and makes `epochs`
        passes over the rows in mini-batches, each in a new order, as the paper
        trains the classifier on which an attack is tested. It ends near the
        optimum, but far from it where regularisation is weak: early stopping
        regularises, too.
    eta : float or None, optional
        Constant learning rate of 'sgd'. Default None: 1 / L with a bound L on
        the smoothness constant of the objective, falling linearly to 0.
    batch_size, epochs : int, optional
        Of 'sgd'; the last batch of an epoch may be smaller. Default 64, 100.
    random_state : int, optional
        Seed of the order of the rows in 'sgd': same seed, same weights. The
        global random state is neither read nor changed. Default 0.
    device : str, optional
        Where to train: 'auto' (CUDA if available), 'cpu', 'cuda', ... The
        trained classifier is kept on the CPU and can be pickled anywhere.
    dtype : {'float64', 'float32'}, optional
        Precision of training.
    preprocess : CPreProcess or str or None, optional
        See `.CClassifier`. Default None.

    Attributes
    ----------
    class_type : 'logistic-torch'

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.
    FloatingPointError
        From `fit`: if 'sgd' diverges (names the learning rate), if 'newton'
        meets a singular Hessian, at almost no regularisation (lambda = -30),
        or if the sum of the squares of all features overflows in `dtype`.

    Warns
    -----
    RuntimeWarning
        From `fit`, if 'newton' did not come near the optimum.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, Sec. 3 (the objective).

    """
    __class_type = 'logistic-torch'

    # The bias has no share of the penalty: what the attack asks.
    beta = 0.

    def __init__(self, C=None, lmbda=None, solver='newton', eta=None,
                 batch_size=64, epochs=100, random_state=0, device='auto',
                 dtype='float64', preprocess=None):
        CClassifier.__init__(self, preprocess=preprocess)
        self._w = self._b = None
        self.C = 1. if C is None else C
        if lmbda is not None:
            self.lmbda = lmbda
            check('C', C, C is None or math.isclose(C, self.C, rel_tol=1e-9),
                  f'None or exp(-lmbda) = {self.C:g}', ' Give one of them.')
        self.solver = solver
        self.eta = eta
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state
        self.device = device
        self.dtype = dtype
        self._check_settings()

    # Both are stored: secml's parameters are the stored attributes, and each
    # is read back exactly as it was set.

    @property
    def C(self):
        """Inverse of the L2 strength, exp(-lmbda)."""
        return self._C

    @C.setter
    def C(self, value):
        check_type('C', value, numbers.Real, 'a number')
        value = float(value)
        check('C', value, 1e-300 <= value <= 1e300, 'from 1e-300 to 1e300')
        self._C, self._lmbda = value, 0. - math.log(value)  # 0, never -0

    @property
    def lmbda(self):
        """Natural log of the L2 strength, -log(C)."""
        return self._lmbda

    @lmbda.setter
    def lmbda(self, value):
        check_type('lmbda', value, numbers.Real, 'a number')
        value = float(value)
        check('lmbda', value, -690 <= value <= 690, 'from -690 to 690')
        self._C, self._lmbda = math.exp(-value), value

    @property
    def w(self):
        """Weights in the space of the preprocessed features, (d,)."""
        return self._w

    @property
    def b(self):
        """Bias, a float."""
        return self._b

    def _check_settings(self):
        """Raise if a parameter that is a plain attribute is wrong."""
        check_choice('solver', self.solver, ('newton', 'sgd'))
        if self.eta is not None:
            check_type('eta', self.eta, numbers.Real, 'a number or None')
            check('eta', self.eta, 0 < self.eta < math.inf,
                  'positive and finite, or None')
        for name, minimum in (('batch_size', 1), ('epochs', 1),
                              ('random_state', 0)):
            check_integer(name, getattr(self, name), minimum)
        check_choice('dtype', self.dtype, tuple(TOLERANCES))
        check('lmbda', self.lmbda, self.dtype == 'float64' or self.lmbda <= 80,
              'at most 80 in float32')
        resolve_device(self.device)

    def fit(self, x, y):
        """Fit the preprocess and train; see `.CClassifier.fit`.

        Parameters
        ----------
        x : CArray, shape (n, d)
            Dense or sparse.
        y : CArray, shape (n,)
            Labels of two classes.

        Returns
        -------
        CClassifierLogisticTorch
            Itself, trained.

        """
        self._check_settings()
        x, y = self._check_rows(x, y)
        n_classes = y.unique().size
        check('y', f'labels of {n_classes}', n_classes == 2,
              'labels of exactly two classes', ' For more, wrap the '
              'classifier in CClassifierMulticlassOVA.')
        return super().fit(x, y)

    def _fit(self, x, y):
        dtype, device = getattr(torch, self.dtype), resolve_device(self.device)
        features = to_tensor(x, device)
        x = features.to(dtype)
        # otherwise gradients and curvatures are inf or NaN, and w stays 0
        if not math.isfinite(x.ravel() @ x.ravel()):
            raise FloatingPointError(
                f'numbers as large as {float(features.abs().max()):g}, squared'
                f', overflow in {self.dtype}: rescale the features.')
        y = signs(y, self.classes, device).to(dtype)
        # training ignores the validation set
        problem = Problem(x, y, x, y)
        if self.solver == 'newton':
            w, b = self._newton(problem)
        else:
            w, b = sgd(problem, LOGISTIC, L2(self.lmbda, problem.n_tr),
                       self.eta, int(self.batch_size), int(self.epochs),
                       self.random_state)
        self._w, self._b = to_carray(w.double()), float(b)
        return self

    def _newton(self, problem):
        target_tol, warn_tol = TOLERANCES[self.dtype]
        with warnings.catch_warnings():
            # about `target_tol`; `warn_tol` is tested below
            warnings.simplefilter('ignore', RuntimeWarning)
            model = LinearModel(
                problem, problem.y_tr[:0],
                Training('implicit', inner_tol=target_tol)).train(
                    problem.x_tr[:0], self.lmbda).model
        if model.grad_norm > warn_tol:
            warnings.warn(
                f'training stopped at a relative gradient norm of '
                f'{model.grad_norm:.1e}, asked for {warn_tol:.0e}: lmbda = '
                f'{self.lmbda:g} may be too small for {self.dtype}.',
                RuntimeWarning, stacklevel=5)
        return model.w, model.b
