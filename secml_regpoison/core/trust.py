"""Learned trust: how much the untrusted rows count is tuned with lambda.

The validation rows are trusted, and trained on too. The training rows and the
points count s times; (lambda, s) is cross-validated over the trusted rows.
For fold k, held out, with c = 1 of the other trusted rows, 0 of those in the
fold and s of the untrusted rows,

    L_k = (1/n) (sum_i c_ki l(h_i) + exp(lmbda)/2 ||w||^2)
    A   = (1/m) sum_k sum_{i in fold k} l(h_i(w_k)),      s in {0} u [e^-8, 1]

with n all rows. At s = 0 no point changes anything: the answer's loss is never
above that of the trusted rows alone. A penalised bias has its share, too. With
the adjoint p_k of the fold, see `.implicit.reverse`,

    dA/dlog s = -(s/n) sum_k sum_{untrusted i} l'(h_i) (a_i . p_k)

at the optimum, and summed over the steps for 'rmd'. A preprocess is fitted on
the trusted rows alone (scikit-learn's sample_weight has the same objective).
"""
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Iterator, Optional

import torch
from torch import Tensor

from .checks import check, is_sparse
from .defender import LMBDA_BOUNDS
from .features import in_features_of
from .linear_model import LOGISTIC, Trained
from .losses import Loss
from .model import Gradients, Hypergradient, Losses
from .problem import Problem
from .solvers import Training
from .trust_defender import TrustDefender
from .trusted_alone import Alone, trusted_alone
from .weighted_model import WeightedModel

METHODS = 'rmd', 'implicit'


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


@dataclass(frozen=True, eq=False)
class TrustModel:
    """A linear classifier of trusted rows and less trusted ones.

    Parameters
    ----------
    problem : Problem
        Its validation rows are the trusted ones. They and the training rows
        are dense.
    y_p, training, loss, beta
        As of `LinearModel`; the method is 'rmd' or 'implicit'.
    folds : tuple of Tensor
        Trusted rows that each fold holds out.
    log_s : float
        log s of `train` without one, and of a defender without bounds of
        lambda; -inf is s = 0.
    alone : Alone or None
        The answer of the trusted rows alone; None: found here.
    margin : float
        The untrusted rows count only where the paired gain on the trusted
        rows is at least so many of its standard errors.
    """

    problem: Problem
    y_p: Tensor
    training: Training
    loss: Loss = LOGISTIC
    beta: float = 0.
    folds: tuple[Tensor, ...] = ()
    log_s: float = 0.
    alone: Optional[Alone] = None
    margin: float = 0.

    defender: ClassVar = TrustDefender
    lmbda_step: ClassVar = 1.5

    def __post_init__(self) -> None:
        check('method', self.training.method, self.training.method in METHODS,
              f'one of {METHODS} where trust is learned')
        check('folds', len(self.folds), len(self.folds) > 1,
              'two or more sets of trusted rows')
        for name in ('x_tr', 'x_val'):  # they are joined
            x = self.problem.rows[name]
            check(name, x.layout, not is_sparse(x), 'dense where trust is '
                  'learned', f' Pass `{name}.to_dense()`.')

    def check(self, x_p: Tensor, lmbda: float) -> None:
        """Warn of a step size that is too large for these points."""
        self.weighted(0.)[-1].check(x_p, lmbda)

    @cached_property
    def _models(self) -> tuple[WeightedModel, ...]:
        """One a fold, and that of all trusted rows; without weights."""
        rows = in_features_of(self.problem, self.problem.x_val)
        joined = replace(
            rows, x_tr=torch.cat([rows.x_val, rows.x_tr]),
            y_tr=torch.cat([rows.y_val, rows.y_tr]))
        parts = [replace(joined.of_defender, x_val=rows.x_val[fold],
                         y_val=rows.y_val[fold]) for fold in self.folds]
        return tuple(WeightedModel(part, self.y_p, self.training, self.loss,
                                   self.beta) for part in (*parts, joined))

    def response_alone(self, bounds: Any) -> Alone:
        """`alone`, or found: the answer of the trusted rows alone."""
        return self.alone or trusted_alone(
            self.problem, self.folds, self.loss, self.beta,
            bounds or LMBDA_BOUNDS)

    def is_better(self, trained: TrainedTrust, alone: Alone) -> bool:
        """Whether it pays to count the untrusted rows, see `margin`."""
        gain = alone.row_losses - self.row_losses(trained)
        error = float(gain.std()) / math.sqrt(len(gain))
        return float(gain.mean()) > self.margin * error

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
        loss = error = 0.
        for share, model, part in self._parts(trained):
            of_fold = model.losses(part)
            loss += share * of_fold.defender
            error += share * of_fold.attacker_error
        if self.problem.is_zero_sum:
            return Losses(loss, loss, error)
        return self.weighted(trained.log_s)[-1].losses(
            trained.all_rows)._replace(defender=loss)

    def row_losses(self, trained: TrainedTrust) -> Tensor:
        """Loss on each trusted row while it is held out, (m,)."""
        found = torch.empty_like(self.problem.y_val)
        for fold, (_, model, part) in zip(self.folds, self._parts(trained)):
            found[fold] = model.row_losses(part)
        return found

    def grad_lmbda_log_s(self, trained: TrainedTrust) -> Tensor:
        """The defender's loss, its derivatives with respect to lambda and
        log s, (3,)."""
        m = len(self.problem.x_val)
        return torch.stack([
            share * torch.cat([model.row_losses(part).mean()[None],
                               model.grad_lmbda_log_s(part, m)])
            for share, model, part in self._parts(trained)]).sum(0)

    def _parts(self, trained: TrainedTrust
               ) -> Iterator[tuple[float, WeightedModel, Trained]]:
        """Of each fold its share of the trusted rows, and its model."""
        m = len(self.problem.x_val)
        for fold, model, part in zip(self.folds, self.weighted(
                trained.log_s), trained.folds):
            yield len(fold) / m, model, part

    def defender_hypergradient(self, trained: TrainedTrust) -> Hypergradient:
        """The defender's loss, its derivatives with respect to points and
        lambda."""
        parts = []
        for share, model, part in self._parts(trained):
            found = model.hypergradient(part)
            parts.append([share * value for value in (
                found.value, found.grad_x_p, found.grad_lmbda)])
        return Hypergradient(*(sum(values) for values in zip(*parts)))

    def hypergradient(self, trained: TrainedTrust) -> 'TrustGradients':
        """Derivatives of the attacker's loss with respect to the points, of
        the defender's with respect to lambda."""
        return TrustGradients(self, trained)


@dataclass(frozen=True, eq=False)
class TrustGradients:
    """The `.model.Gradients` of a trained `TrustModel`."""

    model: TrustModel
    trained: TrainedTrust

    @cached_property
    def _of_defender(self) -> Hypergradient:
        return self.model.defender_hypergradient(self.trained)

    @cached_property
    def _of_attacker(self) -> Gradients:
        if self.model.problem.is_zero_sum:
            return self._of_defender
        return self.model.weighted(self.trained.log_s)[-1].hypergradient(
            self.trained.all_rows)

    value = property(lambda self: self._of_attacker.value)
    grad_x_p = property(lambda self: self._of_attacker.grad_x_p)
    grad_lmbda = property(lambda self: self._of_defender.grad_lmbda)
