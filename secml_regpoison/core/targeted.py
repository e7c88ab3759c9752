"""Points that pull the model towards a target, for an attacker who hides.

What an attacker with rows of its own wants is known beforehand: a model that
errs on them, and fits the defender's rows. A target is such a model: it is
trained on the training rows, on the defender's with a weight, and on the
attacker's with the label that it wants and a weight. Points are placed one
after the other, each where its loss by the model of the points so far exceeds
that by the target most, of the places in its set where ``-y (w - r w_target) .
phi(x)``, linearised at its start, is largest for some r >= 0: model-targeted
poisoning, Suya, Mahloujifar, Suri, Evans, Tian 2021 (arXiv 2006.16469).
"""
import math
from dataclasses import replace
from itertools import product
from typing import Any, Callable, Iterator, NamedTuple

import torch
from torch import Tensor

from .feasible import FeasibleSet
from .problem import Problem
from .solvers import Training
from .weighted_model import WeightedModel

# Of a target lambda, and the weights of the defender's and the attacker's rows
LMBDAS = 0., 3.
WEIGHTS = (30., 3.), (10., 10.), (3., 10.)
# Values of r.
RATIOS = torch.linspace(0., math.pi / 2 - 1e-3, 15,
                        dtype=torch.float64).tan().tolist()
# With more points some are placed at once.
MOST_PLACED = 20
# These models only point the way.
TRAINING = Training('implicit', inner_tol=1e-4)


class Target(NamedTuple):
    """lambda, weights (d,) and bias (0-d) of a target."""

    lmbda: float
    w: Tensor
    b: Tensor


def make_targets(problem: Problem, make_model: Callable[..., Any]
                 ) -> list[Target]:
    """The targets; no point or its label decides on them. A preprocess is that
    of the fixed rows. `make_model` is the ``model`` of `.solve`, of a linear
    classifier of two classes."""
    problem = problem.in_features
    x, y = problem.attacker_set
    wanted = -problem.upward * y
    rows = replace(problem.of_defender,
                   x_tr=torch.cat([problem.x_tr, problem.x_val, x]),
                   y_tr=torch.cat([problem.y_tr, problem.y_val, wanted]))
    weights, of = torch.ones_like(rows.y_tr), make_model(
        rows, y[:0], TRAINING)
    found = []
    for lmbda, (trusted, own) in product(LMBDAS, WEIGHTS):
        weights[problem.n_tr:], weights[-len(y):] = trusted, own
        trained = WeightedModel(
            rows, y[:0], TRAINING, of.loss, of.beta, weights=weights.clone()
        ).train(rows.x_val[:0], lmbda)
        found.append(Target(lmbda, trained.w, trained.b))
    return found


def targeted_points(problem: Problem, y_p: Tensor, feasible: FeasibleSet,
                    make_model: Callable[..., Any], targets: list[Target]
                    ) -> Iterator[Tensor]:
    """Yield points (p, d) with the labels `y_p`, (p,), for each of the
    `targets`, see `make_targets`. The set has bounds, and no filter."""
    for target in targets:
        yield _pull(problem.in_features, y_p, feasible, make_model, target)


def _pull(problem: Problem, y_p: Tensor, feasible: FeasibleSet,
          make_model: Callable[..., Any], target: Target) -> Tensor:
    """Points that pull the model to the target, (p, d)."""
    x_p = feasible.x_0.clone()
    for after in torch.arange(len(y_p), device=y_p.device).split(
            math.ceil(len(y_p) / MOST_PLACED)):
        before = slice(int(after[0]))
        model = make_model(problem, y_p[before], TRAINING)
        trained = model.train(x_p[before], target.lmbda)
        x_p[after] = _best_places(problem, y_p[after], _rows(
            feasible, after), model.loss, trained, target)
    return x_p


def _best_places(problem: Problem, y_p: Tensor, feasible: FeasibleSet,
                 loss: Any, trained: Any, target: Target) -> Tensor:
    """The place of each point where its losses differ most, (p, d)."""
    points, models = torch.arange(len(y_p), device=y_p.device), (
        trained, target)
    vjp = problem.features(feasible.x_0).vjp
    now, then = (vjp(-y_p[:, None] * model.w) for model in models)
    directions = torch.stack([now - ratio * then for ratio in RATIOS])
    each = points.repeat(len(RATIOS))
    tried = _rows(feasible, each)
    x = tried.project(tried.support(directions.flatten(0, 1))[1])
    phi = problem.features(x).phi
    now, then = (loss.value(-y_p[each] * (phi @ model.w + model.b))
                 for model in models)
    best = (now - then).view(len(RATIOS), -1).argmax(0)
    return x.view(directions.shape)[best, points]


def _rows(feasible: FeasibleSet, rows: Tensor) -> FeasibleSet:
    """The set of some of the points, (k,); one may be there several times."""
    lb, ub = (bound.expand_as(feasible.x_0)[rows]
              for bound in (feasible.lb, feasible.ub))
    return replace(feasible, x_0=feasible.x_0[rows], lb=lb, ub=ub)
