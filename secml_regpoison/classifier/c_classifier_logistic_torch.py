"""
.. module:: CClassifierLogisticTorch
   :synopsis: Logistic regression whose bias is not penalised, on any device

"""
import math
import numbers

from secml_regpoison.core.linear_model import LOGISTIC
from secml_regpoison.core.solvers.sgd import sgd
from secml_regpoison.validation import (
    check, check_choice, check_integer, check_type)
from .c_classifier_gradient_torch import CClassifierGradientTorchMixin
from .c_classifier_linear_torch import CClassifierLinearTorch
from .c_loss_logistic_nats import CLossLogisticNats


class CClassifierLogisticTorch(CClassifierLinearTorch,
                               CClassifierGradientTorchMixin):
    r"""Logistic regression with exactly the objective of the attack.

    .. math::

        \min_{w, b} \frac{1}{n} \sum_i \log(1 + e^{-y_i(x_i w + b)})
            + \frac{e^\lambda}{2 n} \|w\|^2

    The logarithm is natural, the bias is not penalised, and C = exp(-lambda):
    the minimiser is that of scikit-learn's LogisticRegression(C=C) with the
    solver 'lbfgs'. It is not that of `CClassifierLogistic`, whose liblinear
    penalises the bias.

    With ``penalty='l1'`` the penalty is :math:`\frac{e^\lambda}{n} \|w\|_1`,
    and the minimiser that of LogisticRegression(C=C, l1_ratio=1) with the
    solver 'saga' (before scikit-learn 1.8 ``penalty='l1'``). Most weights are
    then zero. With ``beta=1`` the bias is penalised as a weight, as liblinear
    does it.

    Labels may be any two values; as everywhere in secml, `predict` returns the
    index of the label in `classes`, 0 or 1. Sparse input becomes dense for
    training.

    Parameters
    ----------
    C : float or None, optional
        Inverse of the penalty's strength. Default 1.
    lmbda : float or None, optional
        Natural log of the penalty's strength, in the place of C. Setting
        either, now or later, sets both.
    solver : {'newton', 'sgd'}, optional
        'newton' (default) trains to the optimum, see
        `.solvers.newton` and, with L1, `.solvers.proximal_newton`. 'sgd',
        with L2 only, starts from 0 and makes `epochs`
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
        Where to train: 'auto', 'cpu', 'cuda', ... 'auto' takes CUDA, if
        available, for 600,000 values (rows times features) or more. The
        trained classifier is kept on the CPU and can be pickled anywhere.
    dtype : {'float64', 'float32'}, optional
        Precision of training.
    preprocess : CPreProcess or str or None, optional
        That of secml's classifiers. Default None.
    penalty : {'l2', 'l1'}, optional
        Default 'l2'.
    beta : {0, 1}, optional
        The bias's share of the penalty. Default 0.

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

    core_loss = LOGISTIC
    _loss = CLossLogisticNats()

    def __init__(self, C=None, lmbda=None, solver='newton', eta=None,
                 batch_size=64, epochs=100, random_state=0, device='auto',
                 dtype='float64', preprocess=None, penalty='l2', beta=0):
        super().__init__(C, lmbda, device, dtype, preprocess, penalty)
        self.beta = beta
        self.solver = solver
        self.eta = eta
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state
        self._check_settings()

    def _check_settings(self):
        """Raise if a parameter that is a plain attribute is wrong."""
        check_choice('solver', self.solver, ('newton', 'sgd'))
        check('beta', self.beta, self.beta in (0, 1), '0 or 1')
        check('solver', self.solver,
              self.solver == 'newton' or self.penalty != 'l1',
              "'newton' with penalty='l1'")
        if self.eta is not None:
            check_type('eta', self.eta, numbers.Real, 'a number or None')
            check('eta', self.eta, 0 < self.eta < math.inf,
                  'positive and finite, or None')
        for name, minimum in (('batch_size', 1), ('epochs', 1),
                              ('random_state', 0)):
            check_integer(name, getattr(self, name), minimum)
        super()._check_settings()

    def _train(self, problem, loss):
        if self.solver == 'newton':
            return super()._train(problem, loss)
        return sgd(problem, loss, self._penalty(problem.n_tr), self.eta,
                   int(self.batch_size), int(self.epochs), self.random_state)
