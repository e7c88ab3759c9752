"""Figure 3: histograms of the weights.

For each data set without regularisation (top) and with lambda learned
(bottom), of classifiers trained without poison and with the strongest attack.
The attacks are those of Figure 2; the weights of all splits go in together.
"""
import numpy as np
from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import distinct, mean_and_std
from secml_regpoison.experiment.tables import (
    as_text, format_mean_std, of_splits)
from secml_regpoison.figure.images_and_weights import draw_weights
from secml_regpoison.figure.style import figure_legend
from .attacks import attack_cells, records_of

TITLES = {'small': 'no regularisation', 'learned': r'$\lambda$ learned'}
LABELS = 'no poison', 'strongest attack'
WIDTHS = 'std', 'width_90'


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    fig3_SOLVER.csv has the widths, a line for each data set, policy and
    split, without poison and with all of it.
    """
    cells = attack_cells(settings, solver)
    records, weights = _widths(cells, compute(cells))
    means = mean_and_std(records, names=WIDTHS)
    return ({'': records}, _draw(weights, means, solver, settings.n_splits),
            (_table(means), _verdict(means)))


def _widths(cells, results):
    """Lines of the CSV, and the weights by data set, policy and strength."""
    records, weights = [], {}
    for cell, result in zip(cells, results):
        of_cell = records_of(cell, result)
        for record, w in zip((of_cell[0], of_cell[-1]), result['weights']):
            low, high = np.percentile(w, (5, 95))
            records.append({**record, 'std': float(w.std()),
                            'width_90': float(high - low),
                            'least': float(w.min()), 'most': float(w.max())})
            key = record['data'], record['policy'], record['n_points']
            weights.setdefault(key, []).append(w)
    return records, {key: np.concatenate(parts)
                     for key, parts in weights.items()}


def _table(means):
    return as_text(
        ('data', 'policy', 'poison', 'std of w', 'width of 90 % of w'),
        [(data, policy, f'{n_points}', format_mean_std(stats['std'], 4),
          format_mean_std(stats['width_90'], 4))
         for (data, policy, n_points), stats in means.items()])


def _verdict(means):
    """Whether regularisation narrows the weights, and poison more so."""
    lines = []
    for name in distinct(means, 0):
        (small, small_p), (learned, learned_p) = (
            [stats['std'][0] for key, stats in means.items()
             if key[:2] == (name, policy)] for policy in TITLES)
        for claim, wide, narrow in (
                ('learned narrower than unregularised, no poison',
                 small, learned),
                ('learned narrower than unregularised, poison',
                 small_p, learned_p),
                ('learned narrower with poison than without',
                 learned, learned_p)):
            lines.append((f'{name}: {claim}', f'{wide:.4f} -> {narrow:.4f}',
                          'yes' if narrow < wide else 'NO'))
    return as_text(('claim', 'std of w', 'holds'), lines)


def _draw(weights, means, solver, n_splits):
    """A column a data set; each panel has its own scale of weights."""
    names = distinct(weights, 0)
    fig = Figure(figsize=(1.2 + 4 * len(names), 7), layout='constrained')
    axes = fig.subplots(len(TITLES), len(names), squeeze=False)
    for line, (policy, title) in zip(axes, TITLES.items()):
        for ax, name in zip(line, names):
            panel = [(w, means[key]['std'][0]) for key, w in weights.items()
                     if key[:2] == (name, policy)]
            draw_weights(ax, [w for w, _ in panel], LABELS)
            ax.locator_params(axis='x', nbins=6)  # long numbers
            clean, poisoned = (std for _, std in panel)
            ax.set_title(f'{name}, {title}\nstd {clean:.3g} without poison, '
                         f'{poisoned:.3g} with', fontsize=11)
        line[0].set_ylabel('Number of weights (log scale)')
    for ax in axes[-1]:
        ax.set_xlabel('Weight (each panel has its own scale)')
    figure_legend(fig, axes[0, 0],
                  f"Poison by {solver}; weights {of_splits(n_splits, '')}", 2)
    return fig
