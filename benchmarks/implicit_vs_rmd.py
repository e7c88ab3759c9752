"""Implicit differentiation, warm-started, against RMD at T = 150.

The iterates of an attack are recorded: 17 points from their start, in their
box, lambda learned or held. Both methods then train and differentiate at each
of them in turn, as the outer loop does: Newton from the optimum of the iterate
before, and no derivative with respect to a lambda that is held.
"""
import torch

from common import (
    LMBDA, N_INNER, N_SLOW_RUNS, compare, one_thread, poisoned, report,
    splits)
from secml_regpoison.core import solve
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.solvers import Training

N_OUTER = 15
METHODS = {'implicit': Training('implicit'),
           'rmd': Training('rmd', n_inner=N_INNER, momentum=.9)}


def box(split, like):
    """Bounds of the points, as tensors."""
    return (torch.as_tensor(bound if isinstance(bound, float)
                            else bound.tondarray()).to(like)
            for bound in (split.lb, split.ub))


def iterates(problem, x_p, y_p, lmbda, lb, ub, learn_lmbda):
    """Points and lambda at each outer iterate of an attack."""
    path = []
    solve(problem, x_p, y_p, lmbda, lb, ub, learn_lmbda=learn_lmbda,
          n_outer=N_OUTER, method='implicit',
          callback=lambda here: path.append((here.x_p, here.lmbda)))
    return path


def replay(problem, y_p, path, training, derivatives):
    """A callable that evaluates all iterates but the first."""
    model = LinearModel(problem, y_p, training)
    first = model.train(*path[0])

    def run():
        trained = first
        for x_p, lmbda in path[1:]:
            trained = model.train(x_p, lmbda, trained)
            found = model.hypergradient(trained)
            for name in derivatives:  # computed when read
                getattr(found, name)
    return run


def main():
    claims = []
    for case, _, split in splits():
        for dtype in (torch.float32, torch.float64):
            problem, x_p, y_p = poisoned(split, dtype)
            lb, ub = box(split, x_p)
            for learn_lmbda, lmbda in ((True, LMBDA), (False, LMBDA)):
                path = iterates(problem, x_p, y_p, lmbda, lb, ub,
                                learn_lmbda)
                derivatives = ('grad_x_p', 'grad_lmbda')[:1 + learn_lmbda]
                implicit, rmd = (
                    replay(problem, y_p, path, METHODS[method], derivatives)
                    for method in ('implicit', 'rmd'))
                held = (f'learned, {path[-1][1]:.1f} at the end'
                        if learn_lmbda else f'{lmbda:g}')
                claims.append(compare(
                    f'implicit, warm, against RMD, {str(dtype)[6:]}, '
                    f'lambda {held}', case, implicit, rmd, 'x',
                    '<= 1' if learn_lmbda else '<= 1.5', N_SLOW_RUNS,
                    calls=len(path) - 1))
    report('implicit_vs_rmd', claims)


if __name__ == '__main__':
    with one_thread():
        main()
