"""How the points move: the steps of the ascent, and when they end."""
import math
from dataclasses import dataclass
from typing import Optional, Union

import torch
from torch import Tensor

from .camouflage import unit_rows
from .checks import (
    check, check_flags, check_number, check_type, is_integer, is_sparse)
from .feasible import NO_BOUND, FeasibleSet, units_of
from .iterates import Iterate
from .linalg import spread_of
from .problem import Problem
from .single_moves import SingleMoves

# Share of the loss above which a gain is more than a tolerance.
NOTABLE = .01
# Share of a step that moves a point next to nowhere.
SHORTEST = 1e-9


@dataclass(frozen=True)
class OuterSteps:
    """How the points move: the arguments of `.solve` with these names, and
    the `default_step`, or 0. It raises on settings that make no sense."""

    n_outer: int
    step: Optional[float]
    min_step: float = 0.
    max_step: float = math.inf
    tol: float = 1e-4
    atol: float = 0.
    patience: int = 5
    quasi_newton: bool = False
    try_vertices: bool = False
    moves: SingleMoves = SingleMoves()
    default_step: float = 0.

    def __post_init__(self) -> None:
        for name, least in (('n_outer', 0), ('patience', 1)):
            value = getattr(self, name)
            check(name, value, is_integer(value, least),
                  f'an integer of at least {least} and below 2**31')
        check_number('step', self.step, lambda value: 0. < value < math.inf,
                     'None or positive and finite', or_none=True)
        check_number('max_step', self.max_step, lambda value: value > 0.,
                     'positive')
        check_number('min_step', self.min_step,
                     lambda value: 0. <= value <= self.max_step,
                     f'from 0 to `max_step` = {self.max_step:g}')
        for name in ('tol', 'atol'):
            check_number(name, getattr(self, name),
                         lambda value: 0. <= value < math.inf,
                         'at least 0 and finite')
        check_flags(quasi_newton=self.quasi_newton,
                    try_vertices=self.try_vertices)
        check_type('moves', self.moves, SingleMoves)

    @property
    def first_step(self) -> float:
        """Length of the first step."""
        return min(max(self.step or self.default_step, self.min_step),
                   self.max_step)

    def is_stalled(self, gain: float, value: float) -> bool:
        """Whether a step to a loss gains too little to count."""
        return gain <= max(self.atol, self.tol * abs(value))

    def after(self, step: float, gain: float, is_short: bool) -> float:
        """The next step, after one with this gain."""
        if gain <= 0 and not is_short:
            return max(step / 2, self.min_step)
        return min((2. if is_short else 1.2) * step, self.max_step)


def default_step(problem: Problem, camouflage: float = 0.) -> float:
    """First step of a point: 0.4 times the `spread` of the problem, with
    camouflage 0.1; 1 if all rows are equal."""
    spread = spread_of(problem.x_tr) if problem.spread is None \
        else problem.spread
    return (.1 if camouflage else .4) * spread or 1.


def column_scale(problem: Problem, x_p: Tensor,
                 feasible: FeasibleSet) -> Union[float, Tensor]:
    """Units of the columns in which points (p, d) ascend: those of the
    preprocess, see `.Problem.column_scale`, else the widths of the box, where
    it is open the ranges of the fixed rows."""
    scale = problem.column_scale(x_p)
    if isinstance(scale, Tensor):
        return scale
    is_open = feasible.widths >= NO_BOUND
    if not is_open.any() or problem.transform is not None \
            or is_sparse(problem.x_tr):
        return feasible.column_scale
    ranges = problem.moments.greatest - problem.moments.least
    return units_of(torch.where(is_open, ranges, feasible.widths))


def ascend(problem: Problem, here: Iterate, step: float,
           feasible: FeasibleSet) -> Tensor:
    """``Proj[X_p + step s g / ||g||]`` with ``g = s grad A``, row by row: the
    gradient with respect to ``X_p / s``, ``s`` by `column_scale`. With a
    `y_target` the points descend."""
    scale = column_scale(problem, here.x_p, feasible)
    direction = scale * unit_rows(scale * here.grad_x_p)
    return feasible.project(here.x_p + feasible.step_of(
        here.x_p, problem.upward * step, direction) * direction)


def promises(problem: Problem, here: Iterate, feasible: FeasibleSet,
             step: float) -> bool:
    """Whether a step of this length promises a `NOTABLE` gain."""
    move = ascend(problem, here, step, feasible) - here.x_p
    promised = problem.upward * (here.grad_x_p * move).sum()
    return float(promised) > NOTABLE * abs(here.value)


def have_wrong_length(problem: Problem, here: Iterate, feasible: FeasibleSet,
                      steps: OuterSteps, step: float,
                      tried: Optional[Tensor]) -> bool:
    """Whether steps that gain too little are too short, held by `max_step`,
    or too long, where all have failed from the start. Then `tried`, (p, d), is
    where the last one led, else None: of whole numbers the shortest step may
    lead there."""
    if step == steps.max_step and promises(problem, here, feasible,
                                           steps.default_step):
        return True
    return tried is not None and promises(problem, here, feasible, step) \
        and not torch.equal(tried, ascend(problem, here, SHORTEST * step,
                                          feasible))
