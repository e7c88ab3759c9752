"""Signed rows, and what the coordinates of a linear model have in common.

With the signed rows ``a_i = -y_i (x_i, 1)`` and ``u = (w, b)``, training
minimises

    L(u) = (1/n) sum_i l(a_i . u) + mu/2 (||w||^2 + beta b^2)

with ``mu = exp(lmbda)/n`` and ``l`` one of `.losses`. Everything else follows
from it:

    grad L   = A^T l'(A u) / n + mu (w, beta b)
    Hess L v = A^T (s * (A v)) + mu (v_w, beta v_b)      s = l''(A u) / n

Label, bias and sign are in the rows, so that one training step is two products
with ``A`` and a handful of vector operations.

All coordinates offer the same operations. `PrimalCoordinates` are
``u`` itself: a product costs ``n d``. `KernelCoordinates` are those in the
span of the training rows' weights ``X``, ``w = X^T alpha``, and the bias: a
product with ``A^T`` is then free, and one with ``A`` is a product with ``K = X
X^T``, ``n n``. From ``w_0 = 0`` training never leaves that span. The adjoint
vectors of the reverse pass leave it only along one direction, the gradient of
the validation loss, which is one more coordinate.
"""
from typing import Any, Callable, NamedTuple, Optional, Protocol

import torch
from torch import Tensor

from ..losses import Loss


class Solve(Protocol):
    """``g -> Hess L^-1 g``; the scores ``A g``, where they are known, save a
    product."""

    def __call__(self, g: Tensor, scores: Optional[Tensor] = None, /
                 ) -> Tensor: ...


class Coordinates(Protocol):
    """Interface of coordinates for the solvers; vectors are (n_coords,).

    twin : the same, with a direction of their own where they have one, see
    `KernelCoordinates`; now it is that of these. with_penalty : the same rows
    with another penalty; without a copy of them.
    steps, data : the training steps, and the data that they take.
    matvec : ``A u``, (n,). add_rmatvec : ``u += alpha A^T r`` in place.
    add_penalty : ``out += mu (u_w, beta u_b)`` in place. val_matvec,
    val_rmatvec : ``A_val u`` of a trained model, (m,), and ``A_val^T r``.
    weights, biases : of rows of coordinates, (k, d) and (k,). inner : ``p_t .
    u_t`` row by row, given the scores ``A p_t``. dot : ``u . v`` of vectors
    (..., n_coords) and one, given ``A v``. solver : ``g -> Hess L^-1 g``,
    given the curvatures over n, (n,). row_factors : see the function.
    """

    rows_tr: Tensor
    rows_p: Tensor
    penalty: Any
    n_tr: int
    n: int
    n_coords: int

    @property
    def steps(self) -> Callable[..., tuple[Tensor, Tensor]]: ...

    def twin(self) -> 'Coordinates': ...
    def with_penalty(self, penalty: Any) -> 'Coordinates': ...

    @property
    def data(self) -> tuple[Tensor, ...]: ...
    def matvec(self, u: Tensor) -> Tensor: ...
    def add_rmatvec(self, u: Tensor, r: Tensor, alpha: float) -> None: ...
    def add_penalty(self, out: Tensor, u: Tensor) -> None: ...
    def val_matvec(self, rows_val: Tensor, u: Tensor) -> Tensor: ...
    def val_rmatvec(self, rows_val: Tensor, r_val: Tensor) -> Tensor: ...
    def weights(self, coords: Tensor) -> Tensor: ...
    def biases(self, coords: Tensor) -> Tensor: ...
    def inner(self, p: Tensor, scores_p: Tensor, u: Tensor) -> Tensor: ...
    def dot(self, u: Tensor, v: Tensor, scores_v: Tensor) -> Tensor: ...
    def solver(self, hess_diag: Tensor) -> Solve: ...

    def row_factors(self, loss: Loss, scores: Tensor, p: Tensor,
                    adjoint_scores: Tensor, u: Tensor,
                    first_row: int) -> list['RowFactors']: ...


