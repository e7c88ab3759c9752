"""Training to the optimum by damped Newton steps.

    u <- u - t Hess L(u)^-1 grad L(u),   t near the least L on this line

A step has one of two modes. With a *fresh* factor it is Newton's. With a
*reused* factor, that of an earlier step, it costs a tenth of that, and serves
for as long as each step shrinks the gradient to 0.3 of it or less.

Where equal rows make the kernel singular, steps with t > 1 lengthen `u` and
move no score, until rounding ends the training. It begins anew with *short*
steps, t <= 1.
"""
import math
from typing import Optional

import torch
from torch import Tensor

from ..coordinates import Coordinates
from ..linalg import warn_imprecise
from ..losses import Loss
from ..problem import Problem
from .heavy_ball import heavy_ball
from .step_size import loose_smoothness
from .training import TrainedModel, Training

# Reuse a Cholesky factor while a step with it shrinks the gradient (or the
# residual) at least by this factor.
REUSE_FACTOR = .3
# Where the penalty is weak, a gradient that is small beside that at 0 may
# still be the penalty's, of an iterate far from the optimum: a flat loss.
PENALTY_TOL = {torch.float32: 1e-2, torch.float64: 1e-5}
# A gradient that is above this share of the penalty's own, is measured by it.
PENALTY_SHARE = .1
# Gradient steps from a warm start, and the number of coordinates from which
# on they cost less on a CPU than a factor.
N_FIRST, MIN_COORDS = 40, 400


def newton(coordinates: Coordinates, loss: Loss, training: Training,
           problem: Problem,
           start: Optional[TrainedModel] = None) -> TrainedModel:
    """The optimum, from the model `start`; from 0 if `start` is None or
    Newton fails from it."""
    tol = tolerance(training, coordinates.rows_p.dtype)
    if start is not None:
        try:
            model = _newton_steps(
                coordinates, loss,
                _warm_start(coordinates, loss, problem, start.u), tol)
            if model.grad_norm <= tol:
                return model
        except FloatingPointError:
            pass  # with all margins large the Hessian is singular; 0 is not
    zeros = coordinates.rows_p.new_zeros(coordinates.n_coords)
    model = _newton_steps(coordinates, loss, zeros, tol)
    if not model.grad_norm <= tol:
        short = _newton_steps(coordinates, loss, zeros, tol, are_short=True)
        if short.grad_norm < model.grad_norm:
            model = short
    if not model.grad_norm <= tol:
        warn_imprecise('training stopped at a relative gradient norm',
                       model.grad_norm, tol, model.u.dtype)
    return model


def tolerance(training: Training, dtype: torch.dtype) -> float:
    """`inner_tol`, or the default of this precision."""
    return training.inner_tol or (1e-8 if dtype == torch.float64 else 1e-5)


def _warm_start(coordinates: Coordinates, loss: Loss, problem: Problem,
                u: Tensor) -> Tensor:
    """Where Newton's steps start, near `u`.

    Gradient steps first: rows that have moved far bend the loss the most
    there, and Newton's quadratic model misses it.
    """
    u = _backtrack_start(coordinates, loss, u)
    if len(u) < MIN_COORDS or u.is_cuda:
        return u
    eta = 1. / loose_smoothness(problem, coordinates.rows_p,
                                coordinates.penalty, loss)
    return heavy_ball(coordinates, loss, eta, .9, torch.stack(
        [torch.zeros_like(u), u]), N_FIRST)[0][-1].clone()


def _backtrack_start(coordinates: Coordinates, loss: Loss,
                     u: Tensor) -> Tensor:
    """Backtrack a warm start towards 0 while L falls.

    At small lambda an optimum is large, and once rows have moved its
    coordinates mean margins that are far off: Newton takes more steps from
    there than from nearer 0.
    """
    h = coordinates.matvec(u)
    penalty = _twice_penalty(coordinates, u, h) / 2

    def value(t: float) -> Tensor:
        return loss.value(t * h).mean() + t * t * penalty
    t = 1.
    while t > 1e-4 and value(t / 2) < value(t):
        t /= 2
    return t * u


def _newton_steps(coordinates: Coordinates, loss: Loss, u: Tensor, tol: float,
                  are_short: bool = False) -> TrainedModel:
    """Damped Newton steps from `u`, until the gradient is small or stays;
    short steps have a fresh factor each, and are no longer than Newton's."""
    h = coordinates.matvec(u)
    scale = _scale(coordinates, loss, u, h)
    penalty_tol = PENALTY_TOL[u.dtype]
    solve, previous, size_below_rounding = None, 0., math.inf
    for _ in range(100):
        grad, scores, size = _gradient(coordinates, u, loss.slope(h))
        if size <= tol * scale and size <= penalty_tol * _penalty_gradient(
                coordinates, u, h):
            break
        is_fresh = False
        if are_short or solve is None or size > REUSE_FACTOR * previous:
            solve = coordinates.solver(loss.curvature(h) / coordinates.n)
            is_fresh = True
        step = solve(grad, scores)
        t, decrease_seen = _line_search(coordinates, loss, u, h, step,
                                        1. if are_short else math.inf)
        if not t and not is_fresh:
            previous = 0.  # the reused factor failed: take a fresh one here
            continue
        # near the optimum the decrease is below rounding: test the gradient
        if not t or not decrease_seen and size > .5 * size_below_rounding:
            break
        ahead = u - t * step
        h_ahead = coordinates.matvec(ahead)
        # where the penalty is weak such a step may be nothing but rounding
        if not decrease_seen and _objective(
                coordinates, loss, ahead, h_ahead) > 2 * _objective(
                    coordinates, loss, u, h):
            break
        u, h, previous = ahead, h_ahead, size
        size_below_rounding = (size if is_fresh and not decrease_seen
                               else math.inf)
    return TrainedModel(coordinates, loss, u, u[None], h[None], solve=solve,
                        grad_norm=_grad_norm(coordinates, u, h, size, scale))


