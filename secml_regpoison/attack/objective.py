"""The attack's objective with one poisoning point at a given place.

The points are the attributes `xc`, `yc` of the attack, those of the last
`run` or set by hand; lambda is its attribute `lmbda`. Nothing here changes
them. The model is the classifier trained to its optimum, as it is evaluated,
whatever the attack's solver; where the classifier stops early, minimises
another loss, has its own `fit` or refits a preprocess that is frozen here, the
surrogate that the derivatives are of.
"""
from dataclasses import replace

import torch

from secml.array import CArray

from secml_regpoison.convert import to_carray, to_tensor
from secml_regpoison.validation import check_finite, check_points
from . import pipeline, retraining, settings
from .batches import solve_from
from .poisoning_data import PoisonSet


def value(attack, data, xc, acc):
    """The attacker's loss, or its share of errors, with the point at `xc`."""
    model, x_p = _model_with_point(attack, data, xc)
    losses = model.losses(model.train(x_p, attack.lmbda))
    return losses.attacker_error if acc else losses.attacker


def gradient(attack, data, xc, normalization):
    """Derivative of the attacker's loss with respect to the point, (d,)."""
    model, x_p = _model_with_point(attack, data, xc)
    trained = model.train(x_p, attack.lmbda)
    grad = model.hypergradient(trained).grad_x_p[attack._idx or 0]
    norm = float(torch.linalg.vector_norm(grad))
    return to_carray(grad / norm if normalization and norm else grad)


def learned_lmbda(attack, data, xc):
    """The defender's best response to the points with one at `xc`."""
    x_p, y_p = _points_with(attack, data, xc)
    return retraining.best_response(attack, data, PoisonSet(
        x_p, y_p, (), attack.lmbda), is_known=False).lmbda


def optimise_point(attack, data, idx):
    """The core's `Solution` for point `idx`, the others held fixed, and its
    iterates."""
    x_p, y_p = moving_points(attack, data)
    moves, iterates = torch.arange(len(x_p), device='cpu') == idx, []
    solution = solve_from(
        attack, data, data.problem(len(x_p), x_p[~moves], y_p[~moves]),
        PoisonSet(x_p[moves], y_p[moves], (), attack.lmbda), iterates)
    return solution, iterates


def model_of(attack, problem, y_p, weight=None, **training):
    """The model of the classifier for these labels of the points, trained as
    the attack's solver does except for the settings given."""
    return pipeline.model_class(attack, weight)(problem, y_p, replace(
        settings.training_of(attack), **training))


def moving_points(attack, data):
    """`xc` and `yc` of the attack as tensors of their own."""
    if attack.xc is None or attack.yc is None:
        raise ValueError(
            '`xc` and `yc` must be set, got None: call `run` first, or set '
            'attack.xc and attack.yc to poisoning points and labels.')
    xc, yc = CArray(attack.xc).atleast_2d(), CArray(attack.yc).ravel()
    check_points('xc', xc, 'yc', yc, attack.training_data)
    return to_tensor(xc, data.device), data.encode(yc)


def _points_with(attack, data, xc):
    """The moving points and labels, with point `_idx` at `xc`."""
    x_p, y_p = moving_points(attack, data)
    idx = attack._idx or 0
    if idx >= len(x_p):
        raise ValueError(
            f'`xc` must have a point {idx} that moves, got {len(x_p)} points: '
            'run with a larger `n_points`, or set `xc` and `yc`.')
    xc = CArray(xc).atleast_2d()
    if xc.shape != (1, x_p.shape[1]):
        raise TypeError(f'`xc` must be one point of {x_p.shape[1]} '
                        f'features, got shape {xc.shape}.')
    check_finite('xc', xc)
    x_p[idx] = to_tensor(xc, data.device)[0]
    return x_p, y_p


def _model_with_point(attack, data, xc):
    x_p, y_p = _points_with(attack, data, xc)
    # differences of values need training to the last digits
    return model_of(attack, data.problem(len(x_p)), y_p, method='implicit',
                    inner_tol=1e-12), x_p
