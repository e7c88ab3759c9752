"""The steps of `..solvers.heavy_ball` in primal coordinates u = (w, b).

    h   = A u,        r = l'(h), in reverse  s * h
    vel = momentum vel - eta mu (w, beta b) - eta/n A^T r
    u   = u + vel

On a CPU the loop runs on NumPy views of the tensors' memory, as that of
`.kernel_steps` does. Where there is much data torch's products are the faster.
"""
from typing import Callable, Optional

import numpy as np
import torch
from torch import Tensor

from ..checks import is_sparse
from ..linalg import blas, uses_blas
from ..losses import Loss
from .kernel_steps import iterates
from .rows import add_rmatvec

# Numbers in the rows up to which BLAS, on its one thread, is the faster; and
# where torch has one thread, too.
SMALL, MEDIUM = 500_000, 4_000_000

# Arguments of both loops: T, the loss, the fixed rows and those of the points,
# (n_tr, d + 1) and (p, d + 1), 1 - beta (0-d), (momentum, -eta mu, -eta/n),
# velocity and iterate (2, d + 1) that the steps start from, and in reverse s
# (T, n). They return iterates (T + 1, d + 1) and h (T, n), in time's order.


def takes_blas(rows: Tensor) -> bool:
    """Whether SciPy's BLAS is the faster for products with these rows."""
    limit = MEDIUM if torch.get_num_threads() == 1 else SMALL
    return uses_blas(rows) and not is_sparse(rows) and rows.numel() < limit


def primal_steps(n_steps: int, loss: Loss, rows: Tensor,
                 *tensors: Tensor) -> tuple[Tensor, Tensor]:
    """The steps, by the loop that is faster for these tensors."""
    steps = blas_steps if takes_blas(rows) else torch_steps
    return steps(n_steps, loss, rows, *tensors)


def torch_steps(n_steps: int, loss: Loss, rows: Tensor, rows_p: Tensor,
                bias_free: Tensor, coefficients: Tensor, first: Tensor,
                curvature: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps on any device, also of sparse fixed rows."""
    n_tr, order = len(rows), 1 if curvature is None else -1
    _, decay, scale = coefficients.unbind()
    bias_growth = -decay * bias_free
    path = first.new_empty(n_steps + 1, 2, first.shape[1])
    path[0 if order == 1 else -1] = first
    scores = path.new_empty(n_steps, n_tr + len(rows_p))
    residual = torch.empty_like(scores[0])
    vels, states, pairs, margins = (list(part)[::order] for part in (
        path[:, 0], path[:, 1], path.mT, scores))
    for i, h in enumerate(margins):
        torch.mv(rows, states[i], out=h[:n_tr])
        torch.mv(rows_p, states[i], out=h[n_tr:])
        if curvature is None:
            loss.slope(h, out=residual)
        else:
            torch.mul(h, curvature[-1 - i], out=residual)
        residual.mul_(scale)
        velocity = torch.mv(pairs[i], coefficients[:2], out=vels[i + 1])
        velocity[-1:].addcmul_(states[i][-1:], bias_growth)
        add_rmatvec(velocity, rows, residual[:n_tr])
        velocity.addmv_(rows_p.T, residual[n_tr:])
        torch.add(states[i], velocity, out=states[i + 1])
    return path[:, 1], scores


def blas_steps(n_steps: int, loss: Loss, rows: Tensor, rows_p: Tensor,
               bias_free: Tensor, coefficients: Tensor, first: Tensor,
               curvature: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps on a CPU, in float32 or float64."""
    momentum, decay, scale = coefficients.tolist()
    bias_growth = -decay * float(bias_free)
    path, states, order = iterates(n_steps, first, curvature)
    scores = first.new_zeros(n_steps, len(rows) + len(rows_p))
    residual_at, add_rmatvec = blas_products(loss, rows, rows_p, curvature)
    vel = first[0].numpy().copy()
    axpy, copy, scal = (blas(name, first.dtype)
                        for name in ('axpy', 'copy', 'scal'))
    for t, (state, after, h) in enumerate(zip(states, states[1:],
                                              scores.numpy()[::order])):
        r = residual_at(t, state, h)
        scal(momentum, vel)
        axpy(state, vel, len(vel), decay)
        vel[-1] += bias_growth * state[-1]
        add_rmatvec(vel, r, scale)
        copy(state, after)
        axpy(vel, after)
    return path, scores


def blas_products(loss: Loss, rows: Tensor, rows_p: Tensor,
                  curvature: Optional[Tensor]) -> tuple[
                      Callable[..., np.ndarray], Callable[..., None]]:
    """What a step on a CPU needs of the data, as two functions: ``(t, u, h)``
    to r, and h, of zeros, becomes ``A u``; ``(u, r, scale)`` adds ``scale A^T
    r`` to u."""
    n_tr = len(rows)
    # BLAS reads by columns; a block of rows, and where its scores begin
    blocks = [(block.contiguous().numpy().T, begin)
              for block, begin in ((rows, 0), (rows_p, n_tr)) if len(block)]
    gemv, copy = (blas(name, rows.dtype) for name in ('gemv', 'copy'))
    residual = rows.new_empty(n_tr + len(rows_p))
    r = residual.numpy()
    curvatures = None if curvature is None else curvature.numpy()[::-1]

    def residual_at(t: int, u: np.ndarray, h: np.ndarray) -> np.ndarray:
        # arguments by position: a keyword costs as much as a short sum
        for x, begin in blocks:
            gemv(1., x, u, 1., h, 0, 1, begin, 1, 1, 1)
        if curvatures is None:
            copy(h, r)
            loss.slope(residual, out=residual)
        else:
            np.multiply(h, curvatures[t], r)
        return r

    def add_rmatvec(u: np.ndarray, r: np.ndarray, scale: float) -> None:
        for x, begin in blocks:
            gemv(scale, x, r, 1., u, begin, 1, 0, 1, 0, 1)
    return residual_at, add_rmatvec
