"""Where a learned lambda does not help: other data than the paper's.

Validation loss beside test error, under a small lambda, one by clean
cross-validation and the learned one, reported as found.
"""
import os
import time

from matplotlib.figure import Figure

from .attacks import attack_cells, compute, make_rows
from secml_regpoison.experiment.statistics import (
    COSTS, by_strength, cost, draw_curves, mean_and_std, mean_rows)
from secml_regpoison.experiment.tables import save_picture, write_rows
from .config import LIMITS, LIMITS_QUICK

KEYS = 'data', 'policy', 'n_points'
MEASURES = (('test error %', 'test_error', 2, 100, None),
            ('val. loss', 'validation_loss', 4, 1, None),
            ('lambda', 'lmbda', 2, 1, ('clean-cv', 'learned')))
PANELS = (('test_error', 'Test error (%)', 100),
          ('validation_loss', 'Validation loss (nats)', 1))


def run(out, quick=False, jobs=1, resume=False, solver='rmd'):
    """Make the figure; see `run_figure` for the parameters.

    Writes limits_SOLVER.csv (a line for each data set, policy, split and
    strength), limits_SOLVER_means.csv, limits_SOLVER_verdict.csv,
    limits_SOLVER.png and limits_SOLVER.pdf.
    """
    started = time.perf_counter()
    settings = LIMITS_QUICK if quick else LIMITS
    cells = attack_cells(settings, solver)
    rows = make_rows(cells, compute(cells, out, jobs, resume))
    means = mean_and_std(rows, KEYS)
    verdicts = [verdict(rows, name)
                for name in dict.fromkeys(row['data'] for row in rows)]
    name = f'limits_{solver}'
    for suffix, lines in (('', rows), ('_means', mean_rows(means, KEYS)),
                          ('_verdict', verdicts)):
        write_rows(os.path.join(out, f'{name}{suffix}.csv'), lines)
    save_picture(_draw(means, settings.n_splits, solver), out, name)
    return '\n\n'.join((
        by_strength(means, MEASURES),
        '\n'.join(f"{line['data']}: {line['in_words']}." for line in verdicts),
        cost(rows),
        f'{name}: {len(cells)} security evaluations; this run took '
        f'{time.perf_counter() - started:.0f} s'))


def verdict(rows, name):
    """What learning lambda did to one data set, against clean-cv, in words.

    Parameters
    ----------
    rows : list of dict
        Lines of the CSV.
    name : str
        The data set.

    Returns
    -------
    dict
        A line of the verdict's CSV.

    """
    means = {key[1:]: stats for key, stats in mean_and_std(
        [row for row in rows if row['data'] == name], KEYS).items()}
    strengths = sorted({n_points for _, n_points in means})
    lowered = {column: [n_points for n_points in strengths
                        if means['learned', n_points][column][0]
                        < means['clean-cv', n_points][column][0]]
               for column in ('validation_loss', 'test_error')}
    only_loss = [n_points for n_points in lowered['validation_loss']
                 if n_points not in lowered['test_error']]
    line = {'data': name}
    for policy in ('clean-cv', 'learned'):
        for column in ('validation_loss', 'test_error'):
            line[f'{column}_{policy}'] = float(
                means[policy, strengths[-1]][column][0])
    one_class = [row['repetition'] for row in rows
                 if (row['data'], row['policy'], row['n_points'])
                 == (name, 'learned', strengths[-1])
                 and row['share_predicted_1'] in (0, 1)]
    line.update(
        strengths_with_lower_loss_only=' '.join(map(str, only_loss)),
        splits_of_one_class=len(one_class),
        **{column: sum(row[column] for row in rows if row['data'] == name)
           for column in COSTS},
        in_words=_in_words(lowered, only_loss, len(one_class), strengths))
    return line


def _in_words(lowered, only_loss, n_one_class, strengths):
    """The sentence, without a full stop."""
    most = strengths[-1]
    lower = {column: most in where for column, where in lowered.items()}
    if lower['validation_loss']:
        text = ('learned lowers the loss and the error'
                if lower['test_error'] else
                'learned lowers the loss but NOT the error')
    else:
        text = ('learned lowers the error but not the loss'
                if lower['test_error'] else
                'learned lowers neither the loss nor the error')
    text += f' at {most} poison rows, against clean-cv'
    before = [n_points for n_points in only_loss if n_points != most]
    if before:
        text += ('; the loss but not the error at '
                 f"{', '.join(map(str, before))} rows")
    if n_one_class:
        text += ('; it ends at the same class for all test rows on '
                 f'{n_one_class} split(s)')
    return text


def _draw(means, n_splits, solver):
    """Errors above, losses below; three data sets a line."""
    names = list(dict.fromkeys(key[0] for key in means))
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
            if column == 0:
                ax.set_ylabel(label)
            if row == 0:
                ax.set_title(name, fontsize=11)
        ax.set_xlabel('Poison (% of the training rows)')
    fig.legend(*ax.get_legend_handles_labels(), ncol=3,
               frameon=False, loc='outside lower center',
               title=f'Poison by {solver}; mean and standard deviation of '
                     f'{n_splits} splits')
    return fig
