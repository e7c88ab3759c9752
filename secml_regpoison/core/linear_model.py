"""The model that is attacked: trained, evaluated, differentiated.

The classifier is a function of the poisoning points and of lambda (arXiv
2105.10948, eq. 1),

    A(X_p, lmbda) = (1/m) sum_j l(-y_j (x_j . w + b)),
    (w, b)        = what training on D_tr u D_p with lmbda returns,

and a hypergradient is the derivative of ``A`` with respect to both. Any
object with the members of `.model.Model` can stand in the place of this one.
"""
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Iterator, Optional, Union

import torch
from torch import Tensor

from .checks import check
from .coordinates import Coordinates, make_coordinates, signed_rows
from .coordinates.rows import bias_column
from .defender import Defender
from .features import Features
from .losses import Logistic, Loss
from .model import Losses, share_wrong
from .penalties import L1, L2, check_penalty
from .problem import Problem, rows_of
from .reverse_pass import ReversePass
from .solvers import (
    Solver, TrainedModel, Training, check_training, solvers_of)
from .solvers.step_size import warn_if_unstable
from .solvers.training import check_not_diverged
from .threads import one_blas_thread

LOGISTIC = Logistic()


@contextmanager
def _naming(lmbda: float) -> Iterator[None]:
    """A FloatingPointError that is raised inside names lambda."""
    try:
        yield
    except FloatingPointError as error:
        raise type(error)(f'{error} (lmbda = {lmbda:g})') from error


