"""
.. module:: CAttackPoisoningMinimaxSVM
   :synopsis: Minimax poisoning of linear SVMs with a learned lambda

"""
import warnings

from secml.ml.classifiers import CClassifierSVM

from secml_regpoison.core.losses import SquaredHinge
from .c_attack_poisoning_minimax import CAttackPoisoningMinimax


class CAttackPoisoningMinimaxSVM(CAttackPoisoningMinimax):
    r"""Poisoning of a linear SVM while the defender re-tunes lambda.

    The attack of `.CAttackPoisoningMinimax` with the squared hinge loss,

    .. math::

        l(m) = \max(0, 1 - m)^2

    and C = exp(-lambda). `CClassifierSVMTorch` has this very objective, with
    beta = 1, as LinearSVC. The hinge of `CClassifierSVM` is not squared: its
    derivative does not exist where it matters, so that the points are made
    against the squared one with beta = 0, which a warning says. What is
    evaluated, and what lambda is learned for, is the real classifier;
    `f_opt` is its squared hinge loss. Points that do more harm to the model
    of the squared hinge may do less harm to the real classifier: either of
    'rmd' and 'implicit' may be the stronger (digits, C fixed: 'rmd' at 1 and
    10, 'implicit' at 100), also where a verdict advises 'implicit'.

    `CClassifierSVM` is taken without a kernel and without `class_weight`.
    With ``penalty='l1'`` the points are made twice, see
    `CAttackPoisoningMinimaxLR`.
    For the parameters see `.CAttackPoisoningMinimax`.

    Attributes
    ----------
    class_type : 'p-minimax-svm'

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.

    Warns
    -----
    RuntimeWarning
        If the classifier's hinge is not squared.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, eq. 1.

    """
    __class_type = 'p-minimax-svm'

    _loss_kind = SquaredHinge
    _kinds = 'a linear SVM (CClassifierSVMTorch or CClassifierSVM)'

    def __init__(self, classifier, training_data, *args, **kwargs):
        super().__init__(classifier, training_data, *args, **kwargs)
        if isinstance(classifier, CClassifierSVM):
            warnings.warn(
                'the hinge of CClassifierSVM is not squared: the points are '
                'made against the squared hinge loss of '
                f'{training_data.num_samples:d} clean rows and the poison, '
                "and evaluated on CClassifierSVM as it trains. Of solver_type "
                "'rmd' and 'implicit' either may be the stronger: run both.",
                RuntimeWarning, stacklevel=2)
