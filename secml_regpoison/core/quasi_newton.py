"""All points together by a quasi-Newton method in the box, lambda fixed.

L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995), SciPy's. It needs a smooth objective,
and so a fixed lambda: where the defender answers, ``A`` has kinks.
"""
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from .defender import Defender
from .feasible import FeasibleSet
from .iterates import Iterate
from .steps import OuterSteps, column_scale


def maximise(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
             lmbda: float, steps: OuterSteps) -> tuple[Iterate, bool]:
    """The best iterate, and whether the search converged.

    SciPy takes the whole gradient as its first step where all variables have
    bounds: the objective is scaled so that the longest row of that step is
    half of `step`, or of half the usual one: what a shorter one gains can be
    below rounding. The variables are the points in units of
    `.steps.column_scale`. The search stops after `patience` iterations in a
    row that gain too little, or after `n_outer` iterations.
    """
    problem = defender.model.problem
    units = torch.as_tensor(column_scale(problem, x_p, feasible),
                            device=x_p.device).to(x_p)
    best = last = defender.best_response(x_p, lmbda)
    longest = float(torch.linalg.vector_norm(
        units * best.grad_x_p, dim=1).max())
    scale = problem.upward * .5 * max(
        steps.first_step, steps.default_step / 2) / (
        longest or 1.)
    stalled = 0

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        moved = units * torch.from_numpy(z.reshape(x_p.shape)).to(x_p)
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
