"""Security evaluations of pairs of classes, as cells.

A cell is one data set, split, policy and solver. All figures of one folder
share these cells: an attack that one of them has computed is not computed
again by the next one with `resume`.
"""
import os

import numpy as np

from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset

from secml_regpoison.experiment.security_evaluation import (
    Plan, default_points, make_attack, to_rows)
from secml_regpoison.experiment.cells import clear_cache, run_cells
from .config import PAIRS
from .sources import check_title, load_pair, load_split, pair_title
from secml_regpoison.data.splits import split_sizes

# Columns of each CSV, in order. A policy goes by its name in `settings`.
COLUMNS = ('data', 'solver', 'policy', 'repetition', 'n_points', 'fraction',
           'test_error', 'validation_loss', 'lmbda', 'w_norm',
           'w_norm_squared', 'share_predicted_1', 'share_1',
           'n_hypergradients', 'seconds', 'seconds_cpu')


def attacks_folder(out):
    """Make the folder of the cells, which all figures in `out` share."""
    folder = os.path.join(out, 'attacks.cells')
    os.makedirs(folder, exist_ok=True)
    return folder


def compute(cells, out, jobs, resume):
    """Results of cells, in their order; see `cells.run_cells`.

    Without `resume` each of them is computed again; those of other figures
    stay as they are.
    """
    folder = attacks_folder(out)
    if not resume:
        clear_cache(cells, folder)
    return run_cells(cells, folder, jobs)


def make_plan(settings, solver, data, **solver_params):
    """The `Plan` of the settings of a figure for one data set.

    Sizes and strengths that are None become those of the command `sec-eval`.
    """
    n_train, n_val = settings.n_train, settings.n_val
    if n_train is None:
        n_train, n_val = split_sizes(load_pair(data))
    solver_params = {**dict(settings.solver_params), **solver_params}
    return Plan(
        n_points=settings.n_points or default_points(n_train, n_val),
        n_train=n_train, n_val=n_val, lmbda_bounds=settings.lmbda_bounds,
        solver_type=solver,
        attack_params={'solver_params': solver_params} if solver_params
        else {})


def attack_cells(settings, solver):
    """Cells of a figure: its data sets, splits and policies.

    Those of a data set follow each other: a process reads it once.
    """
    return [(attack_cell, data, pair_title(data), plan, policy, repetition)
            for data in settings.data
            for plan in [make_plan(settings, solver, data)]
            for repetition in range(settings.n_splits)
            for policy in settings.policies]


def policy_lmbda(data, policy):
    """What `experiment` calls a policy of the figures."""
    return {'small': PAIRS[data].small, 'large': PAIRS[data].large}.get(
        policy, policy)


def attack_cell(data, title, plan, policy, repetition):
    """One security evaluation.

    Parameters
    ----------
    data : str
        Any of `settings.PAIRS`.
    title : str
        What `pair_title` says where the figure is drawn.
    plan : Plan
    policy : str
        'small', 'large', 'clean-cv' or 'learned'.
    repetition : int

    Returns
    -------
    dict
        The measured `COLUMNS`, an entry a strength; `poison_x`, `poison_y`,
        the poison of the last strength; `weights` (2, d), those of the
        refitted classifier without poison and with all of it.

    Raises
    ------
    RuntimeError
        If the data on this machine is another (a stand-in, or not), or the
        attack fails.

    """
    check_title(data, title)
    split = load_split(data, plan, repetition)
    attack = make_attack(split, plan, policy_lmbda(data, policy),
                         plan.seed + repetition)
    try:
        evaluated, measured = _evaluate(attack, plan.n_points, split.test)
    except (ValueError, ArithmeticError) as error:
        raise RuntimeError(
            f'{title}, {plan.solver_type}, {policy}, repetition '
            f'{repetition}: {error}') from error
    rows = to_rows(evaluated, policy, repetition, split.train.num_samples,
                   plan.poison_mode)
    weights, last = measured.pop('weights'), evaluated.adv_ds[-1]
    return {
        **{name: [getattr(row, name) for row in rows] for name in (
            'n_points', 'fraction', 'test_error', 'validation_loss', 'lmbda',
            'w_norm', 'seconds')},
        **measured,
        'share_predicted_1': [y.mean() for y in evaluated.Y_pred],
        'share_1': [split.test.Y.mean()] * len(rows),
        'poison_x': last.X.tondarray(), 'poison_y': last.Y.tondarray(),
        'weights': np.stack([weights[0], weights[-1]])}


def _evaluate(attack, n_points, test):
    """`CSecEvalData` of the strengths, and what was measured at each."""
    sec_eval = CSecEval(attack, 'n_points', CArray(n_points),
                        save_adv_ds=True)
    sec_eval.run_sec_eval(test)
    evaluated = sec_eval.sec_eval_data
    return evaluated, {
        **{name: [getattr(record, name) for record in attack.history]
           for name in ('n_hypergradients', 'seconds_cpu')},
        'weights': [attack.poisoned_classifier(poison).w.tondarray().ravel()
                    for poison in evaluated.adv_ds]}


def poison_of(result):
    """The poison of a cell's result, a CDataset."""
    return CDataset(CArray(result['poison_x']), CArray(result['poison_y']))


def make_rows(cells, results):
    """Lines of a CSV, one for each cell and strength, as dicts.

    Parameters
    ----------
    cells : list of tuple
        ``(attack_cell, data, title, plan, policy, repetition)``.
    results : list of dict
        What `attack_cell` returned for each.

    """
    rows = []
    for (_, _, title, plan, policy, repetition), result in zip(
            cells, results):
        for k, n_points in enumerate(result['n_points'].tolist()):
            row = {'data': title, 'solver': plan.solver_type,
                   'policy': policy, 'repetition': repetition,
                   **{name: result[name][k].item() for name in COLUMNS
                      if name in result}}
            row['w_norm_squared'] = row['w_norm'] ** 2
            rows.append({name: row[name] for name in COLUMNS})
    return rows
