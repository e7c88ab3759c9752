"""The steps of `..solvers.heavy_ball` in kernel coordinates (alpha, c, b).

    h     = K alpha + c k_g + b a,       r = l'(h), in reverse  s * h
    vel   = momentum vel - eta mu (alpha, c, beta b) - eta/n (r, 0, a . r)
    state = state + vel

with ``K`` and ``k_g`` the products of the rows' weights, and ``a`` their bias
column. On a CPU the loop runs on NumPy views of the tensors' memory: a call of
SciPy's BLAS costs a fifth of one of torch, and a copy or a sum a quarter of
NumPy's; ``symv`` reads half of ``K``.
"""
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

from ..linalg import blas, faster_triangle, uses_blas
from ..losses import Loss

# Arguments of both loops: T, the loss, K (n, n), k_g and a as rows (2, n), 1 -
# beta (0-d), (momentum, -eta mu, -eta/n), velocity and iterate (2, n + 2) that
# the steps start from, with c = 0 except in reverse, and there s (T, n).
# They return iterates (T + 1, n + 2) and h (T, n), in time's order.


def iterates(n_steps: int, first: Tensor,
             curvature: Any) -> tuple[Tensor, np.ndarray, int]:
    """Room for the iterates, in time's order; its NumPy view in the order of
    the steps, begun; and -1 if that is backwards, else 1."""
    order = 1 if curvature is None else -1
    path = first.new_empty(n_steps + 1, *first.shape[1:])
    states = path.numpy()[::order]
    states[0] = first[1].numpy()
    return path, states, order


def kernel_steps(n_steps: int, loss: Loss, kernel: Tensor,
                 *tensors: Tensor) -> tuple[Tensor, Tensor]:
    """The steps, by the loop that is faster for these tensors."""
    steps = blas_steps if uses_blas(kernel) else torch_steps
    return steps(n_steps, loss, kernel, *tensors)


def torch_steps(n_steps: int, loss: Loss, kernel: Tensor, beside: Tensor,
                bias_free: Tensor, coefficients: Tensor, first: Tensor,
                curvature: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps on any device, in few calls: each costs a GPU as much."""
    n, (_, decay, scale) = len(kernel), coefficients.unbind()
    rows = torch.cat([kernel, beside])
    # of a step, velocity, iterate and residual (r, 0, what the bias gains):
    # a . r, and of the decay the share that it is given back
    path = first.new_zeros(n_steps + 1, 3, n + 2)
    path[0, :2] = first
    bias = torch.cat([(-decay / scale * bias_free)[None], beside[1]])
    scores = first.new_empty(n_steps, n)
    for t, (h, now, after) in enumerate(zip(scores, path, path[1:])):
        state, residual = now[1], now[2]
        torch.mv(rows.T, state, out=h)
        if curvature is None:
            loss.slope(h, out=residual[:n])
        else:
            torch.mul(h, curvature[-1 - t], out=residual[:n])
        b_and_r = now.flatten()[-n - 3:-2]  # the iterate ends with its bias
        torch.sum(bias * b_and_r, 0, out=residual[-1])
        torch.mm(coefficients[None], now, out=after[:1])
        torch.add(state, after[0], out=after[1])
    if curvature is not None:
        return path[:, 1].flip(0), scores.flip(0)
    return path[:, 1], scores


def blas_steps(n_steps: int, loss: Loss, kernel: Tensor, beside: Tensor,
               bias_free: Tensor, coefficients: Tensor, first: Tensor,
               curvature: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps on a CPU, in float32 or float64; the bias, as a number, on its
    own, and the velocity only where there is momentum."""
    n, (momentum, decay, scale) = len(kernel), coefficients.tolist()
    bias_decay = decay * (1 - float(bias_free))
    path, states, order = iterates(n_steps, first, curvature)
    scores = first.new_zeros(n_steps, n)
    r_out, vel = first.new_empty(n), first[0, :-1].numpy().copy()
    r = r_out.numpy()
    k, k_g, a = kernel.numpy().T, *beside.numpy()  # BLAS reads by columns
    lower = faster_triangle(first.dtype)
    symv, axpy, copy, dot, scal = (blas(name, first.dtype) for name in (
        'symv', 'axpy', 'copy', 'dot', 'scal'))
    (vel_b, b), biases = first[:, -1].tolist(), []
    curvatures = n_steps * [None] if curvature is None \
        else curvature.numpy()[::-1]
    for state, after, h, s in zip(states[:, :-1], states[1:, :-1],
                                  scores.numpy()[::order], curvatures):
        # arguments by position: a keyword costs as much as a short sum
        symv(1., k, state, 1., h, 0, 1, 0, 1, lower, 1)
        axpy(a, h, n, b)
        if s is None:  # c is 0
            copy(h, r)
            loss.slope(r_out, out=r_out)
        else:
            axpy(k_g, h, n, state[-1])
            np.multiply(h, s, r)
        copy(state, after)
        moved = vel if momentum else after
        if momentum:
            scal(momentum, vel)
        axpy(r, moved, n, scale)
        axpy(state, moved, n + 1, decay)
        if momentum:
            axpy(vel, after)
        vel_b = momentum * vel_b + bias_decay * b + scale * dot(a, r)
        b += vel_b
        biases.append(b)
    states[1:, -1] = biases
    return path, scores
