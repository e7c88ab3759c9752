"""Points without a derivative are moved to one that has, and the search goes
on.

Past the margin the squared hinge of a row is 0, and with a small lambda its
logistic loss next to nothing. A point that a step of `.quasi_newton` has moved
there has a derivative of 0, so that no further step moves it back.
"""
from typing import Optional

import torch
from torch import Tensor

from .defender import Defender
from .feasible import FeasibleSet
from .iterates import Iterate
from .quasi_newton import maximise
from .steps import OuterSteps

# Derivatives that count as none, beside the largest: with a margin of 50 that
# of a logistic loss is 1e-22.
DEAD = 1e-6
# Further searches at most; after the first, such a point is rare.
MAX_REVIVALS = 3


def maximise_alive(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
                   lmbda: float, steps: OuterSteps,
                   y_p: Tensor) -> tuple[Iterate, bool]:
    """As `maximise`, continued while points without a derivative are left and
    moving them gains."""
    best, converged = maximise(defender, feasible, x_p, lmbda, steps)
    for _ in range(MAX_REVIVALS):
        revived = revive(best, y_p, feasible)
        if revived is None:
            break
        here, here_converged = maximise(defender, feasible, revived, lmbda,
                                        steps)
        if defender.gain(here, best) <= 0:
            break
        best, converged = here, here_converged
    return best, converged


def revive(here: Iterate, y_p: Tensor,
           feasible: FeasibleSet) -> Optional[Tensor]:
    """The points, those without a derivative moved to the point of their label
    with the largest; None if no point moves."""
    sizes = torch.linalg.vector_norm(here.grad_x_p, dim=1)
    is_dead = sizes <= DEAD * sizes.max()
    x_p = here.x_p.clone()
    for label in y_p[is_dead].unique():
        of_label = y_p == label
        place = torch.where(of_label, sizes, -1.).argmax()
        if not is_dead[place]:
            x_p[is_dead & of_label] = here.x_p[place]
    x_p = feasible.project(x_p)
    return None if torch.equal(x_p, here.x_p) else x_p
