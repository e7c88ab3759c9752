"""Validation of the attack's parameters, and values derived from them."""
import inspect
import math
import numbers
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.core.checks import max_lmbda
from secml_regpoison.core.solvers import SOLVERS, Training
from secml_regpoison.limits import LARGEST_DENSE, MAX_LMBDA
from secml_regpoison.validation import (
    as_carray, check, check_choice, check_classes, check_dataset,
    check_labels, check_number, check_type)
from .box import check_bounds
from .feasible import check_feasible
from .targets import check_objective, parts_of, target_of

# Keys of `solver_params` that are fields of `Training`, all but `method`.
# `Training.eta` is 'inner_eta' here: 'eta' is secml's step of the points.
TRAINING_PARAMS = {'inner_eta' if name == 'eta' else name: name
                   for name in inspect.signature(Training).parameters
                   if name != 'method'}
# Those of the outer loop, which `solve` takes, and secml's names for them.
_STEP = (lambda step: 0 < step < math.inf, 'None or positive and finite')
_COUNT = (lambda n: n >= 0 and isinstance(n, numbers.Integral),
          'a whole number of at least 0')
_TOLERANCE = (lambda tol: 0 <= tol < math.inf, 'finite and at least 0')
OUTER_PARAMS = {
    'n_outer': _COUNT, 'step': _STEP, 'tol': _TOLERANCE,
    'patience': (lambda n: n >= 1 and isinstance(n, numbers.Integral),
                 'a whole number of at least 1'),
    'eta': _STEP, 'eta_min': _STEP, 'eta_max': _STEP, 'max_iter': _COUNT,
    'eps': _TOLERANCE}
SAME_PARAMS = {'max_iter': 'n_outer', 'eta_min': 'step', 'eps': 'tol'}
DEFAULT_SOLVER_PARAMS = {'n_inner': 150, 'inner_eta': None, 'momentum': .9}
MAY_BE_NONE = ('step', 'inner_eta', 'inner_tol', 'truncate', 'eta', 'eta_min',
               'eta_max')


def as_plain(value):
    """NumPy's numbers, fractions, whole numbers of over 64 bits, and an array
    of one as secml's indexing returns it, as an int or a float; all else as it
    is."""
    is_one = isinstance(value, np.generic) or (
        isinstance(value, (CArray, np.ndarray)) and value.size == 1)
    value = value.item() if is_one else value
    if not isinstance(value, numbers.Real) or isinstance(value, float) or (
            isinstance(value, int) and abs(value) < 2 ** 63):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_n_points(value):
    """`value` as an int; CSecEval passes NumPy numbers and floats, as shares
    times rows, which rounding leaves next to a whole number."""
    value = as_plain(value)
    if value is None:
        return None
    check_type('n_points', value, numbers.Real, 'a whole number')
    is_whole = math.isfinite(value) and math.isclose(
        value, round(value), rel_tol=1e-12)
    check('n_points', value, is_whole and 0 <= value < 2 ** 31,
          'a whole number of at least 0 and below 2**31')
    return round(value)


def as_dmax(value):
    """`value` as a float, or None."""
    value = as_plain(value)
    check_number('dmax', value, lambda dmax: dmax >= 0,
                 'None (unbounded) or a number of at least 0', or_none=True)
    return value if value is None else float(value)


def as_solver_params(value):
    """`value`, a dict or None, with the defaults filled in."""
    value = {} if value is None else value
    check_type('solver_params', value, Mapping, 'a dict or None')
    return {**DEFAULT_SOLVER_PARAMS, **plain_params(value)}


def plain_params(params):
    """`solver_params`, which is a dict that users change, as the core takes
    them: NumPy's numbers are not the int and float that it asks for."""
    return {name: as_plain(value) for name, value in params.items()}


def check_attack(attack):
    """The data, and every setting that needs no prepared data."""
    check_dataset('training_data', attack.training_data)
    check_dataset('val', attack.val, attack.training_data)
    classes = check_classes(attack.training_data, attack.val, target_of(
        attack.classifier).by_class).tolist()
    check_choice(
        'solver_type', attack.solver_type, tuple(SOLVERS), " Of secml's "
        "solvers the points move by 'pgd-ls' alone, see `solver_params`.")
    _check_solver_params(attack.solver_params)
    training_of(attack)  # checks its own values
    for name, values in (('poison_mode', ('append', 'replace')),
                         ('distance', ('l1', 'l2')),
                         ('dtype', ('float64', 'float32'))):
        check_choice(name, getattr(attack, name), values)
    check_choice('init_type', attack.init_type, ('random',),
                 ' Points start as validation points, labels flipped.')
    check_type('learn_lmbda', attack.learn_lmbda, (bool, np.bool_, str),
               "True, False or 'trust'")
    check('y_target', attack.y_target, attack.y_target is None
          or (isinstance(attack.y_target, numbers.Real)
              and attack.y_target in classes),
          f'None or one of the classes {classes}')
    for name, minimum in (('batch_size', 1), ('n_restarts', 0),
                          ('random_seed', 0)):
        check_number(name, getattr(attack, name), lambda value, low=minimum:
                     value >= low and isinstance(value, numbers.Integral),
                     f'a whole number of at least {minimum}',
                     or_none=name == 'random_seed')
    check_type('joint', attack.joint, (bool, np.bool_), 'True or False')
    _check_y_poison(attack.y_poison, attack.n_points or 0,
                    attack.training_data)
    check_lmbda(attack.classifier, attack.lmbda_bounds, attack.dtype)
    check_bounds(attack.lb, attack.ub, attack.training_data.num_features)
    check_feasible(attack)


