"""`sec-eval` interrupted and taken up, and two processes at one folder."""
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import joblib
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

import killed

from secml_regpoison import cli
from secml_regpoison.cli import sec_eval
from secml_regpoison.cli.results import (
    AnotherCommand, check_same_command, result_names)
from secml_regpoison.experiment import parallel as workers
from secml_regpoison.experiment.plan import Plan
from secml_regpoison.storage import load_arrays
from secml_regpoison.experiment import cells
from secml.adv.seceval import CSecEvalData

# not the scratch files of a write
CHECKPOINTS = '*.cells/[!.]*.npz'
COMMAND = ['sec-eval', '--train', '40', '--val', '10', '--points', '0,2,4,6',
           '--policies=-2,learned', '--repetitions', '2', '--attacker',
           'defender']
ALONE = [*COMMAND, '--jobs', '1', '--out']
QUICK = [*COMMAND, '--y-poison', 'flip']
QUICK_ALONE = [*QUICK, '--jobs', '1', '--out']


def results(folder):
    """The CSV without its times, and what else the evaluations hold."""
    with open(folder / 'sec_eval.csv', newline='') as stream:
        rows = [{name: value for name, value in row.items()
                 if not name.startswith('seconds')}
                for row in csv.DictReader(stream)]
    arrays = []
    for path in sorted(folder.glob('*.gz')):
        data = CSecEvalData.load(str(path))
        arrays += [array.tondarray().tobytes() for array in (
            *data.Y_pred, *data.scores, data.fobj, data.param_values,
            *(ds.X for ds in data.adv_ds), *(ds.Y for ds in data.adv_ds))]
    return rows, arrays


def seconds(folder):
    """Times in the CSV."""
    with open(folder / 'sec_eval.csv', newline='') as stream:
        return np.array([float(row['seconds'])
                         for row in csv.DictReader(stream)])


@pytest.fixture(scope='module')
def left_alone(tmp_path_factory):
    """Folder of a run that was not disturbed."""
    folder = tmp_path_factory.mktemp('left_alone')
    assert killed.finish(killed.command, *ALONE, str(folder)) == 0
    return folder


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed(left_alone, tmp_path):
    rng, moments = random.Random(0), []
    process = None
    while process is None or process.exitcode:
        begun = len(moments)
        process = killed.start(killed.command, *ALONE, str(tmp_path),
                               '--resume')
        if begun < 3:
            # some time into the next evaluation, of four; by what is done,
            # not by the clock, which other work on the machine bends
            while len(list(tmp_path.glob(CHECKPOINTS))) <= begun:
                assert process.is_alive()
                time.sleep(.005)
            time.sleep(rng.uniform(0., .3))
            process.kill()
            moments.append(len(list(tmp_path.glob(CHECKPOINTS))))
        process.join(60)
    assert process.exitcode == 0 and len(moments) == 3
    assert results(tmp_path) == results(left_alone)
    assert sorted(os.listdir(tmp_path)) == sorted(os.listdir(left_alone))
    # times of what was recalled are those of when it was done
    assert seconds(tmp_path).sum() > .1 * seconds(left_alone).sum()
    assert len(seconds(tmp_path)) == 16


@pytest.fixture(scope='module')
def stopped_once(tmp_path_factory):
    """Folder of a run that was killed after some batches."""
    folder = tmp_path_factory.mktemp('stopped')
    process = killed.start(killed.command, *QUICK_ALONE, str(folder))
    killed.wait_for(lambda: len(list(folder.glob(CHECKPOINTS))) > 1, process)
    process.kill()
    process.join()
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """A copy of it."""
    return shutil.copytree(stopped_once, tmp_path / 'out')


@pytest.mark.slow
def test_without_resume_it_starts_anew(stopped, tmp_path):
    assert list(stopped.glob(CHECKPOINTS))
    for out in (stopped, tmp_path / 'other'):
        assert cli.main([*QUICK_ALONE, str(out), '--seed', '1']) == 0
    assert results(stopped) == results(tmp_path / 'other')


