"""Text for people: on a terminal, in a pipe or in a log.

What reads it may go away or stand still. A run does not stop for that: its
results are files. Only a full disk under stdout ends it, in words.
"""
import errno
import os
import select
import sys
import threading
from contextlib import contextmanager, suppress

from tqdm import tqdm


def printable(text):
    """Text from outside, such as the name of a file or a label of data.

    Control characters, which would command a terminal, become escapes. In a
    picture it is drawn with ``parse_math=False``.
    """
    return ''.join(char if char.isprintable()
                   else char.encode('unicode_escape').decode()
                   for char in str(text))


def one_line(message):
    """A message, which may be of another library, as printable text."""
    return printable(' '.join(str(message).split()))


def shorten(text):
    """Both ends of a text of over 40 characters, with dots between them."""
    text = str(text)
    return text if len(text) <= 40 else f'{text[:22]}...{text[-15:]}'


def shorten_all(texts):
    """Texts that stand together, shortened unless two would look alike."""
    texts = [*map(str, texts)]
    short = [*map(shorten, texts)]
    return short if len({*short}) == len({*texts}) else texts


def count_rows(n, noun='row'):
    """'1 row', '2 rows' and so on."""
    return f'{n} {noun}' if n == 1 else f'{n} {noun}s'


def is_or_are(n):
    """The verb behind `count_rows`."""
    return 'is' if n == 1 else 'are'


def print_text(text):
    """Print on stdout; '?' for signs that the terminal does not have.

    Nothing happens if nobody reads it any more. OSError if the disk of a log
    is full.
    """
    _print(sys.stdout, text)


def print_error(text):
    """Print a line on stderr, if that takes it."""
    with suppress(OSError):
        _print(sys.stderr, text)


def _print(stream, text):
    if _is_closed(stream):
        return
    encoding = getattr(stream, 'encoding', None) or 'utf-8'
    try:
        print(text.encode(encoding, 'replace').decode(encoding), file=stream,
              flush=True)
    except OSError as error:
        if stream in (sys.__stdout__, sys.__stderr__):
            _discard(stream)
        if error.errno != errno.EPIPE:
            raise OSError(error.errno, 'the text cannot be printed: '
                          f'{error.strerror}') from error


def _is_closed(stream):
    return stream is None or getattr(stream, 'closed', False)


def _discard(stream):
    """Drop what a stream still holds, which Python would write at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def discard_unwritten():
    """Forget what stderr did not take: it would change the exit code."""
    try:
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


@contextmanager
def progress_bar(total, is_first=False):
    """A bar on stderr of finished cells, with the time spent and left.

    On a terminal the time moves each second, also within a cell. Before the
    first cell there may be a bar that leaves nothing, of a terminal only.
    """
    is_closed = _is_closed(sys.stderr)
    is_terminal = not is_closed and sys.stderr.isatty()
    # a log file gets a line now and then, not two each second
    with _Bar(total=total, unit=' cell', file=_Display(sys.stderr),
              dynamic_ncols=True, leave=not is_first,
              disable=not total or is_closed or is_first and not is_terminal,
              mininterval=.5 if is_terminal else 15.) as bar:
        ended = threading.Event()
        if is_terminal:
            threading.Thread(target=_tick, args=(bar, ended),
                             daemon=True).start()
        try:
            yield bar
        finally:
            ended.set()


def _tick(bar, ended):
    """Draw the bar each second."""
    while not ended.wait(1.):
        bar.refresh()


class _Bar(tqdm):
    """A bar without tqdm's thread and the lock that processes share."""

    monitor_interval = 0


_Bar.set_lock(threading.RLock())


class _Display:
    """A stream of which a bar may lose text, but never fail or wait for."""

    def __init__(self, stream):
        self._stream = stream
        self.encoding = getattr(stream, 'encoding', None)

    def fileno(self):
        return self._stream.fileno()

    def write(self, text):
        with suppress(OSError, ValueError):
            if self._stream is not sys.__stderr__:
                self._stream.write(text)
            elif _takes_text(self.fileno()):
                # not by the stream: it keeps what it could not write
                os.write(self.fileno(), text.encode(self.encoding, 'replace'))

    def flush(self):
        pass


def _takes_text(descriptor):
    """Whether a line can be written without waiting for a reader."""
    return os.name != 'posix' or bool(
        select.select([], [descriptor], [], 0)[1])
