"""Training in the span of the training rows: one product with the kernel.

Use them where ``n < 2 d``: a step then costs one product of n x n instead of
two of n x d. With one strength for all weights, ``mu (w, beta b)`` stays in
the span; another penalty leaves it.
"""
import copy
from typing import TYPE_CHECKING, Callable, Optional

import torch
from torch import Tensor

from ..linalg import (
    factorise, quadratic_forms, solve_factorised, symmetric_mv, uses_blas)
from ..penalties import L2
from .kernel_steps import kernel_steps
from .margins import (
    RowFactors, Solve, add_penalty, row_factors, with_penalty)
from .rows import bias_column, weight_products, weight_scores, weight_sum

if TYPE_CHECKING:
    from ..problem import Problem


# `solver` factorises in float32, in half the time, from this many rows on and
# up to this bound on the condition number. The factor is then right to two
# digits at least, and each step with it gains as many.
MIN_ROWS, MAX_CONDITION = 400, 1e5


class KernelCoordinates:
    """Coordinates (alpha, c, b), shape (n + 2,):
    ``w = X^T alpha + c g``, the bias on its own; see `.margins.Coordinates`.

    ``X`` are the weights of the signed rows, ``a`` their bias column and
    ``g`` the weights of the direction last passed to `val_rmatvec`, 0 before.
    With ``K = X X^T`` and ``k_g = X g`` the scores are

        A u = K alpha + c k_g + b a

    Only the rows and columns of the poisoning points are computed here; the
    block of the fixed rows is the problem's, once.

    Parameters as for `PrimalCoordinates`; the penalty is isotropic.
    """

    steps = staticmethod(kernel_steps)
    row_factors, with_penalty = row_factors, with_penalty
    add_penalty = add_penalty

    def __init__(self, problem: 'Problem', rows_p: Tensor, penalty: L2):
        self.problem, self.rows_tr = problem, problem.rows_tr
        self.rows_p, self.penalty = rows_p, penalty
        n_tr, p = problem.n_tr, rows_p.shape[0]
        self.n_tr, self.n = n_tr, n_tr + p
        self.n_coords = self.n + 2
        w_p = rows_p[:, :-1]
        self.kernel = k = rows_p.new_empty(self.n, self.n)
        k[:n_tr, :n_tr] = problem.gram
        k[n_tr:, :n_tr] = weight_products(rows_p, self.rows_tr)
        k[:n_tr, n_tr:] = k[n_tr:, :n_tr].T
        torch.mm(w_p, w_p.T, out=k[n_tr:, n_tr:])
        self.direction = rows_p.new_zeros(rows_p.shape[1] - 1)
        # k_g and a
        self.beside = rows_p.new_zeros(2, self.n)
        self.beside[1] = torch.cat([bias_column(self.rows_tr),
                                    rows_p[:, -1]])
        # of a vector, the products of its weights with g and of its bias
        self.along = rows_p.new_zeros(2, self.n_coords)
        self.along[1, -1] = 1.

    def twin(self) -> 'KernelCoordinates':
        """The same coordinates, for a direction of their own."""
        twin = copy.copy(self)
        twin.beside = self.beside.clone()
        twin.along = self.along.clone()
        return twin

    @property
    def bias(self) -> Tensor:
        """Bias column ``a`` of the rows, (n,)."""
        return self.beside[1]

    @property
    def data(self) -> tuple[Tensor, ...]:
        return (self.kernel, self.beside,
                self.kernel.new_tensor(1 - self.penalty.beta))

    def matvec(self, u: Tensor) -> Tensor:
        return torch.addmv(symmetric_mv(self.kernel, u[:self.n]),
                           self.beside.T, u[self.n:])

    def add_rmatvec(self, u: Tensor, r: Tensor, alpha: float) -> None:
        u[:self.n].add_(r, alpha=alpha)
        u[-1].add_(self.bias @ r, alpha=alpha)

    def _gram_val(self, rows_val: Tensor) -> Tensor:
        """The problem's products of a player's rows with the fixed ones."""
        return self.problem.gram_val if rows_val is self.problem.rows_val \
            else self.problem.gram_attacker

    def val_matvec(self, rows_val: Tensor, u: Tensor) -> Tensor:
        if self.problem.rows_move:
            h = weight_scores(rows_val, self.weights(u[None])[0])
            return h.addcmul_(bias_column(rows_val), u[-1])
        h = self._gram_val(rows_val) @ u[:self.n_tr]
        w_p = u[self.n_tr:self.n] @ self.rows_p[:, :-1]
        h.add_(weight_scores(rows_val, w_p))
        return h.addcmul_(bias_column(rows_val), u[-1])

    def val_rmatvec(self, rows_val: Tensor, r_val: Tensor) -> Tensor:
        """Coordinates of ``A_val^T r_val``, whose weights become ``g``."""
        self.direction = g = weight_sum(r_val, rows_val)
        self.beside[0, :self.n_tr] = weight_scores(self.rows_tr, g) \
            if self.problem.rows_move \
            else r_val @ self._gram_val(rows_val)
        self.beside[0, self.n_tr:] = self.rows_p[:, :-1] @ g
        self.along[0, :self.n], self.along[0, -2] = self.beside[0], g @ g
        u = r_val.new_zeros(self.n_coords)
        u[-2], u[-1] = 1., r_val @ bias_column(rows_val)
        return u

    def weights(self, coords: Tensor) -> Tensor:
        w = weight_sum(coords[:, :self.n_tr], self.rows_tr)
        w.addmm_(coords[:, self.n_tr:self.n], self.rows_p[:, :-1])
        return w.addr_(coords[:, -2], self.direction)

    def column_products(self, factors: RowFactors) -> Tensor:
        """Step by step if there are few steps, else through one n x n
        matrix."""
        if self.n > 8 * len(factors.p):
            return factors.products_over_steps(lambda rows: rows[:, :-1])
        x = torch.cat([self.rows_tr[:, :-1], self.rows_p[:, :-1]])
        coords = factors.product()
        return (quadratic_forms(coords[:, :self.n], x)
                + self.direction * (coords[:, -2] @ x))

    def biases(self, coords: Tensor) -> Tensor:
        return coords[..., -1]

    def inner(self, p: Tensor, scores_p: Tensor, u: Tensor) -> Tensor:
        """``p_t . u_t`` row by row, for `u` in the span: ``(X p_w) . alpha +
        p_b b`` with ``X p_w = A p - p_b a``; (k,)."""
        alpha = u[:, :self.n]
        return ((scores_p * alpha).sum(1)
                + p[:, -1] * (u[:, -1] - alpha @ self.bias))

    def dot(self, u: Tensor, v: Tensor, scores_v: Tensor) -> Tensor:
        """``u . v`` of vectors (..., n_coords) and one, (...)."""
        by_alpha = torch.addcmul(scores_v, self.bias, v[-1], value=-1)
        return u @ torch.cat([by_alpha, self.along @ v])

    def solver(self, hess_diag: Tensor) -> Solve:
        """``g -> Hess L^-1 g`` for coordinates `g`.

        The weights' block ``B = mu + X^T S X`` by Woodbury's identity,

            B^-1 v = (v - X^T R M^-1 R X v) / mu,   R = S^(1/2),
            M = mu + R K R   (n x n, factorised once),

        and the bias by the Schur complement of ``B`` in the Hessian.
        """
        solve_w, sa = self._woodbury(hess_diag), hess_diag * self.bias
        score, mu = symmetric_mv(self.kernel, sa), self.penalty.strength
        via_bias = solve_w(sa, score)
        schur = hess_diag.sum() + mu * self.penalty.beta - via_bias @ score

        def solve(g: Tensor, scores: Optional[Tensor] = None) -> Tensor:
            scores = self.matvec(g) if scores is None else scores
            score = torch.addcmul(scores, self.bias, g[-1], value=-1)
            b = (g[-1:] - via_bias @ score) / schur
            alpha = solve_w(g[:-2], score).sub_(b * via_bias)
            return torch.cat([alpha, g[-2:-1] / mu, b])
        return solve

    def _woodbury(self, hess_diag: Tensor
                  ) -> Callable[[Tensor, Tensor], Tensor]:
        """``(v, X v) -> B^-1 v``, the alphas of v and of the result; see
        `solver`."""
        mu, root = self.penalty.strength, hess_diag.sqrt()
        m = (self.kernel * root).mul_(root[:, None])
        m.diagonal().add_(mu)
        if (uses_blas(m) and self.n >= MIN_ROWS
                and float(hess_diag @ self.kernel.diagonal())
                <= MAX_CONDITION * mu):
            m = m.float()
        factor = factorise(m)

        def solve(alpha: Tensor, score: Tensor) -> Tensor:
            inside = solve_factorised(factor, root * score)
            return (alpha - root * inside).div_(mu)
        return solve
