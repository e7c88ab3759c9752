"""A hypergradient in a process that has all its threads, as a user's has: BLAS
on one thread, as the core keeps it, against BLAS on as many as torch.

Random data, d = 784, 171 validation rows, 17 points, T = 150, float64; wall
time of ten in a row, begun when the threads of the other side have gone to
sleep.
"""
import os
import time
from unittest import mock

import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

from common import N_INNER, N_SLOW_RUNS, check_agreement, compare, report
from gpu_vs_cpu import problem_on
from secml_regpoison.core import hypergradient, linalg

SIZES, CALLS, ASLEEP = (256, 512, 1024, 2048), 10, .1
NO_LIBRARY = ThreadpoolController().select(prefix='none')


def wall(work):
    """Seconds of ten calls."""
    time.sleep(ASLEEP)
    start = time.perf_counter()
    for _ in range(CALLS):
        work()
    return time.perf_counter() - start


def main():
    claims = []
    for n in SIZES:
        arguments = problem_on('cpu', n, torch.float64)
        for method in ('rmd', 'implicit'):

            def ours():
                return hypergradient(*arguments, 0., method, N_INNER)

            def all_threads():
                with mock.patch.object(linalg, '_BLAS', NO_LIBRARY):
                    return ours()
            check_agreement(ours(), all_threads(), 1e-6)
            claims.append(compare(
                f'a hypergradient by {method}, BLAS on one thread against '
                f'{torch.get_num_threads()}', f'n = {n}, d = 784, float64',
                ours, all_threads, 'x as fast', n_runs=N_SLOW_RUNS,
                calls=CALLS, clock=wall))
    report('blas_threads', claims)


if __name__ == '__main__':
    # `make bench` starts with one
    torch.set_num_threads(os.cpu_count())
    with threadpool_limits(os.cpu_count()):
        main()
