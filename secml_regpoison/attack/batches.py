"""The batches of an attack: points that are optimised together."""
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from secml_regpoison.core import solve
from secml_regpoison.core.minimax import default_step
from secml_regpoison.validation import check_number, check_poison
from . import pipeline, settings
from .poisoning_data import PoisonSet


class IterateRecord(NamedTuple):
    """Points (p, d), lambda and the attacker's loss at an outer iterate."""

    x_p: torch.Tensor
    lmbda: float
    value: float


@dataclass(frozen=True)
class Batch:
    """Points that were optimised together with lambda, and how.

    x, y, starts : points (p, d), signs (p,), validation rows they started at.
    lmbda, value : the defender's lambda, and the attacker's loss there.
    f_seq, lmbda_seq, path : loss, lambda and points at each outer iterate,
    (n_iter,), (n_iter,) and (n_iter, p, d). n_trainings, n_evaluations,
    seconds : its cost, restarts included. converged : it did not end by the
    number of its steps.
    """

    x: torch.Tensor
    y: torch.Tensor
    starts: tuple
    lmbda: float
    value: float
    f_seq: tuple
    lmbda_seq: tuple
    path: torch.Tensor
    n_trainings: int = 0
    n_evaluations: int = 0
    seconds: float = 0.
    converged: bool = False

    @classmethod
    def of(cls, start, iterates, end, **cost):
        """The batch from the `PoisonSet` `start`, over `iterates`, to `end`
        (one of them, or a `Solution`)."""
        x, lmbda, value = zip(*iterates)
        return cls(end.x_p, start.y, start.starts, end.lmbda, end.value, value,
                   lmbda, torch.stack(x),
                   converged=getattr(end, 'converged', False), **cost)

    def append_to(self, fixed):
        """The `PoisonSet` of earlier batches and this one."""
        return PoisonSet(torch.cat([fixed.x, self.x]),
                         torch.cat([fixed.y, self.y]),
                         fixed.starts + self.starts, self.lmbda)


def plan(attack, data, ds_init):
    """The points that a run holds fixed, and the `batch_ends`: how many
    points there are after each of its batches."""
    fixed, is_new = _fixed_points(attack, data, ds_init)
    n_fixed, n_points = len(fixed.x), attack.n_points or 0
    batch_ends = [min(k + attack.batch_size, n_points)
                  for k in range(n_fixed, n_points, attack.batch_size)]
    if not batch_ends or (is_new and attack.learn_lmbda):
        batch_ends.insert(0, n_fixed)  # lambda alone
    return fixed, batch_ends


def _fixed_points(attack, data, ds_init):
    """Points and lambda to start a run from, and whether they are new: not
    the rest of `ds_init`."""
    lmbda = settings.start_lmbda(attack)
    header = getattr(ds_init, 'header', None)
    problem_id = settings.problem_id(attack)
    is_other = getattr(header, 'problem_id', problem_id) != problem_id
    if is_other:
        attack.logger.info('ds_init was made for other settings: its points '
                           'are not kept')
    if ds_init is None or is_other:
        return data.poison_set(lmbda), True
    check_poison('ds_init', ds_init, attack)
    if attack.learn_lmbda and hasattr(header, 'lmbda'):
        # where the search ended: in stages as in one go
        name = 'search_lmbda' if hasattr(header, 'search_lmbda') else 'lmbda'
        lmbda = getattr(header, name)
        check_number(f'ds_init.header.{name}', lmbda, math.isfinite,
                     'a finite number')
    poison = data.poison_set(lmbda, ds_init)
    if 0 < (attack.n_points or 0) <= len(poison.x):
        settings.warn_of_other_search(header, attack)
    return poison.first(attack.n_points or 0), False


