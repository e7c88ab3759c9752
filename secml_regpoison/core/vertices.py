"""Vertices of the feasible set that do more harm than where a search ended.

The attacker's loss has many local maxima, and a search ends at one near its
start. With few features or few points, all points of a label in one far place
can do more.
"""
from contextlib import suppress
from typing import Optional

import torch
from torch import Tensor

from .defender import Defender
from .feasible import FeasibleSet
from .iterates import Iterate

# Whole steps from the start; by then they often alternate between two.
FRANK_WOLFE_STEPS = 3


def best_vertex(defender: Defender, feasible: FeasibleSet, x_p: Tensor,
                y_p: Tensor, best: Iterate) -> Optional[Iterate]:
    """The most harmful vertex of a few, or None if `best` does more harm.

    `x_p`, (p, d), are the points where the search for `best` started. At a
    vertex a linear function of each point is largest over the set:

    - the attacker's loss, linearised at the start, at the vertex of that, and
      so on (whole steps of Frank and Wolfe 1956), and at `best`;
    - the score of the point's own class, by the classifier of the start; the
      same, negated; and negated, by the classifier of that vertex.

    None, too, where the set has no bounds, and for an attacker that hides.
    """
    if defender.camouflage or not feasible.is_bounded:
        return None
    search = _VertexSearch(defender, feasible, best)
    # the error: nothing can be trained at the start, or differentiated
    with suppress(FloatingPointError):
        _try_vertices(search, x_p, y_p)
    return None if search.worst is best else search.worst


def _try_vertices(search: '_VertexSearch', x_p: Tensor, y_p: Tensor) -> None:
    """Search at the vertices that `best_vertex` lists."""
    best, upward = search.worst, search.defender.model.problem.upward
    start = here = search.defender.evaluate(x_p, best.lmbda)
    for _ in range(FRANK_WOLFE_STEPS):
        here = search.at(upward * here.grad_x_p) or here
    search.at(upward * best.grad_x_p)
    if start.trained.w.shape[-1] == x_p.shape[1]:  # else of other features
        search.at(_own_weights(start, y_p))
        far = search.at(-_own_weights(start, y_p))
        if far is not None:
            search.at(-_own_weights(far, y_p))


def _own_weights(here: Iterate, y_p: Tensor) -> Tensor:
    """Weights of the score of each point's own class, (p, d)."""
    w = here.trained.w
    return w[y_p.long()] if w.dim() == 2 else y_p[:, None] * w


class _VertexSearch:
    """Vertices that are tried, and the `worst` iterate, `best` at first."""

    def __init__(self, defender: Defender, feasible: FeasibleSet,
                 best: Iterate):
        self.defender, self.feasible = defender, feasible
        self.worst, self._places = best, [best.x_p]
        # answers of the defender; the last that was searched for comes first
        self._lmbdas = [best.lmbda]

    def at(self, direction: Tensor) -> Optional[Iterate]:
        """The iterate where `direction`, (p, d), is largest; None if it has
        been tried, or no classifier can be trained there."""
        place = self.feasible.project(self.feasible.support(direction)[1])
        if any(torch.equal(place, other) for other in self._places):
            return None
        self._places.append(place)
        try:
            here = self._response(place)
        except FloatingPointError:
            return None
        if self.defender.gain(here, self.worst) > 0:
            self.worst = here
        return here

    def _response(self, x_p: Tensor) -> Iterate:
        """The iterate at the defender's best response; at the first lambda
        that does as well as against `worst`, if there is one."""
        for lmbda in self._lmbdas:
            here = self.defender.evaluate(x_p, lmbda)
            if self.defender.gain(here, self.worst) <= 0:
                return here
        if self.defender.bounds is not None:
            here = self.defender.best_response(x_p, lmbda, True)
            self._lmbdas.insert(0, here.lmbda)
        return here
