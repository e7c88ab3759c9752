"""
.. module:: CAttackPoisoningMinimaxLR
   :synopsis: Minimax poisoning of logistic regression with a learned lambda

"""
from secml_regpoison.core.losses import Logistic
from .c_attack_poisoning_minimax import CAttackPoisoningMinimax


class CAttackPoisoningMinimaxLR(CAttackPoisoningMinimax):
    r"""Poisoning of logistic regression while the defender re-tunes lambda.

    The attack of `.CAttackPoisoningMinimax` with the logistic loss in nats,

    .. math::

        l(m) = \log(1 + e^{-m})

    and C = exp(-lambda). beta is 1 for `CClassifierLogistic` (liblinear
    penalises the bias) and 0 for `CClassifierLogisticTorch`. On a classifier
    with ``penalty='l1'`` the points are made twice, the second time from
    where they end against the L2 penalty, and the worse for the defender are
    kept.

    For the parameters see `.CAttackPoisoningMinimax`.

    Attributes
    ----------
    class_type : 'p-minimax-lr'

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, eq. 1.

    """
    __class_type = 'p-minimax-lr'

    _loss_kind = Logistic
    _kinds = ('a logistic regression (CClassifierLogistic or '
              'CClassifierLogisticTorch)')
