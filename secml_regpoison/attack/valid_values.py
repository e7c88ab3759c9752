"""Poisoning points as a file could hold them: whole numbers, categories.

The attack moves points in a box. Afterwards each is projected to the nearest
point with whole numbers where the file has such, and one value for each text
column, and is evaluated anew.
"""
from dataclasses import dataclass

import numpy as np
import torch

from secml.data import CDataset

from secml_regpoison.convert import to_carray, to_tensor
from .box import bound_array
from .evaluation import evaluate_again
from .feasible import filter_of, rows_by_centroid


@dataclass(frozen=True)
class ValidValues:
    """Values that a point may hold, beside its box.

    Attributes
    ----------
    integers : tuple of int
        Columns of whole numbers.
    groups : tuple of tuple of int
        Columns of which one is 1 and the others are 0.

    """

    integers: tuple = ()
    groups: tuple = ()

    def project(self, x, lb, ub):
        """The nearest points with valid values inside the box.

        A column whose box has no whole number stays as it is. Of a group the
        largest entry becomes 1, of those that may be 1 in the box.

        Parameters
        ----------
        x : ndarray, shape (p, d)
        lb, ub : ndarray, shape (d,)

        Returns
        -------
        ndarray, shape (p, d)

        """
        x = x.copy()
        for j in self.integers:
            least, most = np.ceil(lb[j]), np.floor(ub[j])
            if least <= most:
                x[:, j] = np.rint(x[:, j]).clip(least, most)
        for group in map(list, self.groups):
            x[:, group] = np.eye(len(group))[
                np.where(ub[group] >= 1, x[:, group], -np.inf).argmax(axis=1)]
        return x.clip(lb, ub)


def hold_to_values(attack, values, k, adv_ds, x):
    """Project poison to valid values, and evaluate it as `run` does.

    The projected poison becomes that of the attack, and record `k` of its
    history has the new loss, lambda and verdicts, and no loss by the solver.

    Parameters
    ----------
    attack : CAttackPoisoningMinimax
        With numbers as bounds.
    values : ValidValues
    k : int
    adv_ds : CDataset
        Poison as the `run` of that record returned it.
    x : CArray, shape (n, d)
        Test points.

    Returns
    -------
    y_pred : CArray, shape (n,)
    scores : CArray, shape (n, n_classes)
    adv_ds : CDataset
        The projected poison; its header has the lambda that is best for it.
    loss : float
        The attacker's.

    """
    box = (np.broadcast_to(bound_array(bound), adv_ds.num_features)
           for bound in (attack.lb, attack.ub))
    data, box = attack._prepare(), list(box)
    x_p = _pull_into_filter(
        attack, data, to_tensor(adv_ds.X, data.device),
        data.encode(adv_ds.Y), lambda x: torch.from_numpy(
            values.project(x.numpy(force=True), *box)).to(x))
    poison = CDataset(to_carray(x_p), adv_ds.Y, adv_ds.header)
    y_pred, scores, loss = evaluate_again(attack, k, poison, x)
    return y_pred, scores, poison, loss


def _pull_into_filter(attack, data, x, y, project):
    """Points (p, d), labels (p,), that pass the filter after `project`.

    Those that do not go back, in 16 steps, to the training row of their label
    that is nearest to its centroid.
    """
    clean, found = filter_of(attack, data), project(x)
    if clean is None:
        return found
    passes = clean.for_labels(y)
    typical = next(rows_by_centroid(data, clean, y))
    for share in np.linspace(15 / 16, 0, 16):
        out = ~passes.passes(found)
        found[out] = project(typical + share * (x - typical))[out]
    return found
