"""Points that pull the model towards a target, for an attacker who hides.

What an attacker with rows of its own wants is known beforehand: a model that
errs on them, and fits the defender's rows. A target is such a model: it is
trained on the training rows, on the defender's with a weight, and on the
attacker's with the other label and a weight. Points are placed one after the
other, each where its loss by the model of the points so far exceeds that by
the target most, of the vertices where ``-y (w - r w_target) . x`` is largest
for some r >= 0: model-targeted poisoning, Suya, Mahloujifar, Suri, Evans, Tian
2021 (arXiv 2006.16469).
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
    rows = replace(problem, x_attacker=None, y_attacker=None,
                   x_tr=torch.cat([problem.x_tr, problem.x_val, x]),
                   y_tr=torch.cat([problem.y_tr, problem.y_val, -y]))
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
    `targets`, see `make_targets`. The set has bounds."""
    for target in targets:
        yield _pull(problem.in_features, y_p, feasible, make_model, target)


def _pull(problem: Problem, y_p: Tensor, feasible: FeasibleSet,
          make_model: Callable[..., Any], target: Target) -> Tensor:
    """Points that pull the model to the target, (p, d)."""
    x_p = feasible.x_0.clone()
    size = math.ceil(len(y_p) / MOST_PLACED)
    for first in range(0, len(y_p), size):
        model = make_model(problem, y_p[:first], TRAINING)
        trained, after = model.train(x_p[:first], target.lmbda), slice(
            first, first + size)
        x_p[after] = _best_vertices(
            problem, y_p, feasible, model.loss, trained, target)[after]
    return x_p


def _best_vertices(problem: Problem, y_p: Tensor, feasible: FeasibleSet,
                   loss: Any, trained: Any, target: Target) -> Tensor:
    """The vertex of each point where its losses differ most, (p, d)."""
    best, most = feasible.x_0, torch.full_like(y_p, -math.inf)
    for ratio in RATIOS:
        x = feasible.project(feasible.support(
            -y_p[:, None] * (trained.w - ratio * target.w))[1])
        phi = problem.features(x).phi
        now, then = (loss.value(-y_p * (phi @ model.w + model.b))
                     for model in (trained, target))
        is_better = now - then > most
        best = torch.where(is_better[:, None], x, best)
        most = torch.where(is_better, now - then, most)
    return best
