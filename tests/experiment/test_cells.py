"""Cells, their locks, and workers of a run that is gone."""
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import killed
from secml_regpoison.experiment import cells, worker_start
from secml_regpoison.storage import is_locked, only_writer

START = Path(worker_start.__file__)


def hold(path, seconds):
    """Write to `path` for some seconds, as a worker does."""
    with only_writer(path, 'out'):
        time.sleep(seconds)


def tell_lock(folder):
    """A cell: whether its own file is locked while it is computed."""
    return {'is_locked': any(is_locked(path.with_suffix(''))
                             for path in Path(folder).glob('*.lock'))}


@pytest.fixture
def orphan(tmp_path):
    """A process that writes to a cell in a folder for two seconds."""
    folder = tmp_path / 'attacks.cells'
    folder.mkdir()
    process = killed.start(hold, folder / 'a.npz', 2)
    killed.wait_for((folder / 'a.npz.lock').exists, process)
    killed.wait_for(lambda: is_locked(folder / 'a.npz'), process)
    yield folder / 'a.npz'
    process.kill()
    process.join()


@pytest.mark.parametrize('resume', [True, False])
def test_a_worker_of_an_earlier_run_is_waited_for(orphan, resume, capsys):
    """Or it would write into the folder of the next run."""
    out = str(orphan.parents[1])
    with cells.cells_folder(out, 'attacks', resume):
        assert not is_locked(orphan)
    assert capsys.readouterr().err == (
        'waiting for the end of a worker of an earlier run, which writes to '
        f"'{orphan}'\n")


def test_a_worker_that_does_not_end_is_named(orphan, monkeypatch, capsys):
    monkeypatch.setattr(cells, 'PATIENCE', .2)
    with pytest.raises(OSError, match="a worker of an earlier run still "
                       r"writes to '.*a\.npz' after 0.2 s: end it"):
        with cells.cells_folder(str(orphan.parents[1]), 'attacks', True):
            pass


@pytest.mark.parametrize('resume', [True, False])
def test_a_link_or_a_file_in_the_place_of_the_folder_is_refused(
        tmp_path, resume):
    """Nothing is removed or written behind the link."""
    for name in 'there', 'out':
        (tmp_path / name).mkdir()
    (tmp_path / 'there' / 'a.npz').touch()
    (tmp_path / 'out' / 'link.cells').symlink_to(tmp_path / 'there')
    (tmp_path / 'out' / 'gone.cells').symlink_to(tmp_path / 'nowhere')
    (tmp_path / 'out' / 'file.cells').touch()
    for name in 'link', 'gone', 'file':
        with pytest.raises(NotADirectoryError, match=rf"got '.*/{name}.cells"):
            with cells.cells_folder(str(tmp_path / 'out'), name, resume):
                pass
    assert os.listdir(tmp_path / 'there') == ['a.npz']
    assert sorted(os.listdir(tmp_path)) == ['out', 'there']


def test_what_cannot_be_removed_is_said(tmp_path, monkeypatch):
    """The cells of another command would be taken for those of this."""
    def refuse(*_, **__):
        raise PermissionError(1, 'not permitted')
    (tmp_path / 'a.cells').mkdir()
    monkeypatch.setattr(os, 'rmdir', refuse)
    with pytest.raises(PermissionError, match='not permitted'):
        with cells.cells_folder(str(tmp_path), 'a', resume=False):
            pytest.fail('it began')


def test_a_cell_is_locked_while_it_is_computed(tmp_path):
    result, = cells.run_cells([(tell_lock, str(tmp_path))], str(tmp_path))
    assert result['is_locked']
    name, = os.listdir(tmp_path)
    (tmp_path / name).unlink()
    with only_writer(tmp_path / name, 'out'), pytest.raises(
            OSError, match='no other process writes to'):
        cells.run_cells([(tell_lock, str(tmp_path))], str(tmp_path))


def starter(without_prctl=False):
    """Code of a process that starts a worker, prints its pid, and stays."""
    patch = 'sys.platform = "other"; ' if without_prctl else ''
    worker = (f'import sys, os, runpy, signal, time; {patch}'
              f'runpy.run_path({str(START)!r}, '
              '{"STARTER": int(sys.argv[1]), "IGNORED": (signal.SIGTERM,)}); '
              'print(os.getpid(), flush=True); time.sleep(60)')
    return ('import os, subprocess, sys, time\n'
            f'subprocess.Popen([sys.executable, "-c", {worker!r}, '
            'sys.argv[1] or str(os.getpid())])\n'
            'time.sleep(60)')


def is_gone(pid):
    try:
        with open(f'/proc/{pid}/stat') as stream:
            return stream.read().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs /proc')
@pytest.mark.parametrize('without_prctl', [False, True])
def test_a_worker_ends_with_its_starter(without_prctl):
    process = subprocess.Popen(
        [sys.executable, '-c', starter(without_prctl), ''],
        stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    os.kill(pid, 15)  # the run's, not the worker's
    time.sleep(.1)
    assert not is_gone(pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while not is_gone(pid):
        assert time.monotonic() < deadline
        time.sleep(.05)


def test_a_worker_whose_starter_is_gone_does_not_begin():
    """It was killed while the worker was being started."""
    process = subprocess.Popen(
        [sys.executable, '-c', starter(), '1'], stdout=subprocess.PIPE,
        text=True)
    try:
        deadline = time.monotonic() + 10
        children = f'/proc/{process.pid}/task/{process.pid}/children'
        while not (pids := Path(children).read_text().split()):
            assert time.monotonic() < deadline
        while not is_gone(int(pids[0])):
            assert time.monotonic() < deadline
            time.sleep(.05)
    finally:
        process.kill()
        process.communicate()


def test_the_start_of_a_worker_imports_the_standard_library_alone():
    code = ('import runpy, sys, threading, time\n'
            'threading.Thread.start = lambda self: None\n'
            'sys.platform = "other"\n'
            f'runpy.run_path({str(START)!r}, {{"STARTER": 1, '
            '"IGNORED": ()})\n'
            'print([name for name in sys.modules if "." not in name and name '
            'not in sys.stdlib_module_names and name != "__main__" and '
            'not name.startswith(("_", "sitecustomize", "distutils"))])')
    process = subprocess.run([sys.executable, '-S', '-c', code], timeout=60,
                             capture_output=True, text=True)
    assert process.stdout == '[]\n', process.stderr
