"""Problems side by side: products one by one against one batched product.

`hypergradient` and `solve` take a batch of problems one after the other on
the CPU. The alternative is a batched product each step: here the two, for the
2 T products that value and derivatives of each problem need.
"""
import torch

from common import (
    N_INNER, N_SLOW_RUNS, N_TRAIN, compare, one_thread, report)


def main():
    claims = []
    for n_problems in (1, 4, 10):
        kernels = torch.randn(n_problems, N_TRAIN, N_TRAIN)
        u = torch.randn(n_problems, N_TRAIN, 1)
        out = torch.empty_like(u)
        singles = list(zip(kernels, u[..., 0], out[..., 0]))

        def one_by_one():
            for _ in range(2 * N_INNER):
                for kernel, vector, into in singles:
                    torch.mv(kernel, vector, out=into)

        def batched():
            for _ in range(2 * N_INNER):
                torch.bmm(kernels, u, out=out)

        claims.append(compare(
            'products one by one against a batched product',
            f'{n_problems} problems, n = {N_TRAIN}', one_by_one, batched,
            'x faster', n_runs=N_SLOW_RUNS))
    report('batch', claims)


if __name__ == '__main__':
    with one_thread():
        main()
