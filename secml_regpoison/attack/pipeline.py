"""The user's classifier and its preprocess, as the core's model of them."""
import functools
import warnings

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.convert import take_rows, to_float64
from secml_regpoison.core.coordinates import has_small_kernel
from secml_regpoison.core.losses import Squared, SquaredHinge
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.preprocessing import UnitNorm
from secml_regpoison.validation import LARGEST, check
from . import trust
from .box import bound_tensors
from .settings import training_of
from .targets import target_of


def model_class(attack, weight=None):
    """The core's model of the attack's classifier; `weight` is that of the
    untrusted rows where trust is learned, by default the attack's."""
    if trust.is_learned(attack):
        return trust.model_class(attack, weight)
    target = target_of(attack.classifier)
    return functools.partial(target.model, loss=target.loss, beta=target.beta,
                             penalty=target.penalty)


def search_dtype(attack, problem, n_points):
    """The attack's `dtype`, but float64 for a squared loss by 'implicit' in
    kernel coordinates: at small lambda those of float32 keep no digit."""
    target, training = target_of(attack.classifier), training_of(attack)
    by_kernel = training.form == 'gram' or training.form == 'auto' and (
        has_small_kernel(problem.n_tr + n_points, problem.x_tr.shape[1]))
    needs_float64 = training.method == 'implicit' and by_kernel and isinstance(
        target.loss, (Squared, SquaredHinge))
    return torch.float64 if needs_float64 else getattr(torch, attack.dtype)


def first_models(attack, n_points):
    """Models that `n_points` are made against first, a tuple a search.

    With the L1 penalty most weights are zero, and the loss does not change
    with their features: of two searches, one begins where the points end
    against the L2 penalty.
    """
    if not n_points or target_of(attack.classifier).penalty.is_smooth:
        return ((),)
    return (), (l2_model(attack),)


def l2_model(attack):
    """The core's model, with the L2 penalty."""
    return functools.partial(model_class(attack), penalty=L2)


def freeze(preprocess, training_data):
    """A copy of `preprocess`, fitted on the clean rows; a warning says so."""
    warnings.warn(
        f'{type(preprocess).__name__} is frozen as the '
        f'{training_data.num_samples:d} clean rows fit it: the attack '
        'does not see that it is refitted on poisoned rows. '
        "secml's mean-std, min-max and unit-norm normalizers are "
        'refitted.', RuntimeWarning, stacklevel=6)
    frozen, x_tr = preprocess.deepcopy(), to_float64(training_data.X)
    frozen.fit(x_tr, training_data.Y)
    check_preprocess(frozen, take_rows(x_tr, 0))
    return frozen


def check_preprocess(preprocess, x):
    """The fitted `preprocess` has a derivative, the right one at `x`."""
    try:
        phi = preprocess.transform(x).tondarray().ravel()
        # not phi itself: a unit norm has no derivative in its own direction
        weights = np.random.default_rng(0).normal(size=phi.size)
        grad = preprocess.gradient(x, w=CArray(weights))
    except (NotImplementedError, AttributeError) as error:
        raise TypeError(
            "`classifier.preprocess` must have a derivative, as secml's "
            f'normalizers do, got {type(preprocess).__name__}: {error}.'
        ) from error
    error = min(_error_of_gradient(preprocess, x, phi, weights, grad, step)
                for step in (1e-6, 1e-4, 5e-3))
    check('classifier.preprocess', f'{type(preprocess).__name__} with an '
          f'error of {error:.0e}', error < (
              1e-2 if phi.dtype == np.float32 else 1e-4),
          'a preprocess whose `gradient` is that of its `transform`',
          ' Central differences at one row say so.')


def _error_of_gradient(preprocess, x, phi, weights, grad, step):
    """Largest error of ``J^T weights`` against central differences, along
    random directions: of memory for a few rows, however many features. A long
    `step` is for float32, a short one for values far from 0."""
    x = x.tondarray().ravel()
    size = max(1., float(np.abs(x).max()))
    directions = np.random.default_rng(1).normal(size=(8, x.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    moves = step * size * directions
    ahead, behind = (preprocess.transform(CArray(x + sign * moves)).tondarray()
                     for sign in (1, -1))
    expected = (ahead - behind) @ weights / (2 * step * size)
    got = directions @ grad.tondarray().ravel()
    # a derivative that is 0 is one to rounding
    scale = max(np.abs(expected).max(), 1e-6 * np.abs(phi).max() / size)
    return float(np.abs(got - expected).max() / max(scale, 1e-300))


def check_features_finite(name, phi):
    """The features of a set are numbers that can be trained on."""
    bad = int((~(phi.abs() <= LARGEST)).sum())
    check('classifier.preprocess', bad, not bad, f'one that maps `{name}` '
          f'to numbers within {LARGEST:g}',
          f' That many of {phi.numel()} are not.')


def check_refitted(attack, data):
    """A refitted preprocess has a derivative, and the solver one through it;
    a frozen one computes in float64.
    """
    check('dtype', attack.dtype, attack.dtype == 'float64'
          or data.transform is None, "'float64' with a frozen preprocess")
    steps = getattr(data.preprocess, 'steps', (data.preprocess,))
    if data.x_tr.shape[1] == 1 and any(
            isinstance(step, UnitNorm) for step in steps):
        raise TypeError(
            '`classifier.preprocess` must have a derivative, got the unit '
            'norm of a single feature, which keeps its sign alone.')
    if not target_of(attack.classifier).penalty.is_smooth:
        check('solver_type', attack.solver_type, attack.solver_type != 'fmd',
              "'rmd' or 'implicit' with penalty='l1'")
        form = attack.solver_params.get('form', 'auto')
        check("solver_params['form']", form, form != 'gram',
              "'primal' or 'auto' with penalty='l1'")
    check('solver_type', attack.solver_type, attack.solver_type != 'fmd'
          or data.preprocess is None or data.preprocess.by_row,
          "'rmd' or 'implicit' with a preprocess that is refitted on "
          'poisoned rows')


def warn_of_constant_columns(attack, data):
    """Warn of columns in which poison is divided by next to nothing; learned
    trust divides by what the trusted rows alone fit."""
    if not attack.n_points or data.preprocess is None \
            or not data.preprocess.fits_scale or trust.is_learned(attack):
        return
    x = data.x_tr[data.clean_rows(attack.n_points)]
    low, high = bound_tensors(attack.lb, attack.ub, data.x_val)
    is_unbounded = (x.amax(0) == x.amin(0)) & (low < high).expand_as(
        data.x_val).any(0)
    if not data.preprocess.fits_std:
        # a range keeps the training rows, with their poison, in an interval
        is_unbounded &= (data.x_val != x[:1]).any(0) | (
            data.x_attacker != x[:1]).any(0)
    n_open = int(is_unbounded.sum())
    if n_open:
        warnings.warn(
            f'the box leaves {n_open:d} columns open that are constant in the '
            'clean rows: with poison their spread is tiny, the refitted '
            'normalizer divides by it, and the loss grows without bound. '
            'Give such columns equal `lb` and `ub`, or leave them out.',
            RuntimeWarning, stacklevel=4)
