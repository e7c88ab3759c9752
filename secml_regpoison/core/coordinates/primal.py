"""Training in the model's own coordinates: two products with the data."""
import torch

from . import margins as logistic
from .margins import conjugate_gradients, factorise, hessian_product
from ..solvers.heavy_ball import primal_steps


class Primal:
    """Coordinates ``u = (w, b)``, shape (d + 1,).

    Parameters
    ----------
    problem : Problem
        The fixed data.
    rows_p : Tensor, shape (p, d + 1)
        Folded poisoning rows. They stay a block of their own: copying the
        design matrix would cost as much as a product with it.
    mu : float
        Strength of the penalty.
    """

    def __init__(self, problem, rows_p, mu):
        self.rows, self.rows_p, self.mu = problem.rows_tr, rows_p, mu
        self.n_tr, self.n = problem.n_tr, problem.n_tr + rows_p.shape[0]
        self.n_coords = rows_p.shape[1]

    steps = staticmethod(primal_steps)

    @property
    def operands(self):
        """The data of a step."""
        return self.rows, self.rows_p

    def scores(self, u, out):
        """``A u``, written to `out` (n,)."""
        torch.mv(self.rows, u, out=out[:self.n_tr])
        torch.mv(self.rows_p, u, out=out[self.n_tr:])
        return out

    def add_lift(self, u, r, alpha):
        """``u += alpha A^T r`` in place, `r` (n,)."""
        u.addmv_(self.rows.T, r[:self.n_tr], alpha=alpha)
        u.addmv_(self.rows_p.T, r[self.n_tr:], alpha=alpha)

    def add_penalty(self, out, u):
        """``out += mu (u_w, 0)`` in place, rows of coordinates or one."""
        out[..., :-1].add_(u[..., :-1], alpha=self.mu)

    def seed(self, rows_val, r_val):
        """Coordinates of ``A_val^T r_val``."""
        return rows_val.T @ r_val

    def val_scores(self, rows_val, u):
        """``A_val u``, shape (m,)."""
        return rows_val @ u

    def weights(self, coords):
        """Rows of coordinates (k, .) to rows of weights (k, d)."""
        return coords[:, :-1]

    def biases(self, coords):
        """Coordinates (..., n_coords) to biases (...)."""
        return coords[..., -1]

    def scores_many(self, u):
        """`scores` of the rows of `u`, (k, n)."""
        return torch.cat([u @ self.rows.T, u @ self.rows_p.T], 1)

    def lift_many(self, r):
        """Coordinates of ``A^T r`` for the rows of `r`, (k, n_coords)."""
        return (r[:, :self.n_tr] @ self.rows
                + r[:, self.n_tr:] @ self.rows_p)

    def moved_scores(self, row, u, w):
        """Change of the scores of `u` as each weight of `row` moves, (d, n),
        beyond what its change of coordinates explains."""
        out = w.new_zeros(len(w), self.n)
        out[:, row] = w
        return out

    def moved_lift(self, r, d):
        """Change of ``A^T r`` as each weight of the row of `r` moves."""
        return r * torch.eye(d, d + 1).to(r)

    def moved_inner(self, row, u, seed):
        """Change of ``seed . u`` beyond its change of coordinates, (d,)."""
        return 0.

    def inner(self, p, scores_p, u):
        """``p_t . u_t`` row by row, (k,)."""
        return (p * u).sum(1)

    def dot(self, u, v, scores_v):
        """``u . v`` of two vectors, 0-d."""
        return u @ v

    def solver(self, s):
        """``g -> Hess L^-1 g`` for coordinates `g`, by a Cholesky factor, or
        without the matrix where it would be too large to factorise."""
        if self.n_coords > logistic.TOO_LARGE:
            return lambda g: conjugate_gradients(
                lambda v: hessian_product(self, s, v), g)
        hess = (self.rows.T * s[:self.n_tr]) @ self.rows
        hess.addmm_(self.rows_p.T * s[self.n_tr:], self.rows_p)
        hess.diagonal()[:-1].add_(self.mu)
        factor = factorise(hess)
        return lambda g: torch.cholesky_solve(g[:, None], factor)[:, 0]
