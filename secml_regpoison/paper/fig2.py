"""Figure 2: test error, lambda and ||w|| against the poisoning fraction.

For each data set the mean and the standard deviation over random splits, for
a small lambda, a large one, one by cross-validation on clean data (Xiao et
al. 2015) and the learned one. See `settings.FIGURE_2`.
"""
import os
import time

from matplotlib.figure import Figure

from .attacks import attack_cells, compute, make_rows
from secml_regpoison.experiment.statistics import (
    by_strength, cost, curve, draw_curves, mark_strengths, mean_and_std,
    mean_rows)
from .fig2_claims import claims
from secml_regpoison.experiment.tables import save_picture, write_rows
from .config import FIGURE_2, FIGURE_2_QUICK

KEYS = 'data', 'policy', 'n_points'
MEASURES = (('test error %', 'test_error', 2, 100, None),
            ('lambda', 'lmbda', 2, 1, ('clean-cv', 'learned')),
            ('||w||^2', 'w_norm_squared', 3, 1, ('small', 'learned')))
LMBDA_STYLE = dict(color='#009E73', marker='^', linestyle='-')
NORM_STYLE = dict(color='#7A3E9D', marker='D', linestyle='--')


def run(out, quick=False, jobs=1, resume=False, solver='rmd'):
    """Make the figure; see `run_figure` for the parameters.

    Writes fig2_SOLVER.csv (a line for each data set, policy, split and
    strength), fig2_SOLVER_means.csv, fig2_SOLVER.png and fig2_SOLVER.pdf.
    """
    started = time.perf_counter()
    settings = FIGURE_2_QUICK if quick else FIGURE_2
    cells = attack_cells(settings, solver)
    rows = make_rows(cells, compute(cells, out, jobs, resume))
    means = mean_and_std(rows, KEYS)
    name = f'fig2_{solver}'
    write_rows(os.path.join(out, f'{name}.csv'), rows)
    write_rows(os.path.join(out, f'{name}_means.csv'),
               mean_rows(means, KEYS))
    save_picture(_draw(means, settings.n_splits, solver), out, name)
    return '\n\n'.join((
        by_strength(means, MEASURES), claims(means, solver), cost(rows),
        f'{name}: {len(cells)} security evaluations of '
        f'{len(settings.n_points)} strengths; this run took '
        f'{time.perf_counter() - started:.0f} s'))


def _draw(means, n_splits, solver):
    """The picture: errors above, lambda and ||w||^2 below."""
    names = list(dict.fromkeys(data for data, _, _ in means))
    fig = Figure(figsize=(1.2 + 4.2 * len(names), 7.6), layout='constrained')
    axes = fig.subplots(2, len(names), squeeze=False, sharex='col')
    letters = iter('abcdefghijklmnop')
    for ax, name in zip(axes[0], names):
        ax.set_title(f'({next(letters)}) {name}', fontsize=11)
        draw_curves(ax, means, name, 'test_error', 100)
    for ax, name in zip(axes[1], names):
        ax.set_title(f'({next(letters)})', fontsize=11)
        lines = _draw_learned(ax, means, name)
    axes[0, 0].set_ylabel('Test error (%)')
    # one legend above and one below, where they hide nothing
    fig.legend(*axes[0, 0].get_legend_handles_labels(), frameon=False,
               loc='outside upper center', ncol=2 * len(names),
               title=f'Poison by {solver}; mean and standard deviation of '
                     f'{n_splits} splits')
    fig.legend(lines, [line.get_label() for line in lines], frameon=False,
               loc='outside lower center', ncol=2)
    return fig


def _draw_learned(ax, means, name):
    """Learned lambda on the left axis, ||w||^2 on the right one."""
    right = ax.twinx()
    lines = []
    for axis, column, label, style in (
            (ax, 'lmbda', r'learned $\lambda$ (natural log)', LMBDA_STYLE),
            (right, 'w_norm_squared', r'$\|w\|_2^2$ (log scale)',
             NORM_STYLE)):
        x, y, error = curve(means, name, 'learned', column)
        lines.append(axis.errorbar(x, y, error, capsize=3, label=label,
                                   linewidth=1.6, elinewidth=.8, **style))
        axis.set_ylabel(label, color=style['color'])
        axis.tick_params(axis='y', colors=style['color'])
    # from 80 to 0.5: what is small moves too
    right.set_yscale('log')
    right.minorticks_off()
    right.yaxis.set_major_formatter('{x:g}')
    ax.set_xlabel('Poison among the training rows (%)')
    mark_strengths(ax, x)
    return lines
