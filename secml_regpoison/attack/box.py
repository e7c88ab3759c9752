"""The points' box: bounds as secml takes them, and checks of them."""
import numbers
import warnings

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.validation import (
    LARGEST, as_carray, check, check_numeric, check_type)


def check_bounds(lb, ub, n_features):
    """Bounds as secml takes them: number, one a feature, None or 'x0'."""
    for name, bound in (('lb', lb), ('ub', ub)):
        if is_not_numeric(bound):
            continue
        check_type(name, bound, (numbers.Real, CArray, np.ndarray),
                   "a number, a CArray with one bound a feature, 'x0' or "
                   'None')
        check_numeric(name, as_carray(name, bound))
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


def bound_tensors(lb, ub, x_start):
    """Bounds of secml's kinds as tensors. 'x0' is `x_start`, clipped to the
    other bound. None: +-1e30, the largest value liblinear trains on."""
    low, high = (
        torch.as_tensor(bound_array(none if is_not_numeric(bound) else bound),
                        device=x_start.device).clamp(-LARGEST, LARGEST)
        for bound, none in ((lb, -LARGEST), (ub, LARGEST)))
    x_0 = x_start.clamp(low, high)
    return (x_0 if isinstance(lb, str) else low,
            x_0 if isinstance(ub, str) else high)


def warn_if_box_excludes_data(attack):
    """Warn where most values of the clean rows lie outside the box, as with
    0 and 1 on standardised rows."""
    x = attack.training_data.X.tondarray()
    low, high = (
        missing if is_not_numeric(bound) else bound_array(bound)
        for bound, missing in ((attack.lb, -np.inf), (attack.ub, np.inf)))
    share = np.mean((x < low) | (x > high))
    if share > .5:
        warnings.warn(
            f'{share:.0%} of the values of the training rows lie outside the '
            'box from `lb` to `ub`, so that poison cannot be like the clean '
            'rows. The box is in units of the rows: for their range, pass the '
            'least value of each column, X.min(axis=0), as `lb` and the '
            'greatest, X.max(axis=0), as `ub` (with .ravel() of a CArray).',
            RuntimeWarning, stacklevel=4)


def warn_of_dmax(dmax):
    """Warn of secml's default, which moves points there and none here."""
    if dmax is not None and not dmax:
        warnings.warn(
            f'`dmax` is {dmax:g}: no point moves from its start. Stock '
            'attacks ignore theirs; None is unbounded.', RuntimeWarning,
            stacklevel=4)
