"""The labels of the poisoning points, and the search for the worst.

How bad poison is depends as much on its labels as on its places. By the loss a
quarter to a half of one label is worst nearly everywhere; by the error all of
one label, where lambda is learned or large. So the shares of the labels are
tried for a few steps, and that of the most errors on the attacker's rows is
kept, with a target that of the fewest. Of a classifier with a score for each
class, the labels of 'flip' are tried, then all points from one class with the
label of another, for pairs of classes.
"""
import itertools
import math
from dataclasses import replace
from typing import NamedTuple, Optional

import torch

from secml.array import CArray

from . import retraining
from .attacker import camouflages
from .batches import Batch, IterateRecord, held_points, optimise_batch
from .evaluation import solver_at
from .history import Composition
from .poisoning_data import labels_of_new
from .settings import as_plain, outer_steps, sign_of
from .trust import is_learned

# Shares of the second label among all points, and the steps that each is given
SHARES = (0., .25, .5, .75, 1.)
SCREENING_STEPS = 12
# Of more pairs of classes, so many are drawn
MAX_PAIRS = 12


class Trial(NamedTuple):
    """Points with labels that are tried, and their `Composition`: None
    before they are evaluated."""

    batch: Batch
    composition: Optional[Composition] = None


def new_labels(attack, data, n_before, n_points):
    """Labels of the points after the first `n_before`; None: each has that
    of its start, flipped."""
    y = attack.y_poison
    if isinstance(y, str):
        return None if data.y_target is None \
            else data.y_target[:1].expand(max(n_points - n_before, 0))
    y = data.encode(CArray(as_plain(y)).ravel())
    return (y.expand(n_points) if len(y) == 1 else y)[n_before:n_points]


def choose(attack, data, poison, checkpoint, trials):
    """`new_labels` of a run that starts with `poison`; appends a `Trial` to
    `trials` for each labelling that is tried."""
    n_points = attack.n_points or 0
    y = attack.y_poison
    candidates = ()
    if isinstance(y, str) and y == 'worst':
        candidates = compositions(poison.y, n_points) \
            if data.n_classes is None else pairs(data, poison, n_points)
    if len(candidates) < 2:
        return candidates[0] if candidates else new_labels(
            attack, data, len(poison.x), n_points)
    for y_new in candidates:
        _screen(attack, data, poison, y_new, checkpoint, trials)
    worst = _worst(attack, trials)
    attack.logger.info(f'the worst labels: {trials[worst].composition}')
    return candidates[worst]


def best_so_far(attack, data, poison, trials):
    """All points, and the `Batch` that ends them, of the worst of `trials`;
    before there is one, `poison`, from which the run started. The batch has
    no cost: that of all trials is counted elsewhere."""
    if not trials:
        if is_learned(attack):
            poison = retraining.best_response(attack, data, poison)
        loss, _ = solver_at(attack, data.problem(len(poison.x)), poison,
                            'implicit')
        end = IterateRecord(poison.x, poison.lmbda, loss)
        return poison, Batch.of(poison, [end], end, converged=True)
    batch = trials[_worst(attack, trials)].batch
    return batch.append_to(held_points(attack, poison)), replace(
        batch, n_trainings=0, n_evaluations=0)


def _worst(attack, trials):
    """Number of the trial of the most errors, of several that of the largest
    loss; one that is not evaluated comes last."""
    def harm(k):
        found = trials[k].composition
        return (-math.inf,) if found is None else (
            sign_of(attack) * found.error, sign_of(attack) * found.loss)
    return max(range(len(trials)), key=harm)


def compositions(y_before, n_points):
    """Signs of the new points such that, of all points, the `SHARES` have the
    second label, as far as the labels of those before allow."""
    n_new = max(n_points - len(y_before), 0)
    n_high = int((y_before > 0).sum())
    wanted = {min(max(round(share * n_points) - n_high, 0), n_new)
              for share in SHARES}
    # spread evenly: any first part of the points has about the share
    k = torch.arange(n_new + 1, device=y_before.device)
    return [2. * torch.diff(k * high // max(n_new, 1)).to(y_before) - 1.
            for high in sorted(wanted)]


def pairs(data, poison, n_points):
    """Labels and classes of the starts of the new points, (p, 2) each: first
    those of 'flip', then all points alike, for each pair of classes, or for
    `MAX_PAIRS` that are drawn."""
    flip = data.new_points(poison, n_points)
    if not len(flip.x):
        return [torch.stack([flip.y, flip.y], 1)]
    found = list(itertools.permutations(range(data.n_classes), 2))
    if len(found) > MAX_PAIRS:
        found = [found[k] for k in sorted(data.rng(5).choice(
            len(found), MAX_PAIRS, replace=False))]
    starts = data.y_val[list(flip.starts)]
    return [torch.stack([flip.y, starts], 1), *(
        flip.y.new_tensor([pair]).expand(len(flip.x), 2) for pair in found)]


def _screen(attack, data, poison, y_new, checkpoint, trials):
    """Append the `Trial` of these labels of the new points: all new points
    move for a few steps, and the classifier is evaluated. After Ctrl-C that
    of the best iterate, not evaluated."""
    n_points = len(poison.x) + len(y_new)
    steps = min(SCREENING_STEPS,
                outer_steps(attack).get('n_outer', SCREENING_STEPS))
    key = checkpoint.key(poison, n_points, y_new, steps)
    batch, interrupt = checkpoint.batches.get(key), None
    if batch is None:
        batch, interrupt = optimise_batch(
            attack, data, poison, n_points, y_new, 0,
            camouflages(attack, n_points)[-1:], n_outer=steps,
            try_vertices=False)
    trials.append(Trial(batch))
    if interrupt is not None:
        raise interrupt
    checkpoint.put(key, batch)
    y = torch.cat([poison.y, labels_of_new(y_new)])
    loss, error = retraining.evaluate_for_attacker(
        attack, data, batch.append_to(held_points(attack, poison)))
    found = Composition(
        tuple(int((y == label).sum()) for label in data.encode(data.classes)),
        error, loss, batch.n_trainings, batch.n_evaluations,
        _names(data, y_new))
    attack.logger.info(f'labels tried: {found}')
    trials[-1] = Trial(batch, found)


def _names(data, y_new):
    """The class where all new points start and their label, or ()."""
    kinds = y_new.unique(dim=0).tolist() if y_new.dim() == 2 else ()
    return tuple(data.classes[int(k)].item() for k in reversed(kinds[0])) \
        if len(kinds) == 1 else ()
