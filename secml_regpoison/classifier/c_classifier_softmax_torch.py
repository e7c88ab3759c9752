"""
.. module:: CClassifierSoftmaxTorch
   :synopsis: Softmax regression of any number of classes, on any device

"""
from secml.array import CArray

from secml_regpoison.convert import indices, to_carray
from secml_regpoison.core.losses import Softmax
from secml_regpoison.core.softmax_model import SoftmaxModel
from .c_classifier_linear_torch import CClassifierLinearTorch


class CClassifierSoftmaxTorch(CClassifierLinearTorch):
    r"""Softmax regression with exactly the objective of the attack.

    .. math::

        \min_{W, b} \frac{1}{n} \sum_i \left( \log \sum_c e^{f_c(x_i)}
            - f_{y_i}(x_i) \right) + \frac{e^\lambda}{2 n} \|W\|^2,
        \quad f_c(x) = x w_c + b_c

    The logarithm is natural, the biases are not penalised, and C =
    exp(-lambda): the minimiser is that of scikit-learn's multinomial
    LogisticRegression(C=C). W and b add up to zero over the classes.

    Labels may be any values, two of them or more; as everywhere in secml,
    `predict` returns the index of the label in `classes`.

    For the parameters see `.CClassifierLinearTorch`; there is no `penalty`.

    Attributes
    ----------
    class_type : 'softmax-torch'
    w : CArray, shape (k, d)
        Weights in the space of the preprocessed features, a row a class.
    b : CArray, shape (k,)
        Biases.

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.
    FloatingPointError
        From `fit`, if the Hessian is singular, at almost no regularisation,
        or if squares of the features overflow.

    Warns
    -----
    RuntimeWarning
        From `fit`, if it did not come near the optimum.

    References
    ----------
    Bishop 2006, Pattern Recognition and Machine Learning, sec. 4.3.4.

    """
    __class_type = 'softmax-torch'

    beta = 0.
    core_loss = Softmax()
    _model, _code, _two_classes = SoftmaxModel, staticmethod(indices), False

    def __init__(self, C=None, lmbda=None, device='auto', dtype='float64',
                 preprocess=None):
        super().__init__(C, lmbda, device, dtype, preprocess)
        self._check_settings()

    @property
    def b(self):
        """Biases, (k,)."""
        return self._b

    def _keep(self, w, b):
        self._w, self._b = to_carray(w.double()), to_carray(b.double())

    def _forward(self, x):
        """Scores, (n, k)."""
        return CArray(x.dot(self.w.T)).todense() + self.b

    def _backward(self, w):
        """Derivative of ``w . f(x)`` with respect to ``x``."""
        return CArray(w.dot(self.w)).ravel()  # a float of one feature
