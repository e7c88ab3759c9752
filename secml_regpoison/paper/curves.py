"""Means over splits, and their curves against the poisoning fraction."""
import numpy as np

from secml_regpoison.paper.output import POLICY_LABELS, POLICY_STYLES

# What is averaged; the others identify a line of the CSV.
MEASURED = ('fraction', 'test_error', 'validation_loss', 'lmbda', 'w_norm',
            'w_norm_squared', 'n_hypergradients', 'seconds', 'seconds_cpu')


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


def cost(rows):
    """What the attacks took, in words."""
    count, seconds, cpu = (sum(row[name] for row in rows) for name in (
        'n_hypergradients', 'seconds', 'seconds_cpu'))
    return (f'{count} hypergradients, {seconds:.0f} s in all, {cpu:.0f} s of '
            'a processor')
