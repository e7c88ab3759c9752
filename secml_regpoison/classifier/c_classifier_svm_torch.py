"""
.. module:: CClassifierSVMTorch
   :synopsis: Linear SVM with the squared hinge loss, on any device

"""
from secml.ml.classifiers.loss import CLossHingeSquared

from secml_regpoison.core.losses import SquaredHinge
from .c_classifier_gradient_torch import CClassifierGradientTorchMixin
from .c_classifier_linear_torch import CClassifierLinearTorch


class CClassifierSVMTorch(CClassifierLinearTorch,
                          CClassifierGradientTorchMixin):
    r"""Linear support vector machine with the squared hinge loss.

    .. math::

        \min_{w, b} \frac{1}{n} \sum_i \max(0, 1 - y_i(x_i w + b))^2
            + \frac{e^\lambda}{2 n} (\|w\|^2 + b^2)

    with C = exp(-lambda) the minimiser of scikit-learn's ``LinearSVC(C=C,
    loss='squared_hinge')``, whose liblinear penalises the bias. It is not
    that of secml's `CClassifierSVM`, whose hinge is not squared.

    ``penalty='l1'`` is that of ``LinearSVC(penalty='l1', dual=False)``. For
    the other parameters see `.CClassifierLinearTorch`.

    Attributes
    ----------
    class_type : 'svm-torch'

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
    Fan, Chang, Hsieh, Wang, Lin 2008, LIBLINEAR, J. Mach. Learn. Res. 9, eqs.
    1-2 (the L2-loss SVM).

    """
    __class_type = 'svm-torch'

    beta = 1.
    core_loss = SquaredHinge()
    _loss = CLossHingeSquared()

    def __init__(self, C=None, lmbda=None, device='auto', dtype='float64',
                 preprocess=None, penalty='l2'):
        super().__init__(C, lmbda, device, dtype, preprocess, penalty)
        self._check_settings()
