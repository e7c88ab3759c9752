"""`diagnostics()` and `check_gradient()` of the attack."""
import math
from dataclasses import dataclass, replace

import torch

from secml_regpoison.core.diagnostics import diagnose
from secml_regpoison.core.kinks import kinked_coordinates
from secml_regpoison.core.preprocessing import Moments
from secml_regpoison.validation import (
    check, check_integer, check_number)
from .feasible import feasible_set
from . import trust
from .objective import model_of, moving_points
from .retraining import is_evaluated, set_of
from .settings import lmbda_bounds

LEFT_OUT = (
    '{0.n_left_out} of {0.n_coordinates} coordinates of the points are left '
    'out: within a step of them the preprocess has no derivative (a tie for '
    'the least or greatest value of a column, a 0 under the norm l1, a tie '
    'for the largest value of a row under the norm max)')


@dataclass(frozen=True)
class GradientCheck:
    """Largest relative error of the hypergradient along random directions.

    points, lmbda : the errors with respect to the poisoning points and to
    lambda, against central differences of the whole pipeline as it is
    evaluated: preprocess refitted, classifier trained to its optimum. Relative
    to the largest difference; where rounding is more than 1e-6 of it, as where
    points have converged, to 1e6 times the rounding.
    solver_points, solver_lmbda : the same of the attack's solver, against
    differences of the loss that it computes itself. With the L1 penalty the
    loss has a kink where a weight leaves zero: one between two values that are
    subtracted counts as an error here; a smaller step avoids it. With the
    squared hinge the training steps have kinks too, where a row crosses its
    margin. Columns that
    are constant in clean rows and points alike are left out where a mean-std
    or min-max scaler is fitted: its scale jumps there.
    n_left_out, n_coordinates : how many coordinates of how many are left out
    as well, since a step of the points crosses a kink of the preprocess there:
    a tie for the least or greatest value of a min-max scaler, under a unit
    norm a 0 ('l1') or a tie for the largest value of a row ('max'). If all
    are, the errors of the points are nan. Attacks often end there, at the
    bounds of their box.
    is_evaluated : False where the classifier does not train to the optimum of
    this objective, has a `fit` of its own, or refits a preprocess that the
    attack holds frozen, so that the pipeline is that of a surrogate.
    """

    points: float
    lmbda: float
    solver_points: float
    solver_lmbda: float
    is_evaluated: bool = True
    n_left_out: int = 0
    n_coordinates: int = 0

    def __str__(self):
        pipeline = ('of the evaluated pipeline ' if self.is_evaluated
                    else "of the surrogate's pipeline")
        return '\n'.join((
            'hypergradient against central differences, relative error',
            f'{pipeline}  {self.points:.1e} for the points, '
            f'{self.lmbda:.1e} for lambda',
            f"of the solver's own value   {self.solver_points:.1e} for the "
            f'points, {self.solver_lmbda:.1e} for lambda',
            *([LEFT_OUT.format(self)] if self.n_left_out else [])))


def check_arguments(n_directions, step, random_seed):
    """Raise on arguments of `check_gradient` that make no sense."""
    check_integer('n_directions', n_directions, 1)
    check_number('step', step, lambda step: 0 < step < math.inf,
                 'positive and finite')
    check_integer('random_seed', random_seed, 0)


def diagnose_points(attack, data):
    """`Diagnostics` of the attack's points and lambda."""
    check('learn_lmbda', attack.learn_lmbda, not trust.is_learned(attack),
          'True or False for diagnostics')
    x_p, y_p = moving_points(attack, data)
    said = {'is_evaluated': is_evaluated(attack, data)}
    if _is_last_run(attack):
        feasible = set_of(attack, data, attack.adv_ds)
        said.update({name: getattr(attack._verdicts, name)
                     for name in ('one_class', 'budget_hit', 'fit_short',
                                  'unseen')})
    else:
        feasible = feasible_set(attack, data, x_p, y_p)
    found = diagnose(
        model_of(attack, data.problem(len(x_p)), y_p), x_p, attack.lmbda,
        feasible, lmbda_bounds(attack), learn_lmbda=bool(attack.learn_lmbda))
    return replace(found, **said)


def _is_last_run(attack):
    """Whether the attack's points are those that its last `run` evaluated."""
    run = attack.adv_ds
    return attack._verdicts is not None and all(
        ours.shape == theirs.shape and bool((ours == theirs).all())
        for ours, theirs in ((attack.xc, run.X), (attack.yc, run.Y)))


