"""Cells of an experiment: computed in several processes, kept on disk."""
import glob
import hashlib
import os
import shutil
import time
from contextlib import contextmanager, suppress

from secml_regpoison.storage import (
    is_locked, load_arrays, only_writer, save_arrays)
from secml_regpoison.terminal import print_error, progress_bar
from secml_regpoison.version import __version__
from .parallel import parallel_map

# Seconds to wait for a worker of an earlier run.
PATIENCE = 60.


@contextmanager
def cells_folder(out, name, resume, keep=False):
    """Yield the folder ``NAME.cells`` of finished cells, made if missing.

    Without `resume` it begins empty. It is removed when all went well, unless
    `keep`. The caller holds `out`: a process that still writes to the folder
    is a worker of a run that was killed, and is waited for.
    NotADirectoryError if it is a link or a file.
    """
    folder = os.path.join(out, f'{name}.cells')
    is_folder = os.path.isdir(folder) and not os.path.islink(folder)
    if os.path.lexists(folder) and not is_folder:
        raise NotADirectoryError(
            f"the place of unfinished work must be a folder, got '{folder}', "
            'a link or a file: remove it, or choose another `out` (--out).')
    _wait_for_workers(folder)
    if is_folder and not resume:
        shutil.rmtree(folder)
    os.makedirs(folder, exist_ok=True)
    yield folder
    if not keep:
        shutil.rmtree(folder)


def _wait_for_workers(folder):
    """Wait until nobody holds a file in `folder`; OSError if that lasts."""
    deadline, is_said = time.monotonic() + PATIENCE, False
    for lock in glob.glob(os.path.join(glob.escape(folder), '*.lock')):
        path = lock.removesuffix('.lock')
        while is_locked(path):
            if time.monotonic() > deadline:
                raise OSError(
                    f"a worker of an earlier run still writes to '{path}' "
                    f'after {PATIENCE:g} s: end it, or choose another folder.')
            if not is_said:
                print_error('waiting for the end of a worker of an earlier '
                            f"run, which writes to '{path}'")
                is_said = True
            time.sleep(.1)


def run_cells(cells, folder, jobs=1):
    """Call a function for each cell, several at a time, see `parallel_map`.

    A cell whose file is in `folder` is read instead: the name of the file
    is a hash of the function, its arguments and the version. All processes
    must see `folder`.

    Parameters
    ----------
    cells : list of tuple
        Function of each cell and its arguments, whose `repr` must tell them
        apart. It returns a dict of arrays or numbers.
    folder : str
    jobs : int, optional
        Number of processes. Default 1.

    Returns
    -------
    list of dict of str to ndarray
        In the order of `cells`.

    """
    paths = [_path(folder, *cell) for cell in cells]
    calls = [(_compute, path, *cell) for path, cell in zip(paths, cells)
             if not os.path.isfile(path)]
    with progress_bar(len(calls)) as bar:
        for _ in parallel_map(calls, jobs):
            bar.update()
    return [load_arrays(path) for path in paths]


def clear_cache(cells, folder):
    """Remove the files of cells, so that they are computed again."""
    for cell in cells:
        with suppress(FileNotFoundError):
            os.remove(_path(folder, *cell))


def _path(folder, function, *arguments):
    called = __version__, function.__module__, function.__name__, arguments
    digest = hashlib.sha256(repr(called).encode()).hexdigest()[:16]
    return os.path.join(folder, f'{function.__name__}-{digest}.npz')


def _compute(path, function, *arguments):
    with only_writer(path, 'out'):
        save_arrays(path, function(*arguments))
