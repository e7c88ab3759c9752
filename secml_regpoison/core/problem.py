"""The data of a poisoning problem."""
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Callable, Optional, Union

import torch
from torch import Tensor

from .checks import check_problem, check_rows, is_sparse
from .coordinates.rows import bias_column, signed_rows, weight_products
from .features import Features, features_of, in_features_of
from .linalg import lanczos, row_products, top_eigenvalue, unit_scale
from .preprocessing import Moments, Preprocess


@dataclass(frozen=True, eq=False)
class Problem:
    """Fixed training rows and the validation set of a poisoning problem.

    Parameters
    ----------
    x_tr, y_tr : Tensor, shapes (n, d) and (n,)
        Training rows that do not move; labels in {-1, +1}, or 0, 1, ... with
        `n_classes`. May be sparse (`torch.sparse_csr`), and stay so.
    x_val, y_val : Tensor, shapes (m, d) and (m,)
        Validation set: the defender's loss is measured on it, and the
        attacker's too unless it has a set of its own. May be sparse.
    y_target : Tensor, shape (m,), or None
        Labels that the attacker wants on the rows of its loss; None for an
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
    x_attacker, y_attacker : Tensor, shapes (k, d) and (k,), or None
        The attacker's own set, on which it raises the loss; with `y_target`,
        shape (k,) then, `y_attacker` is not read. None: the validation set.
    spread : float or None
        Root mean square distance of the training rows from their mean where
        the points live: the usual step of `.solve` is a share. None: that of
        `x_tr`, which has other units than the points with a `transform`.
    rows_move : bool
        Set by `features`: the rows move with the points, as where a preprocess
        is refitted. ``eta = 1 / L`` then takes the exact top eigenpair, and no
        product is made that pays only if it is used again.

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
    x_attacker: Optional[Tensor] = None
    y_attacker: Optional[Tensor] = None
    spread: Optional[float] = None
    rows_move: bool = False

    def __post_init__(self) -> None:
        check_problem(self)

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
            if name[:2] in ('x_', 'y_') and value is not None})

    @property
    def rows(self) -> dict[str, Tensor]:
        """The rows that are given, by name: all that have features."""
        rows = {'x_tr': self.x_tr, 'x_val': self.x_val}
        return rows if self.x_attacker is None else {
            **rows, 'x_attacker': self.x_attacker}

    @property
    def attacker_set(self) -> tuple[Tensor, Any]:
        """Rows and labels on which the attacker's loss is measured."""
        x, y = (self.x_val, self.y_val) if self.x_attacker is None \
            else (self.x_attacker, self.y_attacker)
        return x, y if self.y_target is None else self.y_target

    @property
    def is_zero_sum(self) -> bool:
        """Whether attacker and defender have the same loss."""
        return self.y_target is None and self.x_attacker is None

    @property
    def of_defender(self) -> 'Problem':
        """The problem without what is the attacker's alone."""
        return replace(self, y_target=None, x_attacker=None, y_attacker=None)

    @property
    def upward(self) -> float:
        """1 if the attacker raises its loss; -1 with a `y_target`."""
        return 1. if self.y_target is None else -1.

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
        """Signed rows of the attacker, (k, d + 1)."""
        if self.is_zero_sum or self.n_classes and self.x_attacker is None:
            return self.rows_val  # those of classes have no sign
        return signed_rows(*self.attacker_set, self.n_classes)

    @cached_property
    def top_eigenvalue(self) -> float:
        """Largest eigenvalue of ``A^T A`` over the fixed rows, from below.

        See `.solvers.step_size`.
        """
        return top_eigenvalue(self.rows_tr)

    @cached_property
    def top_eigenpair(self) -> tuple[float, Tensor]:
        """Largest eigenvalue to rounding, and its unit vector (d + 1,).

        Their derivatives count where the rows move with the points.
        """
        rows, gram = self.rows_tr, vars(self).get('gram')
        if gram is None or len(gram) < 2:  # training takes no kernel
            return lanczos(rows)
        bias = bias_column(rows)
        return lanczos(rows, torch.addr(gram, bias, bias))

    @cached_property
    def moments(self) -> Moments:
        """Of the columns of the fixed rows."""
        return Moments.of(self.x_tr)

    @cached_property
    def gram(self) -> Tensor:
        """Products of the weights of the fixed rows, (n, n)."""
        rows = self.rows_tr
        if self.rows_move and not is_sparse(rows):
            # faster, with another last bit; elsewhere the kernel is computed
            # once, so speed does not matter
            signs = bias_column(rows)
            return row_products(self.x_tr).mul_(torch.outer(signs, signs))
        return weight_products(rows, rows)

    @cached_property
    def gram_val(self) -> Tensor:
        """Products of the weights of validation and fixed rows, (m, n)."""
        return weight_products(self.rows_val, self.rows_tr)

    @cached_property
    def gram_attacker(self) -> Tensor:
        """As `gram_val`, of the attacker's rows, (k, n)."""
        return weight_products(self.rows_val_attacker, self.rows_tr)

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
        return features_of(self, x_p)

    def column_scale(self, x_p: Tensor) -> Union[float, Tensor]:
        """Units of the columns in which the points ascend.

        If the preprocess divides by them, the deviations, of min-max scalers
        the ranges, of fixed rows and points, to a root mean square of 1, as
        which a constant column counts. Else 1. Where the units are small, or
        points alone differ, the derivative is large, and would hide others.

        Parameters
        ----------
        x_p : Tensor, shape (p, d)
            Points.

        Returns
        -------
        float or Tensor, shape (d,)
        """
        if self.preprocess is None or not self.preprocess.fits_scale:
            return 1.
        moments = self.moments.with_rows(x_p)
        scale = moments.deviations() if self.preprocess.fits_std \
            else moments.ranges()
        varies = (moments.least < moments.greatest) & (moments.squares > 0)
        return unit_scale(torch.where(varies, scale, 0.))

    @cached_property
    def in_features(self) -> 'Problem':
        """The problem in features that no point changes."""
        return in_features_of(self, self.x_tr)


def rows_of(problem: Problem, is_attacker: bool) -> Tensor:
    """Signed rows on which a player's loss is measured, (m, d + 1)."""
    return problem.rows_val_attacker if is_attacker else problem.rows_val
