"""Hypergradients of the validation loss: reverse, forward, implicit.

The classifier is a function of the poisoning points and of lambda,

    A(X_p, lmbda) = (1/m) sum_j softplus(-y_j (x_j . w + b)),
    (w, b)        = what training on D_tr u D_p with lmbda returns,

and a hypergradient is the derivative of ``A`` with respect to both. Training
is ``T = n_inner`` steps of gradient descent with heavy-ball momentum,

    vel_{t+1} = momentum vel_t - eta grad L(u_t),   u_{t+1} = u_t + vel_{t+1},

from ``u_0 = 0`` (arXiv 2105.10948, Algorithm 1); `implicit` takes the limit
``T -> infinity``. Whatever the method, the adjoint ``p`` of a training step
acts through the derivative of the training gradient along ``p``. For a
poisoning row ``a = -y (x, 1)``,

    d/da      (p . grad L) = (q/n) p + s (a . p) u,  q = sigma(a . u),
    d/dlmbda  (p . grad L) = mu p_w . w,             s = q (1 - q) / n

(see `logistic` for the symbols), and ``d/dx = -y d/da`` without the bias.
"""
import math
from dataclasses import replace
from typing import NamedTuple

import torch

from .solvers.fmd import forward_mode
from .coordinates.kernel import choose_form
from .solvers.implicit import adjoint_solve, newton
from .solvers.training import (
    Inner, Trained, check, pull_back, smoothness, training_steps)
from .coordinates.margins import fold, softplus_mean
from .problem import side_by_side
from .solvers.heavy_ball import heavy_ball


class Hypergradient(NamedTuple):
    """Value and derivatives; the losses are in nats.

    Attributes
    ----------
    value : Tensor, 0-d
        Attacker's loss on the validation set.
    grad_x_p : Tensor, shape (p, d)
        Derivative of the attacker's loss by the poisoning points.
    grad_lmbda : Tensor, 0-d
        Derivative of the defender's loss by lambda. Attacker and defender
        share one loss unless the problem has a `y_target`.
    """

    value: torch.Tensor
    grad_x_p: torch.Tensor
    grad_lmbda: torch.Tensor


def _descend(form, inner, problem, start):
    """T steps of gradient descent from 0, states kept."""
    eta, eta_by_rows = inner.eta, None
    if eta is None:
        bound, by_rows = smoothness(problem, form.rows_p, form.mu)
        eta, eta_by_rows = 1. / bound, -by_rows / bound ** 2
    states, q = heavy_ball(
        form, eta, inner.momentum,
        form.rows_p.new_zeros(2, form.n_coords), inner.n_inner)
    return Trained(form, states[-1], states[:-1], q, eta, eta_by_rows)


def _reverse(model, seed, inner):
    """The paper's Algorithm 1, backward pass, from ``seed = grad_u A``.

    With momentum the state is (u, vel): the adjoint of vel gathers
    ``p_t = momentum p_{t+1} + v_{t+1}``, then ``v_t = v_{t+1} - eta H p_t``.
    These are steps with momentum too, of p, from ``p_{T-1} = seed`` with the
    velocity `seed` backwards in time.
    """
    form, eta = model.form, model.eta
    last = slice(-(inner.truncate or len(model.q)), None)
    tail = replace(model, path=model.path[last], q=model.q[last])
    curvature = tail.q * (1 - tail.q)
    states, k = heavy_ball(
        form, eta, inner.momentum, seed.expand(2, -1), len(curvature),
        curvature)
    p, s = states[1:], curvature[:, form.n_tr:] / form.n
    by_rows, by_lmbda = pull_back(tail, p, k, s, -eta)
    if model.eta_by_rows is not None:
        # dA/d eta = -sum_t p_t . grad L(u_t)
        steps = training_steps(model, inner.momentum)[last]
        by_eta = form.inner(p, k, steps).sum() / eta
        by_rows.add_(by_eta * model.eta_by_rows)
        by_lmbda.sub_(by_eta * eta ** 2 * form.mu)
    return by_rows, by_lmbda


