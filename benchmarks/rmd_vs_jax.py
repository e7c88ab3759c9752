"""RMD against JAX: ``jit(value_and_grad)`` over ``lax.scan`` on the CPU.

Compilation is not timed. The first program steps on (w, b), as one writes it;
the second is handed the Gram form, the block of fixed rows ready made. JAX is
needed for this benchmark only: without it, it is skipped.
"""
import importlib.util
import os
import sys

import torch

from common import (
    ETA, LMBDA, N_INNER, check_agreement, compare, one_thread, poisoned,
    report, splits)
from secml_regpoison.core import hypergradient

# XLA reads these when its CPU client starts.
ONE_THREAD = ('--xla_cpu_multi_thread_eigen=false '
              'intra_op_parallelism_threads=1')


def weights_program(eta, n_inner):
    """``(x_p, lmbda), data -> value`` over (w, b), rows folded."""
    import jax
    from jax import lax, numpy as jnp

    def value(x_p, lmbda, y_p, rows_tr, rows_val):
        n = len(rows_tr) + len(x_p)
        rows_p = -y_p[:, None] * jnp.concatenate(
            [x_p, jnp.ones_like(y_p)[:, None]], 1)
        is_weight = jnp.ones_like(rows_tr[0]).at[-1].set(0.)
        decay = 1 - eta * jnp.exp(lmbda) / n * is_weight

        def step(u, _):
            q_tr, q_p = jax.nn.sigmoid(rows_tr @ u), jax.nn.sigmoid(rows_p @ u)
            return u * decay - eta / n * (q_tr @ rows_tr + q_p @ rows_p), None

        u, _ = lax.scan(step, jnp.zeros_like(is_weight), None, n_inner)
        return jax.nn.softplus(rows_val @ u).mean()
    return value


def gram_program(eta, n_inner):
    """The same over Gram coordinates (alpha, alpha_p, b)."""
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
        data = y_p, problem.rows_tr, problem.rows_val
        w_val = problem.rows_val[:, :-1]
        blocks = (problem.rows_tr[:, :-1] @ problem.rows_tr[:, :-1].T,
                  w_val @ problem.rows_tr[:, :-1].T)

        def rmd():
            return hypergradient(problem, x_p, y_p, LMBDA, n_inner=N_INNER,
                                 eta=ETA)

        for name, program, args, target in (
                ('over (w, b)', weights_program, data,
                 '>= 1' if d == 784 else '>= 2'),
                ('given the Gram form', gram_program, data + blocks, '')):
            other = jitted(program(ETA, N_INNER), x_p, LMBDA, *args)
            check_agreement(rmd(), flat(*other()))
            claims.append(compare(f'RMD against JAX, scan {name}', case, rmd,
                                  other, 'x faster', target))
    report('rmd_vs_jax', claims)


if __name__ == '__main__':
    if importlib.util.find_spec('jax') is None:
        print('rmd_vs_jax: skipped, JAX is not installed (pip install jax)')
        sys.exit(0)
    os.environ['XLA_FLAGS'] = ONE_THREAD
    os.environ['JAX_PLATFORMS'] = 'cpu'
    with one_thread():
        main()
