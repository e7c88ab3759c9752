"""Points that have no say are put where one has, and the search goes on.

Past the margin of a squared hinge a row has no loss, and with a small lambda
far out none of a logistic loss that a float can hold. A point that a step of
`.quasi_newton` has thrown there has a derivative of 0, and no further step
would take it back.
"""
from typing import Optional

import torch
from torch import Tensor

from .defender import Defender, Iterate
from .feasible import FeasibleSet
from .quasi_newton import OuterSteps, maximise

# Searches that go on at most: after the first there is hardly such a point.
MAX_REVIVALS = 3


def maximise_alive(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
                   lmbda: float, upward: float, steps: OuterSteps,
                   y_p: Tensor) -> tuple[Iterate, bool]:
    """As `maximise`, continued while points without a derivative are left and
    moving them gains."""
    best, converged = maximise(defender, feasible, x_p, lmbda, upward, steps)
    for _ in range(MAX_REVIVALS):
        revived = revive(best, y_p, feasible)
        if revived is None:
            break
        here, here_converged = maximise(defender, feasible, revived, lmbda,
                                        upward, steps)
        if defender.gain(here, best) <= 0:
            break
        best, converged = here, here_converged
    return best, converged


def revive(here: Iterate, y_p: Tensor,
           feasible: FeasibleSet) -> Optional[Tensor]:
    """The points, those without a derivative where the point of their label
    with the largest is; None if there are none, or none that could move."""
    sizes = torch.linalg.vector_norm(here.grad_x_p, dim=1)
    x_p = here.x_p.clone()
    for label in y_p[sizes == 0].unique():
        of_label = torch.where(y_p == label, sizes, -1.)
        size, place = of_label.max(0)
        if size > 0:
            x_p[of_label == 0] = here.x_p[place]
    x_p = feasible.project(x_p)
    return None if torch.equal(x_p, here.x_p) else x_p