@pytest.mark.slow
@pytest.mark.parametrize('change, words', [
    (['--seed', '1'], '--seed 1, it had 0'),
    (['--train', '41'], '--train 41, it had 40'),
    (['--solver', 'rmd'], '--solver rmd, it had implicit'),
    (['--scale', 'mean-std'], '--scale mean-std, it had none'),
    (['--n-outer', '9'], '--n-outer 9, it had none'),
    (['--y-poison', 'worst'], '--y-poison worst, it had flip'),
    (['--lmbda-bounds=-1.5,5'], '--lmbda-bounds -1.5,5, it had -8,11.5'),
    (['--poison-mode', 'append'], '--poison-mode append, it had replace'),
    (['--model', 'ridge'], '--model (--classifier) ridge, it had logistic'),
    (['--policies', 'learned'], '--policies learned, it had -2,learned'),
    (['--classes', '3', '5'], '--data with the rows 3 v 5 (')])
def test_resuming_another_run_is_refused(stopped, capsys, change, words):
    """Before anything in the folder is touched."""
    before = {path: path.read_bytes()
              for path in stopped.rglob('[!.]*') if path.is_file()}
    assert cli.main([*QUICK_ALONE, str(stopped), '--resume', *change]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f'`--resume` must be with the command that was interrupted, got ' \
        f'{words}' in error and 'what was finished' not in error
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.slow
def test_more_strengths_and_repetitions_are_the_same_run(stopped):
    more = ['--resume', '--points', '0,2,4,6,8', '--repetitions', '3']
    assert cli.main([*QUICK_ALONE, str(stopped), *more]) == 0
    with open(stopped / 'sec_eval.csv') as stream:
        assert len(stream.readlines()) == 1 + 2 * 3 * 5


@pytest.mark.slow
def test_a_damaged_cell_is_named(stopped, capsys):
    path = stopped / 'sec_eval.cells' / '-2_0.npz'
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert cli.main([*QUICK_ALONE, str(stopped), '--resume']) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert str(path) in error and 'wrong checksum' in error
    # as it says
    path.unlink()
    assert cli.main([*QUICK_ALONE, str(stopped), '--resume']) == 0


def test_checkpoints_last_until_all_is_written(
        tmp_path, capsys, monkeypatch):
    def in_the_way(records, lines=sec_eval.csv_lines):
        (tmp_path / 'sec_eval.csv').mkdir()
        return lines(records)
    quick = [*QUICK_ALONE, str(tmp_path), '--policies=-2', '--repetitions',
             '1']
    with monkeypatch.context() as patch:
        patch.setattr(sec_eval, 'csv_lines', in_the_way)
        assert cli.main(quick) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert 'sec_eval.csv' in last and last.endswith(
        f'; what was finished is in {tmp_path}, and the same command with '
        '--resume continues.')
    checkpoint, = tmp_path.glob(CHECKPOINTS)
    assert load_arrays(checkpoint)['batches'].size == 4
    (tmp_path / 'sec_eval.csv').rmdir()
    # what the same command ends with for certain does not say so
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[:-1])
    assert cli.main([*quick, '--resume']) == 1
    assert capsys.readouterr().err.endswith(
        f'; what was finished is in {tmp_path}, kept for --resume.\n')
    checkpoint.write_bytes(whole)
    assert cli.main([*quick, '--resume']) == 0
    assert sorted(os.listdir(tmp_path)) == [
        'poisoned_-2_0.csv', 'rows_0.csv', 'sec_eval.csv', 'sec_eval.json',
        'sec_eval.png', 'sec_eval_-2_0.gz', 'sec_eval_-2_0.npz']


def square(number):
    """A cell of a figure."""
    return {'square': number ** 2}


def test_a_damaged_cell_of_a_figure_is_named(tmp_path):
    work = [(square, 3), (square, 4)]
    assert [each['square'] for each in cells.run_cells(
        work, str(tmp_path))] == [9, 16]
    for path in tmp_path.glob('*.npz'):
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        with pytest.raises(ValueError, match='wrong checksum') as error:
            cells.run_cells(work, str(tmp_path))
        assert str(path) in str(error.value)
        path.write_bytes(content)


@pytest.mark.slow
def test_a_second_process_is_refused(left_alone, tmp_path, capsys):
    """And does no harm to the first."""
    first = killed.start(killed.command, *ALONE, str(tmp_path))
    killed.wait_for(lambda: list(tmp_path.glob(CHECKPOINTS)), first)
    assert cli.main(['paper', 'fig3', '--quick', '--out', str(tmp_path)]) == 2
    assert first.is_alive()
    error, = capsys.readouterr().err.splitlines()
    assert error == (
        'secml-regpoison: error: `--out` must be a place that no other '
        f"process writes to, got '{tmp_path}': wait for the other process to "
        'end, or choose another place.')
    first.join(60)
    assert first.exitcode == 0
    assert results(tmp_path) == results(left_alone)
    assert sorted(os.listdir(tmp_path)) == sorted(os.listdir(left_alone))


