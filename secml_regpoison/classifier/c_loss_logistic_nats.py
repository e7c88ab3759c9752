"""
.. module:: CLossLogisticNats
   :synopsis: Logistic loss in natural log

"""
import math

from secml.ml.classifiers.loss import CLossLogistic

# Past this score softplus(v) and v are the same float64, sigmoid(v) and 1 too
_LINEAR = 37


class CLossLogisticNats(CLossLogistic):
    """Logistic loss in natural log, ``softplus(-y score)``.

    Differs from `CLossLogistic`, which is in log2 units and, for no overflow,
    linear past 10, where it jumps by 6.5e-5:

    1. ours is ``ln 2`` times it, the loss of this package's objective;
    2. ours turns linear where float64 no longer tells the difference.

    Labels are {0, 1}, as for all of secml's binary losses.

    Attributes
    ----------
    class_type : 'log-nats'
    suitable_for : 'classification'

    """
    __class_type = 'log-nats'

    def loss(self, y_true, score, pos_label=1):
        """Loss of each sample, (n,); see `.CLossLogistic.loss`."""
        return math.log(2) * super().loss(y_true, score, pos_label, _LINEAR)

    def dloss(self, y_true, score, pos_label=1):
        """Derivative by `score`, ``-y sigmoid(-y score)``, (n,)."""
        return math.log(2) * super().dloss(y_true, score, pos_label, _LINEAR)
