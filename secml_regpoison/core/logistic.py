"""The logistic objective and its closed-form derivatives, in two forms.

With the folded rows ``a_i = -y_i (x_i, 1)`` and ``u = (w, b)``, training
minimises

    L(u) = (1/n) sum_i softplus(a_i . u) + mu/2 ||w||^2,  mu = exp(lmbda)/n

(the bias is not penalised) and everything below follows from it:

    grad L   = A^T q / n + mu (w, 0)          q = sigma(A u)
    Hess L v = A^T (s * (A v)) + mu (v_w, 0)  s = q (1 - q) / n

The label, the bias and the sign are folded into the rows once, so that one
training step is two products with ``A`` and a handful of vector operations.

Both forms offer the same operations on a vector of *coordinates*. `Primal`
uses ``u`` itself: a product costs ``n d``. `Gram` uses the coordinates of
``w`` in the training rows, ``w = A_w^T alpha``: a product with ``A^T`` is
then free and one with ``A`` is a product with ``K = A_w A_w^T``, ``n n``.
From ``u_0 = 0`` training never leaves that span, and the adjoint vectors of
the reverse pass leave it only by one direction, the gradient of the
validation loss: it is kept as one more coordinate.
"""
import torch
from torch.nn.functional import logsigmoid

# Above this many rows or columns a matrix is not factorised.
TOO_LARGE = 5000


def fold(x, y):
    """Folded rows ``-y_i (x_i, 1)``: (n, d) and (n,) give (n, d + 1)."""
    rows = x.new_empty(x.shape[0], x.shape[1] + 1)
    torch.mul(x, -y[:, None], out=rows[:, :-1])
    rows[:, -1] = -y
    return rows


def softplus_mean(h):
    """Mean logistic loss ``(1/m) sum_j softplus(h_j)``, in nats."""
    # torch's softplus is linear past 20; -logsigmoid(-h) is exact throughout
    return -logsigmoid(-h).mean()


def top_eigenvalue(rows, rtol=1e-3, max_iter=200):
    """Largest eigenvalue of ``rows^T rows`` by power iteration.

    Approached from below; stops when one more step changes it by less than
    `rtol`. The start is drawn from a generator of its own: same data, same
    value.
    """
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64)
    v = v.to(rows)
    value = 0.
    for _ in range(max_iter):
        v = rows.T @ (rows @ (v / torch.linalg.vector_norm(v)))
        previous, value = value, float(torch.linalg.vector_norm(v))
        if value <= 0. or abs(value - previous) < rtol * value:
            break
    return value


def hessian_product(form, s, mu, v):
    """``Hess L v = A^T (s * (A v)) + mu (v_w, 0)``, in coordinates."""
    out = mu * v
    out[-1] = 0.
    form.add_lift(out, s * form.scores(v, torch.empty_like(s)), 1.)
    return out


