"""The outer loop of the minimax bilevel problem.

    min_lmbda max_{X_p} A(D_val, w*)   s.t.  w* = argmin_w L(D_tr u D_p, lmbda)
"""
import math
from dataclasses import dataclass

import torch

from .box import check_box, project
from .hypergrad import differentiate, train
from .inner import Inner, Trained, check
from .logistic import fold, softplus_mean

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


@dataclass(frozen=True)
class Solution:
    """What `solve` returns: the best iterate, and how it came about.

    x_p : (p, d) poisoning points. lmbda : the defender's answer to them.
    value : attacker's loss there. w, b : the poisoned model, (d,) and 0-d.
    f_seq, lmbda_seq : attacker's loss and lambda at every outer iterate, the
    start first. n_trainings, n_evaluations : models trained, and
    hypergradients computed, which train one each. converged : stopped
    by `tol` and `patience` rather than by `n_outer`.
    """

    x_p: torch.Tensor
    lmbda: float
    value: float
    w: torch.Tensor
    b: torch.Tensor
    f_seq: tuple
    lmbda_seq: tuple
    n_trainings: int
    n_evaluations: int
    converged: bool


class _Game:
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
        learn = self.bounds is not None
        if learn and scan:
            lmbda = self.scan(x_p, lmbda)
        here = best = self.evaluate(x_p, lmbda)
        if learn:
            here = self._descend(here)
            if scan and here.loss > best.loss:  # it climbed, to nothing
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


def solve(problem, x_p, y_p, lmbda, lb=None, ub=None, dmax=None,
          distance='l2', learn_lmbda=True, lmbda_bounds=(-8., 11.5),
          n_outer=40, step=None, tol=1e-4, patience=5, callback=None,
          method='rmd', n_inner=150, eta=None, momentum=.9, **inner):
    """Minimax poisoning: the points ascend, lambda descends.

        lmbda <- Proj[lmbda - alpha_lmbda grad_lmbda A]     to its best answer
        X_p   <- Proj[X_p + step grad A / ||grad A||]       row by row

    The defender answers every move of the attacker, so that along the
    iterates ``A`` is ``min_lmbda A(X_p, lmbda)`` and its derivative by the
    points is the partial one (Danskin). A move that does not raise it is
    taken back and the step halved; one that does lengthens it by a fifth.
    The first and the last answer are searched over the whole interval.

    Parameters
    ----------
    problem : Problem
    x_p, y_p : Tensor, shapes (p, d) and (p,)
        Where the poisoning points start, and their labels. p may be 0: then
        only lambda is learned. Starts outside the box are clipped to it.
    lmbda : float
        Where lambda starts; clipped to its bounds if it is learned.
    lb, ub : float, Tensor or None
        Box of the points, broadcast against (p, d); None is unbounded.
    dmax, distance : float or None, 'l2' or 'l1'
        Each point stays this near its start, as well as in the box.
    learn_lmbda : bool
        False keeps `lmbda` as given (Xiao et al. 2015).
    lmbda_bounds : (float, float)
    n_outer : int
        Moves at most.
    step : float or None
        First step length, in units of `x_p`. None: 0.4 times the root mean
        square distance of the fixed rows from their mean.
    tol, patience : float, int
        Stop after `patience` moves in a row that gain less than ``tol |A|``.
    callback : callable or None
        Called with each `Iterate`, the start first.
    method, n_inner, eta, momentum, **inner
        See `Inner`.

    Returns
    -------
    Solution

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the argument.
    FloatingPointError
        If training diverged; the message names the step size.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, eqs. 1-2 and Algorithm 1.
    """
    inner = Inner(method, n_inner, eta, momentum, **inner)
    problem.check_points(x_p, y_p)
    lb, ub = check_box(x_p, lb, ub)
    lmbda = _check_play(float(lmbda), lmbda_bounds, learn_lmbda, n_outer,
                        step, dmax, distance)
    if step is None:
        centred = problem.x_tr - problem.x_tr.mean(0)
        step = .4 * float(centred.pow(2).sum(1).mean().sqrt())
    x_0 = torch.clamp(x_p, lb, ub)
    inner.warn_if_unstable(problem, fold(problem.features(x_0)[0], y_p),
                           lmbda)
    game = _Game(problem, y_p, lmbda_bounds if learn_lmbda else None, inner,
                 callback)
    upward = 1. if problem.y_target is None else -1.

    best = first = game.respond(x_0, lmbda, scan=True)
    stalled = 0
    for _ in range(n_outer if len(x_p) else 0):
        length = torch.linalg.vector_norm(best.grad_x_p, dim=1, keepdim=True)
        ascent = upward * best.grad_x_p / length.clamp_min(
            torch.finfo(length.dtype).tiny)
        here = game.respond(
            project(best.x_p + step * ascent, x_0, lb, ub, dmax, distance),
            game.lmbda_seq[-1])
        gain = upward * (here.value - best.value)
        stalled = stalled + 1 if gain < tol * abs(best.value) else 0
        best, step = (here, 1.2 * step) if gain > 0 else (best, step / 2)
        if stalled == patience:
            break
    if learn_lmbda and game.scan(best.x_p, best.lmbda) != best.lmbda:
        best = game.respond(best.x_p, best.lmbda, scan=True)
        if upward * best.value < upward * first.value:
            best = first
    return Solution(best.x_p, best.lmbda, best.value, best.model.w,
                    best.model.b, tuple(game.f_seq), tuple(game.lmbda_seq),
                    game.n_trainings, game.n_evaluations,
                    stalled == patience)


def _check_play(lmbda, lmbda_bounds, learn_lmbda, n_outer, step, dmax,
                distance):
    """Raise on a setting of `solve` that makes no sense; the first lambda."""
    low, high = lmbda_bounds
    check('lmbda', lmbda, math.isfinite(lmbda), 'finite')
    check('lmbda_bounds', lmbda_bounds,
          -math.inf < low <= high < math.inf, 'finite and in order')
    check('n_outer', n_outer, isinstance(n_outer, int) and n_outer >= 0,
          'an integer of at least 0')
    check('step', step, step is None or 0. < step < math.inf,
          'None or positive and finite')
    check('dmax', dmax, dmax is None or dmax >= 0., 'None or at least 0')
    check('distance', distance, distance in ('l1', 'l2'), "'l1' or 'l2'")
    return float(max(low, min(high, lmbda))) if learn_lmbda else lmbda