def compare_gradient(attack, data, n_directions, step, random_seed):
    """`GradientCheck` at the attack's points and lambda."""
    x_p, y_p = moving_points(attack, data)
    problem = data.problem(len(x_p))
    units = _column_units(problem, x_p, trust.is_learned(attack))
    directions = [units * u for u in _directions(
        x_p, n_directions, random_seed)]
    # a long step has less rounding, a short one is further from kinks
    steps = float(step), max(step, 5e-3)
    kinked = _kinked(problem, x_p, [steps[1] * u for u in directions],
                     trust.is_learned(attack))
    moves = directions[0] != 0
    directions = [torch.where(kinked, 0., u) for u in directions
                  if (moves & ~kinked).any()]

    def errors(method):
        # differences of values need training to the last digits
        model, own = (model_of(attack, part, y_p, method=method,
                               inner_tol=1e-12)
                      for part in (problem, problem.of_defender))
        return map(min, *(_compare(model, own, x_p, attack.lmbda, directions,
                                   at, is_long)
                          for is_long, at in enumerate(steps)))
    found = tuple(errors('implicit'))
    return GradientCheck(*found, *(
        found if attack.solver_type == 'implicit'
        else errors(attack.solver_type)),
        is_evaluated=is_evaluated(attack, data),
        n_left_out=int((moves & kinked).sum()), n_coordinates=int(moves.sum()))


def _compare(model, own, x_p, lmbda, directions, step, is_long):
    """Errors with respect to points, of `model`, and to lambda, of the
    defender's `own`; differences of the fourth order if the step is long."""
    def value(model, x, lmbda):
        return model.losses(model.train(x, lmbda)).attacker

    def central(loss, step):
        return (loss(step) - loss(-step)) / (2 * step)

    def slope(loss):
        wide = central(loss, step)
        return (4 * central(loss, step / 2) - wide) / 3 if is_long else wide

    grad = model.hypergradient(model.train(x_p, lmbda)).grad_x_p
    by_points = [(float((grad * u).sum()), slope(
        lambda t, u=u: value(model, x_p + t * u, lmbda)))
        for u in directions]
    by_lmbda = (
        float(own.hypergradient(own.train(x_p, lmbda)).grad_lmbda),
        slope(lambda t: value(own, x_p, lmbda + t)))
    return (_error(by_points, 1e-15 * value(model, x_p, lmbda) / step),
            _error([by_lmbda], 1e-15 * value(own, x_p, lmbda) / step))


def _column_units(problem, x_p, is_trust):
    """Deviations of the columns, (d,), where the preprocess divides by what
    grows with them (with learned trust, of the validation rows alone); else 1.
    Without them the directions are along the column of the smallest numbers,
    and a step is far too long for it. 0 of a constant column: any step makes
    its scale jump from 1."""
    if problem.preprocess is None or not problem.preprocess.fits_scale:
        return 1.
    moments = Moments.of(problem.x_val) if is_trust \
        else problem.moments.with_rows(x_p)
    return torch.where(moments.least == moments.greatest, 0.,
                       moments.deviations())


def _kinked(problem, x_p, moves, is_trust):
    """Coordinates that cross a kink of the preprocess, (p, d); with learned
    trust it is fitted on the validation rows alone."""
    if problem.preprocess is None or not len(x_p):
        return torch.zeros_like(x_p, dtype=torch.bool)
    n_tr = len(x_p) + problem.n_tr
    fitted = slice(n_tr, n_tr + len(problem.x_val)) if is_trust \
        else slice(0, n_tr)
    return kinked_coordinates(problem.preprocess, x_p, torch.cat(
        list(problem.rows.values())), fitted, moves)


def _directions(x_p, n_directions, random_seed):
    """Yield random directions of all points together, of unit norm."""
    rng = torch.Generator().manual_seed(int(random_seed))
    for _ in range(n_directions):
        u = torch.randn(x_p.shape, generator=rng, dtype=x_p.dtype,
                        device='cpu')
        yield (u / torch.linalg.vector_norm(u)).to(x_p.device)


def _error(pairs, rounding):
    """Largest difference in `pairs`, relative to the largest second, or to
    one of which `rounding` is 1e-6; nan of no pairs."""
    if not pairs:
        return math.nan
    scale = max(abs(reference) for _, reference in pairs)
    return max(abs(got - reference) for got, reference in pairs) / max(
        scale, 1e6 * rounding, 1e-300)
