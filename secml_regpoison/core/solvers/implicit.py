"""The limit of endless training: Newton, and implicit differentiation."""
import math
import warnings

import torch

from .training import Trained, pull_back
from ..coordinates.margins import hessian_product, singular, softplus_mean

# A factor serves for as long as each step with it leaves at most this share of
# the gradient, or of the residual: such a step costs a tenth of a new factor.
STALE = .3


def newton(form, inner, problem, start):
    """The optimum, from the coordinates `start`, or from 0 where none are
    given or the way from there is lost."""
    tol = inner.inner_tol or (
        1e-8 if form.rows_p.dtype == torch.float64 else 1e-4)
    if start is not None:
        try:
            model = _newton_steps(form, _shorten(form, start), tol)
            if model.grad_norm <= tol:
                return model
        except FloatingPointError:
            pass  # with all margins large the Hessian is singular; 0 is not
    model = _newton_steps(
        form, form.rows_p.new_zeros(form.n_coords), tol)
    if not model.grad_norm <= tol:
        warnings.warn(
            f'training stopped at a relative gradient norm of '
            f'{model.grad_norm:.1e}, asked for {tol:.1e}: regularisation may '
            f'be too weak for {model.u.dtype}.', RuntimeWarning, stacklevel=5)
    return model


def _shorten(form, u):
    """`u`, halved for as long as that lowers L.

    At small lambda an optimum is large, and once rows have moved its
    coordinates mean margins that are far off: Newton takes more steps from
    there than from nearer 0.
    """
    h = form.scores(u, u.new_empty(form.n))
    penalty = form.mu / 2 * (form.dot(u, u, h) - form.biases(u) ** 2)

    def loss(t):
        return softplus_mean(t * h) + t * t * penalty
    t = 1.
    while t > 1e-4 and loss(t / 2) < loss(t):
        t /= 2
    return t * u


def _newton_steps(form, u, tol):
    """Damped Newton steps from `u`, until the gradient is small or stays."""
    h, half = u.new_empty(form.n), u.new_full((form.n,), .5)
    scale = _gradient(form, torch.zeros_like(u), half)[1]
    solve, previous, hidden = None, 0., math.inf
    for _ in range(100):
        q = form.scores(u, h).sigmoid()
        grad, size = _gradient(form, u, q)
        if size <= tol * scale:
            break
        fresh = size > STALE * previous
        if fresh:
            solve = form.solver(q * (1 - q) / form.n)
        step = solve(grad)
        t, visible = _line_search(form, u, h, step)
        if not t and not fresh:
            previous = 0.
            continue
        # where rounding hides the loss's decrease the gradient still tells
        if not t or not visible and size > .5 * hidden:
            break
        u, previous = u - t * step, size
        hidden = size if fresh and not visible else math.inf
    return Trained(form, u, u[None], q[None], solve=solve,
                   grad_norm=size / scale if scale > 0 else size)


def _gradient(form, u, q):
    """Training gradient at `u` in coordinates, and its norm."""
    grad = torch.zeros_like(u)
    form.add_penalty(grad, u)
    form.add_lift(grad, q, 1. / form.n)
    return grad, norm(form, grad)


def _line_search(form, u, h, step):
    """First t of 1, 1/2, ... for which ``u - t step`` lowers L enough.

    Along the line the scores are linear and the penalty is quadratic, so that
    a trial costs no product. Returns t, 0 where there is none, and whether
    rounding lets the decrease be seen; where it does not, t is 1.
    """
    dh = form.scores(step, torch.empty_like(h))
    mu, db = form.mu, form.biases(step)
    us, ss = (float(form.dot(x, step, dh) - form.biases(x) * db)
              for x in (u, step))
    loss = softplus_mean(h)
    slope = torch.sigmoid(h).mul(dh).mean() + mu * us
    if slope <= 1e3 * torch.finfo(h.dtype).eps * loss:
        return 1., False
    t = 1.
    while t > 1e-10:
        change = (softplus_mean(h - t * dh) - loss
                  + mu * (.5 * t * t * ss - t * us))
        if change <= -1e-4 * t * slope:
            return t, True
        t /= 2
    return 0., True


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
    return pull_back(model, p[None], scores[None], s[None, model.form.n_tr:],
                     -1.)


def solve_hessian(model, seed):
    """``p = Hess^-1 seed`` at the model, s, and the relative residual."""
    form, q = model.form, model.q[-1]
    s = q * (1 - q) / form.n
    first = norm(form, seed)
    enough = first * (1e-12 if seed.dtype == torch.float64 else 1e-6)

    def refine(solve, p, rest, size):
        """Solve for what is left while that leaves at most STALE of it."""
        before = math.inf
        while size > enough and size <= STALE * before:
            stepped = p + solve(rest)
            left = seed - hessian_product(form, s, stepped)
            reached = norm(form, left)
            if not reached < size:
                break
            p, rest, before, size = stepped, left, size, reached
        return p, rest, size

    found = torch.zeros_like(seed), seed, first
    if model.solve is not None:
        found = refine(model.solve, *found)
    if found[2] > enough:
        # again and again: 1 / mu can be large against the seed's precision
        found = refine(form.solver(s), *found)
        if not found[2] < first:
            raise singular(seed.dtype)
    # a seed of zeros has the solution 0, exactly
    return found[0], s, found[2] / (first or 1.)


def relative_gradient(model):
    """Norm of the training gradient at a model, relative to that at 0."""
    form, u = model.form, model.u
    q = form.scores(u, u.new_empty(form.n)).sigmoid()
    half = torch.full_like(q, .5)
    return (_gradient(form, u, q)[1]
            / _gradient(form, torch.zeros_like(u), half)[1])


def norm(form, u):
    """Norm of the weights and bias with coordinates `u`."""
    scores = form.scores(u, u.new_empty(form.n))
    return float(form.dot(u, u, scores).clamp_min(0.).sqrt())
