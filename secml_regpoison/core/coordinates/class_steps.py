"""The steps of `..solvers.heavy_ball` for k classes, all at once.

As those of `.kernel_steps` and `.primal_steps`, with the k - 1 vectors as rows
of one matrix, so that a product with the data serves all of them. In kernel
coordinates the loop runs on NumPy views of the tensors' memory on a CPU.
"""
from typing import Any, Callable

import numpy as np
import torch
from scipy.linalg import get_blas_funcs
from torch import Tensor

from ..linalg import uses_blas

# Arguments of all loops: T, the loss, beta, (momentum, -eta mu, -eta/n),
# velocity and iterate (2, m, n_coords) that the steps start from, and in
# reverse the curvature of each time; before them the data. They return
# iterates (T + 1, m, n_coords) and scores (T, m, n), in time's order.


def class_steps(coordinates: Any, n_steps: int, loss: Any,
                coefficients: Tensor, first: Tensor,
                curvature: Any = None) -> tuple[Tensor, Tensor]:
    """Arguments and results as of `heavy_ball`."""
    parts = coordinates.parts
    more = (n_steps, loss, coordinates.penalty.beta, coefficients.tolist(),
            first.unflatten(-1, (len(parts), -1)), curvature)
    if not hasattr(parts[0], 'kernel'):
        path, scores = primal_steps(
            coordinates.rows_tr, coordinates.rows_p, *more)
    else:
        steps = blas_steps if uses_blas(first) else kernel_steps
        path, scores = steps(parts[0].kernel, torch.stack(
            [part.beside[0] for part in parts]), *more)
    return path.flatten(1), scores.flatten(1)


def primal_steps(rows_tr: Tensor, rows_p: Tensor, *more: Any
                 ) -> tuple[Tensor, Tensor]:
    """The steps of (w, b)."""
    n_tr = len(rows_tr)

    def matvec(u: Tensor) -> Tensor:
        return torch.cat([(rows_tr @ u.T).T, u @ rows_p.T], 1)

    def add_rmatvec(out: Tensor, r: Tensor) -> None:
        out.add_(r[:, :n_tr] @ rows_tr).addmm_(r[:, n_tr:], rows_p)
    return _torch_steps(matvec, add_rmatvec, *more)


def kernel_steps(kernel: Tensor, k_g: Tensor, *more: Any
                 ) -> tuple[Tensor, Tensor]:
    """The steps of (alpha, c, b). k_g : products of the rows and each
    vector's direction, (m, n)."""
    n = len(kernel)

    def matvec(u: Tensor) -> Tensor:
        return torch.addmm(u[:, n:n + 1] * k_g + u[:, n + 1:], u[:, :n],
                           kernel)

    def add_rmatvec(out: Tensor, r: Tensor) -> None:
        out[:, :n] += r
        out[:, -1] += r.sum(1)
    return _torch_steps(matvec, add_rmatvec, *more)


def _torch_steps(matvec: Callable[[Tensor], Tensor],
                 add_rmatvec: Callable[[Tensor, Tensor], None], n_steps: int,
                 loss: Any, beta: float, coefficients: list[float],
                 first: Tensor, curvature: Any) -> tuple[Tensor, Tensor]:
    order, (momentum, decay, scale) = 1, coefficients
    if curvature is not None:
        order = -1
    vel, u = first
    path, scores = [u], []
    for t in range(n_steps):
        h = matvec(u)
        r = loss.slope(h.flatten()) if curvature is None \
            else curvature[-1 - t] * h.flatten()
        vel = momentum * vel + decay * u
        vel[:, -1] -= decay * (1 - beta) * u[:, -1]
        add_rmatvec(vel, scale * r.view_as(h))
        u = u + vel
        path.append(u)
        scores.append(h)
    return torch.stack(path[::order]), torch.stack(scores[::order])


def blas_steps(kernel: Tensor, k_g: Tensor, n_steps: int, loss: Any,
               beta: float, coefficients: list[float], first: Tensor,
               curvature: Any) -> tuple[Tensor, Tensor]:
    """As `kernel_steps`, on a CPU in float32 or float64."""
    n, order = len(kernel), 1 if curvature is None else -1
    momentum, decay, scale = coefficients
    path = first.new_empty(n_steps + 1, *first.shape[1:])
    path[0 if order == 1 else -1] = first[1]
    scores = first.new_empty(n_steps, *k_g.shape)
    # a row for each coordinate: that of c is added, with k_g, where it is
    rows = torch.cat([kernel, torch.zeros_like(kernel[:1]),
                      torch.ones_like(kernel[:1])]).numpy()
    g, basis, targets = (x.numpy() for x in (k_g, loss.basis, loss.targets))
    # the residual of each class, and the sum that moves its bias
    padded = np.zeros((len(targets), n + 2), basis.dtype)
    full, total = padded[:, :n], padded[:, -1]
    r = np.empty(first.shape[1:], basis.dtype)
    vel, back = first[0].numpy().copy(), basis.T * scale
    axpy, scal = get_blas_funcs(('axpy', 'scal'), (vel,))
    flat_vel, flat_r = vel.ravel(), r.ravel()
    q_seq = n_steps * [None] if curvature is None \
        else curvature.q.numpy()[::-1]
    states = path.numpy()[::order]
    for state, after, h, q in zip(states, states[1:],
                                  scores.numpy()[::order], q_seq):
        np.dot(state, rows, out=h)
        if q is None:
            exps = np.dot(basis, h)
            exps -= np.maximum.reduce(exps)
            np.exp(exps, out=exps)
            exps /= np.add.reduce(exps)
            np.subtract(exps, targets, out=full)
        else:
            h += state[:, n:n + 1] * g
            bent = np.dot(basis, h)
            bent *= q
            np.subtract(bent, q * np.add.reduce(bent), out=full)
        np.add.reduce(full, 1, out=total)
        np.dot(back, padded, out=r)
        scal(momentum, flat_vel)
        axpy(state.ravel(), flat_vel, a=decay)
        axpy(flat_r, flat_vel)
        vel[:, -1] -= decay * (1 - beta) * state[:, -1]
        np.add(state, vel, out=after)
    return path, scores
