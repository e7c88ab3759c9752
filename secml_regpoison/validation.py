"""Validation of datasets and arguments, and its error messages.

"`name` must be <condition>, got <value>." The attack's own parameters are
checked in `attack.settings`.
"""
import math
import numbers

import numpy as np
import torch

from secml.array import CArray
from secml.data import CDataset

from .core.checks import (  # noqa: F401
    check, check_number, check_type, is_integer)
from .core.feasible import box_units
from .limits import LARGEST, SMALLEST

# From about so many values on a GPU is faster by 'rmd', and by 'implicit' or
# as fast; by 'rmd' it often is before: benchmarks/results/gpu.md.
GPU_VALUES = 600_000


def check_choice(name, value, words, advice=''):
    """One of a few words."""
    check(name, value, isinstance(value, str) and value in words,
          ' or '.join(map(repr, words)), advice)


def check_integer(name, value, minimum):
    """A whole number, of at least `minimum`, that torch can hold."""
    check_type(name, value, numbers.Integral, 'a whole number')
    check(name, value, minimum <= value < 2 ** 63,
          f'at least {minimum} and below 2**63')


def check_minimax_attack(attack):
    """One of this package, or that answers as these do."""
    if not hasattr(attack, 'learned_lmbda'):
        raise TypeError('`attack` must be a minimax poisoning attack, got '
                        f'{type(attack).__name__}.')


def check_dataset(name, dataset, like=None):
    """A dataset of finite numbers, with rows, of the features of `like`."""
    check_type(name, dataset, CDataset, 'a CDataset')
    for axis, what in enumerate(('row', 'feature')):
        if dataset.X.shape[axis] == 0:
            raise ValueError(
                f'`{name}` must have at least one {what}, got none.')
    check_finite(f'{name}.X', dataset.X)
    _check_size(f'{name}.X', dataset.X)
    check_finite(f'{name}.Y', dataset.Y)
    if like is not None:
        _check_features(f'{name}.X', dataset.X, like)


def _check_features(name, x, like):
    """As many columns as the training data."""
    if x.atleast_2d().shape[1] != like.num_features:
        raise ValueError(
            f'`{name}` must have {like.num_features} features like '
            f'`training_data`, got {x.atleast_2d().shape[1]}.')


def as_carray(name, values):
    """A CArray of `values`; TypeError where secml makes none of them."""
    try:
        return CArray(values)
    except (TypeError, ValueError):
        raise TypeError(f'`{name}` must be numbers, got '
                        f'{type(values).__name__} of others.') from None


def check_numeric(name, x):
    """No text and no complex numbers."""
    if x.dtype.kind not in 'biuf':
        raise TypeError(f'`{name}` must be numbers, got {x.dtype}.')


def check_finite(name, x):
    """Numbers, no NaN, no inf; says how many there are."""
    check_numeric(name, x)
    values = x.nnz_data.tondarray() if x.issparse else x.tondarray()
    bad = values.size - np.count_nonzero(np.isfinite(values))
    if bad:
        raise ValueError(f'`{name}` must be finite, got {bad} NaN or inf '
                         f'among {values.size} values.')


def _check_size(name, x):
    """Numbers within `LARGEST`, and not all below `SMALLEST`."""
    largest = float(abs(x).max())
    check(name, largest, largest <= LARGEST,
          f'between -{LARGEST:g} and {LARGEST:g}', ' Rescale the features.')
    check(name, largest, largest == 0 or largest >= SMALLEST,
          f'0 or, the largest of them, at least {SMALLEST:g}',
          ' Rescale the features.')


