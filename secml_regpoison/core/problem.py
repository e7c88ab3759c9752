"""The data of a poisoning problem."""
import functools
from dataclasses import dataclass
from functools import cached_property
from typing import Callable, Optional

import torch

from .coordinates.margins import fold, top_eigenvalue


@dataclass(frozen=True, eq=False)
class Problem:
    """Fixed training rows and the validation set of a poisoning problem.

    All may have one more dimension in front: that many independent problems
    side by side, of the same shapes.

    Parameters
    ----------
    x_tr, y_tr : Tensor, shapes (n, d) and (n,)
        Training rows that do not move; labels in {-1, +1}.
    x_val, y_val : Tensor, shapes (m, d) and (m,)
        Validation set: both players' loss is measured on it.
    y_target : Tensor, shape (m,), or None
        Labels that the attacker wants on the validation points; None for an
        indiscriminate attack. The defender always uses `y_val`.
    transform : callable or None
        Features of poisoning points, ``x -> (phi(x), pull_back)``, with
        ``pull_back`` taking a derivative by ``phi`` to one by ``x``. The
        other rows are given as features already.

    Raises
    ------
    TypeError, ValueError
        A tensor of the wrong kind, shape, labels, dtype or device.
    """

    x_tr: torch.Tensor
    y_tr: torch.Tensor
    x_val: torch.Tensor
    y_val: torch.Tensor
    y_target: Optional[torch.Tensor] = None
    transform: Optional[Callable] = None

    def __post_init__(self):
        if self.is_batch:
            self.parts  # each checks itself
            return
        self._check_rows('x_tr', 'y_tr', self.x_tr, self.y_tr)
        self._check_rows('x_val', 'y_val', self.x_val, self.y_val)
        if self.y_target is not None:
            self._check_rows('x_val', 'y_target', self.x_val, self.y_target)
        for name in ('x_tr', 'x_val'):
            if not len(getattr(self, name)):
                raise ValueError(f'`{name}` must have at least one row, '
                                 'got none.')
        if self.x_val.shape[1] != self.x_tr.shape[1]:
            raise ValueError(
                f'`x_val` must have {self.x_tr.shape[1]} columns like '
                f'`x_tr`, got {self.x_val.shape[1]}.')

    def _check_rows(self, x_name, y_name, x, y):
        for name, value, n_dim in ((x_name, x, 2), (y_name, y, 1)):
            if not isinstance(value, torch.Tensor):
                raise TypeError(f'`{name}` must be a Tensor, got '
                                f'{type(value).__name__}.')
            if value.dim() != n_dim or not value.is_floating_point():
                raise ValueError(
                    f'`{name}` must be a floating-point tensor of {n_dim} '
                    f'dimensions, got {value.dtype} of shape '
                    f'{tuple(value.shape)}.')
            if (value.dtype, value.device) != (self.x_tr.dtype,
                                               self.x_tr.device):
                raise ValueError(
                    f'`{name}` must have the dtype and device of `x_tr`, '
                    f'{self.x_tr.dtype} on {self.x_tr.device}, got '
                    f'{value.dtype} on {value.device}.')
            if not torch.isfinite(value).all():
                raise ValueError(f'`{name}` must be finite, got NaN or inf.')
        if x.shape[0] != y.shape[0]:
            raise ValueError(f'`{y_name}` must have one label a row of '
                             f'`{x_name}`, {x.shape[0]}, got {y.shape[0]}.')
        if not (y.abs() == 1).all():
            raise ValueError(f'`{y_name}` must hold labels -1 and +1, got '
                             f'{y.unique().tolist()[:5]}.')

    def check_points(self, x_p, y_p):
        """Raise unless these are poisoning points of this problem.

        Parameters
        ----------
        x_p, y_p : Tensor, shapes (p, d) and (p,)
            Points, and labels in {-1, +1}.
        """
        self._check_rows('x_p', 'y_p', x_p, y_p)
        if self.transform is None and x_p.shape[1] != self.x_tr.shape[1]:
            raise ValueError(f'`x_p` must have {self.x_tr.shape[1]} columns '
                             f'like `x_tr`, got {x_p.shape[1]}.')

    @property
    def is_batch(self):
        """Whether these are several problems."""
        return isinstance(self.x_tr, torch.Tensor) and self.x_tr.dim() == 3

    @cached_property
    def parts(self):
        """The problems of a batch, a tuple of `Problem`."""
        names = ['x_tr', 'y_tr', 'x_val', 'y_val']
        if self.y_target is not None:
            names.append('y_target')
        return tuple(Problem(*rows, transform=self.transform) for rows in zip(
            *(self._unbind(name, getattr(self, name)) for name in names)))

    def _unbind(self, name, value):
        """The rows of `value`, one for each problem of the batch."""
        size = len(self.x_tr)
        if not isinstance(value, torch.Tensor) or not value.dim() \
                or len(value) != size:
            got = (f'shape {tuple(value.shape)}'
                   if isinstance(value, torch.Tensor)
                   else type(value).__name__)
            raise ValueError(
                f'`{name}` must have {size} problems in its first dimension '
                f'like `x_tr`, got {got}.')
        return value.unbind()

    @property
    def n_tr(self):
        """Number of fixed training rows."""
        return len(self.x_tr)

    @cached_property
    def rows_tr(self):
        """Folded fixed rows, (n, d + 1)."""
        return fold(self.x_tr, self.y_tr)

    @cached_property
    def rows_val(self):
        """Folded validation rows, (m, d + 1)."""
        return fold(self.x_val, self.y_val)

    @cached_property
    def rows_attacker(self):
        """Validation rows as the attacker labels them, (m, d + 1)."""
        if self.y_target is None:
            return self.rows_val
        return fold(self.x_val, self.y_target)

    @cached_property
    def curvature(self):
        """Largest eigenvalue of ``A^T A`` over the fixed rows."""
        return top_eigenvalue(self.rows_tr)

    @cached_property
    def gram(self):
        """``A A^T`` of the fixed rows, (n, n)."""
        return self.rows_tr @ self.rows_tr.T

    @cached_property
    def _gram_val(self):
        return self.rows_val @ self.rows_tr.T

    def gram_val(self, rows_val):
        """Products of validation rows with the fixed rows.

        Parameters
        ----------
        rows_val : Tensor, shape (m, d + 1)
            Folded; kept if they are `rows_val` of this problem.

        Returns
        -------
        Tensor, shape (m, n)
        """
        if rows_val is self.rows_val:
            return self._gram_val
        return rows_val @ self.rows_tr.T

    def features(self, x_p):
        """Features of poisoning points; the identity without `transform`.

        Parameters
        ----------
        x_p : Tensor, shape (p, .)
            Points, in the space where they live.

        Returns
        -------
        (phi(x_p), pull_back)
            Features (p, d), and what takes a derivative by them to one by
            the points.
        """
        if self.transform is None:
            return x_p, lambda grad: grad
        if not len(x_p):
            return self.x_tr[:0], lambda grad: x_p
        return self.transform(x_p)


def side_by_side(collect):
    """Let a function of ``(problem, x_p, y_p, lmbda)`` take a batch.

    The points and labels then have one more dimension in front too, as lambda
    may have; `collect` makes one of the list of results. The problems are
    taken one after the other: on a CPU a batched product of n x n matrices
    and vectors is slower than the products alone (``benchmarks/batch.py``).
    """
    def decorate(work):
        @functools.wraps(work)
        def wrapper(problem, x_p, y_p, lmbda, *args, **kwargs):
            if not problem.is_batch:
                return work(problem, x_p, y_p, lmbda, *args, **kwargs)
            if not isinstance(lmbda, torch.Tensor) or not lmbda.dim():
                lmbda = torch.full((len(problem.parts),), float(lmbda),
                                   dtype=torch.float64)
            return collect([
                work(part, *one, *args, **kwargs) for part, *one in zip(
                    problem.parts, problem._unbind('x_p', x_p),
                    problem._unbind('y_p', y_p),
                    problem._unbind('lmbda', lmbda))])
        return wrapper
    return decorate
