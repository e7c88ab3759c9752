"""An attack's datasets as tensors, and its random orders of rows."""
import itertools
from collections import Counter
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.convert import (
    as_refitted, feature_map, indices, labels, labels_of_indices, signs,
    to_float64, to_tensor)
from secml_regpoison.core import Problem
from secml_regpoison.core.checks import NORMS
from secml_regpoison.core.linalg import spread_of
from secml_regpoison.validation import resolve_device
from .digests import array_digest, content_digest
from .pipeline import check_features_finite, freeze
from .replacement import replacement_order


class PoisonSet(NamedTuple):
    """Points (p, d), labels (p,) as `PoisoningData.encode` has them,
    validation rows they started at, lambda and the defender's trust."""

    x: torch.Tensor
    y: torch.Tensor
    starts: tuple
    lmbda: float
    trust: float = 1.

    def first(self, n_points):
        """The first `n_points` of them."""
        return self._replace(x=self.x[:n_points], y=self.y[:n_points],
                             starts=self.starts[:n_points])

    def append(self, other):
        """These points, then those of `other`, with its lambda."""
        return PoisonSet(torch.cat([self.x, other.x]),
                         torch.cat([self.y, other.y]),
                         self.starts + other.starts, other.lmbda)


class PoisoningData:
    """The data that an attack works on.

    secml's normalizers and their chains are refitted on the poisoned rows of
    each training, as `fit` does. Of another preprocess a copy is fitted on the
    clean rows and frozen: a warning says so.

    Attributes
    ----------
    x_tr, x_val, x_attacker : Tensor, shapes (n, d), (m, d) and (k, d)
        In input space, where points live. phi_tr, ...: their features by a
        frozen preprocess; else the same.
    preprocess : Preprocess or None
        The core's version of one that is refitted.
    start_order, replacement_order : ndarray, shapes (m,) and (n,)
        Poisoning points start at validation rows in the first order and, in
        the mode 'replace', take the place of training rows in the second.
    responses : dict
        Computed once: answers of a defender who learns trust, and targets
        of `.attacker`.
    """

    def __init__(self, training_data, val, attacker_set, preprocess,
                 poison_mode, y_target, device, seed, by_class):
        self.classes = training_data.classes
        self.n_classes = self.classes.size if by_class else None
        self.device, self.seed = resolve_device(
            device, training_data.X.size), seed
        self.replace, self.responses = poison_mode == 'replace', {}
        self.x_tr = to_tensor(training_data.X, self.device)
        self.x_val = to_tensor(val.X, self.device)
        self.y_tr, self.y_val = map(self.encode, (training_data.Y, val.Y))
        self.has_own_set = attacker_set is not None
        self.x_attacker, self.y_attacker = self.x_val, self.y_val
        if self.has_own_set:
            self.x_attacker = to_tensor(attacker_set.X, self.device)
            self.y_attacker = self.encode(attacker_set.Y)
        self.y_target = None if y_target is None else self.encode(
            CArray([y_target])).expand_as(self.y_attacker)
        self.spread = spread_of(self.x_tr)
        self.phi_tr, self.phi_val = self.x_tr, self.x_val
        self.phi_attacker = self.x_attacker
        self.preprocess = self.transform = None
        if preprocess is not None:
            self.preprocess = as_refitted(preprocess)
            if self.preprocess is None:
                self._set_features(freeze(preprocess, training_data),
                                   training_data, val, attacker_set or val)
            for name, phi in zip(('training_data.X', 'val.X'),
                                 self.clean_features()):
                check_features_finite(name, phi)
        self.digests = (array_digest(self.x_tr, self.y_tr),
                        array_digest(self.x_val, self.y_val),
                        array_digest(self.x_attacker, self.y_attacker))
        self.start_order = self.rng(0).permutation(val.num_samples)
        self.replacement_order = replacement_order(
            seed, training_data.num_samples)

    def encode(self, y):
        """Labels as the core takes them, (n,)."""
        return (signs if self.n_classes is None else indices)(
            y, self.classes, self.device)

    def decode(self, y):
        """The inverse of `encode`."""
        return (labels if self.n_classes is None else labels_of_indices)(
            y, self.classes)

    @cached_property
    def flipped(self):
        """The other label of each validation row; of more than two one of
        the others, drawn."""
        if self.n_classes is None:
            return -self.y_val
        shift = self.rng(4).integers(1, self.n_classes, len(self.y_val))
        return (self.y_val + torch.as_tensor(shift, device=self.device)
                ) % self.n_classes

    def _set_features(self, frozen, *parts):
        """Map the rows of the parts by a fitted preprocess."""
        self.phi_tr, self.phi_val, self.phi_attacker = (
            to_tensor(frozen.transform(to_float64(part.X)), self.device)
            for part in parts)
        self.transform = feature_map(frozen)

    def clean_features(self):
        """Features of training and validation rows without poison."""
        if self.preprocess is None:
            return self.phi_tr, self.phi_val
        transform = self.preprocess.fit(self.x_tr)
        return transform(self.x_tr), transform(self.x_val)

    @cached_property
    def features_identity(self):
        """Shape of the training rows' `clean_features`, a digest of all."""
        features = self.clean_features()
        return list(features[0].shape), array_digest(*features)

    def rng(self, *stream):
        """A generator of its own for each stream of numbers."""
        return np.random.default_rng([self.seed, *stream])

    def clean_rows(self, n_points):
        """Clean training rows that stay beside `n_points` of poison."""
        if not self.replace:
            return np.arange(len(self.x_tr))
        return np.sort(self.replacement_order[n_points:])

    def problem(self, n_points, x_fixed=(), y_fixed=()):
        """The core's `Problem` with `n_points` of poison in all. The points
        that are given do not move: they count as training rows."""
        rows = torch.as_tensor(self.clean_rows(n_points), device=self.device)
        phi_tr, y_tr = self.phi_tr[rows], self.y_tr[rows]
        if len(x_fixed):
            phi = x_fixed if self.transform is None \
                else self.transform(x_fixed)[0]
            phi_tr, y_tr = torch.cat([phi_tr, phi]), torch.cat([y_tr, y_fixed])
        own = (self.phi_attacker, self.y_attacker) if self.has_own_set \
            else (None, None)
        return Problem(phi_tr, y_tr, self.phi_val, self.y_val, self.y_target,
                       self.transform, self.preprocess, self.n_classes, *own,
                       self.spread)

    def poison_set(self, lmbda, poison_ds=None, distance='l2'):
        """The points of a dataset, which may be None, as a `PoisonSet`.

        Points of another program, or a selection, have started at the
        validation rows that are nearest to them.
        """
        if poison_ds is None:
            return PoisonSet(self.x_val[:0], self.y_val[:0], (), lmbda)
        x = to_tensor(poison_ds.X, self.device)
        starts = getattr(poison_ds.header, 'starts', ())
        if len(starts) != len(x):
            starts = tuple(torch.cdist(x, self.x_val, NORMS[distance])
                           .argmin(1).tolist())
        return PoisonSet(x, self.encode(poison_ds.Y), starts, lmbda)

    def new_points(self, poison, n_points, y_new=None, restart=0):
        """The points that `poison` lacks to `n_points`, where they start.

        Validation points with the label flipped: of any class, or such that
        the labels are `y_new`. With `y_new` (p, 2), a label and the class of
        the start for each. A row is taken again only when all of its kind
        are. A restart shuffles them.
        """
        order = self.start_order
        if restart:
            order = self.rng(2, len(poison.x), restart).permutation(order)
        if y_new is None:
            starts = tuple(itertools.islice(
                _least_used(order, Counter(poison.starts)),
                n_points - len(poison.x)))
        else:
            starts = tuple(self._starts(order, poison.starts, y_new))
        rows = torch.as_tensor(starts, dtype=torch.long, device=self.device)
        y = self.flipped[rows] if y_new is None else labels_of_new(y_new)
        return PoisonSet(self.x_val[rows], y, starts, poison.lmbda)

    def _starts(self, order, taken, y_new):
        """Yield a row where each of the new points starts."""
        y, rows, times = self.y_val[order], {}, Counter(taken)
        kinds = y_new if y_new.dim() == 2 else y_new[:, None]
        for kind in map(tuple, kinds.tolist()):
            if kind not in rows:
                label, *start = kind
                may_start = y == start[0] if start else y != label
                rows[kind] = _least_used(
                    order[may_start.numpy(force=True)], times)
            yield next(rows[kind])


def labels_of_new(y_new):
    """Labels of new points, given those, (p,), or with classes of starts."""
    return y_new if y_new.dim() == 1 else y_new[:, 0]


def _least_used(rows, times):
    """The `rows` over and over, each as often as the others, in order;
    `times` counts how often each has been used, here too."""
    for lap in itertools.count():
        for row in rows.tolist():
            if times[row] <= lap:
                times[row] += 1
                yield row


class PreparedData:
    """Keeps `PoisoningData` until something that it was made from changes.

    Copies and pickles of it are empty: they prepare their own.
    """

    def __init__(self):
        self._digest = self._data = None

    def __reduce__(self):
        return PreparedData, ()

    def get(self, *source):
        """`PoisoningData` of these arguments, the kept one if it is."""
        digest = content_digest(source)
        if digest != self._digest:
            self._data, self._digest = PoisoningData(*source), digest
        return self._data
