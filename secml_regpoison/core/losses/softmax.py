"""The cross-entropy of a softmax over classes.

The gradient of each row adds up to zero over the classes, and so do the
weights that training reaches from zero. With ``E`` (k, k - 1), orthonormal
columns that add up to zero, the scores are ``H = E S``: k - 1 vectors of
weights are trained, with the same L2 penalty, and the bias is unique.

    value  log sum_c exp H_c - H_y
    slope  E^T (q - e_y),                  q = softmax(H)
    curvature, of a row:  E^T (diag(q) - q q^T) E
"""
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor


class Softmax:
    """Cross-entropy in nats, of labels 0, 1, ..., k - 1."""

    # of diag(q) - q q^T, the largest eigenvalue
    curvature_bound = .5

    def with_labels(self, y: Tensor, n_classes: int) -> 'CrossEntropy':
        """The loss of rows with labels `y`, (n,)."""
        return CrossEntropy(basis_of(y, n_classes), one_hot(y, n_classes))

    def constant(self, y: Tensor) -> float:
        """The entropy of the labels `y`."""
        shares = (y.unique(return_counts=True)[1].double() / len(y)).tolist()
        return -sum(share * math.log(share) for share in shares)


def one_hot(y: Tensor, n_classes: int) -> Tensor:
    """``e_y``, a column a row, (k, n)."""
    return (torch.arange(n_classes, device=y.device)[:, None] == y).to(y)


def basis_of(like: Tensor, n_classes: int) -> Tensor:
    """``E``, (k, k - 1), of the dtype and on the device of `like`."""
    basis = torch.zeros(n_classes, n_classes - 1, dtype=torch.float64,
                        device='cpu')
    for j in range(n_classes - 1):  # Helmert's contrasts
        basis[:j + 1, j], basis[j + 1, j] = -1., j + 1.
        basis[:, j] /= math.sqrt((j + 1) * (j + 2))
    return basis.to(like)


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """The loss of rows with known labels, as the solvers call a loss of
    `.losses`: of scores ``S``, flat, (..., (k - 1) n).

    basis : ``E``. targets : ``e_y``, (k, n).
    """

    basis: Tensor
    targets: Tensor
    curvature_bound = Softmax.curvature_bound

    def scores(self, h: Tensor) -> Tensor:
        """``H``, (..., k, n)."""
        return _expand(self.basis, h, self.targets.shape[1])

    def value(self, h: Tensor) -> Tensor:
        """The loss of each row, (n,)."""
        full = self.scores(h)
        return full.logsumexp(-2) - (self.targets * full).sum(-2)

    def slope(self, h: Tensor) -> Tensor:
        """Its derivative with respect to ``S``, flat."""
        q = self.scores(h).softmax(-2)
        return (self.basis.T @ q.sub_(self.targets)).flatten(-2)

    def curvature(self, h: Tensor) -> 'ClassCurvature':
        """Its second derivative."""
        return ClassCurvature(self.basis, self.scores(h).softmax(-2))

    def rows(self, first_row: int) -> 'CrossEntropy':
        """The loss of the rows from `first_row` on."""
        return replace(self, targets=self.targets[:, first_row:])


@dataclass(frozen=True, eq=False)
class ClassCurvature:
    """``scale E^T (diag(q) - q q^T) E`` of each row; times scores, flat, it
    is a product row by row. q : (..., k, n)."""

    basis: Tensor
    q: Tensor
    scale: float = 1.

    def __len__(self) -> int:
        return len(self.q)

    def __getitem__(self, t: int) -> 'ClassCurvature':
        return replace(self, q=self.q[t])

    def __truediv__(self, n: float) -> 'ClassCurvature':
        return replace(self, scale=self.scale / n)

    def __mul__(self, h: Tensor) -> Tensor:
        full = _expand(self.basis, h, self.q.shape[-1]).mul_(self.q)
        full.sub_(self.q * full.sum(-2, keepdim=True))
        return (self.basis.T @ full).mul_(self.scale).flatten(-2)

    def blocks(self) -> Tensor:
        """Its entries, (k - 1, k - 1, n)."""
        root = self.root()
        return torch.einsum('cen,den->cdn', root, root)

    def root(self) -> Tensor:
        """``R`` with ``R R^T`` the curvature, (k - 1, k - 1, n).

        ``E^T L`` with the factor ``L`` of ``diag(q) - q q^T`` in closed form
        (Tanabe and Sagae 1992, J. R. Stat. Soc. B 54, theorem 1).
        """
        k, q, tiny = len(self.q), self.q, torch.finfo(self.q.dtype).tiny
        above = q.flip(0).cumsum(0).flip(0)  # sum of q from a class on
        factor = q.new_zeros(k, k - 1, q.shape[1])
        for j in range(k - 1):
            factor[j, j] = (q[j] * above[j + 1]
                            / above[j].clamp_min(tiny)).sqrt()
            factor[j + 1:, j] = -q[j + 1:] * (
                factor[j, j] / above[j + 1].clamp_min(tiny))
        return torch.einsum('kc,ken->cen', self.basis, factor).mul_(
            math.sqrt(self.scale))


def _expand(basis: Tensor, h: Tensor, n: int) -> Tensor:
    """``E S`` of flat scores, (..., k, n)."""
    return basis @ h.unflatten(-1, (basis.shape[1], n))
