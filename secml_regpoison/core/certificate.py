"""Bounds of the harm of poison at a fixed lambda, from above and from below.

    U(lmbda) = min_u  (1/n) (sum_clean l(h_i) + p max_{(x, y) in F} l(h))
                      + exp(lmbda)/(2 n) (||w||^2 + beta b^2)             (1)

with n rows, p of them poison in the set F, is convex, and no poisoned model
has a larger training objective (Steinhardt, Koh, Liang 2017, arXiv
1706.03691, eq. 4). So ``n U / n_clean`` bounds the clean rows' mean loss. Its
dual maximises, over mixtures of points of F with the weight of p rows,

    D(a) = min_u (1/n) (sum_clean l(h_i) + p sum_k a_k l(h_k)) + penalty  (2)

which is concave, and an attack. Each model trained for (2) has a value in (1):
the two enclose the optimum.
"""
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .coordinates.rows import signed_rows
from .feasible import FeasibleSet
from .linalg import factorise
from .losses import Loss
from .penalties import L2
from .threads import one_blas_thread


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Bounds of the largest training objective, and the attack of the lower.

    Attributes
    ----------
    upper, lower : float
        Least value of (1) and largest of (2) that were found.
    points, labels, weights : Tensor, shapes (k, d), (k,) and (k,)
        The mixture of (2); the weights sum to 1.
    n_iter : int
        Mixtures that were trained on.
    """

    upper: float
    lower: float
    points: Tensor
    labels: Tensor
    weights: Tensor
    n_iter: int

    @property
    def gap(self) -> float:
        """Their difference, relative to the upper one."""
        return (self.upper - self.lower) / self.upper


@dataclass(frozen=True, eq=False)
class Objective:
    """The training objective on clean rows and a mixture of points.

    rows : signed clean rows (m, d + 1). n_poison : p.
    """

    rows: Tensor
    n_poison: int
    penalty: L2
    loss: Loss

    @property
    def n(self) -> int:
        """All rows, poison included."""
        return len(self.rows) + self.n_poison

    def value(self, u: Tensor, poison_loss: Tensor) -> float:
        """The objective, where the p rows have this mean loss."""
        loss = self.loss.value(self.rows @ u).sum()
        return float((loss + self.n_poison * poison_loss) / self.n
                     + (self.penalty.strengths(u) * u * u).sum() / 2)

    def train(self, atoms: Tensor, weights: Tensor, u: Tensor) -> 'Optimum':
        """Newton's method on (2) from `u`."""
        used = weights > 0
        rows = torch.cat([self.rows, atoms[used]])
        c = torch.cat([torch.ones_like(self.rows[:, 0]),
                       self.n_poison * weights[used]]) / self.n
        units = self.penalty.strengths(u)

        def value(u: Tensor) -> Tensor:
            return c @ self.loss.value(rows @ u) + (units * u * u).sum() / 2
        for _ in range(50):
            h = rows @ u
            grad = rows.T @ (c * self.loss.slope(h)) + units * u
            hess = rows.T @ ((c * self.loss.curvature(h))[:, None] * rows)
            hess.diagonal().add_(units + 1e-12)
            factor = factorise(hess)
            step = torch.cholesky_solve(grad[:, None], factor)[:, 0]
            decrease, here, t = float(grad @ step), value(u), 1.
            if decrease <= 1e-10 * float(here):
                break
            while t > 1e-8 and value(u - t * step) > here \
                    - 1e-4 * t * decrease:
                t /= 2
            u = u - t * step
        return Optimum(u, float(value(u)), factor)


class Optimum(NamedTuple):
    """A trained model (d + 1,), its objective, and its Hessian's factor."""

    u: Tensor
    value: float
    factor: Tensor


