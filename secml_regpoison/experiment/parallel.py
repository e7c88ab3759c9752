"""Calls in several processes, each on one thread."""
import logging
import os
import runpy
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import joblib
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import LokyBackend, MultiprocessingBackend
from threadpoolctl import ThreadpoolController, threadpool_limits

from secml.core import CCreator

from secml_regpoison.core.threads import (
    ONE_BLAS_THREAD, FirstToLast, one_thread_of)
from secml_regpoison.quiet import ignoring


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

    Raises
    ------
    RuntimeError
        If one of these processes is killed.

    """
    # joblib's multiprocessing hands out all results at the end alone
    in_turn = _backend().supports_return_generator
    # memory maps are off: they are read-only, and torch warns at each
    parallel = joblib.Parallel(
        n_jobs=jobs, return_as='generator_unordered' if in_turn else 'list',
        max_nbytes=None, **_end_with_this_process())
    results = parallel(joblib.delayed(_work)(os.getpid(), *call)
                       for call in calls)
    try:
        for result in results:
            yield result
    except TerminatedWorkerError as error:
        raise RuntimeError(
            'a worker process was killed, perhaps as memory ran out: --jobs 1 '
            '(n_jobs=1 in Python) takes less') from error
    finally:
        # where the caller stops in the middle, by a signal for example,
        # joblib advises another use of it
        with ignoring('.*You could benefit from', UserWarning):
            if in_turn:
                results.close()


def _backend():
    return joblib.parallel.get_active_backend()[0]


def _end_with_this_process():
    """Options of joblib: what its own processes run first."""
    backend = type(_backend())
    if backend not in (LokyBackend, MultiprocessingBackend):
        return {}
    # the latter ends its processes by SIGTERM
    ignored = (signal.SIGINT, signal.SIGTERM) \
        if backend is LokyBackend else ()
    return {'initializer': runpy.run_path, 'initargs': (
        str(Path(__file__).with_name('worker_start.py')),
        {'STARTER': os.getpid(), 'IGNORED': ignored})}


def _work(starter, function, *args):
    if os.getppid() == starter:
        _log_to_stderr()
    with _one_thread():
        return function(*args)


def _log_to_stderr():
    """Send secml's log lines to stderr, which has no results."""
    for handler in logging.getLogger(CCreator._logger.logger_id).handlers:
        if getattr(handler, 'stream', None) is sys.stdout:
            handler.setStream(sys.stderr)


@FirstToLast
@contextmanager
def _process_on_one_thread():
    """What is of the whole process; gives torch's number of threads."""
    libraries = ThreadpoolController().select(user_api='blas').lib_controllers
    with ONE_BLAS_THREAD, one_thread_of(libraries):
        yield torch.get_num_threads()


@contextmanager
def _one_thread():
    """Keep torch and BLAS on one thread: same sums, no crowded cores."""
    # the latter for OpenMP: each thread of Python has a number of its own
    with _process_on_one_thread as threads, threadpool_limits(1):
        # or else the first sum in this thread takes the process's number
        torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
