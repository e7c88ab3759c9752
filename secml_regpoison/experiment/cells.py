"""Parts of a figure, computed in several processes and kept on disk."""
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress

from secml_regpoison.storage import load_arrays, save_arrays
from .progress import progress_bar
from secml_regpoison.version import __version__
from .parallel import parallel_map


@contextmanager
def cells_folder(out, figure, resume):
    """Yield the folder of a figure's finished cells.

    With `resume` those of an interrupted run are kept. The folder is removed
    when the figure is finished.
    """
    folder = os.path.join(out, f'{figure}.cells')
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def run_cells(cells, folder, jobs=1):
    """Call a function for each cell, several at a time, see `parallel_map`.

    A cell whose file is in `folder` is read instead: its name says what was
    called with what, in which version. All processes must see `folder`.

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
    missing = [i for i, path in enumerate(paths) if not os.path.isfile(path)]
    with progress_bar(len(missing), ' cell') as report:
        for _ in parallel_map(
                ((_compute, paths[i], *cells[i]) for i in missing), jobs):
            report()
    return [load_arrays(path) for path in paths]


def clear_cache(cells, folder):
    """Remove the files of cells, so that they are computed again."""
    for cell in cells:
        with suppress(FileNotFoundError):
            os.remove(_path(folder, *cell))


def clear_caches(out):
    """Remove the finished cells of all figures in a folder."""
    for name in ('fig1', 'attacks'):
        shutil.rmtree(os.path.join(out, f'{name}.cells'), ignore_errors=True)


def _path(folder, function, *arguments):
    called = __version__, function.__module__, function.__name__, arguments
    digest = hashlib.sha256(repr(called).encode()).hexdigest()[:16]
    return os.path.join(folder, f'{function.__name__}-{digest}.npz')


def _compute(path, function, *arguments):
    save_arrays(path, function(*arguments))
