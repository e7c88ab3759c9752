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
from .problem import rows_of


def losses_of_scores(attacker: tuple[Tensor, Tensor],
                     defender: tuple[Tensor, Tensor]) -> Losses:
    """`Losses` of scores (k, m) and classes (m,) of the players' rows."""
    losses = [float(torch.nn.functional.cross_entropy(scores.T, y.long()))
              for scores, y in (attacker, defender)]
    wrong = attacker[0].argmax(0) != attacker[1]
    return Losses(losses[0], losses[1], float(wrong.double().mean()))


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
        How it is trained and differentiated.
    beta : float
        0: the biases are not penalised; 1: they are.

    Raises
    ------
    ValueError
        If the penalty is not `L2`, or the problem has no `n_classes`.
    """

    loss: Any = Softmax()
    _by_class = True

    def __post_init__(self) -> None:
        check('penalty', self.penalty.__name__, self.penalty is L2,
              'L2 for a softmax', ' The weights of the classes add up to '
              'zero, and L1 takes each alone.')
        super().__post_init__()

    def _training_loss(self) -> CrossEntropy:
        return self._loss_on(torch.cat([self.problem.y_tr, self.y_p]))

    def _loss_on(self, y: Tensor) -> CrossEntropy:
        """The loss of rows with labels `y`, (n,)."""
        return self.loss.with_labels(y, self.problem.n_classes)

    def train(self, x_p: Tensor, lmbda: float,
              start: Optional[Trained] = None) -> TrainedSoftmax:
        """As `LinearModel.train`."""
        return TrainedSoftmax(**vars(super().train(x_p, lmbda, start)))

    def losses(self, trained: Trained) -> Losses:
        """Validation losses of a trained model."""
        def scored(y: Tensor, is_attacker: bool) -> tuple[Tensor, Tensor]:
            return self._loss_on(y).scores(
                self._val_scores(trained, is_attacker)), y
        return losses_of_scores(scored(self.problem.attacker_set[1], True),
                                scored(self.problem.y_val, False))

    def _val_loss(self, trained: Trained,
                  is_attacker: bool) -> tuple[Tensor, Tensor]:
        h = self._val_scores(trained, is_attacker)
        y = self.problem.attacker_set[1] if is_attacker \
            else self.problem.y_val
        loss = self._loss_on(y)
        return loss.value(h).mean(), loss.slope(h) / len(y)

    def signs(self) -> Tensor:
        return self.problem.y_tr.new_ones(self.problem.n_tr + len(self.y_p))

    def val_factors(self, trained: Trained,
                    is_attacker: bool) -> tuple[Tensor, Tensor]:
        slope = self._val_loss(trained, is_attacker)[1]
        m = len(rows_of(trained.features.problem, is_attacker))
        return slope.view(-1, m).T, trained.model.w.view(len(slope) // m, -1)
