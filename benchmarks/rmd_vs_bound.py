"""RMD in Gram form against its bound: 2 T products of the n x n kernel.

A training step cannot do without one product and neither can its reverse:
everything else, the update of the moved rows included, is overhead.
"""
import torch

from common import (
    ETA, LMBDA, N_INNER, compare, one_thread, poisoned, report, splits)
from secml_regpoison.core import hypergradient


def main():
    claims = []
    for case, _, split in splits():
        problem, x_p, y_p = poisoned(split)
        rows = torch.cat([problem.x_tr, x_p])
        kernel, u = rows @ rows.T, torch.randn(len(rows))
        out = torch.empty_like(u)

        def rmd():
            hypergradient(problem, x_p, y_p, LMBDA, n_inner=N_INNER, eta=ETA,
                          form='gram')

        def bound():
            for _ in range(2 * N_INNER):
                torch.mv(kernel, u, out=out)

        claims.append(compare('RMD against its bound, 2 T products K u',
                              case, rmd, bound, 'x', '<= 2'))
    report('rmd_vs_bound', claims)


if __name__ == '__main__':
    with one_thread():
        main()