@dataclass(frozen=True, eq=False)
class Trained:
    """A model trained on given points: the points, the `Features` with them,
    the `Coordinates` of all rows, and the `TrainedModel` of the solver."""

    x_p: Tensor
    features: Features
    coordinates: Coordinates
    model: TrainedModel

    @property
    def w(self) -> Tensor:
        """Weights, (d,)."""
        return self.model.w

    @property
    def b(self) -> Tensor:
        """Bias, 0-d."""
        return self.model.b


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear classifier, trained on fixed rows and poisoning points.

        L = (1/n) sum_i l(-y_i (x_i . w + b)) + exp(lmbda)/(2 n) (||w||^2
            + beta b^2)

    or with the penalty ``exp(lmbda)/n (||w||_1 + beta |b|)``.

    Parameters
    ----------
    problem : Problem
        Fixed training rows and validation set.
    y_p : Tensor, shape (p,)
        Labels of the poisoning points, in {-1, +1}.
    training : Training
        How it is trained and differentiated.
    loss : Loss
        ``l``; logistic by default.
    beta : float
        0: the bias is not penalised; 1: it is.
    penalty : type
        `L2`, or `L1` with the methods 'rmd' and 'implicit'; or a subclass
        that changes the strength alone.

    Raises
    ------
    ValueError
        Another penalty; no solver for it has the name of the method; 'fmd'
        with sparse training rows, or a preprocess that is fitted on the
        poison; the form 'gram' where the penalty is not isotropic; the problem
        has `n_classes`.
    """

    problem: Problem
    y_p: Tensor
    training: Training
    loss: Loss = LOGISTIC
    beta: float = 0.
    penalty: Union[type[L1], type[L2]] = L2
    defender: ClassVar = Defender
    # whether there is a score for each class
    _by_class = False

    def __post_init__(self) -> None:
        check_penalty(self.penalty)
        check_training(self.training, self.penalty, self.problem)
        n_classes = self.problem.n_classes
        check('problem.n_classes', n_classes,
              (n_classes is not None) == self._by_class,
              'the number of classes' if self._by_class
              else 'None for a model of one score')

    @property
    def lmbda_step(self) -> float:
        """Step of the defender's grid of lambda."""
        return self.penalty.lmbda_step

    @property
    def _solver(self) -> Solver:
        return solvers_of(self.penalty)[self.training.method]

    def check(self, x_p: Tensor, lmbda: float) -> None:
        """Warn of a step size that is too large for these points."""
        if self.training.eta is not None:
            features = self.problem.features(x_p)
            warn_if_unstable(
                self.training.eta, features.problem, self._rows_p(features),
                self._penalty(lmbda), self.loss)

    def _rows_p(self, features: Features) -> Tensor:
        return signed_rows(features.phi, self.y_p, self.problem.n_classes)

    def _penalty(self, lmbda: float) -> Any:
        n = self.problem.n_tr + len(self.y_p)
        return self.penalty(lmbda, n, self.beta)

    def _training_loss(self) -> Any:
        return self.loss

    @one_blas_thread
    def train(self, x_p: Tensor, lmbda: float,
              start: Optional[Trained] = None) -> Trained:
        """Train on the fixed rows and the points `x_p`, (p, d).

        `start` is a trained model that Newton may start from; its features
        and coordinates serve again if its points are the same.

        Raises
        ------
        FloatingPointError
            If training diverged; the message names the step size.
        """
        features, coordinates = self._rows_at(x_p, lmbda, start)
        with _naming(lmbda):
            model = self._solver.train(
                coordinates, self._training_loss(), self.training,
                features.problem, None if start is None else start.model)
        check_not_diverged(model.u, model.eta, lmbda)
        return Trained(x_p, features, coordinates, model)

    def _rows_at(self, x_p: Tensor, lmbda: float, start: Optional[Trained]
                 ) -> tuple[Features, Coordinates]:
        """Features and coordinates; those of `start`, if it has the same
        points, serve again."""
        penalty = self._penalty(lmbda)
        if start is not None and start.x_p is x_p:
            return start.features, start.coordinates.with_penalty(penalty)
        features = self.problem.features(x_p)
        return features, make_coordinates(
            features.problem, self._rows_p(features), penalty,
            self.training.form, self.training.method)

    def losses(self, trained: Trained) -> Losses:
        """Validation losses of a trained model."""
        h = self._val_scores(trained, True)
        attacker = defender = float(self.loss.value(h).mean())
        if not self.problem.is_zero_sum:
            defender = float(self.loss.value(
                self._val_scores(trained, False)).mean())
        return Losses(attacker, defender,
                      share_wrong(h, self.problem.attacker_set[1]))

    def hypergradient(self, trained: Trained) -> ReversePass:
        """Validation loss of a trained model and its derivatives.

        Raises
        ------
        FloatingPointError
            When a derivative is read that is not finite.
        """
        is_zero_sum = trained.features.problem.is_zero_sum
        return ReversePass(self, trained, True, None if is_zero_sum
                           else self.defender_hypergradient(trained))

    def defender_hypergradient(self, trained: Trained) -> ReversePass:
        """The defender's loss and its derivatives."""
        return ReversePass(self, trained, False)

    @one_blas_thread
    def reverse(self, trained: Trained, is_attacker: bool
                ) -> tuple[Tensor, Any, Callable[[], Tensor]]:
        """A player's loss, and its derivatives as of `.solvers.Solver`."""
        value, grad_val = self.val_gradient(trained, is_attacker)
        with _naming(trained.model.coordinates.penalty.lmbda):
            return value, *self._solver.vjp(
                trained.model, grad_val, self.training)

    def signs(self) -> Tensor:
        """Signs of the training rows, see `signed_rows`, (n,)."""
        return -torch.cat([self.problem.y_tr, self.y_p])

    def val_factors(self, trained: Trained,
                    is_attacker: bool) -> tuple[Tensor, Tensor]:
        """Signed slope and weights: their product is the derivative of a
        player's loss with respect to the features of its rows, (m, d)."""
        rows_val = rows_of(trained.features.problem, is_attacker)
        slope = self._val_loss(trained, is_attacker)[1]
        return (bias_column(rows_val) * slope)[:, None], trained.w[None]

    def val_gradient(self, trained: Trained, is_attacker: bool = False
                     ) -> tuple[Tensor, Tensor]:
        """Validation loss on a player's labels, and its gradient at the
        trained model, in the model's coordinates."""
        value, slope = self._val_loss(trained, is_attacker)
        return value, trained.model.coordinates.val_rmatvec(
            rows_of(trained.features.problem, is_attacker), slope)

    def _val_loss(self, trained: Trained,
                  is_attacker: bool) -> tuple[Tensor, Tensor]:
        """Loss on a player's labels, and its slope at the scores, flat."""
        h = self._val_scores(trained, is_attacker)
        return self.loss.value(h).mean(), self.loss.slope(h) / len(h)

    def _val_scores(self, trained: Trained, is_attacker: bool) -> Tensor:
        return trained.model.coordinates.val_matvec(
            rows_of(trained.features.problem, is_attacker), trained.model.u)
