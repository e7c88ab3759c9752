"""All points together by a quasi-Newton method in the box, lambda fixed.

L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995), SciPy's. It needs a smooth objective,
and so a fixed lambda: where the defender answers, ``A`` has kinks.
"""
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from .defender import Defender, Iterate
from .projection import FeasibleSet


def maximise(defender: Defender, feasible: FeasibleSet, lmbda: float,
             upward: float, n_outer: int, first_step: float, tol: float,
             patience: int) -> tuple[Iterate, bool]:
    """The best iterate, and whether the search converged.

    SciPy takes the whole gradient as its first step where all variables have
    bounds: the objective is scaled so that the longest row of that step is
    half of `first_step`. The search stops after `patience` iterations in a
    row that gain less than ``tol |A|``, or after `n_outer` iterations.
    """
    best = defender.best_response(feasible.x_0, lmbda)
    longest = float(torch.linalg.vector_norm(best.grad_x_p, dim=1).max())
    scale = upward * .5 * first_step / (longest or 1.)
    stalled, last_value = 0, best.value

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        x_p = torch.as_tensor(z.reshape(feasible.x_0.shape)).to(feasible.x_0)
        here = defender.best_response(x_p.clone(), lmbda)
        if upward * here.value > upward * best.value:
            best = here
        return -scale * here.value, -scale * _flat(here.grad_x_p)

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal stalled, last_value
        gain = upward * (best.value - last_value)
        stalled = stalled + 1 if gain < tol * abs(best.value) else 0
        last_value = best.value
        if stalled == patience:
            raise StopIteration

    found = minimize(
        objective, _flat(feasible.x_0), jac=True, method='L-BFGS-B',
        bounds=np.stack([_flat(bound.expand_as(feasible.x_0))
                         for bound in (feasible.lb, feasible.ub)], 1),
        callback=after_iteration,
        options={'maxiter': n_outer, 'ftol': 0., 'gtol': 0.})
    return best, found.status != 1  # 1: `n_outer`


def _flat(x: Tensor) -> np.ndarray:
    return x.detach().cpu().double().numpy().ravel()
