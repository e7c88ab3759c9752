"""RMD of a softmax against torch autograd through the unrolled training.

Three digits of MNIST. Two unrolls of the closed-form step, as in
`rmd_vs_autograd`: over the weights of the classes, and over kernel
coordinates; the faster one counts.
"""
import functools

import torch

from common import (
    LMBDA, N_CALLS, N_INNER, N_POINTS, N_TRAIN, N_VAL, check_agreement,
    compare, in_a_row, one_thread, report)
from secml_regpoison.core import Problem, hypergradient
from secml_regpoison.core.softmax_model import SoftmaxModel

ETA, CLASSES = .01, (0, 4, 8)


def poisoned(dtype):
    """`Problem`, points and their labels: the first training rows are
    replaced by validation points with the next label."""
    from secml_regpoison.data import load_data, split_data
    split = split_data(load_data('mnist', CLASSES), N_TRAIN, N_VAL, 0)
    (x, y), (x_val, y_val) = ((
        torch.as_tensor(part.X.tondarray(), dtype=dtype),
        torch.as_tensor(part.Y.tondarray(), dtype=dtype))
        for part in (split.train, split.val))
    return (Problem(x[N_POINTS:].contiguous(), y[N_POINTS:], x_val, y_val,
                    n_classes=len(CLASSES)),
            x_val[:N_POINTS].clone(), (y_val[:N_POINTS] + 1) % len(CLASSES))


def targets(problem, y):
    """One row a class, 1 at the label of each row."""
    return torch.nn.functional.one_hot(
        y.long(), problem.n_classes).T.to(problem.x_tr.dtype)


def unroll_weights(problem, x_p, y_p, lmbda, eta, n_inner):
    """Value and gradients, autograd through steps on (W, b)."""
    x_p = x_p.clone().requires_grad_()
    lmbda = torch.tensor(lmbda, dtype=x_p.dtype, requires_grad=True)
    n = problem.n_tr + len(x_p)
    mu, x_tr = torch.exp(lmbda) / n, problem.x_tr
    e_tr, e_p = targets(problem, problem.y_tr), targets(problem, y_p)
    w, b = x_tr.new_zeros(len(e_tr), x_tr.shape[1]), x_tr.new_zeros(
        len(e_tr), 1)
    for _ in range(n_inner):
        r_tr = torch.softmax(torch.addmm(b, w, x_tr.T), 0) - e_tr
        r_p = torch.softmax(torch.addmm(b, w, x_p.T), 0) - e_p
        w = torch.addmm(w * (1 - eta * mu), r_tr, x_tr, alpha=-eta / n)
        w = torch.addmm(w, r_p, x_p, alpha=-eta / n)
        b = b - eta / n * (r_tr.sum(1, keepdim=True)
                           + r_p.sum(1, keepdim=True))
    return answer(problem, problem.x_val @ w.T + b.T, x_p, lmbda)


@functools.lru_cache
def fixed_block(problem):
    """Products of the fixed rows, which no move changes."""
    return problem.x_tr @ problem.x_tr.T


def unroll_gram(problem, x_p, y_p, lmbda, eta, n_inner):
    """Value and gradients, autograd through steps on (alpha, b)."""
    x_p = x_p.clone().requires_grad_()
    lmbda = torch.tensor(lmbda, dtype=x_p.dtype, requires_grad=True)
    n_tr = problem.n_tr
    n = n_tr + len(x_p)
    mu, x_tr = torch.exp(lmbda) / n, problem.x_tr
    k_p = x_p @ x_tr.T
    kernel = torch.cat([torch.cat([fixed_block(problem), k_p.T], 1),
                        torch.cat([k_p, x_p @ x_p.T], 1)])
    e = targets(problem, torch.cat([problem.y_tr, y_p]))
    alpha, b = torch.zeros_like(e), e.new_zeros(len(e), 1)
    for _ in range(n_inner):
        r = torch.softmax(torch.addmm(b, alpha, kernel), 0) - e
        alpha = torch.add(alpha * (1 - eta * mu), r, alpha=-eta / n)
        b = b - eta / n * r.sum(1, keepdim=True)
    w = alpha[:, :n_tr] @ x_tr + alpha[:, n_tr:] @ x_p
    return answer(problem, problem.x_val @ w.T + b.T, x_p, lmbda)


def answer(problem, scores, x_p, lmbda):
    """Validation loss, and its derivatives."""
    value = torch.nn.functional.cross_entropy(scores, problem.y_val.long())
    return value.detach(), *torch.autograd.grad(value, (x_p, lmbda))


UNROLLS = {'over (W, b)': unroll_weights,
           'over kernel coordinates': unroll_gram}


def main():
    claims = []
    for dtype in (torch.float32, torch.float64):
        problem, x_p, y_p = poisoned(dtype)

        def rmd():
            return hypergradient(problem, x_p, y_p, LMBDA, n_inner=N_INNER,
                                 eta=ETA, form='gram', model=SoftmaxModel)

        found = []
        for name, unroll in UNROLLS.items():
            def autograd():
                return unroll(problem, x_p, y_p, LMBDA, ETA, N_INNER)

            check_agreement(rmd(), autograd())
            found.append(compare(
                f'RMD of a softmax against autograd, unrolled {name}',
                f'MNIST 0 v 4 v 8, {str(dtype)[6:]}', in_a_row(rmd),
                in_a_row(autograd), 'x as fast', '>= 3', calls=N_CALLS))
        claims.append(min(found, key=lambda claim: claim.value))
    report('softmax_vs_autograd', claims)


if __name__ == '__main__':
    with one_thread():
        main()
