"""Ways to train a linear model and to differentiate through its training.

One algorithm a file. `SOLVERS` is the one registry: `hypergradient`, `solve`
and the attack's `solver_type` take its names. `SPARSE_SOLVERS` are those that
train with the L1 penalty.
"""
from typing import Callable, NamedTuple

from torch import Tensor

from . import fmd, implicit, newton, proximal, proximal_newton, rmd
from .training import TrainedModel, Training

__all__ = ['SOLVERS', 'SPARSE_SOLVERS', 'Solver', 'TrainedModel', 'Training']


class Solver(NamedTuple):
    """How a model is trained, and how its training is differentiated.

    train : ``(coordinates, loss, training, problem, start)`` to a
    `TrainedModel`. vjp : ``(model, grad_val, training, first_row)`` to a
    callable of the derivative with respect to the weights of the rows from
    `first_row` on, (k, d), and that with respect to lambda, 0-d.
    """

    train: Callable[..., TrainedModel]
    vjp: Callable[[TrainedModel, Tensor, Training, int],
                  tuple[Callable[[], Tensor], Tensor]]


SOLVERS = {'fmd': Solver(rmd.descend, fmd.forward),
           'implicit': Solver(newton.newton, implicit.reverse),
           'rmd': Solver(rmd.descend, rmd.reverse)}
SPARSE_SOLVERS = {
    'implicit': Solver(proximal_newton.proximal_newton, implicit.reverse),
    'rmd': Solver(proximal.descend, proximal.reverse)}
