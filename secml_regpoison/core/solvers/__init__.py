"""Ways to train a linear model and to differentiate through its training.

One algorithm a file. `SOLVERS` is the one registry: `hypergradient`, `solve`
and the attack's `solver_type` take its names. `SPARSE_SOLVERS` are those that
train with the L1 penalty.
"""
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from torch import Tensor

from ..checks import check, is_sparse
from . import fmd, implicit, newton, proximal, proximal_newton, rmd
from .training import TrainedModel, Training

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ['SOLVERS', 'SPARSE_SOLVERS', 'Solver', 'TrainedModel', 'Training',
           'check_training', 'solvers_of']


class Solver(NamedTuple):
    """How a model is trained, and how its training is differentiated.

    train : ``(coordinates, loss, training, problem, start)`` to a
    `TrainedModel`. vjp : ``(model, grad_val, training)`` to the
    `.training.RowGradients` and a function that computes the derivative with
    respect to lambda, 0-d: an attack on a held lambda does not call it.
    moves_all : whether they are of clean rows too. takes_sparse : whether the
    fixed rows may be sparse.
    """

    train: Callable[..., TrainedModel]
    vjp: Callable[[TrainedModel, Tensor, Training],
                  tuple[Any, Callable[[], Tensor]]]
    moves_all: bool = True
    takes_sparse: bool = True


SOLVERS = {'fmd': Solver(rmd.descend, fmd.forward, moves_all=False,
                         takes_sparse=False),
           'implicit': Solver(newton.newton, implicit.reverse),
           'rmd': Solver(rmd.descend, rmd.reverse)}
SPARSE_SOLVERS = {
    'implicit': Solver(proximal_newton.proximal_newton, implicit.reverse),
    'rmd': Solver(proximal.descend, proximal.reverse)}


def solvers_of(penalty: Any) -> dict[str, Solver]:
    """The solvers that train with this penalty, by name."""
    return SOLVERS if penalty.is_smooth else SPARSE_SOLVERS


def check_training(training: Training, penalty: Any,
                   problem: 'Problem') -> None:
    """Raise ValueError unless this is a way to train a linear model with this
    penalty on this problem."""
    method, solvers = training.method, solvers_of(penalty)
    check('method', method, method in solvers, f'one of {(*solvers,)} with '
          f'the penalty {penalty.__name__}')
    solver, preprocess = solvers[method], problem.preprocess
    check('method', method, solver.moves_all or preprocess is None
          or preprocess.by_row, "'rmd' or 'implicit' with a preprocess that "
          'is fitted on the poison')
    check('method', method, solver.takes_sparse or not is_sparse(problem.x_tr),
          "'rmd' or 'implicit' with sparse rows")
    check('form', training.form, penalty.is_isotropic
          or training.form != 'gram', "'primal' or 'auto' with the penalty "
          f'{penalty.__name__}', ' Kernel coordinates need one isotropic L2.')
