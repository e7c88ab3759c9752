"""The defender's best response: lambda re-tuned against given points."""
import math
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np
import torch
from torch import Tensor

from .camouflage import Camouflaged
from .linalg import SingularHessian
from .model import Gradients, Model
from .verdicts import LMBDA_TOL

# Beyond them weights vanish, or their penalty does.
LMBDA_BOUNDS = -8., 11.5
# Losses of the defender that differ by less, relatively, count as equal.
LOSS_RTOL = 1e-3


def lmbda_grid(bounds: tuple[float, float], step: float) -> np.ndarray:
    """Both bounds, and equal steps of at most `step` between; from the top,
    for each optimum is where the next training starts."""
    low, high = bounds
    return np.linspace(high, low, 1 + math.ceil((high - low) / step))


@dataclass(frozen=True, eq=False)
class Iterate:
    """Poisoning points, lambda, the model they give and the derivatives.

    `value` and `error` are the attacker's loss and share of errors, `loss` is
    the defender's loss: `value` where `Problem.is_zero_sum`. `gradients` are
    those of the model; with camouflage `grad_x_p` is a direction, see
    `.camouflage`.
    """

    x_p: Tensor
    lmbda: float
    trained: Any
    value: float
    error: float
    loss: float
    gradients: Gradients

    @property
    def grad_x_p(self) -> Tensor:
        """Derivative, or direction, of the points, (p, d)."""
        return self.gradients.grad_x_p

    @property
    def grad_lmbda(self) -> float:
        """Derivative of the defender's loss with respect to lambda."""
        return float(self.gradients.grad_lmbda)


