"""Learned trust: how much the untrusted rows count is tuned with lambda.

The validation rows are trusted, and trained on too. The training rows and the
points count s times; (lambda, s) is cross-validated over the trusted rows.
For fold k, held out, with c = 1 of the other trusted rows, 0 of those in the
fold and s of the untrusted rows,

    L_k = (1/n) (sum_i c_ki l(h_i) + exp(lmbda)/2 ||w||^2)
    A   = (1/m) sum_k sum_{i in fold k} l(h_i(w_k)),      s in {0} u [e^-8, 1]

with n all rows. At s = 0 no point changes anything: the answer's loss is never
above that of the trusted rows alone. A penalised bias has its share, too. With
the adjoint p_k of the fold, see `.solvers`,

    dA/dlog s = -(s/n) sum_k sum_{untrusted i} l'(h_i) (a_i . p_k)

at the optimum, and summed over the steps for 'rmd'. A preprocess is fitted on
the trusted rows alone (scikit-learn's sample_weight has the same objective).
"""
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Optional

import torch
from torch import Tensor

from .checks import check
from .features import in_trusted_features
from .linear_model import LOGISTIC, LinearModel, Trained
from .losses import Loss
from .losses.weighted import Weighted
from .model import Hypergradient, Losses
from .problem import Problem
from .solvers import Training
from .solvers.implicit import solve_hessian
from .solvers.rmd import adjoints
from .trust_defender import TrustDefender

METHODS = 'rmd', 'implicit'


@dataclass(frozen=True, eq=False)
class WeightedModel(LinearModel):
    """A `LinearModel` whose training rows have `weights`, (n,)."""

    weights: Any = None

    def _training_loss(self) -> Any:
        return Weighted(self.loss, self.weights)

    def grad_log_weight(self, trained: Trained, first_row: int) -> Tensor:
        """Derivative of the defender's loss with respect to the logarithm of
        a factor of the weights from `first_row` on, 0-d."""
        model, grad_val = trained.model, self.val_gradient(trained)[1]
        if self.training.method == 'implicit':
            p, _ = solve_hessian(model, grad_val)
            scores, scale = model.coordinates.matvec(p)[None], -1.
        else:
            model, _, scores = adjoints(model, grad_val, self.training)
            scale = -model.eta
        r = model.loss.slope(model.scores[:, first_row:])
        return (r * scores[:, first_row:]).sum() * (
            scale / model.coordinates.n)


@dataclass(frozen=True, eq=False)
class TrainedTrust:
    """Points, lambda, log s, and the `Trained` model of each fold; w, b and
    `model` are of the classifier of all trusted rows."""

    of: 'TrustModel'
    x_p: Tensor
    lmbda: float
    log_s: float
    folds: tuple[Trained, ...]

    @cached_property
    def all_rows(self) -> Trained:
        """Trained on all trusted rows and the weighted others."""
        return self.of.weighted(self.log_s)[-1].train(self.x_p, self.lmbda)

    w = property(lambda self: self.all_rows.w)
    b = property(lambda self: self.all_rows.b)
    model = property(lambda self: self.all_rows.model)


class TrustGradient(NamedTuple):
    """The defender's loss, and its derivatives with respect to points, lambda
    and log s."""

    value: Tensor
    grad_x_p: Tensor
    grad_lmbda: Tensor
    grad_log_s: Tensor