def _grad_norm(coordinates: Coordinates, u: Tensor, h: Tensor, size: float,
               scale: float) -> float:
    """The gradient's norm `size` relative to that at 0, `scale`; where it is
    not even below that of the penalty, relative to this: rounding has ended
    training, and another model may be as near. Not where no row's score
    depends on its features."""
    penalty = _penalty_gradient(coordinates, u, h)
    if size > PENALTY_SHARE * penalty > 0:
        weights = u.clone()
        coordinates.biases(weights).zero_()
        if float(coordinates.matvec(weights).abs().max()) > 1e-6:
            return size / penalty
    return size / scale if scale > 0 else size


def _gradient(coordinates: Coordinates, u: Tensor,
              slope: Tensor) -> tuple[Tensor, Tensor, float]:
    """Training gradient at `u` in coordinates, its scores, and its norm."""
    grad = torch.zeros_like(u)
    coordinates.add_penalty(grad, u)
    coordinates.add_rmatvec(grad, slope, 1. / coordinates.n)
    scores = coordinates.matvec(grad)
    return grad, scores, norm(coordinates, grad, scores)


def _scale(coordinates: Coordinates, loss: Loss, *like: Tensor) -> float:
    """Norm of the training gradient at 0; `like`: coordinates and scores."""
    u, h = map(torch.zeros_like, like)
    return _gradient(coordinates, u, loss.slope(h))[2]


def _penalty_gradient(coordinates: Coordinates, u: Tensor,
                      h: Tensor) -> float:
    """Norm of the penalty's gradient at `u`, whose scores are `h`."""
    return math.sqrt(coordinates.penalty.curvature * max(
        float(_twice_penalty(coordinates, u, h)), 0.))


def _twice_penalty(coordinates: Coordinates, u: Tensor, h: Tensor) -> Tensor:
    """``mu (||w||^2 + beta b^2)`` at `u`, whose scores are `h`, 0-d."""
    return coordinates.penalty.bilinear(
        coordinates.dot(u, u, h), (coordinates.biases(u) ** 2).sum())


def _objective(coordinates: Coordinates, loss: Loss, u: Tensor,
               h: Tensor) -> float:
    """L at `u`, whose scores are `h`."""
    return float(loss.value(h).mean()
                 + _twice_penalty(coordinates, u, h) / 2)


def _line_search(coordinates: Coordinates, loss: Loss, u: Tensor, h: Tensor,
                 step: Tensor, longest: float = math.inf
                 ) -> tuple[float, bool]:
    """t about where L is least on ``u - t step``, and whether the decrease is
    above rounding; where it is not, t is 1, and where there is none 0.

    The strong Wolfe conditions (Nocedal and Wright 2006, 3.7, with 1e-4 and
    0.1) are met by Newton's method in t, kept in a bracket. Along the line the
    scores are linear and the penalty is quadratic: a trial costs no product.
    `longest` is taken wherever L still falls there.
    """
    dh, pair = coordinates.matvec(step), torch.stack([u, step])
    biases = coordinates.biases(pair).view(2, -1)
    us, ss = coordinates.penalty.bilinear(
        coordinates.dot(pair, step, dh), biases @ biases[1]).tolist()
    n, value = coordinates.n, float(loss.value(h).mean())
    fall = float(loss.slope(h) @ dh) / n + us
    if fall <= 1e3 * torch.finfo(h.dtype).eps * value:
        return 1., False
    low, high, t = 0., math.inf, 1.
    for _ in range(30):
        at_t = h - t * dh
        rise = t * ss - us - float(loss.slope(at_t) @ dh) / n
        if abs(rise) <= .1 * fall:
            change = (float(loss.value(at_t).mean()) - value
                      + .5 * t * t * ss - t * us)
            if change <= -1e-4 * t * fall:
                return t, True
        if rise < 0 and t == longest:
            return t, True
        low, high = (low, t) if rise > 0 else (t, high)
        bend = float((loss.curvature(at_t) * dh) @ dh) / n + ss
        t -= rise / (bend or math.inf)
        if not low < t < high:
            t = (low + high) / 2 if high < math.inf else 2 * low
    return 0., True


def relative_gradient(model: TrainedModel) -> float:
    """Norm of the training gradient at a model, relative to that at 0."""
    if not math.isnan(model.grad_norm):
        return model.grad_norm
    coordinates, u, loss = model.coordinates, model.u, model.loss
    h = coordinates.matvec(u)
    scale = _scale(coordinates, loss, u, h)
    return _gradient(coordinates, u, loss.slope(h))[2] / (scale or 1.)


def norm(coordinates: Coordinates, u: Tensor, scores: Tensor) -> float:
    """Norm of the weights and bias with coordinates `u` and scores ``A u``;
    where its square is below 0 by rounding, about that rounding."""
    return float(coordinates.dot(u, u, scores).abs().sqrt())
