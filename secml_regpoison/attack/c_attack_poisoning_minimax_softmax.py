"""
.. module:: CAttackPoisoningMinimaxSoftmax
   :synopsis: Minimax poisoning of softmax regression with a learned lambda

"""
import warnings

from secml.ml.classifiers.multiclass import CClassifierMulticlassOVA

from secml_regpoison.core.losses import Softmax
from secml_regpoison.validation import check
from .c_attack_poisoning_minimax import CAttackPoisoningMinimax
from .targets import parts_of


class CAttackPoisoningMinimaxSoftmax(CAttackPoisoningMinimax):
    r"""Poisoning of softmax regression while the defender re-tunes lambda.

    The attack of `.CAttackPoisoningMinimax` on any number of classes, with
    the cross-entropy in nats,

    .. math::

        \frac{1}{n} \sum_i \left( \log \sum_c e^{f_c(x_i)} - f_{y_i}(x_i)
            \right) + \frac{e^\lambda}{2 n} \sum_c \|w_c\|^2

    and C = exp(-lambda); the biases are not penalised.

    With ``y_poison='flip'`` each point has another class than its start,
    drawn. 'worst' tries these labels, and all points from one class with the
    label of another, for each pair of classes; of more than four classes for
    twelve pairs that are drawn.

    `CClassifierMulticlassOVA` of logistic regressions trains each class
    against the rest, which is another objective: the points are made against
    a softmax of the same lambda, which a warning says. What is evaluated, and
    what lambda is learned for, is the real classifier; `f_opt` is the
    cross-entropy of its scores. `objective_function`, `diagnostics` and
    `check_gradient` are of the softmax. C is the same for all classes.

    For the parameters see `.CAttackPoisoningMinimax`.

    Attributes
    ----------
    class_type : 'p-minimax-softmax'

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.

    Warns
    -----
    RuntimeWarning
        If the classifier is of one class against the rest.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, eq. 1, for two classes.

    """
    __class_type = 'p-minimax-softmax'

    _loss_kind = Softmax
    _kinds = ('CClassifierSoftmaxTorch or CClassifierMulticlassOVA of '
              'logistic regressions with the L2 penalty')

    def __init__(self, classifier, training_data, *args, **kwargs):
        super().__init__(classifier, training_data, *args, **kwargs)
        if not isinstance(classifier, CClassifierMulticlassOVA):
            return
        parts = parts_of(classifier)
        check('preprocess of the binary classifiers',
              type(parts[0].preprocess).__name__, parts[0].preprocess is None,
              'None', ' Give it to CClassifierMulticlassOVA.')
        values = sorted({part.C for part in parts})
        check('classifier.C', values, len(values) == 1,
              'the same for all classes')
        warnings.warn(
            'CClassifierMulticlassOVA trains each class against the rest: the '
            'points are made against a softmax of '
            f'{training_data.num_samples:d} clean rows and the poison, and '
            'evaluated on CClassifierMulticlassOVA as it trains.',
            RuntimeWarning, stacklevel=2)
