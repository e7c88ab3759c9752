"""A GPU against the same machine's CPU; `make bench-gpu` runs it.

Random data, d = 784, 171 validation rows, 17 points, T = 150; wall time, all
threads of the CPU. The first calls capture the CUDA graph and are not counted.
Both sides' results are compared first. Writes gpu.md.

- one hypergradient, and an attack of five steps, on the GPU and on the CPU:
  from which size on the GPU is faster, and `device='auto'` takes it;
- the T steps as a CUDA graph, and launched one by one;
- many problems of n = 512: their T steps as one batch of kernels and one after
  the other, and the share of these steps in a hypergradient, which is all that
  such a batch can save.
"""
import statistics
import time
from unittest import mock

import torch

from common import (
    ETA, N_INNER, N_POINTS, N_SLOW_RUNS, RESULTS, Claim, check_agreement,
    compare, report)
from run import table
from secml_regpoison.core import Problem, hypergradient, solve
from secml_regpoison.core.coordinates.kernel_steps import torch_steps
from secml_regpoison.core.linear_model import LOGISTIC
from secml_regpoison.core.solvers import heavy_ball
from secml_regpoison.core.solvers.cuda_graphs import run_as_graph

SIZES, LARGE, N_LARGE_RUNS = (256, 512, 1024, 2048, 5000, 50000), 20000, 3
BATCHES, N_VAL, D = (8, 32, 128), 171, 784
DTYPES = {'float64': (torch.float64, 1e-7), 'float32': (torch.float32, 1e-3)}


def problem_on(device, n, dtype):
    """`Problem`, points and labels on a device."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n + N_VAL, D, generator=generator) / 8
    noise = torch.randn(n + N_VAL, generator=generator) / 20
    y = (x[:, 0] + noise > 0).float() * 2 - 1
    x, y = x.to(device, dtype), y.to(device, dtype)
    problem = Problem(x[N_POINTS:n], y[N_POINTS:n], x[n:], y[n:])
    return problem, x[:N_POINTS], -y[:N_POINTS]


def wall(work):
    """Seconds of one call until the GPU is done."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def without_graph(work):
    """A callable that launches the steps of `work` one by one."""
    def run():
        with mock.patch.object(
                heavy_ball, 'run_as_graph',
                lambda steps, n_steps, loss, tensors: steps(
                    n_steps, loss, *tensors)):
            return work()
    return run


def one_problem(n, name, card):
    """Claims about n rows."""
    dtype, rtol = DTYPES[name]
    arguments = {device: problem_on(device, n, dtype)
                 for device in ('cuda', 'cpu')}
    case = f'n = {n}, d = {D}, {name}, {card}'
    versus = f'on a GPU against {torch.get_num_threads()} threads of the CPU'
    n_runs = N_LARGE_RUNS if n > LARGE else N_SLOW_RUNS
    for method in ('rmd', 'implicit'):
        eta = {'eta': ETA} if method == 'rmd' else {}
        gpu, cpu = (lambda on=on: hypergradient(
            *arguments[on], 0., method, N_INNER, **eta)
            for on in ('cuda', 'cpu'))
        expected = cpu()
        check_agreement([part.cpu() for part in gpu()], expected, rtol)
        yield compare(f'{method} {versus}', case, gpu, cpu, 'x as fast',
                      n_runs=n_runs, clock=wall)
        if method == 'rmd':
            plain = without_graph(gpu)
            check_agreement([part.cpu() for part in plain()], expected, rtol)
            yield compare('rmd as a CUDA graph against steps launched one by '
                          'one', case, gpu, plain, 'x as fast', n_runs=n_runs,
                          clock=wall)
        if n <= LARGE and name == 'float64':
            gpu, cpu = (lambda on=on: solve(
                *arguments[on], 0., method=method, n_outer=5)
                for on in ('cuda', 'cpu'))
            check_agreement([gpu().value], [cpu().value], rtol)
            yield compare(f'five steps of an attack by {method} {versus}',
                          case, gpu, cpu, 'x as fast', n_runs=N_LARGE_RUNS,
                          clock=wall)


