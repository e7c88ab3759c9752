"""Linear algebra of symmetric positive matrices."""
import functools
import math
import warnings
from typing import Any, Callable, Optional

import numpy as np
import torch
from scipy.linalg import get_blas_funcs, get_lapack_funcs
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

# Above this many rows or columns a matrix is not factorised.
TOO_LARGE = 5000


def uses_blas(x: Tensor) -> bool:
    """Whether SciPy's BLAS and LAPACK can compute with the memory of `x`."""
    return (x.device.type == 'cpu'
            and x.dtype in (torch.float32, torch.float64))


def faster_triangle(dtype: torch.dtype) -> int:
    """The `lower` with which BLAS multiplies by a symmetric matrix sooner:
    OpenBLAS takes a quarter less with it in float64, and more in float32."""
    return int(dtype == torch.float64)


def top_eigenvalue(rows: Tensor) -> float:
    """Largest eigenvalue of ``rows^T rows`` by power iteration.

    Approached from below; stops when one more step changes it by less than a
    thousandth. The start is drawn from a generator of its own: same data, same
    value.
    """
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64,
                    device='cpu')
    v = v.to(rows.device, rows.dtype)
    value, size = 0., _norm(v)
    for _ in range(200):
        v = (rows @ (v / size)) @ rows
        previous, value = value, _norm(v)
        if value <= 0. or abs(value - previous) < 1e-3 * value:
            break
        size = value
    return value


def _norm(v: Tensor) -> float:
    """Euclidean norm, also where the squares are too large for numbers."""
    norm = float(torch.linalg.vector_norm(v))
    if norm < math.inf:
        return norm
    greatest = float(v.abs().max())
    return greatest * float(torch.linalg.vector_norm(v / greatest))


def lanczos(rows: Tensor, products: Optional[Tensor] = None
            ) -> tuple[float, Tensor]:
    """As `top_eigenvalue`, but to rounding, and the unit vector (d,), by
    Lanczos' method (ARPACK); by ``rows rows^T`` where that is given, which
    has the same eigenvalue and is smaller.

    Raises
    ------
    FloatingPointError
        If the rows are too large to be squared.
    """
    def product(v: np.ndarray) -> np.ndarray:
        near = torch.from_numpy(v.ravel()).to(rows)
        far = (rows @ near) @ rows if products is None \
            else symmetric_mv(products, near)
        return far.cpu().numpy()
    squares = float(torch.linalg.vector_norm(rows)) ** 2
    if not squares < float(torch.finfo(rows.dtype).max):
        raise FloatingPointError(
            f'the features have grown past what {rows.dtype} can square, '
            f'{squares:.3g}: bound the points, or pass a smaller step.')
    size = rows.shape[1] if products is None else len(products)
    start = torch.randn(size, dtype=torch.float64, device='cpu',
                        generator=torch.Generator().manual_seed(0))
    value, vectors = eigsh(LinearOperator(
        (size,) * 2, product, dtype=str(rows.dtype)[6:]), 1,
        v0=start.to(rows.dtype).numpy(), tol=float(torch.finfo(
            rows.dtype).eps) ** .75)
    vector = torch.from_numpy(vectors[:, 0]).to(rows)
    if products is not None:
        vector = vector @ rows
        vector /= torch.linalg.vector_norm(vector)
    return float(value[0]), vector


@functools.lru_cache(maxsize=None)
def blas(name: str, dtype: torch.dtype) -> Any:
    """A routine of SciPy's BLAS, looked up once: each time would cost as much
    as a short product."""
    return get_blas_funcs(name, dtype=str(dtype)[6:])


@functools.lru_cache(maxsize=None)
def _potrf(dtype: torch.dtype) -> Any:
    return get_lapack_funcs('potrf', dtype=str(dtype)[6:])


def row_products(x: Tensor) -> Tensor:
    """``X X^T`` of dense rows (n, d); on a CPU by SciPy's BLAS, which computes
    half of it."""
    if not uses_blas(x):
        return x @ x.T
    lower = torch.from_numpy(blas('syrk', x.dtype)(
        1., x.contiguous().numpy().T, trans=1).T)
    return lower + lower.tril(-1).T


def quadratic_forms(matrix: Tensor, x: Tensor) -> Tensor:
    """``x_j . matrix x_j`` of each column of `x` (n, d), (d,). They depend on
    the symmetric part only, and so on a triangle: on a CPU SciPy's BLAS
    multiplies by that, which is half of the work."""
    if not uses_blas(x):
        return (x * (matrix @ x)).sum(0)
    lower = matrix.tril().add_(matrix.triu(1).T)
    product = torch.from_numpy(blas('trmm', x.dtype)(
        1., lower.numpy().T, x.contiguous().numpy().T, side=1).T)
    return product.mul_(x).sum(0)


