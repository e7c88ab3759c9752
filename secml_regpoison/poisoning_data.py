"""An attack's datasets as tensors, and its orders of rows."""
import numpy as np
import torch

from secml.array import CArray

from .checks import resolve_device
from .convert import feature_map, signs, to_tensor
from .core import Problem


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
        Poisoning point j starts at validation row ``seeds[j]`` and, in the
        mode 'replace', takes the place of training row ``replaced[j]``.

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
            preprocess = preprocess.deepcopy().fit(tr.X, tr.Y)
            self.phi_tr = to_tensor(preprocess.transform(tr.X), self.device)
            self.phi_val = to_tensor(preprocess.transform(val.X), self.device)
        self.transform = feature_map(preprocess)
        self.seed = seed
        self.seeds = self.rng(0).permutation(val.num_samples)
        self.replaced = self.rng(1).permutation(tr.num_samples)

    def rng(self, *stream):
        """A generator of its own for each stream of numbers."""
        return np.random.default_rng([self.seed, *stream])

    def kept_rows(self, n_points):
        """Clean training rows that stay beside `n_points` of poison."""
        if not self.replace:
            return np.arange(len(self.x_tr))
        return np.sort(self.replaced[n_points:])

    def problem(self, n_points, x_fixed, y_fixed):
        """The core's `Problem` with `n_points` of poison in all, of which
        those given do not move: they count as training rows."""
        kept = torch.as_tensor(self.kept_rows(n_points), device=self.device)
        phi_tr, y_tr = self.phi_tr[kept], self.y_tr[kept]
        if len(x_fixed):
            phi = x_fixed if self.transform is None \
                else self.transform(x_fixed)[0]
            phi_tr, y_tr = torch.cat([phi_tr, phi]), torch.cat([y_tr, y_fixed])
        return Problem(phi_tr, y_tr, self.phi_val, self.y_val, self.y_target,
                       self.transform)

    def starts(self, n_fixed, n_points, restart=0):
        """Starting points `n_fixed` to `n_points`, and their labels.

        Validation points with the label flipped, without repetition. A
        restart shuffles those not used yet.
        """
        rows = self.seeds[n_fixed:]
        if restart:
            rows = self.rng(2, n_fixed, restart).permutation(rows)
        rows = torch.as_tensor(rows[:n_points - n_fixed].copy(),
                               device=self.device)
        return self.x_val[rows], -self.y_val[rows]

    def bounds(self, lb, ub, x_start):
        """Bounds of secml's kinds as tensors; 'x0' is `x_start`."""
        return tuple(
            bound if bound is None else x_start if isinstance(bound, str)
            else to_tensor(CArray(bound).ravel(), self.device).ravel()
            for bound in (lb, ub))

    def default_step(self):
        """First step of a point: 0.4 times the training rows' root mean
        square distance from their mean, in input space."""
        centred = self.x_tr - self.x_tr.mean(0)
        return .4 * float(centred.pow(2).sum(1).mean().sqrt())