class RowFactors(NamedTuple):
    """``slope^T p / n + curved_scores^T u``: the derivative ``sum_t d/d(rows)
    (p_t . grad L(u_t))`` with respect to the weights of some training rows,
    in coordinates.

    coordinates : of one vector, with `column_products` for those of `columns`.
    p, u : ``p_t`` and ``u_t``, (T, n_coords). slope, curved_scores :
    ``l'(A u_t)`` and ``l''(A u_t) (A p_t) / n`` of these rows, (T, k).
    """

    coordinates: Any
    slope: Tensor
    p: Tensor
    curved_scores: Tensor
    u: Tensor

    def rows(self) -> Tensor:
        """The derivative, (k, d)."""
        return self.coordinates.weights(self.product())

    def product(self) -> Tensor:
        """The derivative in coordinates, (k, n_coords)."""
        return (self.slope.T @ self.p).div_(self.coordinates.n).addmm_(
            self.curved_scores.T, self.u)

    def columns(self, signs: Tensor) -> tuple[Tensor, Tensor]:
        """Of factors of all rows: the sum of the derivative over the rows,
        each times its sign (n,), and that of its products with the weights of
        the rows, column by column; (d,) each."""
        sums = (self.slope @ signs @ self.p / self.coordinates.n
                + self.curved_scores @ signs @ self.u)
        return (self.coordinates.weights(sums[None])[0],
                self.coordinates.column_products(self))

    def products_over_steps(self, weights_of_rows: Callable[[Tensor], Tensor]
                            ) -> Tensor:
        """The products of `columns`, summed over the steps, (d,), given the
        weights of sums of signed rows."""
        coordinates, n_tr = self.coordinates, self.coordinates.n_tr

        def of_step(factors: Tensor, v: Tensor) -> Tensor:
            rows = (factors[:, :n_tr] @ coordinates.rows_tr
                    + factors[:, n_tr:] @ coordinates.rows_p)
            return weights_of_rows(rows) * coordinates.weights(v)
        return (of_step(self.slope / coordinates.n, self.p)
                + of_step(self.curved_scores, self.u)).sum(0)


def row_factors(coordinates: Any, loss: Loss, scores: Tensor, p: Tensor,
                adjoint_scores: Tensor, u: Tensor,
                first_row: int) -> list[RowFactors]:
    """The `RowFactors` of the rows from `first_row` on; of classes, one for
    each vector.

    p, adjoint_scores, u, scores : ``p_t``, ``A p_t``, ``u_t`` and ``A u_t``,
    a row a step.
    """
    h, n = scores[:, first_row:], coordinates.n
    return [RowFactors(coordinates, loss.slope(h), p,
                       loss.curvature(h) / n * adjoint_scores[:, first_row:],
                       u)]


def with_penalty(coordinates: Any, penalty: Any) -> Any:
    """Coordinates of the same rows with another penalty."""
    twin = coordinates.twin()
    twin.penalty = penalty
    return twin


def add_penalty(coordinates: Any, out: Tensor, u: Tensor) -> None:
    """``out += mu (u_w, beta u_b)`` in place."""
    w, b = coordinates.penalty.gradient(u[:-1], u[-1])
    out[:-1].add_(w)
    out[-1].add_(b)


def hessian_product(coordinates: Any, hess_diag: Tensor, v: Tensor,
                    scores: Optional[Tensor] = None) -> Tensor:
    """``Hess L v = A^T (s * (A v)) + mu (v_w, beta v_b)`` with ``s`` the
    `hess_diag`, of `v` with known `scores` ``A v`` without a product."""
    out = torch.zeros_like(v)
    coordinates.add_penalty(out, v)
    if scores is None:
        scores = coordinates.matvec(v)
    coordinates.add_rmatvec(out, hess_diag * scores, 1.)
    return out
