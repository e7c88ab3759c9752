"""Ctrl-C, disks that take nothing more, and two processes at one file."""
import logging
import os
import resource
import signal
import time
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import killed
from attack_problems import (
    BATCHES, digits, fit_optimum, loss, make, run, small, solver_value)
from attack_invariants import assert_same_result

from secml_regpoison import CClassifierLogisticTorch, cli
from secml_regpoison.attack import batches, evaluation, retraining
from secml_regpoison.attack.checkpoint import Checkpoint
from secml_regpoison.storage import load_arrays, only_writer
from secml_regpoison.experiment.tables import write_text
from secml.adv.seceval import CSecEval, CSecEvalData
from secml.array import CArray


@contextmanager
def ctrl_c_at(attack, words, nth):
    """A real SIGINT when the attack logs `words` for the `nth` time."""
    left = [nth]

    def emit(record):
        left[0] -= words in record.getMessage()
        if not left[0]:
            left[0] -= 1
            signal.raise_signal(signal.SIGINT)

    handler = logging.Handler()
    handler.emit = emit
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    attack.verbose = 1
    attack.logger._logger.addHandler(handler)
    try:
        yield
    finally:
        attack.logger._logger.removeHandler(handler)
        attack.verbose = 0
        signal.signal(signal.SIGINT, old)


def best(values, y_target=None):
    return max(values) if y_target is None else min(values)


@pytest.mark.slow
@pytest.mark.parametrize('y_target', [None, 1])
@pytest.mark.parametrize('n_iterates', [2, 4])
def test_ctrl_c_keeps_the_best_points_so_far(tmp_path, y_target, n_iterates):
    """Those of the batches that are done, and the best of the one at hand."""
    data, path = digits(), tmp_path / 'ckpt'
    attack = make(data, 10, batch_size=5, joint=False, y_target=y_target)
    done = run(attack.deepcopy(), data, 5)[2]
    whole = attack.deepcopy()
    expected = run(whole, data)
    # in the second batch: that of lambda alone is not as long
    with ctrl_c_at(attack, f'iterate {n_iterates}:', 2), \
            pytest.raises(KeyboardInterrupt) as stop:
        run(attack, data, checkpoint=path)
    assert 'on the way to 10 points; the best so far are in `adv_ds`' in str(
        stop.value)
    assert f"continues from the last whole batch in '{path}'" in str(
        stop.value)
    kept = attack.adv_ds
    assert_array_equal(kept.X[:5, :].tondarray(), done.X.tondarray())
    values = whole.f_seq.tolist()[:n_iterates]
    assert attack.f_opt == best(values, y_target)
    assert attack.f_seq.tolist() == values
    at = values.index(attack.f_opt)
    assert_array_equal(kept.X[5:, :].tondarray().ravel(),
                       whole.x_seq[at, :].tondarray().ravel())
    assert kept.header.lmbda == attack.lmbda == whole.lmbda_seq[at].item()
    assert_array_equal(attack.xc.tondarray(), kept.X.tondarray())
    # the same call gives what it would have given ...
    assert_same_result(run(attack, data, 10, checkpoint=path), expected)
    # ... and the best so far can be gone on from, or be evaluated
    y_pred, _, again, _ = run(attack, data, ds_init=kept)
    assert_array_equal(again.X.tondarray(), kept.X.tondarray())
    assert y_pred.size == data[2].num_samples


@pytest.mark.parametrize('y_target, kept', [(None, 3.), (0, 1.)])
def test_ctrl_c_keeps_the_best_iterate_and_not_the_last(
        monkeypatch, y_target, kept):
    def solve_from(attack, data, problem, start, iterates, *_, **__):
        iterates += [batches.IterateRecord(start.x + value, 0., value)
                     for value in (2., 1., 3., 2.)]
        signal.raise_signal(signal.SIGINT)
    data = small()
    attack = make(data, 1, y_target=y_target, learn_lmbda=False, ub=9)
    monkeypatch.setattr(batches, 'solve_from', solve_from)
    with ctrl_c_at(attack, 'iterate 0:', 1), pytest.raises(KeyboardInterrupt):
        run(attack, data)
    assert attack.f_opt == kept
    at = attack.f_seq.tolist().index(kept)
    assert_array_equal(attack.xc.tondarray()[0],
                       attack.x_seq[at, :].tondarray().ravel())


