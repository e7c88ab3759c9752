"""Diagnostics of a poisoned solution, in numbers and in words."""
import math
from dataclasses import dataclass, replace
from typing import Iterator, Optional, Union

import torch
from torch import Tensor

from . import verdicts
from .defender import LMBDA_BOUNDS
from .linear_model import LinearModel, Trained
from .feasible import FeasibleSet
from .solvers.implicit import solve_hessian
from .solvers.newton import relative_gradient
from .steps import column_scale, default_step
from .valleys import lmbda_grid
from .verdicts import SENTENCES

# Points at a maximum inside the set: the gradient left there is all free, but
# a step that promises less than this share of the loss gains next to nothing.
GAIN_TOL = .01


@dataclass(frozen=True)
class Diagnostics:
    """What an attack's `diagnostics` measure; print it for a verdict a line.

    Attributes
    ----------
    method : str
        Of the attack's training.
    inner_grad_norm : float
        Training gradient where it stopped, relative to that at zero weights.
    inner_loss, loss : float
        Attacker's validation loss there, and at the optimum.
    residual : float
        Of the linear solve behind the implicit hypergradient, relative.
    lmbda : float
    lmbda_bounds : (float, float) or None
        None where lambda is fixed.
    defender_gap, grid_lmbda : float
        Validation loss at lambda over the best on a grid, minus 1; the best.
    defender_loss, constant_loss : float
        Validation loss, and that of a constant answer.
    attacker_grad_norm : float
        Gradient that the feasible set leaves to the attacker, as a share of
        the whole; NaN without points. This and the next two are in the units
        of `.steps.column_scale`, as the ascent, but in a ball or a filter in
        those of the points. They are of a set in which no feature has to be a
        whole number.
    attacker_gain : float
        What it promises to first order for the usual step of each point, see
        `.steps.default_step`, in a ball at most its diameter, relative to the
        loss; NaN without points.
    cosine : float
        Between the hypergradients of the points by 'rmd' and by 'implicit';
        NaN without points.
    one_class, budget_hit, fit_short, unseen : bool or None
        See `.verdicts.Verdicts`; None where no run says so.
    is_evaluated : bool
        False where the classifier that is evaluated is another than the model,
        of which the numbers are.
    has_integers : bool
        Features of the set hold whole numbers: `str` gives no verdict on the
        free gradient.

    """

    method: str
    inner_grad_norm: float
    inner_loss: float
    loss: float
    residual: float
    lmbda: float
    lmbda_bounds: Optional[tuple[float, float]]
    defender_gap: float
    grid_lmbda: float
    defender_loss: float
    constant_loss: float
    attacker_grad_norm: float
    attacker_gain: float
    cosine: float
    one_class: Optional[bool] = None
    budget_hit: Optional[bool] = None
    fit_short: Optional[bool] = None
    unseen: Optional[bool] = None
    is_evaluated: bool = True
    has_integers: bool = False

    def __str__(self) -> str:
        return '\n'.join(f'{measured:<64} {verdict or "ok"}'
                         for measured, verdict in self._lines())

    def _lines(self) -> Iterator[tuple[str, str]]:
        """What was measured, and what to look at: '' if it is right."""
        def of_rule(name: str, is_so: bool) -> str:
            return SENTENCES[name] if is_so else ''

        if not self.is_evaluated:
            yield ("numbers of the surrogate's model",
                   'the classifier that is evaluated is another')
        has_points = not math.isnan(self.cosine)
        yield (f'training gradient left      {self.inner_grad_norm:9.2e}  '
               'of the first', of_rule('training_short', verdicts.is_short(
                   self.inner_grad_norm, self.inner_loss, self.loss)
                   and (has_points or self.lmbda_bounds is not None)))
        yield (f'implicit solve, residual    {self.residual:9.2e}  relative',
               '' if self.residual <= 1e-6 else
               'regularisation is too weak for this precision')
        fixed = ', fixed' if self.lmbda_bounds is None else ''
        gave_up = verdicts.has_given_up(self.defender_loss, self.constant_loss)
        yield (f'lambda                      {self.lmbda:9.3f}{fixed}',
               verdicts.of_bound(self.lmbda, self.lmbda_bounds,
                                 gave_up or bool(self.one_class))
               if verdicts.is_at_bound(self.lmbda, self.lmbda_bounds) else '')
        yield (f'defender: loss above best   {100 * self.defender_gap:8.3f} %'
               f'  best on grid {self.grid_lmbda:.2f}',
               '' if self.defender_gap <= .01
               else f'lambda {self.grid_lmbda:.2f} is better')
        yield (f'validation loss             {self.defender_loss:9.3f}  '
               f'constant answer {self.constant_loss:.3f}',
               of_rule('gave_up', gave_up))
        if has_points:
            yield from self._lines_of_points()
        for label, name in (
                ('test points of one class', 'one_class'),
                ('attack stopped by its budget', 'budget_hit'),
                ("classifier's own training short", 'fit_short'),
                ('trusted rows do not show the harm', 'unseen')):
            is_so = getattr(self, name)
            if is_so is not None:
                yield (f'{label:<33} {"yes" if is_so else "no"}',
                       of_rule(name, is_so))

    def _lines_of_points(self) -> Iterator[tuple[str, str]]:
        verdict = '' if (self.attacker_grad_norm <= .05
                         or self.attacker_gain <= GAIN_TOL) \
            else 'the points could still move: a stronger attack is near'
        if self.has_integers:
            verdict = 'of points without whole numbers: no verdict'
        yield (f'attacker: free gradient     '
               f'{100 * self.attacker_grad_norm:8.1f} %  a step gains '
               f'{100 * self.attacker_gain:.2g} %', verdict)
        yield (f'rmd to implicit, cosine     {self.cosine:9.3f}',
               '' if self.cosine >= .9 or self.method == 'implicit' else
               "the steps lead elsewhere: solver_type='implicit' is stronger")