@one_blas_thread
def enclose(x: Tensor, y: Tensor, feasible: FeasibleSet, n_poison: int,
            lmbda: float, loss: Loss, beta: float, rtol: float,
            max_iter: int = 100) -> Enclosure:
    """Enclose the largest training objective that poison can make.

    Each round trains on the mixture, adds the points of F of the largest loss
    (a call of `support` for each label), and moves the weights by a Newton
    step of (2) over the simplex: a fully corrective Frank-Wolfe method.

    Parameters
    ----------
    x, y : Tensor, shapes (m, d) and (m,)
        Clean rows, and labels in {-1, +1}.
    feasible : FeasibleSet
        Of two points, the first of label -1, the second of +1.
    n_poison : int
        p, at least 1.
    lmbda : float
    loss : Loss
        Of the margin.
    beta : float
        The bias's share of the penalty.
    rtol : float
        Stop at this gap.
    max_iter : int
        Rounds at most.

    Returns
    -------
    Enclosure

    Raises
    ------
    ValueError
        If F leaves a label no place.
    """
    objective = Objective(signed_rows(x, y), n_poison, L2(
        lmbda, len(x) + n_poison, beta), loss)
    atoms = signed_rows(feasible.project_start(feasible.x_0),
                        y.new_tensor([-1., 1.]))
    weights = torch.full_like(atoms[:, 0], 1 / len(atoms))
    best = objective.train(atoms, weights, torch.zeros_like(atoms[0]))
    upper = float('inf')
    for n_iter in range(1, max_iter + 1):
        found, largest = _worst(best.u, feasible, loss)
        upper = min(upper, objective.value(best.u, largest))
        if upper - best.value <= rtol * upper:
            break
        atoms = torch.cat([atoms, found])
        weights = torch.cat([weights, torch.zeros_like(found[:, 0])])
        target = _corrected(objective, atoms, weights, best)
        t, moved = 1., best
        while t > 1e-3:
            moved = objective.train(
                atoms, weights + t * (target - weights), best.u)
            if moved.value > best.value:
                break
            t /= 2
        else:
            break  # no step raises (2): rounding
        best, weights = moved, weights + t * (target - weights)
        kept = weights > 0
        atoms, weights = atoms[kept], weights[kept]
    signs = -atoms[:, -1]
    return Enclosure(upper, best.value, -signs[:, None] * atoms[:, :-1],
                     signs, weights, n_iter)


def _worst(u: Tensor, feasible: FeasibleSet,
           loss: Loss) -> tuple[Tensor, Tensor]:
    """For each label the signed row of the largest loss in F, and the larger
    of the two losses; a loss that grows on both sides is looked at on both."""
    y = u.new_tensor([-1., 1.])
    v = -torch.outer(y, u[:-1])
    (high, at_high), (low, at_low) = feasible.support(v), feasible.support(-v)
    losses = loss.value(torch.stack([high, -low]) - y * u[-1])
    far = losses[1] > losses[0]
    places = torch.where(far[:, None], at_low, at_high)
    return signed_rows(places, y), losses.amax()


def _corrected(objective: Objective, atoms: Tensor, weights: Tensor,
               best: Optimum) -> Tensor:
    """Weights on the simplex that maximise the model of second order of (2)
    at `best`, by steps between pairs of atoms."""
    share, h = objective.n_poison / objective.n, atoms @ best.u
    gradients = objective.loss.slope(h)[:, None] * atoms
    hess = share ** 2 * gradients @ torch.cholesky_solve(
        gradients.T, best.factor)
    g = (share * objective.loss.value(h) + hess @ weights).numpy(force=True)
    a, q = weights.numpy(force=True).copy(), hess.numpy(force=True)
    slope = g - q @ a
    for _ in range(5000):
        i = int(slope.argmax())
        used = a > 0
        j = int((slope + 1e300 * ~used).argmin())
        gain = slope[i] - slope[j]
        if gain <= 1e-6 * abs(slope[i]):
            break
        curvature = q[i, i] + q[j, j] - 2 * q[i, j]
        t = a[j] if curvature * a[j] <= gain else gain / curvature
        a[i], a[j] = a[i] + t, a[j] - t if t < a[j] else 0.
        slope += t * (q[:, j] - q[:, i])
    return torch.from_numpy(a).to(weights) / a.sum()
