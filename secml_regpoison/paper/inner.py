"""What inner accuracy does to the verdict on regularisation.

Test error and learned lambda at the strongest attack against the number T of
training steps that the attack differentiates, with and without momentum, and
at the optimum ('implicit'). The classifier that is tested is always trained
to the end: T limits what the attacker and the defender see.
"""
import os
import time

from matplotlib.figure import Figure

from .attacks import attack_cell, compute, make_plan, make_rows
from secml_regpoison.experiment.statistics import cost, mean_and_std
from secml_regpoison.experiment.tables import (
    POLICY_LABELS, POLICY_STYLES, as_text, format_mean_std, save_picture,
    write_rows)
from .config import INNER, INNER_QUICK
from .sources import pair_title

KEYS = 'data', 'policy', 'momentum', 'n_inner'


def run(out, quick=False, jobs=1, resume=False):
    """Make the figure; see `run_figure` for the parameters.

    Writes inner.csv (a line for each way of training, policy, split and
    strength), inner.png and inner.pdf.
    """
    started = time.perf_counter()
    settings = INNER_QUICK if quick else INNER
    cells, ways = _cells(settings)
    results = compute(cells, out, jobs, resume)
    rows = [{**way, **row}
            for cell, way, result in zip(cells, ways, results)
            for row in make_rows([cell], [result])]
    write_rows(os.path.join(out, 'inner.csv'), rows)
    strongest = max(row['n_points'] for row in rows)
    means = mean_and_std([row for row in rows
                          if row['n_points'] == strongest], KEYS)
    save_picture(_draw(means, settings.n_splits), out, 'inner')
    return '\n\n'.join((
        _table(means), _verdict(means),
        cost(rows),
        f'inner: {len(cells)} security evaluations; this run took '
        f'{time.perf_counter() - started:.0f} s'))


def _cells(settings):
    """Cells, and the two columns that tell their ways of training apart."""
    cells, ways = [], []
    for data in settings.data:
        plans = [(make_plan(settings, 'rmd', data, n_inner=n_inner,
                            momentum=momentum),
                  {'momentum': momentum, 'n_inner': n_inner})
                 for momentum in settings.momentum
                 for n_inner in settings.n_inner]
        plans.append((make_plan(settings, 'implicit', data),
                      {'momentum': '', 'n_inner': 'implicit'}))
        for plan, way in plans:
            for repetition in range(settings.n_splits):
                for policy in settings.policies:
                    cells.append((attack_cell, data, pair_title(data),
                                  plan, policy, repetition))
                    ways.append(way)
    return cells, ways


def _table(means):
    return as_text(
        ('data', 'policy', 'momentum', 'T', 'test error %', 'val. loss',
         'lambda', 'hypergradients', 's of a processor'),
        [(data, policy, f'{momentum}', f'{n_inner}',
          format_mean_std(stats['test_error'], 2, 100),
          format_mean_std(stats['validation_loss'], 4),
          format_mean_std(stats['lmbda'], 2),
          f"{stats['n_hypergradients'][0]:.0f}",
          f"{stats['seconds_cpu'][0]:.1f}")
         for (data, policy, momentum, n_inner), stats in means.items()])


def _verdict(means):
    """How much worse no regularisation is, by each way of training."""
    lines = []
    for (data, policy, momentum, n_inner), stats in means.items():
        if policy == 'small':
            small, learned = (100 * found['test_error'][0] for found in (
                stats, means[data, 'learned', momentum, n_inner]))
            lines.append((data, f'{momentum}', f'{n_inner}',
                          f'{small:.2f} / {learned:.2f} %',
                          f'{small / max(learned, 1e-9):.2f}'))
    return as_text(('data', 'momentum', 'T', 'error, small / learned',
                    'ratio'), lines)


def _draw(means, n_splits):
    """Errors on the left, learned lambda on the right; a line a data set."""
    names = list(dict.fromkeys(key[0] for key in means))
    fig = Figure(figsize=(11, 1.4 + 4.2 * len(names)), layout='constrained')
    axes = fig.subplots(len(names), 2, squeeze=False)
    for (left, right), name in zip(axes, names):
        _draw_panel(left, means, name, ('small', 'learned'), 'test_error',
                    100)
        _draw_panel(right, means, name, ('learned',), 'lmbda')
        left.set_ylabel('Test error (%)')
        left.set_ylim(bottom=0)
        right.set_ylabel(r'Learned $\lambda$ (natural log)')
        for ax in (left, right):
            ax.set_title(name)
            ax.set_xlabel("Training steps T that the attack sees")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncol=3,
               frameon=False, loc='outside lower center',
               title=f'Strongest attack; mean and standard deviation of '
                     f'{n_splits} splits')
    return fig


def _draw_panel(ax, means, name, policies, column, scale=1):
    """Curves over T with and without momentum, and the limit as a line."""
    for policy in policies:
        style = {**POLICY_STYLES[policy]}
        for momentum in dict.fromkeys(key[2] for key in means):
            points = [(n_inner, scale * stats[column][0],
                       scale * stats[column][1])
                      for (data, of, m, n_inner), stats in means.items()
                      if (data, of, m) == (name, policy, momentum)]
            label = f'{POLICY_LABELS[policy]}, '
            if momentum == '':
                _, mean, std = points[0]
                ax.axhline(mean, color=style['color'], linewidth=1,
                           linestyle=style['linestyle'],
                           label=f'{label}implicit')
                ax.axhspan(mean - std, mean + std, alpha=.12,
                           color=style['color'], linewidth=0)
            else:
                ax.errorbar(*zip(*points), capsize=3, elinewidth=.8, **{
                    **style, 'markerfacecolor':
                        style['color'] if momentum else 'none'},
                    label=f'{label}momentum {momentum:g}')
    ax.set_xscale('log')
    steps = [key[3] for key in means if key[2] != '']
    ax.set_xticks(sorted(set(steps)), [f'{n}' for n in sorted(set(steps))])
    ax.minorticks_off()
    ax.grid(alpha=.3)
