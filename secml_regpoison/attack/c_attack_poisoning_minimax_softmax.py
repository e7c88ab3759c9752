"""
.. module:: CAttackPoisoningMinimaxSoftmax
   :synopsis: Minimax poisoning of softmax regression with a learned lambda

"""
from secml_regpoison.core.losses import Softmax
from .c_attack_poisoning_minimax import CAttackPoisoningMinimax


class CAttackPoisoningMinimaxSoftmax(CAttackPoisoningMinimax):
    r"""Poisoning of softmax regression while the defender re-tunes lambda.

    The attack of `CAttackPoisoningMinimax` on any number of classes, with
    the cross-entropy in nats,

    .. math::

        \frac{1}{n} \sum_i \left( \log \sum_c e^{f_c(x_i)} - f_{y_i}(x_i)
            \right) + \frac{e^\lambda}{2 n} \sum_c ||w_c||^2

    and C = exp(-lambda); beta is 0. With ``y_poison='flip'`` each point has
    another class than its start, drawn. 'worst' tries these labels, and all
    points from one class with the label of another, for each pair of classes;
    of more than four classes for twelve pairs that are drawn.

    For the parameters see `CAttackPoisoningMinimax`.

    Attributes
    ----------
    class_type : 'p-minimax-softmax'

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, eq. 1.

    """
    __class_type = 'p-minimax-softmax'

    _loss_kind = Softmax
    _kinds = 'CClassifierSoftmaxTorch'
