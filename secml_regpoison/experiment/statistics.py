"""Means over splits, and their curves against the poisoning fraction."""
import numpy as np

from .tables import POLICY_LABELS, POLICY_STYLES, as_text, format_mean_std

# What is averaged; the others identify a line of the CSV.
COSTS = 'n_hypergradients', 'seconds', 'seconds_cpu'
MEASURED = ('fraction', 'test_error', 'validation_loss', 'lmbda', 'w_norm',
            'w_norm_squared', *COSTS)


def mean_and_std(rows, keys, names=MEASURED):
    """Mean and standard deviation of columns in groups of rows.

    Parameters
    ----------
    rows : list of dict
    keys : tuple of str
        Columns whose values make a group.
    names : tuple of str, optional
        Columns to average.

    Returns
    -------
    dict of tuple to dict of str to (float, float)

    """
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return {group: {name: (np.mean(values), np.std(values))
                    for name in names
                    for values in [[row[name] for row in members]]}
            for group, members in groups.items()}


def mean_rows(means, keys):
    """Lines of a CSV with the means and deviations, as dicts."""
    return [{**dict(zip(keys, group)),
             **{f'{column}_{part}': float(value)
                for column, stats in measured.items()
                for part, value in zip(('mean', 'std'), stats)}}
            for group, measured in means.items()]


def curve(means, data, policy, column, scale=1):
    """Percentages of poison, means and deviations of one curve."""
    stats = [measured for (name, of, _), measured in means.items()
             if (name, of) == (data, policy)]
    return [[factor * value for value in values] for factor, values in (
        (100, [measured['fraction'][0] for measured in stats]),
        (scale, [measured[column][0] for measured in stats]),
        (scale, [measured[column][1] for measured in stats]))]


def draw_curves(ax, means, data, column, scale=1):
    """One curve a policy, with the deviations."""
    policies = [policy for policy in POLICY_STYLES
                if any(key[:2] == (data, policy) for key in means)]
    for k, policy in enumerate(policies):
        x, y, error = curve(means, data, policy, column, scale)
        # side by side by a hair: error bars of two policies stay apart
        shift = .1 * (k - (len(policies) - 1) / 2)
        ax.errorbar([value + shift for value in x], y, error, capsize=3,
                    label=POLICY_LABELS[policy], clip_on=False, zorder=3,
                    linewidth=1.6, elinewidth=.8, **POLICY_STYLES[policy])
    mark_strengths(ax, x)
    ax.set_ylim(bottom=0)


def mark_strengths(ax, fractions):
    """Ticks where something was measured."""
    ax.set_xticks(fractions, [f'{value:.1f}' for value in fractions])
    ax.grid(alpha=.3)


def by_strength(means, measures):
    """Text: a table a data set, a line a measure and policy.

    Parameters
    ----------
    means : dict
        By data set, policy and strength, see `mean_and_std`.
    measures : iterable of (str, str, int, float, tuple or None)
        Heading, column, decimals and scale; the policies, None for all.

    """
    tables = []
    for name in dict.fromkeys(data for data, _, _ in means):
        here = {key[1:]: stats for key, stats in means.items()
                if key[0] == name}
        policies, strengths = (list(dict.fromkeys(key[i] for key in here))
                               for i in (0, 1))
        lines = [(heading, policy, *(
            format_mean_std(here[policy, n_points][column], decimals, scale)
            for n_points in strengths))
            for heading, column, decimals, scale, of in measures
            for policy in policies if of is None or policy in of]
        shares = [100 * here[policies[0], n_points]['fraction'][0]
                  for n_points in strengths]
        tables.append(as_text(
            (name, 'lambda', *(f'{n_points} rows, {share:.1f} %'
                               for n_points, share in zip(strengths, shares))),
            lines))
    return '\n\n'.join(tables)


def cost(rows):
    """Text of what the attacks took, a line a data set."""
    totals = {}
    for row in rows:
        total = totals.setdefault(row['data'], [0, 0., 0.])
        for k, name in enumerate(COSTS):
            total[k] += row[name]
    return as_text(
        ('data', 'hypergradients', 'seconds', 'of a processor'),
        [(name, f'{count}', f'{seconds:.0f}', f'{cpu:.0f}')
         for name, (count, seconds, cpu) in totals.items()])
