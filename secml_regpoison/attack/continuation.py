"""Continuation of a run from `ds_init`: its checks, and the batches left."""
import hashlib
import warnings

import numpy as np

from secml.data import CDataset

from secml_regpoison.validation import check, check_poison
from . import settings
from .batches import grouping
from .box import bound_array, is_not_numeric, warn_if_box_excludes_data
from .feasible import describe, feasible_set
from .pipeline import warn_of_constant_columns
from .poison_header import PoisonHeader, check_lmbda
from .settings import lmbda_bounds, plain_params, y_poison_as_plain
from .targets import training_settings
from .trust import is_learned


def plan(attack, data, ds_init):
    """The points that a run starts from, the `batch_ends`, how many points
    there are after each of its batches, and whether the first points are new,
    not of `ds_init`. Warns of the box."""
    poison, is_new = _first_points(attack, data, ds_init)
    n_before, n_points = len(poison.x), attack.n_points or 0
    if attack.joint:
        batch_ends = [n_points] if n_points else []
    else:
        batch_ends = [min(k + attack.batch_size, n_points)
                      for k in range(n_before, n_points, attack.batch_size)]
    if not batch_ends or (is_new and attack.learn_lmbda):
        batch_ends.insert(0, n_before)  # lambda alone
    if ds_init is None:
        warn_if_box_excludes_data(attack)
    if ds_init is None or not ds_init.num_samples:
        warn_of_constant_columns(attack, data)
    return poison, batch_ends, is_new


def _first_points(attack, data, ds_init):
    """Points and lambda to start a run from, and whether they are new: not
    the rest of `ds_init`."""
    lmbda = settings.start_lmbda(attack)
    header = getattr(ds_init, 'header', None)
    here = problem_id(attack)
    is_other = getattr(header, 'problem_id', here) != here
    if is_other:
        attack.logger.info('ds_init was made for other settings: its points '
                           'are not kept')
    if ds_init is None or is_other:
        return data.poison_set(lmbda), True
    made_with = _as_dict(getattr(header, 'search_settings', ''))
    if made_with.get('val', data.digests[1]) != data.digests[1]:
        # its `starts` may count other rows
        ds_init = CDataset(ds_init.X, ds_init.Y)
    check_poison('ds_init', ds_init, attack)
    if attack.learn_lmbda and hasattr(header, 'lmbda'):
        # where the search ended: in stages as in one go
        name = 'search_lmbda' if hasattr(header, 'search_lmbda') else 'lmbda'
        lmbda = getattr(header, name)
        check_lmbda('ds_init', name, lmbda)
    poison = data.poison_set(lmbda, ds_init, attack.distance)
    _check_in_set(attack, data, ds_init, poison)
    poison = poison.first(attack.n_points or 0)
    if poison.starts:
        _warn_of_other_search(header, attack, data, len(poison.x))
    return poison, False


def _check_in_set(attack, data, ds_init, poison):
    """Points within `dmax` of the rows where they started, in `feasible`, and
    beyond these rows where a bound is 'x0', if it is known which they are."""
    are_known = len(getattr(ds_init.header, 'starts', ())) == len(poison.x)
    if not poison.starts or not are_known and (
            attack.dmax is None and attack.feasible is None):
        return
    feasible = feasible_set(attack, data, data.x_val[list(poison.starts)],
                            poison.y)
    if attack.dmax is not None:
        farthest = float(feasible.radius(poison.x).max())
        check('ds_init.X', farthest, farthest <= attack.dmax + 1e-9,
              f'points within `dmax` = {attack.dmax:g} of the validation rows '
              'that they started from, or of the nearest')
    x = poison.x.float() if ds_init.X.dtype == np.float32 else poison.x
    out = (~feasible.contains(x)).nonzero().ravel().tolist()
    check('ds_init.X', f'rows {out[:5]} outside it', not out,
          'points inside the set `feasible`' if attack.feasible is not None
          else "points inside the box, with 'x0' for the validation rows that "
          'they started from')


def header_of(attack, data, poison):
    """The `PoisonHeader` that a later run compares and continues from."""
    return PoisonHeader(
        lmbda=poison.lmbda, starts=poison.starts, search_lmbda=poison.lmbda,
        problem_id=problem_id(attack),
        search_settings=search_settings(attack, data))


def problem_id(attack):
    """A digest of the problem that poison solves, beside the data: the
    feasible points, the target, and lambda where it is fixed."""
    bounds = [bound if is_not_numeric(bound) else bound_array(bound).tolist()
              for bound in (attack.lb, attack.ub)]
    feasible = describe(attack)
    problem = (attack.distance, attack.dmax, bounds,
               None if attack.y_target is None else float(attack.y_target),
               None if attack.learn_lmbda else settings.start_lmbda(attack),
               *([] if feasible is None else [feasible]))
    return hashlib.sha256(repr(problem).encode()).hexdigest()[:16]


def search_settings(attack, data):
    """Further settings that the points depend on, as text, and short
    digests of the training and of the validation rows."""
    text = {name: getattr(attack, name) for name in (
        'random_seed', 'n_restarts', *grouping(attack),
        'solver_type', 'poison_mode', 'learn_lmbda', 'dtype')}
    text.update(classifier=type(attack.classifier).__name__,
                lmbda_bounds=lmbda_bounds(attack),
                y_poison=y_poison_as_plain(attack),
                **plain_params(attack.solver_params))
    text.update(_classifier_settings(attack, data))
    if is_learned(attack):
        text.update(trust_margin=attack.trust_margin)
    text.update(training_data=data.digests[0], val=data.digests[1])
    if data.has_own_set:
        text.update(attacker_set=data.digests[2],
                    camouflage=attack.camouflage)
    return '; '.join(f'{name} {value}'.replace('; ', ', ')
                     for name, value in text.items())


def _as_dict(text):
    """Values of `search_settings` by name."""
    return dict(item.partition(' ')[::2] for item in text.split('; '))


def _classifier_settings(attack, data):
    """Settings of the classifier that the points depend on, beside its
    class and C, by name. A frozen preprocess is known by its features of the
    rows."""
    clf = attack.classifier
    return {'preprocess': data.preprocess if data.transform is None else
            f'{type(clf.preprocess).__name__} {data.features_identity[1]}',
            **training_settings(clf)}


def _warn_of_other_search(header, attack, data, n_kept):
    """Warn that points are kept, though found with other settings."""
    here = search_settings(attack, data)
    there = getattr(header, 'search_settings', here)
    here, there = map(_as_dict, (here, there))
    for name in _classifier_settings(attack, data):
        there.setdefault(name, here[name])  # headers of 0.1.0 lack it
    if 'batch_size' not in here:  # older headers have it with `joint`, too
        there.pop('batch_size', None)
    names = [name for name in {**there, **here}
             if there.get(name) != here.get(name)]
    if names:
        here, there = (', '.join(
            f'{name} {side[name]}' if name in side else f'no {name}'
            for name in names) for side in (here, there))
        warnings.warn(
            f'the {n_kept:d} points of `ds_init` were made with {there}; they '
            f'are kept here, with {here}. To compare such settings, run each '
            'attack without `ds_init`; CSecEval passes the poison of the '
            'value before.', RuntimeWarning, stacklevel=5)
