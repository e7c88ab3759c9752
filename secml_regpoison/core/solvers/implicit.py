"""Hypergradients of the trained optimum, by the implicit function theorem.

At the optimum ``grad L(u*; X_p, lmbda) = 0`` whatever the points and lambda,
so ``Hess L du* + d(grad L) = 0``, and with ``p`` the solution of the linear
system

    Hess L(u*) p = grad_u A(u*)

the derivative of ``A`` is ``-p . d/d(X_p, lmbda) grad L(u*)``: the limit of
reverse mode for T -> infinity.
"""
import warnings
from dataclasses import replace
from functools import partial
from typing import Any, Callable, Iterator

import torch
from torch import Tensor

from ..coordinates import Solve, hessian_product
from ..coordinates.rows import bias_column, weight_scores
from ..linalg import conjugate_gradients, singular, warn_imprecise
from .newton import norm
from .training import RowGradients, TrainedModel, Training

# Conjugate gradients that cost about as much as a fresh factor.
MAX_REUSE = 15


def reverse(model: TrainedModel, grad_val: Tensor, training: Training
            ) -> tuple[RowGradients, Callable[[], Tensor]]:
    """Arguments and results as of `.rmd.reverse`."""
    p, residual = solve_hessian(model, grad_val)
    tol = _tolerance(p.dtype)
    if not residual <= tol:
        warn_imprecise('the linear solve reached a relative residual',
                       residual, tol, p.dtype)
    model = replace(model, coordinates=model.coordinates.twin())
    scores = model.coordinates.matvec(p)
    return (RowGradients(model, p[None], scores[None], -1.),
            partial(_grad_lmbda, model, p, grad_val))


def _grad_lmbda(model: TrainedModel, p: Tensor, grad_val: Tensor) -> Tensor:
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
                RuntimeWarning, stacklevel=4)
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
    grad_lmbda = penalty.strength * (p_w @ w)
    free = penalty.strength * penalty.beta
    b_moves = (slope @ a_b + free * b) / (s.sum() + free)
    p_b_moves = (coordinates.biases(grad_val) - weighted @ a_b
                 - free * p_b) / (s.sum() + free)
    changes = torch.stack([
        grad_lmbda + slope @ score_p,
        grad_lmbda - w @ coordinates.weights(grad_val[None])[0]
        + weighted @ score_w,
        b_moves * ((s * a_b) @ score_p), p_b_moves * ((s * a_b) @ score_w)])
    return float(changes.abs().sum() / grad_lmbda.abs())


def _tolerance(dtype: torch.dtype) -> float:
    """Of the relative residual: above it a warning is given."""
    return 1e-6 if dtype == torch.float64 else 1e-2


def _with_scores(coordinates: Any, v: Tensor) -> Tensor:
    """``v`` and ``A v``, end to end."""
    return torch.cat([v, coordinates.matvec(v)])


def _solvers(model: TrainedModel, hess_diag: Any) -> Iterator[Solve]:
    """The last Newton step's, if there is one, and one of this Hessian."""
    if model.solve is not None:
        yield model.solve
    yield model.coordinates.solver(hess_diag)


def solve_hessian(model: TrainedModel,
                  grad_val: Tensor) -> tuple[Tensor, float]:
    """``p = Hess^-1 grad_val`` at the model, and the relative residual.

    By conjugate gradients, with the last Newton step's factor as a
    preconditioner; with a fresh one only where they do not converge.
    """
    coordinates, k = model.coordinates, len(grad_val)
    hess_diag = model.loss.curvature(model.scores[-1]) / coordinates.n
    rtol = 1e-12 if grad_val.dtype == torch.float64 else 3e-6
    p, residual = torch.zeros_like(grad_val), grad_val
    first = size = norm(coordinates, grad_val, coordinates.matvec(grad_val))

    # a vector and its scores, end to end: products with the data are few
    def product(v: Tensor) -> Tensor:
        return hessian_product(coordinates, hess_diag, v[:k], v[k:])

    def dot(u: Tensor, v: Tensor) -> Tensor:
        return coordinates.dot(u, v[:k], v[k:])

    for solve in _solvers(model, hess_diag):
        step, converged = conjugate_gradients(
            product, residual, rtol, MAX_REUSE, dot=dot,
            precondition=lambda r: _with_scores(coordinates, solve(r)))
        # of a singular Hessian the solver, which is of a damped one, is better
        for change in (lambda: step[:k], lambda: solve(residual)):
            p_next = p + change()
            residual_next = grad_val - hessian_product(
                coordinates, hess_diag, p_next)
            size_next = norm(coordinates, residual_next,
                             coordinates.matvec(residual_next))
            if size_next < size:
                p, residual, size = p_next, residual_next, size_next
                break
        if converged and size <= _tolerance(grad_val.dtype) * first:
            break
    if not size < first and first:
        raise singular(grad_val.dtype)
    # a gradient of zeros has the solution 0, exactly
    return p, size / (first or 1.)
