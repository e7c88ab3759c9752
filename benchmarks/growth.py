"""Time and peak memory of a hypergradient as n and d grow.

Each size runs in a process of its own, on random data, float32, 17 points,
T = 20: the median of three runs after one to warm up, and the process's peak
memory less what it had before there was data. The primal form's cost should
grow linearly with n and with d: slopes are fitted on the log-log scale where
the data outgrow the caches. Writes growth_sizes.csv and growth.png.
"""
import multiprocessing
import resource
import statistics
import sys

import numpy as np
import torch

from common import RESULTS, Claim, one_thread, report, seconds, write_csv
from secml_regpoison.core import Problem, hypergradient

SIZES = {'n': (500, 1000, 2000, 5000, 10000, 20000, 40000, 60000),
         'd': (50, 100, 200, 500, 1000, 2000, 5000, 10000)}
# Form, what grows, and what stays: 'auto' is Gram where n < 2 d.
SERIES = (('primal', 'n', {'d': 784}), ('auto', 'n', {'d': 784}),
          ('primal', 'd', {'n': 10000}), ('auto', 'd', {'n': 2000}))
# The largest job that is promised to fit, and in how much memory.
LARGE = {'n': 60000, 'd': 784, 'form': 'auto', 'p': 600, 'n_inner': 100}
# Where slopes are fitted, in megabytes of design matrix: a smaller one is
# served from a cache, several times as fast.
FIT_FROM = 40.


def peak_megabytes():
    """Most memory that this process has held so far."""
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(n, d, form, p=17, n_inner=20, n_runs=3):
    """Measure one size, in this process; a dictionary."""
    generator = torch.Generator().manual_seed(0)
    before = peak_megabytes()
    x = torch.randn(n + 171, d, generator=generator)
    y = (x[:, 0] > 0).float() * 2 - 1
    problem = Problem(x[p:n], y[p:n], x[n:], y[n:])
    x_p, y_p = x[:p], -y[:p]

    def work():
        hypergradient(problem, x_p, y_p, 0., n_inner=n_inner, form=form)
    if n_runs > 1:
        work()
    times = [seconds(work) for _ in range(n_runs)]
    return {'n': n, 'd': d, 'p': p, 'n_inner': n_inner, 'form': form,
            'seconds': statistics.median(times), 'least': min(times),
            'greatest': max(times), 'data_megabytes': 4 * n * d / 1e6,
            'megabytes': peak_megabytes() - before,
            'process_megabytes': peak_megabytes()}


def elsewhere(**size):
    """`measure` in a process of its own."""
    # forked, so that it need not import everything again; torch has not
    # computed yet in this process, and has one thread
    with multiprocessing.get_context('fork').Pool(1) as pool:
        return pool.apply(measure, kwds=size)


def slope(rows, by, of):
    """Exponent of growth where the data are large enough."""
    rows = [row for row in rows if row['data_megabytes'] >= FIT_FROM]
    return float(np.polyfit(*(np.log([row[key] for row in rows])
                              for key in (by, of)), 1)[0])


def plot(measured):
    """Time and memory against n and against d, log-log."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout='constrained')
    for (form, by, fixed), rows in zip(SERIES, measured):
        for ax, key in zip(axes[:, 'nd'.index(by)], ('seconds', 'megabytes')):
            size, cost = ([row[name] for row in rows] for name in (by, key))
            label = f'{form}, {named(fixed)}'
            if form == 'primal':
                ax.loglog(size, cost, 'o-', label=label)
                ax.loglog(size, [cost[-1] * x / size[-1] for x in size],
                          'k:', lw=1, label='linear')
            else:
                ax.loglog(size, cost, 'x--', label=label)
            ax.set(xlabel=by, ylabel=key)
            ax.legend()
    figure.suptitle('One hypergradient: 17 points, T = 20, float32')
    figure.savefig(RESULTS / 'growth.png', dpi=120)


def named(fixed):
    """``d = 784`` of ``{'d': 784}``."""
    return ', '.join(f'{name} = {value}' for name, value in fixed.items())


def main():
    measured = [[elsewhere(form=form, **{by: size}, **fixed)
                 for size in SIZES[by]] for form, by, fixed in SERIES]
    large = elsewhere(n_runs=1, **LARGE)
    write_csv('growth_sizes', sum(measured, []) + [large])
    plot(measured)
    claims = [
        Claim(f'exponent of {of} against {by}, primal form',
              f'{named(fixed)}, from {FIT_FROM:g} MB of data',
              *[slope(rows, by, of)] * 3, '', '<= 1.1')
        for (form, by, fixed), rows in zip(SERIES, measured)
        if form == 'primal' for of in ('seconds', 'megabytes')]
    case = (f'n = {large["n"]}, d = {large["d"]}, {large["p"]} points, '
            f'T = {large["n_inner"]}, float32')
    claims += [Claim(what, case, *[value] * 3, unit, target)
               for what, value, unit, target in (
                   ('peak memory of the whole process',
                    large['process_megabytes'] / 1e3, ' GB', '< 3'),
                   ('time of one hypergradient', large['seconds'], ' s', ''))]
    report('growth', claims)


if __name__ == '__main__':
    with one_thread():
        main()
