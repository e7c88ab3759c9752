"""Hypergradients of the trained optimum, by the implicit function theorem.

At the optimum ``grad L(u*; X_p, lmbda) = 0`` whatever the points and lambda,
so ``Hess L du* + d(grad L) = 0``, and with ``p`` the solution of the linear
system

    Hess L(u*) p = grad_u A(u*)

the derivative of ``A`` is ``-p . d/d(X_p, lmbda) grad L(u*)``: the limit of
reverse mode for T -> infinity.
"""
import math
import warnings
from typing import Callable

import torch
from torch import Tensor

from ..coordinates import hessian_product
from ..linalg import singular
from .newton import REUSE_FACTOR, norm
from .training import TrainedModel, Training, vjp_points_lambda


def reverse(model: TrainedModel, grad_val: Tensor, training: Training,
            first_row: int) -> tuple[Tensor, Tensor]:
    """Arguments and results as of `.rmd.reverse`."""
    p, residual = solve_hessian(model, grad_val)
    tol = 1e-6 if p.dtype == torch.float64 else 1e-2
    if not residual <= tol:
        warnings.warn(
            f'the linear solve reached a relative residual of {residual:.1e},'
            f' asked for {tol:.1e}: regularisation may be too weak for '
            f'{p.dtype}.', RuntimeWarning, stacklevel=5)
    scores = model.coordinates.matvec(p)
    return vjp_points_lambda(model, p[None], scores[None], -1., first_row)


def solve_hessian(model: TrainedModel,
                  grad_val: Tensor) -> tuple[Tensor, float]:
    """``p = Hess^-1 grad_val`` at the model, and the relative residual."""
    coordinates = model.coordinates
    s = model.loss.curvature(model.scores[-1]) / coordinates.n
    first = norm(coordinates, grad_val)
    tol = first * (1e-12 if grad_val.dtype == torch.float64 else 1e-6)

    def refine(solve: Callable[[Tensor], Tensor], p: Tensor, residual: Tensor,
               size: float) -> tuple[Tensor, Tensor, float]:
        """Iterative refinement, until the residual stops shrinking by
        `REUSE_FACTOR`."""
        before = math.inf
        while size > tol and size <= REUSE_FACTOR * before:
            p_next = p + solve(residual)
            residual_next = grad_val - hessian_product(coordinates, s, p_next)
            size_next = norm(coordinates, residual_next)
            if not size_next < size:
                break
            p, residual, before, size = p_next, residual_next, size, size_next
        return p, residual, size

    found = torch.zeros_like(grad_val), grad_val, first
    if model.solve is not None:
        found = refine(model.solve, *found)
    if found[2] > tol:
        # 1 / mu can be large against the precision: refine from there
        found = refine(coordinates.solver(s), *found)
        if not found[2] < first:
            raise singular(grad_val.dtype)
    # a gradient of zeros has the solution 0, exactly
    return found[0], found[2] / (first or 1.)