def make_batches(attack, data, poison, batch_ends, checkpoint):
    """Add points to `poison` up to each of `batch_ends`, batch by batch.

    A batch is saved after the caller has taken it. After Ctrl-C in the middle
    of a batch its best iterate is yielded, then KeyboardInterrupt is raised.

    Yields
    ------
    poison : PoisonSet
        All points so far.
    batch : Batch
        The last of them.
    is_read : bool
        Whether the batch was read from the checkpoint.

    """
    for batch_end in batch_ends:
        key = checkpoint.key(poison, batch_end)
        batch, interrupt = checkpoint.get(key), None
        is_read = batch is not None
        if not is_read:
            batch, interrupt = optimise_batch(attack, data, poison, batch_end)
        poison = batch.append_to(poison)
        yield poison, batch, is_read
        if interrupt is not None:
            raise interrupt
        checkpoint.put(key, batch)


def optimise_batch(attack, data, fixed, n_points):
    """The `Batch` that `fixed` lacks to `n_points`, and None.

    After Ctrl-C the best of the batch so far and the KeyboardInterrupt, which
    is raised if there is no iterate yet.
    """
    problem = data.problem(n_points, fixed.x, fixed.y)
    began, restarts, iterates, stop = time.perf_counter(), [], [], None
    try:
        for start in restart_points(attack, data, fixed, n_points):
            iterates = []
            end = solve_from(attack, data, problem, start, iterates)
            restarts.append(Batch.of(
                start, iterates, end, n_trainings=end.n_trainings,
                n_evaluations=end.n_evaluations))
    except KeyboardInterrupt as interrupt:
        stop = interrupt
        if iterates:
            restarts.append(Batch.of(start, iterates,
                                     _best(attack, iterates)))
        if not restarts:
            raise
    return replace(
        _best(attack, restarts), seconds=time.perf_counter() - began,
        n_trainings=sum(batch.n_trainings for batch in restarts),
        n_evaluations=sum(batch.n_evaluations for batch in restarts)), stop


def _best(attack, candidates):
    """The one with the attacker's best `value`; the first of equals."""
    upward = 1 if attack.y_target is None else -1
    return max(candidates, key=lambda candidate: upward * candidate.value)


def restart_points(attack, data, fixed, n_points):
    """Yield the `PoisonSet` that each restart of a batch begins with."""
    n_restarts = attack.n_restarts if n_points > len(fixed.x) else 0
    for restart in range(n_restarts + 1):
        start = data.new_points(fixed, n_points, restart)
        if restart and attack.learn_lmbda:
            start = start._replace(lmbda=data.rng(
                3, len(fixed.x), restart).uniform(*attack.lmbda_bounds))
        yield start


def solve_from(attack, data, problem, start, iterates):
    """The core's `Solution` from the points and lambda of `start`; appends an
    `IterateRecord` to `iterates` at each outer iterate."""
    def record(iterate):
        attack.logger.info(f'iterate {len(iterates)}: loss '
                           f'{iterate.value:.6f}, lmbda {iterate.lmbda:.3f}')
        iterates.append(IterateRecord(
            iterate.x_p, iterate.lmbda, iterate.value))

    lb, ub = data.bounds(attack.lb, attack.ub, start.x)
    return solve(
        problem, start.x, start.y, start.lmbda, lb, ub, dmax=attack.dmax,
        distance=attack.distance, learn_lmbda=attack.learn_lmbda,
        lmbda_bounds=tuple(map(float, attack.lmbda_bounds)), callback=record,
        method=attack.solver_type, model=pipeline.model_class(attack),
        **{**attack.solver_params, 'step': attack.solver_params.get('step')
           or default_step(data.x_tr)})


@contextmanager
def explain_ctrl_c(attack, n_points, checkpoint):
    """Say in a KeyboardInterrupt what the attack has kept, and where."""
    try:
        yield
    except KeyboardInterrupt:
        message = f'`run` was stopped on the way to {n_points} points'
        if attack.adv_ds is not None:
            message += (
                '; the best so far are in `adv_ds` of the attack: '
                f'{attack.adv_ds.num_samples} points, loss '
                f'{attack.f_opt:.4f}, lmbda {attack.adv_ds.header.lmbda:.3f}')
        if checkpoint is not None:
            message += ('; the same call continues from the last whole batch '
                        f"in '{checkpoint}'")
        raise KeyboardInterrupt(f'{message}.') from None
