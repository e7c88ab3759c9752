"""The steps of `..solvers.heavy_ball` for k classes, all at once.

As those of `.kernel_steps` and `.primal_steps`, with the k - 1 vectors as rows
of one matrix, so that a product with the data serves all of them. On a CPU the
loop runs on NumPy views of the tensors' memory.
"""
from typing import Any, Callable

import numpy as np
import torch
from torch import Tensor

from ..linalg import blas, faster_triangle, uses_blas
from .kernel import KernelCoordinates
from .kernel_steps import iterates
from .primal_steps import takes_blas

# A kernel of more bytes leaves the cache of a core: for up to so many vectors
# BLAS then multiplies by it sooner one by one, reading half of it each time.
CACHE_BYTES, MAX_VECTORS = 2 ** 20, 8

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
    steps: Callable[..., tuple[Tensor, Tensor]]
    if isinstance(parts[0], KernelCoordinates):
        steps = _kernel_blas_steps if uses_blas(first) else kernel_steps
        path, scores = steps(parts[0].kernel, torch.stack(
            [part.beside[0] for part in parts]), *more)
    else:
        steps = _primal_blas_steps if takes_blas(coordinates.rows_tr) \
            else primal_steps
        path, scores = steps(coordinates.rows_tr, coordinates.rows_p, *more)
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
    order = 1 if curvature is None else -1
    (momentum, decay, scale), (vel, u) = coefficients, first
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


def _primal_blas_steps(rows_tr: Tensor, rows_p: Tensor, *more: Any
                       ) -> tuple[Tensor, Tensor]:
    """As `primal_steps`, on a CPU in float32 or float64."""
    stacked = torch.cat([rows_tr, rows_p])
    # few vectors times a transpose that lies in memory: up to 8 times as fast
    rows, columns = stacked.numpy(), stacked.T.contiguous().numpy()

    def push(u: np.ndarray, h: np.ndarray) -> None:
        np.dot(u, columns, out=h)

    def pull(back: np.ndarray, full: np.ndarray) -> np.ndarray:
        return np.dot(np.dot(back, full), rows)
    return _blas_steps(len(rows), push, pull, None, *more)


def _kernel_blas_steps(kernel: Tensor, k_g: Tensor, *more: Any
                       ) -> tuple[Tensor, Tensor]:
    """As `kernel_steps`, on a CPU in float32 or float64."""
    n, k = len(kernel), kernel.numpy()
    padded = np.zeros((len(k_g) + 1, n + 2), k.dtype)
    symv, lower = blas('symv', kernel.dtype), faster_triangle(kernel.dtype)
    one_by_one = k.nbytes > CACHE_BYTES and len(k_g) <= MAX_VECTORS

    def push(u: np.ndarray, h: np.ndarray) -> None:
        if one_by_one:
            for v, scores in zip(u, h):
                symv(1., k.T, v, 1., scores, 0, 1, 0, 1, lower, 1)
        else:
            np.dot(u[:, :n], k, out=h)
        h += u[:, -1:]

    def pull(back: np.ndarray, full: np.ndarray) -> np.ndarray:
        padded[:, :-2] = full
        np.add.reduce(full, 1, out=padded[:, -1])  # moves the bias
        return np.dot(back, padded)
    return _blas_steps(n, push, pull, k_g.numpy(), *more)


def _blas_steps(n: int, push: Callable[..., None],
                pull: Callable[..., np.ndarray], k_g: Any, n_steps: int,
                loss: Any, beta: float, coefficients: list[float],
                first: Tensor, curvature: Any) -> tuple[Tensor, Tensor]:
    """push : adds the scores of the vectors to 0, (m, n), but for ``c k_g``.
    pull : what residuals of the classes, (k, n), add to the vectors, with
    ``-eta/n E^T`` before."""
    momentum, decay, scale = coefficients
    path, states, order = iterates(n_steps, first, curvature)
    basis, targets = loss.basis.numpy(), loss.targets.numpy()
    scores = first.new_zeros(n_steps, len(first[0]), n)
    vel, back = first[0].numpy().copy(), basis.T * scale
    q_seq = n_steps * [None] if curvature is None \
        else curvature.q.numpy()[::-1]
    for state, after, h, q in zip(states, states[1:],
                                  scores.numpy()[::order], q_seq):
        push(state, h)
        if q is None:
            full = np.dot(basis, h)
            full -= np.maximum.reduce(full)
            np.exp(full, out=full)
            full /= np.add.reduce(full)
            full -= targets
        else:
            if k_g is not None:
                h += state[:, -2:-1] * k_g
            full = np.dot(basis, h)
            full *= q
            full -= q * np.add.reduce(full)
        vel *= momentum
        vel += decay * state
        vel[:, -1] -= decay * (1 - beta) * state[:, -1]
        vel += pull(back, full)
        np.add(state, vel, out=after)
    return path, scores
