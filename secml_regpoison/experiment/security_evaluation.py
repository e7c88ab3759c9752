"""One security evaluation for each lambda policy and repetition."""
import os
from dataclasses import replace

import numpy as np

from secml.array import CArray
from secml.adv.seceval import CSecEval

from secml_regpoison.attack.checkpoint import AnotherProblem
from secml_regpoison.attack.valid_values import ValidValues, hold_to_values
from secml_regpoison.core.linalg import SingularHessian
from secml_regpoison.core.verdicts import has_given_up
from secml_regpoison.data.splits import split_data
from secml_regpoison.quiet import ignoring
from .cross_validation import cross_validate
from .filters import filter_split
from .grey_box import evaluate_on_trusted, with_attacker_rows
from .measures import measure
from .parallel import parallel_map
from .plan import expected_strength
from .policies import TRUSTED, is_own, policy_name, without_own
from .policy_attack import make_attack


def run_policies(source, plan, policies, n_repetitions, jobs=1, folder=None):
    """Run each policy on each random split, several at a time.

    Parameters
    ----------
    source : Source
    plan : Plan
    policies : iterable of str or float
        See `policies`.
    n_repetitions : int
    jobs : int, optional
        Number of processes, see `parallel_map`. Default 1.
    folder : str, optional
        Holds a checkpoint of each evaluation; what an interrupted run of the
        same plan left there is not computed again, nor what one with other
        strengths left, where the box of the points is the same. All processes
        must see it.

    Yields
    ------
    policy : str
        See `policy_name`.
    repetition : int
    sec_eval_data : CSecEvalData
    result : dict
        See `evaluate`. Evaluations come as they are finished.

    """
    return parallel_map((
        (_run_policy, split, plan, policy, repetition, folder)
        for repetition in range(n_repetitions)
        for split in [prepare_split(split_data(
            source, plan.n_train, plan.n_val, plan.seed + repetition),
            plan, plan.seed + repetition, policies)]
        for policy in policies), jobs)


def prepare_split(split, plan, seed, policies=()):
    """The split as the attacker and the filter of the plan leave it;
    ValueError where the attacker has too few rows for the policies."""
    if plan.attacker == 'grey':
        split = with_attacker_rows(split, seed, policies)
    return filter_split(split, plan.filter, plan.preprocess)


def _run_policy(split, plan, policy, repetition, folder):
    """One evaluation of `run_policies`."""
    name = policy_name(policy)
    try:
        return name, repetition, *evaluate(
            f'Policy {name}', split, plan, policy, repetition,
            folder and os.path.join(folder, f'{name}_{repetition}.npz'))
    except RuntimeError as error:
        if not isinstance(error.__cause__, SingularHessian):
            raise
        raise RuntimeError(f'{error} Type larger --lmbda-bounds, larger '
                           'numbers in --policies, or another --scale.'
                           ) from error


def evaluate(name, split, plan, policy, repetition, checkpoint=None):
    """Run one security evaluation: one policy on one split.

    Parameters
    ----------
    name : str
        Name of the evaluation in errors, to which the repetition is added.
    split : Split
    plan : Plan
    policy : str or float
        See `policies`.
    repetition : int
    checkpoint : str, optional
        See `.CAttackPoisoningMinimax.run`.

    Returns
    -------
    sec_eval_data : CSecEvalData
    result : dict of str to ndarray
        An entry a strength of each of `measures.columns(n_classes)`, and of
        `y_pred` and `scores` of the classifier that was tested; `x`, `y`, the
        poison of the last strength; `y_test`, the true labels; `weights`,
        those without the bias at the first and at the last strength. Under
        'trusted-only' there is no poison, and all strengths are alike.

    Raises
    ------
    RuntimeError
        If the attack fails.

    """
    if is_own(policy):
        policy = without_own(policy)
        plan = replace(plan, attacker='own', n_points=(
            plan.n_points[expected_strength(plan)],))
    try:
        is_grey = plan.attacker == 'grey' and policy != TRUSTED
        attack = make_attack(
            replace(split, val=split.attacker) if is_grey else split, plan,
            policy, plan.seed + repetition)
        if policy == TRUSTED:
            data, runs = _run_trusted_only(attack, split, plan)
            return data, measure(attack, data, split, plan, policy, runs)
        data = _run_attack(attack, split, plan.n_points, checkpoint)
        _hold_to_valid_values(attack, split, plan, data)
        if is_grey:  # after all that the attacker does
            evaluate_on_trusted(attack, split, data)
        return data, measure(attack, data, split, plan, policy, attack.history)
    except (ValueError, ArithmeticError, MemoryError) as error:
        reason = str(error) or 'there is not enough memory'
        raise RuntimeError(
            f'{name}, repetition {repetition}: {reason}') from error


def _run_attack(attack, split, n_points, checkpoint=None):
    """The `CSecEvalData` of an attack at the strengths `n_points`."""
    sec_eval = CSecEval(attack, 'n_points', CArray(n_points),
                        save_adv_ds=True)
    # once for all, from `solver_loss`, instead of at each strength
    with ignoring('the loss by '):
        try:
            sec_eval.run_sec_eval(split.test, checkpoint=checkpoint)
        except AnotherProblem as error:
            if not error.names <= {'lb', 'ub'}:
                raise
            os.remove(checkpoint)  # of other strengths, with another box
            sec_eval.run_sec_eval(split.test, checkpoint=checkpoint)
    data = sec_eval.sec_eval_data
    data.time = _seconds(attack)
    return data


def _seconds(attack):
    """What each of the attack's runs took, a vector."""
    return CArray([run.seconds + run.seconds_from_checkpoint
                   for run in attack.history])


def _run_trusted_only(attack, split, plan):
    """One classifier for all strengths: its `CSecEvalData`, and the
    `RunRecord` of each; the first one has the costs."""
    data, n = _run_attack(attack, split, (0,)), len(plan.n_points)
    run, = attack.history
    # the loss on the rows that it is trained on would say nothing
    loss = float(cross_validate(split.val, attack.classifier, [attack.lmbda],
                                attack.random_seed)[0][0])
    gave_up = not np.isnan(loss) and has_given_up(loss, run.constant_loss)
    harm = loss if attack.attacker_set is None else run.loss
    run = replace(run, loss=harm, val_loss=loss, solver_loss=np.nan,
                  verdicts=replace(run.verdicts, gave_up=gave_up))
    data.param_values, data.fobj = plan.n_points, CArray([harm] * n)
    data.time = CArray([run.seconds] + [0.] * (n - 1))
    data.Y_pred, data.scores, data.adv_ds = (
        values * n for values in (data.Y_pred, data.scores, data.adv_ds))
    free = replace(run, seconds=0., seconds_cpu=0., n_hypergradients=0,
                   n_trainings=0)
    return data, (run,) + (free,) * (n - 1)


def _hold_to_valid_values(attack, split, plan, data):
    """Project the poison of `data`, and evaluate it again."""
    values = ValidValues(split.integers if plan.integer == 'auto' else (),
                         split.groups)
    if not (values.integers or values.groups):
        return
    losses = data.fobj.tondarray()
    for k, poison in enumerate(data.adv_ds):
        if poison.num_samples:
            data.Y_pred[k], data.scores[k], data.adv_ds[k], losses[k] = \
                hold_to_values(attack, values, k, poison, split.test.X)
    data.fobj, data.time = CArray(losses), _seconds(attack)
