"""The cache of CUDA graphs; on the CPU, with graphs that it can hold."""
import threading
import time
import warnings
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from core_problems import make, on_gpu, to
from secml_regpoison.core import hypergradient
from secml_regpoison.core.solvers import cuda_graphs
from secml_regpoison.core.solvers.cuda_graphs import (
    GRAPHS, MAX_BYTES, GraphCache, capture_graph)
from secml_regpoison.core.trust import TrustModel


def double(x):
    return 2 * x,


def capture(loop, tensors):
    """As a graph does: copies in, works slowly, and gives its own memory."""
    inside = [torch.zeros_like(x) for x in tensors]
    out = [torch.zeros_like(x) for x in loop(*inside)]

    def replay(*tensors):
        for mine, theirs in zip(inside, tensors):
            mine.copy_(theirs)
        time.sleep(.002)
        for mine, result in zip(out, loop(*inside)):
            mine.copy_(result)
        time.sleep(.002)
        return out
    return replay, sum(x.numel() * x.element_size() for x in inside + out)


def test_threads_do_not_share_the_memory_of_a_graph():
    """Without the lock one thread gets the numbers of another."""
    cache, wrong = GraphCache(capture), []
    cache.run(double, (), (torch.zeros(3),))

    def work(value):
        x = torch.full((3,), float(value))
        for _ in range(10):
            if not torch.equal(cache.run(double, (), (x,))[0], 2 * x):
                wrong.append(value)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.n_bytes == 2 * 3 * 4


def test_the_main_thread_alone_captures():
    """Another thread at work on CUDA would break a capture, or be broken."""
    captured, found = [], []

    def counting(loop, tensors):
        captured.append(len(tensors[0]))
        return capture(loop, tensors)
    cache = GraphCache(counting)
    for size in (3, 4):
        thread = threading.Thread(target=lambda: found.extend(
            cache.run(double, (), (torch.ones(size),))))
        thread.start()
        thread.join()
        cache.run(double, (), (torch.ones(3),))
    assert captured == [3]
    assert all(map(torch.equal, found, (2 * torch.ones(3), 2 * torch.ones(4))))


def test_a_replay_leaves_earlier_results_alone():
    cache = GraphCache(capture)
    first, = cache.run(double, (), (torch.ones(3),))
    cache.run(double, (), (torch.zeros(3),))
    assert torch.equal(first, 2 * torch.ones(3))


def test_the_least_recently_used_graphs_go():
    captured = []

    def counting(loop, tensors):
        captured.append(len(tensors[0]))
        return capture(loop, tensors)
    # a graph of k numbers holds 8 k bytes
    cache = GraphCache(counting, max_bytes=8 * 50)
    for size in (10, 20, 10, 30, 10, 20, 100, 100, 10):
        x = torch.ones(size)
        assert torch.equal(cache.run(double, (), (x,))[0], 2 * x)
        assert cache.n_bytes <= cache.max_bytes
    # 30 drives out 20, and 20 then 30; 100 never fits, and is launched
    assert captured == [10, 20, 30, 20, 100]


def test_steps_that_no_graph_holds_are_launched_one_by_one():
    with pytest.warns(RuntimeWarning, match='no CUDA graph of steps with 1 '):
        # there is no graph of a computation on the CPU
        steps, size = capture_graph(double, (torch.ones(3),))
    assert steps is double and size == 0


@pytest.fixture
def captured(monkeypatch):
    """As if the tensors were on a GPU: the steps that would be captured."""
    found = []

    def counting(loop, tensors):
        found.append(loop)
        return capture(loop, tensors)
    monkeypatch.setattr(torch.Tensor, 'is_cuda', True)
    monkeypatch.setattr(torch.cuda, 'current_device', lambda: None)
    monkeypatch.setattr(torch.cuda, 'current_stream',
                        lambda device: SimpleNamespace(cuda_stream=0))
    monkeypatch.setattr(cuda_graphs, 'GRAPHS', GraphCache(counting))
    return found


def test_a_graph_is_of_the_current_device(monkeypatch, captured):
    """A graph is captured, and replayed, there."""
    expected = hypergradient(*make(), 0.)
    assert len(captured) == 2
    monkeypatch.setattr(torch.cuda, 'current_device', lambda: 1)
    found = hypergradient(*make(seed=0, n=12), 0., n_inner=150)
    again = hypergradient(*make(n=13), 0.)
    assert len(captured) == 2 and again.value != expected.value
    assert all(map(torch.equal, found, expected))


def test_weights_of_rows_do_not_make_a_graph_for_each_training(captured):
    """Those steps are launched one by one; in reverse no loss is read."""
    problem, x_p, y_p = make()
    model = partial(TrustModel, folds=tuple(
        torch.arange(9)[k::3] for k in range(3)))
    for lmbda in (-1., 0., 1.):
        hypergradient(problem, x_p, y_p, lmbda, model=model)
    assert [loop.args for loop in captured] == [(150, None)]


def test_idle_memory_is_no_part_of_a_graph_nor_hides_it(monkeypatch):
    """torch gives it back before it captures."""
    memory = SimpleNamespace(used=40, idle=60)

    def graphed(loop, samples):
        memory.used, memory.idle = memory.used + 50, 0
        return loop
    monkeypatch.setattr(torch.Tensor, 'is_cuda', True)
    monkeypatch.setattr(torch.cuda, 'empty_cache',
                        lambda: setattr(memory, 'idle', 0))
    monkeypatch.setattr(torch.cuda, 'memory_reserved',
                        lambda device: memory.used + memory.idle)
    monkeypatch.setattr(torch.cuda, 'make_graphed_callables', graphed)
    assert capture_graph(double, (torch.ones(3),)) == (double, 3 * 4 + 50)


@on_gpu
def test_two_threads_on_a_gpu():
    """They replay the graphs of the main thread, and each gets its own
    derivative; the memory held is counted."""
    cases = [to('cuda', *make(seed=seed)) for seed in (0, 1)]
    expected = [hypergradient(*case, 0.).grad_x_p for case in cases]
    wrong = []

    def work(i):
        for _ in range(50):
            with warnings.catch_warnings():
                warnings.simplefilter('error')
                got = hypergradient(*cases[i], 0.).grad_x_p
            if not torch.equal(got, expected[i]):
                wrong.append(i)
    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 0 < GRAPHS.n_bytes <= MAX_BYTES
