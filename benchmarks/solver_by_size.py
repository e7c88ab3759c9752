"""Implicit differentiation against RMD by the number of rows and features:
the default of ``sec-eval --solver auto``. Whole attacks of 17 points."""
import warnings

import numpy as np

from secml_regpoison.data.sources import Source
from secml_regpoison.data.splits import split_data
from secml_regpoison.experiment.plan import Plan
from secml_regpoison.experiment.security_evaluation import evaluate

from common import Claim, one_thread, report, seconds

ROWS, FEATURES, POLICIES = (500, 1000, 2000, 4000), (20, 100, 784), (
    'learned', -2.)


def problem(n, d):
    """Two Gaussians, classes apart in ten of the features."""
    rng = np.random.default_rng(0)
    y = np.arange(n + 171 + 500) % 2
    x = rng.normal(size=(len(y), d))
    x[:, :10] += .5 * y[:, None]
    return split_data(Source({'pool': (x, y)}, {'y_original': (0, 1)}),
                      n, 171)


def cpu_seconds(split, n, policy, solver):
    """Of one security evaluation, 10 steps a batch."""
    plan = Plan((0, 17), n, 171, preprocess='mean-std', solver_type=solver,
                attack_params={'joint': False,
                               'solver_params': {'n_outer': 10}})
    return seconds(lambda: evaluate('benchmark', split, plan, policy, 0))


def main():
    warnings.simplefilter('ignore', RuntimeWarning)
    claims = []
    cpu_seconds(problem(500, 20), 500, 'learned', 'rmd')  # imports, caches
    for d in FEATURES:
        for n in ROWS:
            split = problem(n, d)
            for policy in POLICIES:
                implicit, rmd = (cpu_seconds(split, n, policy, solver)
                                 for solver in ('implicit', 'rmd'))
                ratio = implicit / rmd
                claims.append(Claim(
                    f'an attack by implicit against rmd, lambda {policy}',
                    f'{n} x {d}, standardised', ratio, ratio, ratio, 'x',
                    ours=implicit, other=rmd))
    report('solver_by_size', claims)


if __name__ == '__main__':
    with one_thread():
        main()
