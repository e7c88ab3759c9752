"""Poisoning points as a file could hold them: whole numbers, categories.

The attack moves points in a box. Afterwards each is projected to the nearest
point with whole numbers where the file has such, and one value for each text
column. From there the points move one at a time, see `.core.single_moves`, and
are evaluated anew.
"""
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import torch

from secml.data import CDataset

from secml_regpoison.convert import to_carray, to_tensor
from secml_regpoison.core import solve
from secml_regpoison.core.single_moves import SingleMoves
from secml_regpoison.quiet import ignoring
from . import attacker, pipeline, retraining, trust
from .box import bound_array
from .evaluation import evaluate_again
from .feasible import feasible_set, filter_of, rows_by_centroid
from .settings import lmbda_bounds


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
            low, high = np.ceil(lb[j]), np.floor(ub[j])
            if low <= high:
                x[:, j] = np.rint(x[:, j]).clip(low, high)
        for group in map(list, self.groups):
            x[:, group] = np.eye(len(group))[
                np.where(ub[group] >= 1, x[:, group], -np.inf).argmax(axis=1)]
        return x.clip(lb, ub)


def hold_to_values(attack, values, k, adv_ds, x):
    """Bring poison to valid values, and evaluate it as `run` does.

    It is projected, and moves from there. It becomes that of the attack, and
    record `k` of its history has the new loss, lambda and verdicts, no loss by
    the solver, and the cost of this, too.

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
        That poison; its header has the lambda that is best for it.
    loss : float
        The attacker's.

    """
    began, began_cpu = time.perf_counter(), time.thread_time()
    box = (np.broadcast_to(bound_array(bound), adv_ds.num_features)
           for bound in (attack.lb, attack.ub))
    data, box = attack._prepare(), list(box)
    y = data.encode(adv_ds.Y)

    def project(x):
        return torch.from_numpy(
            values.project(x.numpy(force=True), *box)).to(x)
    x_p = _pull_into_filter(
        attack, data, to_tensor(adv_ds.X, data.device), y, project)
    x_p, n_trainings, n_hypergradients = _moved(
        attack, data, values, x_p, y, adv_ds.header.lmbda, project)
    poison = CDataset(to_carray(x_p, adv_ds.X.issparse), adv_ds.Y,
                      adv_ds.header)
    y_pred, scores, loss = evaluate_again(attack, k, poison, x)
    record = attack.history[k]
    attack._replace_result(k, poison, replace(
        record, n_trainings=record.n_trainings + n_trainings,
        n_hypergradients=record.n_hypergradients + n_hypergradients,
        seconds=record.seconds + time.perf_counter() - began,
        seconds_cpu=record.seconds_cpu + time.thread_time() - began_cpu))
    return y_pred, scores, poison, loss


def _moved(attack, data, values, x, y, lmbda, project):
    """Points (p, d), labels (p,), after their single moves, and the trainings
    and the hypergradients that these took.

    They stay in a ball, and where trust is learned and nothing is hidden from
    it.
    """
    hides_from_trust = trust.is_learned(attack) \
        and attack.attacker_set is not None
    if attack.dmax is not None or (
            trust.is_learned(attack) and not hides_from_trust):
        return x, 0, 0
    fixed_args, model = trust.hidden_attack(attack) if hides_from_trust \
        else ({}, pipeline.model_class(attack))
    feasible, found, cost = feasible_set(attack, data, x, y), x, (0, 0)
    with ignoring('training stopped at'), suppress(FloatingPointError):
        solution = solve(
            data.problem(len(x)), x, y, feasible=feasible, n_outer=0,
            method='implicit', lmbda_bounds=lmbda_bounds(attack), model=model,
            camouflage=attacker.camouflage_of_moves(attack),
            moves=SingleMoves(values.integers, values.groups), **{
                'lmbda': lmbda, 'learn_lmbda': attack.learn_lmbda,
                **fixed_args})
        found = project(solution.x_p)
        cost = solution.n_trainings, solution.n_evaluations
    # the filter's projection may move points by rounding
    found = torch.where(feasible.contains(found)[:, None], found, x)
    if not hides_from_trust:
        return found, *cost
    # moved while all rows counted alike: the defender may trust them less
    return max((x, found), key=lambda x: retraining.harm(
        attack, data, data.poison_set(lmbda)._replace(x=x, y=y))), *cost


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
