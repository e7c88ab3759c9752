"""The batches of an attack, one after the other."""
import time
from contextlib import contextmanager
from dataclasses import replace

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

from . import settings
from .batch import Batch, Move
from .checkpoint import open_checkpoint
from secml_regpoison.convert import labels, to_carray
from secml_regpoison.core import solve


class OptimisationMixin:
    """How a `run` adds its batches, and what it keeps of them."""

    @property
    def adv_ds(self):
        """Poison of the last `run`, a CDataset to go on from, or None.

        After an error or Ctrl-C, what was done before it: see `ds_init`.
        """
        return self._poison

    @property
    def seconds_from_checkpoint(self):
        """Seconds that batches read from the last `run`'s checkpoint took."""
        return self._seconds_from_checkpoint

    def _add_batches(self, data, poison, stops, checkpoint):
        """Add points up to each of `stops`; each batch is held, then saved."""
        with open_checkpoint(checkpoint, self, data) as saved:
            # only now: a run that is refused leaves the last one's result
            self._n_trainings = self._n_evaluations = 0
            self._poison, self._seconds_from_checkpoint = None, 0.
            for stop in stops:
                key = saved.key(poison, stop)
                batch = saved.get(key)
                if batch is None:
                    batch = self._optimised(data, poison, stop)
                else:
                    self._seconds_from_checkpoint += batch.seconds
                poison = batch.append_to(poison)
                self._set_result(data, poison, batch)
                saved.put(key, batch)

    @contextmanager
    def _ctrl_c_explained(self, n_points, checkpoint):
        """Say in a KeyboardInterrupt what the attack has kept, and where."""
        try:
            yield
        except KeyboardInterrupt:
            words = f'`run` was stopped on the way to {n_points} points'
            if self.adv_ds is not None:
                words += (f'; the best so far are in `adv_ds` of the attack: '
                          f'{self.adv_ds.num_samples} points, loss '
                          f'{self._f_opt:.4f}, lmbda {self._lmbda:.3f}')
            if checkpoint is not None:
                words += (f'; the same call goes on from the last whole batch '
                          f"in '{checkpoint}'")
            raise KeyboardInterrupt(f'{words}.') from None

    def _set_result(self, data, poison, batch):
        """Make `poison`, which ends with `batch`, the state of the attack."""
        xc = to_carray(poison.x, self.training_data.issparse)
        yc = labels(poison.y, data.classes)
        header = CDatasetHeader(lmbda=poison.lmbda, starts=poison.starts,
                                problem_id=settings.problem_id(self),
                                search_settings=settings.search_settings(self))
        # in one go, so that Ctrl-C cannot leave half of it
        vars(self).update(
            _xc=xc, _yc=yc, _x_opt=xc, _lmbda=poison.lmbda,
            _poison=CDataset(xc.deepcopy(), yc.deepcopy(), header),
            _x0=to_carray(batch.path[0]), _f_opt=batch.value,
            _f_seq=CArray(list(batch.f_seq)),
            _lmbda_seq=CArray(list(batch.lmbda_seq)),
            _x_seq=to_carray(batch.path.flatten(1)),
            _n_trainings=self._n_trainings + batch.n_trainings,
            _n_evaluations=self._n_evaluations + batch.n_evaluations)

    def _optimised(self, data, fixed, n_points):
        """The `Batch` of the points that `fixed` lacks to `n_points`.

        On Ctrl-C the best so far is held before the exception goes on.
        """
        problem = data.problem(n_points, fixed.x, fixed.y)
        began = time.perf_counter()
        tries, moves = [], ()
        try:
            for new, moves in self._starts(data, fixed, n_points):
                end = self._solve(data, problem, new, moves)
                tries.append(Batch.of(
                    new, moves, end, n_trainings=end.n_trainings,
                    n_evaluations=end.n_evaluations))
        except KeyboardInterrupt:
            if moves:
                tries.append(Batch.of(new, moves, self._best(moves)))
            if tries:
                batch = self._best(tries)
                self._set_result(data, batch.append_to(fixed), batch)
            raise
        return replace(
            self._best(tries), seconds=time.perf_counter() - began,
            **{name: sum(getattr(batch, name) for batch in tries)
               for name in ('n_trainings', 'n_evaluations')})

    def _best(self, candidates):
        """The one with the attacker's best `value`; the first of equals."""
        upward = 1 if self.y_target is None else -1
        return max(candidates, key=lambda here: upward * here.value)

    def _starts(self, data, fixed, n_points):
        """Where the points of a batch start, anew in each restart, and an
        empty list for their moves."""
        n_restarts = self.n_restarts if n_points > len(fixed.x) else 0
        for restart in range(n_restarts + 1):
            new = data.new_points(fixed, n_points, restart)
            if restart and self.learn_lmbda:
                new = new._replace(lmbda=data.rng(
                    3, len(fixed.x), restart).uniform(*self.lmbda_bounds))
            yield new, []

    def _solve(self, data, problem, new, moves):
        """The core's `Solution` from the start `new`; appends to `moves`."""
        def record(iterate):
            self.logger.info(f'iterate {len(moves)}: loss '
                             f'{iterate.value:.6f}, lmbda '
                             f'{iterate.lmbda:.3f}')
            moves.append(Move(iterate.x_p, iterate.lmbda, iterate.value))

        lb, ub = data.bounds(self.lb, self.ub, new.x)
        return solve(
            problem, new.x, new.y, new.lmbda, lb, ub, dmax=self.dmax,
            distance=self.distance, learn_lmbda=self.learn_lmbda,
            lmbda_bounds=tuple(map(float, self.lmbda_bounds)),
            callback=record,
            method=self.solver_type,
            **{'step': data.default_step(), **self.solver_params})
