"""Coordinates for the L1 penalty: all weights, and those that are not zero.

    z_t     = u_t + momentum (u_t - u_{t-1}) - eta A^T r_t / n
    u_{t+1} = sign(z_t) max(0, |z_t| - eta mu)

are the steps of training, with ``r = l'(A u)`` and no threshold for a free
bias. Backwards in time, with the adjoint ``p`` in the place of ``u`` and ``r =
c * (A p)``, the threshold's derivative takes its place: 0 at the weights that
a step set to zero, 1 at the others.
"""
from typing import Optional

import numpy as np
import torch
from torch import Tensor

from ..losses import Loss
from .kernel_steps import iterates
from .margins import Solve
from .primal import PrimalCoordinates
from .primal_steps import blas_products, takes_blas
from .rows import add_rmatvec, columns


def _proximal_steps(n_steps: int, loss: Loss, rows: Tensor,
                    *tensors: Tensor) -> tuple[Tensor, Tensor]:
    """The steps, with the arguments of `.primal_steps`; in reverse also
    `support` (T, d + 1), 0 where ``u_t`` is zero and else 1."""
    steps = blas_steps if takes_blas(rows) else torch_steps
    return steps(n_steps, loss, rows, *tensors)


def torch_steps(n_steps: int, loss: Loss, rows: Tensor, rows_p: Tensor,
                bias_free: Tensor, coefficients: Tensor, first: Tensor,
                curvature: Optional[Tensor] = None,
                support: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps on any device, also of sparse fixed rows."""
    n_tr, order = len(rows), 1 if curvature is None else -1
    momentum, decay, scale = coefficients.unbind()
    threshold = (-decay).repeat(first.shape[1])
    threshold[-1] *= 1 - bias_free
    step, state = first[0], first[1]
    path, scores = [state], []
    for t in range(n_steps):
        h = torch.cat([torch.mv(rows, state), torch.mv(rows_p, state)])
        r = loss.slope(h) if curvature is None else curvature[-1 - t] * h
        r = scale * r
        z = torch.addcmul(state, step, momentum)
        add_rmatvec(z, rows, r[:n_tr])
        z.addmv_(rows_p.T, r[n_tr:])
        if support is None:
            z = z - torch.maximum(torch.minimum(z, threshold), -threshold)
        else:
            z.mul_(support[-1 - t])
        step, state = z - state, z
        path.append(state)
        scores.append(h)
    return torch.stack(path[::order]), torch.stack(scores[::order])


def blas_steps(n_steps: int, loss: Loss, rows: Tensor, rows_p: Tensor,
               bias_free: Tensor, coefficients: Tensor, first: Tensor,
               curvature: Optional[Tensor] = None,
               support: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps on a CPU, in float32 or float64."""
    momentum, decay, scale = coefficients.tolist()
    path, states, order = iterates(n_steps, first, curvature)
    scores = first.new_zeros(n_steps, len(rows) + len(rows_p))
    residual_at, add_rmatvec = blas_products(loss, rows, rows_p, curvature)
    step = first[0].numpy().copy()
    threshold = np.full_like(step, -decay)
    threshold[-1] *= 1 - float(bias_free)
    kept = None if support is None else support.numpy()[::-1]
    for t, (state, after, h) in enumerate(zip(states, states[1:],
                                              scores.numpy()[::order])):
        r = residual_at(t, state, h)
        step *= momentum
        z = np.add(state, step, after)
        add_rmatvec(z, r, scale)
        if kept is None:
            z -= np.maximum(np.minimum(z, threshold), -threshold)
        else:
            z *= kept[t]
        np.subtract(z, state, step)
    return path, scores


class ProximalCoordinates(PrimalCoordinates):
    """All weights and the bias, trained by `_proximal_steps`."""

    steps = staticmethod(_proximal_steps)


class SupportCoordinates(PrimalCoordinates):
    """The weights (and bias) that are not zero, shape (k,), others fixed at 0.

    There the L1 penalty is linear: the training Hessian is that of the loss.

    Parameters
    ----------
    whole : PrimalCoordinates
        Coordinates of all weights.
    support : Tensor of int, shape (k,)
        Places in ``(w, b)``.
    """

    def __init__(self, whole: PrimalCoordinates, support: Tensor):
        self.support, self.n_whole = support, whole.n_coords
        self.rows_tr = columns(whole.rows_tr, support)
        self.rows_p = whole.rows_p[:, support]
        self.penalty, self.n_tr, self.n = whole.penalty, whole.n_tr, whole.n
        self.n_coords = len(support)

    def add_penalty(self, out: Tensor, u: Tensor) -> None:
        """The penalty's part of a Hessian-vector product is 0."""

    def val_matvec(self, rows_val: Tensor, u: Tensor) -> Tensor:
        return rows_val @ self.whole(u)

    def val_rmatvec(self, rows_val: Tensor, r_val: Tensor) -> Tensor:
        return (r_val @ rows_val)[self.support]

    def weights(self, coords: Tensor) -> Tensor:
        return self.whole(coords)[:, :-1]

    def biases(self, coords: Tensor) -> Tensor:
        return self.whole(coords)[..., -1]

    def whole(self, coords: Tensor) -> Tensor:
        """All of ``(w, b)``, (..., d + 1), of coordinates (..., k)."""
        out = coords.new_zeros(*coords.shape[:-1], self.n_whole)
        out[..., self.support] = coords
        return out

    def hessian(self, hess_diag: Tensor) -> Tensor:
        """As of all weights, damped by as much as rounding hides: the penalty
        has no curvature, and with a small lambda the matrix is singular."""
        hess = super().hessian(hess_diag)
        damping = len(hess) * torch.finfo(hess.dtype).eps * hess.trace()
        hess.diagonal().add_(damping)
        return hess

    def solver(self, hess_diag: Tensor) -> Solve:
        return super().solver(hess_diag) if self.n_coords else (
            lambda g, _=None: g.clone())
