"""Validation of the attack's parameters, and values derived from them."""
import hashlib
import inspect
import math
import numbers
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.core.solvers import SOLVERS, Training
from secml_regpoison.validation import (
    LARGEST, check, check_choice, check_classes, check_dataset, check_number,
    check_numeric, check_type)

# exp(+-46) = 1e+-20. Beyond 1e+-100 liblinear never returns. Long before, it
# reaches its limit: all weights 0, or no penalty.
MAX_LMBDA = 46.

# `solver_params` may hold the settings of training but `method`, ...
TRAINING_PARAMS = tuple(inspect.signature(Training).parameters)[1:]
# ... and of the outer loop, which `solve` takes.
OUTER_PARAMS = {
    'n_outer': (lambda n: n >= 0 and isinstance(n, numbers.Integral),
                'a whole number of at least 0'),
    'step': (lambda step: 0 < step < math.inf, 'None or positive and finite'),
    'tol': (lambda tol: 0 <= tol < math.inf, 'finite and at least 0'),
    'patience': (lambda n: n >= 1 and isinstance(n, numbers.Integral),
                 'a whole number of at least 1')}
MAY_BE_NONE = ('step', 'eta', 'inner_tol', 'truncate')


def check_attack(attack):
    """The data, and every setting that needs no prepared data."""
    check_dataset('training_data', attack.training_data)
    check_dataset('val', attack.val, attack.training_data)
    check_settings(attack, check_classes(attack.training_data, attack.val))


def as_n_points(value):
    """`value` as an int; CSecEval passes NumPy numbers and floats."""
    if value is None:
        return None
    check_type('n_points', value, numbers.Real, 'a whole number')
    check('n_points', value, math.isfinite(value) and value == int(value)
          and value >= 0, 'a whole number of at least 0')
    return int(value)


def as_dmax(value):
    """`value` as a float, or None."""
    check_number('dmax', value, lambda dmax: dmax >= 0,
                 'None (unbounded) or a number of at least 0', or_none=True)
    return value if value is None else float(value)


def as_solver_params(value, defaults):
    """`value`, a dict or None, with the defaults filled in."""
    value = {} if value is None else value
    check_type('solver_params', value, Mapping, 'a dict or None')
    # NumPy's numbers are not the int and float that the core asks for
    return {**defaults, **{
        name: setting.item() if isinstance(setting, np.generic) else setting
        for name, setting in value.items()}}


def check_settings(attack, classes):
    """Every setting of the attack, given the two `classes` of the data."""
    check_choice('solver_type', attack.solver_type, tuple(SOLVERS))
    check_solver_params(attack.solver_params)
    training_of(attack)  # checks its own values
    for name, values in (('poison_mode', ('append', 'replace')),
                         ('distance', ('l1', 'l2'))):
        check_choice(name, getattr(attack, name), values)
    check_choice('init_type', attack.init_type, ('random',),
                 ' Points start as validation points, labels flipped.')
    check('learn_lmbda', attack.learn_lmbda,
          isinstance(attack.learn_lmbda, (bool, np.bool_)), 'True or False')
    check('y_target', attack.y_target, attack.y_target is None
          or (isinstance(attack.y_target, numbers.Real)
              and attack.y_target in classes.tolist()),
          f'None or one of the classes {classes.tolist()}')
    for name, minimum in (('batch_size', 1), ('n_restarts', 0),
                          ('random_seed', 0)):
        check_number(name, getattr(attack, name), lambda value, low=minimum:
                     value >= low and isinstance(value, numbers.Integral),
                     f'a whole number of at least {minimum}',
                     or_none=name == 'random_seed')
    check_lmbda(attack.classifier.C, attack.lmbda_bounds)
    check_bounds(attack.lb, attack.ub, attack.training_data.num_features)


def check_solver_params(params):
    """Names, types and values of `solver_params`."""
    known = (*OUTER_PARAMS, *TRAINING_PARAMS)
    unknown = [name for name in params if name not in known]
    check('solver_params', unknown, not unknown,
          f'a dict with keys among {known}')
    for name, value in params.items():
        if name != 'form' and not (value is None and name in MAY_BE_NONE):
            check_type(name, value, (int, float), 'an int or a float')
    for name, (ok, condition) in OUTER_PARAMS.items():
        if params.get(name) is not None:
            check(name, params[name], ok(params[name]), condition)


def training_of(attack):
    """How the core trains the attack's classifier."""
    params = attack.solver_params
    return Training(attack.solver_type, **{
        name: params[name] for name in TRAINING_PARAMS if name in params})


