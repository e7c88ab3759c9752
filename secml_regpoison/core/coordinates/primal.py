"""Training in the model's own coordinates: two products with the data."""
import copy
from typing import TYPE_CHECKING, Any, Callable, Union

import torch
from torch import Tensor

from .. import linalg
from ..checks import is_sparse
from ..penalties import L1, L2
from .margins import (
    RowFactors, Solve, add_penalty, hessian_product, row_factors, with_penalty)
from .primal_steps import primal_steps
from .rows import add_rmatvec

if TYPE_CHECKING:
    from ..problem import Problem


class PrimalCoordinates:
    """``u = (w, b)``, shape (d + 1,); see `.margins.Coordinates`.

    Parameters
    ----------
    problem : Problem
        The fixed data.
    rows_p : Tensor, shape (p, d + 1)
        Signed poisoning rows. Kept apart from `rows_tr`: concatenating copies
        the design matrix, which costs as much as a product with it.
    penalty : L2 or L1
    """

    steps: Callable[..., tuple[Tensor, Tensor]] = staticmethod(primal_steps)
    row_factors, with_penalty = row_factors, with_penalty
    add_penalty = add_penalty

    def __init__(self, problem: 'Problem', rows_p: Tensor,
                 penalty: Union[L1, L2]):
        self.rows_tr, self.rows_p = problem.rows_tr, rows_p
        self.penalty: Any = penalty
        self.n_tr, self.n = problem.n_tr, problem.n_tr + rows_p.shape[0]
        self.n_coords = rows_p.shape[1]

    def twin(self) -> 'PrimalCoordinates':
        """The same coordinates: they hold nothing of a vector."""
        return copy.copy(self)

    @property
    def data(self) -> tuple[Tensor, ...]:
        return (self.rows_tr, self.rows_p,
                self.rows_p.new_tensor(1 - self.penalty.beta))

    def matvec(self, u: Tensor) -> Tensor:
        out = u.new_empty(self.n)
        torch.mv(self.rows_tr, u, out=out[:self.n_tr])
        torch.mv(self.rows_p, u, out=out[self.n_tr:])
        return out

    def add_rmatvec(self, u: Tensor, r: Tensor, alpha: float) -> None:
        add_rmatvec(u, self.rows_tr, r[:self.n_tr], alpha)
        u.addmv_(self.rows_p.T, r[self.n_tr:], alpha=alpha)

    def val_matvec(self, rows_val: Tensor, u: Tensor) -> Tensor:
        return rows_val @ u

    def val_rmatvec(self, rows_val: Tensor, r_val: Tensor) -> Tensor:
        """Coordinates of ``A_val^T r_val``."""
        return r_val @ rows_val

    def weights(self, coords: Tensor) -> Tensor:
        return coords[:, :-1]

    def column_products(self, factors: RowFactors) -> Tensor:
        return factors.products_over_steps(self.weights)

    def biases(self, coords: Tensor) -> Tensor:
        return coords[..., -1]

    def inner(self, p: Tensor, scores_p: Tensor, u: Tensor) -> Tensor:
        """``p_t . u_t`` row by row, (k,)."""
        return (p * u).sum(1)

    def dot(self, u: Tensor, v: Tensor, scores_v: Tensor) -> Tensor:
        """``u . v`` of vectors (..., n_coords) and one, (...)."""
        return u @ v

    @property
    def is_factorised(self) -> bool:
        """Whether the Hessian is small enough, and its rows are dense."""
        return not (self.n_coords > linalg.TOO_LARGE
                    or is_sparse(self.rows_tr))

    def solver(self, hess_diag: Tensor) -> Solve:
        """``g -> Hess L^-1 g``, by a Cholesky factor, or without the matrix
        where it is not factorised."""
        if not self.is_factorised:
            return lambda g, _=None: linalg.conjugate_gradients(
                lambda v: hessian_product(self, hess_diag, v), g)[0]
        factor = linalg.factorise(self.hessian(hess_diag))
        return lambda g, _=None: linalg.solve_factorised(factor, g)

    def hessian(self, hess_diag: Tensor) -> Tensor:
        """``Hess L`` as a matrix, given the curvatures over n."""
        hess = (self.rows_tr.T * hess_diag[:self.n_tr]) @ self.rows_tr
        hess.addmm_(self.rows_p.T * hess_diag[self.n_tr:], self.rows_p)
        curvature = self.penalty.curvature
        hess.diagonal()[:-1].add_(curvature)
        hess.diagonal()[-1:].add_(curvature * self.penalty.beta)
        return hess
