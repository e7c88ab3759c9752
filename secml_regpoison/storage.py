"""Files that survive a kill, a full disk and a second process.

Arrays are stored as npz, which `numpy.load` reads too, followed by the SHA-256
of the bytes before. They are read without pickle: a file is data, never code.
"""
import glob
import hashlib
import io
import os
import secrets
from contextlib import contextmanager, suppress

import filelock
import numpy as np

from .npz import NpzReader

N_DIGEST = hashlib.sha256().digest_size
# Letters of a scratch file's name that cannot be guessed.
N_RANDOM = 16


@contextmanager
def atomic_path(path):
    """Yield a name to write to, which becomes `path` if all goes well.

    A reader of `path` sees the old file or the whole new one, also after a
    kill or a power cut. The name cannot be guessed, and the file is new: a
    link that somebody has planted in the folder is not followed. `only_writer`
    removes what a kill has left.
    """
    folder, name = os.path.split(path)
    scratch = os.path.join(
        folder, f'.part-{secrets.token_hex(N_RANDOM // 2)}-{name}')
    try:
        with open(scratch, 'xb'):
            pass
        yield scratch
        with open(scratch, 'rb+') as stream:
            os.fsync(stream.fileno())
        os.replace(scratch, path)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to report
            os.remove(scratch)
        # a full disk names no file; an error without number would be lost
        if isinstance(error, OSError) and error.errno \
                and error.filename in (None, scratch):
            raise OSError(error.errno, error.strerror + _missing_folder(path),
                          os.fspath(path)) from error
        raise


def _missing_folder(path):
    """What to add to an error: whether the folder of `path` is gone."""
    folder = os.path.dirname(path) or os.curdir
    return '' if os.path.isdir(folder) else ', its folder is missing'


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
        If a bit of the file has changed, part of it is missing, or it holds
        something else.

    """
    with open(path, 'rb') as file:
        file = file.read()
    content, digest = file[:-N_DIGEST], file[-N_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(
            f"The file must be one that this program wrote, unchanged, got "
            f"'{path}' with a wrong checksum: it was cut, damaged, or is "
            f'something else. Delete it to compute its content again.')
    with NpzReader(path, io.BytesIO(content)) as arrays:
        return {name: arrays.read(name) for name in arrays.names}


@contextmanager
def only_writer(path, name):
    """Lock `path`, a file or a folder, against other processes.

    The lock is a file ``.lock`` in the folder, or ``FILE.lock`` beside the
    file. The system releases it when this process ends, also by a kill. What
    a kill has left of a write is removed.

    Raises
    ------
    OSError
        At once, if another process holds it or nothing can be written there;
        names the parameter `name`.

    """
    path = os.fspath(path)
    lock = _lock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise OSError(
            f"`{name}` must be a place that no other process writes to, got "
            f"'{path}': wait for the other process to end, or choose another "
            'place.') from None
    except OSError as error:
        reason = error.strerror
        if os.path.lexists(lock.lock_file):
            reason += (', its lock file may be of another user: delete it if '
                       'no run of theirs goes on')
        raise OSError(error.errno, f'`{name}` cannot be written to: {reason}',
                      lock.lock_file) from error
    try:
        _remove_scratch(path)
        yield
    finally:
        # before the release: a process that waits sees that it is gone
        with suppress(OSError):
            os.remove(lock.lock_file)
        lock.release()


def is_locked(path):
    """Whether a process is in `only_writer` of `path`."""
    lock = _lock(path)
    if not os.path.exists(lock.lock_file):
        return False
    try:
        with lock.acquire(blocking=False):
            return False
    except OSError:  # held, or of another user
        return True


def _lock(path):
    """The lock of a file or a folder, not yet acquired."""
    return filelock.FileLock(os.path.join(path, '.lock')
                             if os.path.isdir(path) else f'{path}.lock')


def _remove_scratch(path):
    """Remove scratch files of `path`, or of the files in a folder."""
    folder, name = (path, '*') if os.path.isdir(path) \
        else (os.path.dirname(path), glob.escape(os.path.basename(path)))
    for scratch in glob.glob(os.path.join(
            glob.escape(folder), f'.part-{"?" * N_RANDOM}-{name}')):
        start = len(f'.part--{"?" * N_RANDOM}')
        file = os.path.join(folder, os.path.basename(scratch)[start:])
        # another process may be writing a file of its own in this folder
        if file == path or not is_locked(file):
            with suppress(OSError):
                os.remove(scratch)
