"""One security evaluation for each lambda policy and repetition."""
import os
import warnings

import numpy as np

from secml.array import CArray
from secml.adv.seceval import CSecEval
from secml.ml.classifiers import CClassifierLogistic

from secml_regpoison.attack.c_attack_poisoning_minimax_lr import (
    CAttackPoisoningMinimaxLR)
from secml_regpoison.attack.valid_values import ValidValues, hold_to_values
from secml_regpoison.classifier.c_classifier_logistic_torch import (
    CClassifierLogisticTorch)
from secml_regpoison.core.verdicts import SENTENCES
from secml_regpoison.data.splits import split_data
from .cross_validation import cross_validated_lmbda
from .parallel import parallel_map
from .policies import policy_name

CLASSIFIERS = {'logistic': CClassifierLogisticTorch,
               'liblinear': CClassifierLogistic}
# What is measured at each strength. `lmbda` is a natural log, C = exp(-lmbda);
# `validation_loss` is the attacker's A(w, b; D_val), natural log, of the
# trained classifier, `solver_loss` that by the solver, NaN where its points
# were projected to whole numbers or categories; the norm of the weights
# leaves the bias out; `seconds` are those of one strength, which
# continues from the points of the one before; `constant_loss` is that of a
# constant answer, and the columns after it, 0 or 1, are the `Verdicts`.
COLUMNS = ('n_points', 'fraction', 'test_error', 'validation_loss',
           'solver_loss', 'lmbda', 'w_norm', 'w_norm_squared',
           'share_predicted_1', 'share_1', 'n_hypergradients', 'seconds',
           'seconds_cpu', 'constant_loss', *SENTENCES)


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
        same plan left there is not computed again. All processes must see it.

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
        for split in [split_data(source, plan.n_train, plan.n_val,
                                 plan.seed + repetition)]
        for policy in policies), jobs)


def _run_policy(split, plan, policy, repetition, folder):
    """One evaluation of `run_policies`."""
    name = policy_name(policy)
    return name, repetition, *evaluate(
        f'Policy {name}', split, plan, policy, repetition,
        folder and os.path.join(folder, f'{name}_{repetition}.npz'))


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
        See `.CAttackPoisoningMinimaxLR.run`.

    Returns
    -------
    sec_eval_data : CSecEvalData
    result : dict of str to ndarray
        An entry a strength of each of `COLUMNS`, and of `y_pred` and `scores`
        of the classifier that was tested; `x`, `y`, the poison of the last
        strength; `y_test`, the true
        labels; `weights`, those without the bias at the first and at the last
        strength.

    Raises
    ------
    RuntimeError
        If the attack fails.

    """
    try:
        attack = make_attack(split, plan, policy, plan.seed + repetition)
        sec_eval = CSecEval(attack, 'n_points', CArray(plan.n_points),
                            save_adv_ds=True)
        with warnings.catch_warnings():
            # once for all, from `solver_loss`, instead of at each strength
            warnings.filterwarnings('ignore', message='the loss by ')
            sec_eval.run_sec_eval(split.test, checkpoint=checkpoint)
        data = sec_eval.sec_eval_data
        data.time = CArray([run.seconds + run.seconds_from_checkpoint
                            for run in attack.history])
        is_moved = _hold_to_valid_values(attack, split, plan, data)
        result = _measure(attack, data, plan)
        result['solver_loss'] = np.where(
            is_moved, np.nan, result['solver_loss'])
        return data, result
    except (ValueError, ArithmeticError, MemoryError) as error:
        reason = str(error) or 'there is not enough memory'
        raise RuntimeError(
            f'{name}, repetition {repetition}: {reason}') from error


def _hold_to_valid_values(attack, split, plan, data):
    """Project the poison of `data`, and evaluate it again; returns for each
    strength whether points have moved."""
    values = ValidValues(split.integers if plan.integer == 'auto' else (),
                         split.groups)
    poisons, is_moved = data.adv_ds, []
    y_pred, scores, losses = data.Y_pred, data.scores, data.fobj.tondarray()
    for k, poison in enumerate(poisons):
        is_moved.append(bool(values.integers or values.groups)
                        and poison.num_samples > 0)
        if is_moved[k]:
            y_pred[k], scores[k], poisons[k], losses[k] = hold_to_values(
                attack, values, k, poison, split.test.X)
    data.adv_ds, data.Y_pred, data.scores = poisons, y_pred, scores
    data.fobj = CArray(losses)
    return is_moved


def _measure(attack, data, plan):
    """The result of `evaluate`."""
    n_points = data.param_values.tondarray()
    n_appended = n_points * (plan.poison_mode == 'append')
    headers, last = [ds.header for ds in data.adv_ds], data.adv_ds[-1]
    y, y_pred = data.Y.tondarray(), [y.tondarray() for y in data.Y_pred]
    return {name: np.array(values) for name, values in {
        'n_points': n_points,
        'fraction': n_points / (attack.training_data.num_samples
                                + n_appended),
        'test_error': [(pred != y).mean() for pred in y_pred],
        'validation_loss': data.fobj.tondarray(),
        'solver_loss': [run.solver_loss for run in attack.history],
        'lmbda': [header.lmbda + 0. for header in headers],  # no -0.0
        'w_norm': [header.w_norm for header in headers],
        'w_norm_squared': [header.w_norm ** 2 for header in headers],
        'share_predicted_1': [pred.mean() for pred in y_pred],
        'share_1': [y.mean()] * len(y_pred),
        'n_hypergradients': [run.n_hypergradients for run in attack.history],
        'seconds': data.time.tondarray(),
        'seconds_cpu': [run.seconds_cpu for run in attack.history],
        'constant_loss': [run.constant_loss for run in attack.history],
        **{name: [int(getattr(run.verdicts, name)) for run in attack.history]
           for name in SENTENCES},
        'weights': [attack.poisoned_classifier(poison).w.tondarray().ravel()
                    for poison in (data.adv_ds[0], last)],
        'x': last.X.tondarray(), 'y': last.Y.tondarray(),
        'y_test': y, 'y_pred': y_pred,
        'scores': [scores.tondarray() for scores in data.scores]}.items()}


def make_records(result, **identity):
    """Lines of a CSV, a dict of plain numbers and text for each strength.

    Parameters
    ----------
    result : dict
        What `evaluate` returned.
    **identity
        Columns before the measured ones, the same in each record.

    """
    return [{**identity, **{name: result[name][k].item() for name in COLUMNS}}
            for k in range(len(result['n_points']))]


def make_attack(split, plan, policy, seed):
    """Build the attack on a logistic regression under the policy."""
    clf = CLASSIFIERS[plan.classifier](preprocess=plan.preprocess)
    if policy == 'clean-cv':
        lmbda = cross_validated_lmbda(split.train, clf, plan.lmbda_bounds,
                                      seed)
    else:
        lmbda = 0. if policy == 'learned' else policy
    clf.C = float(np.exp(-lmbda))
    return CAttackPoisoningMinimaxLR(
        clf, split.train, split.val, lb=split.lb, ub=split.ub,
        learn_lmbda=policy == 'learned', lmbda_bounds=plan.lmbda_bounds,
        poison_mode=plan.poison_mode, solver_type=plan.solver_type,
        batch_size=_batch_size(plan.n_points), random_seed=seed,
        **plan.attack_params)


def _batch_size(n_points):
    """Points optimised together: the smallest step between strengths."""
    steps = np.diff(n_points, prepend=0)
    return int(steps[steps > 0].min(initial=max(n_points[-1], 1)))
