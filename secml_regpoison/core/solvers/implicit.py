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
from ..coordinates.rows import bias_column, weight_scores
from ..linalg import singular
from .newton import REUSE_FACTOR, norm
from .training import RowGradients, TrainedModel, Training


def reverse(model: TrainedModel, grad_val: Tensor, training: Training
            ) -> tuple[RowGradients, Tensor]:
    """Arguments and results as of `.rmd.reverse`."""
    p, residual = solve_hessian(model, grad_val)
    tol = 1e-6 if p.dtype == torch.float64 else 1e-2
    if not residual <= tol:
        warnings.warn(
            f'the linear solve reached a relative residual of {residual:.1e},'
            f' asked for {tol:.1e}: regularisation may be too weak for '
            f'{p.dtype}.', RuntimeWarning, stacklevel=5)
    model = model.apart()
    scores = model.coordinates.matvec(p)
    return (RowGradients(model, p[None], scores[None], -1.),
            _by_lmbda(model, p, grad_val))


def _by_lmbda(model: TrainedModel, p: Tensor, grad_val: Tensor) -> Tensor:
    """``-mu (p_w . w + beta p_b b)``, the derivative with respect to lambda;
    with the L1 penalty ``-mu (p_w . sign(w) + beta p_b sign(b))``.

    By the weights: in ``p . u - p_b b`` a large lambda leaves only rounding
    of ``p_w . w``.
    """
    coordinates = model.coordinates
    mu_w, mu_b = coordinates.penalty.gradient(model.w, model.b)
    p_w, p_b = coordinates.weights(p[None])[0], coordinates.biases(p)
    if p.dtype == torch.float32 and coordinates.penalty.is_smooth \
            and not p_b.dim():
        tol = 5e-5
        if _rounding_of_lmbda(model, p_w, p_b, grad_val) > tol:
            # one text for all: a search shows it once, and not at each step
            warnings.warn(
                'rounding in float32 may change the derivative with respect '
                f'to lambda by more than {tol:.0e} of it: use float64.',
                RuntimeWarning, stacklevel=6)
    return -(p_w @ mu_w + (p_b * mu_b).sum())


def _rounding_of_lmbda(model: TrainedModel, p_w: Tensor, p_b: Tensor,
                       grad_val: Tensor) -> float:
    """By how much of it ``mu p_w . w`` changes if w is what its optimality
    says, p what its linear system says, and the same of the biases."""
    coordinates, w, b = model.coordinates, model.w, model.b
    blocks, n = (coordinates.rows_tr, coordinates.rows_p), coordinates.n
    a_b, score_w, score_p = (torch.cat(parts) for parts in zip(*(
        (bias_column(rows), weight_scores(rows, w), weight_scores(rows, p_w))
        for rows in blocks)))
    h, penalty = score_w + a_b * b, coordinates.penalty
    slope, s = model.loss.slope(h) / n, model.loss.curvature(h) / n
    weighted = s * (score_p + a_b * p_b)
    by_w = penalty.strength * (p_w @ w)
    free = penalty.strength * penalty.beta
    b_moves = (slope @ a_b + free * b) / (s.sum() + free)
    p_b_moves = (coordinates.biases(grad_val) - weighted @ a_b
                 - free * p_b) / (s.sum() + free)
    changes = torch.stack([
        by_w + slope @ score_p,
        by_w - w @ coordinates.weights(grad_val[None])[0] + weighted @ score_w,
        b_moves * ((s * a_b) @ score_p), p_b_moves * ((s * a_b) @ score_w)])
    return float(changes.abs().sum() / by_w.abs())


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