SOLVERS = {'rmd': (_descend, _reverse),
           'fmd': (_descend, forward_mode),
           'implicit': (newton, adjoint_solve)}


def train(problem, rows_p, lmbda, inner, start=None):
    """Train on the fixed and the poisoning rows; a `Trained` model.

    Raises
    ------
    FloatingPointError
        If training diverged; the message names the step size.
    """
    mu = math.exp(lmbda) / (problem.n_tr + len(rows_p))
    form = choose_form(problem, rows_p, mu, inner.form, inner.method)
    try:
        model = SOLVERS[inner.method][0](form, inner, problem, start)
    except FloatingPointError as error:
        raise FloatingPointError(f'{error} (lmbda = {lmbda:g})') from error
    if not torch.isfinite(model.u).all():
        raise FloatingPointError(
            f'training diverged with step size eta = {model.eta:g} at lmbda '
            f'= {lmbda:g}: pass a smaller eta, or None for 1 / L.')
    return model


def differentiate(problem, model, y_p, inner):
    """`Hypergradient` by the features of the poisoning points."""
    form = model.form

    def loss_and_seed(rows):
        h = form.val_scores(rows, model.u)
        return softplus_mean(h), form.seed(rows, torch.sigmoid(h) / len(h))

    reverse = SOLVERS[inner.method][1]
    value, seed = loss_and_seed(problem.rows_attacker)
    grad_rows, grad_lmbda = reverse(model, seed, inner)
    if problem.y_target is not None:
        seed = loss_and_seed(problem.rows_val)[1]
        grad_lmbda = reverse(model, seed, inner)[1]
    if not (torch.isfinite(grad_rows).all() and torch.isfinite(grad_lmbda)):
        raise FloatingPointError(
            f'the hypergradient is not finite, with mu = {form.mu:g}, step '
            f'size {model.eta:g}: regularise more (a larger lambda), use '
            'float64, or pass a smaller eta.')
    return Hypergradient(value, grad_rows.mul_(-y_p[:, None]), grad_lmbda)


def _stack(parts):
    """One `Hypergradient` of several, stacked."""
    return Hypergradient(*map(torch.stack, zip(*parts)))


@side_by_side(_stack)
def hypergradient(problem, x_p, y_p, lmbda, method='rmd', n_inner=150,
                  eta=None, momentum=0., **inner):
    """Validation loss after training on poisoned data, and its derivatives.

    A batch of problems is differentiated one by one, with one more dimension
    in front of the arguments and of the results.

    Parameters
    ----------
    problem : Problem
        Fixed training rows and validation set.
    x_p : Tensor, shape (p, d)
        Poisoning points, appended to the problem's training rows.
    y_p : Tensor, shape (p,)
        Their labels, in {-1, +1}.
    lmbda : float
        Natural log of the L2 strength; the penalty is
        ``exp(lmbda) / (2 n) ||w||^2``, ``n`` all training rows.
    method, n_inner, eta, momentum, **inner : str, int, float, ...
        How the classifier is trained and differentiated, see `Inner`.

    Returns
    -------
    Hypergradient
        ``(value, grad_x_p, grad_lmbda)``.

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the argument.
    FloatingPointError
        If training diverged.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, Algorithm 1 and eq. 4 ('rmd'
    and 'implicit'); Pearlmutter 1994 (Hessian-vector products).
    """
    inner = Inner(method, n_inner, eta, momentum, **inner)
    problem.check_points(x_p, y_p)
    lmbda = float(lmbda)
    check('lmbda', lmbda, math.isfinite(lmbda), 'finite')
    phi, chain_rule = problem.features(x_p)
    rows_p = fold(phi, y_p)
    inner.warn_if_unstable(problem, rows_p, lmbda)
    model = train(problem, rows_p, lmbda, inner)
    value, grad, grad_lmbda = differentiate(problem, model, y_p, inner)
    return Hypergradient(value, chain_rule(grad), grad_lmbda)
