"""How far a poisoned solution can be trusted, in numbers."""
from dataclasses import dataclass, replace

import torch

from .projection import check_box, project
from .hypergradient import differentiate, train
from .solvers.implicit import relative_gradient, solve_hessian
from .coordinates.margins import fold, softplus_mean


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

    def __str__(self):
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


def diagnose(problem, x_p, y_p, lmbda, inner, lb=None, ub=None,
             lmbda_bounds=(-8., 11.5), grid_step=.25):
    """`Diagnostics` of poisoning points and lambda.

    Parameters
    ----------
    problem : Problem
    x_p, y_p : Tensor, shapes (p, d) and (p,)
    lmbda : float
    inner : Inner
        As the points were made with.
    lb, ub, lmbda_bounds
        As for `solve`.
    grid_step : float
        Step of the grid of lambda, over `lmbda_bounds`.
    """
    lb, ub = check_box(x_p, lb, ub)
    phi, chain_rule = problem.features(x_p)
    rows_p = fold(phi, y_p)

    def gradient(settings):
        model = train(problem, rows_p, lmbda, settings)
        return model, chain_rule(
            differentiate(problem, model, y_p, settings).grad_x_p)

    def loss(at):
        model = train(problem, rows_p, at, inner)
        return float(softplus_mean(model.form.val_scores(
            problem.rows_val, model.u)))

    model, grad = gradient(inner)
    other = 'rmd' if inner.method == 'implicit' else 'implicit'
    grad_other = gradient(replace(inner, method=other))[1]
    optimum = train(problem, rows_p, lmbda, replace(
        inner, method='implicit'))
    seed = optimum.form.seed(problem.rows_val, torch.sigmoid(
        optimum.form.val_scores(problem.rows_val, optimum.u))
        / len(problem.x_val))
    low, high = lmbda_bounds
    n_grid = int((high - low) / grid_step) + 1
    losses = {at: loss(at) for at in (
        low + grid_step * k for k in range(n_grid))}
    best = min(losses, key=losses.get)
    return Diagnostics(
        lmbda, relative_gradient(model), solve_hessian(optimum, seed)[2],
        loss(lmbda) / losses[best] - 1, best,
        _free_share(grad if problem.y_target is None else -grad, x_p, lb, ub),
        float(torch.nn.functional.cosine_similarity(
            grad.ravel(), grad_other.ravel(), dim=0)))


def _free_share(grad, x_p, lb, ub):
    """Norm of the part of an ascent step that the box allows."""
    length = torch.linalg.vector_norm(grad)
    if not len(x_p) or length == 0:
        return 0.
    step = 1e-6 * grad / length
    moved = project(x_p + step, x_p, lb, ub) - x_p
    return float(torch.linalg.vector_norm(moved) / 1e-6)
