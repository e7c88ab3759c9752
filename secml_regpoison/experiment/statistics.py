"""Means over splits: as numbers, as tables and as curves.

A record is a dict, one strength of one security evaluation, see
`measures.make_records`.
"""
import numpy as np

from secml_regpoison.figure.curves import mark_strengths
from secml_regpoison.figure.style import policy_label, policy_styles
from .tables import as_text, format_mean_std

KEYS = 'data', 'policy', 'n_points'
COSTS = 'n_hypergradients', 'seconds', 'seconds_cpu'
MEASURED = ('fraction', 'test_error', 'validation_loss', 'lmbda', 'w_norm',
            'w_norm_squared', *COSTS)


def mean_and_std(records, keys=KEYS, names=MEASURED):
    """Mean and standard deviation of columns in groups of records.

    Parameters
    ----------
    records : list of dict
    keys : tuple of str, optional
        Columns whose values make a group.
    names : tuple of str, optional
        Columns to average.

    Returns
    -------
    dict of tuple to dict of str to (float, float)
        Groups in the order of `records`; the deviation of one is NaN.

    """
    groups = {}
    for record in records:
        groups.setdefault(tuple(record[key] for key in keys), []).append(
            record)
    return {group: {name: (np.mean(values), np.std(values)
                           if len(values) > 1 else np.nan)
                    for name in names
                    for values in [[record[name] for record in members]]}
            for group, members in groups.items()}


def mean_rows(means, keys=KEYS):
    """Lines of a CSV with the means and deviations, as dicts."""
    return [{**dict(zip(keys, group)),
             **{f'{column}_{part}': float(value)
                for column, stats in measured.items()
                for part, value in zip(('mean', 'std'), stats)}}
            for group, measured in means.items()]


def distinct(means, key):
    """Different values of one of the keys, in order of appearance."""
    return list(dict.fromkeys(group[key] for group in means))


def curve(means, data, policy, column, scale=1):
    """Percentages of poison, means and deviations of one curve."""
    stats = [measured for (name, of, _), measured in means.items()
             if (name, of) == (data, policy)]
    return [[factor * value for value in values] for factor, values in (
        (100, [measured['fraction'][0] for measured in stats]),
        (scale, [measured[column][0] for measured in stats]),
        (scale, [measured[column][1] for measured in stats]))]


def above_zero(values, errors):
    """Lower and upper errors of values that cannot be negative, as
    matplotlib's `errorbar` takes them: the lower ends are at least 0."""
    return [np.minimum(errors, values), errors]


def draw_curves(ax, means, data, column, scale=1):
    """One curve a policy against the poison, with the deviations.

    The shares of poison are those of the first policy: a filter drops clean
    rows, and its own shares are of the rows that it leaves.

    Bars of all but lambda end at 0.
    """
    x = None
    policies = distinct([key[1:] for key in means if key[0] == data], 0)
    for k, (policy, style) in enumerate(policy_styles(policies).items()):
        own, y, error = curve(means, data, policy, column, scale)
        x = x or own
        # a small shift keeps the error bars of two policies apart
        shift = .1 * (k - (len(policies) - 1) / 2)
        if column != 'lmbda':
            error = above_zero(y, error)
        ax.errorbar([value + shift for value in x], y, error, capsize=3,
                    label=policy_label(policy), clip_on=False, zorder=3,
                    linewidth=1.6, elinewidth=.8, **style)
    mark_strengths(ax, x)
    ax.grid(alpha=.3)


def set_log_scale(ax, values):
    """A logarithmic y axis for values of at least 0: linear below the least
    above 0 where some are 0, and linear where all are."""
    above = [value for value in values if value > 0]
    if len(above) == len(values):
        ax.set_yscale('log')
    elif above:
        ax.set_yscale('symlog', linthresh=min(above))
    else:
        ax.set_yscale('linear')


def _rows_and_share(n_points, stats):
    """Text above a strength."""
    return f"{n_points} rows, {100 * stats['fraction'][0]:.1f} %"


def tables_of(means, measures, head=_rows_and_share):
    """Text: a table a data set, a line a measure and policy.

    Parameters
    ----------
    means : dict
        By data, policy and the key of a column, see `mean_and_std`.
    measures : iterable of (str, str, int, float, tuple or None)
        Heading, column, decimals and scale; the policies, None for all.
    head : callable, optional
        Text above a column, of its key and of the means of the first policy.

    """
    tables = []
    for name in distinct(means, 0):
        here = {key[1:]: stats for key, stats in means.items()
                if key[0] == name}
        policies, keys = distinct(here, 0), distinct(here, 1)
        lines = [(heading, policy, *(
            format_mean_std(here[policy, key][column], decimals, scale)
            for key in keys))
            for heading, column, decimals, scale, of in measures
            for policy in policies if of is None or policy in of]
        tables.append(as_text((name, 'lambda', *(
            head(key, here[policies[0], key]) for key in keys)), lines))
    return '\n\n'.join(tables)


def cost(records):
    """Text of the cost of the attacks, a line a data set."""
    totals = {name: [sum(record[column] for record in records
                         if record['data'] == name) for column in COSTS]
              for name in dict.fromkeys(
                  record['data'] for record in records)}
    return as_text(
        ('data', 'hypergradients', 'seconds', 'CPU seconds'),
        [(name, f'{count}', f'{seconds:.0f}', f'{cpu:.0f}')
         for name, (count, seconds, cpu) in totals.items()])