def start_command(*argv):
    """The command as a user starts it, with the pids of its workers."""
    return subprocess.Popen(
        [sys.executable, '-m', 'secml_regpoison.cli', *argv],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        # a test run in the background of a shell ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def children(pid):
    """Live processes that were started by `pid`."""
    found = []
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat') as stream:
                state, parent = stream.read().rpartition(')')[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != 'Z':
            found.append(int(name))
    return found


def command_line(pid):
    """How a process was started, '' if it is gone."""
    try:
        with open(f'/proc/{pid}/cmdline') as stream:
            return stream.read()
    except OSError:
        return ''


def workers_of(process):
    """Worker processes of a run, as soon as there are two."""
    deadline = time.monotonic() + 60
    while len(pids := [pid for pid in children(process.pid)
                       if 'popen_loky' in command_line(pid)]) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(.01)
    return pids


def assert_they_end(pids):
    """Within seconds; one that stays is killed."""
    deadline = time.monotonic() + 10
    while left := [pid for pid in pids if os.path.exists(f'/proc/{pid}')]:
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f'{len(left)} workers are left')
        time.sleep(.05)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs /proc')
@pytest.mark.parametrize('wait', [0., None])
def test_workers_end_with_a_run_that_is_killed(tmp_path, wait):
    """While they start, too; or they would hold their cells against the run
    that takes it up. None: once they work."""
    command = [*QUICK, '--repetitions', '1', '--jobs', '2', '--out',
               str(tmp_path)]
    process = start_command(*command)
    pids = workers_of(process)
    while wait is None and not list(tmp_path.glob(CHECKPOINTS)):
        assert process.poll() is None
        time.sleep(.05)
    time.sleep(wait or 0.)
    process.kill()
    process.communicate()
    assert_they_end(pids)
    again = start_command(*command, '--resume', '--jobs', '1')
    _, error = again.communicate(timeout=200)
    assert again.returncode == 0, error


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs /proc')
def test_a_worker_that_is_killed(tmp_path):
    """As the system does where memory runs out."""
    command = [*QUICK, '--jobs', '2', '--out', str(tmp_path)]
    process = start_command(*command)
    pids = workers_of(process)
    while not list(tmp_path.glob(CHECKPOINTS)):
        assert process.poll() is None
        time.sleep(.01)
    os.kill(pids[0], signal.SIGKILL)
    _, error = process.communicate(timeout=200)
    assert process.returncode == 1
    assert error.splitlines()[-1] == (
        'secml-regpoison: error: a worker process was killed, perhaps as '
        'memory ran out: --jobs 1 (n_jobs=1 in Python) takes less; what was '
        f'finished is in {tmp_path}, kept for --resume.')
    again = start_command(*command, '--resume', '--jobs', '1')
    _, error = again.communicate(timeout=200)
    assert again.returncode == 0, error


@pytest.mark.parametrize('name, is_kept', [('save_evaluation', True),
                                           ('parts_of_rows', False)])
def test_a_full_disk_leaves_what_was_finished(tmp_path, capsys, monkeypatch,
                                              name, is_kept):
    def fail(*_):
        raise OSError(28, 'No space left on device', 'file')
    with monkeypatch.context() as patch:
        patch.setattr(f'secml_regpoison.cli.sec_eval.{name}', fail)
        assert cli.main([*QUICK_ALONE, str(tmp_path)]) == 1
    assert bool(list(tmp_path.glob(CHECKPOINTS))) == is_kept
    assert capsys.readouterr().err.splitlines()[-1] == (
        "secml-regpoison: error: [Errno 28] No space left on device: 'file'"
        + is_kept * (f'; what was finished is in {tmp_path}, and the same '
                     'command with --resume continues.'))


@pytest.mark.slow
@pytest.mark.parametrize('jobs', ['1', '2'])
def test_ctrl_c_is_answered_within_a_second(tmp_path, jobs):
    """And keeps what is finished."""
    process = start_command(*QUICK, '--repetitions', '99', '--jobs', jobs,
                            '--out', str(tmp_path))
    while not list(tmp_path.glob('sec_eval_*.gz')):
        assert process.poll() is None
        time.sleep(.05)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    for line in process.stderr:
        assert 'Traceback' not in line
        if 'interrupted' in line:
            break
    assert time.monotonic() - began < killed.fair(1)
    assert line == (
        f'secml-regpoison: error: interrupted; what was finished is in '
        f'{tmp_path}, and the same command with --resume continues.\n')
    _, rest = process.communicate()
    assert process.returncode == 130 and 'Traceback' not in rest
    paths = list(tmp_path.glob(CHECKPOINTS))
    assert paths and all('batches' in load_arrays(path) for path in paths)
    for path in tmp_path.glob('sec_eval_*.gz'):
        assert CSecEvalData.load(str(path)).param_values.size == 4


def threads():
    """Threads of torch and of each library that has a pool of its own."""
    return os.getpid(), torch.get_num_threads(), [
        library['num_threads'] for library in threadpool_info()]


@pytest.mark.slow
def test_a_worker_has_one_thread():
    """Torch, BLAS and OpenMP, in processes that would have two of each."""
    with joblib.parallel_config(backend='loky', inner_max_num_threads=2):
        free = joblib.Parallel(n_jobs=2)([joblib.delayed(threads)()] * 4)
        found = list(workers.parallel_map([(threads,)] * 4, jobs=2))
    for of_torch, of_libraries, result in ((2, 2, free), (1, 1, found)):
        assert os.getpid() not in [pid for pid, _, _ in result]
        for _, torch_has, libraries_have in result:
            assert torch_has == of_torch
            assert len(libraries_have) >= 2
            assert set(libraries_have) == {of_libraries}


def test_another_command_does_not_resume(tmp_path, capsys):
    """It is refused before what is there is touched."""
    plan = Plan((0, 2), 20, 10)
    both = -2., '-2-own'
    check_same_command(tmp_path, plan, 'a', both[:1])
    check_same_command(tmp_path, replace(plan, n_points=(0, 2, 4)), 'a', both)
    three = 'learned', *both
    check_same_command(tmp_path, plan, 'a', three)
    kept = (tmp_path / 'plan.json').read_text()
    for words, *other in (
            ('--seed 4, it had 0', replace(plan, seed=4), 'a', three),
            ('--data with the rows b, it had a', plan, 'b', three),
            ('--policies -2, it had learned,-2', plan, 'a', both),
            ('--attacker defender, it had both', plan, 'a', ('learned', -2.))):
        with pytest.raises(AnotherCommand, match=(
                '`--resume` must be with the command that was interrupted, '
                f'got {words}: repeat that command, with more policies or ')):
            check_same_command(tmp_path, *other)
    assert (tmp_path / 'plan.json').read_text() == kept


def test_another_version_does_not_resume(tmp_path, monkeypatch):
    command = tmp_path, Plan((0, 2), 20, 10), 'a', ['learned']
    check_same_command(*command)
    monkeypatch.setattr('secml_regpoison.cli.results.__version__', '9.9')
    with pytest.raises(AnotherCommand,
                       match=r'got secml_regpoison 9\.9, it had 0.*: repeat'):
        check_same_command(*command)


@pytest.mark.parametrize('text', [
    None, '', '{"data": "a', '[1]', '{}', 'null',
    '{"policies": "-2", "attacker": "defender", "attack_params": [1]}'])
def test_a_damaged_plan_is_named(tmp_path, capsys, text):
    """So is none beside finished work, as 0.1.0 left it."""
    cells = tmp_path / 'sec_eval.cells'
    cells.mkdir()
    (cells / '-2_0.npz').touch()
    if text is not None:
        (cells / 'plan.json').write_text(text)
    assert cli.main([*ALONE, str(tmp_path), '--resume']) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        'secml-regpoison: error: `--resume` must find the command that was '
        f"interrupted, got '{cells / 'plan.json'}' missing, damaged or of "
        'another version: leave out --resume to start anew.')
    assert os.listdir(tmp_path) == ['sec_eval.cells']
    assert (cells / '-2_0.npz').exists()


def test_all_files_to_come_are_listed():
    """Of each repetition: else the next run takes them for those of another
    program."""
    names = result_names(iter(('clean-cv', 'learned')), 3)
    assert names == result_names(['clean-cv', 'learned'], 3)
    assert 'poisoned_learned_2.csv' in names
