"""State of an attack on disk after each batch of points."""
import json
import os
from contextlib import contextmanager
from dataclasses import fields, replace

import numpy as np
import torch

from secml_regpoison.storage import load_arrays, only_writer, save_arrays
from secml_regpoison.validation import check, check_starts, check_type
from secml_regpoison.version import __version__
from .batches import Batch, grouping
from .box import bound_array, is_not_numeric
from .digests import array_digest
from .feasible import describe, feasible_set
from .settings import (
    lmbda_bounds, plain_params, start_lmbda, y_poison_as_plain)
from .targets import training_settings


@contextmanager
def open_checkpoint(path, attack, data):
    """Yield the `Checkpoint` in a file, held against other processes.

    Parameters
    ----------
    path : str, path-like or None
        None: nothing is kept.
    attack : CAttackPoisoningMinimax
    data : PoisoningData

    Raises
    ------
    TypeError, ValueError
        Before any work: `path` is not a path, or the file is damaged or of
        another problem; says what differs.
    OSError
        Before any work: it cannot be read or written, or another process
        writes to it.

    """
    if path is None:
        yield Checkpoint(None, {}, data.device)
        return
    check_type('checkpoint', path, (str, os.PathLike), 'a path or None')
    path = os.fspath(path)
    folder, name = os.path.split(path)
    check('checkpoint', path, name and os.path.isdir(folder or os.curdir),
          'the path of a file in a folder that exists')
    with only_writer(path, 'checkpoint'):
        saved = Checkpoint(path, _problem_of(attack, data), data.device)
        if os.path.exists(path):
            saved.read()
            for batch in saved.batches.values():
                _check_batch(path, batch, attack, data)
        else:
            saved.write()
        yield saved


class AnotherProblem(ValueError):
    """A checkpoint that is whole, and of another problem; `names` are of the
    settings that differ."""

    def __init__(self, message, names=frozenset()):  # pickle gives one
        super().__init__(message)
        self.names = names


class Checkpoint:
    """Finished batches, by a digest of the points they were added to.

    The result of a batch depends on nothing but the problem and the points
    before it. So a resumed run reproduces bit for bit, and one file serves
    all strengths of a `CSecEval` over `n_points`.
    """

    def __init__(self, path, problem, device):
        self.path, self.problem, self.device = path, problem, device
        self.batches = {}

    def key(self, poison, n_points, y_new, *more):
        """Name of the batch that takes `poison` to `n_points`, with the signs
        `y_new` of the points that it adds."""
        return array_digest(
            poison.x, poison.y, np.array(poison.starts, dtype=int),
            np.array([poison.lmbda, n_points, *more], dtype=float),
            *([] if y_new is None else [y_new]))

    def put(self, key, batch):
        """Keep a new batch, and write the file."""
        if self.path is None or key in self.batches:
            return
        # The path is by far the largest part, and an attack shows its last
        # one only: of the batches before, the start is kept.
        self.batches = {name: replace(old, path=old.path[:1])
                        for name, old in self.batches.items()}
        self.batches[key] = batch
        self.write()

    def write(self):
        """Replace the file; OSError leaves the old one."""
        arrays = {f'{key}.{field.name}': _to_array(getattr(batch, field.name))
                  for key, batch in self.batches.items()
                  for field in fields(Batch)}
        try:
            save_arrays(self.path, {
                'problem': json.dumps(self.problem),
                'batches': np.array(list(self.batches), dtype=str), **arrays})
        except OSError as error:
            kept = '. What it held before is still there' if self.batches \
                else ''
            raise OSError(
                error.errno, f'`checkpoint` cannot be written: '
                f'{error.strerror}{kept}', self.path) from error

    def read(self):
        """Load the batches in the file, if it is of this problem."""
        arrays = load_arrays(self.path)
        try:
            problem = dict(json.loads(arrays['problem'].item()))
            names = arrays['batches'].tolist()
        except (KeyError, TypeError, ValueError) as error:
            raise _no_checkpoint(self.path, error) from error
        self._check_problem(problem)
        try:
            self.batches = {name: self._batch(arrays, name) for name in names}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _no_checkpoint(self.path, error) from error

    def _batch(self, arrays, name):
        """The `Batch` of that name in the arrays of a file."""
        kinds = {torch.Tensor: lambda value: torch.as_tensor(
            value, device=self.device), tuple: lambda value: tuple(
                value.tolist())}
        return Batch(*(
            kinds.get(field.type, field.type)(arrays[f'{name}.{field.name}'])
            for field in fields(Batch)))

    def _check_problem(self, found):
        """Raise AnotherProblem unless the file is of this one."""
        differences = {
            name: f'{name} is {found.get(name)} there and '
            f'{self.problem.get(name)} here'
            for name in {**self.problem, **found}
            if found.get(name) != self.problem.get(name)}
        if differences:
            raise AnotherProblem(
                '`checkpoint` must be of the same problem, got '
                f"'{self.path}' of another: "
                f"{'; '.join(differences.values())}. Give another path, or "
                'delete the file to start anew. In a `CSecEval` one file '
                'serves `n_points` alone: run each value of another parameter '
                'with a path of its own.',
                set(differences))


