"""RMD against torch autograd through the unrolled training.

Two unrolls, both of the closed-form step on signed rows and neither
concatenating the design matrix: over (w, b), and over kernel coordinates,
which autograd would not find by itself.
"""
import functools

import torch
from torch.nn.functional import softplus

from common import (
    ETA, LMBDA, N_CALLS, N_INNER, check_agreement, compare, in_a_row,
    one_thread, poisoned, report, splits)
from secml_regpoison.core import hypergradient


def leaves(x_p, y_p, lmbda, n):
    """Points, signed points and the strength mu, with a graph."""
    x_p = x_p.clone().requires_grad_()
    lmbda = torch.tensor(lmbda, dtype=x_p.dtype, requires_grad=True)
    return x_p, lmbda, -y_p[:, None] * x_p, torch.exp(lmbda) / n


def unroll_weights(problem, x_p, y_p, lmbda, eta, n_inner):
    """Value and gradients, autograd through steps on (w, b)."""
    n = problem.n_tr + len(x_p)
    x_p, lmbda, w_p, mu = leaves(x_p, y_p, lmbda, n)
    rows_tr, rows_p = problem.rows_tr, torch.cat([w_p, -y_p[:, None]], 1)
    is_weight = torch.ones_like(rows_tr[0])
    is_weight[-1] = 0.
    decay = 1 - eta * mu * is_weight
    u = torch.zeros_like(is_weight)
    for _ in range(n_inner):
        q_tr, q_p = torch.sigmoid(rows_tr @ u), torch.sigmoid(rows_p @ u)
        u = torch.addmv(u * decay, rows_tr.T, q_tr, alpha=-eta / n)
        u = torch.addmv(u, rows_p.T, q_p, alpha=-eta / n)
    value = softplus(problem.rows_val @ u).mean()
    return value.detach(), *torch.autograd.grad(value, (x_p, lmbda))


@functools.lru_cache
def fixed_block(problem):
    """Products of the fixed rows' weights, which no move changes."""
    return problem.rows_tr[:, :-1] @ problem.rows_tr[:, :-1].T


def unroll_gram(problem, x_p, y_p, lmbda, eta, n_inner):
    """Value and gradients, autograd through steps on (alpha, b)."""
    n_tr = problem.n_tr
    n = n_tr + len(x_p)
    x_p, lmbda, w_p, mu = leaves(x_p, y_p, lmbda, n)
    w_tr, w_val = problem.rows_tr[:, :-1], problem.rows_val[:, :-1]
    k_p = w_p @ w_tr.T
    kernel = torch.cat([torch.cat([fixed_block(problem), k_p.T], 1),
                        torch.cat([k_p, w_p @ w_p.T], 1)])
    bias = torch.cat([problem.rows_tr[:, -1], -y_p])
    decay = 1 - eta * mu
    alpha, b = torch.zeros_like(bias), torch.zeros_like(mu)
    for _ in range(n_inner):
        q = torch.sigmoid(torch.addmv(bias * b, kernel, alpha))
        alpha = torch.add(alpha * decay, q, alpha=-eta / n)
        b = b - eta / n * (bias @ q)
    w = w_tr.T @ alpha[:n_tr] + w_p.T @ alpha[n_tr:]
    value = softplus(w_val @ w + problem.rows_val[:, -1] * b).mean()
    return value.detach(), *torch.autograd.grad(value, (x_p, lmbda))


UNROLLS = {'over (w, b)': unroll_weights,
           'over kernel coordinates': unroll_gram}
TARGETS = {('over (w, b)', 784): '>= 5', ('over (w, b)', 2048): '>= 8'}


def main():
    claims = []
    for case, d, split in splits():
        problem, x_p, y_p = poisoned(split)

        def rmd():
            return hypergradient(problem, x_p, y_p, LMBDA, n_inner=N_INNER,
                                 eta=ETA)

        for name, unroll in UNROLLS.items():
            def autograd():
                return unroll(problem, x_p, y_p, LMBDA, ETA, N_INNER)

            check_agreement(rmd(), autograd())
            claims.append(compare(
                f'RMD against autograd, unrolled {name}', case, in_a_row(rmd),
                in_a_row(autograd), 'x as fast', TARGETS.get((name, d), ''),
                calls=N_CALLS))
    report('rmd_vs_autograd', claims)


if __name__ == '__main__':
    with one_thread():
        main()
