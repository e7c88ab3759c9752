"""What the attack refuses before any work, and the words it uses: data.

The attack's settings are checked in `settings`.
"""
import numbers

import numpy as np
import torch

from secml.array import CArray
from secml.data import CDataset


def check(name, value, ok, condition, advice=''):
    """Raise ValueError unless `ok`: the name, the condition, the value."""
    if not ok:
        raise ValueError(
            f'`{name}` must be {condition}, got {value!r}.{advice}')


def check_kind(name, value, kind, condition):
    """Raise TypeError unless `value` is of `kind`."""
    if not isinstance(value, kind) or isinstance(value, bool) != (
            kind is bool):
        raise TypeError(
            f'`{name}` must be {condition}, got {type(value).__name__}.')


def check_number(name, value, ok, condition, or_none=False):
    """A number for which `ok` is true, or None where that is allowed."""
    if value is None and or_none:
        return
    check_kind(name, value, numbers.Real, condition)
    check(name, value, ok(value), condition)


def check_dataset(name, dataset, like=None):
    """A dataset of finite numbers, with rows, of the features of `like`."""
    check_kind(name, dataset, CDataset, 'a CDataset')
    if dataset.num_samples == 0:
        raise ValueError(f'`{name}` must have at least one row, got none.')
    check_finite(f'{name}.X', dataset.X)
    check_finite(f'{name}.Y', dataset.Y)
    if like is not None:
        check_features(f'{name}.X', dataset.X, like)


def check_features(name, x, like):
    """As many columns as the training data."""
    if x.atleast_2d().shape[1] != like.num_features:
        raise ValueError(
            f'`{name}` must have {like.num_features} features like '
            f'`training_data`, got {x.atleast_2d().shape[1]}.')


def check_finite(name, x):
    """Numbers, no NaN, no inf; says how many there are."""
    values = x.nnz_data.tondarray() if x.issparse else x.tondarray()
    if values.dtype.kind not in 'biuf':
        raise TypeError(f'`{name}` must be numbers, got {values.dtype}.')
    bad = values.size - np.count_nonzero(np.isfinite(values))
    if bad:
        raise ValueError(f'`{name}` must be finite, got {bad} NaN or inf '
                         f'among {values.size} values.')


def check_classes(training_data, val):
    """Two classes in training, the same two in validation; returns them."""
    classes = training_data.classes
    check('training_data.Y', classes.tolist(), classes.size == 2,
          'labels of exactly two classes',
          ' Choose two classes, or relabel one against the rest.')
    check('val.Y', val.classes.tolist(),
          val.classes.tolist() == classes.tolist(),
          f'labels of both classes {classes.tolist()} of `training_data`')
    return classes


def check_test_data(x, y, training_data):
    """Test points of the features of the training data, and labels."""
    check_kind('x', x, CArray, 'a CArray')
    check_features('x', x, training_data)
    n_rows = x.atleast_2d().shape[0]
    if not n_rows:
        raise ValueError('`x` must have at least one row, got none.')
    check_finite('x', x)
    y = CArray([] if y is None else y)
    if y.size != n_rows:
        raise ValueError(f'`y` must have one label for each of {n_rows} rows '
                         f'of `x`, got {y.size}.')
    check_finite('y', y)


def check_points(name_x, x, name_y, y, training_data):
    """Poisoning points: finite, a label each, of the two classes."""
    check_features(name_x, x, training_data)
    check_finite(name_x, x)
    n_rows = x.atleast_2d().shape[0]
    if y.size != n_rows:
        raise ValueError(f'`{name_y}` must have one label for each of '
                         f'{n_rows} rows of `{name_x}`, got {y.size}.')
    classes = training_data.classes.tolist()
    found = y.unique().tolist() if y.size else []
    check(name_y, found, set(found) <= set(classes),
          f'labels among the classes {classes}')


def check_poison(name, poison, attack):
    """A dataset of poisoning points, maybe of none, inside the box."""
    check_kind(name, poison, CDataset, 'a CDataset')
    check_points(f'{name}.X', poison.X, f'{name}.Y', poison.Y,
                 attack.training_data)
    if not poison.num_samples:
        return
    x = poison.X.tondarray()
    for side, bound, sign in (('lb', attack.lb, 1), ('ub', attack.ub, -1)):
        if bound is None or isinstance(bound, str):
            continue
        beyond = (sign * (CArray(bound).tondarray() - x)).max()
        if beyond > 1e-9:  # room for a file that was written with ten digits
            raise ValueError(f'`{name}.X` must be inside the box, got a value '
                             f'{beyond:g} beyond `{side}`.')


def resolve_device(device):
    """`torch.device` of 'auto' (CUDA where there is one), 'cpu', 'cuda'."""
    if device == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).item()  # 'meta' holds no numbers
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"`device` must be 'auto' or a device that torch finds here, got "
            f'{device!r}: {str(error).splitlines()[0]}') from error
    return resolved