def test_ctrl_c_in_a_restart_keeps_the_better_try():
    data = digits()
    attack = make(data, 5, n_restarts=2, batch_size=5, learn_lmbda=False)
    once = make(data, 5, learn_lmbda=False)
    run(once, data)
    with ctrl_c_at(attack, 'iterate 0:', 2), pytest.raises(KeyboardInterrupt):
        run(attack, data)
    assert attack.f_opt == solver_value(once)
    assert_array_equal(attack.adv_ds.X.tondarray(),
                       once.adv_ds.X.tondarray())


def test_ctrl_c_while_the_classifier_is_retrained(monkeypatch):
    data = small()
    attack = make(data, 4)
    expected = run(attack.deepcopy(), data)
    with ctrl_c_at(attack, 'Fitting', 1):
        monkeypatch.setattr(type(attack.classifier), 'fit', lambda *_:
                            signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt, match='the best so far'):
            run(attack, data)
    assert_array_equal(attack.adv_ds.X.tondarray(), expected[2].X.tondarray())


@pytest.mark.parametrize('at', ['fit', 'losses_of', 'judge'])
@pytest.mark.parametrize('is_again', [False, True])
def test_a_failed_evaluation_leaves_one_lambda(monkeypatch, at, is_again):
    """That where the search ended, in the poison and in the attack."""
    data = digits()
    attack = make(data, 4)
    if is_again:
        run(attack, data, 2)
    whole = run(attack.deepcopy(), data, 4)[2].header

    def fail(*_):
        raise RuntimeError('the evaluation failed')
    owner = {'fit': type(attack.classifier), 'losses_of': retraining,
             'judge': evaluation}[at]
    monkeypatch.setattr(owner, at, fail)
    with pytest.raises(RuntimeError, match='the evaluation failed'):
        run(attack, data, 4)
    header = attack.adv_ds.header
    assert header.lmbda == attack.lmbda == header.search_lmbda
    assert header.search_lmbda == whole.search_lmbda != whole.lmbda
    assert not hasattr(header, 'w_norm')
    monkeypatch.undo()
    clf = attack.poisoned_classifier(attack.adv_ds)
    assert clf.C == pytest.approx(np.exp(-attack.lmbda))


def test_ctrl_c_before_there_is_anything_to_keep(monkeypatch):
    data = small()
    attack = make(data, 4)
    run(attack, data)
    monkeypatch.setattr(batches, 'restart_points', lambda *_:
                        signal.raise_signal(signal.SIGINT))
    with ctrl_c_at(attack, 'iterate 0:', 1), pytest.raises(
            KeyboardInterrupt) as stop:
        run(attack, data)
    assert str(stop.value) == '`run` was stopped on the way to 4 points.'
    assert attack.adv_ds is attack.xc is attack.f_opt is attack.x_seq is None


