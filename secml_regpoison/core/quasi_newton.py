"""All points together by a quasi-Newton method in the box, lambda fixed.

L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995), SciPy's. It needs a smooth objective,
and so a fixed lambda: where the defender answers, ``A`` has kinks.
"""
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from .checks import is_sparse
from .defender import Defender, Iterate
from .feasible import FeasibleSet


@dataclass(frozen=True)
class OuterSteps:
    """How the points move: the arguments of `.solve` with these names, and
    the `default_step`, or 0."""

    n_outer: int
    step: float
    min_step: float = 0.
    max_step: float = math.inf
    tol: float = 1e-4
    atol: float = 0.
    patience: int = 5
    usual: float = 0.

    def is_stalled(self, gain: float, value: float) -> bool:
        """Whether a step to a loss gains too little to count."""
        return gain <= max(self.atol, self.tol * abs(value))

    def after(self, step: float, gain: float, is_short: bool) -> float:
        """The next step, after one with this gain."""
        if gain <= 0:
            return max(step / 2, self.min_step)
        return min((2. if is_short else 1.2) * step, self.max_step)


def default_step(x_tr: Tensor, camouflage: float = 0.) -> float:
    """First step of a point: 0.4 times the root mean square distance of the
    rows (n, d) from their mean, with camouflage 0.1; 1 if all are equal."""
    if is_sparse(x_tr):
        mean = torch.full_like(x_tr.values()[:1], 1 / len(x_tr)).expand(
            len(x_tr)) @ x_tr
        square = x_tr.values().square().sum() / len(x_tr) - mean @ mean
    else:
        square = (x_tr - x_tr.mean(0)).square().sum(1).mean()
    share = .1 if camouflage else .4
    return share * float(square.clamp_min(0.).sqrt()) or 1.


def maximise(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
             lmbda: float, steps: OuterSteps) -> tuple[Iterate, bool]:
    """The best iterate, and whether the search converged.

    SciPy takes the whole gradient as its first step where all variables have
    bounds: the objective is scaled so that the longest row of that step is
    half of `step`. The variables are the points in units of
    `Problem.column_scale`. The search stops after `patience` iterations in a
    row that gain too little, or after `n_outer` iterations.
    """
    problem = defender.model.problem
    units = torch.as_tensor(problem.column_scale(x_p)).to(x_p)
    best = last = defender.best_response(x_p, lmbda)
    longest = float(torch.linalg.vector_norm(
        units * best.grad_x_p, dim=1).max())
    scale, stalled = problem.upward * .5 * steps.step / (longest or 1.), 0

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        moved = units * torch.as_tensor(z.reshape(x_p.shape)).to(x_p)
        # a bound, divided by its unit and multiplied again, can be exceeded
        here = defender.best_response(
            moved.clamp(feasible.lb, feasible.ub), lmbda)
        if defender.gain(here, best) > 0:
            best = here
        return -scale * here.value, -scale * _flat(units * here.grad_x_p)

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal stalled, last
        gain = defender.gain(best, last)
        stalled = stalled + 1 if steps.is_stalled(gain, best.value) else 0
        last = best
        if stalled == steps.patience:
            raise StopIteration

    found = minimize(
        objective, _flat(x_p / units), jac=True, method='L-BFGS-B',
        bounds=np.stack([_flat(bound.expand_as(x_p) / units)
                         for bound in (feasible.lb, feasible.ub)], 1),
        callback=after_iteration,
        options={'maxiter': steps.n_outer, 'ftol': 0., 'gtol': 0.})
    # 1: `n_outer`; there is none where the box leaves nothing to move
    return best, found.get('status') != 1


def _flat(x: Tensor) -> np.ndarray:
    return x.detach().cpu().double().numpy().ravel()
