"""Single moves of points that hold whole numbers, or one of some values.

A step of the ascent moves all points in all columns, and is rounded to places
that they may hold: much of the harm is lost by that. Here one point moves in
one column at a time, from one valid place to another.
"""
from contextlib import suppress
from dataclasses import dataclass
from typing import Iterator, Optional

import torch
from torch import Tensor

from .defender import Defender
from .feasible import FeasibleSet
from .iterates import Iterate

# Shares of the loss: the least gain of a move, and one that is worth more.
LEAST_GAIN, NOTABLE_GAIN = 1e-6, 1e-3
# Moves that lead out of a ball or a filter, until no more are looked at.
MOST_OUTSIDE = 500


@dataclass(frozen=True)
class SingleMoves:
    """The moves of valid points.

    integers : columns of whole numbers, which move by one. groups : columns
    of which one is 1 and the others are 0: another becomes 1. n_tries,
    patience : moves that are tried at most, in all, and one after the other
    that gain less than a thousandth of the loss.
    """

    integers: tuple[int, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    n_tries: int = 200
    patience: int = 20

    def search(self, defender: Defender, feasible: FeasibleSet, y_p: Tensor,
               best: Iterate) -> Iterate:
        """`best`, or where moves lead from it that do more harm each.

        They are tried in the order of what the derivative promises, or with
        camouflage its direction. One that does more harm, by the gain of the
        defender, is made, and the path has it.
        """
        if not (self.integers or self.groups):
            return best
        start, in_a_row = best, 0
        failed: set[tuple] = set()
        moves = self._moves(defender, feasible, y_p, best, failed)
        for _ in range(self.n_tries):
            move = next(moves, None)
            if move is None or in_a_row == self.patience:
                break
            key, x_p = move
            here, in_a_row = _response(defender, x_p, best), in_a_row + 1
            if here is None:
                failed.add(key)
                continue
            if _is_worse(defender, here, best, NOTABLE_GAIN):
                in_a_row = 0
            best = here
            moves = self._moves(defender, feasible, y_p, best, failed)
        if best is not start:
            best = defender.global_best_response(best)
        return best if defender.gain(best, start) > 0 else start

    def _moves(self, defender: Defender, feasible: FeasibleSet, y_p: Tensor,
               here: Iterate, failed: set) -> Iterator[tuple[tuple, Tensor]]:
        """Moves that promise a gain, the largest first, but for those that
        `failed`: what tells each from others, and the points after it."""
        x, d = here.x_p, here.x_p.shape[1]
        slope = defender.model.problem.upward * here.grad_x_p
        gain, n_outside = self._promises(feasible, x, slope), 0
        for at in gain.flatten().argsort(descending=True, stable=True):
            i, j = divmod(int(at), d)
            if not gain[i, j] > 0:
                return
            key = tuple(x[i].tolist()), float(y_p[i]), j
            if key in failed or (i, *key) in failed:
                continue
            moved = x.clone()
            group = next((group for group in self.groups if j in group), None)
            if group is None:
                moved[i, j] += slope[i, j].sign()
            else:
                moved[i, list(group)] = 0.
                moved[i, j] = 1.
            if feasible.contains(moved)[i]:
                yield key, moved
            else:
                failed.add((i, *key))  # of this point, in its ball
                n_outside += 1
                if n_outside == MOST_OUTSIDE:
                    return

    def _promises(self, feasible: FeasibleSet, x: Tensor,
                  slope: Tensor) -> Tensor:
        """What the derivative promises of the move of a point to the next
        whole number, or to the 1 of that column, (p, d); 0 outside the box."""
        gain, after = torch.zeros_like(x), torch.ones_like(x)
        whole = list(self.integers)
        gain[:, whole] = slope[:, whole].abs()
        after[:, whole] = x[:, whole] + slope[:, whole].sign()
        for group in map(list, self.groups):
            now = x[:, group].argmax(1, keepdim=True)
            gain[:, group] = slope[:, group] - slope[:, group].gather(1, now)
        return torch.where(
            (after >= feasible.lb) & (after <= feasible.ub), gain, 0.)


def _response(defender: Defender, x_p: Tensor,
              best: Iterate) -> Optional[Iterate]:
    """The iterate at the defender's best response near the last one, if that
    does more harm than `best`; recorded then."""
    with suppress(FloatingPointError):
        here = defender.evaluate(x_p, best.lmbda)
        if not _is_worse(defender, here, best):
            return None
        if defender.bounds is None:
            defender.record(here)
            return here
        here = defender.best_response(x_p, best.lmbda)
        if _is_worse(defender, here, best):
            return here
    return None


def _is_worse(defender: Defender, here: Iterate, best: Iterate,
              share: float = LEAST_GAIN) -> bool:
    """Whether it does more harm, by this share of the loss."""
    return defender.gain(here, best) > share * abs(best.value)
