"""Figure 3: histograms of the weights.

For each data set without regularisation (top) and with lambda learned
(bottom), of classifiers trained without poison and with the strongest attack.
The attacks are those of Figure 2; the weights of all splits go in together.
"""
import os
import time

import numpy as np
from matplotlib.figure import Figure

from .attacks import attack_cells, compute, make_rows
from secml_regpoison.experiment.statistics import mean_and_std
from secml_regpoison.experiment.tables import (
    as_text, save_picture, format_mean_std, write_rows)
from .config import FIGURE_3, FIGURE_3_QUICK
from secml_regpoison.figure.images_and_weights import draw_weights

TITLES = {'small': 'no regularisation', 'learned': r'$\lambda$ learned'}
LABELS = 'no poison', 'strongest attack'
WIDTHS = 'std', 'width_90'


def run(out, quick=False, jobs=1, resume=False, solver='rmd'):
    """Make the figure; see `run_figure` for the parameters.

    Writes fig3_SOLVER.csv (widths, a line for each data set, policy, split,
    without poison and with all of it), fig3_SOLVER.png and fig3_SOLVER.pdf.
    """
    started = time.perf_counter()
    settings = FIGURE_3_QUICK if quick else FIGURE_3
    cells = attack_cells(settings, solver)
    results = compute(cells, out, jobs, resume)
    rows, weights = _widths(cells, results)
    means = mean_and_std(rows, ('data', 'policy', 'n_points'), WIDTHS)
    name = f'fig3_{solver}'
    write_rows(os.path.join(out, f'{name}.csv'), rows)
    save_picture(_draw(weights, means, solver, settings.n_splits), out, name)
    return '\n\n'.join((
        _table(means), _verdict(means),
        f'{name}: this run took {time.perf_counter() - started:.0f} s'))


def _widths(cells, results):
    """Lines of the CSV, and the weights by data set, policy and strength."""
    rows, weights = [], {}
    for cell, result in zip(cells, results):
        ends = make_rows([cell], [result])
        for row, w in zip((ends[0], ends[-1]), result['weights']):
            low, high = np.percentile(w, (5, 95))
            rows.append({**row, 'std': float(w.std()),
                         'width_90': float(high - low),
                         'least': float(w.min()), 'most': float(w.max())})
            key = row['data'], row['policy'], row['n_points']
            weights.setdefault(key, []).append(w)
    return rows, {key: np.concatenate(parts)
                  for key, parts in weights.items()}


def _table(means):
    return as_text(
        ('data', 'policy', 'poison', 'std of w', 'width of 90 % of w'),
        [(data, policy, f'{n_points}', format_mean_std(stats['std'], 4),
          format_mean_std(stats['width_90'], 4))
         for (data, policy, n_points), stats in means.items()])


def _verdict(means):
    """Whether learned is narrower than none, and with poison still more."""
    lines = []
    for name in dict.fromkeys(key[0] for key in means):
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
    names = list(dict.fromkeys(key[0] for key in weights))
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
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncol=2,
               frameon=False, loc='outside lower center',
               title=f'Poison by {solver}; weights of {n_splits} splits')
    return fig
