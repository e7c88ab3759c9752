"""Cells of an experiment: computed in several processes, kept on disk."""
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress

from secml_regpoison.storage import load_arrays, save_arrays
from secml_regpoison.version import __version__
from .parallel import parallel_map, progress_bar


@contextmanager
def cells_folder(out, name, resume, keep=False):
    """Yield the folder ``NAME.cells`` of finished cells, made if missing.

    Without `resume` it begins empty. It is removed when all went well, unless
    `keep`.
    """
    folder = os.path.join(out, f'{name}.cells')
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    yield folder
    if not keep:
        shutil.rmtree(folder)


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
    save_arrays(path, function(*arguments))