def check_classes(training_data, val, by_class, name='val'):
    """Two classes in training, or two and more of a classifier with a score
    for each; the same in validation, or in the data with this name. Returns
    them."""
    classes = training_data.classes
    check('training_data.Y', classes.tolist(),
          classes.size == 2 or by_class and classes.size > 2,
          f"labels of {'at least' if by_class else 'exactly'} two classes",
          '' if by_class else ' Choose two classes, relabel one against the '
          'rest, or attack CClassifierSoftmaxTorch by '
          'CAttackPoisoningMinimaxSoftmax.')
    check('training_data.Y', classes.tolist(),
          all(abs(label) <= 2 ** 53 and label == int(label)
              for label in classes.tolist()), 'labels that are whole numbers',
          ' Renumber them.')
    check(f'{name}.Y', val.classes.tolist(),
          val.classes.tolist() == classes.tolist(),
          f"labels of {'both' if classes.size == 2 else 'all'} classes "
          f'{classes.tolist()} of `training_data`')
    return classes


def check_run_arguments(x, y, max_iter, joint, training_data):
    """Test points and labels like the training data's; `max_iter` from 1 on,
    and 1 without `joint`."""
    check_type('x', x, CArray, 'a CArray')
    if not x.atleast_2d().shape[0]:
        raise ValueError('`x` must have at least one row, got none.')
    check_points('x', x, 'y', as_carray('y', [] if y is None else y),
                 training_data)
    check('max_iter', max_iter, isinstance(max_iter, numbers.Real)
          and max_iter >= 1 and max_iter % 1 == 0,
          'a whole number of at least 1')
    check('max_iter', max_iter, joint or max_iter == 1, '1 with joint=False',
          ' Points of earlier batches stay where they are; with joint=True '
          'all points move together.')


def check_labels(name, y, training_data):
    """Labels of the classes, or of some of them."""
    classes = training_data.classes.tolist()
    found = y.unique().tolist() if y.size else []
    check(name, found, set(found) <= set(classes),
          f'labels among the classes {classes}')


def check_points(name_x, x, name_y, y, training_data):
    """Points: finite, a label each, of the classes."""
    _check_features(name_x, x, training_data)
    check_finite(name_x, x)
    n_rows = x.atleast_2d().shape[0]
    if y.size != n_rows:
        raise ValueError(f'`{name_y}` must have one label for each of '
                         f'{n_rows} rows of `{name_x}`, got {y.size}.')
    check_finite(name_y, y)
    check_labels(name_y, y, training_data)


def check_poison(name, poison, attack):
    """A dataset of poisoning points inside the box; it may be empty."""
    check_type(name, poison, CDataset, 'a CDataset')
    check_points(f'{name}.X', poison.X, f'{name}.Y', poison.Y,
                 attack.training_data)
    check_starts(f'{name}.header.starts',
                 getattr(poison.header, 'starts', ()), attack.val.num_samples)
    if not poison.num_samples:
        return
    x = torch.from_numpy(poison.X.tondarray().astype(float))
    lb, ub = (torch.from_numpy(CArray(
        none if bound is None or isinstance(bound, str) else bound
        ).tondarray().astype(float).ravel()).to(x) for bound, none in (
            (attack.lb, -math.inf), (attack.ub, math.inf)))
    room = 1e-9 * box_units(x, lb, ub)  # for a file written with ten digits
    for side, beyond in (('lb', lb - x), ('ub', x - ub)):
        if (beyond > room).any():
            raise ValueError(
                f'`{name}.X` must be inside the box, got a value '
                f'{float(beyond[beyond > room].max()):g} beyond `{side}`.')


def check_starts(name, starts, n_val):
    """Validation rows; a selection of points keeps them all."""
    check_type(name, starts, (tuple, list), 'a tuple of validation rows')
    check(name, starts,
          all(is_integer(row, 0) and row < n_val for row in starts),
          f'validation rows, whole numbers below {n_val}')


def resolve_device(device, n_values=0):
    """`torch.device` of 'cpu', 'cuda', ... or of 'auto': the faster one for
    so many values, rows times features, of the training set."""
    if isinstance(device, str) and device == 'auto':
        on_gpu = n_values >= GPU_VALUES and torch.cuda.is_available()
        return torch.device('cuda' if on_gpu else 'cpu')
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).item()  # 'meta' holds no numbers
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"`device` must be 'auto' or a device that torch finds here, got "
            f'{device!r}: {str(error).splitlines()[0]}') from error
    return resolved
