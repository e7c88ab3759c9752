"""What an attack says of its own result, for users who want to see."""
import math
from dataclasses import dataclass, fields, replace

import torch

from secml_regpoison.validation import check_number, check_integer
from secml_regpoison.core import hypergradient
from secml_regpoison.core.diagnostics import diagnose
from secml_regpoison.core.linear_model import LinearModel


@dataclass(frozen=True)
class GradientCheck:
    """Largest relative error of the hypergradient along random directions.

    points, lmbda : the errors by the poisoning points and by lambda, against
    central differences of the loss.
    """

    points: float
    lmbda: float

    def __str__(self):
        return (f'hypergradient against central differences: relative error '
                f'{self.points:.1e} by the points, {self.lmbda:.1e} by '
                'lambda')


class DiagnosisMixin:
    """`diagnostics` and `check_gradient` of the attack's points and lambda.

    Both look at the attributes `xc`, `yc` and `lmbda`: those of the last
    `run`, or set by hand; all points are taken to move.
    """

    def diagnostics(self):
        """Convergence of training, of the defender and of the attacker.

        Returns
        -------
        Diagnostics
            See `.core.diagnostics`; ``print`` it.

        """
        data, problem, x_p, y_p = self._all_points()
        lb, ub = data.bounds(self.lb, self.ub, x_p)
        return diagnose(LinearModel(problem, y_p, self._training()), x_p,
                        self.lmbda, lb, ub, self.lmbda_bounds)

    def check_gradient(self, n_directions=5, step=1e-4, random_seed=0):
        """Compare the hypergradient with central differences.

        Parameters
        ----------
        n_directions : int
            Random directions of all points together, of unit norm.
        step : float
            Of the central differences, in units of the input; their own
            error is of the order of its square.
        random_seed : int
            Of the directions.

        Returns
        -------
        GradientCheck

        Raises
        ------
        TypeError, ValueError
            Before any work, naming the parameter.

        """
        check_integer('n_directions', n_directions, 1)
        check_number('step', step, lambda step: 0 < step < math.inf,
                     'positive and finite')
        check_integer('random_seed', random_seed, 0)
        _, problem, x_p, y_p = self._all_points()
        step, defended = float(step), replace(problem, y_target=None)
        training = self._training()
        settings = {field.name: getattr(training, field.name)
                    for field in fields(training)}
        settings['inner_tol'] = 1e-12  # differences of values need it
        rng = torch.Generator().manual_seed(int(random_seed))

        def evaluate(problem, x, lmbda):
            return hypergradient(problem, x, y_p, lmbda, **settings)

        def slope(ahead, behind):
            return float(ahead.value - behind.value) / (2 * step)

        by_points = []
        grad = evaluate(problem, x_p, self.lmbda).grad_x_p
        for _ in range(n_directions):
            u = torch.randn(x_p.shape, generator=rng, dtype=x_p.dtype)
            u = (u / torch.linalg.vector_norm(u)).to(x_p.device)
            by_points.append((float((grad * u).sum()), slope(
                evaluate(problem, x_p + step * u, self.lmbda),
                evaluate(problem, x_p - step * u, self.lmbda))))
        by_lmbda = (float(evaluate(defended, x_p, self.lmbda).grad_lmbda),
                    slope(evaluate(defended, x_p, self.lmbda + step),
                          evaluate(defended, x_p, self.lmbda - step)))
        return GradientCheck(_error(by_points), _error([by_lmbda]))


def _error(pairs):
    """Largest difference in `pairs`, relative to the largest second."""
    scale = max(abs(reference) for _, reference in pairs)
    return max(abs(got - reference) for got, reference in pairs) / max(
        scale, 1e-300)
