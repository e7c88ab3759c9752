"""Kinks of a preprocess: places where it has no derivative."""
from typing import Iterator

import torch
from torch import Tensor

from .preprocessing import MinMax, Preprocess, UnitNorm


def kinked_coordinates(preprocess: Preprocess, x_p: Tensor, rows: Tensor,
                       fitted: slice, moves: list[Tensor]) -> Tensor:
    """Coordinates of points (p, d) that cross a kink on the way from -move to
    +move, (p, d).

    Without them the moves cross none, except where a kink moves with the
    other points alone. rows : the other rows, (k, d). fitted : on which of
    points and rows, end to end, the preprocess is fitted.
    """
    def sides(x: Tensor) -> list[Tensor]:
        return list(_sides(preprocess, torch.cat([x, rows]), len(x), fitted))

    kinked = torch.zeros_like(x_p, dtype=torch.bool)
    while True:
        own, others = torch.zeros_like(kinked), torch.zeros_like(kinked[0])
        for move in moves:
            move = torch.where(kinked, 0., move)
            for low, high in zip(sides(x_p - move), sides(x_p + move)):
                crossed = low * high < 0
                own |= crossed[:len(x_p)]
                others |= crossed[len(x_p):].any(0)
        # one that does not move itself is moved by the norm of its row
        found = kinked | own | others | (own & kinked).any(1, keepdim=True)
        if bool((found == kinked).all()):
            return kinked
        kinked = found


def _sides(preprocess: Preprocess, rows: Tensor, n_points: int,
           fitted: slice) -> Iterator[Tensor]:
    """Yield signs that change at a kink, of the first `n_points` rows or of
    all, (., d)."""
    steps = getattr(preprocess, 'steps', (preprocess,))
    for before, step in zip((None, *steps), steps):
        noise, margins = torch.zeros_like(rows[0]), []
        if before is not None:  # what is scaled has rounding errors
            rows = before.fit(rows[fitted])(rows)
            noise = 1e-9 * (rows[fitted].amax(0) - rows[fitted].amin(0))
        if isinstance(step, MinMax):
            # none where the points are not among those that are fitted
            margins = [_above_others(sign * rows[fitted], 0)[:n_points]
                       for sign in (1, -1) if fitted.start == 0]
        elif isinstance(step, UnitNorm) and step.order == 'l1':
            margins = [rows]
        elif isinstance(step, UnitNorm) and step.order == 'max':
            margins = [_above_others(rows.abs(), 1)]
        for margin in margins:
            yield torch.where(margin.abs() <= noise, 0., margin).sign()


def _above_others(x: Tensor, dim: int) -> Tensor:
    """Each value less the largest of the others along `dim`."""
    top = x.topk(min(2, x.shape[dim]), dim).values
    first, second = (top.narrow(dim, k, 1) for k in (0, top.shape[dim] - 1))
    return x - torch.where(x == first, second, first)
