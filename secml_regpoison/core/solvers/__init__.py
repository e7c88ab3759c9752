"""Ways to train a linear model and to differentiate through its training.

One algorithm a file. `SOLVERS` is the one registry: `hypergradient`, `solve`
and the attack's `solver_type` take its names.
"""
from typing import Callable, NamedTuple

from torch import Tensor

from . import fmd, implicit, newton, rmd
from .training import TrainedModel, Training

__all__ = ['SOLVERS', 'Solver', 'TrainedModel', 'Training']


class Solver(NamedTuple):
    """How a model is trained, and how its training is differentiated.

    train : ``(coordinates, loss, training, problem, start)`` to a
    `TrainedModel`. vjp : ``(model, grad_val, training, first_row)`` to the
    derivatives with respect to the weights of the rows from `first_row` on,
    and lambda.
    """

    train: Callable[..., TrainedModel]
    vjp: Callable[[TrainedModel, Tensor, Training, int],
                  tuple[Tensor, Tensor]]


SOLVERS = {'fmd': Solver(rmd.descend, fmd.forward),
           'implicit': Solver(newton.newton, implicit.reverse),
           'rmd': Solver(rmd.descend, rmd.reverse)}
