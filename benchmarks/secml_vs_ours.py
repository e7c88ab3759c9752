"""The attack against secml's CAttackPoisoningLogisticRegression.

Same rows, same 17 starting points and labels, same fixed C, one thread.

1. Seconds for one update of all points. secml moves one point at a time: a
   training and a gradient each, with a 785 x 785 Hessian inverted, and then
   its line search, a training a trial; that is left out for comparison. Ours:
   one training and one hypergradient of all points, at the attack's settings.
2. Test error after equal seconds: our attack runs until it stops by itself,
   secml's, with its line search, as long as that, then ten times as long. Of
   secml's the best points so far count, its own objective deciding.
"""
import itertools
import time

import torch

from secml_regpoison import CAttackPoisoningMinimaxLR
from secml_regpoison.core import hypergradient

from secml.adv.attacks.poisoning import CAttackPoisoningLogisticRegression
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

from common import (
    LMBDA, N_POINTS, N_SLOW_RUNS, Claim, compare, mnist_split, one_thread,
    poisoned, report, seconds)

CASE = 'MNIST 0 v 8, 17 points, 512 rows, C = 1'
STEP = .05
PATIENCE = 10


class TimeUp(Exception):
    """secml's attack has had its seconds."""


def classifier():
    """The target of both attacks."""
    return CClassifierLogistic(C=1, random_state=0)


def secml_attack(clean, val, start, max_iter):
    """secml's attack with its points at the start."""
    attack = CAttackPoisoningLogisticRegression(
        classifier().fit(clean.X, clean.Y), clean, val, lb=0, ub=1,
        solver_params={'eta': STEP, 'eta_min': STEP, 'max_iter': max_iter,
                       'eps': 1e-6}, random_seed=0)
    attack.n_points = N_POINTS
    attack._xc, attack._yc = start.X.deepcopy(), start.Y.deepcopy()
    return attack


def our_update(split, dtype):
    """A callable that moves all points once."""
    problem, x_p, y_p = poisoned(split, dtype)

    def move_all():
        grad = hypergradient(problem, x_p, y_p, LMBDA, momentum=.9).grad_x_p
        (x_p + STEP * grad / grad.norm(dim=1, keepdim=True)).clamp(0, 1)
    return move_all


def secml_updates(split, clean, start):
    """Callables that move the next point once, by name."""
    # of its two iterations the first is the start
    attack = secml_attack(clean, split.val, start, max_iter=2)
    indices = itertools.cycle(range(N_POINTS))

    def gradient_step():
        attack._idx = i = next(indices)
        point = attack._xc[i, :]
        attack.objective_function(point)
        grad = attack.objective_function_gradient(point)
        attack._xc[i, :] = (point + STEP * grad).clip(0, 1)

    def line_search():
        attack._run(start.X, start.Y, idx=next(indices))
    return {'secml': line_search, 'secml without line search': gradient_step}


def time_updates(split, clean, start):
    """Claims about one update of all points."""
    theirs = secml_updates(split, clean, start)
    return [compare(
        f'one update of all points against {name}, ours in '
        + str(dtype).split('.')[1], CASE, our_update(split, dtype), move_one,
        'x as fast', '>= 100', N_SLOW_RUNS, N_POINTS)
        for name, move_one in theirs.items()
        for dtype in (torch.float32, torch.float64)]


def test_error(clean, points, test):
    """Share of test rows that the retrained target gets wrong."""
    poison = clean.append(points)
    y = classifier().fit(poison.X, poison.Y).predict(test.X)
    return float((y != test.Y).mean())


def run_secml(attack, start, checkpoints):
    """The best points that secml's attack has found at each checkpoint."""
    best, found, objective = [-1., start], [], attack.objective_function
    begun = time.process_time()

    def watched(xc, acc=False):
        value = objective(xc, acc)
        if value > best[0]:
            best[:] = value, CDataset(attack._xc.deepcopy(), start.Y)
        while time.process_time() - begun > checkpoints[len(found)]:
            found.append(best[1])
            if len(found) == len(checkpoints):
                raise TimeUp
        return value

    attack.objective_function = watched
    xc = start.X.deepcopy()
    try:
        for i in itertools.cycle(reversed(range(N_POINTS))):
            xc[i, :] = attack._run(xc, start.Y, idx=i)
    except TimeUp:
        return found


def time_attacks(split, clean, start):
    """Claims about the test error after equal seconds."""
    ours = CAttackPoisoningMinimaxLR(
        classifier(), clean, split.val, learn_lmbda=False)
    ours.n_points = N_POINTS
    found = []
    spent = seconds(lambda: found.append(
        ours.run(split.test.X, split.test.Y, ds_init=start)[2]))
    found += run_secml(secml_attack(clean, split.val, start, max_iter=100),
                       start, (spent, PATIENCE * spent))
    names = (f'ours, stopped by itself after {spent:.1f} s',
             f'secml, {spent:.1f} s', f'secml, {PATIENCE * spent:.1f} s')
    errors = [100 * test_error(clean, points, split.test)
              for points in (start, *found)]
    return [Claim(f'test error, {name}', CASE, error, error, error, ' %')
            for name, error in zip(('before the attack', *names), errors)]


def main():
    split = mnist_split()
    clean = split.train[N_POINTS:, :]
    start = CDataset(split.val.X[:N_POINTS, :],
                     CArray(1 - split.val.Y[:N_POINTS]))
    report('secml_vs_ours', [*time_updates(split, clean, start),
                             *time_attacks(split, clean, start)])


if __name__ == '__main__':
    with one_thread():
        main()