def symmetric_mv(matrix: Tensor, v: Tensor) -> Tensor:
    """``matrix v`` of a contiguous symmetric matrix; on a CPU by SciPy's
    BLAS, which reads half of it."""
    if not uses_blas(matrix):
        return torch.mv(matrix, v)
    # BLAS reads by columns: the transpose is the same, and not copied
    return torch.from_numpy(blas('symv', matrix.dtype)(
        1., matrix.numpy().T, v.numpy(), lower=faster_triangle(matrix.dtype)))


def factorise(matrix: Tensor) -> Tensor:
    """Lower Cholesky factor, or FloatingPointError where rounding leaves
    none. On a CPU by SciPy's LAPACK, twice as fast as torch's on some; the
    triangle above the diagonal is then whatever `matrix` held, which is
    overwritten."""
    if uses_blas(matrix):
        columns, failed = _potrf(matrix.dtype)(
            matrix.numpy().T, lower=1, clean=0, overwrite_a=1)
        factor = torch.from_numpy(columns)
    else:
        factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        raise singular(matrix.dtype)
    return factor


def solve_factorised(factor: Tensor, v: Tensor) -> Tensor:
    """``(L L^T)^-1 v`` of a lower factor L, (n,). On a CPU by BLAS: torch
    would copy the factor each time."""
    if not uses_blas(factor):
        return torch.cholesky_solve(v[:, None], factor)[:, 0]
    columns, g = factor.numpy(), v.to(factor.dtype).numpy()
    trsv = blas('trsv', factor.dtype)
    return torch.from_numpy(trsv(
        columns, trsv(columns, g, lower=1), lower=1, trans=1)).to(v.dtype)


class SingularHessian(FloatingPointError):
    """The training Hessian cannot be inverted in this precision."""


def singular(dtype: torch.dtype) -> SingularHessian:
    """The error for a training Hessian that cannot be inverted."""
    advice = 'rescale the features' if dtype == torch.float64 \
        else 'use float64'
    return SingularHessian(
        f'the training Hessian is singular in {dtype}: regularise more (a '
        f'larger lambda), or {advice}.')


def unit_scale(width: Tensor) -> Tensor:
    """Widths (d,), scaled to a root mean square of 1; 1 in place of a 0, which
    counts for nothing."""
    varies = width > 0
    # in float64: squares of float32 overflow above 1.8e19
    square = torch.where(varies, width.double().square(), 0.).sum() \
        / varies.sum()
    return torch.where(varies, width / square.sqrt().to(width.dtype), 1.)


def spread_of(x: Tensor) -> float:
    """Root mean square distance of rows (n, d), which may be sparse, from
    their mean."""
    if x.is_sparse_csr:
        mean = x.values().new_full((len(x),), 1 / len(x)) @ x
        square = x.values().square().sum() / len(x) - mean @ mean
    else:
        square = (x - x.mean(0)).square().sum(1).mean()
    return float(square.clamp_min(0.).sqrt())


def warn_imprecise(what: str, value: float, tol: float,
                   dtype: torch.dtype) -> None:
    """Warn that the relative `value` of `what` is above `tol`. Values of
    about the same size have one text, which Python shows once."""
    warnings.warn(
        f'{what} of up to {10. ** np.ceil(np.log10(value)):.0e}, asked for '
        f'{tol:.1e}: regularisation may be too weak for {dtype}.',
        RuntimeWarning, stacklevel=6)


def conjugate_gradients(product: Callable[[Tensor], Tensor], g: Tensor,
                        rtol: float = 1e-10, max_iter: int = 1000, *,
                        precondition: Callable[[Tensor], Tensor]
                        = torch.clone,
                        dot: Callable[[Tensor, Tensor], Tensor] = torch.dot
                        ) -> tuple[Tensor, bool]:
    """``product^-1 g`` for a symmetric positive definite `product`, and
    whether it converged: to a residual of `rtol` relative to `g`, in the norm
    of `precondition`, within `max_iter` products.

    `precondition` is about the inverse of `product`. What it returns may hold
    more than a vector, so long as it is linear, and so does the result; `dot`
    takes a vector and one of these.
    """
    r, p = g.clone(), precondition(g)
    x, rz = torch.zeros_like(p), dot(r, p)
    stop = rtol ** 2 * rz
    for _ in range(max_iter):
        if rz <= stop:
            break
        ap = product(p)
        alpha = rz / dot(ap, p)
        x.add_(alpha * p)
        r.sub_(alpha * ap)
        z = precondition(r)
        rz, previous = dot(r, z), rz
        p.mul_(rz / previous).add_(z)
    # below 0 by rounding only: not where `precondition` is not positive
    return x, bool(-stop <= rz <= stop)
