"""Error and lambda by the labels of the poison, as found.

The paper gives each point the flipped label of the row where it starts. Here
a share of all points has the second label, from none to all. See
`config.LABELS`.
"""
from dataclasses import replace

import torch
from matplotlib.figure import Figure

from secml_regpoison.attack.poison_labels import compositions
from secml_regpoison.experiment.statistics import (
    cost, distinct, mean_and_std, mean_rows, tables_of)
from secml_regpoison.experiment.tables import as_text, of_splits
from secml_regpoison.figure.style import (
    figure_legend, policy_label, policy_styles)
from .attacks import attack_cells, named_records

KEYS = 'data', 'policy', 'labels'
MEASURES = (('test error %', 'test_error', 2, 100, None),
            ('val. loss', 'validation_loss', 4, 1, None),
            ('lambda', 'lmbda', 2, 1, None))
PANELS = (('test_error', 'Test error (%)', 100),
          ('lmbda', r'$\lambda$ (natural log)', 1))


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    labels_SOLVER.csv has a line for each data set, policy, split and
    composition; `labels` is the percentage of points with the second label,
    or 'flip'. labels_SOLVER_means.csv has their means over splits.
    """
    records = named_records([
        ({'labels': name}, _with_labels(cell, y_poison))
        for name, y_poison in _labels(settings).items()
        for cell in attack_cells(settings, solver)], compute)
    means = mean_and_std(records, KEYS)
    return ({'': records, '_means': mean_rows(means, KEYS)},
            _draw(means, settings.n_splits, solver),
            (tables_of(means, MEASURES, _head), _verdict(means),
             cost(records)))


def _labels(settings):
    """`y_poison` of the attack, by the name of the composition."""
    n_points, = settings.n_points
    shares = compositions(torch.zeros(0), n_points)
    return {'flip': 'flip', **{
        f'{100 * float((y > 0).double().mean()):.0f}':
        [int(sign > 0) for sign in y] for y in shares}}


def _with_labels(cell, y_poison):
    """The cell, its poison with these labels."""
    return cell._replace(plan=replace(cell.plan, attack_params={
        **cell.plan.attack_params, 'y_poison': y_poison}))


def _head(name, _):
    return name if name == 'flip' else f'{name} %'


def _verdict(means):
    """Which composition is worst, by the test error and by the loss."""
    lines = []
    for name, policy in dict.fromkeys(key[:2] for key in means):
        of = {key[2]: stats for key, stats in means.items()
              if key[:2] == (name, policy)}
        worst, by_loss = (max(of, key=lambda text: of[text][column][0])
                          for column in ('test_error', 'validation_loss'))
        lines.append((name, policy, worst, by_loss, *(
            f"{100 * of[text]['test_error'][0]:.1f}"
            for text in ('flip', worst, by_loss))))
    return as_text(('data', 'lambda', 'worst by error', 'worst by loss',
                    'error %: flip', 'worst by error', 'worst by loss'),
                   lines)


def _draw(means, n_splits, solver):
    """Errors above, lambda below."""
    names = distinct(means, 0)
    fig = Figure(figsize=(1.2 + 4.2 * len(names), 7.), layout='constrained')
    axes = fig.subplots(2, len(names), squeeze=False, sharex=True)
    for column, name in enumerate(names):
        for ax, (measure, label, scale) in zip(axes[:, column], PANELS):
            _draw_curves(ax, means, name, measure, scale)
            ax.grid(alpha=.3)
            if column == 0:
                ax.set_ylabel(label)
        axes[0, column].set_title(name, fontsize=11)
        axes[0, column].set_ylim(bottom=0)
        axes[1, column].set_xlabel('Points with the second label (%)')
    figure_legend(fig, axes[0, 0], f'Poison by {solver}; '
                  f'{of_splits(n_splits)}; thin lines without markers: '
                  'flipped labels')
    return fig


def _draw_curves(ax, means, name, measure, scale):
    """A curve a policy over the share, and a level for 'flip'."""
    of_data = {key[1:]: stats for key, stats in means.items()
               if key[0] == name}
    for policy, style in policy_styles(distinct(of_data, 0)).items():
        points = [(float(text), *(scale * value for value in stats[measure]))
                  for (of, text), stats in of_data.items()
                  if of == policy and text != 'flip']
        ax.errorbar(*zip(*points), capsize=3, label=policy_label(policy),
                    linewidth=1.6, elinewidth=.8, **style)
        ax.axhline(scale * of_data[policy, 'flip'][measure][0],
                   color=style['color'], linestyle='-', linewidth=.7)
