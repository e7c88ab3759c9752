"""RMD in kernel coordinates against its bound: 2 T products with the kernel.

A training step cannot do without one product and neither can its reverse:
everything else, the update of the moved rows included, is overhead. The bound
is the fastest of three ways to compute the product.
"""
import statistics

import numpy as np
import torch
from scipy.linalg.blas import ssymv

from common import (
    ETA, LMBDA, N_CALLS, N_INNER, N_RUNS, compare, in_a_row, one_thread,
    poisoned, report, seconds, splits)
from secml_regpoison.core import hypergradient


def products(kernel):
    """2 T products of a symmetric matrix, by name of the library."""
    u, out = torch.randn(len(kernel)), torch.zeros(len(kernel))
    k, x, y = kernel.numpy(), u.numpy(), out.numpy()
    calls = {'torch.mv': lambda: torch.mv(kernel, u, out=out),
             'NumPy': lambda: np.dot(k, x, out=y),
             "SciPy's symv": lambda: ssymv(1., k.T, x, 0., y, overwrite_y=1)}
    return {name: in_a_row(call, 2 * N_INNER) for name, call in calls.items()}


def fastest(works):
    """Name of the callable of the least median seconds, run in turns."""
    times = {name: [] for name in works}
    for _ in range(N_RUNS):
        for name, work in works.items():
            times[name].append(seconds(work))
    return min(times, key=lambda name: statistics.median(times[name]))


def main():
    claims = []
    for case, _, split in splits():
        problem, x_p, y_p = poisoned(split)
        rows = torch.cat([problem.x_tr, x_p])
        bounds = products(rows @ rows.T)
        name = fastest(bounds)

        def rmd():
            hypergradient(problem, x_p, y_p, LMBDA, n_inner=N_INNER, eta=ETA,
                          form='gram')

        claims.append(compare(
            f'RMD against its bound, 2 T products K u by {name}', case,
            in_a_row(rmd), in_a_row(bounds[name]), 'x', '<= 2.2',
            calls=N_CALLS))
    report('rmd_vs_bound', claims)


if __name__ == '__main__':
    with one_thread():
        main()
