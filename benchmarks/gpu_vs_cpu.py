"""One hypergradient on a GPU against the same machine's CPU, all threads.

Random data, d = 784, 171 validation rows, 17 points, T = 150, float32; wall
time. The first calls capture the CUDA graph and are not counted. The two
results are compared first.
"""
import time

import torch

from common import (
    ETA, N_INNER, N_POINTS, N_SLOW_RUNS, check_agreement, compare, report)
from secml_regpoison.core import Problem, hypergradient

SIZES, N_VAL, D = (512, 5000, 50000), 171, 784


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


def main():
    if not torch.cuda.is_available():
        print('skipped: no CUDA device')
        return
    case, claims = torch.cuda.get_device_name(), []
    for n in SIZES:
        arguments = {device: problem_on(device, n)
                     for device in ('cuda', 'cpu')}
        for method in ('rmd', 'implicit'):
            eta = {'eta': ETA} if method == 'rmd' else {}
            gpu, cpu = (
                lambda on=on: hypergradient(
                    *arguments[on], 0., method, N_INNER, **eta)
                for on in ('cuda', 'cpu'))
            check_agreement([part.cpu() for part in gpu()], cpu())
            claims.append(compare(
                f'{method} on a GPU against {torch.get_num_threads()} '
                'threads of the CPU', f'n = {n}, d = {D}, {case}', gpu, cpu,
                'x faster', n_runs=N_SLOW_RUNS, clock=wall))
    report('gpu_vs_cpu', claims)


if __name__ == '__main__':
    main()
