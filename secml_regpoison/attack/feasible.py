"""Feasible set of the points, beside the box and the ball `dmax`.

Values of the attack's `feasible`: one of them, or a tuple.
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from secml.data import CDataset

from secml_regpoison.convert import to_tensor
from secml_regpoison.core.checks import is_integer
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.preprocessing import Moments
from secml_regpoison.core.sphere_slab import SphereSlab
from secml_regpoison.validation import (
    check, check_classes, check_dataset, check_number, check_type)
from .box import bound_tensors
from .digests import array_digest
from .targets import target_of


@dataclass(frozen=True, eq=False)
class CFeasibleSphereSlab:
    r"""Points that a filter by the class centroids lets pass.

    .. math::

        \|s (x - c_y)\| \le r_y, \quad
        |\langle s (x - c_y), s (c_y - c_o) \rangle|
        / \|s (c_y - c_o)\| \le t_y

    with the centroid :math:`c_y` of a class, the mean :math:`c_o` of the
    other centroids, and the quantiles :math:`r_y, t_y` of the clean rows'
    own left sides. The attacker knows the filter, and the filter the clean
    rows: the worst case among attackers, and a filter that no poison has
    moved. s is the inverse deviation of each column where the classifier
    standardises, else 1. Sets that a distance to the centroids leaves:
    Steinhardt, Koh, Liang 2017 (arXiv 1706.03691); Koh, Steinhardt, Liang
    2022 (arXiv 1811.00741).

    Parameters
    ----------
    quantile : float, optional
        At least this share of the clean rows of each class is in its sphere,
        and in its slab: a quantile between two rows is the larger one's, as
        by NumPy's ``method='higher'``. Default 0.95.
    clean_data : CDataset or None, optional
        The clean rows. Default None: the attack's training data.
    """

    quantile: float = .95
    clean_data: CDataset = None

    def _check(self, attack):
        """Raise on wrong values."""
        check_number('quantile', self.quantile, lambda q: 0 < q <= 1,
                     'above 0 and at most 1')
        if self.clean_data is not None:
            check_dataset('clean_data', self.clean_data, attack.training_data)
            check_classes(attack.training_data, self.clean_data,
                          target_of(attack.classifier).by_class, 'clean_data')


@dataclass(frozen=True)
class CFeasibleInteger:
    """Points that hold whole numbers.

    They move without them first; the points that are found are rounded, and
    move on by whole numbers, in the end one at a time. `f_seq` begins there.

    Parameters
    ----------
    features : sequence of int or None, optional
        Columns that do, from 0. Default None: all. Where the box has no whole
        number, a column keeps what it has.
    """

    features: tuple = None

    def _check(self, attack):
        """Raise on wrong values."""
        if self.features is not None:
            _check_features('features', self.features, attack)


@dataclass(frozen=True)
class CFeasibleMask:
    """Features that stay as the point's start has them, or only grow.

    Parameters
    ----------
    fixed : sequence of int, optional
        Columns that stay, from 0.
    increasing : sequence of int, optional
        Columns that may only be added to, as in malware, whose functions must
        stay.
    """

    fixed: tuple = ()
    increasing: tuple = ()

    def _check(self, attack):
        """Raise on wrong values."""
        _check_features('fixed', self.fixed, attack)
        _check_features('increasing', self.increasing, attack)


KINDS = CFeasibleSphereSlab, CFeasibleInteger, CFeasibleMask


def check_feasible(attack):
    """Raise on wrong values of the attack's `feasible`."""
    names = [kind.__name__ for kind in KINDS]
    for kind in _parts(attack):
        check_type('feasible', kind, KINDS,
                   f'None, one of {names}, or a tuple of them')
        kind._check(attack)
    kinds = [type(part) for part in _parts(attack)]
    check('feasible', [kind.__name__ for kind in kinds],
          len(set(kinds)) == len(kinds), 'at most one of each kind',
          ' One CFeasibleMask or CFeasibleInteger names all its features.')
    check('distance', attack.distance, attack.distance == 'l2'
          or attack.dmax is None or CFeasibleSphereSlab not in kinds,
          "'l2' where `dmax` and a CFeasibleSphereSlab hold the points")


