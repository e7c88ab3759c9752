"""Limits of a learned lambda: other data than the paper's.

Validation loss beside test error, under a small lambda, one by clean
cross-validation and the learned one, reported as found.
"""
from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import (
    COSTS, cost, distinct, draw_curves, mean_and_std, mean_rows, tables_of)
from secml_regpoison.experiment.tables import of_splits
from secml_regpoison.figure.style import SHARE, figure_legend
from secml_regpoison.terminal import count_rows
from .attacks import all_records, attack_cells

MEASURES = (('test error %', 'test_error', 2, 100, None),
            ('val. loss', 'validation_loss', 4, 1, None),
            ('lambda', 'lmbda', 2, 1, ('clean-cv', 'learned')))
PANELS = (('test_error', 'Test error (%)', 100),
          ('validation_loss', 'Validation loss (nats)', 1))


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    limits_SOLVER.csv has a line for each data set, policy, split and
    strength, limits_SOLVER_means.csv one for each data set, policy and
    strength, limits_SOLVER_verdict.csv one for each data set.
    """
    records = all_records(attack_cells(settings, solver), compute)
    means = mean_and_std(records)
    verdicts = [verdict(records, name) for name in distinct(means, 0)]
    return ({'': records, '_means': mean_rows(means), '_verdict': verdicts},
            _draw(means, settings.n_splits, solver),
            (tables_of(means, MEASURES),
             '\n'.join(f"{line['data']}: {line['in_words']}."
                       for line in verdicts),
             cost(records)))


def verdict(records, name):
    """What learning lambda did to one data set, against clean-cv, in words.

    Parameters
    ----------
    records : list of dict
        Lines of the CSV.
    name : str
        The data set.

    Returns
    -------
    dict
        A line of the verdict's CSV.

    """
    here = [record for record in records if record['data'] == name]
    means = mean_and_std(here, ('policy', 'n_points'))
    strengths = sorted(distinct(means, 1))
    lower = {column: [n_points for n_points in strengths
                      if means['learned', n_points][column][0]
                      < means['clean-cv', n_points][column][0]]
             for column, _, _ in PANELS}
    only_loss = [n_points for n_points in lower['validation_loss']
                 if n_points not in lower['test_error']]
    n_one_class = sum(
        (record['policy'], record['n_points']) == ('learned', strengths[-1])
        and record['share_predicted_1'] in (0, 1) for record in here)
    return {
        'data': name,
        **{f'{column}_{policy}':
           float(means[policy, strengths[-1]][column][0])
           for policy in ('clean-cv', 'learned')
           for column in ('validation_loss', 'test_error')},
        'strengths_with_lower_loss_only': ' '.join(map(str, only_loss)),
        'splits_of_one_class': n_one_class,
        **{column: sum(record[column] for record in here)
           for column in COSTS},
        'in_words': _in_words(lower, strengths, n_one_class)}


def _in_words(lower, strengths, n_one_class):
    """The sentence, without a full stop: the strongest attack, then the
    other strengths by what is lower there."""
    lowers = {(True, True): 'the loss and the error',
              (True, False): 'the loss but NOT the error',
              (False, True): 'the error but not the loss',
              (False, False): 'neither the loss nor the error'}
    changes = {n_points: (n_points in lower['validation_loss'],
                          n_points in lower['test_error'])
               for n_points in strengths}
    *others, strongest = strengths
    text = (f'learned lowers {lowers[changes[strongest]]} at the strongest '
            f'attack ({count_rows(strongest)}), against clean-cv')
    for change, words in lowers.items():
        at = [str(n_points) for n_points in others
              if changes[n_points] == change]
        if at:
            text += (f"; {words.replace('NOT', 'not')} at {', '.join(at)} "
                     f"row{'s' * (at != ['1'])}")
    if n_one_class:
        text += ('; it ends at the same class for all test rows on '
                 f"{n_one_class} split{'s' * (n_one_class > 1)}")
    return text


def _draw(means, n_splits, solver):
    """Errors above, losses below; three data sets a line."""
    names = distinct(means, 0)
    width = min(3, len(names))
    n_lines = -(-len(names) // width)
    fig = Figure(figsize=(1 + 3.7 * width, .8 + 5.4 * n_lines),
                 layout='constrained')
    for k, name in enumerate(names):
        line, column = divmod(k, width)
        for row, (measure, label, scale) in enumerate(PANELS):
            ax = fig.add_subplot(2 * n_lines, width,
                                 1 + column + width * (2 * line + row))
            draw_curves(ax, means, name, measure, scale)
            ax.set_ylim(bottom=0)
            if column == 0:
                ax.set_ylabel(label)
            if row == 0:
                ax.set_title(name, fontsize=11)
        ax.set_xlabel(SHARE)
    figure_legend(fig, ax, f'Poison by {solver}; {of_splits(n_splits)}', 3)
    return fig
