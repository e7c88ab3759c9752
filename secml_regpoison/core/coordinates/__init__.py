"""Coordinates in which a linear model is trained, and their choice."""
from typing import TYPE_CHECKING, Callable, Union

from torch import Tensor

from .. import linalg
from ..penalties import L1, L2
from .classes import ClassCoordinates
from .kernel import KernelCoordinates
from .margins import Coordinates, RowFactors, Solve, hessian_product
from .primal import PrimalCoordinates
from .proximal import ProximalCoordinates, SupportCoordinates
from .rows import n_stored, signed_rows

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ['Coordinates', 'KernelCoordinates', 'PrimalCoordinates',
           'RowFactors', 'Solve', 'SupportCoordinates', 'has_small_kernel',
           'hessian_product', 'make_coordinates', 'signed_rows']


def has_small_kernel(n: int, d: int, n_vectors: int = 1) -> bool:
    """Whether the kernel of n rows is what 'implicit' factorises."""
    return n < d and n_vectors * n <= linalg.TOO_LARGE


def make_coordinates(problem: 'Problem', rows_p: Tensor,
                     penalty: Union[L1, L2], form: str = 'auto',
                     method: str = 'rmd') -> Coordinates:
    """Coordinates of the form asked for, or of the cheaper form.

    A training step costs ``n n`` in kernel coordinates and ``2 n d`` in
    primal ones, or twice the non-zeros of sparse rows. The implicit method
    factorises n x n or d x d, the smaller; where both are too large, primal
    coordinates solve without a matrix. Kernel coordinates need one isotropic
    L2 and are not chosen otherwise. Of k classes, k - 1 times as many
    unknowns are factorised.
    """
    n_vectors = 1 if problem.n_classes is None else problem.n_classes - 1
    n_p, d = rows_p.shape[0], rows_p.shape[1] - 1
    n = problem.n_tr + n_p
    if form == 'auto':
        cheaper = (has_small_kernel(n, d, n_vectors)
                   if method == 'implicit'
                   else n * n < 2 * (n_stored(problem.x_tr) + n_p * d))
        form = 'gram' if cheaper and penalty.is_isotropic else 'primal'
    if form == 'primal' and not penalty.is_smooth:
        return ProximalCoordinates(problem, rows_p, penalty)
    kind: Callable[..., Coordinates] = KernelCoordinates if form == 'gram' \
        else PrimalCoordinates
    coordinates = kind(problem, rows_p, penalty)
    if problem.n_classes is not None:
        coordinates = ClassCoordinates(coordinates, n_vectors)
    return coordinates
