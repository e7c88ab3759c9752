"""A GPU against the same machine's CPU; `make bench-gpu` runs it.

Random data, d = 784, 171 validation rows, 17 points, T = 150, float32; wall
time, all threads of the CPU. The first calls capture the CUDA graph and are
not counted. Both sides' results are compared first. Writes gpu.md.

- one hypergradient on the GPU and on the CPU;
- the T steps as a CUDA graph, and launched one by one;
- the products of many problems of n = 512, as one batch of kernels and one
  after the other: whether problems side by side would pay.
"""
import time
from unittest import mock

import torch

from common import (
    ETA, N_INNER, N_POINTS, N_SLOW_RUNS, RESULTS, check_agreement, compare,
    report)
from run import table
from secml_regpoison.core import Problem, hypergradient
from secml_regpoison.core.solvers import heavy_ball

SIZES, BATCHES, N_VAL, D = (512, 5000, 50000), (8, 32, 128), 171, 784


def problem_on(device, n):
    """`Problem`, points and labels on a device."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n + N_VAL, D, generator=generator) / 8
    y = (x[:, 0] > 0).float() * 2 - 1
    x, y = x.to(device), y.to(device)
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


def hypergradients(n, card):
    """Claims about one hypergradient with n rows."""
    arguments = {device: problem_on(device, n) for device in ('cuda', 'cpu')}
    case = f'n = {n}, d = {D}, {card}'
    for method in ('rmd', 'implicit'):
        eta = {'eta': ETA} if method == 'rmd' else {}
        gpu, cpu = (lambda on=on: hypergradient(
            *arguments[on], 0., method, N_INNER, **eta)
            for on in ('cuda', 'cpu'))
        expected = cpu()
        check_agreement([part.cpu() for part in gpu()], expected)
        yield compare(
            f'{method} on a GPU against {torch.get_num_threads()} threads of '
            'the CPU', case, gpu, cpu, 'x faster', n_runs=N_SLOW_RUNS,
            clock=wall)
        if method == 'rmd':
            plain = without_graph(gpu)
            check_agreement([part.cpu() for part in plain()], expected)
            yield compare('rmd as a CUDA graph against steps launched one by '
                          'one', case, gpu, plain, 'x faster',
                          n_runs=N_SLOW_RUNS, clock=wall)


def batch_of_products(n_problems, card, n=512):
    """Claim about 2 T products with each of many kernels."""
    kernels = torch.randn(n_problems, n, n, device='cuda') / n
    u = torch.randn(n_problems, n, 1, device='cuda')

    def together():
        for _ in range(2 * N_INNER):
            torch.bmm(kernels, u)

    def one_by_one():
        for kernel, v in zip(kernels, u[..., 0]):
            for _ in range(2 * N_INNER):
                torch.mv(kernel, v)
    return compare('2 T products of many kernels as one batch against one '
                   'after the other', f'{n_problems} x n = {n}, {card}',
                   together, one_by_one, 'x faster', n_runs=N_SLOW_RUNS,
                   clock=wall)


def main():
    if not torch.cuda.is_available():
        print('skipped: no CUDA device')
        return
    card = torch.cuda.get_device_name()
    claims = [claim for n in SIZES for claim in hypergradients(n, card)]
    claims += [batch_of_products(k, card) for k in BATCHES]
    report('gpu_vs_cpu', claims)
    (RESULTS / 'gpu.md').write_text(table(claims))


if __name__ == '__main__':
    main()
