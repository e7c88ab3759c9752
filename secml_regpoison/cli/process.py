"""The process of the command: its standard streams and its signals."""
import atexit
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress

from secml_regpoison.terminal import discard_unwritten

SIGNALS = signal.SIGINT, signal.SIGTERM
_state = {'is_command': False, 'code': None}


def prepare():
    """Open the standard streams that are closed, and end in one line when a
    signal comes. To be called before the imports that take seconds."""
    _state['is_command'] = True
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # or the next file would be stdout
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # that stay open: Python warns of a file that its end closes
    sys.stdout = sys.stdout or open(1, 'w', closefd=False)
    sys.stderr = sys.stderr or open(2, 'w', closefd=False)
    atexit.register(_exit)
    _handle(_end)


def set_exit_code(code):
    """End the command with `code`, in any case."""
    _state['code'] = code


def _exit():
    """The last that Python calls, because it is registered first.

    After a KeyboardInterrupt went through code that was given as a string,
    such as that of a dataclass, Python would end itself by SIGINT.
    """
    discard_unwritten()
    if _state['code'] is not None:
        os._exit(_state['code'])


@contextmanager
def importing():
    """End the command at once when a signal comes: an exception in the middle
    of an import would be taken for a failed import."""
    old = _handle(_end) if _state['is_command'] else {}
    try:
        yield
    finally:
        _restore(old)


@contextmanager
def interruptible():
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does.

    Yields
    ------
    list of int
        The signals that have come.

    """
    came = []

    def interrupt(signum, _):
        came.append(signum)
        raise KeyboardInterrupt

    old = _handle(interrupt)
    try:
        yield came
    finally:
        _restore(old)


def _handle(handler):
    """Handle the signals, except those that the parent process has switched
    off; returns the old handlers."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {signum: signal.signal(signum, handler) for signum in SIGNALS
            if signal.getsignal(signum) not in (signal.SIG_IGN, None)}


def _restore(handlers):
    for signum, handler in handlers.items():
        signal.signal(signum, handler)


def _end(signum, _):
    with suppress(OSError):
        os.write(2, b'secml-regpoison: error: interrupted.\n')
    os._exit(128 + signum)
