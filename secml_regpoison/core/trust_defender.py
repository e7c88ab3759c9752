"""The defender who tunes lambda and the weight s of untrusted rows."""
import math
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Optional

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from .defender import LOSS_RTOL, Defender, Iterate, camouflaged

# Bounds of log s where s > 0, and the least lambda there: where the data are
# separable, a tiny lambda makes s meaningless.
LOG_S = -8., 0.
LEAST_LMBDA = -2.


@dataclass(frozen=True, eq=False)
class TrustIterate(Iterate):
    """An `Iterate`; log s is -inf where the trusted rows do as well alone,
    and `untrusted_loss` the defender's best loss with s > 0."""

    log_s: float
    untrusted_loss: float


class TrustDefender(Defender):
    """A `Defender` of a `.trust.TrustModel`.

    The first answer is searched on a grid of (lambda, log s), the next ones
    by a quasi-Newton method (L-BFGS-B) from the answer before. Where the
    trusted rows alone do as well, the answer is s = 0, and no point matters:
    the derivative is 0. An attacker with camouflage then lowers the
    defender's loss with s > 0, to be trusted first.
    """

    _alone: Optional[tuple[float, float]] = None
    _before: Optional[TrustIterate] = None
    _start: Optional[tuple[float, float]] = None

    def gain(self, here: Iterate, before: Iterate) -> float:
        """As of any defender; with camouflage being trusted counts first."""
        assert isinstance(here, TrustIterate)
        assert isinstance(before, TrustIterate)
        trusted = [one.log_s > -math.inf for one in (here, before)]
        if not self.camouflage or all(trusted):
            return super().gain(here, before)
        if any(trusted):
            return 1. if trusted[0] else -1.
        return before.untrusted_loss - here.untrusted_loss

    def evaluate_at(self, x_p: Tensor, lmbda: float,
                    log_s: float) -> tuple[TrustIterate, float]:
        """The iterate at (lambda, log s), and dA/dlog s."""
        model: Any = self.model
        trained = self._last = model.train(x_p, lmbda, self._last, log_s)
        self.n_trainings += 1
        self.n_evaluations += 1
        _, grad_x_p, grad_lmbda, grad_log_s = model.gradient(trained)
        losses = model.losses(trained)
        if not model.problem.is_zero_sum:
            own = model.own_gradient(trained)
            grad_x_p = camouflaged(model, x_p, own, grad_x_p, self.camouflage
                                   ) if self.camouflage else own
        return TrustIterate(
            x_p, lmbda, trained, losses.attacker, losses.attacker_error,
            losses.defender, grad_x_p, float(grad_lmbda), log_s,
            losses.defender), float(grad_log_s)

    def best_response(self, x_p: Tensor, lmbda: float,
                      everywhere: bool = False) -> Iterate:
        """The iterate at the best (lambda, s), recorded."""
        before = self._before
        if before is not None and before.log_s == -math.inf \
                and torch.equal(before.x_p, x_p):
            return self._record(before)  # at s = 0 no point moves
        if self._start is None or before and before.log_s == -math.inf:
            self._start = self._scan(x_p)
        return self._record(self._descend_from(x_p, self._start))

    def global_best_response(self, here: Iterate) -> Iterate:
        """`here`, or the iterate at a better answer found on the grid."""
        found = self._descend_from(here.x_p, self._scan(here.x_p))
        return here if found.loss >= (1 - LOSS_RTOL) * here.loss \
            else self._record(found)

    def _bounds(self) -> list[tuple[float, float]]:
        low, high = self.bounds or (LEAST_LMBDA, LEAST_LMBDA)
        return [(min(max(low, LEAST_LMBDA), high), high), LOG_S]

    def _scan(self, x_p: Tensor) -> tuple[float, float]:
        """The best (lambda, log s) of a coarse grid with s > 0."""
        (low, high), (least, most) = self._bounds()
        model: Any = self.model
        losses = {}
        for log_s, lmbda in product(
                np.linspace(most, least, 4), np.linspace(
                    high, low, 2 + int((high - low) / 2.5))):
            self._last = model.train(x_p, lmbda, self._last, log_s)
            self.n_trainings += 1
            losses[float(lmbda), float(log_s)] = model.losses(
                self._last).defender
        return min(losses, key=lambda at: losses[at])

    def _descend_from(self, x_p: Tensor,
                      start: tuple[float, float]) -> TrustIterate:
        """The best iterate of L-BFGS-B, or that of the trusted rows alone."""
        seen: list[TrustIterate] = []

        def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
            here, grad_log_s = self.evaluate_at(x_p, *z.tolist())
            seen.append(here)
            return here.loss, np.array([here.grad_lmbda, grad_log_s])
        minimize(objective, start, jac=True, method='L-BFGS-B',
                 bounds=self._bounds(), options={
                     'maxiter': 8, 'maxfun': 12, 'ftol': LOSS_RTOL / 2})
        best = min(seen, key=lambda one: one.loss)
        self._start = best.lmbda, best.log_s
        model: Any = self.model
        if self._alone is None:
            self._alone = model.answer_alone(self.bounds)
        lmbda, loss = self._alone
        if best.loss < loss:
            return best
        alone, _ = self.evaluate_at(x_p, lmbda, -math.inf)
        if not self.camouflage:
            return replace(alone, untrusted_loss=best.loss)
        return replace(alone, untrusted_loss=best.loss,
                       grad_x_p=-model.problem.upward * model.gradient(
                           best.trained).grad_x_p)

    def _record(self, here: TrustIterate) -> TrustIterate:
        self._before = here
        self.f_seq.append(here.value)
        self.lmbda_seq.append(here.lmbda)
        if self.callback is not None:
            self.callback(here)
        return here
