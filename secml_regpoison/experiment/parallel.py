"""Calls in several processes, each on one thread."""
import logging
import os
import sys
import threading
import time
from contextlib import contextmanager
from functools import cache

import joblib
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm


def parallel_map(calls, jobs):
    """Call functions, several at a time; yields results as they come.

    The numbers do not depend on `jobs`: each call has one thread. The
    processes are joblib's, so that a `joblib.parallel_config` around this
    sends the calls elsewhere.

    Parameters
    ----------
    calls : iterable of tuple
        Function and its arguments.
    jobs : int or None
        Number of processes.

    """
    # memory maps are off: they are read-only, and torch warns at each
    parallel = joblib.Parallel(n_jobs=jobs, return_as='generator_unordered',
                               max_nbytes=None)
    return parallel(joblib.delayed(_work)(os.getpid(), *call)
                    for call in calls)


def progress_bar(total):
    """A bar on stderr of finished cells, with the remaining time."""
    # a log file gets a line now and then, not two each second
    return tqdm(total=total, unit=' cell', disable=not total,
                mininterval=.5 if sys.stderr.isatty() else 15.)


def _work(starter, function, *args):
    if os.getppid() == starter:
        _exit_with_parent(starter)
        _log_to_stderr()
    with _one_thread():
        return function(*args)


def _log_to_stderr():
    """Send secml's log lines to stderr, which has no results."""
    for handler in logging.getLogger().handlers:
        if getattr(handler, 'stream', None) is sys.stdout:
            handler.setStream(sys.stderr)


@contextmanager
def _one_thread():
    """Keep torch and BLAS on one thread: same sums, no crowded cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


@cache
def _exit_with_parent(starter):
    """End this process soon after the process that started it.

    A worker of joblib would go on after its run was killed, and would hold
    its files against the run that resumes.
    """
    def watch():
        while os.getppid() == starter:
            time.sleep(.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
