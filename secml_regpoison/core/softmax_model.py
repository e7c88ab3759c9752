"""A linear classifier of k classes, one vector of weights a class.

    L = (1/n) sum_i (log sum_c exp f_c(x_i) - f_{y_i}(x_i))
        + exp(lmbda)/(2 n) sum_c ||w_c||^2,          f_c(x) = x . w_c + b_c

Weights and biases of a trained model add up to zero over the classes: its
coordinates are k - 1 vectors that span these, see `.losses.softmax`.
"""
from dataclasses import dataclass
from typing import Any, Optional

import torch
from torch import Tensor

from .checks import check
from .linear_model import LinearModel, Trained
from .losses.softmax import CrossEntropy, Softmax
from .model import Losses
from .penalties import L2

METHODS = ('rmd', 'implicit')


def losses_of_scores(scores: Tensor, y_val: Tensor,
                     y_target: Optional[Tensor] = None) -> Losses:
    """`Losses` of scores (k, m), on labels as those of a `Problem`."""
    y = y_val if y_target is None else y_target
    attacker, defender = (float(torch.nn.functional.cross_entropy(
        scores.T, labels.long())) for labels in (y, y_val))
    wrong = scores.argmax(0) != y
    return Losses(attacker, defender, float(wrong.double().mean()))


@dataclass(frozen=True, eq=False)
class TrainedSoftmax(Trained):
    """As `Trained`, with weights and a bias for each class."""

    @property
    def w(self) -> Tensor:
        """Weights, (k, d)."""
        return self._of_classes(self.model.w)

    @property
    def b(self) -> Tensor:
        """Biases, (k,)."""
        return self._of_classes(self.model.b)[:, 0]

    def _of_classes(self, flat: Tensor) -> Tensor:
        basis: Tensor = self.model.loss.basis  # type: ignore
        return basis @ flat.view(basis.shape[1], -1)


@dataclass(frozen=True, eq=False)
class SoftmaxModel(LinearModel):
    """Softmax regression, trained on fixed rows and poisoning points.

    Parameters
    ----------
    problem : Problem
        With `n_classes`.
    y_p : Tensor, shape (p,)
        Classes of the poisoning points, in {0, ..., n_classes - 1}.
    training : Training
        How it is trained and differentiated: by 'rmd' or 'implicit'.
    beta : float
        0: the biases are not penalised; 1: they are.

    Raises
    ------
    ValueError
        If method or penalty are others, or the problem has no `n_classes`.
    """

    loss: Any = Softmax()

    def __post_init__(self) -> None:
        method = self.training.method
        check('method', method, method in METHODS,
              f'one of {METHODS} for a softmax')
        check('penalty', self.penalty.__name__, self.penalty is L2,
              'L2 for a softmax')
        check('problem.n_classes', self.problem.n_classes,
              self.problem.n_classes is not None, 'the number of classes')

    def _training_loss(self) -> CrossEntropy:
        return self._loss_on(torch.cat([self.problem.y_tr, self.y_p]))

    def _loss_on(self, y: Tensor) -> CrossEntropy:
        """The loss of rows with labels `y`, (n,)."""
        return self.loss.of(y, self.problem.n_classes)

    def train(self, x_p: Tensor, lmbda: float,
              start: Optional[Trained] = None) -> TrainedSoftmax:
        """As `LinearModel.train`."""
        return TrainedSoftmax(**vars(super().train(x_p, lmbda, start)))

    def losses(self, trained: Trained) -> Losses:
        """Validation losses of a trained model."""
        problem = self.problem
        scores = self._loss_on(problem.y_val).scores(self._scores(trained))
        return losses_of_scores(scores, problem.y_val, problem.y_target)

    def _scores(self, trained: Trained) -> Tensor:
        return self._val_scores(trained, trained.features.problem.rows_val)

    def _val_loss(self, trained: Trained,
                  is_attacker: bool) -> tuple[Tensor, Tensor]:
        """Loss on a player's labels, and its slope, flat."""
        problem, h = self.problem, self._scores(trained)
        is_aimed = is_attacker and problem.y_target is not None
        loss = self._loss_on(problem.y_target if is_aimed  # type: ignore
                             else problem.y_val)
        return loss.value(h).mean(), loss.slope(h) / len(problem.y_val)

    def val_gradient(self, trained: Trained, is_attacker: bool = False
                     ) -> tuple[Tensor, Tensor]:
        """As `LinearModel.val_gradient`."""
        value, slope = self._val_loss(trained, is_attacker)
        return value, trained.model.coordinates.val_rmatvec(
            trained.features.problem.rows_val, slope)

    def _vjp_features(self, trained: Trained, grad_rows: Tensor) -> Tensor:
        features = trained.features
        if not features.all_move:
            return features.vjp(grad_rows)
        slope = self._val_loss(trained, True)[1]
        m = len(features.problem.y_val)
        return features.vjp(grad_rows, slope.view(-1, m).T @ (
            trained.model.w.view(len(slope) // m, -1)))
