"""Hypergradients of the validation loss: reverse, forward, implicit."""
from dataclasses import fields
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from .checks import check_lmbda, check_type
from .linear_model import LinearModel
from .model import Hypergradient, Model
from .problem import Problem
from .solvers import Training
from .threads import one_blas_thread

__all__ = ['Hypergradient', 'hypergradient']


@one_blas_thread
def hypergradient(problem: Problem, x_p: Tensor, y_p: Tensor, lmbda: float,
                  method: str = 'rmd', n_inner: int = 150,
                  eta: Optional[float] = None, momentum: float = 0.,
                  model: Callable[..., Model] = LinearModel,
                  **training: Any) -> Hypergradient:
    """Validation loss after training on poisoned data, and its derivatives.

    Parameters
    ----------
    problem : Problem
        Fixed training rows and validation set.
    x_p : Tensor, shape (p, d)
        Poisoning points, appended to the problem's training rows.
    y_p : Tensor, shape (p,)
        Their labels, in {-1, +1}, or 0, 1, ... with `n_classes`.
    lmbda : float
        Natural log of the L2 strength; the penalty is
        ``exp(lmbda) / (2 n) ||w||^2``, ``n`` all training rows.
    method, n_inner, eta, momentum : str, int, float or None, float
        How the classifier is trained and differentiated, see
        `.solvers.Training`.
    model : callable
        ``(problem, y_p, training)`` to the model, by default logistic
        regression whose bias is not penalised; see `.LinearModel`.
    **training
        The other settings of `.solvers.Training`.

    Returns
    -------
    Hypergradient
        ``(value, grad_x_p, grad_lmbda)``.

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the argument.
    FloatingPointError
        If training diverged.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948, Algorithm 1 and eq. 4 ('rmd'
    and 'implicit'); Pearlmutter 1994 (Hessian-vector products).
    """
    attacked, _, rows_p, _ = make_model(
        problem, x_p, y_p, model, method=method, n_inner=n_inner, eta=eta,
        momentum=momentum, **training)
    lmbda = check_lmbda(lmbda, rows_p.dtype)
    attacked.check(rows_p, lmbda)
    found = attacked.hypergradient(attacked.train(rows_p, lmbda))
    return Hypergradient(*(part.to(x_p.dtype) for part in (
        found.value, found.grad_x_p, found.grad_lmbda)))


def make_model(problem: Problem, x_p: Tensor, y_p: Tensor,
               model: Callable[..., Model], **training: Any
               ) -> tuple[Model, Problem, Tensor, Tensor]:
    """The model, and its problem, points and labels, after a check of what is
    given. In float32 where that is in half the precision, of which torch has
    no eigenvalues and SciPy no factors."""
    check_type('problem', problem, (Problem,))
    check_type('model', model, (Callable,))
    known = [field.name for field in fields(Training)]
    for name in training:
        if name not in known:
            raise TypeError(f'`{name}` must be one of the settings of '
                            f'Training, {", ".join(known)}, or left out, got '
                            f'{training[name]!r}.')
    settings = Training(**training)
    problem.check_points(x_p, y_p)
    if x_p.dtype in (torch.float16, torch.bfloat16):
        problem = problem.to(torch.float32)
        x_p, y_p = x_p.float(), y_p.float()
    return model(problem, y_p, settings), problem, x_p, y_p
