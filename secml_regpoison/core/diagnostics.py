"""How far a poisoned solution can be trusted, in numbers."""
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .linear_model import LinearModel
from .projection import Bound, FeasibleSet, check_box
from .solvers.implicit import solve_hessian
from .solvers.newton import relative_gradient


@dataclass(frozen=True)
class Diagnostics:
    """What `diagnose` measures; `str` explains it.

    inner_grad_norm : training gradient where training stopped, relative to
        that at zero weights. residual : of the linear solve behind the
        implicit hypergradient, relative. defender_gap : validation loss at
        lambda over the best on a grid, minus 1; grid_lmbda : the best.
    attacker_grad_norm : gradient that the box leaves to the attacker, as a
        share of the whole. cosine : between the hypergradients of the points
        by 'rmd' and by 'implicit'.
    """

    lmbda: float
    inner_grad_norm: float
    residual: float
    defender_gap: float
    grid_lmbda: float
    attacker_grad_norm: float
    cosine: float

    def __str__(self) -> str:
        return '\n'.join((
            f'training gradient left      {self.inner_grad_norm:9.2e}  '
            'of the first; 0 is converged',
            f'implicit solve, residual    {self.residual:9.2e}  relative',
            f'defender: loss above best   {100 * self.defender_gap:8.3f} %  '
            f'lambda {self.lmbda:.2f}, best on grid {self.grid_lmbda:.2f}',
            f'attacker: free gradient     {100 * self.attacker_grad_norm:8.1f}'
            ' %  of the whole; the box blocks the rest',
            f'rmd to implicit, cosine     {self.cosine:9.3f}  1 where T steps '
            'are as good as training to the end'))


def diagnose(model: LinearModel, x_p: Tensor, lmbda: float, lb: Bound = None,
             ub: Bound = None, lmbda_bounds: tuple[float, float] = (-8., 11.5),
             grid_step: float = .25) -> Diagnostics:
    """`Diagnostics` of poisoning points and lambda.

    Parameters
    ----------
    model : LinearModel
        Trained and differentiated as the points were made with.
    x_p : Tensor, shape (p, d)
    lmbda : float
    lb, ub, lmbda_bounds
        As for `solve`.
    grid_step : float
        Step of the grid of lambda, over `lmbda_bounds`.
    """
    optimal = replace(model, training=replace(
        model.training, method='implicit'))
    other = optimal
    if model.training.method == 'implicit':
        other = replace(model, training=replace(model.training, method='rmd'))
    trained, optimum = model.train(x_p, lmbda), optimal.train(x_p, lmbda)
    grad = model.hypergradient(trained).grad_x_p
    grad_other = other.hypergradient(other.train(x_p, lmbda)).grad_x_p
    grad_val = optimal.val_gradient(
        optimum, optimum.features.problem.rows_val)[1]
    low, high = lmbda_bounds
    losses = {at: optimal.losses(optimal.train(x_p, at)).defender for at in (
        low + grid_step * k for k in range(int((high - low) / grid_step) + 1))}
    best = min(losses, key=losses.__getitem__)
    return Diagnostics(
        lmbda, relative_gradient(trained.model),
        solve_hessian(optimum.model, grad_val)[1],
        optimal.losses(optimum).defender / losses[best] - 1, best,
        _free_share(grad if model.problem.y_target is None else -grad,
                    FeasibleSet(x_p, *check_box(x_p, lb, ub))),
        float(torch.nn.functional.cosine_similarity(
            grad.ravel(), grad_other.ravel(), dim=0)))


def _free_share(grad: Tensor, feasible: FeasibleSet) -> float:
    """Norm of the part of an ascent step that the box allows."""
    length = torch.linalg.vector_norm(grad)
    if not len(grad) or length == 0:
        return 0.
    x_p = feasible.x_0
    moved = feasible.project(x_p + 1e-6 * grad / length) - x_p
    return float(torch.linalg.vector_norm(moved) / 1e-6)