def batch_of_steps(kernels, beside, coefficients, first):
    """`torch_steps` in training, of many kernels (k, n, n) at once; bias not
    penalised."""
    n_problems, n = kernels.shape[:2]
    _, decay, scale = coefficients.unbind()
    rows = torch.cat([kernels, beside], 1)
    path = first.new_zeros(N_INNER + 1, n_problems, 3, n + 2)
    path[0, :, :2] = first
    bias = torch.cat([(-decay / scale).expand(n_problems, 1), beside[:, 1]], 1)
    mix = coefficients.expand(n_problems, 1, 3)
    scores = first.new_empty(N_INNER, n_problems, 1, n)
    for h, now, after in zip(scores, path, path[1:]):
        torch.bmm(now[:, 1:2], rows, out=h)
        now[:, 2, :n] = torch.sigmoid(h[:, 0])
        now[:, 2, -1] = (bias * now.flatten(1)[:, -n - 3:-2]).sum(1)
        after[:, :1] = torch.bmm(mix, now)
        after[:, 1] = now[:, 1] + after[:, 0]
    return path[:, :, 1], scores[:, :, 0]


def many_problems(n_problems, name, card, n=512):
    """Claim about the T steps of many problems."""
    dtype, rtol = DTYPES[name]
    x = torch.randn(n_problems, n, D, device='cuda', dtype=dtype) / 8
    kernels = x @ x.mT
    beside = x.new_zeros(n_problems, 2, n)
    beside[:, 1] = x[:, :, 0].sign()
    coefficients = x.new_tensor([0., -ETA / n, -ETA / n])
    first, free = x.new_zeros(n_problems, 2, n + 2), x.new_tensor(1.)
    arguments = kernels, beside, coefficients, first
    graph = torch.cuda.make_graphed_callables(
        batch_of_steps, tuple(map(torch.zeros_like, arguments)))

    def together():
        return graph(*arguments)

    def one_by_one():
        return [run_as_graph(torch_steps, N_INNER, LOGISTIC, (
            kernel, b, free, coefficients, start))
            for kernel, b, start in zip(kernels, beside, first)]
    for found, expected in zip(together(), zip(*one_by_one())):
        check_agreement([found.cpu()], [torch.stack(expected, 1).cpu()], rtol)
    return compare('T steps of many problems as one batch against one after '
                   'the other', f'{n_problems} x n = {n}, {name}, {card}',
                   together, one_by_one, 'x as fast', n_runs=N_SLOW_RUNS,
                   clock=wall)


def share_of_steps(name, card, n=512):
    """Claim about the part of a hypergradient that its 2 T steps take."""
    problem, x_p, y_p = problem_on('cuda', n, DTYPES[name][0])
    spent = []

    def timed(*arguments):
        found = []
        spent[-1] += wall(lambda: found.append(run_as_graph(*arguments)))
        return found[0]

    def work():
        spent.append(0.)
        with mock.patch.object(heavy_ball, 'run_as_graph', timed):
            hypergradient(problem, x_p, y_p, 0., eta=ETA)
    wall(work)
    totals = [wall(work) for _ in range(N_SLOW_RUNS)]
    shares = [100 * steps / total for steps, total in zip(spent[1:], totals)]
    return Claim('share of the 2 T steps in a hypergradient by rmd on a GPU',
                 f'n = {n}, d = {D}, {name}, {card}',
                 statistics.median(shares), min(shares), max(shares), ' %',
                 ours=statistics.median(spent[1:]),
                 other=statistics.median(totals))


def main():
    if not torch.cuda.is_available():
        print('skipped: no CUDA device')
        return
    card, claims = torch.cuda.get_device_name(), []
    try:
        for name in DTYPES:
            for n in SIZES:
                claims.extend(one_problem(n, name, card))
            claims.append(share_of_steps(name, card))
            claims.extend(many_problems(k, name, card) for k in BATCHES)
    finally:
        report('gpu_vs_cpu', claims)
        if claims:
            (RESULTS / 'gpu.md').write_text(table(claims))


if __name__ == '__main__':
    main()