def describe(attack):
    """Text that tells the attack's `feasible` from others, or None."""
    def of(value):
        if isinstance(value, CDataset):
            return array_digest(value.X.tondarray(), value.Y.tondarray())
        return value if value is None else np.asarray(value).tolist()
    return '; '.join(sorted(
        f'{type(part).__name__} {list(map(of, vars(part).values()))}'
        for part in _parts(attack))) or None


def filter_of(attack, data):
    """The `SphereSlab` of the classes, in order, or None."""
    part = _part(attack, CFeasibleSphereSlab)
    if part is None:
        return None
    x, y = data.x_tr, data.y_tr
    if part.clean_data is not None:
        x = to_tensor(part.clean_data.X, data.device)
        y = data.encode(part.clean_data.Y)
    return fit_filter(x, y, part.quantile, data.preprocess is not None
                      and data.preprocess.fits_std)


def fit_filter(x, y, quantile, is_scaled):
    """The `SphereSlab` of clean rows (n, d) with labels (n,), a quantile of
    each; `is_scaled`: in units of the deviations of their columns."""
    scale = 1 / Moments.of(x).deviations() if is_scaled \
        else torch.ones_like(x[0])
    return SphereSlab.fit(x, y, float(quantile), scale)


def feasible_set(attack, data, x_start, y):
    """The core's `FeasibleSet` of points that start at rows (p, d), with
    labels (p,); `dmax` is from the start in box, mask and filter."""
    lb, ub = bound_tensors(attack.lb, attack.ub, x_start)
    x_0 = x_start.clamp(lb, ub)
    mask, whole = _part(attack, CFeasibleMask), _part(attack, CFeasibleInteger)
    if mask is not None:
        fixed, grows = (_of_features(features, x_0)
                        for features in (mask.fixed, mask.increasing))
        lb = torch.where(fixed | grows, x_0, lb)
        ub = torch.where(fixed, x_0, ub)
    clean = filter_of(attack, data)
    made = FeasibleSet(
        x_0, lb, ub, filter=None if clean is None else clean.for_labels(y),
        integers=None if whole is None else _of_features(whole.features, x_0))
    return replace(made, x_0=_starts(data, made, x_start, clean, y),
                   dmax=attack.dmax, distance=attack.distance)


def _starts(data, made, x_start, clean, y):
    """The starts in the set: projected; where whole numbers lead out of the
    filter, the training row of the label that is nearest to its centroid of
    those that stay inside."""
    start = made.project(x_start)
    if clean is None or made.integers is None:
        return start
    for typical in rows_by_centroid(data, clean, y):
        out = ~made.contains(start)
        if not out.any():
            break
        start[out] = replace(made, filter=None).project(typical)[out]
    return start


def rows_by_centroid(data, clean, y):
    """For each of the labels (p,) the training rows with it, (p, d), one after
    the other, the nearest to its centroid first."""
    ordered = []
    for label, centre in zip(clean.labels, clean.centre):
        rows = data.x_tr[data.y_tr == label]
        ordered.append(rows[
            (clean.scale * (rows - centre)).square().sum(1).argsort()])
    own = torch.searchsorted(clean.labels, y)
    for k in range(max(map(len, ordered))):
        yield torch.stack([rows[min(k, len(rows) - 1)]
                           for rows in ordered])[own]


def _parts(attack):
    """The attack's `feasible` as a tuple."""
    feasible = attack.feasible
    if feasible is None:
        return ()
    return tuple(feasible) if isinstance(feasible, (tuple, list)) \
        else (feasible,)


def _part(attack, kind):
    return next((part for part in _parts(attack) if isinstance(part, kind)),
                None)


def _of_features(features, x):
    """Columns as a mask (d,); None: all."""
    mask = torch.full(x.shape[1:], features is None, device=x.device)
    if features is not None:
        mask[list(map(int, features))] = True
    return mask


def _check_features(name, features, attack):
    """Columns of the training data."""
    n_features = attack.training_data.num_features
    check_type(name, features, (Sequence, np.ndarray), 'a sequence of columns')
    check(name, features,
          all(is_integer(j, 0) and j < n_features for j in features),
          f'whole numbers from 0 to {n_features - 1}')