class Defender:
    """Evaluates iterates, and re-tunes lambda against the attacker's points.

    Parameters
    ----------
    model : Model
    lmbda_bounds : (float, float) or None
        Interval of lambda; None: lambda stays as it is.
    callback : callable or None
        Called with each `Iterate` that is recorded.
    camouflage : float
        How much the attacker keeps the defender's loss low, see
        `.camouflage`.

    Attributes
    ----------
    f_seq, lmbda_seq : list of float
        Attacker's loss and lambda of the iterates recorded.
    n_trainings, n_evaluations : int
        Models trained, and iterates evaluated.
    """

    def __init__(self, model: Model,
                 lmbda_bounds: Optional[tuple[float, float]],
                 callback: Optional[Callable[[Iterate], None]],
                 camouflage: float = 0.):
        self.model, self.bounds = model, lmbda_bounds
        self.callback, self.camouflage = callback, camouflage
        self.secant_slope, self._last = 0., None
        self.n_trainings = self.n_evaluations = 0
        self.f_seq: list[float] = []
        self.lmbda_seq: list[float] = []

    def evaluate(self, x_p: Tensor, lmbda: float) -> Iterate:
        """The `Iterate` at ``(x_p, lmbda)``."""
        trained = self._train(x_p, lmbda)
        losses = self.model.losses(trained)
        self.n_evaluations += 1
        gradients: Gradients = self.model.hypergradient(trained)
        if self.camouflage:
            gradients = Camouflaged(self.model, trained, gradients,
                                    self.camouflage)
        return Iterate(x_p, lmbda, trained, losses.attacker,
                       losses.attacker_error, losses.defender, gradients)

    def gain(self, here: Iterate, before: Iterate) -> float:
        """What the attacker gains: loss, or with camouflage errors if there
        is a difference. A model of small lambda may lose more and err less.
        """
        errors = here.error - before.error if self.camouflage else 0.
        return self.model.problem.upward * (
            errors or here.value - before.value)

    @property
    def searches_everywhere(self) -> bool:
        """Whether each answer is searched over the whole interval."""
        return self.camouflage > 0

    def _train(self, x_p: Tensor, lmbda: float) -> Any:
        # the last model is where the next training starts, if it starts warm
        self._last = self.model.train(x_p, lmbda, self._last)
        self.n_trainings += 1
        return self._last

    def best_response(self, x_p: Tensor, lmbda: float,
                      everywhere: bool = False) -> Iterate:
        """The iterate at the best response to `x_p`, recorded.

        It is searched near `lmbda`; with `everywhere`, first on a grid.
        """
        if everywhere and self.bounds is not None:
            lmbda = self.grid_search(x_p, lmbda, *self.bounds)
        return self._best_response_near(x_p, lmbda, everywhere)

    def global_best_response(self, here: Iterate) -> Iterate:
        """`here`, or the iterate at a better lambda found on the grid."""
        if self.bounds is None:
            return here
        lmbda = self.grid_search(here.x_p, here.lmbda, *self.bounds)
        return here if lmbda == here.lmbda else self._best_response_near(
            here.x_p, lmbda, True)

    def _best_response_near(self, x_p: Tensor, lmbda: float,
                            from_grid: bool) -> Iterate:
        """The iterate at the best lambda near `lmbda`, recorded; never worse
        than at `lmbda` if that is `from_grid`."""
        here = start = self.evaluate(x_p, lmbda)
        if self.bounds is not None:
            here = self._descend(here, *self.bounds)
            if from_grid:
                if here.loss > start.loss:
                    here = start  # above the grid's best: keep that
                here = self._descend_beside(here, *self.bounds)
        self.record(here)
        return here

    def _descend_beside(self, here: Iterate, low: float,
                        high: float) -> Iterate:
        """`here`, or the end of a descent from half a step of the grid away,
        where that is better: with a squared hinge the loss has kinks."""
        for step in (-.5 * self.model.lmbda_step, .5 * self.model.lmbda_step):
            lmbda = here.lmbda + step
            if low < lmbda < high and self.model.losses(self._train(
                    here.x_p, lmbda)).defender < (1 - LOSS_RTOL) * here.loss:
                self.secant_slope = 0.
                there = self._descend(self.evaluate(here.x_p, lmbda), low,
                                      high)
                here = there if there.loss < here.loss else here
        return here

    def record(self, here: Iterate) -> None:
        """Append an iterate to the path, and show it to the callback."""
        self.f_seq.append(here.value)
        self.lmbda_seq.append(here.lmbda)
        if self.callback is not None:
            self.callback(here)

    def grid_search(self, x_p: Tensor, lmbda: float, low: float,
                    high: float) -> float:
        """`lmbda`, or the best of a coarse grid if that is better.

        The defender's loss can have several minima in lambda: with much
        poison, one where the weights vanish. Descent alone would stay where
        it started. Of several equally good, the largest.
        """
        step = self.model.lmbda_step
        grid = torch.linspace(high, low, 2 + int((high - low) / step),
                              dtype=torch.float64)
        losses, fault = {}, FloatingPointError(
            "the defender's loss is finite at no lambda: rescale the "
            'features, or use float64.')
        for at in (lmbda, *grid.tolist()):
            try:
                loss = self.model.losses(self._train(x_p, at)).defender
            except SingularHessian as error:  # too weak a penalty: no answer
                loss, fault = math.inf, error
            losses[at] = loss if math.isfinite(loss) else math.inf
        if min(losses.values()) == math.inf:
            raise fault
        good = (1 + LOSS_RTOL) * min(losses.values())
        if losses[lmbda] <= good:
            return lmbda
        return max(at for at, loss in losses.items() if loss <= good)

    def _descend(self, here: Iterate, low: float, high: float) -> Iterate:
        """Projected descent on lambda against fixed points.

        The step is the inverse of the last secant slope of the derivative,
        at most 2, and 2 where that slope is not positive. It stays inside
        the bracket that the signs seen so far leave. It ends at a step under
        `LMBDA_TOL`, or at a step down that promises less than `LOSS_RTOL` of
        the loss: small lambda is a plateau, and its upper end regularises
        most. A step up is always taken: a basin may lie beyond the plateau.
        """
        seen = set()
        for _ in range(30):
            grad, curvature = here.grad_lmbda, self.secant_slope
            step = (-grad / curvature if curvature > 0
                    else -math.copysign(2., grad))
            lmbda = here.lmbda + max(-2., min(2., step))
            lmbda = float(max(low, min(high, lmbda)))
            low, high = ((here.lmbda, high) if grad < 0
                         else (low, here.lmbda))
            if lmbda in seen:
                lmbda = (low + high) / 2
            step = lmbda - here.lmbda
            worth_it = step > 0 or grad * -step >= LOSS_RTOL * here.loss
            if abs(step) < LMBDA_TOL or not worth_it:
                break
            seen.add(here.lmbda)
            there = self.evaluate(here.x_p, lmbda)
            self.secant_slope = (there.grad_lmbda - grad) / step
            here = there
        return here