def factorise(matrix):
    """Cholesky factor, or FloatingPointError where rounding leaves none."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        raise FloatingPointError(
            f'the training Hessian is singular in {matrix.dtype}: regularise '
            'more (a larger lambda), or use float64.')
    return factor


def conjugate_gradients(product, g, rtol=1e-10, max_iter=1000):
    """``product^-1 g`` for a symmetric positive definite `product`.

    Stops at a residual of `rtol` relative to `g`, or at `max_iter`: who
    needs to know how near it came computes the residual.
    """
    x, r, p = torch.zeros_like(g), g.clone(), g.clone()
    rr = stop = r @ r
    for _ in range(max_iter):
        if rr <= rtol ** 2 * stop:
            break
        ap = product(p)
        alpha = rr / (p @ ap)
        x.add_(alpha * p)
        r.sub_(alpha * ap)
        rr, previous = r @ r, rr
        p.mul_(rr / previous).add_(r)
    return x


class Primal:
    """Coordinates ``u = (w, b)``, shape (d + 1,).

    Parameters
    ----------
    problem : Problem
        The fixed data.
    rows_p : Tensor, shape (p, d + 1)
        Folded poisoning rows. They stay a block of their own: copying the
        design matrix would cost as much as a product with it.
    """

    def __init__(self, problem, rows_p):
        self.rows, self.rows_p = problem.rows_tr, rows_p
        self.n_tr, self.n = problem.n_tr, problem.n_tr + rows_p.shape[0]
        self.n_coords = rows_p.shape[1]

    def scores(self, u, out):
        """``A u``, written to `out` (n,)."""
        torch.mv(self.rows, u, out=out[:self.n_tr])
        torch.mv(self.rows_p, u, out=out[self.n_tr:])
        return out

    def add_lift(self, u, r, alpha):
        """``u += alpha A^T r`` in place, `r` (n,)."""
        u.addmv_(self.rows.T, r[:self.n_tr], alpha=alpha)
        u.addmv_(self.rows_p.T, r[self.n_tr:], alpha=alpha)

    def seed(self, rows_val, r_val):
        """Coordinates of ``A_val^T r_val``."""
        return rows_val.T @ r_val

    def val_scores(self, rows_val, u):
        """``A_val u``, shape (m,)."""
        return rows_val @ u

    def weights(self, coords):
        """Rows of coordinates (k, .) to rows of weights (k, d)."""
        return coords[:, :-1]

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

    def inner_rows(self, p, scores_p, u):
        """``p_t . w_t`` row by row, weights only, (k,)."""
        return (p[:, :-1] * u[:, :-1]).sum(1)

    def dot(self, u, v, scores_v):
        """``u_w . v_w``, the bias left out."""
        return u[:-1] @ v[:-1]

    def solve(self, s, mu, g):
        """``Hess L^-1 g`` for coordinates `g`, by a Cholesky factor, or
        without the matrix where it would be too large to factorise."""
        if self.n_coords > TOO_LARGE:
            return conjugate_gradients(
                lambda v: hessian_product(self, s, mu, v), g)
        hess = (self.rows.T * s[:self.n_tr]) @ self.rows
        hess.addmm_(self.rows_p.T * s[self.n_tr:], self.rows_p)
        hess.diagonal()[:-1].add_(mu)
        factor = factorise(hess)
        return torch.cholesky_solve(g[:, None], factor)[:, 0]


class Gram:
    """Coordinates (alpha, c, b), shape (n + 2,): ``w = A_w^T alpha + c g``.

    ``g`` is the direction last passed to `seed`. The matrix
    ``[A_w A_w^T | A_w g | a_b]``, shape (n, n + 2), turns coordinates into
    scores in one product. Only the rows and columns of the poisoning points
    are computed here; the block of the fixed rows is the problem's, once.

    Parameters as for `Primal`.
    """

    def __init__(self, problem, rows_p):
        self.problem, self.rows_p = problem, rows_p
        n_tr, p = problem.n_tr, rows_p.shape[0]
        self.n_tr, self.n, self.n_coords = n_tr, n_tr + p, n_tr + p + 2
        w_p = rows_p[:, :-1]
        self.kernel = k = rows_p.new_zeros(self.n, self.n_coords)
        k[:n_tr, :n_tr] = problem.gram
        k[n_tr:, :n_tr] = w_p @ problem.rows_tr[:, :-1].T
        k[:n_tr, n_tr:self.n] = k[n_tr:, :n_tr].T
        k[n_tr:, n_tr:self.n] = w_p @ w_p.T
        k[:n_tr, -1], k[n_tr:, -1] = problem.rows_tr[:, -1], rows_p[:, -1]
        self.bias = k[:, -1].clone()[None]
        self.direction = None

    def scores(self, u, out):
        """``A u``, written to `out` (n,)."""
        return torch.mv(self.kernel, u, out=out)

    def add_lift(self, u, r, alpha):
        """``u += alpha A^T r`` in place, `r` (n,)."""
        u[:self.n].add_(r, alpha=alpha)
        u[-1:].addmv_(self.bias, r, alpha=alpha)

    def _val_kernel(self, rows_val):
        """``A_w,val A_w^T`` in its two blocks, (m, n_tr) and (m, p)."""
        return (self.problem.gram_val(rows_val),
                rows_val[:, :-1] @ self.rows_p[:, :-1].T)

    def seed(self, rows_val, r_val):
        """Coordinates of ``A_val^T r_val``; its weights become ``g``."""
        k_tr, k_p = self._val_kernel(rows_val)
        self.kernel[:self.n_tr, self.n] = r_val @ k_tr
        self.kernel[self.n_tr:, self.n] = r_val @ k_p
        self.direction = r_val @ rows_val[:, :-1]
        u = r_val.new_zeros(self.n_coords)
        u[-2], u[-1] = 1., rows_val[:, -1] @ r_val
        return u

    def val_scores(self, rows_val, u):
        """``A_val u`` for `u` in the span of the training rows, (m,)."""
        k_tr, k_p = self._val_kernel(rows_val)
        h = torch.addmv(rows_val[:, -1] * u[-1], k_tr, u[:self.n_tr])
        return h.addmv_(k_p, u[self.n_tr:self.n])

    def weights(self, coords):
        """Rows of coordinates (k, .) to rows of weights (k, d)."""
        w = coords[:, :self.n_tr] @ self.problem.rows_tr[:, :-1]
        w.addmm_(coords[:, self.n_tr:self.n], self.rows_p[:, :-1])
        if self.direction is not None:
            w.addr_(coords[:, -2], self.direction)
        return w

    # As the weights of a row move by delta, coordinates alone mean weights
    # that move by alpha_row delta: the moved_* below account for it.

    def scores_many(self, u):
        """`scores` of the rows of `u`, (k, n)."""
        return u @ self.kernel.T

    def lift_many(self, r):
        """Coordinates of ``A^T r`` for the rows of `r`, (k, n_coords)."""
        return torch.cat([r, torch.zeros_like(r[:, :1]), r @ self.bias.T], 1)

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

    def inner_rows(self, p, scores_p, u):
        """``p_t . w_t`` row by row, weights only, for `u` in the span:
        ``p . A_w^T alpha = (A p - a_b p_b) . alpha``; (k,)."""
        return ((scores_p - p[:, -1:] * self.bias) * u[:, :self.n]).sum(1)

    def dot(self, u, v, scores_v):
        """``u_w . v_w``, the bias left out."""
        out = u[:self.n] @ (scores_v - self.bias[0] * v[-1])
        if self.direction is not None:
            out += u[-2] * (v[:self.n] @ self.kernel[:, self.n]
                            + v[-2] * self.direction @ self.direction)
        return out

    def solve(self, s, mu, g):
        """``Hess L^-1 g`` for coordinates `g`.

        Woodbury's identity on the weights, ``B = mu + A_w^T S A_w``:

            B^-1 v = (v - A_w^T R M^-1 R A_w v) / mu,   R = S^(1/2),
            M = mu + R K R   (n x n, factorised once),

        then the bias by the Schur complement of ``B`` in the Hessian.
        """
        root = s.sqrt()
        m = self.kernel[:, :self.n] * root * root[:, None]
        m.diagonal().add_(mu)
        factor = factorise(m)

        def weights_solve(v):
            score = root * (self.kernel[:, :-1] @ v)
            inside = torch.cholesky_solve(score[:, None], factor)[:, 0]
            v = v.clone()
            v[:self.n] -= root * inside
            return v / mu

        bias = self.bias[0]
        cross = torch.zeros_like(g[:-1])
        cross[:self.n] = s * bias
        via_bias, via_g = weights_solve(cross), weights_solve(g[:-1])
        scores_bias = self.kernel[:, :-1] @ via_bias
        scores_g = self.kernel[:, :-1] @ via_g
        schur = s.sum() - (s * bias) @ scores_bias
        b = (g[-1] - (s * bias) @ scores_g) / schur
        return torch.cat([via_g - b * via_bias, b[None]])


def choose_form(problem, rows_p, form='auto', method='rmd'):
    """The cheaper form.

    A training step costs ``n n`` in `Gram` and ``2 n d`` in `Primal`. The
    implicit method factorises n x n or d x d, the smaller; where both are
    too large, `Primal` solves without a matrix.
    """
    n, d = problem.n_tr + rows_p.shape[0], rows_p.shape[1] - 1
    if form == 'auto':
        gram = n < d and n <= TOO_LARGE if method == 'implicit' else n < 2 * d
        form = 'gram' if gram else 'primal'
    return {'primal': Primal, 'gram': Gram}[form](problem, rows_p)
