"""Training in the span of the training rows: one product with the kernel."""
import torch

from . import margins as logistic
from .margins import factorise
from .primal import Primal
from ..solvers.heavy_ball import gram_steps


class Gram:
    """Coordinates (alpha, c, e), shape (n + 2,):
    ``u = A^T alpha + c g + e (0, 1)``.

    ``g`` is the direction last passed to `seed`. One matrix, (n + 2, n + 2),

        [    A A^T        A g        a_b  ]  scores A u
        [      0           0          0   ]
        [ -n mu a_b^T  -n mu g_b   -n mu  ]  -n mu b

    turns coordinates into all that a training step needs. Only the rows and
    columns of the poisoning points are computed here; the block of the fixed
    rows is the problem's, once.

    Parameters as for `Primal`.
    """

    def __init__(self, problem, rows_p, mu):
        self.problem, self.rows_p, self.mu = problem, rows_p, mu
        n_tr, p = problem.n_tr, rows_p.shape[0]
        self.n_tr, self.n = n_tr, n_tr + p
        self.n_coords = self.n + 2
        self.system = rows_p.new_zeros(self.n_coords, self.n_coords)
        self.kernel = k = self.system[:self.n]
        k[:n_tr, :n_tr] = problem.gram
        k[n_tr:, :n_tr] = rows_p @ problem.rows_tr.T
        k[:n_tr, n_tr:self.n] = k[n_tr:, :n_tr].T
        k[n_tr:, n_tr:self.n] = rows_p @ rows_p.T
        k[:n_tr, -1], k[n_tr:, -1] = problem.rows_tr[:, -1], rows_p[:, -1]
        self.direction = rows_p.new_zeros(rows_p.shape[1])
        self._weigh_biases()

    def _weigh_biases(self):
        """What `biases` weighs coordinates by, and the last row from it."""
        self.bias = torch.cat([self.kernel[:, -1], self.direction[-1:],
                               self.direction.new_ones(1)])
        torch.mul(self.bias, -self.n * self.mu, out=self.system[-1])

    steps = staticmethod(gram_steps)

    @property
    def operands(self):
        """The data of a step."""
        return self.system,

    def scores(self, u, out):
        """``A u``, written to `out` (n,)."""
        return torch.mv(self.kernel, u, out=out)

    def add_lift(self, u, r, alpha):
        """``u += alpha A^T r`` in place, `r` (n,)."""
        u[:self.n].add_(r, alpha=alpha)

    def add_penalty(self, out, u):
        """``out += mu (u_w, 0)`` in place, rows of coordinates or one."""
        out.add_(u, alpha=self.mu)
        out[..., -1].sub_(self.biases(u), alpha=self.mu)

    def seed(self, rows_val, r_val):
        """Coordinates of ``A_val^T r_val``, which becomes ``g``."""
        self.direction = g = r_val @ rows_val
        self.kernel[:self.n_tr, self.n] = r_val @ self.problem.gram_val(
            rows_val)
        self.kernel[self.n_tr:, self.n] = self.rows_p @ g
        self._weigh_biases()
        u = r_val.new_zeros(self.n_coords)
        u[-2] = 1.
        return u

    def val_scores(self, rows_val, u):
        """``A_val u`` for `u` in the span of the training rows, (m,)."""
        beside = u[self.n_tr:self.n] @ self.rows_p
        beside[-1] += u[-1]
        h = self.problem.gram_val(rows_val) @ u[:self.n_tr]
        return h.addmv_(rows_val, beside)

    def weights(self, coords):
        """Rows of coordinates (k, .) to rows of weights (k, d)."""
        w = coords[:, :self.n_tr] @ self.problem.rows_tr[:, :-1]
        w.addmm_(coords[:, self.n_tr:self.n], self.rows_p[:, :-1])
        return w.addr_(coords[:, -2], self.direction[:-1])

    def biases(self, coords):
        """Coordinates (..., n_coords) to biases (...)."""
        return coords @ self.bias

    # As the weights of a row move by delta, coordinates alone mean weights
    # that move by alpha_row delta: the moved_* below account for it.

    def scores_many(self, u):
        """`scores` of the rows of `u`, (k, n)."""
        return u @ self.kernel.T

    def lift_many(self, r):
        """Coordinates of ``A^T r`` for the rows of `r`, (k, n_coords)."""
        return torch.nn.functional.pad(r, (0, 2))

    def moved_scores(self, row, u, w):
        """Change of the scores of `u` as each weight of `row` moves, (d, n),
        beyond what its change of coordinates explains."""
        out = u[row] * torch.cat([self.problem.rows_tr[:, :-1].T,
                                  self.rows_p[:, :-1].T], 1)
        out[:, row] += w
        return out

    def moved_lift(self, r, d):
        """Change of ``A^T r`` as each weight of the row of `r` moves."""
        return 0.

    def moved_inner(self, row, u, seed):
        """Change of ``seed . u`` beyond its change of coordinates, (d,)."""
        return u[row] * self.weights(seed[None])[0]

    def inner(self, p, scores_p, u):
        """``p_t . u_t`` row by row, for `u` in the span:
        ``p . A^T alpha + p_b e = (A p) . alpha + p_b e``; (k,)."""
        return (scores_p * u[:, :self.n]).sum(1) + self.biases(p) * u[:, -1]

    def dot(self, u, v, scores_v):
        """``u . v`` of two vectors, 0-d."""
        along = (v[:self.n] @ self.kernel[:, self.n] + v[-1]
                 * self.direction[-1] + v[-2] * self.direction
                 @ self.direction)
        return (u[:self.n] @ scores_v + u[-2] * along
                + u[-1] * self.biases(v))

    def solver(self, s):
        """``g -> Hess L^-1 g`` for coordinates `g`.

        Woodbury's identity on the weights, ``B = mu + A_w^T S A_w``:

            B^-1 v = (v - A_w^T R M^-1 R A_w v) / mu,   R = S^(1/2),
            M = mu + R A_w A_w^T R   (n x n, factorised once),

        then the bias by the Schur complement of ``B`` in the Hessian.
        """
        n, mu, root, bias = self.n, self.mu, s.sqrt(), self.bias[:self.n]
        # scores of (alpha, c) by the weights alone
        k_w = self.kernel[:, :-1] - torch.outer(bias, self.bias[:-1])
        m = k_w[:, :n] * root * root[:, None]
        m.diagonal().add_(mu)
        factor = factorise(m)

        def weights_solve(v):
            score = root * (k_w @ v)
            inside = torch.cholesky_solve(score[:, None], factor)[:, 0]
            v = v.clone()
            v[:n] -= root * inside
            return v / mu

        cross = torch.zeros_like(self.bias[:-1])
        cross[:n] = s * bias
        via_bias = weights_solve(cross)
        schur = s.sum() - (s * bias) @ (k_w @ via_bias)

        def solve(g):
            via_g = weights_solve(g[:-1])
            b = (self.biases(g) - (s * bias) @ (k_w @ via_g)) / schur
            weights = via_g - b * via_bias
            return torch.cat([weights, (b - weights @ self.bias[:-1])[None]])
        return solve


def choose_form(problem, rows_p, mu, form='auto', method='rmd'):
    """The cheaper form.

    A training step costs ``n n`` in `Gram` and ``2 n d`` in `Primal`. The
    implicit method factorises n x n or d x d, the smaller; where both are
    too large, `Primal` solves without a matrix.
    """
    n, d = problem.n_tr + rows_p.shape[0], rows_p.shape[1] - 1
    if form == 'auto':
        gram = (n < d and n <= logistic.TOO_LARGE if method == 'implicit'
                else n < 2 * d)
        form = 'gram' if gram else 'primal'
    return {'primal': Primal, 'gram': Gram}[form](problem, rows_p, mu)
