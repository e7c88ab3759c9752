"""An attacker with rows of its own that hides its harm from the defender."""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .checks import check_number
from .model import Gradients, Model


@dataclass(frozen=True, eq=False)
class Camouflaged:
    """The `Gradients` of an attacker that hides, see `camouflaged`; `own` are
    those that it has without."""

    model: Model
    trained: Any
    own: Gradients
    camouflage: float

    @property
    def value(self) -> Tensor:
        """The attacker's loss, 0-d."""
        return self.own.value

    @cached_property
    def grad_x_p(self) -> Tensor:
        """Direction of the points, (p, d)."""
        return camouflaged(
            self.model, self.trained.x_p, self.own.grad_x_p,
            self.model.defender_hypergradient(self.trained).grad_x_p,
            self.camouflage)

    @property
    def grad_lmbda(self) -> Tensor:
        """Derivative of the defender's loss with respect to lambda, 0-d."""
        return self.own.grad_lmbda


def check_camouflage(camouflage: float, may_hide: bool) -> None:
    """Raise unless it is a share of 0 to 1, above 0 where an attacker
    `may_hide` alone."""
    check_number(
        'camouflage', camouflage, lambda share: 0. <= share <= 1. and (
            share == 0. or may_hide),
        'from 0 to 1, and 0 for an attacker without rows of its own or with '
        '`quasi_newton`')


def camouflaged(model: Model, x_p: Tensor, attacker: Tensor, defender: Tensor,
                camouflage: float) -> Tensor:
    """``dB/|dB| - camouflage dA/|dA|`` row by row, (p, d).

    ``B`` is the loss of the attacker and ``A`` that of the defender; points
    that lower ``A`` do not show their harm. With a `y_target` the attacker
    lowers both: then a plus. The norms are in the units of
    `.Problem.column_scale`.
    """
    problem, scale = model.problem, model.problem.column_scale(x_p)
    weight = problem.upward * camouflage
    return (unit_rows(scale * attacker)
            - weight * unit_rows(scale * defender)) / scale


def unit_rows(x: Tensor) -> Tensor:
    """Rows of norm 1; a row of zeros stays."""
    return x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(
        torch.finfo(x.dtype).tiny)