def check_lmbda(c, bounds):
    """The lambda of `classifier.C`, where it starts, and its interval."""
    check_number('classifier.C', c,
                 lambda c: c > 0 and abs(math.log(c)) <= MAX_LMBDA + .1,
                 'a number between 1e-20 and 1e20')
    condition = (f'two numbers in order between {-MAX_LMBDA:g} and '
                 f'{MAX_LMBDA:g}')
    check_type('lmbda_bounds', bounds, (Sequence, CArray, np.ndarray),
               condition)
    bounds = tuple(bounds)
    check('lmbda_bounds', bounds, len(bounds) == 2, condition)
    for bound in bounds:
        check_type('lmbda_bounds', bound, numbers.Real, condition)
    check('lmbda_bounds', bounds,
          -MAX_LMBDA <= bounds[0] <= bounds[1] <= MAX_LMBDA, condition)


def check_bounds(lb, ub, n_features):
    """Bounds as secml takes them: number, one a feature, None or 'x0'."""
    for name, bound in (('lb', lb), ('ub', ub)):
        if is_not_numeric(bound):
            continue
        check_type(name, bound, (numbers.Real, CArray, np.ndarray),
                   "a number, a CArray with one bound a feature, 'x0' or "
                   'None')
        check_numeric(name, CArray(bound))
        values = bound_array(bound)
        if values.size not in (1, n_features):
            raise ValueError(f'`{name}` must be one bound, or one for each '
                             f'of {n_features} features, got {values.size}.')
        # an infinite bound is none, on its own side
        side, sign = ('below', 1) if name == 'lb' else ('above', -1)
        bad = values[~(sign * values <= LARGEST)]
        check(name, float(bad[0]) if bad.size else None, not bad.size,
              f'free of NaN and {side} {sign * LARGEST:g}')
    if not is_not_numeric(lb) and not is_not_numeric(ub):
        low, high = np.broadcast_arrays(bound_array(lb), bound_array(ub))
        j = int(np.argmax(low > high))
        check('lb', float(low[j]), low[j] <= high[j],
              f'at most `ub` ({high[j]:g} at feature {j})')


def is_not_numeric(bound):
    """Whether a bound is None or 'x0'."""
    return bound is None or (isinstance(bound, str) and bound == 'x0')


def bound_array(bound):
    """Numeric bounds as a float array, shape (1,) or (d,)."""
    return CArray(bound).tondarray().astype(float).ravel()


def check_n_points(attack, data):
    """Enough validation rows to start from, and clean rows left."""
    n_points, n_val = attack.n_points or 0, attack.val.num_samples
    check('n_points', n_points, n_points <= n_val, f'at most {n_val}, the '
          'validation points that poison starts from')
    check_clean_rows_left('n_points', n_points, data)


def check_clean_rows_left(name, n_points, data):
    """Clean rows of both classes beside `n_points` of poison."""
    y = data.y_tr[torch.as_tensor(data.clean_rows(n_points))]
    check(name, n_points, (y > 0).any() and (y < 0).any(),
          f"few enough that poison_mode='replace' leaves training rows of "
          f'both classes (of {len(data.y_tr)})')


def start_lmbda(attack):
    """lambda of the classifier's own C."""
    return -math.log(attack.classifier.C) + 0.  # no -0.0


def problem_id(attack):
    """A digest of the problem that poison solves, beside the data: the
    feasible points, the target, and lambda where it is fixed."""
    bounds = [bound if is_not_numeric(bound) else bound_array(bound).tolist()
              for bound in (attack.lb, attack.ub)]
    settings = (attack.distance, attack.dmax, bounds,
                None if attack.y_target is None else float(attack.y_target),
                None if attack.learn_lmbda else float(attack.classifier.C))
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:16]


def search_settings(attack):
    """The settings of the search for points, as text."""
    return ', '.join(f'{name} {getattr(attack, name)}' for name in (
        'random_seed', 'n_restarts', 'batch_size', 'solver_type',
        'poison_mode'))


def warn_of_other_search(header, attack):
    """Warn that all points are kept, though found with other settings."""
    here = search_settings(attack)
    there = getattr(header, 'search_settings', here)
    if there != here:
        warnings.warn(
            f'`ds_init` has all {attack.n_points:d} points: they are kept, '
            f'and no new ones are searched with {here}. They were made with '
            f'{there}. To compare such settings, run each attack without '
            '`ds_init`; CSecEval passes the poison of the value before.',
            RuntimeWarning, stacklevel=5)
