"""What the attacker and the defender do, and what comes of it."""
import math
from dataclasses import dataclass

import torch

from .hypergradient import differentiate, train
from .solvers.training import Trained
from .coordinates.margins import fold, softplus_mean

# Losses of the defender that differ by less, relatively, count as equal.
FLAT = 1e-3


@dataclass(frozen=True)
class Iterate:
    """Poisoning points, lambda, the model they give and the derivatives.

    `value` is the attacker's loss, `loss` the defender's: the same without
    a `y_target`.
    """

    x_p: torch.Tensor
    lmbda: float
    model: Trained
    value: float
    loss: float
    grad_x_p: torch.Tensor
    grad_lmbda: float


class Game:
    """Evaluates iterates, and lets the defender answer the attacker."""

    def __init__(self, problem, y_p, lmbda_bounds, inner, callback):
        self.problem, self.y_p, self.inner = problem, y_p, inner
        self.bounds, self.callback = lmbda_bounds, callback
        self.curvature, self.start = 0., None
        self.n_trainings = self.n_evaluations = 0
        self.f_seq, self.lmbda_seq = [], []

    def evaluate(self, x_p, lmbda):
        """The `Iterate` at ``(x_p, lmbda)``."""
        phi, pull_back = self.problem.features(x_p)
        model = self._train(phi, lmbda)
        value, grad, grad_lmbda = differentiate(
            self.problem, model, self.y_p, self.inner)
        self.n_evaluations += 1
        return Iterate(x_p, lmbda, model, float(value), self._loss(model),
                       pull_back(grad), float(grad_lmbda))

    def _loss(self, model):
        return float(softplus_mean(model.form.val_scores(
            self.problem.rows_val, model.u)))

    def _train(self, phi, lmbda):
        model = train(self.problem, fold(phi, self.y_p), lmbda, self.inner,
                      self.start)
        self.start = model.u
        self.n_trainings += 1
        return model

    def respond(self, x_p, lmbda, scan=False):
        """The iterate at the defender's answer to `x_p`, recorded.

        The answer is searched near `lmbda`; with `scan`, first everywhere.
        """
        if scan and self.bounds is not None:
            lmbda = self.scan(x_p, lmbda)
        return self._answer(x_p, lmbda, scan)

    def settle(self, here):
        """`here`, or the defender's better answer to it, far from it."""
        if self.bounds is None:
            return here
        lmbda = self.scan(here.x_p, here.lmbda)
        return here if lmbda == here.lmbda else self._answer(
            here.x_p, lmbda, True)

    def _answer(self, x_p, lmbda, scanned):
        """The iterate at the best answer near `lmbda`, recorded; never worse
        than at `lmbda` where that was `scanned`."""
        here = best = self.evaluate(x_p, lmbda)
        if self.bounds is not None:
            here = self._descend(here)
            if scanned and here.loss > best.loss:  # it climbed, to nothing
                here = best
        self.f_seq.append(here.value)
        self.lmbda_seq.append(here.lmbda)
        if self.callback is not None:
            self.callback(here)
        return here

    def scan(self, x_p, lmbda):
        """`lmbda`, or the best of a coarse grid if that is better.

        The defender's loss can have several minima in lambda: with much
        poison, one where the weights vanish. Descent alone would stay where
        it started. Of several equally good, the largest.
        """
        low, high = self.bounds
        phi = self.problem.features(x_p)[0]
        losses = {}
        for at in (lmbda, *torch.linspace(
                high, low, 2 + int((high - low) / 1.5)).tolist()):
            losses[at] = self._loss(self._train(phi, at))
        enough = (1 + FLAT) * min(losses.values())
        if losses[lmbda] <= enough:
            return lmbda
        return max(at for at, loss in losses.items() if loss <= enough)

    def _descend(self, here):
        """Projected descent on lambda against fixed points.

        The step is the inverse of the last secant slope of the derivative,
        at most 2, and 2 where that slope is not positive. It stays inside
        the bracket that the signs seen so far leave. It ends at a step under
        0.05, or at a step down that promises less than 0.1 % of the loss:
        small lambda is a plateau, and its upper end regularises most. A step
        up is always taken: a basin may lie beyond the plateau.
        """
        low, high = self.bounds
        seen = set()
        for _ in range(30):
            slope, c = here.grad_lmbda, self.curvature
            step = -slope / c if c > 0 else -math.copysign(2., slope)
            lmbda = here.lmbda + max(-2., min(2., step))
            lmbda = float(max(low, min(high, lmbda)))
            if lmbda in seen:
                lmbda = (low + high) / 2
            step = lmbda - here.lmbda
            worth_it = step > 0 or slope * -step >= FLAT * here.loss
            if abs(step) < .05 or not worth_it:
                break
            seen.add(here.lmbda)
            low, high = ((here.lmbda, high) if slope < 0
                         else (low, here.lmbda))
            there = self.evaluate(here.x_p, lmbda)
            self.curvature = (there.grad_lmbda - slope) / step
            here = there
        return here