@dataclass(frozen=True, eq=False)
class TrustModel:
    """A linear classifier of trusted rows and less trusted ones.

    Parameters
    ----------
    problem : Problem
        Its validation rows are the trusted ones.
    y_p, training, loss, beta
        As of `LinearModel`; the method is 'rmd' or 'implicit'.
    folds : tuple of Tensor
        Trusted rows that each fold holds out.
    log_s : float
        log s of `train` without one; -inf is s = 0.
    alone : (float, float) or None
        lambda of the trusted rows alone, and its loss; None: found here.
    """

    problem: Problem
    y_p: Tensor
    training: Training
    loss: Loss = LOGISTIC
    beta: float = 0.
    folds: tuple[Tensor, ...] = ()
    log_s: float = 0.
    alone: Optional[tuple[float, float]] = None

    defender: ClassVar = TrustDefender
    lmbda_step: ClassVar = 1.5

    def __post_init__(self) -> None:
        check('method', self.training.method, self.training.method in METHODS,
              f'one of {METHODS} where trust is learned')
        check('folds', len(self.folds), len(self.folds) > 1,
              'two or more sets of trusted rows')

    def check(self, x_p: Tensor, lmbda: float) -> None:
        """Warn of a step size that is too large for these points."""
        self.weighted(0.)[-1].check(x_p, lmbda)

    @cached_property
    def _models(self) -> tuple[WeightedModel, ...]:
        """One a fold, and that of all trusted rows; without weights."""
        rows = in_trusted_features(self.problem)
        joined = replace(
            rows, x_tr=torch.cat([rows.x_val, rows.x_tr]),
            y_tr=torch.cat([rows.y_val, rows.y_tr]))
        parts = [replace(joined, x_val=rows.x_val[fold], y_target=None,
                         y_val=rows.y_val[fold], x_attacker=None,
                         y_attacker=None) for fold in self.folds]
        return tuple(WeightedModel(part, self.y_p, self.training, self.loss,
                                   self.beta) for part in (*parts, joined))

    def answer_alone(self, bounds: Any) -> tuple[float, float]:
        """`alone`, or found: lambda and loss of the trusted rows alone."""
        return self.alone or trusted_alone(
            self.problem, self.folds, self.loss, self.beta, bounds)

    def weighted(self, log_s: float) -> tuple[WeightedModel, ...]:
        """The models of the folds, then that of all trusted rows, at s."""
        m, n = len(self.problem.x_val), self.problem.n_tr + len(self.y_p)
        weights = torch.cat([
            self.problem.y_val.new_ones(m),
            self.problem.y_val.new_full((n,), math.exp(log_s))])
        found = []
        for k, model in enumerate(self._models):
            own = weights.clone()
            if k < len(self.folds):
                own[self.folds[k]] = 0.
            found.append(replace(model, weights=own))
        return tuple(found)

    def train(self, x_p: Tensor, lmbda: float,
              start: Optional[TrainedTrust] = None,
              log_s: Optional[float] = None) -> TrainedTrust:
        """Train a model for each fold; see `LinearModel.train`."""
        log_s = self.log_s if log_s is None else log_s
        return TrainedTrust(self, x_p, lmbda, log_s, tuple(
            model.train(x_p, lmbda, None if start is None
                        else start.folds[k])
            for k, model in enumerate(self.weighted(log_s)[:-1])))

    def losses(self, trained: TrainedTrust) -> Losses:
        """Losses of a trained model; an attacker without rows of its own has
        the defender's."""
        models = self.weighted(trained.log_s)
        shares = self._shares()
        of_folds = [model.losses(part) for model, part in zip(
            models, trained.folds)]
        loss, error = (sum(share * float(getattr(part, name))
                           for share, part in zip(shares, of_folds))
                       for name in ('defender', 'attacker_error'))
        if self.problem.is_zero_sum:
            return Losses(loss, loss, error)
        return models[-1].losses(trained.all_rows)._replace(defender=loss)

    def _shares(self) -> list[float]:
        return [len(fold) / len(self.problem.y_val) for fold in self.folds]

    def gradient(self, trained: TrainedTrust) -> TrustGradient:
        """The defender's loss and its derivatives."""
        parts, m = [], len(self.problem.x_val)
        for share, model, part in zip(self._shares(), self.weighted(
                trained.log_s), trained.folds):
            found = (*model.hypergradient(part),
                     model.grad_log_weight(part, m))
            parts.append([share * value for value in found])
        return TrustGradient(*(sum(values) for values in zip(*parts)))

    def defender_hypergradient(self, trained: TrainedTrust) -> Hypergradient:
        """The defender's loss, its derivatives by points and lambda."""
        return Hypergradient(*self.gradient(trained)[:3])

    def hypergradient(self, trained: TrainedTrust) -> Hypergradient:
        """The attacker's loss and derivative, the defender's by lambda."""
        found = self.defender_hypergradient(trained)
        if self.problem.is_zero_sum:
            return found
        value = self.weighted(trained.log_s)[-1].hypergradient(
            trained.all_rows).value
        return Hypergradient(value, self.own_gradient(trained),
                             found.grad_lmbda)

    def own_gradient(self, trained: TrainedTrust) -> Tensor:
        """Derivative of the loss of an attacker with rows of its own."""
        return self.weighted(trained.log_s)[-1].hypergradient(
            trained.all_rows).grad_x_p


def trusted_alone(problem: Problem, folds: tuple[Tensor, ...], loss: Loss,
                  beta: float, bounds: tuple[float, float]
                  ) -> tuple[float, float]:
    """lambda of the trusted rows alone, on a grid with steps of 0.5 or less,
    and its loss A: the answer at s = 0, whatever the points."""
    rows = in_trusted_features(problem)
    lmbdas = torch.linspace(bounds[1], bounds[0], 1 + math.ceil(
        2 * (bounds[1] - bounds[0])), dtype=torch.float64).tolist()
    losses, none = [0.] * len(lmbdas), rows.x_val[:0]
    for fold in folds:
        fit = torch.ones(len(rows.x_val), dtype=torch.bool)
        fit[fold] = False
        model = LinearModel(
            Problem(rows.x_val[fit], rows.y_val[fit], rows.x_val[fold],
                    rows.y_val[fold]), rows.y_val[:0], Training('implicit'),
            loss, beta)
        trained = None
        for k, lmbda in enumerate(lmbdas):
            trained = model.train(none, lmbda, trained)
            losses[k] += len(fold) / len(rows.x_val) * model.losses(
                trained).defender
    best = min(range(len(lmbdas)), key=lambda k: losses[k])
    return lmbdas[best], losses[best]