def labels_of(n_high, n_points=12):
    """A share of the second label, spread evenly over the points."""
    return CArray(np.diff(np.arange(n_points + 1) * n_high // n_points))


# as many steps as a trial, and no jumps, which a trial does not try
LABELS = {'solver_type': 'implicit', 'learn_lmbda': False,
          'solver_params': {'n_outer': 4, 'eta_max': 1e3}}


def tried(data, n_high, **kwargs):
    """Errors, loss and attack of a run of 12 points, so many of them of the
    second class."""
    attack = make(data, 12, CClassifierLogisticTorch(), y_poison=labels_of(
        n_high), **{**LABELS, **kwargs})
    adv_ds, value = run(attack, data)[2:]
    y = data[1].Y if attack.y_target is None else attack.y_target
    error = (attack.poisoned_classifier(adv_ds).predict(data[1].X) != y).mean()
    return error, value, attack


def stop_among_labels(data, words, nth, ds_init=None, checkpoint=None,
                      **kwargs):
    """An attack of 12 points stopped where it logs `words` for the `nth`
    time, and what the exception said."""
    attack = make(data, 12, CClassifierLogisticTorch(), **{
        'y_poison': 'worst', **LABELS, **kwargs})
    with ctrl_c_at(attack, words, nth), pytest.raises(
            KeyboardInterrupt) as stop:
        run(attack, data, ds_init=ds_init, checkpoint=checkpoint)
    if attack.adv_ds is not None:
        kept = attack.adv_ds
        assert_array_equal(attack.xc.tondarray(), kept.X.tondarray())
        assert attack.yc.tolist() == kept.Y.tolist()
        assert attack.lmbda == kept.header.lmbda == kept.header.search_lmbda
        assert attack.f_opt in attack.f_seq.tolist()
        assert (f'so far are in `adv_ds` of the attack: {kept.num_samples} '
                f'points, loss {attack.f_opt:.4f}') in str(stop.value)
    return attack


# in the middle of the fifth trial, after the last, and in the batch
@pytest.mark.parametrize('words, nth, n_tried, kwargs', [
    ('iterate 1:', 2, 1, {'learn_lmbda': True, 'lmbda_bounds': (0, 2)}),
    ('iterate 1:', 3, 2, {}),
    ('iterate 1:', 3, 2, {'y_target': 1}), ('iterate 1:', 5, 4, {}),
    ('the worst labels', 1, 5, {}), ('iterate 1:', 6, 5, {}),
    ('the worst labels', 1, 5, {'y_target': 1}),
    ('iterate 1:', 6, 5, {'y_target': 1})])
def test_ctrl_c_keeps_the_worst_of_the_labels_tried(
        tmp_path, words, nth, n_tried, kwargs):
    data, path = digits(), tmp_path / 'ckpt'
    attack = stop_among_labels(data, words, nth, checkpoint=path, **kwargs)
    upward = -1 if 'y_target' in kwargs else 1
    runs = [tried(data, n_high, **kwargs)
            for n_high in (0, 3, 6, 9, 12)[:n_tried]]
    *_, worst = max(runs, key=lambda found: (
        upward * found[0], upward * found[1]))
    assert attack.adv_ds.Y.tolist() == worst.yc.tolist()
    assert_allclose(attack.adv_ds.X.tondarray(), worst.xc.tondarray(),
                    atol=1e-9)
    assert attack.f_opt == pytest.approx(solver_value(worst), rel=1e-9)
    assert attack.f_eval > 0 < attack.grad_eval
    if not kwargs:  # the same call gives what it would have given
        whole = make(data, 12, CClassifierLogisticTorch(), y_poison='worst',
                     **LABELS)
        assert_same_result(run(attack, data, checkpoint=path),
                           run(whole, data))


def test_ctrl_c_in_batches_keeps_them_and_not_a_trial():
    """Points that a later run keeps: as in one go."""
    data, kwargs = digits(), {'joint': False, 'batch_size': 6}
    # five trials, the first batch, then the second
    attack = stop_among_labels(data, 'iterate 1:', 7, **kwargs)
    whole = make(data, 12, CClassifierLogisticTorch(), y_poison='worst',
                 **LABELS, **kwargs)
    found = run(whole, data)[2]
    kept = attack.adv_ds
    assert_array_equal(kept.X[:6, :].tondarray(), found.X[:6, :].tondarray())
    assert kept.Y.tolist() == found.Y.tolist()


def test_ctrl_c_in_the_first_trial_keeps_its_best_iterate():
    data = digits()
    *_, whole = tried(data, 0)
    attack = stop_among_labels(data, 'iterate 2:', 1)
    values = whole.f_seq.tolist()[:2]
    assert attack.adv_ds.Y.tolist() == 12 * [0]
    assert_allclose(attack.f_seq.tolist(), values, rtol=1e-9)
    assert attack.f_opt == max(attack.f_seq.tolist())
    assert_allclose(attack.xc.tondarray().ravel(), whole.x_seq[
        int(np.argmax(values)), :].tondarray().ravel(), atol=1e-9)


def test_ds_init_is_kept_at_the_trust_that_is_learned(monkeypatch):
    data, kwargs = digits(), {'learn_lmbda': 'trust', 'y_poison': 'flip'}
    attack = make(data, 4, CClassifierLogisticTorch(), **{**LABELS, **kwargs})
    first = run(attack, data)[2]
    assert attack.trust < 1
    monkeypatch.setattr(batches, 'restart_points', lambda *_:
                        signal.raise_signal(signal.SIGINT))
    stopped = stop_among_labels(data, 'nothing', 1, first, **kwargs)
    assert stopped.f_opt == pytest.approx(attack.f_opt, rel=1e-4)


@pytest.mark.parametrize('n_before', [0, 5])
@pytest.mark.parametrize('y_poison', ['worst', 'flip'])
def test_ctrl_c_before_the_first_iterate_keeps_ds_init(
        monkeypatch, n_before, y_poison):
    data = digits()
    first = run(make(data, n_before, CClassifierLogisticTorch(),
                     y_poison=y_poison, **LABELS), data)[2]
    monkeypatch.setattr(batches, 'restart_points', lambda *_:
                        signal.raise_signal(signal.SIGINT))
    attack = stop_among_labels(data, 'nothing', 1, first, y_poison=y_poison)
    assert_array_equal(attack.adv_ds.X.tondarray(), first.X.tondarray())
    assert attack.adv_ds.Y.tolist() == first.Y.tolist()
    assert attack.adv_ds.header.starts == first.header.starts
    assert attack.lmbda == first.header.search_lmbda
    assert attack.f_opt == pytest.approx(loss(fit_optimum(
        attack.poisoned_data(attack.adv_ds), attack.lmbda,
        CClassifierLogisticTorch), data[1]), rel=1e-5)
    # which is nothing where the attack is another: its points are not kept
    assert stop_among_labels(data, 'nothing', 1, first, lb=.1).adv_ds is None


def test_ctrl_c_among_the_labels_of_a_later_strength():
    """secml's own loop, stopped before and after the first iterate of its
    second strength: the poison of the first, or that iterate."""
    data = digits()
    for nth, n_points in ((7, 4), (8, 8)):
        attack = make(data, y_poison='worst', **LABELS)
        sec_eval = CSecEval(attack, 'n_points', CArray([4, 8]))
        # five trials and the batch of the first strength
        with ctrl_c_at(attack, f'iterate {nth - 7}:', 7), pytest.raises(
                KeyboardInterrupt, match='on the way to 8 points; the best'):
            sec_eval.run_sec_eval(data[2])
        assert len(attack.history) == 1
        assert attack.adv_ds.num_samples == attack.xc.shape[0] == n_points


def test_a_full_disk_keeps_the_trial_of_labels(tmp_path):
    data, path = digits(), tmp_path / 'ckpt'
    run(make(data, 12, y_poison='worst', **LABELS), data,
        checkpoint=tmp_path / 'whole')
    attack = make(data, 12, y_poison='worst', **LABELS)
    with file_size_limit((tmp_path / 'whole').stat().st_size // 2), \
            pytest.raises(OSError, match='File too large. What it held'):
        run(attack, data, checkpoint=path)
    assert attack.adv_ds.num_samples == attack.xc.shape[0] == 12


@pytest.mark.slow
def test_ctrl_c_stops_within_a_second(tmp_path):
    for i, wait in enumerate((0., .3, .7)):
        path, result = tmp_path / f'{i}.ckpt', tmp_path / f'{i}.npz'
        process = killed.start(killed.attack_long, path, result)
        killed.wait_for(lambda: path.exists(), process)
        time.sleep(1 + wait)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.join(20)
        assert time.monotonic() - began < killed.fair(1)
        with np.load(result) as left:
            assert 'the best so far are in `adv_ds`' in str(left['words'])
            assert left['n_points'] == len(left['x']) == 17
            assert np.isfinite(left['f_opt'])


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    path = tmp_path / 'ckpt'
    first = killed.start(killed.attack_without_end, path)
    try:
        killed.wait_for(path.exists, first)
        attack = killed.make_attack()
        with pytest.raises(OSError, match='`checkpoint` must be a place that '
                           'no other process writes to.*ckpt.*: wait'):
            run(attack, digits(), checkpoint=path)
        assert attack.f_eval == 0 and attack.xc is None
        # another file in the same folder is free
        run(attack, digits(), 3, checkpoint=tmp_path / 'other')
    finally:
        first.kill()
        first.join()
    with only_writer(path, 'checkpoint'):
        pass
    assert sorted(os.listdir(tmp_path)) == ['ckpt', 'other']


@contextmanager
def file_size_limit(n_bytes):
    """No file of this process may grow beyond `n_bytes`."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def assert_holds(attack, data, n_points):
    """The attack has `n_points` as a run without a checkpoint finds them;
    loss and lambda are the solver's as long as no classifier is trained."""
    whole = make(data, n_points, **BATCHES)
    expected = run(whole, data)
    kept = attack.adv_ds
    assert_array_equal(kept.X.tondarray(), expected[2].X.tondarray())
    assert kept.header.lmbda == attack.lmbda
    assert attack.lmbda == expected[2].header.search_lmbda
    assert attack.f_opt == solver_value(whole)
    attack.n_points = n_points
    y_pred = run(attack, data, ds_init=kept)[0]
    assert_array_equal(y_pred.tondarray(), expected[0].tondarray())


def test_a_file_that_may_not_grow_keeps_the_run_in_memory(tmp_path):
    data, path = digits(), tmp_path / 'ckpt'
    run(make(data, 4, **BATCHES), data, checkpoint=path)
    before = path.read_bytes()
    attack = make(data, 12, **BATCHES)
    with file_size_limit(len(before) + 1000), pytest.raises(
            OSError, match='`checkpoint` cannot be written: File too large. '
            r"What it held before is still there: '.*ckpt'"):
        run(attack, data, checkpoint=path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ['ckpt']
    assert_holds(attack, data, 8)
    # room again: the same call goes on
    assert_same_result(
        run(attack, data, 12, checkpoint=path),
        run(make(data, 12, **BATCHES), data))


def test_a_full_disk_keeps_the_run_in_memory(small_disk):
    data, path = digits(), small_disk[0] / 'ckpt'
    attack = make(data, 24, **BATCHES)
    with pytest.raises(OSError, match='cannot be written: No space left on '
                       'device. What it held before is still there'):
        run(attack, data, checkpoint=path)
    assert os.listdir(small_disk[0]) == ['ckpt']
    n_points = attack.adv_ds.num_samples
    assert 4 <= n_points < 24
    assert_holds(attack, data, n_points)


def test_a_full_disk_is_seen_before_any_work(small_disk):
    with pytest.raises(OSError), open(small_disk[0] / 'big', 'wb') as file:
        file.write(bytes(10 ** 6))
    attack = make(digits(), 4)
    with pytest.raises(OSError, match='No space left on device'):
        run(attack, digits(), checkpoint=small_disk[0] / 'ckpt')
    assert attack.f_eval == 0 and attack.xc is None


def test_a_file_that_may_not_grow_at_all(tmp_path):
    """The system's own error of a write names no file."""
    with file_size_limit(0), pytest.raises(
            OSError, match=r"File too large: '.*a\.txt'$"):
        write_text(str(tmp_path / 'a.txt'), 'text')
    # nothing was held before, and nothing is in `adv_ds`
    with file_size_limit(0), pytest.raises(
            OSError, match='`checkpoint` cannot be written: File too large: '
                           "'.*ckpt'$"):
        run(make(small(), 4), small(), checkpoint=tmp_path / 'ckpt')
    assert os.listdir(tmp_path) == []


def test_a_read_only_disk_is_seen_before_any_work(small_disk):
    small_disk[1]()
    attack = make(digits(), 4)
    with pytest.raises(OSError, match='`checkpoint` cannot be written to: '
                       'Read-only file system'):
        run(attack, digits(), checkpoint=small_disk[0] / 'ckpt')
    assert attack.f_eval == 0 and attack.xc is None


def test_the_command_line_on_a_full_disk(small_disk, capsys):
    assert cli.main(['sec-eval', '--train', '40', '--val', '10', '--points',
                     '0,8', '--repetitions', '9', '--jobs', '1', '--policies',
                     'learned', '--out', str(small_disk[0])]) == 1
    assert 'No space left on device' in capsys.readouterr().err.splitlines()[
        -1]
    # what was written is whole
    paths = list(small_disk[0].glob('**/*.npz'))
    assert paths and all(load_arrays(path) for path in paths)
    for path in small_disk[0].glob('*.gz'):
        assert CSecEvalData.load(str(path)).param_values.size == 2


def test_the_command_line_on_a_read_only_disk(small_disk, capsys):
    small_disk[1]()
    assert cli.main(['sec-eval', '--out', str(small_disk[0])]) == 2
    error, = capsys.readouterr().err.splitlines()
    assert error.startswith('secml-regpoison: error: ')
    assert '`--out` cannot be written to: Read-only file system' in error


def test_a_folder_that_is_gone_keeps_the_run_in_memory(tmp_path, monkeypatch):
    data, folder = digits(), tmp_path / 'folder'
    folder.mkdir()
    attack = make(data, 12, **BATCHES)
    put = Checkpoint.put

    def move_folder_then_put(*args):
        if attack.adv_ds.num_samples == 8 and folder.exists():
            folder.rename(tmp_path / 'elsewhere')
        put(*args)

    monkeypatch.setattr(Checkpoint, 'put', move_folder_then_put)
    with pytest.raises(OSError, match='cannot be written: No such file or '
                       'directory, its folder is missing'):
        run(attack, data, checkpoint=folder / 'ckpt')
    assert attack.adv_ds.num_samples == 8
    assert_holds(attack, data, 8)


def test_ctrl_c_in_a_security_evaluation(tmp_path):
    """secml's own loop; the same call goes on."""
    data, path = digits(), tmp_path / 'ckpt'

    def evaluate(attack, **kwargs):
        sec_eval = CSecEval(attack, 'n_points', CArray([0, 4, 8]))
        sec_eval.run_sec_eval(data[2], **kwargs)
        return [scores.tondarray()
                for scores in sec_eval.sec_eval_data.scores]

    attack = make(data, **BATCHES)
    with ctrl_c_at(attack, 'iterate 2:', 2), pytest.raises(KeyboardInterrupt):
        evaluate(attack, checkpoint=path)
    assert attack.n_points == 8 and attack.adv_ds.num_samples == 8
    assert_array_equal(evaluate(attack, checkpoint=path),
                       evaluate(make(data, **BATCHES)))
