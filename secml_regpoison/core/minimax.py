"""The outer loop of the minimax bilevel problem.

    min_lmbda max_{X_p} A(D_val, w*)   s.t.  w* = argmin_w L(D_tr u D_p, lmbda)
"""
import math
from dataclasses import replace
from typing import Any, Callable, Optional

from torch import Tensor

from .camouflage import check_camouflage
from .checks import (
    check, check_ball, check_flags, check_lmbda, check_lmbda_bounds,
    check_set_of, check_type)
from .defender import LMBDA_BOUNDS, Defender
from .feasible import Bound, FeasibleSet, check_box
from .hypergradient import make_model
from .iterates import Iterate, Solution
from .linear_model import LinearModel
from .model import Model
from .problem import Problem
from .revival import maximise_alive
from .second_search import search_again
from .single_moves import SingleMoves
from .steps import (
    NOTABLE, OuterSteps, ascend, default_step, have_wrong_length, promises)
from .threads import one_blas_thread
from .vertices import best_vertex


@one_blas_thread
def solve(problem: Problem, x_p: Tensor, y_p: Tensor, lmbda: float,
          lb: Bound = None, ub: Bound = None, dmax: Optional[float] = None,
          distance: str = 'l2', learn_lmbda: bool = True,
          lmbda_bounds: tuple[float, float] = LMBDA_BOUNDS, n_outer: int = 60,
          step: Optional[float] = None, min_step: float = 0.,
          max_step: float = math.inf, tol: float = 1e-4, atol: float = 0.,
          patience: int = 5,
          feasible: Optional[FeasibleSet] = None, quasi_newton: bool = False,
          try_vertices: bool = False, camouflage: float = 0.,
          callback: Optional[Callable[[Iterate], None]] = None,
          method: str = 'rmd', n_inner: int = 150, eta: Optional[float] = None,
          momentum: float = .9, model: Callable[..., Model] = LinearModel,
          moves: SingleMoves = SingleMoves(), **training: Any) -> Solution:
    """Minimax poisoning: the points ascend, lambda descends.

        X_p   <- Proj[X_p + step grad A / ||grad A||]       row by row
        lmbda <- Proj[lmbda - alpha_lmbda grad_lmbda A]     to its best answer

    The defender answers every step of the attacker, so that along the
    iterates ``A`` is ``min_lmbda A(X_p, lmbda)`` and its derivative with
    respect to the points is the partial one (Danskin). A step that does not
    raise it is rejected and the step size halved; one that does lengthens it
    by a fifth, a short first one to twice. The ascent is in units of the
    columns, see `.steps.column_scale`. The first and the last answer are
    searched over the whole interval. If the last is elsewhere, the points
    ascend on from there, and each further answer is searched so.

    Parameters
    ----------
    problem : Problem
        Fixed training rows and validation set.
    x_p, y_p : Tensor, shapes (p, d) and (p,)
        Where the poisoning points start, and their labels. p may be 0: then
        only lambda is learned. Starts outside the set are projected on it.
    lmbda : float
        Where lambda starts; clipped to its bounds if it is learned.
    lb, ub : float, Tensor or None
        Box of the points, broadcast against (p, d); None is unbounded.
    dmax, distance : float or None, 'l2' or 'l1'
        Each point stays this near its start, as well as in the box.
    learn_lmbda : bool
        False keeps `lmbda` as given (Xiao et al. 2015).
    lmbda_bounds : (float, float)
        Interval of the learned lambda.
    n_outer : int
        Steps of the points at most; as many again for each `.revival`, after
        a vertex, and of a second search.
    step : float or None
        First step length, in units of `x_p`; None: see `.steps.default_step`.
    min_step, max_step : float
        Least and greatest step length. Stop where a step of the least gains
        nothing. Not for `quasi_newton`.
    tol, atol, patience : float, float, int
        Stop after `patience` steps in a row that gain less than ``tol |A|``,
        or less than `atol`.
    feasible : FeasibleSet or None
        The points stay in it; it takes the place of `lb`, `ub`, `dmax` and
        `distance`.
    quasi_newton : bool
        With a fixed lambda and a box alone: the points move by L-BFGS-B, see
        `.quasi_newton` and `.revival`.
    try_vertices : bool
        Where a vertex of the set does more harm than the search found, it
        goes on from there, see `.vertices`; not with `camouflage`. With a
        fixed lambda and few features a second search follows, see
        `.second_search`.
    camouflage : float
        From 0 to 1: how much an attacker with rows of its own keeps the
        defender's loss low, see `.camouflaged`. Above 0 each answer
        is searched over the whole interval.
    callback : callable or None
        Called with each `.Iterate`, the start first.
    method, n_inner, eta, momentum : str, int, float or None, float
        How the classifier is trained and differentiated, see
        `.solvers.Training`.
    model : callable
        ``(problem, y_p, training)`` to the model, by default logistic
        regression whose bias is not penalised; see `.LinearModel`.
    moves : SingleMoves
        They come last, of points that hold whole numbers, or one of some
        values.
    **training
        The other settings of `.solvers.Training`.

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
    given = x_p
    attacked, problem, x_p, y_p = make_model(
        problem, x_p, y_p, model, method=method, n_inner=n_inner, eta=eta,
        momentum=momentum, **training)
    lmbda, bounds = _start_of_lmbda(
        check_lmbda(lmbda, x_p.dtype),
        check_lmbda_bounds(lmbda_bounds, x_p.dtype), learn_lmbda)
    steps = OuterSteps(n_outer, step, min_step, max_step, tol, atol, patience,
                       quasi_newton, try_vertices, moves)
    check_type('callback', callback, (Callable, type(None)))
    feasible = _feasible_set(feasible, given, x_p, lb, ub, dmax, distance)
    x_p = feasible.project_start(x_p)
    check('quasi_newton', quasi_newton,
          not quasi_newton or bounds is None and feasible.is_box,
          'False where lambda is learned or the set is not a box')
    check_camouflage(camouflage, not quasi_newton and not problem.is_zero_sum)
    attacked.check(x_p, lmbda)
    defender = attacked.defender(attacked, bounds, callback, camouflage)
    steps = replace(steps, n_outer=n_outer if len(x_p) else 0,
                    default_step=default_step(problem, camouflage))
    best, converged = _search(defender, feasible, x_p, y_p, lmbda, steps)
    return Solution(
        best.x_p.to(given), best.lmbda, best.value,
        best.trained.w.to(given), best.trained.b.to(given),
        tuple(defender.f_seq), tuple(defender.lmbda_seq),
        defender.n_trainings, defender.n_evaluations, converged, best.log_s)


def _start_of_lmbda(lmbda: float, lmbda_bounds: tuple[float, float],
                    learn_lmbda: bool
                    ) -> tuple[float, Optional[tuple[float, float]]]:
    """Where lambda starts, and its interval; None: it stays."""
    check_flags(learn_lmbda=learn_lmbda)
    if not learn_lmbda:
        return lmbda, None
    low, high = lmbda_bounds
    return float(max(low, min(high, lmbda))), lmbda_bounds


def _feasible_set(feasible: Optional[FeasibleSet], given: Tensor, x_p: Tensor,
                  lb: Bound, ub: Bound, dmax: Optional[float],
                  distance: str) -> FeasibleSet:
    """`feasible`, or the set of the other arguments; in the dtype of `x_p`."""
    check_ball(dmax, distance)
    check_type('feasible', feasible, (FeasibleSet, type(None)))
    if feasible is not None:
        check_set_of(given, feasible.x_0)
        return feasible.to(x_p.dtype)
    low, high = check_box(x_p, lb, ub)
    return FeasibleSet(x_p.clamp(low, high), low, high, dmax, distance)


def _search(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
            y_p: Tensor, lmbda: float, steps: OuterSteps
            ) -> tuple[Iterate, bool]:
    """The best iterate, and whether the search for it converged."""
    def search(x_p: Tensor, lmbda: float,
               n_outer: int = steps.n_outer) -> tuple[Iterate, bool]:
        start = defender, feasible, x_p, lmbda, replace(steps, n_outer=n_outer)
        return maximise_alive(*start, y_p) if steps.quasi_newton and n_outer \
            else _outer_loop(*start)

    def search_and_try_vertices(x_p: Tensor) -> tuple[Iterate, bool]:
        best, converged = search(x_p, lmbda)
        vertex = best_vertex(defender, feasible, x_p, y_p, best)
        return (best, converged) if vertex is None \
            else search(vertex.x_p, vertex.lmbda)

    if not (steps.try_vertices and steps.n_outer):
        best, converged = search(x_p, lmbda)
    else:
        found = search_and_try_vertices(x_p)
        best, converged = search_again(
            defender, feasible, x_p, y_p, found[0], lambda x_p, n_steps:
            search(x_p, lmbda, min(n_steps, steps.n_outer))[0],
            search_and_try_vertices) or found
    return steps.moves.search(defender, feasible, y_p, best), converged


def _outer_loop(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
                lmbda: float, steps: OuterSteps) -> tuple[Iterate, bool]:
    """The loop of eq. (2): the best iterate, and whether it converged."""
    problem = defender.model.problem
    start = best = defender.best_response(x_p, lmbda, True)
    step, stalled, converged = steps.first_step, 0, False
    everywhere, is_short = defender.searches_everywhere, True
    for _ in range(steps.n_outer):
        x_p = ascend(problem, best, step, feasible)
        here = defender.best_response(x_p, defender.lmbda_seq[-1], everywhere)
        gain = defender.gain(here, best)
        # a short step may gain less than the tolerance of an answer
        is_short = is_short and gain > -NOTABLE * abs(best.value) \
            and step < min(steps.default_step / 2, steps.max_step)
        stalled = stalled + 1 if not is_short and steps.is_stalled(
            gain, best.value) else 0
        is_least = not is_short and gain <= 0 and step <= steps.min_step
        best = here if gain > 0 else best
        step = steps.after(step, gain, is_short)
        if stalled == steps.patience and have_wrong_length(
                problem, best, feasible, steps, step,
                x_p if best is start and not is_least else None):
            stalled = 0
        if stalled == steps.patience or is_least:
            response = best if defender.searches_everywhere \
                else defender.global_best_response(best)
            if response is best:
                converged = not is_least or not promises(
                    problem, best, feasible, steps.min_step / 8)
                break
            # the points ascended at a lambda that is no longer the best
            # response: go on from the new one
            best, step, stalled = response, steps.first_step, 0
            everywhere = is_short = True
    else:
        if steps.n_outer:  # else the first response has just been searched for
            best = defender.global_best_response(best)
    if defender.gain(best, start) < 0:
        best = start
    return best, converged
