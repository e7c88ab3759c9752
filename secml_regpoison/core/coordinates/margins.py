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
uses ``u`` itself: a product costs ``n d``. `Gram` uses coordinates in the
training rows, ``u = A^T alpha + e (0, 1)``: a product with ``A^T`` is then
free and one with ``A`` is a product with ``K = A A^T``, ``n n``. From
``u_0 = 0`` training never leaves that span (``e`` is what the bias owes to
not being penalised), and the adjoint vectors of the reverse pass leave it
only by one direction, the gradient of the validation loss: it is kept as one
more coordinate.
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


def hessian_product(form, s, v):
    """``Hess L v = A^T (s * (A v)) + mu (v_w, 0)``, in coordinates."""
    out = torch.zeros_like(v)
    form.add_penalty(out, v)
    form.add_lift(out, s * form.scores(v, torch.empty_like(s)), 1.)
    return out


def factorise(matrix):
    """Cholesky factor, or FloatingPointError where rounding leaves none."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        raise singular(matrix.dtype)
    return factor


def singular(dtype):
    """The error for a training Hessian that cannot be inverted."""
    advice = 'rescale the features' if dtype == torch.float64 \
        else 'use float64'
    return FloatingPointError(
        f'the training Hessian is singular in {dtype}: regularise more (a '
        f'larger lambda), or {advice}.')


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
