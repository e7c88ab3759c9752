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

    It is the loss of this package's objective. secml's `CLossLogistic` is in
    log2 units, so this one is ``ln 2`` times it. To avoid an overflow secml's
    is linear past a score of 10, where it jumps by 6.5e-5; this one is linear
    past 37, where float64 cannot represent the difference.

    Labels are {0, 1}, as for all of secml's binary losses; y = -1 for 0.

    Attributes
    ----------
    class_type : 'log-nats'
    suitable_for : 'classification'

    """
    __class_type = 'log-nats'

    def loss(self, y_true, score, pos_label=1):
        """Loss of each sample, (n,); arguments as of secml's."""
        return math.log(2) * super().loss(y_true, score, pos_label, _LINEAR)

    def dloss(self, y_true, score, pos_label=1):
        """Its derivative with respect to `score`, (n,).

        ``-y sigmoid(-y score)``
        """
        return math.log(2) * super().dloss(y_true, score, pos_label, _LINEAR)
