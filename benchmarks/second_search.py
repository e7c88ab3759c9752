"""What a second search finds, with a fixed lambda and few features.

Two clouds, 80 training and 30 validation rows, 1 to 12 points, lambda -5 and
-8, by 'implicit'. One search from random rows of the other class against the
two searches of the attack (`core.second_search`), and against five from other
random rows (`n_restarts=4`): how often each ends more than 5 % below the best
of the three, and the trainings it takes. "Least to greatest" of the table are
ratios of the best to it.
"""
import itertools

import torch
from sklearn.datasets import make_blobs

from secml_regpoison.core import Problem, second_search, solve

from common import Claim, one_thread, report

N_FEATURES, N_POINTS, LMBDAS, N_SEEDS = (2, 10), (1, 3, 12), (-5., -8.), 10
N_TRAIN, N_VAL = 80, 30


def clouds(seed, d):
    """Two clouds of d features, nearly separable for most seeds: where they
    overlap, one search is enough."""
    x, y = make_blobs(N_TRAIN + N_VAL, d, centers=2, center_box=(-3., 3.),
                      cluster_std=.7 if d == 2 else 1.5, random_state=seed)
    x, y = torch.as_tensor(x), torch.as_tensor(2. * y - 1)
    return Problem(x[:N_TRAIN], y[:N_TRAIN], x[N_TRAIN:], y[N_TRAIN:])


def search(problem, y_p, lmbda, seed):
    """Loss and trainings of one search of the attack's, in the range of the
    data."""
    rng = torch.Generator().manual_seed(seed)
    x_p = torch.stack([
        others[torch.randint(len(others), (), generator=rng)]
        for others in (problem.x_val[problem.y_val != label]
                       for label in y_p)])
    found = solve(problem, x_p, y_p, lmbda, lb=problem.x_tr.min(0).values,
                  ub=problem.x_tr.max(0).values, learn_lmbda=False,
                  quasi_newton=True, try_vertices=True, method='implicit')
    return found.value, found.n_trainings


def sides(problem, n_points, lmbda):
    """Loss and trainings by the way of searching."""
    y_p = -problem.y_val[:n_points]
    two = search(problem, y_p, lmbda, 0)
    most, second_search.MAX_FEATURES = second_search.MAX_FEATURES, 0
    try:
        each = [search(problem, y_p, lmbda, seed) for seed in range(5)]
    finally:
        second_search.MAX_FEATURES = most
    values, trainings = zip(*each)
    return {'one search': each[0], 'two searches': two,
            'five searches': (max(values), sum(trainings))}


def claims_of(d):
    cases = [sides(clouds(seed, d), n_points, lmbda)
             for seed, n_points, lmbda in itertools.product(
                 range(N_SEEDS), N_POINTS, LMBDAS)]
    case = f'{len(cases)} problems of {d} features'
    for name in cases[0]:
        ratios = [max(value for value, _ in case.values()) / case[name][0]
                  for case in cases]
        trainings = sum(case[name][1] for case in cases) / len(cases)
        yield Claim(f'more than 5 % below the best, {name}', case,
                    sum(ratio > 1.05 for ratio in ratios), min(ratios),
                    max(ratios), ' problems')
        yield Claim(f'trainings, {name}', case, trainings, trainings,
                    trainings, '')


def main():
    report('second_search', [claim for d in N_FEATURES
                             for claim in claims_of(d)])


if __name__ == '__main__':
    with one_thread():
        main()
