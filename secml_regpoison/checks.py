"""What the attack refuses before any work, and the words it uses."""
import inspect
import math
import numbers

import numpy as np
import torch

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifier

from .core.inner import METHODS, Inner

# What `solver_params` may hold: the outer loop's settings, then the inner's.
SOLVER_PARAMS = tuple(
    ('n_outer', 'step', 'tol', 'patience')
    + tuple(name for name in inspect.signature(Inner).parameters
            if name != 'method'))


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


def check_classifier(classifier):
    """A logistic regression, and nothing else."""
    check_kind('classifier', classifier, CClassifier, 'a secml classifier')
    if classifier.class_type not in ('logistic', 'logistic-torch'):
        raise TypeError(
            '`classifier` must be a logistic regression '
            '(CClassifierLogistic or CClassifierLogisticTorch), got '
            f'{type(classifier).__name__}.')


def check_n_points(value):
    """`value` as an int; CSecEval passes NumPy numbers and floats."""
    if value is None:
        return None
    check_kind('n_points', value, numbers.Real, 'a whole number')
    check('n_points', value, math.isfinite(value) and value == int(value)
          and value >= 0, 'a whole number of at least 0')
    return int(value)


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
    """No NaN, no inf; says how many there are."""
    values = x.nnz_data.tondarray() if x.issparse else x.tondarray()
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


def check_bounds(lb, ub, n_features):
    """Bounds as secml takes them: number, one a feature, None or 'x0'."""
    for name, bound in (('lb', lb), ('ub', ub)):
        if bound is None or (isinstance(bound, str) and bound == 'x0'):
            continue
        check_kind(name, bound, (numbers.Real, CArray, np.ndarray),
                   "a number, a CArray with one bound a feature, 'x0' or "
                   'None')
        values = CArray(bound).ravel()
        check(name, f'{values.size} bounds', values.size in (1, n_features),
              f'one bound, or one for each of {n_features} features')
        check(name, 'NaN', not np.isnan(values.tondarray()).any(),
              'free of NaN')
    numbers_only = [bound for bound in (lb, ub)
                    if bound is not None and not isinstance(bound, str)]
    if len(numbers_only) == 2:
        gap = (CArray(lb).ravel() - CArray(ub).ravel()).max()
        check('lb', f'lb - ub up to {gap:g}', gap <= 0, 'at most `ub`')


def check_settings(attack, classes):
    """Every setting of the attack that is a plain attribute."""
    check('solver_type', attack.solver_type, attack.solver_type in METHODS,
          f'one of {METHODS}')
    unknown = sorted(set(attack.solver_params) - set(SOLVER_PARAMS))
    check('solver_params', unknown, not unknown,
          f'a dict with keys among {SOLVER_PARAMS}')
    check('poison_mode', attack.poison_mode,
          attack.poison_mode in ('append', 'replace'),
          "'append' or 'replace'")
    check('distance', attack.distance, attack.distance in ('l1', 'l2'),
          "'l1' or 'l2'")
    check('dmax', attack.dmax, attack.dmax is None or attack.dmax >= 0,
          'None (unbounded) or at least 0')
    check('init_type', attack.init_type, attack.init_type == 'random',
          "'random'", ' Points start as validation points, labels flipped.')
    check('learn_lmbda', attack.learn_lmbda,
          isinstance(attack.learn_lmbda, (bool, np.bool_)), 'True or False')
    check('y_target', attack.y_target, attack.y_target is None
          or attack.y_target in classes.tolist(),
          f'None or one of the classes {classes.tolist()}')
    for name, least in (('batch_size', 1), ('n_restarts', 0)):
        value = getattr(attack, name)
        check(name, value, isinstance(value, numbers.Integral)
              and value >= least, f'a whole number of at least {least}')
    low, high = attack.lmbda_bounds
    check('lmbda_bounds', attack.lmbda_bounds,
          -math.inf < low <= high < math.inf, 'two finite numbers in order')
    seed = attack.random_seed
    check('random_seed', seed, seed is None or (
        isinstance(seed, numbers.Integral) and seed >= 0),
        'None or a whole number of at least 0')


def check_strength(attack):
    """As many points as there are rows to seed, and to replace."""
    n_points, n_val = attack.n_points or 0, attack.val.num_samples
    check('n_points', n_points, n_points <= n_val, f'at most {n_val}, the '
          'validation points that poison starts from')
    n_tr = attack.training_data.num_samples
    check('n_points', n_points, attack.poison_mode == 'append'
          or n_points < n_tr, f'less than {n_tr}, the training rows that '
          "poison_mode='replace' can replace")


def check_test_data(x, y, training_data):
    """Test points of the features of the training data, and labels."""
    check_kind('x', x, CArray, 'a CArray')
    check_features('x', x, training_data)
    check_finite('x', x)
    n_labels = CArray(y).size
    check('y', f'{n_labels} labels', n_labels == x.atleast_2d().shape[0],
          f'one label for each of {x.atleast_2d().shape[0]} rows of `x`')


def check_poison(ds_init, attack):
    """Poison to continue from: finite, of known labels, inside the box."""
    check_kind('ds_init', ds_init, CDataset, 'a CDataset or None')
    if ds_init.num_samples == 0:
        return
    check_dataset('ds_init', ds_init, attack.training_data)
    classes = attack.training_data.classes.tolist()
    check('ds_init.Y', ds_init.classes.tolist(),
          set(ds_init.classes.tolist()) <= set(classes),
          f'labels among the classes {classes}')
    x = ds_init.X.tondarray()
    for name, bound, sign in (('lb', attack.lb, 1), ('ub', attack.ub, -1)):
        if bound is None or isinstance(bound, str):
            continue
        beyond = (sign * (CArray(bound).tondarray() - x)).max()
        check('ds_init.X', f'a value {beyond:g} beyond `{name}`',
              beyond <= 1e-9, 'inside the box [lb, ub]')


def resolve_device(device):
    """`torch.device` of 'auto' (CUDA where there is one), 'cpu', 'cuda'."""
    if device == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"`device` must be 'auto' or a device that torch finds here, got "
            f'{device!r}: {str(error).splitlines()[0]}') from error
    return resolved
