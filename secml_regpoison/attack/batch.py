"""Poisoning points that are optimised together with lambda."""
from dataclasses import dataclass
from typing import NamedTuple

import torch

from .poisoning_data import Poison


class Move(NamedTuple):
    """Points (p, d), lambda and the attacker's loss at an outer iterate."""

    x_p: torch.Tensor
    lmbda: float
    value: float


@dataclass(frozen=True)
class Batch:
    """Points that were optimised together with lambda, and how.

    x, y, starts : points (p, d), signs (p,), validation rows they started at.
    lmbda, value : the defender's answer, and the attacker's loss there.
    f_seq, lmbda_seq, path : loss, lambda and points at each outer iterate,
    (n_iter,), (n_iter,) and (n_iter, p, d). n_trainings, n_evaluations,
    seconds : what it took, restarts included.
    """

    x: torch.Tensor
    y: torch.Tensor
    starts: tuple
    lmbda: float
    value: float
    f_seq: tuple
    lmbda_seq: tuple
    path: torch.Tensor
    n_trainings: int = 0
    n_evaluations: int = 0
    seconds: float = 0.

    @classmethod
    def of(cls, new, moves, end, **spent):
        """The batch that started as `new` and after `moves` is at `end`."""
        x, lmbda, value = zip(*moves)
        return cls(end.x_p, new.y, new.starts, end.lmbda, end.value, value,
                   lmbda, torch.stack(x), **spent)

    def append_to(self, fixed):
        """The `Poison` of earlier batches and this one."""
        return Poison(torch.cat([fixed.x, self.x]),
                      torch.cat([fixed.y, self.y]),
                      fixed.starts + self.starts, self.lmbda)
