"""RMD against JAX: ``jit(value_and_grad)`` over ``lax.scan`` on the CPU.

Compilation is not timed. Over (w, b) a product is written in two ways, each
the faster one somewhere: ``rows @ u``, and ``u @ rows^T`` with the transpose
in memory and a derivative by hand, so that each product of the loop is a row
vector times a matrix; the faster one counts. The last program is handed the
kernel, the block of fixed rows ready made. JAX is needed for this benchmark
only: without it, it is skipped.
"""
import functools
import importlib.util
import os
import sys

import torch

from common import (
    ETA, LMBDA, N_CALLS, N_INNER, check_agreement, compare, in_a_row,
    one_thread, poisoned, report, splits)
from secml_regpoison.core import hypergradient

# XLA reads these when its CPU client starts.
ONE_THREAD = ('--xla_cpu_multi_thread_eigen=false '
              'intra_op_parallelism_threads=1')


def plain_products():
    """``rows u`` and ``q rows``."""
    return (lambda u, rows, rows_t: rows @ u,
            lambda q, rows, rows_t: q @ rows)


def row_products():
    """The same as row vectors, and so their derivatives."""
    import jax

    @jax.custom_vjp
    def times(v, matrix, transpose):
        return v @ matrix

    times.defvjp(lambda v, *matrices: (v @ matrices[0], matrices),
                 lambda matrices, ct: (ct @ matrices[1], None, None))
    return (lambda u, rows, rows_t: times(u, rows_t, rows), times)


def weights_program(products, eta, n_inner):
    """``(x_p, lmbda), data -> value`` over (w, b), of signed rows."""
    import jax
    from jax import lax, numpy as jnp
    scores, gradient = products()

    def value(x_p, lmbda, y_p, rows_tr, rows_val, rows_t):
        n = len(rows_tr) + len(x_p)
        rows_p = -y_p[:, None] * jnp.concatenate(
            [x_p, jnp.ones_like(y_p)[:, None]], 1)
        is_weight = jnp.ones_like(rows_tr[0]).at[-1].set(0.)
        decay = 1 - eta * jnp.exp(lmbda) / n * is_weight

        def step(u, _):
            q_tr = jax.nn.sigmoid(scores(u, rows_tr, rows_t))
            q_p = jax.nn.sigmoid(rows_p @ u)
            grad = gradient(q_tr, rows_tr, rows_t) + q_p @ rows_p
            return u * decay - eta / n * grad, None

        u, _ = lax.scan(step, jnp.zeros_like(is_weight), None, n_inner)
        return jax.nn.softplus(rows_val @ u).mean()
    return value


def gram_program(eta, n_inner):
    """The same over kernel coordinates (alpha, alpha_p, b)."""
    import jax
    from jax import lax, numpy as jnp

    def value(x_p, lmbda, y_p, rows_tr, rows_val, gram, gram_val):
        n_tr, n = len(rows_tr), len(rows_tr) + len(x_p)
        w_p, bias, bias_p = -y_p[:, None] * x_p, rows_tr[:, -1], -y_p
        k_p, k_pp = w_p @ rows_tr[:, :-1].T, w_p @ w_p.T
        decay = 1 - eta * jnp.exp(lmbda) / n

        def step(state, _):
            alpha, alpha_p, b = state
            q = jax.nn.sigmoid(gram @ alpha + alpha_p @ k_p + bias * b)
            q_p = jax.nn.sigmoid(k_p @ alpha + k_pp @ alpha_p + bias_p * b)
            return (alpha * decay - eta / n * q,
                    alpha_p * decay - eta / n * q_p,
                    b - eta / n * (bias @ q + bias_p @ q_p)), None

        start = jnp.zeros(n_tr), jnp.zeros_like(y_p), 0.
        (alpha, alpha_p, b), _ = lax.scan(step, start, None, n_inner)
        h = gram_val @ alpha + rows_val[:, :-1] @ (w_p.T @ alpha_p)
        return jax.nn.softplus(h + rows_val[:, -1] * b).mean()
    return value


def jitted(program, x_p, lmbda, *data):
    """A callable that runs the compiled program and waits for it."""
    import jax
    run = jax.jit(jax.value_and_grad(program, (0, 1)))
    x_p, *data = (jax.numpy.asarray(t.numpy()) for t in (x_p, *data))
    return lambda: jax.block_until_ready(run(x_p, lmbda, *data))


def flat(value, grads):
    """A JAX answer as `Hypergradient` orders it, as tensors."""
    return tuple(torch.tensor(part.tolist()) for part in (value, *grads))


def main():
    claims = []
    for case, d, split in splits():
        problem, x_p, y_p = poisoned(split)
        rows_tr, rows_val = problem.rows_tr, problem.rows_val
        data, w_tr = (y_p, rows_tr, rows_val), rows_tr[:, :-1]
        transpose = rows_tr.T.contiguous()

        def rmd():
            return hypergradient(problem, x_p, y_p, LMBDA, n_inner=N_INNER,
                                 eta=ETA)

        def against(name, target, program, *more):
            other = jitted(program(ETA, N_INNER), x_p, LMBDA, *data, *more)
            check_agreement(rmd(), flat(*other()))
            return compare(f'RMD against JAX, scan {name}', case,
                           in_a_row(rmd), in_a_row(other), 'x as fast', target,
                           calls=N_CALLS)

        claims.append(min((
            against(f'over (w, b), {name}', '>= 1.7' if d == 784 else '>= 2.7',
                    functools.partial(weights_program, products), transpose)
            for name, products in (('rows @ u', plain_products),
                                   ('u @ rows^T', row_products))),
            key=lambda claim: claim.value))
        claims.append(against(
            'given the kernel', '>= 1', gram_program, w_tr @ w_tr.T,
            rows_val[:, :-1] @ w_tr.T))
    report('rmd_vs_jax', claims)


if __name__ == '__main__':
    if importlib.util.find_spec('jax') is None:
        print('rmd_vs_jax: skipped, JAX is not installed (pip install jax)')
        sys.exit(0)
    os.environ['XLA_FLAGS'] = ONE_THREAD
    os.environ['JAX_PLATFORMS'] = 'cpu'
    with one_thread():
        main()
