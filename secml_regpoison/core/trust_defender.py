"""The defender who tunes lambda and the weight s of untrusted rows."""
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

from .camouflage import Camouflaged
from .defender import Defender
from .iterates import Iterate
from .linalg import SingularHessian
from .model import Gradients
from .valleys import LOSS_RTOL

# Bounds of log s where s > 0, and the least lambda there: where the data are
# separable, a tiny lambda makes s meaningless.
LOG_S = -8., 0.
LEAST_LMBDA = -2.
# Steps of the grid at most, and of the descent, in lambda and log s.
GRID_STEPS, LONGEST = (2.5, 8 / 3), 2.


@dataclass(frozen=True, eq=False)
class TrustIterate(Iterate):
    """An `Iterate`; log s is -inf where the trusted rows do as well alone,
    and `untrusted_loss` the defender's best loss with s > 0."""

    untrusted_loss: float = math.inf


@dataclass(frozen=True, eq=False)
class Evaluated:
    """lambda and log s, `z`, what is trained there, the defender's loss and
    its gradient with respect to `z`."""

    z: np.ndarray
    trained: Any
    loss: float
    grad: np.ndarray


class TrustDefender(Defender):
    """A `Defender` of a `.trust.TrustModel`.

    The first answer is searched on a grid of (lambda, log s); each is found
    by a quasi-Newton method (BFGS) from the answer before, whose curvature
    it takes over. Where the trusted rows alone do as well, the answer is
    s = 0, and no point matters: the derivative is 0. Without bounds of lambda
    the answer is held at the lambda given and the model's s.

    An attacker with camouflage stays hidden: it keeps the defender's loss A
    below ``(1 - camouflage) V0``, where V0 is that of the trusted rows alone.
    It climbs ``dB/|dB| - c dA/|dA|`` with ``c = A / ((1 - camouflage) V0)``.
    """

    searches_everywhere = False

    _before: Optional[TrustIterate] = None
    _start: Optional[np.ndarray] = None
    _inverse: Optional[np.ndarray] = None

    @cached_property
    def _alone(self) -> Any:
        model: Any = self.model
        return model.response_alone(self.bounds)

    def _exposure(self, loss: float) -> float:
        """The defender's loss over the largest at which the attacker counts
        as hidden."""
        return loss / (max(1 - self.camouflage, .01)
                       * float(self._alone.row_losses.mean()))

    def gain(self, here: Iterate, before: Iterate) -> float:
        """As of any defender; with camouflage being hidden counts first."""
        if not self.camouflage:
            return super().gain(here, before)
        exposed = [self._exposure(one.untrusted_loss)  # type: ignore
                   for one in (here, before)]
        if max(exposed) <= 1:
            return super().gain(here, before)
        if min(exposed) <= 1:
            return 1. if exposed[0] <= 1 else -1.
        return exposed[1] - exposed[0]

    def evaluate(self, x_p: Tensor, lmbda: float) -> TrustIterate:
        """The iterate at this lambda and the model's s."""
        self.n_evaluations += 1
        return self._iterate_at(self._train(x_p, lmbda))

    def best_response(self, x_p: Tensor, lmbda: float,
                      everywhere: bool = False) -> Iterate:
        """The iterate at the best (lambda, s), recorded."""
        before = self._before
        if self.bounds is None:
            return self._record(self.evaluate(x_p, lmbda))
        if before is not None and before.log_s == -math.inf \
                and torch.equal(before.x_p, x_p):
            return self._record(before)  # at s = 0 no point moves
        if self._start is None:
            self._start = self._grid_search(x_p)
        return self._record(self._iterate(self._descend_from(
            x_p, self._start)))

    def global_best_response(self, here: Iterate) -> Iterate:
        """`here`, or the iterate at a better answer found on the grid."""
        if self.bounds is None:
            return here
        found = self._iterate(self._descend_from(
            here.x_p, self._grid_search(here.x_p)))
        return here if found.loss >= (1 - LOSS_RTOL) * here.loss \
            else self._record(found)

    def _bounds(self) -> np.ndarray:
        """Of lambda and of log s, where s > 0; (2, 2)."""
        low, high = self.bounds  # type: ignore
        return np.array([(min(max(low, LEAST_LMBDA), high), high), LOG_S])

    def _grid_search(self, x_p: Tensor) -> np.ndarray:
        """The best (lambda, log s) of a coarse grid with s > 0."""
        model: Any = self.model
        grids = [np.linspace(high, low, 2 + int((high - low) / step))
                 for (low, high), step in zip(self._bounds(), GRID_STEPS)]
        losses, fault = {}, None
        for lmbda, log_s in dict.fromkeys(product(*grids)):
            self.n_trainings += 1
            try:
                self._last = model.train(x_p, lmbda, self._last, log_s)
                losses[lmbda, log_s] = model.losses(self._last).defender
            except SingularHessian as error:  # too weak a penalty: no answer
                fault = error
        if not losses:
            assert fault is not None
            raise fault
        return np.array(min(losses, key=lambda at: losses[at]))

    def _evaluate_at(self, x_p: Tensor, z: np.ndarray) -> Evaluated:
        model: Any = self.model
        lmbda, log_s = z.tolist()
        trained = self._last = model.train(x_p, lmbda, self._last, log_s)
        self.n_trainings += 1
        self.n_evaluations += 1
        loss, *grad = model.grad_lmbda_log_s(trained).tolist()
        return Evaluated(z, trained, loss, np.array(grad))

    def _descend_from(self, x_p: Tensor, z: np.ndarray) -> Evaluated:
        """BFGS steps inside the bounds, a quarter while they raise the loss,
        until one promises less than `LOSS_RTOL` / 2 of it."""
        low, high = self._bounds().T
        here = self._evaluate_at(x_p, np.clip(z, low, high))
        for _ in range(12):
            step = self._step(here, low, high)
            if -here.grad @ step < LOSS_RTOL / 2 * here.loss:
                break
            there = self._evaluate_at(x_p, here.z + step)
            while there.loss > here.loss and np.abs(step).max() > .05:
                step = step / 4
                there = self._evaluate_at(x_p, here.z + step)
            self._update(step, there.grad - here.grad)
            if there.loss > here.loss:
                break
            here = there
        self._start = here.z
        return here

    def _step(self, here: Evaluated, low: np.ndarray,
              high: np.ndarray) -> np.ndarray:
        """The quasi-Newton step from an answer, inside the bounds."""
        free = ~((here.z <= low) & (here.grad > 0)
                 | (here.z >= high) & (here.grad < 0))
        inverse = np.eye(2) * (.5 / max(np.abs(here.grad).max(), 1e-12)) \
            if self._inverse is None else self._inverse
        step = free * -(inverse @ (free * here.grad))
        if step @ here.grad >= 0:  # the coupling leads uphill
            step = free * -np.diag(inverse) * here.grad
        step *= min(1., LONGEST / max(np.abs(step).max(), 1e-12))
        return np.clip(here.z + step, low, high) - here.z

    def _update(self, step: np.ndarray, change: np.ndarray) -> None:
        """BFGS update of the inverse curvature, where that is positive."""
        along = step @ change
        if along <= 1e-10 * np.abs(step).max():
            return
        if self._inverse is None:
            self._inverse = np.eye(2) * (along / (change @ change))
        left = np.eye(2) - np.outer(step, change) / along
        self._inverse = left @ self._inverse @ left.T + np.outer(
            step, step) / along

    def _iterate(self, best: Evaluated) -> TrustIterate:
        """The iterate of the best answer with s > 0, or that of the trusted
        rows alone."""
        model: Any = self.model
        if model.is_better(best.trained, self._alone):
            return self._iterate_at(best.trained, best.loss)
        self.n_trainings += 1
        return self._iterate_at(model.train(
            best.trained.x_p, self._alone.lmbda, self._last, -math.inf),
            best.loss)

    def _iterate_at(self, trained: Any,
                    untrusted_loss: Optional[float] = None) -> TrustIterate:
        """`untrusted_loss` by default is the defender's at the model's s."""
        losses = self.model.losses(trained)
        loss = losses.defender if untrusted_loss is None else untrusted_loss
        gradients: Gradients = self.model.hypergradient(trained)
        if self.camouflage:
            gradients = Camouflaged(self.model, trained, gradients,
                                    self._exposure(loss))
        return TrustIterate(
            trained.x_p, trained.lmbda, trained, losses.attacker,
            losses.attacker_error, losses.defender, gradients, trained.log_s,
            loss)

    def _record(self, here: TrustIterate) -> TrustIterate:
        self._before = here
        self.record(here)
        return here
