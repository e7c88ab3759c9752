"""Coordinates of a linear model of k classes: k - 1 vectors, end to end.

The rows are ``a_i = (x_i, 1)``, without a sign, and the vectors those of
`..losses.softmax`. Each is in the coordinates of a binary model; the kernel is
the same for all. Each has an adjoint with a direction of its own.
"""
import copy
from typing import Any, Iterator, Optional

import torch
from torch import Tensor

from .. import linalg
from ..checks import is_sparse
from ..losses.softmax import ClassCurvature
from .class_solvers import block_solver, primal_solver, woodbury_solver
from .class_steps import class_steps
from .kernel import KernelCoordinates
from .margins import RowFactors, Solve


class ClassCoordinates:
    """Vectors u are flat, ((k - 1) n_coords,); see `.margins.Coordinates`.

    Scores are flat too, ((k - 1) n,), and so are those of `val_matvec`.

    Parameters
    ----------
    first : PrimalCoordinates or KernelCoordinates
        Of one vector.
    n_vectors : int
        k - 1.

    Attributes
    ----------
    parts : list
        The coordinates of each vector, of the same data.
    """

    data: tuple[Tensor, ...] = ()

    def __init__(self, first: Any, n_vectors: int):
        self.parts = parts = [first, *(
            first.twin() for _ in range(n_vectors - 1))]
        self.rows_tr, self.rows_p = first.rows_tr, first.rows_p
        self.penalty, self.n_tr, self.n = first.penalty, first.n_tr, first.n
        self.n_coords = len(parts) * first.n_coords

    def twin(self) -> 'ClassCoordinates':
        """The same coordinates, for directions of their own."""
        twin = copy.copy(self)
        twin.parts = [part.twin() for part in self.parts]
        return twin

    def with_penalty(self, penalty: Any) -> 'ClassCoordinates':
        return ClassCoordinates(self.parts[0].with_penalty(penalty),
                                len(self.parts))

    def _blocks(self, u: Tensor) -> Iterator[tuple[Any, Tensor]]:
        """Each part with its entries of flat vectors, as views."""
        return zip(self.parts, u.tensor_split(len(self.parts), -1))

    def steps(self, n_steps: int, loss: Any, coefficients: Tensor,
              first: Tensor, curvature: Optional[ClassCurvature] = None
              ) -> tuple[Tensor, Tensor]:
        return class_steps(self, n_steps, loss, coefficients, first,
                           curvature)

    def matvec(self, u: Tensor) -> Tensor:
        return torch.cat([part.matvec(v) for part, v in self._blocks(u)])

    def add_rmatvec(self, u: Tensor, r: Tensor, alpha: float) -> None:
        for (part, v), (_, r_c) in zip(self._blocks(u), self._blocks(r)):
            part.add_rmatvec(v, r_c, alpha)

    def add_penalty(self, out: Tensor, u: Tensor) -> None:
        for (part, o), (_, v) in zip(self._blocks(out), self._blocks(u)):
            part.add_penalty(o, v)

    def val_matvec(self, rows_val: Tensor, u: Tensor) -> Tensor:
        return torch.cat([part.val_matvec(rows_val, v)
                          for part, v in self._blocks(u)])

    def val_rmatvec(self, rows_val: Tensor, r_val: Tensor) -> Tensor:
        return torch.cat([part.val_rmatvec(rows_val, r_c)
                          for part, r_c in self._blocks(r_val)])

    def weights(self, coords: Tensor) -> Tensor:
        """Weights of rows of coordinates (j, n_coords), end to end."""
        return torch.cat([part.weights(v)
                          for part, v in self._blocks(coords)], 1)

    def biases(self, coords: Tensor) -> Tensor:
        """Biases (..., k - 1) of coordinates (..., n_coords)."""
        return coords.unflatten(-1, (len(self.parts), -1))[..., -1]

    def inner(self, p: Tensor, scores_p: Tensor, u: Tensor) -> Tensor:
        return sum(part.inner(p_c, h, v) for (part, p_c), (_, h), (_, v)
                   in zip(*map(self._blocks, (p, scores_p, u))))

    def dot(self, u: Tensor, v: Tensor, scores_v: Tensor) -> Tensor:
        return sum(part.dot(u_c, v_c, h) for (part, u_c), (_, v_c), (_, h)
                   in zip(*map(self._blocks, (u, v, scores_v))))

    def row_factors(self, loss: Any, scores: Tensor, p: Tensor,
                    adjoint_scores: Tensor, u: Tensor,
                    first_row: int) -> list[RowFactors]:
        """As `.margins.row_factors`: ``r`` and ``C (A p) / n``."""
        m = len(self.parts)

        def moving(h: Tensor) -> Tensor:
            return h.unflatten(-1, (m, self.n))[..., first_row:].flatten(-2)
        rows, h = loss.rows(first_row), moving(scores)
        slope = rows.slope(h)
        curved_scores = rows.curvature(h) / self.n * moving(adjoint_scores)
        return [RowFactors(part, r, p_c, s, u_c)
                for (part, r), (_, p_c), (_, s), (_, u_c) in zip(
                    *map(self._blocks, (slope, p, curved_scores, u)))]

    def solver(self, hess_diag: Any) -> Solve:
        """``g -> Hess L^-1 g``, by a Cholesky factor, or without the matrix
        where that would be too large to factorise."""
        if isinstance(self.parts[0], KernelCoordinates):
            return woodbury_solver(self.parts, self.penalty, hess_diag)
        if self.n_coords > linalg.TOO_LARGE or is_sparse(self.rows_tr):
            return block_solver(self, hess_diag)
        return primal_solver(self.rows_tr, self.rows_p, self.penalty,
                             hess_diag)
