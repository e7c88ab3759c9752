"""Training steps as CUDA graphs, kept for the next call of the same shapes.

A graph reads and writes memory of its own: the arguments are copied in, it is
replayed, the results are copied out. One thread at a time may do that. Only
the main thread captures, as CUDA refuses other threads many calls meanwhile:
they replay its graphs, or launch their steps one by one.
"""
import functools
import threading
import warnings
from collections import OrderedDict
from typing import Any, Callable

import torch
from torch import Tensor

# What all graphs of a process hold together; the least recently used go first.
MAX_BYTES = 2 ** 30


class GraphCache:
    """Runs steps as graphs, and keeps the graphs.

    Parameters
    ----------
    capture : callable
        ``(loop, tensors)`` to a callable that does as `loop` does, and the
        bytes that it holds.
    max_bytes : int
        Of all graphs that are kept. One that is larger is not used: its steps
        are launched one by one.
    """

    def __init__(self, capture: Callable[..., tuple[Callable[..., Any], int]],
                 max_bytes: int = MAX_BYTES):
        self.capture, self.max_bytes = capture, max_bytes
        self._kept: OrderedDict[Any, tuple[Callable[..., Any], int]] = \
            OrderedDict()
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Held by the graphs that are kept."""
        return sum(size for _, size in self._kept.values())

    def run(self, loop: Callable[..., Any], key: tuple[Any, ...],
            tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """``loop(*tensors)``; `key` says what `loop` does, and the stream."""
        key = (*key, *((x.shape, x.dtype, x.device) for x in tensors))
        is_main = threading.current_thread() is threading.main_thread()
        with self._lock:
            if is_main and key not in self._kept:
                self._keep(key, loop, *self.capture(loop, tensors))
            if key in self._kept:
                self._kept.move_to_end(key)
                # the next replay writes to the same memory
                return tuple(part.clone()
                             for part in self._kept[key][0](*tensors))
        return loop(*tensors)

    def _keep(self, key: tuple[Any, ...], loop: Callable[..., Any],
              graph: Callable[..., Any], size: int) -> None:
        self._kept[key] = ((graph, size) if size <= self.max_bytes
                           else (loop, 0))
        while self.n_bytes > self.max_bytes:
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()  # it may still be at work
            self._kept.popitem(last=False)


def capture_graph(loop: Callable[..., Any], tensors: tuple[Tensor, ...]
                  ) -> tuple[Callable[..., Any], int]:
    """`loop` as a CUDA graph, and the bytes that it holds; if capture fails
    `loop` itself, with a warning."""
    samples = tuple(torch.zeros_like(x) for x in tensors)
    if samples[0].is_cuda:
        torch.cuda.empty_cache()  # the capture does, and would count less
    before = _reserved(samples[0])
    try:
        graph = torch.cuda.make_graphed_callables(loop, samples)
    except RuntimeError as error:
        warnings.warn(
            f'no CUDA graph of steps with {len(samples):d} inputs could be '
            f'captured, they are launched one by one: {error}',
            RuntimeWarning, stacklevel=6)
        return loop, 0
    inputs = sum(x.numel() * x.element_size() for x in samples)
    return graph, inputs + max(0, _reserved(samples[0]) - before)


def _reserved(x: Tensor) -> int:
    return torch.cuda.memory_reserved(x.device) if x.is_cuda else 0


GRAPHS = GraphCache(capture_graph)


def run_as_graph(steps: Callable[..., Any], n_steps: int, loss: Any,
                 tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """``steps(n_steps, loss, *tensors)`` by a graph of them, on the current
    device. A loss that holds tensors is made anew for each training, and so
    would its graph be: these steps are launched one by one, too."""
    device = tensors[0].device
    if device.index != torch.cuda.current_device() or any(
            isinstance(part, Tensor) for part in getattr(
                loss, '__dict__', {}).values()):
        return steps(n_steps, loss, *tensors)
    stream = torch.cuda.current_stream(device).cuda_stream
    return GRAPHS.run(functools.partial(steps, n_steps, loss),
                      (steps, n_steps, loss, stream), tensors)
