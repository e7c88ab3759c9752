"""The trusted rows alone: lambda by cross-validation on them."""
import math
from typing import NamedTuple

import torch
from torch import Tensor

from .features import in_features_of
from .linalg import SingularHessian
from .losses import Loss
from .problem import Problem
from .solvers import Training
from .valleys import lmbda_grid
from .weighted_model import WeightedModel


class Alone(NamedTuple):
    """The answer of the trusted rows alone: lambda, and the loss on each of
    them while it is held out, (m,)."""

    lmbda: float
    row_losses: Tensor


def trusted_alone(problem: Problem, folds: tuple[Tensor, ...], loss: Loss,
                  beta: float, bounds: tuple[float, float]) -> Alone:
    """lambda of the trusted rows alone, on a grid with steps of 0.5 or less,
    and its losses: the answer at s = 0, whatever the points.
    FloatingPointError if no lambda has an answer."""
    rows = in_features_of(problem, problem.x_val)
    lmbdas = lmbda_grid(bounds, .5).tolist()
    losses = rows.y_val.new_empty(len(lmbdas), len(rows.y_val))
    none, fault = rows.x_val[:0], FloatingPointError(
        'the loss is finite at no lambda: rescale the features.')
    for fold in folds:
        fit = torch.ones_like(rows.y_val, dtype=torch.bool)
        fit[fold] = False
        model = WeightedModel(
            Problem(rows.x_val[fit], rows.y_val[fit], rows.x_val[fold],
                    rows.y_val[fold]), rows.y_val[:0], Training('implicit'),
            loss, beta, weights=rows.y_val.new_ones(int(fit.sum())))
        trained = None
        for k, lmbda in enumerate(lmbdas):
            try:
                trained = model.train(none, lmbda, trained)
                losses[k, fold] = model.row_losses(trained)
            except SingularHessian as error:  # too weak a penalty: no answer
                losses[k, fold], fault = math.inf, error
    best = int(losses.mean(1).argmin())
    if losses[best].mean() == math.inf:
        raise fault
    return Alone(lmbdas[best], losses[best])
