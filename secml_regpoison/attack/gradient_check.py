"""`diagnostics()` and `check_gradient()` of the attack."""
import math
from dataclasses import asdict, dataclass, replace

import torch

from secml_regpoison.core import hypergradient
from secml_regpoison.core.diagnostics import diagnose
from secml_regpoison.validation import check_integer, check_number
from . import settings
from .objective import model_of, moving_points


@dataclass(frozen=True)
class GradientCheck:
    """Largest relative error of the hypergradient along random directions.

    points, lmbda : the errors with respect to the poisoning points and to
    lambda, against central differences of the loss.
    """

    points: float
    lmbda: float

    def __str__(self):
        return (f'hypergradient against central differences: relative error '
                f'{self.points:.1e} for the points, {self.lmbda:.1e} for '
                'lambda')


def check_arguments(n_directions, step, random_seed):
    """Raise on arguments of `check_gradient` that make no sense."""
    check_integer('n_directions', n_directions, 1)
    check_number('step', step, lambda step: 0 < step < math.inf,
                 'positive and finite')
    check_integer('random_seed', random_seed, 0)


def diagnose_points(attack, data):
    """`Diagnostics` of the attack's points and lambda."""
    x_p, y_p = moving_points(attack, data)
    return diagnose(
        model_of(attack, data.problem(len(x_p)), y_p), x_p, attack.lmbda,
        *data.bounds(attack.lb, attack.ub, x_p), attack.lmbda_bounds)


def compare_gradient(attack, data, n_directions, step, random_seed):
    """`GradientCheck` at the attack's points and lambda."""
    x_p, y_p = moving_points(attack, data)
    problem, step = data.problem(len(x_p)), float(step)
    # differences of values need training to the last digits
    training = {**asdict(settings.training_of(attack)), 'inner_tol': 1e-12}

    def evaluate(x=x_p, lmbda=attack.lmbda, problem=problem):
        return hypergradient(problem, x, y_p, lmbda, **training)

    def slope(ahead, behind):
        return float(ahead.value - behind.value) / (2 * step)

    grad = evaluate().grad_x_p
    by_points = [(float((grad * u).sum()), slope(
        evaluate(x_p + step * u), evaluate(x_p - step * u)))
        for u in _directions(x_p, n_directions, random_seed)]
    at = {'problem': replace(problem, y_target=None)}
    by_lmbda = float(evaluate(**at).grad_lmbda), slope(
        evaluate(lmbda=attack.lmbda + step, **at),
        evaluate(lmbda=attack.lmbda - step, **at))
    return GradientCheck(_error(by_points), _error([by_lmbda]))


def _directions(x_p, n_directions, random_seed):
    """Yield random directions of all points together, of unit norm."""
    rng = torch.Generator().manual_seed(int(random_seed))
    for _ in range(n_directions):
        u = torch.randn(x_p.shape, generator=rng, dtype=x_p.dtype)
        yield (u / torch.linalg.vector_norm(u)).to(x_p.device)


def _error(pairs):
    """Largest difference in `pairs`, relative to the largest second."""
    scale = max(abs(reference) for _, reference in pairs)
    return max(abs(got - reference) for got, reference in pairs) / max(
        scale, 1e-300)
