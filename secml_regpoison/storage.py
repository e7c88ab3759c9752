"""Files that survive a kill, a full disk and a second process.

Arrays are stored as npz, which `numpy.load` reads too, followed by the SHA-256
of the bytes before. They are read without pickle: a file is data, never code.
"""
import hashlib
import io
import os
from contextlib import contextmanager, suppress

import filelock
import numpy as np

N_DIGEST = hashlib.sha256().digest_size


@contextmanager
def atomic_path(path):
    """Yield a name to write to, which becomes `path` if all goes well.

    A reader of `path` sees the old file or the whole new one, also after a
    kill or a power cut. The name is always the same: the next call overwrites
    what a kill has left.
    """
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f'.part-{name}')
    try:
        yield scratch
        with open(scratch, 'rb+') as stream:
            os.fsync(stream.fileno())
        os.replace(scratch, path)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to report
            os.remove(scratch)
        # a full disk names no file; an error without number would be lost
        if isinstance(error, OSError) and error.errno and not error.filename:
            error.filename = path
        raise


def save_arrays(path, arrays):
    """Write a dict of arrays or numbers to `path`, atomically."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    content = stream.getvalue()
    with atomic_path(path) as scratch:
        with open(scratch, 'wb') as file:
            file.write(content)
            file.write(hashlib.sha256(content).digest())


def load_arrays(path):
    """The dict of arrays that `save_arrays` wrote.

    Raises
    ------
    ValueError
        If a bit of the file has changed, or part of it is missing.

    """
    with open(path, 'rb') as file:
        file = file.read()
    content, digest = file[:-N_DIGEST], file[-N_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(
            f"The file must be one that this program wrote, unchanged, got "
            f"'{path}' with a wrong checksum: it was cut, damaged, or is "
            f'something else. Delete it to compute its content again.')
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


@contextmanager
def only_writer(path, name):
    """Lock `path`, a file or a folder, against other processes.

    The lock is a file ``.lock`` in the folder, or ``FILE.lock`` beside the
    file. The system releases it when this process ends, also by a kill.

    Raises
    ------
    OSError
        At once, if another process holds it or nothing can be written there;
        names the parameter `name`.

    """
    lock = filelock.FileLock(os.path.join(path, '.lock')
                             if os.path.isdir(path) else f'{path}.lock')
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise OSError(
            f"`{name}` must be a place that no other process writes to, got "
            f"'{path}': wait for the other process to end, or choose another "
            'place.') from None
    except OSError as error:
        raise OSError(error.errno, f'`{name}` cannot be written to: '
                      f'{error.strerror}', path) from error
    try:
        yield
    finally:
        # before the release: a process that waits sees that it is gone
        with suppress(OSError):
            os.remove(lock.lock_file)
        lock.release()
