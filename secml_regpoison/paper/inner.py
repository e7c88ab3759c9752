"""The verdict on regularisation against the accuracy of training.

Test error and learned lambda at the strongest attack against the number T of
training steps that the attack differentiates, with and without momentum, and
at the optimum ('implicit'). The classifier that is tested is always trained
to the end: T limits what the attacker and the defender see.
"""
import numpy as np
from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import (
    cost, distinct, mean_and_std)
from secml_regpoison.experiment.tables import (
    as_text, format_mean_std, of_splits)
from secml_regpoison.figure.style import (
    POLICY_LABELS, POLICY_STYLES, figure_legend, on_background)
from .attacks import attack_cells, records_of

KEYS = 'data', 'policy', 'momentum', 'n_inner'


def make(settings, compute):
    """Make the figure, see `paper`.

    inner.csv has a line for each way of training, policy, split and strength.
    """
    ways = [(way, cell) for way, cells in _cells(settings) for cell in cells]
    results = compute([cell for _, cell in ways])
    records = [{**way, **record} for (way, cell), result in zip(ways, results)
               for record in records_of(cell, result)]
    strongest = max(record['n_points'] for record in records)
    means = mean_and_std([record for record in records
                          if record['n_points'] == strongest], KEYS)
    return ({'': records}, _draw(means, settings.n_splits),
            (_table(means), _verdict(means), cost(records)))


def _cells(settings):
    """Cells of each way of training, and the two columns that name it."""
    for momentum in settings.momentum:
        for n_inner in settings.n_inner:
            way = {'momentum': momentum, 'n_inner': n_inner}
            yield way, attack_cells(settings, 'rmd', **way)
    yield ({'momentum': '', 'n_inner': 'implicit'},
           attack_cells(settings, 'implicit'))


def _table(means):
    return as_text(
        ('data', 'policy', 'momentum', 'T', 'test error %', 'val. loss',
         'lambda', 'hypergradients', 'CPU seconds'),
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
    names = distinct(means, 0)
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
            ax.set_xlabel('Training steps T that the attack sees (log scale)')
    band = ' and band' * (n_splits > 1)
    figure_legend(fig, axes[0, 0], f'Strongest attack; {of_splits(n_splits)} '
                  f'(of implicit: line{band})', 3)
    return fig


def _draw_panel(ax, means, name, policies, column, scale=1):
    """Curves over T with and without momentum, and the limit as a line."""
    for policy in policies:
        style = {**on_background(POLICY_STYLES[policy])}
        for momentum in distinct(means, 2):
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
                steps, *values = map(np.array, zip(*points))
                # a small shift keeps the error bars of the two apart
                ax.errorbar(
                    (1.04 if momentum else 1.) * steps, *values, capsize=3,
                    elinewidth=.8, label=f'{label}momentum {momentum:g}',
                    **{**style, 'markerfacecolor':
                       style['color'] if momentum else 'none'})
    ax.set_xscale('log')
    steps = [key[3] for key in means if key[2] != '']
    ax.set_xticks(sorted(set(steps)), [f'{n}' for n in sorted(set(steps))])
    ax.minorticks_off()
    ax.grid(alpha=.3)
