"""Ways to train a linear model and to differentiate through its training.

One algorithm a file. `SOLVERS` is the one registry: `hypergradient`, `solve`
and the attack's `solver_type` take its names. `SPARSE_SOLVERS` are those that
train with the L1 penalty.
"""
from typing import Any, Callable, NamedTuple

from torch import Tensor

from . import fmd, implicit, newton, proximal, proximal_newton, rmd
from .training import TrainedModel, Training

__all__ = ['SOLVERS', 'SPARSE_SOLVERS', 'Solver', 'TrainedModel', 'Training']


class Solver(NamedTuple):
    """How a model is trained, and how its training is differentiated.

    train : ``(coordinates, loss, training, problem, start)`` to a
    `TrainedModel`. vjp : ``(model, grad_val, training)`` to the
    `.training.RowGradients` and a function that computes the derivative with
    respect to lambda, 0-d: an attack on a held lambda does not call it.
    moves_all : whether they are of clean rows too.
    """

    train: Callable[..., TrainedModel]
    vjp: Callable[[TrainedModel, Tensor, Training],
                  tuple[Any, Callable[[], Tensor]]]
    moves_all: bool = True


SOLVERS = {'fmd': Solver(rmd.descend, fmd.forward, moves_all=False),
           'implicit': Solver(newton.newton, implicit.reverse),
           'rmd': Solver(rmd.descend, rmd.reverse)}
SPARSE_SOLVERS = {
    'implicit': Solver(proximal_newton.proximal_newton, implicit.reverse),
    'rmd': Solver(proximal.descend, proximal.reverse)}
