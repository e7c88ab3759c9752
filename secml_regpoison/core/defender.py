"""The defender's best response: lambda re-tuned against given points."""
import math
from functools import partial
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from .camouflage import Camouflaged
from .iterates import Iterate
from .linalg import SingularHessian
from .model import Gradients, Model
from .valleys import (
    LOSS_RTOL, best_of, bisect, cells_of, kink_between, may_hide_valley)
from .verdicts import LMBDA_TOL

# Beyond them weights vanish, or their penalty does.
LMBDA_BOUNDS = -8., 11.5


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
            here = self._best_everywhere(x_p, lmbda, None)
        else:
            here = self._best_near(x_p, lmbda)
        self.record(here)
        return here

    def global_best_response(self, here: Iterate) -> Iterate:
        """`here`, or the iterate at a better lambda, recorded: on the grid, or
        in a valley of which the grid sees the slopes alone."""
        if self.bounds is None:
            return here
        found = self._best_everywhere(here.x_p, here.lmbda, here)
        if found is not here:
            self.record(found)
        return found

    def _best_everywhere(self, x_p: Tensor, lmbda: float,
                         here: Optional[Iterate]) -> Iterate:
        """The iterate at the best lambda near the best of the grid, or `here`,
        the one at `lmbda`, if that is as good."""
        losses = self._grid_losses(x_p, lmbda)
        start, cells = best_of(losses, lmbda), cells_of(losses)
        best = self._best_near(x_p, start, cells[start]) \
            if here is None or start != lmbda else self._better(here, partial(
                self._descend, here, *self.bounds))  # type: ignore
        if self.camouflage:  # it seeks harm, and asks at each step
            return best
        for at, cell in cells.items():
            if may_hide_valley(losses, at, cell) \
                    and abs(at - best.lmbda) > self.model.lmbda_step:
                best = self._better(best, partial(
                    self._valley_beside, x_p, losses, at, *cell))
        return best

    def _best_near(self, x_p: Tensor, lmbda: float,
                   cell: Optional[list[float]] = None) -> Iterate:
        """The iterate at the best lambda near `lmbda`; never worse than at
        `lmbda` if that is of a grid, with its neighbours in `cell`."""
        here = start = self.evaluate(x_p, lmbda)
        if self.bounds is None:
            return here
        here = self._descend(here, *self.bounds)
        if cell is not None:
            if here.loss > start.loss:  # it has left the valley of `lmbda`
                self.secant_slope = 0.
                here = bisect(partial(self.evaluate, x_p), start, *cell)
            here = self._descend_beside(here, *self.bounds)
        return here

    def _better(self, best: Iterate, search: Callable[[], Iterate]) -> Iterate:
        """`best`, or what a `search` with a slope of its own finds better: not
        if it begins at a lambda without an answer."""
        slope, self.secant_slope = self.secant_slope, 0.
        try:
            there = search()
        except SingularHessian:
            there = best
        if there.loss < (1 - LOSS_RTOL) * best.loss:
            return there
        self.secant_slope = slope
        return best

    def _valley_beside(self, x_p: Tensor, losses: dict[float, float],
                       at: float, before: float, after: float) -> Iterate:
        """The bottom of a valley between `at` and one of its neighbours on
        the grid, where the loss falls towards that, and is higher there."""
        there = self.evaluate(x_p, at)
        ahead = after if there.grad_lmbda < 0 else before
        if not there.grad_lmbda:
            return bisect(partial(self.evaluate, x_p), there, before, at)
        if losses[ahead] >= losses[at] and abs(
                there.grad_lmbda * (ahead - at)) >= LOSS_RTOL * there.loss:
            return self._descend(there, *sorted((at, ahead)))
        return there

    def _descend_beside(self, here: Iterate, low: float,
                        high: float) -> Iterate:
        """`here`, or the end of a descent from half a step of the grid away,
        where that is better: with a squared hinge the loss has kinks."""
        def beside(lmbda: float) -> Iterate:
            if self.model.losses(self._train(here.x_p, lmbda)).defender \
                    < (1 - LOSS_RTOL) * here.loss:
                return self._descend(self.evaluate(here.x_p, lmbda), low, high)
            return here
        for step in (-.5 * self.model.lmbda_step, .5 * self.model.lmbda_step):
            lmbda = here.lmbda + step
            if low < lmbda < high:
                here = self._better(here, partial(beside, lmbda))
        return here

    def record(self, here: Iterate) -> None:
        """Append an iterate to the path, and show it to the callback."""
        self.f_seq.append(here.value)
        self.lmbda_seq.append(here.lmbda)
        if self.callback is not None:
            self.callback(here)

    def _grid_losses(self, x_p: Tensor, lmbda: float) -> dict[float, float]:
        """The defender's loss at `lmbda` and on a coarse grid; inf at one
        without an answer."""
        low, high = self.bounds  # type: ignore
        step = self.model.lmbda_step
        n_grid = 2 + int((high - low) / step) if low < high else 0
        grid = torch.linspace(high, low, n_grid, dtype=torch.float64,
                              device='cpu')
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
        return losses

    def _descend(self, here: Iterate, low: float, high: float) -> Iterate:
        """Projected descent on lambda against fixed points.

        The step is the derivative over its last secant slope, at most 2 long,
        and 2 where that slope is not positive. It stays inside
        the bracket that the signs seen so far leave. It ends at a step under
        `LMBDA_TOL`, or at a step down that promises less than `LOSS_RTOL` of
        the loss: small lambda is a plateau, and its upper end regularises
        most. A step up is always taken: a basin may lie beyond the plateau.
        Where it would end, a kink in the bracket is looked at.
        """
        seen, ends, start = set(), {}, here
        for _ in range(30):
            grad, curvature = here.grad_lmbda, self.secant_slope
            ends[grad < 0] = here
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
                kink = kink_between(ends)
                if kink is None:
                    break
                lmbda, step = kink, kink - here.lmbda
            seen.add(here.lmbda)
            try:
                there = self.evaluate(here.x_p, lmbda)
            except SingularHessian:  # no answer: nor is one beyond it
                break
            self.secant_slope = (there.grad_lmbda - grad) / step
            here = there
        for end in ends.values():
            if end is not start and end.loss < (1 - LOSS_RTOL) * here.loss:
                here = end
        return here
