"""Defences against two attackers. Ours.

The attacker 'defender' raises the loss on the trusted rows, as in the paper;
'own' raises that on the test rows and keeps the trusted rows' loss low. Test
error over the share of poison, for each policy of `config.DEFENCE`: those of
`sec-eval`, and `VARIANTS` of them.
"""
from dataclasses import replace

from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import (
    MEASURED, cost, distinct, draw_curves, mean_and_std, mean_rows,
    tables_of)
from secml_regpoison.experiment.tables import of_splits
from secml_regpoison.figure.style import SHARE, figure_legend
from .attacks import attack_cells, named_records

MEASURES = (('test error %', 'test_error', 2, 100, None),
            ('val. loss', 'validation_loss', 4, 1, None),
            ('lambda', 'lmbda', 2, 1, None),
            ('weight s', 'trust', 3, 1, ('learned-trust',)))
TITLES = {'defender': 'usual attacker', 'own': 'attacker who hides'}
# A policy, and what else the defender does: drops rows far from the class
# centroids before training, or trains with L1: to the optimum, which is
# cheaper than 150 steps, but takes minutes below lambda -2.
VARIANTS = {'l1': ('learned', {'penalty': 'l1', 'solver_type': 'implicit',
                               'lmbda_bounds': (-2., 11.5)}),
            'filter': ('clean-cv', {'filter': 'sphere-slab'}),
            'filter-learned': ('learned', {'filter': 'sphere-slab'})}


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    defence_SOLVER.csv has a line for each data set, attacker, policy, split
    and strength; defence_SOLVER_means.csv their means over splits.
    """
    records = named_records([
        ({'policy': name, 'attacker': attacker,
          'data': f'{cell.title}, attacker: {attacker}'}, cell)
        for attacker in settings.attackers
        for name, cell in _cells_of(settings, solver, attacker)], compute)
    means = mean_and_std(records, names=(*MEASURED, 'trust'))
    return ({'': records, '_means': mean_rows(means)},
            _draw(means, settings, solver),
            (tables_of(means, MEASURES), cost(records)))


def _cells_of(settings, solver, attacker):
    """Name of the policy, and the cell, against one attacker."""
    for name in settings.policies:
        policy, changes = VARIANTS.get(name, (name, {}))
        for cell in attack_cells(replace(settings, policies=(policy,)),
                                 solver):
            yield name, cell._replace(plan=replace(
                cell.plan, attacker=attacker, **changes))


def _draw(means, settings, solver):
    """A row an attacker, a column a data set."""
    names = distinct(means, 0)
    n_columns = len(names) // len(settings.attackers)
    fig = Figure(figsize=(1.2 + 4.2 * n_columns, 8.), layout='constrained')
    axes = fig.subplots(len(settings.attackers), n_columns, squeeze=False,
                        sharex=True, sharey=True)
    for ax, name in zip(axes.ravel(), names):
        draw_curves(ax, means, name, 'test_error', 100)
        data, _, attacker = name.rpartition(', attacker: ')
        ax.set_title(f'{data}, {TITLES[attacker]}', fontsize=10)
    axes[0, 0].set_ylim(bottom=0)
    for ax in axes[:, 0]:
        ax.set_ylabel('Test error (%)')
    for ax in axes[-1]:
        ax.set_xlabel(SHARE)
    figure_legend(fig, axes[0, 0], f'Poison by {solver} (against L1 and '
                  'learned trust by implicit); '
                  f'{of_splits(settings.n_splits)}')
    return fig
