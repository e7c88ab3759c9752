"""The outer loop of the minimax bilevel problem.

    min_lmbda max_{X_p} A(D_val, w*)   s.t.  w* = argmin_w L(D_tr u D_p, lmbda)
"""
import math
from dataclasses import dataclass

import torch

from .projection import check_box, project
from .defender import Game
from .solvers.training import Inner, check
from .coordinates.margins import fold
from .problem import side_by_side


@dataclass(frozen=True)
class Solution:
    """What `solve` returns: the best iterate, and how it came about.

    Attributes
    ----------
    x_p : Tensor, shape (p, d)
        Poisoning points.
    lmbda : float
        The defender's answer to them.
    value : float
        Attacker's loss there.
    w, b : Tensor, shapes (d,) and ()
        The poisoned model.
    f_seq, lmbda_seq : tuple of float
        Attacker's loss and lambda at every outer iterate, the start first.
    n_trainings, n_evaluations : int
        Models trained, and hypergradients computed, which train one each.
    converged : bool
        Stopped by `tol` and `patience` rather than by `n_outer`.
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


@side_by_side(list)
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
    The first and the last answer are searched over the whole interval; if
    the last is elsewhere, the points ascend on from there, and each answer
    is. A batch of problems gives a list of solutions; box and settings are
    shared.

    Parameters
    ----------
    problem : Problem
        Fixed training rows and validation set.
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
        Interval of the learned lambda.
    n_outer : int
        Moves at most.
    step : float or None
        First step length, in units of `x_p`. None: 0.4 times the root mean
        square distance of the fixed rows from their mean.
    tol, patience : float, int
        Stop after `patience` moves in a row that gain less than ``tol |A|``.
    callback : callable or None
        Called with each `Iterate`, the start first.
    method, n_inner, eta, momentum, **inner : str, int, float, ...
        How the classifier is trained and differentiated, see `Inner`.

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
    game = Game(problem, y_p, lmbda_bounds if learn_lmbda else None, inner,
                callback)
    upward = 1. if problem.y_target is None else -1.

    best = first = game.respond(x_0, lmbda, scan=True)
    stalled, first_step, left = 0, step, False
    for _ in range(n_outer if len(x_p) else 0):
        length = torch.linalg.vector_norm(best.grad_x_p, dim=1, keepdim=True)
        ascent = upward * best.grad_x_p / length.clamp_min(
            torch.finfo(length.dtype).tiny)
        here = game.respond(
            project(best.x_p + step * ascent, x_0, lb, ub, dmax, distance),
            game.lmbda_seq[-1], scan=left)
        gain = upward * (here.value - best.value)
        stalled = stalled + 1 if gain < tol * abs(best.value) else 0
        best, step = (here, 1.2 * step) if gain > 0 else (best, step / 2)
        if stalled == patience:
            answered = best if left else game.settle(best)
            if answered is best:
                break
            # it climbed in a valley of lambda that the defender has left
            best, stalled, step, left = answered, 0, first_step, True
    else:
        best = game.settle(best)
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
