"""Linear solves with the training Hessian of k classes.

With ``C_i = R_i R_i^T`` the curvature of row i over n, (k - 1, k - 1), and
``V`` the k - 1 vectors,

    Hess V = sum_i C_i (V a_i) a_i^T + mu (V_w, beta V_b)
"""
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from .. import linalg
from ..losses.softmax import ClassCurvature
from ..penalties import L2
from .margins import Solve, hessian_product


def primal_solver(rows_tr: Tensor, rows_p: Tensor, penalty: L2,
                  hess_diag: ClassCurvature) -> Solve:
    """By a Cholesky factor of the whole matrix, of order (k - 1)(d + 1)."""
    rows, blocks = torch.cat([rows_tr, rows_p]), hess_diag.blocks()
    m, size = len(blocks), rows.shape[1]
    hess = rows.new_empty(m, size, m, size)
    for c in range(m):
        for e in range(c + 1):
            hess[c, :, e] = hess[e, :, c] = (rows.T * blocks[c, e]) @ rows
    hess = hess.view(m * size, m * size)
    hess.diagonal().add_(penalty.strengths(rows).repeat(m))
    factor = linalg.factorise(hess)
    return lambda g, _=None: linalg.solve_factorised(factor, g)


def woodbury_solver(parts: list[Any], penalty: L2,
                    hess_diag: ClassCurvature) -> Solve:
    """In kernel coordinates; the weights' block by Woodbury's identity,

        B^-1 v = (v - X^T R M^-1 R^T X v) / mu,   M = mu + R^T K R,

    of order n (k - 1), and the biases by their Schur complement.
    """
    kernel, mu = parts[0].kernel, penalty.strength
    m, n = len(parts), len(kernel)
    root, blocks = hess_diag.root(), hess_diag.blocks()
    factor = _factor(kernel, root, mu)

    def solve_w(alpha: Tensor, scores: Tensor) -> Tensor:
        """The alpha of ``B^-1 v``, of the alpha of v and ``X v``, all of the
        shape (j, m, n)."""
        reduced = torch.einsum('cen,jcn->jen', root, scores)
        reduced = torch.cholesky_solve(reduced.flatten(1).T, factor).T
        return (alpha - torch.einsum('cen,jen->jcn', root,
                                     reduced.unflatten(1, (m, n)))) / mu

    # column e of the biases' block, in coordinates of the weights
    scores_bias = blocks @ kernel
    via_bias = solve_w(blocks, scores_bias)
    schur = blocks.sum(2) - torch.einsum('cdn,jdn->cj', scores_bias, via_bias)
    schur.diagonal().add_(mu * penalty.beta)

    def solve(g: Tensor, scores: Optional[Tensor] = None) -> Tensor:
        g = g.view(m, n + 2)
        if scores is None:
            scores = torch.cat([part.matvec(v) for part, v in zip(parts, g)])
        scores = scores.view(m, n) - g[:, -1:]  # rows end with 1
        b, failed = torch.linalg.solve_ex(
            schur, g[:, -1] - torch.einsum('jdn,dn->j', via_bias, scores))
        if failed:
            raise linalg.singular(g.dtype)
        alpha = (solve_w(g[None, :, :-2], scores[None])[0]
                 - torch.einsum('j,jcn->cn', b, via_bias))
        return torch.cat([alpha, g[:, -2:-1] / mu, b[:, None]], 1).flatten()
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


def block_solver(coordinates: Any, hess_diag: Any) -> Solve:
    """Without the matrix, in primal coordinates: conjugate gradients, with
    the binary factor of the mean curvature as a preconditioner, if there is
    one: gradients within gradients need not end."""
    m, part = len(coordinates.parts), coordinates.parts[0]
    solve: Callable[[Tensor], Tensor] = torch.clone
    if part.is_factorised:
        blocks = hess_diag.blocks()
        solve = part.solver(sum(blocks[c, c] for c in range(m)) / m)

    def precondition(g: Tensor) -> Tensor:
        return torch.cat([solve(v) for v in g.view(m, -1)])
    return lambda g, _=None: linalg.conjugate_gradients(
        lambda v: hessian_product(coordinates, hess_diag, v), g,
        precondition=precondition)[0]
