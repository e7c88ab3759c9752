"""A progress bar that other processes can move."""
import os
import sys
import tempfile
import threading
from contextlib import contextmanager
from functools import partial

from tqdm import tqdm


@contextmanager
def progress_bar(total, unit, folder=None):
    """Show a bar on stderr, with the remaining time.

    Yields a callable that moves it by one. It can be pickled, so that workers
    report what they have done: each call appends a byte to a file whose
    length is read here, which needs neither a lock nor a server. Workers on
    other machines need a `folder` for it that they see too.
    """
    # a log file gets a line now and then, not two each second
    period = 0.5 if sys.stderr.isatty() else 15.
    with tempfile.TemporaryDirectory(dir=folder) as folder, tqdm(
            total=total, unit=unit, mininterval=period) as bar:
        path = os.path.join(folder, 'done')
        _append_byte(path)
        finished = threading.Event()
        watcher = threading.Thread(
            target=_watch, args=(bar, path, finished, period))
        watcher.start()
        try:
            yield partial(_append_byte, path)
        finally:
            finished.set()
            watcher.join()


def _append_byte(path):
    """Make the file one byte longer, in one call of the system."""
    with open(path, 'ab', buffering=0) as stream:
        stream.write(b'.')


def _watch(bar, path, finished, period):
    """Keep the bar at the length of the file, less its first byte."""
    while not finished.wait(period):
        _show(bar, path)
    _show(bar, path)


def _show(bar, path):
    """Set the bar once."""
    bar.n = os.path.getsize(path) - 1
    bar.refresh()
