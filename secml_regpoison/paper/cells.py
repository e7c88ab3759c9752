"""Parts of a figure, computed in several processes and kept on disk."""
import glob
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress

import joblib
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from secml_regpoison import __version__
from secml_regpoison.progress import progress_bar
from secml_regpoison.report import atomic_path


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
    """Call a function for each cell, several at a time, on a thread each.

    A cell whose file is in `folder` is read instead: its name says what was
    called with what, in which version. The processes are joblib's, so that a
    `joblib.parallel_config` around the call sends the cells elsewhere;
    `folder` must then be one that all of them see.

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
    # memory maps are off: they are read-only, and torch warns at each
    parallel = joblib.Parallel(n_jobs=jobs, return_as='generator_unordered',
                               max_nbytes=None)
    with progress_bar(len(missing), ' cell') as report:
        for _ in parallel(joblib.delayed(_compute)(paths[i], *cells[i])
                          for i in missing):
            report()
    return [_read(path) for path in paths]


def forget(cells, folder):
    """Remove the files of cells, so that they are computed again."""
    for cell in cells:
        with suppress(FileNotFoundError):
            os.remove(_path(folder, *cell))


def forget_all(out):
    """Remove the finished cells of all figures in a folder."""
    for folder in glob.glob(os.path.join(glob.escape(out), '*.cells')):
        shutil.rmtree(folder)


def _path(folder, function, *arguments):
    called = __version__, function.__module__, function.__name__, arguments
    digest = hashlib.sha256(repr(called).encode()).hexdigest()[:16]
    return os.path.join(folder, f'{function.__name__}-{digest}.npz')


def _compute(path, function, *arguments):
    """Write the result of one cell, all of it or nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            result = function(*arguments)
    finally:
        torch.set_num_threads(threads)
    with atomic_path(path) as scratch:
        np.savez(scratch, **result)


def _read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
