"""One thread for BLAS, also where several threads of Python ask for it."""
import functools
import threading
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Callable, Iterable, Iterator, TypeVar, cast

import scipy.linalg  # noqa: F401  its BLAS and NumPy's are loaded first

try:
    from threadpoolctl import ThreadpoolController
except ImportError:  # the core runs without it, with all threads
    ThreadpoolController = None

# Those with threads of their own: the others share torch's.
_BLAS = () if ThreadpoolController is None else ThreadpoolController().select(
    threading_layer='pthreads').lib_controllers
_Function = TypeVar('_Function', bound=Callable[..., Any])


class FirstToLast:
    """A context that the first of the blocks that overlap enters, and the last
    one leaves, whatever threads they are in.

    For numbers of the whole process: if each block kept and restored them, it
    would take another's for the user's. All blocks are given what the first
    one was.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]
                 ) -> None:
        self._make, self._lock, self._n_blocks = make, threading.Lock(), 0

    def __enter__(self) -> Any:
        with self._lock:
            if not self._n_blocks:
                self._context = self._make()
                self._given = self._context.__enter__()
            self._n_blocks += 1
            return self._given

    def __exit__(self, *error: Any) -> None:
        with self._lock:
            self._n_blocks -= 1
            if not self._n_blocks:
                self._context.__exit__(None, None, None)


@contextmanager
def one_thread_of(libraries: Iterable[Any]) -> Iterator[None]:
    """Keep libraries, as threadpoolctl has them, on one thread. Unlike its
    own blocks, this one may be left in another thread of Python."""
    found = [(library, library.num_threads) for library in libraries]
    try:
        for library, _ in found:
            _set_threads(library, 1)
        yield
    finally:
        for library, number in found:
            _set_threads(library, number)


def _set_threads(library: Any, number: int) -> None:
    """Where threadpoolctl obeys the thread alone that came first (3.8), it
    obeys this one, and then any."""
    obey_any = getattr(library, 'clear_controlling_thread', lambda force: None)
    obey_any(force=True)
    library.set_num_threads(number)
    obey_any(force=True)


#: A block in which the BLAS of SciPy and NumPy has one thread.
ONE_BLAS_THREAD = FirstToLast(lambda: one_thread_of(_BLAS))
_here = threading.local()


def one_blas_thread(function: _Function) -> _Function:
    """`function`, with the BLAS of SciPy and NumPy on one thread.

    That and torch have a thread for each core, and they wait for work at full
    speed: in turns they are in each other's way, and a small problem takes ten
    times as long.
    """
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if getattr(_here, 'has_limit', False):  # set further out
            return function(*args, **kwargs)
        with ONE_BLAS_THREAD:
            _here.has_limit = True
            try:
                return function(*args, **kwargs)
            finally:
                _here.has_limit = False
    return cast(_Function, call)
