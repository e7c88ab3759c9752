"""Normalisers in torch, fitted anew on the rows of each training.

A pipeline is refitted on the poisoned rows, so that the features of all rows
depend on the poison:

    (phi_tr, phi_p, phi_val) = F(x_tr, x_p, x_val),    F fitted on x_tr and x_p

Each normaliser has ``fit(x)``, which returns the transform of any rows, open
to autograd. They are secml's: of the deviation ``ddof`` is 0; a column that is
constant has deviation 1, a range of 0 counts as 1, a norm of 0 too.
"""
from dataclasses import dataclass
from typing import (
    Callable, NamedTuple, Optional, Protocol, runtime_checkable)

import torch
from torch import Tensor

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Affine:
    """The transform ``slope x + shift`` of each column, (d,) both."""

    slope: Tensor
    shift: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        return rows * self.slope + self.shift


@runtime_checkable
class Preprocess(Protocol):
    """Interface of a preprocess for a `Problem`.

    by_row : no row's features depend on other rows. fits_std : it divides by
    standard deviations of the rows that it is fitted on. fits_scale : by
    these, or by their ranges.
    """

    by_row: bool
    fits_std: bool
    fits_scale: bool

    def fit(self, x: Tensor) -> Transform:
        """Fit on rows (n, d), and return the transform of rows (k, d)."""


@dataclass(frozen=True)
class MeanStd:
    """``(x - mean) / std``, column by column.

    mean, std : values that are given, one for each of k equal blocks of
    columns (k,), or None for those of the rows that it is fitted on.
    with_std : False leaves the division out.
    """

    mean: Optional[Tensor] = None
    std: Optional[Tensor] = None
    with_std: bool = True

    @property
    def by_row(self) -> bool:
        """Whether mean and deviation are given, so that nothing is fitted."""
        return self.mean is not None and not self.fits_std

    @property
    def fits_std(self) -> bool:
        """Whether it divides by deviations that the rows decide."""
        return self.with_std and self.std is None

    @property
    def fits_scale(self) -> bool:
        """The same: it divides by nothing else."""
        return self.fits_std

    def fit(self, x: Tensor) -> Transform:
        """See `Preprocess`."""
        if self.mean is None or self.fits_std:
            return self.fit_moments(Moments.of(x))
        none = x.new_zeros(x.shape[1])  # nothing is fitted: no row is needed
        return self.fit_moments(Moments(0, none, none, none, none))

    def fit_moments(self, moments: 'Moments') -> Affine:
        """As `fit`, on rows with these moments."""
        mean = moments.mean if self.mean is None \
            else _expand(self.mean, moments.mean)
        if not self.with_std:
            return Affine(torch.ones_like(mean), -mean)
        if self.std is None:
            std = moments.deviations()
        else:
            std = _expand(self.std, mean)
            std = torch.where(std == 0, 1., std)
        return Affine(1 / std, -mean / std)


class Moments(NamedTuple):
    """Moments of n rows for a normaliser, column by column: mean, sum
    of squared distances from it, least and greatest value; (d,) each."""

    n: int
    mean: Tensor
    squares: Tensor
    least: Tensor
    greatest: Tensor

    @classmethod
    def of(cls, x: Tensor) -> 'Moments':
        """The moments of rows (n, d), at least one."""
        mean = x.mean(0)
        return cls(len(x), mean, (x - mean).square().sum(0), x.amin(0),
                   x.amax(0))

    def with_rows(self, x: Tensor) -> 'Moments':
        """Those of these rows and `x`, (k, d); Chan, Golub, LeVeque 1983.
        Right to the rounding of the means, as the features are."""
        if not len(x):
            return self
        more = Moments.of(x)
        n, apart = self.n + more.n, more.mean - self.mean
        return Moments(
            n, self.mean + apart * (more.n / n),
            self.squares + more.squares
            + apart.square() * (self.n * more.n / n),
            torch.minimum(self.least, more.least),
            torch.maximum(self.greatest, more.greatest))

    def deviations(self) -> Tensor:
        """Standard deviations, (d,); 1 of a constant column."""
        variance = self.squares / self.n
        # of a constant column rounding can leave 1e-17 instead of 0
        constant = (self.least == self.greatest) | (variance == 0)
        return torch.where(constant, 1., variance).sqrt()

    def ranges(self) -> Tensor:
        """Greatest less least value, (d,); 1 of a constant column."""
        width = self.greatest - self.least
        return torch.where(width == 0, 1., width)


def _expand(values: Tensor, like: Tensor) -> Tensor:
    """One value a block to one a column, (d,)."""
    return values.to(like).repeat_interleave(len(like) // len(values))


@dataclass(frozen=True)
class MinMax:
    """``low + (high - low) (x - min) / (max - min)``, column by column."""

    low: float = 0.
    high: float = 1.

    by_row = False
    fits_std = False
    fits_scale = True

    def fit(self, x: Tensor) -> Transform:
        """See `Preprocess`; of tied ends the first row's counts."""
        least, greatest = (x.gather(0, find(0)[None])[0]
                           for find in (x.argmin, x.argmax))
        width = greatest - least
        slope = 1 / torch.where(width == 0, 1., width)
        scale = self.high - self.low
        return Affine(scale * slope, self.low - scale * least * slope)


@dataclass(frozen=True)
class UnitNorm:
    """``x / ||x||``, row by row; `order` is 'l1', 'l2' or 'max'."""

    order: str = 'l2'

    by_row = True
    fits_std = False
    fits_scale = False

    def fit(self, x: Tensor) -> Transform:
        """See `Preprocess`; nothing is fitted."""
        return self._transform

    def _transform(self, x: Tensor) -> Tensor:
        if self.order == 'l2':
            square = x.square().sum(1, keepdim=True)
            return x / torch.where(square == 0, 1., square).sqrt()
        norm = (x.abs().sum(1, keepdim=True) if self.order == 'l1'
                else x.abs().max(1, keepdim=True).values)
        return x / torch.where(norm == 0, 1., norm)


@dataclass(frozen=True)
class Chain:
    """Normalisers one after the other, each fitted on what the one before
    makes of the rows."""

    steps: tuple[Preprocess, ...]

    @property
    def by_row(self) -> bool:
        """Whether no row's features depend on other rows."""
        return all(step.by_row for step in self.steps)

    @property
    def fits_std(self) -> bool:
        """Whether a step divides by deviations that the rows decide."""
        return any(step.fits_std for step in self.steps)

    @property
    def fits_scale(self) -> bool:
        """Whether a step divides by deviations or ranges of the rows."""
        return any(step.fits_scale for step in self.steps)

    def fit(self, x: Tensor) -> Transform:
        """See `Preprocess`."""
        fitted = []
        for step in self.steps:
            fitted.append(step.fit(x))
            x = fitted[-1](x)

        def transform(rows: Tensor) -> Tensor:
            for one in fitted:
                rows = one(rows)
            return rows
        return transform
