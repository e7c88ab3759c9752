"""Transfer: poison made for one classifier, in the training data of others.

The poison of Figure 2's strongest attacks, made for each policy, goes into
the training rows of classifiers under each policy, and of three stock
classifiers of secml whose strength was chosen on clean rows.
"""
import os
import time

import numpy as np
from matplotlib.figure import Figure

from .attacks import attack_cells, compute, make_rows, poison_of
from secml_regpoison.experiment.statistics import COSTS, mean_and_std
from secml_regpoison.experiment.tables import (
    POLICY_STYLES, as_text, save_picture, write_rows)
from .config import TRANSFER, TRANSFER_QUICK
from .transfer_cell import NO_POISON, Poison, STOCK, transfer_cell

KEYS = 'data', 'poison_for', 'victim'
NAMES = {**{policy: f'{policy} LR' for policy in POLICY_STYLES},
         **{name: f'secml {name}' for name in STOCK}}


def run(out, quick=False, jobs=1, resume=False, solver='rmd'):
    """Make the figure; see `run_figure` for the parameters.

    Writes transfer_SOLVER.csv (a line for each data set, split, poison and
    victim), transfer_SOLVER.png and transfer_SOLVER.pdf. With `resume` the
    poison is that of Figure 2 in the same folder, if it is there.
    """
    started = time.perf_counter()
    settings = TRANSFER_QUICK if quick else TRANSFER
    attacks = attack_cells(settings, solver)
    poisons = compute(attacks, out, jobs, resume)
    cells = _transfer_cells(attacks, poisons, settings.stock_lmbdas)
    results = compute(cells, out, jobs, resume)
    costs = {(row['data'], row['repetition'], row['policy']): row
             for row in _costs(attacks, poisons)}
    rows = [line for cell, result in zip(cells, results)
            for line in _rows(cell, result, solver, costs)]
    means = {key: 100 * stats['test_error'][0] for key, stats in mean_and_std(
        rows, KEYS, ('test_error',)).items()}
    name = f'transfer_{solver}'
    write_rows(os.path.join(out, f'{name}.csv'), rows)
    save_picture(_draw(means, solver, settings.n_splits), out, name)
    return '\n\n'.join((
        _table(means), _verdict(means),
        f'{name}: this run took {time.perf_counter() - started:.0f} s'))


def _transfer_cells(attacks, poisons, stock_lmbdas):
    """A cell for each data set and split: all poisons, all victims."""
    groups = {}
    for (_, data, title, plan, policy, repetition), result in zip(
            attacks, poisons):
        group = groups.setdefault((data, title, plan.seed, repetition),
                                  (plan, [], []))
        group[1].append((policy, result['lmbda'][0].item()))
        poison = poison_of(result)
        group[2].append((policy, Poison(poison.X.tondarray(),
                                        poison.Y.tondarray())))
    return [(transfer_cell, data, title, plan, tuple(lmbdas), tuple(made),
             stock_lmbdas, repetition)
            for (data, title, _, repetition), (plan, lmbdas, made)
            in groups.items()]


def _costs(attacks, poisons):
    """What making each poison took, a dict an attack."""
    for cell, result in zip(attacks, poisons):
        rows = make_rows([cell], [result])
        yield {**rows[-1],
               **{name: sum(row[name] for row in rows) for name in COSTS}}


def _rows(cell, result, solver, costs):
    """Lines of the CSV, one for each poison and victim."""
    _, _, title, plan, *_, repetition = cell
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


def _axes_of(means, name):
    """Makers, victims and the matrix of errors of one data set."""
    makers, victims = (list(dict.fromkeys(
        key[i] for key in means if key[0] == name)) for i in (1, 2))
    return makers, victims, np.array([
        [means[name, maker, victim] for victim in victims]
        for maker in makers])


def _table(means):
    lines = []
    for name in dict.fromkeys(key[0] for key in means):
        makers, victims, errors = _axes_of(means, name)
        lines.append(as_text(
            (f'{name}: poison for', *(NAMES[v] for v in victims)),
            [(maker, *(f'{error:.2f}' for error in line))
             for maker, line in zip(makers, errors)]))
    return 'Test error in %\n\n' + '\n\n'.join(lines)


def _verdict(means):
    """The worst poison of each victim, and of the stock classifiers."""
    lines = []
    for name in dict.fromkeys(key[0] for key in means):
        makers, victims, errors = _axes_of(means, name)
        for j, victim in enumerate(victims):
            worst = int(errors[:, j].argmax())
            lines.append((name, NAMES[victim], makers[worst],
                          f'{errors[makers.index(NO_POISON), j]:.2f}',
                          f'{errors[worst, j]:.2f}'))
    return as_text(('data', 'victim', 'worst poison is for',
                    'error % without', 'error % with'), lines)


def _draw(means, solver, n_splits):
    """A heat map a data set, on one scale of colours."""
    names = list(dict.fromkeys(key[0] for key in means))
    fig = Figure(figsize=(2 + 5 * len(names), 5), layout='constrained')
    axes = fig.subplots(1, len(names), squeeze=False, sharey=True)[0]
    most = max(means.values())
    for ax, name in zip(axes, names):
        makers, victims, errors = _axes_of(means, name)
        image = ax.imshow(errors, cmap='cividis', vmin=0, vmax=most,
                          aspect='auto')
        for (i, j), error in np.ndenumerate(errors):
            ax.text(j, i, f'{error:.1f}', ha='center', va='center',
                    color='black' if error > .55 * most else 'white')
        ax.set_title(name)
        ax.set_xticks(range(len(victims)),
                      [NAMES[victim] for victim in victims],
                      rotation=40, ha='right', rotation_mode='anchor')
        ax.set_yticks(range(len(makers)),
                      [NAMES.get(maker, maker) for maker in makers])
        # policies of ours on the left, secml's stock on the right
        ax.axvline(len(victims) - len(STOCK) - .5, color='white', linewidth=2)
        ax.set_xlabel('Classifier trained on it')
    axes[0].set_ylabel('Poison made for')
    fig.colorbar(image, ax=axes, pad=.01).set_label(
        f'Test error (%), mean of {n_splits} splits, poison by {solver}')
    return fig
