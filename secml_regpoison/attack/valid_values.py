"""Poisoning points as a file could hold them: whole numbers, categories.

The attack moves points in a box. Afterwards each is projected to the nearest
point with whole numbers where the file has such, and one value for each text
column, and is evaluated anew.
"""
from dataclasses import dataclass, replace

import numpy as np

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

from secml_regpoison.convert import to_float64
from . import retraining, verdict


@dataclass(frozen=True)
class ValidValues:
    """What a point may hold, beside its box.

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
    history has the new loss, lambda and verdicts.

    Parameters
    ----------
    attack : CAttackPoisoningMinimaxLR
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
    scores : CArray, shape (n, 2)
    adv_ds : CDataset
        The projected poison; its header has the lambda that is best for it.
    loss : float
        The attacker's.

    """
    data, header = attack._prepare(), adv_ds.header.get_params()
    poison = CDataset(
        CArray(values.project(adv_ds.X.tondarray(), *_box(attack))), adv_ds.Y,
        adv_ds.header)
    if attack.learn_lmbda:
        header['lmbda'] = retraining.best_lmbda(
            attack, data, data.poison_set(header['lmbda'], poison),
            is_known=False)
    poison.header = CDatasetHeader(**header)
    clf = retraining.fit_classifier(attack, data, poison)
    indices, scores = clf.predict(
        to_float64(x), return_decision_function=True)
    y_pred = data.classes[indices]
    losses = retraining.validation_losses(attack, data, clf)
    attack._poison, attack._lmbda = poison, header['lmbda']
    record = attack.history[k]
    verdicts = replace(
        verdict.judge(attack, data, losses, y_pred),
        budget_hit=record.verdicts.budget_hit)
    header.update(w_norm=float(clf.w.norm()), verdicts=verdicts.names())
    poison.header = CDatasetHeader(**header)
    attack._history = (*attack.history[:k], replace(
        record, loss=losses.attacker, lmbda=header['lmbda'],
        verdicts=verdicts), *attack.history[k + 1:])
    return y_pred, scores, poison, losses.attacker


def _box(attack):
    """Lower and upper bound of each feature."""
    return (np.broadcast_to(CArray(bound).tondarray().ravel(),
                            attack.training_data.num_features)
            for bound in (attack.lb, attack.ub))
