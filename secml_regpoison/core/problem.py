"""The data of a poisoning problem."""
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Callable, Optional, Union

import torch
from torch import Tensor

from .checks import check, check_rows
from .coordinates.rows import is_sparse, signed_rows, weight_products
from .features import Features
from .linalg import top_eigenvalue
from .preprocessing import Preprocess, deviations

TENSORS = 'x_tr', 'y_tr', 'x_val', 'y_val', 'y_target'


@dataclass(frozen=True, eq=False)
class Problem:
    """Fixed training rows and the validation set of a poisoning problem.

    Parameters
    ----------
    x_tr, y_tr : Tensor, shapes (n, d) and (n,)
        Training rows that do not move; labels in {-1, +1}, or 0, 1, ... with
        `n_classes`. May be sparse (`torch.sparse_csr`), and stay so.
    x_val, y_val : Tensor, shapes (m, d) and (m,)
        Validation set: both players' loss is measured on it. May be sparse.
    y_target : Tensor, shape (m,), or None
        Labels that the attacker wants on the validation points; None for an
        indiscriminate attack. The defender always uses `y_val`.
    transform : callable or None
        Features of poisoning points, ``x -> (phi(x), vjp)``, with ``vjp``
        taking a derivative with respect to ``phi`` to one with respect to
        ``x``. The other rows are given as features already: a preprocess
        that no poison changes.
    preprocess : Preprocess or None
        Fitted on the training rows and the points each time; then all rows
        are given in the space of the points.
    n_classes : int or None
        Of a model with a score a class; None: two classes, and one score.

    Raises
    ------
    TypeError, ValueError
        A tensor of the wrong kind, shape, labels, dtype or device.
    """

    x_tr: Tensor
    y_tr: Tensor
    x_val: Tensor
    y_val: Tensor
    y_target: Optional[Tensor] = None
    transform: Optional[Callable] = None
    preprocess: Optional[Preprocess] = None
    n_classes: Optional[int] = None

    def __post_init__(self) -> None:
        check('n_classes', self.n_classes, self.n_classes is None
              or self.n_classes >= 2, 'None or at least 2')
        for x, y in (('x_tr', 'y_tr'), ('x_val', 'y_val'),
                     ('x_val', 'y_target')):
            if getattr(self, y) is not None:
                check_rows(x, y, getattr(self, x), getattr(self, y),
                           self.x_tr, n_classes=self.n_classes)
        if self.preprocess is not None and (
                is_sparse(self.x_tr) or is_sparse(self.x_val)):
            raise ValueError('`preprocess` must be None with sparse rows, got '
                             f'{type(self.preprocess).__name__}. Pass '
                             '`x.to_dense()`.')
        for name in ('x_tr', 'x_val'):
            if not len(getattr(self, name)):
                raise ValueError(f'`{name}` must have at least one row, '
                                 'got none.')
        if self.x_val.shape[1] != self.x_tr.shape[1]:
            raise ValueError(
                f'`x_val` must have {self.x_tr.shape[1]} columns like '
                f'`x_tr`, got {self.x_val.shape[1]}.')

    def check_points(self, x_p: Tensor, y_p: Tensor) -> None:
        """Raise unless these are poisoning points of this problem.

        Parameters
        ----------
        x_p, y_p : Tensor, shapes (p, d) and (p,)
            Points, and labels as those of the rows.
        """
        check_rows('x_p', 'y_p', x_p, y_p, self.x_tr, False, self.n_classes)
        if self.transform is None and x_p.shape[1] != self.x_tr.shape[1]:
            raise ValueError(f'`x_p` must have {self.x_tr.shape[1]} columns '
                             f'like `x_tr`, got {x_p.shape[1]}.')

    def to(self, dtype: torch.dtype) -> 'Problem':
        """The problem in another precision; itself if it is in this one.

        Parameters
        ----------
        dtype : torch.dtype
            Of all its tensors.

        Returns
        -------
        Problem
        """
        if self.x_tr.dtype == dtype:
            return self
        return replace(self, **{
            name: value.to(dtype) for name, value in vars(self).items()
            if name in TENSORS and value is not None})

    @property
    def n_tr(self) -> int:
        """Number of fixed training rows."""
        return len(self.x_tr)

    @cached_property
    def rows_tr(self) -> Tensor:
        """Signed fixed rows, (n, d + 1)."""
        return signed_rows(self.x_tr, self.y_tr, self.n_classes)

    @cached_property
    def rows_val(self) -> Tensor:
        """Signed validation rows, (m, d + 1)."""
        return signed_rows(self.x_val, self.y_val, self.n_classes)

    @cached_property
    def rows_val_attacker(self) -> Tensor:
        """Validation rows as the attacker labels them, (m, d + 1)."""
        if self.y_target is None or self.n_classes is not None:
            return self.rows_val
        return signed_rows(self.x_val, self.y_target, self.n_classes)

    @cached_property
    def top_eigenvalue(self) -> float:
        """Largest eigenvalue of ``A^T A`` over the fixed rows."""
        return top_eigenvalue(self.rows_tr)

    @cached_property
    def gram(self) -> Tensor:
        """Products of the weights of the fixed rows, (n, n)."""
        return weight_products(self.rows_tr, self.rows_tr)

    @cached_property
    def _gram_val(self) -> Tensor:
        return weight_products(self.rows_val, self.rows_tr)

    def gram_val(self, rows_val: Tensor) -> Tensor:
        """Products of the weights of validation rows and of the fixed rows.

        Parameters
        ----------
        rows_val : Tensor, shape (m, d + 1)
            Signed; kept if they are `rows_val` of this problem.

        Returns
        -------
        Tensor, shape (m, n)
        """
        if rows_val is self.rows_val:
            return self._gram_val
        return weight_products(rows_val, self.rows_tr)

    def features(self, x_p: Tensor) -> Features:
        """Features of all rows with these poisoning points.

        Parameters
        ----------
        x_p : Tensor, shape (p, .)
            Points, in the space where they live.

        Returns
        -------
        Features
        """
        if self.preprocess is not None:
            return (self._transformed if self.preprocess.by_row
                    else self._refitted)(self.preprocess, x_p)
        if self.transform is None:
            return Features(x_p, lambda grad: grad, self)
        if not len(x_p):
            return Features(x_p.new_empty(0, self.x_tr.shape[1]),
                            lambda grad: x_p, self)
        phi, vjp = self.transform(x_p)
        return Features(phi, vjp, self)

    def column_scale(self, x_p: Tensor) -> Union[float, Tensor]:
        """Units of the columns in which the points ascend.

        The deviations, scaled to a root mean square of 1, where the preprocess
        divides by them; else 1. A column that is constant but for the points
        has a tiny one: the derivative by it is large, and hides all others.

        Parameters
        ----------
        x_p : Tensor, shape (p, d)
            Points.

        Returns
        -------
        float or Tensor, shape (d,)
        """
        if self.preprocess is None or not self.preprocess.fits_std:
            return 1.
        std = deviations(torch.cat([self.x_tr, x_p]))
        return std / std.square().mean().sqrt()

    @cached_property
    def _in_features(self) -> 'Problem':
        """The problem in features that no point changes."""
        preprocess: Any = self.preprocess
        transform = preprocess.fit(self.x_tr)
        return replace(self, x_tr=transform(self.x_tr),
                       x_val=transform(self.x_val), preprocess=None)

    def _transformed(self, preprocess: Preprocess,
                     x_p: Tensor) -> Features:
        """`Features` by a preprocess that takes each row alone."""
        x = x_p.detach().requires_grad_()
        with torch.enable_grad():
            phi = preprocess.fit(x)(x)
        return Features(
            phi.detach(), lambda grad: torch.autograd.grad(
                phi, x, grad, retain_graph=True)[0], self._in_features)

    def _refitted(self, preprocess: Preprocess, x_p: Tensor) -> Features:
        """`Features` by a preprocess that is fitted on all training rows."""
        x, n_tr = x_p.detach().requires_grad_(), self.n_tr
        with torch.enable_grad():
            rows = torch.cat([self.x_tr, x])
            transform = preprocess.fit(rows)
            phi, phi_val = transform(rows), transform(self.x_val)

        def vjp(grad: Tensor, grad_val: Tensor) -> Tensor:
            return torch.autograd.grad((phi, phi_val), x, (grad, grad_val),
                                       retain_graph=True)[0]
        in_features = replace(self, x_tr=phi[:n_tr].detach(),
                              x_val=phi_val.detach(), preprocess=None)
        return Features(phi[n_tr:].detach(), vjp, in_features, True)
