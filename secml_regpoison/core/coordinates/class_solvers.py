"""Linear solves with the training Hessian of k classes.

With ``C_i = R_i R_i^T`` the curvature of row i over n, (k - 1, k - 1), and
``V`` the k - 1 vectors,

    Hess V = sum_i C_i (V a_i) a_i^T + mu (V_w, beta V_b)
"""
from typing import Any, Callable

import torch
from torch import Tensor

from .. import linalg
from ..losses.softmax import ClassCurvature
from ..penalties import L2
from .margins import hessian_product

Solve = Callable[[Tensor], Tensor]


def primal_solver(rows_tr: Tensor, rows_p: Tensor, penalty: L2,
                  s: ClassCurvature) -> Solve:
    """By a Cholesky factor of the whole matrix, of order (k - 1)(d + 1)."""
    rows, blocks = torch.cat([rows_tr, rows_p]), s.blocks()
    m, size = len(blocks), rows.shape[1]
    hess = rows.new_empty(m, size, m, size)
    for c in range(m):
        for e in range(c + 1):
            hess[c, :, e] = hess[e, :, c] = (rows.T * blocks[c, e]) @ rows
    shift = rows.new_full((size,), penalty.strength)
    shift[-1] *= penalty.beta
    hess = hess.view(m * size, m * size)
    hess.diagonal().add_(shift.repeat(m))
    factor = linalg.factorise(hess)
    return lambda g: linalg.solve_factorised(factor, g)


def woodbury_solver(parts: list[Any], penalty: L2,
                    s: ClassCurvature) -> Solve:
    """In kernel coordinates; the weights' block by Woodbury's identity,

        B^-1 v = (v - X^T R M^-1 R^T X v) / mu,   M = mu + R^T K R,

    of order n (k - 1), and the biases by their Schur complement.
    """
    kernel, mu = parts[0].kernel, penalty.strength
    (m, n), root, blocks = (len(parts), len(kernel)), s.root(), s.blocks()
    factor = _factor(kernel, root, mu)

    def scores(v: Tensor) -> Tensor:
        """``X v`` of coordinates (j, m, n + 1), the last that of the direction
        that a part has now."""
        beside = torch.stack([part.beside[0] for part in parts])
        return v[..., :-1] @ kernel + v[..., -1:] * beside

    def solve_w(v: Tensor) -> Tensor:
        """``B^-1 v``, the same shapes."""
        reduced = torch.einsum('cen,jcn->jen', root, scores(v))
        reduced = torch.cholesky_solve(reduced.flatten(1).T, factor).T
        v = v.clone()
        v[..., :-1] -= torch.einsum('cen,jen->jcn', root,
                                    reduced.unflatten(1, (m, n)))
        return v / mu

    # column e of the biases' block, in coordinates of the weights
    columns = torch.cat([blocks, blocks.new_zeros(m, m, 1)], 2)
    via_bias = solve_w(columns)
    schur = (blocks.sum(2) - torch.einsum(
        'cdn,jdn->cj', blocks, scores(via_bias)))
    schur.diagonal().add_(mu * penalty.beta)

    def solve(g: Tensor) -> Tensor:
        g = g.view(m, n + 2)
        via_g = solve_w(g[None, :, :-1])[0]
        b = torch.linalg.solve(schur, g[:, -1] - torch.einsum(
            'cdn,dn->c', blocks, scores(via_g)))
        w = via_g - torch.einsum('j,jcn->cn', b, via_bias)
        return torch.cat([w, b[:, None]], 1).flatten()
    return solve


def _factor(kernel: Tensor, root: Tensor, mu: float) -> Tensor:
    """The Cholesky factor of ``M``, see `woodbury_solver`."""
    m, n = len(root), len(kernel)
    inner = kernel.new_empty(m, n, m, n)
    for c in range(m):
        for e in range(c + 1):
            block = (root[:, c].T @ root[:, e]).mul_(kernel)
            inner[c, :, e], inner[e, :, c] = block, block.T
    inner = inner.view(m * n, m * n)
    inner.diagonal().add_(mu)
    return linalg.factorise(inner)


def block_solver(coordinates: Any, s: Any) -> Solve:
    """Without the matrix, in primal coordinates: conjugate gradients, by the
    binary solver of the mean curvature as a preconditioner."""
    m = len(coordinates.parts)
    blocks = s.blocks()
    mean = sum(blocks[c, c] for c in range(m)) / m
    solve = coordinates.parts[0].solver(mean)

    def precondition(g: Tensor) -> Tensor:
        return torch.cat([solve(part) for part in g.view(m, -1)])
    return lambda g: linalg.conjugate_gradients(
        lambda v: hessian_product(coordinates, s, v), g,
        precondition=precondition)[0]
