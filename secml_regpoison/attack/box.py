"""Checks of the points' box against the data."""
import warnings

import numpy as np

from .settings import bound_array, is_not_numeric


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
