"""Transfer: poison made for one classifier, in the training data of others.

The poison of Figure 2's strongest attacks, made for each policy, goes into
the training rows of classifiers under each policy, and of three stock
classifiers of secml whose strength was chosen on clean rows.
"""
import numpy as np
from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import (
    COSTS, distinct, mean_and_std)
from secml_regpoison.experiment.tables import as_text, of_splits
from secml_regpoison.figure.style import POLICY_STYLES
from .attacks import attack_cells, records_of
from .transfer_cell import NO_POISON, STOCK, HashablePoison, transfer_cell

KEYS = 'data', 'poison_for', 'victim'
NAMES = {**{policy: f'{policy} LR' for policy in POLICY_STYLES},
         **{name: f'secml {name}' for name in STOCK}}


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    transfer_SOLVER.csv has a line for each data set, split, poison and
    victim. With `resume` the poison is that of Figure 2 in the same folder,
    if it is there.
    """
    attacks = attack_cells(settings, solver)
    poisons = compute(attacks)
    cells = _transfer_cells(attacks, poisons, settings.stock_lmbdas)
    costs = _costs(attacks, poisons)
    records = [line for cell, result in zip(cells, compute(cells))
               for line in _records(cell, result, solver, costs)]
    means = {key: 100 * stats['test_error'][0] for key, stats in mean_and_std(
        records, KEYS, ('test_error',)).items()}
    return ({'': records}, _draw(means, solver, settings.n_splits),
            (_table(means), _verdict(means)))


def _transfer_cells(attacks, poisons, stock_lmbdas):
    """A cell for each data set and split: all poisons, all victims."""
    groups = {}
    for cell, result in zip(attacks, poisons):
        _, lmbdas, made = groups.setdefault(
            (cell.data, cell.title, cell.repetition), (cell.plan, [], []))
        lmbdas.append((cell.policy, result['lmbda'][0].item()))
        made.append((cell.policy, HashablePoison(result['x'], result['y'])))
    return [(transfer_cell, data, title, plan, tuple(lmbdas), tuple(made),
             stock_lmbdas, repetition)
            for (data, title, repetition), (plan, lmbdas, made)
            in groups.items()]


def _costs(attacks, poisons):
    """The last record of each attack, with the costs of all strengths, by
    data set, repetition and policy."""
    costs = {}
    for cell, result in zip(attacks, poisons):
        *_, last = records = records_of(cell, result)
        costs[last['data'], last['repetition'], last['policy']] = {
            **last, **{name: sum(record[name] for record in records)
                       for name in COSTS}}
    return costs


def _records(cell, result, solver, costs):
    """Lines of the CSV, one for each poison and victim."""
    _, _, title, *_, repetition = cell
    for i, maker in enumerate(result['makers'].tolist()):
        made = costs.get((title, repetition, maker), {})
        for j, victim in enumerate(result['victims'].tolist()):
            yield {'data': title, 'solver': solver, 'repetition': repetition,
                   'poison_for': maker, 'victim': victim,
                   'n_points': made.get('n_points', 0),
                   'fraction': made.get('fraction', 0.),
                   'test_error': result['test_error'][i, j].item(),
                   'lmbda': result['lmbda'][i, j].item(),
                   **{name: made.get(name, 0) for name in COSTS}}


def _matrices(means):
    """Data set, makers, victims and the matrix of errors, of each data set."""
    for name in distinct(means, 0):
        here = {key[1:]: error for key, error in means.items()
                if key[0] == name}
        makers, victims = distinct(here, 0), distinct(here, 1)
        yield name, makers, victims, np.array([
            [here[maker, victim] for victim in victims] for maker in makers])


def _table(means):
    return 'Test error in %\n\n' + '\n\n'.join(
        as_text((f'{name}: poison for', *(NAMES[v] for v in victims)),
                [(maker, *(f'{error:.2f}' for error in line))
                 for maker, line in zip(makers, errors)])
        for name, makers, victims, errors in _matrices(means))


def _verdict(means):
    """The worst poison of each victim, and of the stock classifiers."""
    lines = []
    for name, makers, victims, errors in _matrices(means):
        for victim, of_victim in zip(victims, errors.T):
            worst = int(of_victim.argmax())
            lines.append((name, NAMES[victim], makers[worst],
                          f'{of_victim[makers.index(NO_POISON)]:.2f}',
                          f'{of_victim[worst]:.2f}'))
    return as_text(('data', 'victim', 'worst poison is for',
                    'error % without', 'error % with'), lines)


def _draw(means, solver, n_splits):
    """A heat map a data set, on one scale of colours."""
    matrices, largest = list(_matrices(means)), max(means.values())
    fig = Figure(figsize=(2 + 5 * len(matrices), 5), layout='constrained')
    axes = fig.subplots(1, len(matrices), squeeze=False, sharey=True)[0]
    for ax, (name, makers, victims, errors) in zip(axes, matrices):
        image = ax.imshow(errors, cmap='cividis', vmin=0, vmax=largest,
                          aspect='auto')
        for (i, j), error in np.ndenumerate(errors):
            ax.text(j, i, f'{error:.1f}', ha='center', va='center',
                    color='black' if error > .55 * largest else 'white')
        ax.set_title(name)
        ax.set_xticks(range(len(victims)),
                      [NAMES[victim] for victim in victims],
                      rotation=40, ha='right', rotation_mode='anchor')
        ax.set_yticks(range(len(makers)),
                      [NAMES.get(maker, maker) for maker in makers])
        # our policies on the left, secml's stock classifiers on the right
        ax.axvline(len(victims) - len(STOCK) - .5, color='white', linewidth=2)
        ax.set_xlabel('Classifier trained on it')
    axes[0].set_ylabel('Poison made for')
    fig.colorbar(image, ax=axes, pad=.01).set_label(
        f"Test error (%), {of_splits(n_splits, 'mean ')}, poison by {solver}")
    return fig