def diagnose(model: LinearModel, x_p: Tensor, lmbda: float,
             feasible: FeasibleSet,
             lmbda_bounds: tuple[float, float] = LMBDA_BOUNDS,
             learn_lmbda: bool = True) -> Diagnostics:
    """`Diagnostics` of poisoning points and lambda.

    Parameters
    ----------
    model : LinearModel
        Trained and differentiated as the points were made with.
    x_p : Tensor, shape (p, d)
    lmbda : float
    feasible, lmbda_bounds, learn_lmbda
        As for `solve`.
    """
    optimal = replace(model, training=replace(
        model.training, method='implicit'))
    trained, optimum = model.train(x_p, lmbda), optimal.train(x_p, lmbda)
    grad_val = optimal.val_gradient(optimum)[1]
    losses = {at: optimal.losses(optimal.train(x_p, at)).defender
              for at in lmbda_grid(lmbda_bounds, .25)[::-1].tolist()}
    best = min(losses, key=losses.__getitem__)
    found = optimal.losses(optimum)
    return Diagnostics(
        model.training.method, relative_gradient(trained.model),
        model.losses(trained).attacker, found.attacker,
        solve_hessian(optimum.model, grad_val)[1], lmbda,
        lmbda_bounds if learn_lmbda else None,
        # a squared hinge can have a loss of 0
        (found.defender - losses[best]) / max(losses[best], 1e-12), best,
        found.defender,
        model.loss.constant(model.problem.y_val),
        *_of_points(model, optimal, trained, lmbda, feasible),
        has_integers=feasible.integers is not None)


def _of_points(model: LinearModel, optimal: LinearModel, trained: Trained,
               lmbda: float, feasible: FeasibleSet
               ) -> tuple[float, float, float]:
    """Free share of the hypergradient, what it gains, and the cosine of its
    two kinds."""
    x_p = trained.x_p
    if not len(x_p):
        return math.nan, math.nan, math.nan
    other = optimal
    if model.training.method == 'implicit':
        other = replace(model, training=replace(model.training, method='rmd'))
    # in the units that the points ascend in, but for a ball or a filter: in
    # them a move along one column moves the others, in its own units
    moves_apart = feasible.dmax is None and feasible.filter is None
    scale = column_scale(model.problem, x_p, feasible) if moves_apart else 1.
    found, step = model.hypergradient(trained), default_step(model.problem)
    if feasible.dmax is not None:
        step = min(step, 2 * feasible.dmax)
    grad = scale * found.grad_x_p
    grad_other = scale * other.hypergradient(
        other.train(x_p, lmbda)).grad_x_p
    by_point = torch.linalg.vector_norm(_free_gradient(
        model.problem.upward * grad, x_p, feasible, scale, 1e-6 * step),
        dim=1)
    return (float(by_point.norm() / (grad.norm() or 1.)),
            step * float(by_point.sum()) / max(float(found.value), 1e-12),
            float(torch.nn.functional.cosine_similarity(
                grad.ravel(), grad_other.ravel(), dim=0)))


def _free_gradient(grad: Tensor, x_p: Tensor, feasible: FeasibleSet,
                   scale: Union[float, Tensor], step: float) -> Tensor:
    """The part of an ascent direction ``g`` that the set allows, but for
    whole numbers, (p, d): ``(Proj[x + t s g] - x) / (t s)`` for a short step
    ``t g``. `scale` is ``s``, see `.steps.column_scale`."""
    feasible = replace(feasible, integers=None)
    here = feasible.project(x_p)
    short = step / float(torch.linalg.vector_norm(grad) or 1.) * scale
    return (feasible.project(here + short * grad) - here) / short
