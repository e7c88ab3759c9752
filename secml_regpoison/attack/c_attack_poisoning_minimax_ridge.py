"""
.. module:: CAttackPoisoningMinimaxRidge
   :synopsis: Minimax poisoning of ridge classifiers with a learned lambda

"""
from secml_regpoison.core.losses import Squared
from .c_attack_poisoning_minimax import CAttackPoisoningMinimax


class CAttackPoisoningMinimaxRidge(CAttackPoisoningMinimax):
    r"""Poisoning of a ridge classifier while the defender re-tunes lambda.

    The attack of `.CAttackPoisoningMinimax` with the squared loss,

    .. math::

        l(m) = (1 - m)^2

    and beta = 0. scikit-learn's `RidgeClassifier` minimises ``sum_i
    (1 - m_i)^2 + alpha ||w||^2``: alpha = exp(lambda)/2, and lambda starts at
    log(2 alpha).

    `CClassifierRidge` is taken with a bias and without `class_weight`.
    For the parameters see `.CAttackPoisoningMinimax`.

    Attributes
    ----------
    class_type : 'p-minimax-ridge'

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, eq. 1.

    """
    __class_type = 'p-minimax-ridge'

    _loss_kind = Squared
    _kinds = 'CClassifierRidge'