def _check_solver_params(params):
    """Names, types and values of `solver_params`."""
    params = plain_params(params)
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
    for name, ours in SAME_PARAMS.items():
        check('solver_params', (name, ours),
              params.get(name) is None or params.get(ours) is None,
              f'a dict without {ours!r} where secml\'s {name!r} is given')


def training_of(attack):
    """How the core trains the attack's classifier."""
    params = plain_params(attack.solver_params)
    settings = {name: params[given] for given, name in TRAINING_PARAMS.items()
                if given in params}
    try:
        return Training(attack.solver_type, **settings)
    except ValueError as error:  # in the words of `solver_params`
        raise ValueError(str(error).replace('`eta`', '`inner_eta`')) from error


def outer_steps(attack):
    """How the points of the attack move: arguments of the core's `solve`.

    secml's names mean what they mean in secml's `COptimizerPGDLS`: 'eta' is
    the least step, 'eta_min' the first (None: 'eta'), 'eta_max' the greatest,
    'eps' an absolute gain.
    """
    params = {name: value for name, value in plain_params(
        attack.solver_params).items()
        if name not in TRAINING_PARAMS and value is not None}
    least, eta_max = params.pop('eta', 0.), params.pop('eta_max', None)
    first = params.pop('eta_min', params.pop('step', None)) or least
    if 'max_iter' in params:
        params['n_outer'] = params.pop('max_iter')
    if 'eps' in params:
        params.update(tol=0., atol=params.pop('eps'))
    return {**params, 'step': first or None, 'min_step': least,
            'max_step': max(eta_max or math.inf, least)}


def check_lmbda(clf, bounds, dtype):
    """The objective of the classifier, its lambda, and the interval."""
    check_objective(clf)
    limit = min(round(MAX_LMBDA), max_lmbda(getattr(torch, dtype)))
    target, power = target_of(clf), round(limit / math.log(10))
    in_dtype = '' if dtype == 'float64' else f' with dtype={dtype!r}'
    check_number(f'classifier.{target.parameter}',
                 getattr(parts_of(clf)[0], target.parameter), lambda value:
                 10. ** -power <= value / target.scale <= 10. ** power,
                 f'a number between {target.scale:g}e-{power} and '
                 f'{target.scale:g}e{power}{in_dtype}')
    condition = f'two numbers in order between {-limit} and {limit}{in_dtype}'
    check_type('lmbda_bounds', bounds, (Sequence, CArray, np.ndarray),
               condition)
    bounds = tuple(bounds)
    check('lmbda_bounds', bounds, len(bounds) == 2, condition)
    for bound in bounds:
        check_type('lmbda_bounds', bound, numbers.Real, condition)
    check('lmbda_bounds', bounds,
          -limit <= bounds[0] <= bounds[1] <= limit, condition)


def _check_y_poison(y, n_points, training_data):
    """'flip', 'worst', a class, or a class for each point."""
    y, classes = as_plain(y), training_data.classes.tolist()
    if isinstance(y, (CArray, np.ndarray, Sequence)) and not isinstance(
            y, str):
        y = as_carray('y_poison', y).ravel()
        check_labels('y_poison', y, training_data)
        check('y_poison', y.size, y.size >= n_points,
              f'labels for each of {n_points} points')
    else:
        is_class = isinstance(y, numbers.Real) and y in classes
        check('y_poison', y, is_class or y in ('flip', 'worst'),
              f"'flip', 'worst', one of the classes {classes}, or a CArray "
              'of them with a label for each point')


def y_poison_as_plain(attack):
    """`y_poison` as text, number or list, to keep and to compare."""
    y = attack.y_poison
    return y if isinstance(y, str) else CArray(as_plain(y)).tolist()


def check_clean_rows_left(name, n_points, data):
    """Clean rows of all classes beside `n_points` of poison."""
    check(name, n_points, n_points * data.x_tr.shape[1] <= LARGEST_DENSE,
          f'few enough for {LARGEST_DENSE:g} values in all')
    y, k = data.y_tr[torch.from_numpy(data.clean_rows(n_points))], \
        data.classes.size
    check(name, n_points, len(y.unique()) == k,
          f"few enough that poison_mode='replace' leaves training rows of "
          f'{"both" if k == 2 else "all"} classes (of {len(data.y_tr)})')


def sign_of(attack):
    """1 where the attacker raises its loss, -1 where it lowers the loss on a
    `y_target`."""
    return 1 if attack.y_target is None else -1


def lmbda_bounds(attack):
    """The interval of the learned lambda, two floats."""
    return tuple(map(float, attack.lmbda_bounds))


def start_lmbda(attack):
    """lambda of the classifier as it is given."""
    return target_of(attack.classifier).lmbda(attack.classifier)
