"""Is the answer a saddle point? MNIST 0 v 8, three splits, 0 to 85 points.

Defender's gap: validation loss of the evaluated classifier at the learned
lambda over the least on a grid of lambda, step 0.25 between the bounds, minus
1; same points. Attacker: its solver's loss where it ended over the best of its
iterates. Writes
saddle_mnist_strengths.csv with a line a strength.
"""
import numpy as np
import torch

from secml_regpoison.core import Problem, hypergradient

from common import (
    Claim, mnist_split, one_thread, report, tensors, write_csv)
from sec_eval_time import N_SPLITS, STRENGTHS, make_attack

GRID_STEP = .25
CASE = f'MNIST 0 v 8, {STRENGTHS[0]} to {STRENGTHS[-1]} points, 3 splits'
# What the solvers are asked for: the gap at most, in %.
GAPS = {'rmd': '<= 1', 'implicit': '< 0.5'}


def defender_gap(attack, adv_ds):
    """Gap in %, and the best lambda of the grid."""
    x, y = tensors(attack.poisoned_data(adv_ds), torch.float64)
    problem = Problem(x, y, *tensors(attack.val, torch.float64))

    def loss(lmbda):
        return float(hypergradient(problem, x[:0], y[:0], lmbda,
                                   'implicit').value)

    low, high = attack.lmbda_bounds
    grid = np.arange(low, high + GRID_STEP / 2, GRID_STEP)
    losses = [loss(lmbda) for lmbda in grid]
    best = int(np.argmin(losses))
    return 100 * (loss(attack.lmbda) / losses[best] - 1), float(grid[best])


def strengths(split, seed, solver):
    """A dictionary a strength, each attack continuing the one before."""
    attack, adv_ds = make_attack(split, solver), None
    for n_points in STRENGTHS:
        attack.n_points = n_points
        y_pred, _, adv_ds, _ = attack.run(split.test.X, split.test.Y,
                                          ds_init=adv_ds)
        gap, best = defender_gap(attack, adv_ds)
        yield {'solver': solver, 'split': seed, 'n_points': n_points,
               'test_error_percent':
                   100 * float((y_pred != split.test.Y).mean()),
               'lmbda': attack.lmbda, 'best_on_grid': best,
               'gap_percent': gap, 'attacker_percent':
                   100 * attack.history[-1].solver_loss
                   / attack.f_seq.max()}


def main():
    rows = [row for solver in GAPS for seed in range(N_SPLITS)
            for row in strengths(mnist_split(seed), seed, solver)]
    write_csv('saddle_mnist_strengths', rows)
    claims = []
    for solver, target in GAPS.items():
        mine = [row for row in rows if row['solver'] == solver]
        gaps = [row['gap_percent'] for row in mine]
        shares = [row['attacker_percent'] for row in mine]
        claims += [
            Claim(f'defender\'s gap, largest, {solver}', CASE, max(gaps),
                  min(gaps), max(gaps), ' %', target),
            Claim(f'attacker\'s end over its best iterate, least, {solver}',
                  CASE, min(shares), min(shares), max(shares), ' %',
                  '>= 99')]
    report('saddle_mnist', claims)


if __name__ == '__main__':
    with one_thread():
        main()