def _no_checkpoint(path, fault):
    """The error of a file that is whole and no checkpoint of ours."""
    kind = 'no entry ' if isinstance(fault, KeyError) else ''
    return ValueError(
        f"`checkpoint` must be the file of a checkpoint, got '{path}' with "
        f'{kind}{fault}. Give another path, or delete the file to start anew.')


def _check_batch(path, batch, attack, data):
    """Raise ValueError unless the problem can have this batch: shapes, signs,
    starts, and numbers that are finite and inside the feasible set."""
    shape = len(batch.starts), data.x_tr.shape[1]
    low, high = attack.lmbda_bounds
    numbers = (batch.lmbda, batch.value, batch.seconds, batch.camouflage,
               *batch.f_seq, *batch.lmbda_seq)
    try:
        check_starts('starts', batch.starts, len(data.x_val))
        for name, array, expected in (('x', batch.x, shape),
                                      ('y', batch.y, shape[:1]),
                                      ('path', batch.path[0], shape)):
            check(name, tuple(array.shape), array.shape == expected,
                  f'of shape {expected}')
        known = data.encode(data.classes)
        check('y', batch.y.tolist(), torch.isin(batch.y, known).all(),
              'labels')
        check('numbers', numbers, np.isfinite(numbers).all(), 'finite')
        check('lmbda', batch.lmbda, not attack.learn_lmbda
              or low <= batch.lmbda <= high, f'between {low} and {high}')
        feasible = feasible_set(attack, data,
                                data.x_val[list(batch.starts)], batch.y)
        for points in (batch.x, *batch.path):
            inside = feasible.contains(points)
            check('x', points[~inside].tolist()[:1], inside.all(),
                  'inside the feasible set')
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise _no_checkpoint(path, error) from error


def _problem_of(attack, data):
    """Everything that determines a batch, except the points before it.

    Returns
    -------
    dict of str to None, numbers, text, and lists and dicts of them
        By the names that users know.

    """
    problem = {'version of secml_regpoison': __version__,
               'refitted preprocess': repr(data.preprocess)}
    names = 'training_data', 'val', 'attacker_set'
    for name, rows, digest in zip(
            names[:2 + data.has_own_set],
            (data.x_tr, data.x_val, data.x_attacker), data.digests):
        problem[f'shape of {name}'] = list(rows.shape)
        problem[f'content of {name}'] = digest
    if attack.classifier.preprocess is not None:
        (problem['shape of preprocessed rows'],
         problem['content of preprocessed rows']) = data.features_identity
    problem['classifier'] = type(attack.classifier).__name__
    for name, value in training_settings(attack.classifier).items():
        problem[f'{name} of the classifier'] = value
    problem['lmbda of the classifier'] = start_lmbda(attack)
    problem['lmbda_bounds'] = list(lmbda_bounds(attack))
    for name in ('lb', 'ub'):
        bound = getattr(attack, name)
        if not is_not_numeric(bound):
            bound = bound_array(bound)
            bound = bound.item() if bound.size == 1 else array_digest(bound)
        problem[name] = bound
    for name in ('distance', 'dmax', 'y_target', 'learn_lmbda', 'poison_mode',
                 *grouping(attack), 'solver_type', 'n_restarts',
                 'dtype', 'camouflage', 'trust_margin'):
        problem[name] = getattr(attack, name)
    problem['solver_params'] = plain_params(attack.solver_params)
    problem['feasible'] = describe(attack)
    problem['y_poison'] = y_poison_as_plain(attack)
    problem['random_seed'], problem['device'] = data.seed, str(data.device)
    # as the file gives it back; NumPy's numbers as Python's
    return json.loads(json.dumps(problem, default=float))


def _to_array(value):
    return np.asarray(value.cpu() if isinstance(value, torch.Tensor)
                      else value)
