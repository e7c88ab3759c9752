"""Two worker processes against one, on two cores: a thread each, so that they
do not crowd the cores.

Wall time, unlike in the other scripts: leave the machine alone meanwhile. The
load that others put on it is printed. Workers are started beforehand.
"""
import os
import statistics
import sys
import time

from secml_regpoison.experiment.plan import Plan
from secml_regpoison.experiment.security_evaluation import evaluate
from secml_regpoison.experiment.parallel import parallel_map

from common import Claim, mnist_split, report

# All cells are alike: what two workers gain is not lost in waiting for the
# longer half.
PLAN = Plan(n_points=(0, 17), n_train=512, n_val=171)
N_CELLS, N_PAIRS, TARGET = 6, 9, '>= 1.6'
CASE = f'MNIST 0 v 8, {N_CELLS} attacks with 17 points, lambda = -2'


def attack(split):
    """Processor seconds of one security evaluation, all threads."""
    began = time.process_time()
    evaluate('attack', split, PLAN, -2., 0)
    return time.process_time() - began


def run(split, jobs):
    """Wall and processor seconds of all cells."""
    began = time.perf_counter()
    spent = sum(parallel_map([(attack, split)] * N_CELLS, jobs))
    return time.perf_counter() - began, spent


def claim(what, two, one, unit, target=''):
    """A `Claim` about one / two for 'x as fast' and two / one for 'x'."""
    ratios = [a / b if unit == 'x as fast' else b / a
              for a, b in zip(one, two)]
    return Claim(what, CASE, statistics.median(ratios), min(ratios),
                 max(ratios), unit, target, statistics.median(two),
                 statistics.median(one))


def main():
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
        if len(os.sched_getaffinity(0)) < 2:
            sys.exit('skipped: needs two cores')
    split = mnist_split()
    for jobs in (1, 2):
        run(split, jobs)
    pairs = []
    for i in range(N_PAIRS):
        order = (1, 2) if i % 2 else (2, 1)
        print(f'load {os.getloadavg()[0]:.1f}', flush=True)
        times = {jobs: run(split, jobs) for jobs in order}
        pairs.append((times[2], times[1]))
    two, one = zip(*pairs)
    (wall_2, cpu_2), (wall_1, cpu_1) = zip(*two), zip(*one)
    report('parallel_jobs', [
        claim('two jobs against one', wall_2, wall_1, 'x as fast', TARGET),
        claim('processor seconds of two jobs against one', cpu_2, cpu_1,
              'x')])


if __name__ == '__main__':
    main()
