"""Run first in a worker process: it ends with the process STARTER.

This file is run by its path and uses the standard library alone, because the
import of the package takes seconds, in which a run may be killed. A worker
that went on would hold its files against the run that resumes.

The signals IGNORED are for the run, which ends its workers.
"""
import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def _end_with_starter(starter):
    """End this process soon after the process that started it."""
    if sys.platform == 'linux':  # at once, also in a long call of a library
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(starter,), daemon=True).start()


def _watch(starter):
    while os.getppid() == starter:
        time.sleep(.2)
    os._exit(1)


if 'STARTER' in globals():
    for signum in IGNORED:  # noqa: F821
        signal.signal(signum, signal.SIG_IGN)
    _end_with_starter(STARTER)  # noqa: F821
