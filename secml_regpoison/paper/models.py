"""Four models and two penalties under the same attack, as found.

The paper attacks logistic regression with L2. Here each model is attacked by
its own loss while it learns lambda. See `config.MODELS`.
"""
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import (
    above_zero, cost, mean_and_std, mean_rows)
from secml_regpoison.experiment.tables import (
    as_text, format_mean_std, of_splits)
from secml_regpoison.figure.style import (
    figure_legend, policy_label, policy_styles)
from .attacks import attack_cells, named_records
from .config import PAIRS

KEYS = 'pair', 'model', 'penalty', 'policy', 'share'
# Error or loss of both penalties, split by split.
COMPARED = (('test error %', 'test_error', 2, 100),
            ('val. loss', 'validation_loss', 4, 1))


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    models_SOLVER.csv has a line for each data set, model, policy, split and
    strength: none and the largest; `share` says which. models_SOLVER_means.csv
    has their means over splits.
    """
    records = [
        {**record, 'share': 'poison' if record['n_points'] else 'clean'}
        for record in named_records([
            ({'pair': pair, 'model': model, 'penalty': penalty}, cell)
            for pair in settings.data for model, penalty in settings.models
            for cell in _cells(settings, solver, pair, model, penalty)],
            compute)]
    means = mean_and_std(records, KEYS)
    return ({'': records, '_means': mean_rows(means, KEYS)},
            _draw(means, settings, solver),
            (_table(means, settings), _penalties(records, settings),
             cost(records)))


def _cells(settings, solver, pair, model, penalty):
    """Attacks on one model: without poison, and with the most; a softmax is
    of three classes."""
    data = PAIRS[pair].three if model == 'softmax' else pair
    for cell in attack_cells(
            replace(settings, data=(data,),
                    policies=_policies(settings, penalty)), solver):
        yield cell._replace(plan=replace(
            cell.plan, classifier=model, penalty=penalty,
            n_points=(0, cell.plan.n_points[-1])))


def _policies(settings, penalty):
    return settings.policies_l1 if penalty == 'l1' else settings.policies


def _name(model, penalty):
    return f'{model}, {penalty.upper()}'


def _table(means, settings):
    """A table a data set, a line a model."""
    def of(pair, model, penalty, policy, share, column, decimals, scale=1):
        return format_mean_std(means[pair, model, penalty, policy, share][
            column], decimals, scale)
    tables = [as_text(
        (PAIRS[pair].name, 'lambda', 'error %: clean', 'poisoned',
         'val. loss: clean', 'poisoned', 'lambda: clean', 'poisoned'),
        [(_name(*names), policy, *(
            of(pair, *names, policy, share, *column)
            for column in (('test_error', 1, 100), ('validation_loss', 3),
                           ('lmbda', 2))
            for share in ('clean', 'poison')))
         for names in settings.models
         for policy in _policies(settings, names[1])])
        for pair in settings.data]
    return '\n\n'.join(('The softmax is of three classes.', *tables))


def _penalties(records, settings):
    """L1 minus L2 where lambda is learned, with poison: the mean over splits
    with its standard error, and in how many L1 is lower."""
    lines = []
    for pair in settings.data:
        for model in (name for name, penalty in settings.models
                      if penalty == 'l1'):
            for heading, column, decimals, scale in COMPARED:
                of = {penalty: np.array([
                    record[column] for record in records
                    if (record['pair'], record['model'], record['penalty'],
                        record['policy'], record['share'])
                    == (pair, model, penalty, 'learned', 'poison')])
                    for penalty in ('l1', 'l2')}
                change = scale * (of['l1'] - of['l2'])
                error = '' if len(change) == 1 else '{:.{}f}'.format(
                    change.std(ddof=1) / np.sqrt(len(change)), decimals)
                lines.append((
                    PAIRS[pair].name, model, heading,
                    f'{change.mean():+.{decimals}f}', error,
                    f'{(change < 0).sum()} of {len(change)}'))
    return as_text(('L1 minus L2', 'model', '', 'mean', 'standard error',
                    'L1 lower'), lines)


def _draw(means, settings, solver):
    """Test errors, a panel a data set."""
    fig = Figure(figsize=(1.2 + 4.2 * len(settings.data), 4.6),
                 layout='constrained')
    axes = fig.subplots(1, len(settings.data), squeeze=False)[0]
    places = np.arange(len(settings.models))
    for ax, pair in zip(axes, settings.data):
        for k, (policy, style) in enumerate(
                policy_styles(settings.policies).items()):
            # keeps the marks of two policies apart
            own = places + .1 * (k - (len(settings.policies) - 1) / 2)
            _draw_errors(ax, own, means, settings, (pair, policy, 'poison'),
                         policy_label(policy), **style)
            _draw_errors(ax, own, means, settings, (pair, policy, 'clean'),
                         f'{policy_label(policy)}, no poison',
                         color=style['color'], marker='_', markersize=9)
        ax.set_xticks(places, [_name(*names).replace(', ', '\n')
                               for names in settings.models], fontsize=9)
        ax.set_title(PAIRS[pair].name, fontsize=11)
        ax.set_ylim(bottom=-.02 * ax.get_ylim()[1])  # an error of 0 is seen
        ax.grid(alpha=.3, axis='y')
    axes[0].set_ylabel('Test error (%)')
    figure_legend(fig, axes[0], f'Poison by {solver}; '
                  f'{of_splits(settings.n_splits)}; softmax: three classes')
    return fig


def _draw_errors(ax, places, means, settings, key, label, **style):
    """Errors of the models under one policy, with or without poison."""
    pair, *which = key
    values = [means.get((pair, *names, *which), {}).get(
        'test_error', (np.nan, np.nan)) for names in settings.models]
    mean, std = 100 * np.array(values).T
    ax.errorbar(places, mean, above_zero(mean, std), capsize=3, label=label,
                elinewidth=.8, clip_on=False,
                **{**style, 'linestyle': 'none'})
