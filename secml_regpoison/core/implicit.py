"""The limit of endless training: Newton, and implicit differentiation."""
import math
import warnings

import torch

from .inner import Trained, pull_back
from .logistic import hessian_product, softplus_mean


def newton(form, mu, inner, problem, start):
    """Damped Newton steps to the optimum, from the coordinates `start`."""
    u = form.rows_p.new_zeros(form.n_coords) if start is None else start
    tol = inner.inner_tol or (1e-8 if u.dtype == torch.float64 else 1e-4)
    h, q = u.new_empty(form.n), torch.full_like(u[:1], .5).expand(form.n)
    scale = _gradient(form, mu, torch.zeros_like(u), q)[1]
    previous = math.inf
    for _ in range(100):
        q = form.scores(u, h).sigmoid()
        grad, size = _gradient(form, mu, u, q)
        if size <= tol * scale:
            break
        step = form.solve(q * (1 - q) / form.n, mu, grad)
        stepped = _line_search(form, mu, u, h, step)
        if stepped is None:
            # rounding hides the loss's decrease; the gradient still tells
            if size > .5 * previous:
                break
            stepped = u - step
        u, previous = stepped, size
    reached = size / scale if scale > 0 else size
    if reached > tol:
        warnings.warn(
            f'training stopped at a relative gradient norm of {reached:.1e}, '
            f'asked for {tol:.1e}: regularisation may be too weak for '
            f'{u.dtype}.', RuntimeWarning, stacklevel=5)
    return Trained(form, mu, u, u[None], q[None], grad_norm=reached)


def _gradient(form, mu, u, q):
    """Training gradient at `u` in coordinates, and its norm."""
    grad = mu * u
    grad[-1] = 0.
    form.add_lift(grad, q, 1. / form.n)
    return grad, norm(form, grad)


def _line_search(form, mu, u, h, step):
    """``u - t step`` with the first t of 1, 1/2, ... that lowers L enough.

    Along the line the scores are linear and the penalty is quadratic, so that
    a trial costs no product. None where rounding hides any decrease.
    """
    dh = form.scores(step, torch.empty_like(h))
    uu, us, ss = (float(form.dot(x, y, scores)) for x, y, scores in
                  ((u, u, h), (u, step, dh), (step, step, dh)))
    loss = softplus_mean(h)
    slope = torch.sigmoid(h).mul(dh).mean() + mu * us
    t = 1.
    while t > 1e-10 and slope > 1e3 * torch.finfo(h.dtype).eps * loss:
        change = (softplus_mean(h - t * dh) - loss
                  + mu * (.5 * t * t * ss - t * us))
        if change <= -1e-4 * t * slope:
            return u - t * step
        t /= 2
    return None


def adjoint_solve(model, seed, inner):
    """Implicit function theorem: ``p = Hess^-1 grad A`` in place of a sum."""
    p, s, residual = solve_hessian(model, seed)
    tol = 1e-6 if p.dtype == torch.float64 else 1e-2
    if not residual <= tol:
        warnings.warn(
            f'the linear solve reached a relative residual of {residual:.1e},'
            f' asked for {tol:.1e}: regularisation may be too weak for '
            f'{p.dtype}.', RuntimeWarning, stacklevel=5)
    scores = model.form.scores(p, torch.empty_like(s))
    return pull_back(model, p[None], scores[None], s[None], -1.)


def solve_hessian(model, seed):
    """``p = Hess^-1 seed`` at the model, s, and the relative residual."""
    form, mu, q = model.form, model.mu, model.q[-1]
    s = q * (1 - q) / form.n
    p = form.solve(s, mu, seed)
    # one step of refinement: 1 / mu can be large against the seed's precision
    p = p + form.solve(s, mu, seed - hessian_product(form, s, mu, p))
    rest = seed - hessian_product(form, s, mu, p)
    return p, s, norm(form, rest) / norm(form, seed)


def relative_gradient(model):
    """Norm of the training gradient at a model, relative to that at 0."""
    form, u = model.form, model.u
    q = form.scores(u, u.new_empty(form.n)).sigmoid()
    half = torch.full_like(q, .5)
    return (_gradient(form, model.mu, u, q)[1]
            / _gradient(form, model.mu, torch.zeros_like(u), half)[1])


def norm(form, u):
    """Norm of the weights and bias with coordinates `u`."""
    scores = form.scores(u, u.new_empty(form.n))
    squared = form.dot(u, u, scores) + u[-1] ** 2
    return float(squared.clamp_min(0.).sqrt())
