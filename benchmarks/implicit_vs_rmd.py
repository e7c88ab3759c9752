"""Implicit differentiation, warm-started, against RMD at T = 150.

Both are timed as the outer loop uses them: the points have just moved by one
step, of the length the attack starts with, and Newton starts from the optimum
before the move. lambda is weak, middling and strong; too weak for float32 to
solve with in the first case.
"""
import torch

from common import (
    ETA, N_INNER, compare, one_thread, poisoned, report, splits)
from secml_regpoison.core.hypergrad import differentiate, train
from secml_regpoison.core.inner import Inner
from secml_regpoison.core.logistic import fold

STRENGTHS = {torch.float32: (0., 4.), torch.float64: (-8., 0., 4.)}


def moved(problem, x_p, grad):
    """Points after the first outer step, row by row along the gradient."""
    centred = problem.x_tr - problem.x_tr.mean(0)
    step = .4 * centred.square().sum(1).mean().sqrt()
    return x_p + step * grad / grad.norm(dim=1, keepdim=True)


def evaluation(problem, x_p, y_p, lmbda, inner, start=None):
    """A callable that trains and differentiates once."""
    def run():
        model = train(problem, fold(x_p, y_p), lmbda, inner, start)
        return model, differentiate(problem, model, y_p, inner)
    return run


def main():
    claims = []
    implicit = Inner('implicit')
    rmd = Inner('rmd', n_inner=N_INNER, eta=ETA)
    for case, _, split in splits():
        for dtype, lmbdas in STRENGTHS.items():
            problem, x_p, y_p = poisoned(split, dtype)
            for lmbda in lmbdas:
                model, grad = evaluation(problem, x_p, y_p, lmbda,
                                         implicit)()
                x_moved = moved(problem, x_p, grad.grad_x_p)
                claims.append(compare(
                    f'implicit, warm, against RMD, lambda = {lmbda:g}, '
                    + str(dtype).split('.')[1], case,
                    evaluation(problem, x_moved, y_p, lmbda, implicit,
                               model.u),
                    evaluation(problem, x_moved, y_p, lmbda, rmd),
                    'x', '<= 1'))
    report('implicit_vs_rmd', claims)


if __name__ == '__main__':
    with one_thread():
        main()
