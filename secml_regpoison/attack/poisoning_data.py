"""An attack's datasets as tensors, and its orders of rows."""
from typing import NamedTuple

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.validation import LARGEST, resolve_device
from secml_regpoison.convert import feature_map, signs, to_float64, to_tensor
from secml_regpoison.core import Problem
from .settings import check_features_finite, check_preprocess, is_not_numeric


class Poison(NamedTuple):
    """Points (p, d), signs (p,), validation rows they started at, lambda."""

    x: torch.Tensor
    y: torch.Tensor
    starts: tuple
    lmbda: float


class PoisoningData:
    """What one run of an attack works on.

    Parameters
    ----------
    attack : CAttackPoisoningMinimaxLR
        Its classifier's preprocess, if any, is copied and fitted on the clean
        training data; poison does not move it during the attack.
    seed : int

    Attributes
    ----------
    x_tr, x_val : Tensor, shapes (n, d) and (m, d)
        In input space, where poisoning points live.
    seeds, replaced : ndarray
        Poisoning points start at validation rows in the order `seeds` and, in
        the mode 'replace', take the place of training rows in the order
        `replaced`.

    """

    def __init__(self, attack, seed):
        tr, val = attack.training_data, attack.val
        self.classes = tr.classes
        self.device = resolve_device(attack.device)
        self.replace = attack.poison_mode == 'replace'
        self.x_tr = to_tensor(tr.X, self.device)
        self.x_val = to_tensor(val.X, self.device)
        self.y_tr = signs(tr.Y, self.classes, self.device)
        self.y_val = signs(val.Y, self.classes, self.device)
        self.y_target = None if attack.y_target is None else torch.full_like(
            self.y_val, 1. if attack.y_target == self.classes[1].item()
            else -1.)
        self.phi_tr, self.phi_val = self.x_tr, self.x_val
        preprocess = attack.classifier.preprocess
        if preprocess is not None:
            x_tr, x_val = to_float64(tr.X), to_float64(val.X)
            preprocess = preprocess.deepcopy().fit(x_tr, tr.Y)
            check_preprocess(preprocess, x_tr[0, :])
            self.phi_tr, self.phi_val = (
                to_tensor(preprocess.transform(x), self.device)
                for x in (x_tr, x_val))
            check_features_finite('training_data.X', self.phi_tr)
            check_features_finite('val.X', self.phi_val)
        self.transform = feature_map(preprocess)
        self.seed = seed
        self.seeds = self.rng(0).permutation(val.num_samples)
        self.replaced = self.rng(1).permutation(tr.num_samples)

    def rng(self, *stream):
        """A generator of its own for each stream of numbers."""
        return np.random.default_rng([self.seed, *stream])

    def clean_rows(self, n_points):
        """Clean training rows that stay beside `n_points` of poison."""
        if not self.replace:
            return np.arange(len(self.x_tr))
        return np.sort(self.replaced[n_points:])

    def problem(self, n_points, x_fixed=(), y_fixed=()):
        """The core's `Problem` with `n_points` of poison in all, of which
        those given do not move: they count as training rows."""
        kept = torch.as_tensor(self.clean_rows(n_points), device=self.device)
        phi_tr, y_tr = self.phi_tr[kept], self.y_tr[kept]
        if len(x_fixed):
            phi = x_fixed if self.transform is None \
                else self.transform(x_fixed)[0]
            phi_tr, y_tr = torch.cat([phi_tr, phi]), torch.cat([y_tr, y_fixed])
        return Problem(phi_tr, y_tr, self.phi_val, self.y_val, self.y_target,
                       self.transform)

    def poison(self, lmbda, poison_ds=None):
        """The points of a dataset, which may be None, as a `Poison`."""
        if poison_ds is None:
            return Poison(self.x_val[:0], self.y_val[:0], (), lmbda)
        n_points = poison_ds.num_samples
        starts = getattr(poison_ds.header, 'starts', ())
        if len(starts) != n_points:  # not ours, or a selection of ours
            starts = tuple(self.seeds[:n_points].tolist())
        return Poison(to_tensor(poison_ds.X, self.device),
                      signs(poison_ds.Y, self.classes, self.device), starts,
                      lmbda)

    def new_points(self, fixed, n_points, restart=0):
        """The points that `fixed` lacks to `n_points`, where they start.

        Validation points with the label flipped, without repetition. A
        restart shuffles those that are left.
        """
        rows = self.seeds[~np.isin(self.seeds, fixed.starts)]
        if restart:
            rows = self.rng(2, len(fixed.x), restart).permutation(rows)
        starts = rows[:n_points - len(fixed.x)].tolist()
        rows = torch.as_tensor(starts, dtype=torch.long, device=self.device)
        return Poison(self.x_val[rows], -self.y_val[rows], tuple(starts),
                      fixed.lmbda)

    def bounds(self, lb, ub, x_start):
        """Bounds of secml's kinds as tensors; 'x0' is `x_start`, clipped to
        the other bound. None is as far as numbers can be trained on."""
        low, high = (
            to_tensor(CArray(none if is_not_numeric(bound) else bound).ravel(),
                      self.device).ravel().clamp(-LARGEST, LARGEST)
            for bound, none in ((lb, -LARGEST), (ub, LARGEST)))
        x_0 = x_start.clamp(low, high)
        return (x_0 if isinstance(lb, str) else low,
                x_0 if isinstance(ub, str) else high)

    def default_step(self):
        """First step of a point: 0.4 times the training rows' root mean
        square distance from their mean, in input space; 1 if all are equal."""
        centred = self.x_tr - self.x_tr.mean(0)
        return .4 * float(centred.pow(2).sum(1).mean().sqrt()) or 1.
