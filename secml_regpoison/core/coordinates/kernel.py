"""Training in the span of the training rows: one product with the kernel.

Use them where ``n < 2 d``: a step then costs one product of n x n instead of
two of n x d. With one strength for all weights, ``mu (w, beta b)`` stays in
the span; another penalty leaves it, and is refused.
"""
from typing import TYPE_CHECKING, Callable, Optional

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..linalg import factorise
from ..losses import Loss
from ..penalties import L2

if TYPE_CHECKING:
    from ..problem import Problem


def kernel_steps(n_steps: int, loss: Loss, system: Tensor,
                 coefficients: Tensor, first: Tensor,
                 curvature: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """The steps of `.solvers.heavy_ball` in `KernelCoordinates`.

    Each step keeps velocity, iterate and residual as rows of one (3, n + 2)
    matrix; ``(momentum, -eta mu, -eta/n)`` times it is the next velocity.
    """
    n, order = len(system) - 2, 1 if curvature is None else -1
    path = first.new_empty(n_steps + 1, 3, n + 2)
    path[0 if order == 1 else -1, :2] = first
    products = path.new_empty(n_steps, n + 2)
    if curvature is not None:
        # the last two entries are bias terms, not scores: weight 1
        weights = pad(curvature, (0, 2), value=1.).unbind()[::order]
    vels, states, residuals, matrices, rows = (
        part.unbind()[::order] for part in (*path.unbind(1), path.mT,
                                            products))
    for i, row in enumerate(rows):
        torch.mv(system, states[i], out=row)
        if curvature is None:
            residuals[i].copy_(row)
            loss.slope(row[:n], out=residuals[i][:n])
        else:
            torch.mul(row, weights[i], out=residuals[i])
        torch.mv(matrices[i], coefficients, out=vels[i + 1])
        torch.add(states[i], vels[i + 1], out=states[i + 1])
    return path[:, 1], products[:, :n]


class KernelCoordinates:
    """Coordinates (alpha, c, e), shape (n + 2,):
    ``u = A^T alpha + c g + e (0, 1)``; see `.margins.Coordinates`.

    ``g`` is the direction last passed to `val_rmatvec`, 0 before. One matrix,
    (n + 2, n + 2),

        [      A A^T             A g          a_b     ]  scores A u
        [        0                0            0      ]
        [ -n mu free a_b^T  -n mu free g_b  -n mu free ]  free = 1 - beta

    turns coordinates into all that a training step needs: its last row gives
    the bias its penalty back. Only the rows and columns of the poisoning
    points are computed here; the block of the fixed rows is the problem's,
    once.

    Parameters as for `PrimalCoordinates`.

    Raises
    ------
    ValueError
        If the penalty is no isotropic L2.
    """

    steps = staticmethod(kernel_steps)

    def __init__(self, problem: 'Problem', rows_p: Tensor, penalty: L2):
        if not penalty.is_isotropic:
            raise ValueError(
                "`form` must be 'primal' or 'auto' with a penalty that has "
                "more than one strength, got 'gram': kernel coordinates need "
                'one isotropic L2.')
        self.problem, self.rows_tr = problem, problem.rows_tr
        self.rows_p, self.penalty = rows_p, penalty
        n_tr, p = problem.n_tr, rows_p.shape[0]
        self.n_tr, self.n = n_tr, n_tr + p
        self.n_coords = self.n + 2
        self.system = rows_p.new_zeros(self.n_coords, self.n_coords)
        self.kernel = k = self.system[:self.n]
        k[:n_tr, :n_tr] = problem.gram
        k[n_tr:, :n_tr] = rows_p @ problem.rows_tr.T
        k[:n_tr, n_tr:self.n] = k[n_tr:, :n_tr].T
        k[n_tr:, n_tr:self.n] = rows_p @ rows_p.T
        k[:n_tr, -1], k[n_tr:, -1] = problem.rows_tr[:, -1], rows_p[:, -1]
        self._set_direction(rows_p.new_zeros(rows_p.shape[1]))

    def _set_direction(self, g: Tensor) -> None:
        """Make `g` the direction: `bias`, what biases weigh coordinates by,
        and the last row of the system."""
        self.direction = g
        self.bias = torch.cat([self.kernel[:, -1], g[-1:], g.new_ones(1)])
        mu, beta = self.penalty.strength, self.penalty.beta
        torch.mul(self.bias, -self.n * mu * (1 - beta), out=self.system[-1])

    @property
    def operands(self) -> tuple[Tensor, ...]:
        return self.system,

    def matvec(self, u: Tensor) -> Tensor:
        return self.kernel @ u

    def add_rmatvec(self, u: Tensor, r: Tensor, alpha: float) -> None:
        u[:self.n].add_(r, alpha=alpha)

    def add_penalty(self, out: Tensor, u: Tensor) -> None:
        mu, beta = self.penalty.strength, self.penalty.beta
        out.add_(u, alpha=mu)
        out[-1].sub_(self.biases(u), alpha=mu * (1 - beta))

    def val_matvec(self, rows_val: Tensor, u: Tensor) -> Tensor:
        beside = u[self.n_tr:self.n] @ self.rows_p
        beside[-1] += u[-1]
        h = self.problem.gram_val(rows_val) @ u[:self.n_tr]
        return h.addmv_(rows_val, beside)

    def val_rmatvec(self, rows_val: Tensor, r_val: Tensor) -> Tensor:
        """Coordinates of ``A_val^T r_val``, which becomes ``g``."""
        g = r_val @ rows_val
        self.kernel[:self.n_tr, self.n] = r_val @ self.problem.gram_val(
            rows_val)
        self.kernel[self.n_tr:, self.n] = self.rows_p @ g
        self._set_direction(g)
        u = r_val.new_zeros(self.n_coords)
        u[-2] = 1.
        return u

    def weights(self, coords: Tensor) -> Tensor:
        w = coords[:, :self.n_tr] @ self.problem.rows_tr[:, :-1]
        w.addmm_(coords[:, self.n_tr:self.n], self.rows_p[:, :-1])
        return w.addr_(coords[:, -2], self.direction[:-1])

    def biases(self, coords: Tensor) -> Tensor:
        return coords @ self.bias

    def inner(self, p: Tensor, scores_p: Tensor, u: Tensor) -> Tensor:
        """``p_t . u_t`` row by row, for `u` in the span:
        ``p . A^T alpha + p_b e = (A p) . alpha + p_b e``; (k,)."""
        return (scores_p * u[:, :self.n]).sum(1) + self.biases(p) * u[:, -1]

    def dot(self, u: Tensor, v: Tensor, scores_v: Tensor) -> Tensor:
        """``u . v`` of two vectors, 0-d."""
        along = (v[:self.n] @ self.kernel[:, self.n] + v[-1]
                 * self.direction[-1] + v[-2] * self.direction
                 @ self.direction)
        return (u[:self.n] @ scores_v + u[-2] * along
                + u[-1] * self.biases(v))

    def solver(self, s: Tensor) -> Callable[[Tensor], Tensor]:
        """``g -> Hess L^-1 g`` for coordinates `g`.

        Woodbury's identity, ``B = mu + A^T S A`` with the rows' weights:

            B^-1 v = (v - A^T R M^-1 R A v) / mu,   R = S^(1/2),
            M = mu + R A A^T R   (n x n, factorised once).

        A bias that is penalised is a weight among the others. One that is
        not is left out of ``A`` and comes by the Schur complement of ``B`` in
        the Hessian.
        """
        free = 1 - self.penalty.beta
        bias = self.bias[:self.n] * free
        # scores of (alpha, c), by the penalised weights alone
        k_w = self.kernel[:, :-1] - torch.outer(bias, self.bias[:-1])
        solve_w = self._woodbury(k_w, s)
        if not free:
            return lambda g: torch.cat([solve_w(g[:-1]), g[-1:]])  # e is 0
        cross = torch.zeros_like(self.bias[:-1])
        cross[:self.n] = s * bias
        via_bias = solve_w(cross)
        schur = s.sum() - (s * bias) @ (k_w @ via_bias)

        def solve(g: Tensor) -> Tensor:
            via_g = solve_w(g[:-1])
            b = (self.biases(g) - (s * bias) @ (k_w @ via_g)) / schur
            weights = via_g - b * via_bias
            return torch.cat([weights, (b - weights @ self.bias[:-1])[None]])
        return solve

    def _woodbury(self, k_w: Tensor, s: Tensor) -> Callable[[Tensor], Tensor]:
        """``v -> B^-1 v`` of coordinates (alpha, c); see `solver`."""
        n, mu, root = self.n, self.penalty.strength, s.sqrt()
        m = k_w[:, :n] * root * root[:, None]
        m.diagonal().add_(mu)
        factor = factorise(m)

        def solve(v: Tensor) -> Tensor:
            score = root * (k_w @ v)
            inside = torch.cholesky_solve(score[:, None], factor)[:, 0]
            v = v.clone()
            v[:n] -= root * inside
            return v / mu
        return solve
