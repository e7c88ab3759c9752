"""SIGTERM and Ctrl-C: one line, an exit code, and the run can be resumed."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from processes import COMMAND, LIMIT, QUICK, sec_eval
from secml_regpoison import cli
from secml_regpoison.storage import is_locked, load_arrays

LONG = [*COMMAND, *QUICK, '--repetitions', '99', '--out']


def start(*argv, **options):
    """A process in a group of its own, as a terminal starts it."""
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # a test run in the background of a shell ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True, **options)


def stop(process, signum, to_all=False):
    """Send a signal; the lines that are left on stderr, without the bar."""
    (os.killpg if to_all else os.kill)(process.pid, signum)
    out, err = process.communicate(timeout=LIMIT)
    assert out == ''
    return [line for line in err.splitlines() if line and 'cell' not in line]


def wait_for_work(process, folder):
    """Until an evaluation is finished."""
    deadline = time.monotonic() + LIMIT
    while not list(folder.glob('sec_eval_*.gz')):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(.05)


@pytest.mark.slow
@pytest.mark.parametrize('signum, code, jobs, to_all', [
    (signal.SIGTERM, 143, '2', False), (signal.SIGTERM, 143, '2', True),
    (signal.SIGINT, 130, '2', True)])
def test_a_signal_ends_a_run_in_one_line(tmp_path, signum, code, jobs, to_all):
    """To the process alone, as a scheduler does, or to all of its group, as a
    terminal does. Ctrl-C to the process alone: see `test_resume`."""
    process = start(*LONG, str(tmp_path), '--jobs', jobs)
    wait_for_work(process, tmp_path)
    assert stop(process, signum, to_all) == [
        'secml-regpoison: error: interrupted; what was finished is in '
        f'{tmp_path}, and the same command with --resume continues.']
    assert process.returncode == code
    paths = list(tmp_path.glob('*.cells/[!.]*.npz'))
    assert paths and all('batches' in load_arrays(path) for path in paths)
    assert not any(map(is_locked, (tmp_path, *paths)))
    assert sec_eval(tmp_path, '--resume', '--jobs', '1').returncode == 0


@pytest.mark.slow
def test_a_signal_during_the_imports(tmp_path):
    n_early = 0
    for wait, (signum, code) in zip(
            (.2, .5, 1., 1.5, 2.), 3 * [(signal.SIGTERM, 143),
                                        (signal.SIGINT, 130)]):
        process = start(*LONG, str(tmp_path / 'out'))
        time.sleep(wait)
        line, = stop(process, signum)
        assert line.startswith('secml-regpoison: error: interrupted')
        assert process.returncode == code
        n_early += line.endswith('interrupted.')
    assert n_early > 1


@pytest.mark.slow
def test_a_signal_that_is_switched_off_stays_so(tmp_path):
    """A shell does that for what it runs in the background."""
    process = subprocess.Popen(
        [*COMMAND, *QUICK, '--jobs', '1', '--out', str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(.1)
    assert process.returncode == 0


@pytest.mark.slow
def test_process_1_of_a_container(tmp_path):
    """The system ignores a signal that process 1 does not handle."""
    unshare = shutil.which('unshare')
    if not unshare or subprocess.run([unshare, '-pf', 'true']).returncode:
        pytest.skip('no process namespace can be made here')
    process = start(unshare, '--pid', '--fork', *LONG, str(tmp_path), '--jobs',
                    '1')
    wait_for_work(process, tmp_path)
    with open(f'/proc/{process.pid}/task/{process.pid}/children') as stream:
        first, = map(int, stream.read().split())
    os.kill(first, signal.SIGTERM)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 143
    assert err.splitlines()[-1].startswith(
        'secml-regpoison: error: interrupted; what was finished is in ')


def test_main_leaves_the_signals_of_a_program_as_they_are(capsys):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert cli.main(['sec-eval', '--out', '']) == 2
    assert before == (signal.getsignal(signal.SIGINT),
                      signal.getsignal(signal.SIGTERM))
