"""A second search from another start, for a fixed lambda and few features.

The loss then has many local maxima, and a search that starts at random rows
may end far below the worst: where the classes are nearly separable, most harm
is done by points that stand just inside the other class.
"""
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Callable, Iterator, Optional

import torch
from torch import Tensor

from .checks import is_sparse
from .defender import Defender
from .feasible import FeasibleSet
from .iterates import Iterate
from .problem import Problem

# With more features other starts find more loss, but no more errors.
MAX_FEATURES = 50
# Rows next to the boundary that are tried for each label, the places that are
# kept of them, and places of random rows.
N_ROWS, N_KEPT, N_RANDOM = 15, 4, 3
# Steps from each place; the search goes on where they lead furthest.
FIRST_STEPS = 8


def search_again(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
                 y_p: Tensor, best: Iterate,
                 first_steps: Callable[[Tensor, int], Iterate],
                 search: Callable[[Tensor], tuple[Iterate, bool]]
                 ) -> Optional[tuple[Iterate, bool]]:
    """What `search` returns from another start; None if `best`, where the
    search from `x_p` (p, d) ended, does more harm: by the loss, of an attacker
    with rows of its own by the errors. Then the path has no iterates of it.

    The start is where `first_steps`, a search of so many steps, lead furthest
    from some places:

    - all points of a label stand at one row of another class, of those that
      the classifier of `x_p` is least sure of. The labels are moved in turn,
      those before at their most harmful row; the most harmful places are kept;
    - or each point stands at a random row of another class.

    All of them are projected on the feasible set.

    None, too, where lambda is learned, with more than `MAX_FEATURES` features,
    where all rows have the label of a point, where the rows are sparse or not
    in the space of the points, and in a ball with a filter, on which a
    projection is slow.
    """
    problem = defender.model.problem
    if defender.bounds is not None or x_p.shape[1] > MAX_FEATURES \
            or problem.transform is not None or is_sparse(problem.x_tr) \
            or is_sparse(problem.x_val) \
            or any(bool((problem.y_tr == label).all()
                        and (problem.y_val == label).all())
                   for label in y_p.unique()) \
            or feasible.dmax is not None and feasible.filter is not None:
        return None
    found = None
    # the error: nothing can be trained there
    with _beside_the_path(defender) as iterates, suppress(FloatingPointError):
        begun = _by_harm(defender, lambda x_p: first_steps(x_p, FIRST_STEPS),
                         _places(defender, feasible, x_p, y_p, best.lmbda))
        iterates.clear()
        found = search(begun[0].x_p) if begun else None
    if found is None or _lead(defender.model.problem, found[0], best) <= 0:
        return None
    for here in iterates:
        defender.record(here)
    return found


def _lead(problem: Problem, here: Iterate, other: Iterate) -> float:
    """How much more harm is done: loss, or errors on the attacker's own rows
    if there is a difference. A loss may be that of a few rows."""
    errors = 0. if problem.is_zero_sum else here.error - other.error
    return problem.upward * (errors or here.value - other.value)


@contextmanager
def _beside_the_path(defender: Defender) -> Iterator[list[Iterate]]:
    """Iterates recorded in the block go, without their models, to a list."""
    iterates: list[Iterate] = []
    path = defender.f_seq, defender.lmbda_seq, defender.callback
    defender.f_seq, defender.lmbda_seq = [], []
    defender.callback = lambda here: iterates.append(_without_model(here))
    try:
        yield iterates
    finally:
        defender.f_seq, defender.lmbda_seq, defender.callback = path


def _without_model(here: Iterate) -> Iterate:
    return replace(here, trained=None, gradients=None)  # type: ignore


def _by_harm(defender: Defender, make: Callable[[Tensor], Iterate],
             places: list[Tensor]) -> list[Iterate]:
    """What is made of the places where a classifier can be trained, the most
    harmful first, without the models: those of many rows are large."""
    iterates = []
    for place in places:
        with suppress(FloatingPointError):
            iterates.append(_without_model(make(place)))
    return sorted(iterates, reverse=True, key=partial(_harm, defender))


def _harm(defender: Defender, here: Iterate) -> float:
    return defender.model.problem.upward * here.value


def _places(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
            y_p: Tensor, lmbda: float) -> list[Tensor]:
    """See `search_again`."""
    trained = defender.evaluate(x_p, lmbda).trained
    rows = _Rows(defender.model.problem, x_p, trained)
    tried: list[Iterate] = []
    for label in y_p.unique():
        base = tried[0].x_p if tried else x_p
        tried += _by_harm(
            defender, lambda x_p: defender.evaluate(x_p, lmbda),
            [feasible.project(torch.where((y_p == label)[:, None], row, base))
             for row in rows.next_to(label)])
        tried.sort(key=partial(_harm, defender), reverse=True)
    return [here.x_p for here in tried[:N_KEPT]] + [
        feasible.project(rows.random(y_p, seed)) for seed in range(N_RANDOM)]


class _Rows:
    """The rows of a problem, and the scores of a classifier trained with the
    points `x_p`."""

    def __init__(self, problem: Problem, x_p: Tensor, trained: Any):
        features = problem.features(x_p).problem
        self.x = torch.cat([problem.x_tr, problem.x_val])
        self.y = torch.cat([problem.y_tr, problem.y_val])
        x = torch.cat([features.x_tr, features.x_val])
        w = trained.w
        self.scores = (x @ w if w.dim() == 1 else x @ w.mT) + trained.b

    def _others(self, label: Tensor) -> Tensor:
        return (self.y != label).nonzero()[:, 0]

    def next_to(self, label: Tensor) -> Tensor:
        """The `N_ROWS` rows of other classes whose score leads that of the
        label least, (k, d)."""
        others = self._others(label)
        scores = self.scores[others]
        lead = -label * scores if scores.dim() == 1 else (
            scores.gather(1, self.y[others].long()[:, None])[:, 0]
            - scores[:, label.long()])
        return self.x[others[lead.argsort(stable=True)[:N_ROWS]]]

    def random(self, y_p: Tensor, seed: int) -> Tensor:
        """A row of another class for each point, (p, d)."""
        generator = torch.Generator('cpu').manual_seed(seed)
        return torch.stack([self.x[others[int(torch.randint(
            len(others), (), generator=generator, device='cpu'))]]
            for others in map(self._others, y_p)])
