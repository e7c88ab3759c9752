"""The batches of an attack: points that are optimised together.

With `joint` a strength is one batch of all points, those before included.
"""
import itertools
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from secml_regpoison.core import solve
from secml_regpoison.core.single_moves import SingleMoves
from . import attacker, pipeline, retraining, trust
from .feasible import feasible_set
from .poisoning_data import PoisonSet
from .settings import lmbda_bounds, outer_steps, sign_of, training_of


class IterateRecord(NamedTuple):
    """Points (p, d), lambda and the attacker's loss of an iterate."""

    x_p: torch.Tensor
    lmbda: float
    value: float


@dataclass(frozen=True)
class Batch:
    """Points that were optimised together with lambda, and how.

    x, y, starts : points (p, d), signs (p,), validation rows they started at.
    lmbda, value : the defender's lambda, and the attacker's loss there.
    f_seq, lmbda_seq, path : loss, lambda and points of every iterate recorded,
    (n_iter,), (n_iter,) and (n_iter, p, d). n_trainings, n_evaluations,
    seconds : its cost, restarts included. converged : it ended before the
    number of its steps. camouflage : the value that was kept.
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
    camouflage: float = 0.

    @classmethod
    def of(cls, start, iterates, end, **cost):
        """The batch from the `PoisonSet` `start`, over `iterates`, to `end`
        (one of them, or a `Solution`)."""
        x, lmbda, value = zip(*iterates)
        return cls(end.x_p, start.y, start.starts, end.lmbda, end.value, value,
                   lmbda, torch.stack(x), **cost)

    def append_to(self, held):
        """The `PoisonSet` of the points that were held and these."""
        return held.append(PoisonSet(self.x, self.y, self.starts, self.lmbda))


def grouping(attack):
    """Names of the settings that say which points move together: those that
    all do have no batches."""
    return ('joint',) if attack.joint else ('batch_size', 'joint')


def make_batches(attack, data, poison, batch_ends, y_new, checkpoint):
    """Add points to `poison` up to each of `batch_ends`, batch by batch.

    `y_new` are the signs of the points that are added, or None, see
    `.poison_labels`.

    A batch is saved after the caller has taken it. After Ctrl-C in the middle
    of a batch its best iterate is yielded, then KeyboardInterrupt is raised.

    Yields
    ------
    poison, batch : PoisonSet, Batch
        All points so far, and the last of them.
    is_read : bool
        Whether the batch was read from the checkpoint.
    """
    n_before = len(poison.x)
    for batch_end in batch_ends:
        y = None if y_new is None else y_new[len(poison.x) - n_before:
                                             batch_end - n_before]
        key = checkpoint.key(poison, batch_end, y)
        batch, interrupt = checkpoint.batches.get(key), None
        is_read = batch is not None
        if not is_read:
            batch, interrupt = optimise_batch(
                attack, data, poison, batch_end, y, attack.n_restarts,
                attacker.camouflages(attack, batch_end))
        poison = batch.append_to(held_points(attack, poison))
        yield poison, batch, is_read
        if interrupt is not None:
            raise interrupt
        checkpoint.put(key, batch)


def held_points(attack, poison):
    """The points before a batch that do not move with it."""
    return poison.first(0) if attack.joint else poison


def optimise_batch(attack, data, poison, n_points, y_new, n_restarts,
                   camouflages, **settings):
    """The `Batch` that takes `poison` to `n_points`, and None.

    After Ctrl-C the best of it so far and the KeyboardInterrupt, which is
    raised if there is no iterate yet. Each start is tried with each of
    `camouflages` and of `.pipeline.first_models`; the result that harms the
    evaluated classifier most is kept: by its loss, on rows of its own by
    errors, as a model has more loss for being surer of a few. `settings` go to
    `solve`.
    """
    held = held_points(attack, poison)
    problem = data.problem(n_points, held.x, held.y)
    began, restarts, iterates, stop = time.perf_counter(), [], [], None
    try:
        starts = attacker.starts(attack, data, problem, held, restart_points(
            attack, data, poison, n_points, y_new, n_restarts))
        models = pipeline.first_models(attack, n_points - len(held.x))
        for start, camouflage, first in (
                (start, *way) for start in starts
                for way in itertools.product(camouflages, models)):
            iterates = []
            end = solve_from(attack, data, problem, start, iterates, first,
                             camouflage=camouflage, **settings)
            restarts.append(Batch.of(
                start, iterates, end, n_trainings=end.n_trainings,
                n_evaluations=end.n_evaluations, converged=end.converged,
                camouflage=camouflage))
    except KeyboardInterrupt as interrupt:
        stop = interrupt
        if iterates:
            restarts.append(Batch.of(start, iterates, max(
                iterates, key=lambda here: sign_of(attack) * here.value)))
        if not restarts:
            raise

    best = restarts[0] if len(restarts) == 1 else max(
        restarts, key=lambda batch: retraining.harm(
            attack, data, batch.append_to(held)))
    return replace(
        best, seconds=time.perf_counter() - began,
        n_trainings=sum(batch.n_trainings for batch in restarts),
        n_evaluations=sum(batch.n_evaluations for batch in restarts)), stop


def restart_points(attack, data, poison, n_points, y_new, n_restarts):
    """Yield the `PoisonSet` that each restart of a batch begins with: with
    `joint` the points before, where they are, then the new ones."""
    for restart in range(1 + n_restarts * (n_points > len(poison.x))):
        start = data.new_points(poison, n_points, y_new, restart)
        taken = poison.starts + start.starts
        if len(set(taken)) < len(taken):
            attack.logger.info(
                f'{len(taken)} points start from {len(set(taken))} '
                'validation rows: there are no more of their kind')
        if restart and attack.learn_lmbda:
            start = start._replace(lmbda=data.rng(
                3, len(poison.x), restart).uniform(*attack.lmbda_bounds))
        yield poison.append(start) if attack.joint else start


def solve_from(attack, data, problem, start, iterates, first=(),
               camouflage=0., **settings):
    """The core's `Solution` from the points and lambda of `start`; appends an
    `IterateRecord` to `iterates` for each iterate recorded. The points move
    against the models `first`, then the attack's; where they hold whole
    numbers, without these first. They come back in float64, in their set."""
    centre = data.x_val[list(start.starts)] if start.starts else start.x
    feasible = feasible_set(attack, data, centre, start.y)

    def in_float64(x_p):
        return (x_p if x_p.dtype == torch.float64
                else feasible.project(x_p.double()))

    def record(iterate):
        attack.logger.info(f'iterate {len(iterates)}: loss '
                           f'{iterate.value:.6f}, lmbda {iterate.lmbda:.3f}')
        iterates.append(IterateRecord(
            in_float64(iterate.x_p), iterate.lmbda, iterate.value))

    hides = camouflage > 0 and trust.is_learned(attack)
    fixed_args, model = trust.hidden_attack(attack) if hides else (
        {}, pipeline.model_class(attack))
    settings = {
        **vars(training_of(attack)), 'camouflage': camouflage, **fixed_args,
        **outer_steps(attack), **settings}
    free = replace(feasible, integers=None)
    before = first if feasible.integers is None else (*first, model)
    n_trainings = n_evaluations = 0
    for stage in (*((free, one, None) for one in before),
                  (feasible, model, record)):
        end = _solve(attack, problem, start, *stage, settings)
        start = start._replace(x=end.x_p)
        n_trainings += end.n_trainings
        n_evaluations += end.n_evaluations
    end = replace(end, x_p=in_float64(end.x_p), n_trainings=n_trainings,
                  n_evaluations=n_evaluations)
    return replace(end, **trust.best_response(
        attack, data, problem, end.x_p, start.y)._asdict()) if hides else end


def _solve(attack, problem, start, feasible, model, callback, settings):
    """The core's `solve` of a model."""
    dtype = pipeline.search_dtype(attack, problem, len(start.x))
    is_free = attack.joint and settings['min_step'] == 0 \
        and settings['max_step'] == math.inf
    return solve(
        problem.to(dtype), start.x.to(dtype), start.y.to(dtype),
        feasible=feasible.to(dtype), lmbda_bounds=lmbda_bounds(attack),
        quasi_newton=is_free and not attack.learn_lmbda and feasible.is_box,
        callback=callback, model=model, **{
            'lmbda': start.lmbda, 'learn_lmbda': bool(attack.learn_lmbda),
            'try_vertices': is_free and not trust.is_learned(attack),
            'moves': SingleMoves(
                () if feasible.integers is None or not is_free
                or trust.is_learned(attack) and not settings['camouflage']
                or settings.get('n_outer') == 0
                else tuple(feasible.integers.nonzero().ravel().tolist())),
            **settings})


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
