"""Security evaluations of pairs of classes, as cells.

A cell is one data set, split, policy and solver. All figures of one folder
share these cells: what one of them has computed is not computed again by the
next one with `resume`.
"""
from typing import Callable, NamedTuple

from secml_regpoison.data.splits import split_sizes
from secml_regpoison.experiment.measures import make_records
from secml_regpoison.experiment.plan import Plan, default_points
from secml_regpoison.experiment.policy_attack import solver_of
from secml_regpoison.experiment.security_evaluation import (
    evaluate, prepare_split)
from .config import PAIRS
from .sources import check_title, load_pair, load_split, pair_title


class AttackCell(NamedTuple):
    """A cell, see `experiment.cells`: `attack_cell` and its arguments."""

    function: Callable
    data: str
    title: str
    plan: Plan
    policy: str
    repetition: int


def make_plan(settings, solver, data, **solver_params):
    """The `Plan` of the settings of a figure for one data set: the paper's
    classifier, labels and, without `joint`, batches.

    Sizes and strengths that are None become those of the command `sec-eval`.
    """
    n_train, n_val = settings.n_train, settings.n_val
    if n_train is None:
        n_train, n_val = split_sizes(load_pair(data))
    solver_params = {**dict(settings.solver_params), **solver_params}
    return Plan(
        n_points=settings.n_points or default_points(n_train),
        n_train=n_train, n_val=n_val, lmbda_bounds=settings.lmbda_bounds,
        preprocess=load_pair(data).preprocess, solver_type=solver,
        attack_params={'joint': settings.joint,
                       'solver_params': solver_params})


def attack_cells(settings, solver, **solver_params):
    """Cells of a figure: its data sets, splits and policies.

    Those of a data set follow each other: a process reads it once.
    """
    return [AttackCell(attack_cell, data, pair_title(data), plan, policy,
                       repetition)
            for data in settings.data
            for plan in [make_plan(settings, solver, data, **solver_params)]
            for repetition in range(settings.n_splits)
            for policy in settings.policies]


def attack_cell(data, title, plan, policy, repetition):
    """One security evaluation.

    Parameters
    ----------
    data : str
        Any of `config.PAIRS`.
    title : str
        Result of `pair_title` where the figure is drawn.
    plan : Plan
    policy : str
        'small' or 'large', the lambdas held fixed on the data, or any of
        `experiment.policies`.
    repetition : int

    Returns
    -------
    dict
        See `security_evaluation.evaluate`.

    Raises
    ------
    RuntimeError
        If the data on this machine is another (a stand-in, or not), or the
        attack fails.

    """
    check_title(data, title)
    lmbda = {'small': PAIRS[data].small, 'large': PAIRS[data].large}
    return evaluate(
        f'{title}, {plan.solver_type}, {policy}',
        prepare_split(load_split(data, plan, repetition), plan,
                      plan.seed + repetition),
        plan, lmbda.get(policy, policy), repetition)[1]


def records_of(cell, result):
    """Records of a cell, one a strength, see `make_records`."""
    return make_records(
        result, data=cell.title, solver=solver_of(cell.plan, cell.policy),
        policy=cell.policy, repetition=cell.repetition)


def all_records(cells, compute):
    """Records of all cells."""
    return named_records([({}, cell) for cell in cells], compute)


def named_records(named, compute):
    """Records of cells that come with further columns, a dict each."""
    results = compute([cell for _, cell in named])
    return [{**record, **columns}
            for (columns, cell), result in zip(named, results)
            for record in records_of(cell, result)]
