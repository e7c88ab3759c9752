"""One security evaluation for each lambda policy and repetition."""
import os
from dataclasses import dataclass, field
from functools import wraps

import numpy as np

from secml.array import CArray
from secml.adv.seceval import CSecEval
from secml.ml.classifiers import CClassifierLogistic

from secml_regpoison.attack.c_attack_poisoning_minimax_lr import (
    CAttackPoisoningMinimaxLR)
from .policies import clean_cv_lmbda, policy_name
from secml_regpoison.data.splits import split_data
from .parallel import parallel_map


@dataclass(frozen=True)
class Plan:
    """What is the same in each cell of an experiment.

    Attributes
    ----------
    n_points : tuple of int
        Strengths of the attack, in increasing order.
    n_train, n_val : int or None
        See `splits.split_sizes`.
    seed : int
        Repetition r uses seed + r for its split and its attack.
    lmbda_bounds : pair of float
        Bounds of the lambda learned or cross-validated.
    poison_mode : str
        'replace' (poison takes the place of clean rows) or 'append'.
    solver_type : str
        How the attack differentiates: 'rmd', 'fmd' or 'implicit'.
    attack_params : dict
        Further parameters of `.CAttackPoisoningMinimaxLR`.

    """

    n_points: tuple
    n_train: int = None
    n_val: int = None
    seed: int = 0
    lmbda_bounds: tuple = (-8., 11.5)
    poison_mode: str = 'replace'
    solver_type: str = 'rmd'
    attack_params: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One strength of one cell, a line of the CSV.

    Attributes
    ----------
    policy : str
    repetition : int
    n_points : int
    fraction : float
        Share of poison among the rows trained on.
    test_error : float
        Share of test rows that the refitted classifier gets wrong.
    validation_loss : float
        A(w, b; D_val), natural log, as seen by the attack.
    lmbda : float
        Natural log of the L2 strength, C = exp(-lmbda).
    w_norm : float
        Euclidean norm of the weights, without the bias.
    seconds : float
        Time for this strength; the points of the one before are reused.

    """

    policy: str
    repetition: int
    n_points: int
    fraction: float
    test_error: float
    validation_loss: float
    lmbda: float
    w_norm: float
    seconds: float


def default_points(n_train, n_val):
    """Six strengths from none to a sixth of the training rows."""
    step = max(1, min(round(n_train / 30), n_val // 5))
    return tuple(range(0, 5 * step + 1, step))


def check_plan(plan, source, policies):
    """Raise ValueError if a cell of the plan could not be run.

    Parameters are those of `run_cells`; the sizes in `plan` are set.
    """
    most = plan.n_val
    if plan.poison_mode == 'replace':
        most = min(most, plan.n_train - 1)
    if plan.n_points[-1] > most:
        raise ValueError(
            f"`points` must be at most {most} with {plan.n_val} validation "
            f"rows to start from and {plan.n_train} training rows, got "
            f"{plan.n_points[-1]}.")
    split = split_data(source, plan.n_train, plan.n_val, plan.seed)
    rarest = np.bincount(split.train.Y.tondarray()).min()
    if 'clean-cv' in policies and rarest < 5:
        raise ValueError(
            "`train` must give each class at least 5 rows for the 5 folds of "
            f"clean-cv, got {rarest}.")


def run_cells(source, plan, policies, n_repetitions, jobs=1, report=None,
              folder=None):
    """Run each policy on each random split, several at a time.

    Parameters
    ----------
    source : Source
    plan : Plan
    policies : iterable of str or float
        See `policies`.
    n_repetitions : int
    jobs : int, optional
        Number of processes, see `workers.parallel_map`. Default 1.
    report : callable, optional
        Called without arguments after each strength, maybe in another
        process.
    folder : str, optional
        Holds a checkpoint of each cell; what an interrupted run of the same
        plan left there is not computed again. All processes must see it.

    Yields
    ------
    policy : str or float
    repetition : int
    sec_eval_data : CSecEvalData
    rows : list of Row
        Cells come as they are finished.

    """
    return parallel_map((
        (run_cell, split, plan, policy, repetition, report, folder)
        for repetition in range(n_repetitions)
        for split in [split_data(source, plan.n_train, plan.n_val,
                                 plan.seed + repetition)]
        for policy in policies), jobs)


def run_cell(split, plan, policy, repetition, report=None, folder=None):
    """Run one policy on one random split; see `run_cells`."""
    name = f'{policy_name(policy)}_{repetition}.npz'
    recalled = []
    try:
        attack = make_attack(split, plan, policy, plan.seed + repetition)
        attack.run = _reporting(attack, recalled, report)
        sec_eval = CSecEval(attack, 'n_points', CArray(plan.n_points),
                            save_adv_ds=True)
        sec_eval.run_sec_eval(split.test, checkpoint=folder
                              and os.path.join(folder, name))
    except (ValueError, ArithmeticError) as error:
        raise RuntimeError(f"Policy {policy_name(policy)}, repetition "
                           f"{repetition}: {error}") from error
    data = sec_eval.sec_eval_data
    data.time = data.time + CArray(recalled)
    rows = to_rows(data, policy, repetition, split.train.num_samples,
                   plan.poison_mode)
    return policy, repetition, data, rows


def make_attack(split, plan, policy, seed):
    """Build the attack on a logistic regression under the policy."""
    if policy == 'clean-cv':
        lmbda = clean_cv_lmbda(split.train, plan.lmbda_bounds, seed)
    else:
        lmbda = 0. if policy == 'learned' else policy
    return CAttackPoisoningMinimaxLR(
        classifier=CClassifierLogistic(C=float(np.exp(-lmbda))),
        training_data=split.train, val=split.val, lb=split.lb, ub=split.ub,
        learn_lmbda=policy == 'learned', lmbda_bounds=plan.lmbda_bounds,
        poison_mode=plan.poison_mode, solver_type=plan.solver_type,
        batch_size=_batch_size(plan.n_points), random_seed=seed,
        **plan.attack_params)


def _batch_size(n_points):
    """Points optimised together: the least step between two strengths."""
    steps = np.diff(n_points, prepend=0)
    return int(steps[steps > 0].min(initial=max(n_points[-1], 1)))


def _reporting(attack, recalled, report):
    """The attack's `run`, the one thing CSecEval does per strength.

    Appends to `recalled` the seconds that its checkpoint has saved.
    """
    run = attack.run

    @wraps(run)
    def run_and_report(*args, **kwargs):
        result = run(*args, **kwargs)
        recalled.append(attack.history[-1].seconds_from_checkpoint)
        if report is not None:
            report()
        return result
    return run_and_report


def to_rows(sec_eval_data, policy, repetition, n_train, poison_mode):
    """Rows of the CSV, one for each strength."""
    rows = []
    y = sec_eval_data.Y
    for k, n_points in enumerate(sec_eval_data.param_values.tolist()):
        total = n_train + n_points * (poison_mode == 'append')
        header = sec_eval_data.adv_ds[k].header
        rows.append(Row(
            policy=policy_name(policy), repetition=repetition,
            n_points=n_points, fraction=n_points / total,
            test_error=float((sec_eval_data.Y_pred[k] != y).mean()),
            validation_loss=sec_eval_data.fobj[k].item(),
            lmbda=header.lmbda + 0.,  # no -0.0
            w_norm=header.w_norm,
            seconds=sec_eval_data.time[k].item()))
    return rows
