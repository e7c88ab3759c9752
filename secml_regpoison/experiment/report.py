"""What the command line leaves behind: CSV, picture, table, words."""
import csv
import sys
from dataclasses import astuple, fields
from itertools import cycle

import numpy as np

from secml.figure import CFigure

from .security_evaluation import Row
from secml_regpoison.storage import atomic_path, save_arrays
from secml_regpoison.figure.sec_eval import STYLES
from .policies import describe_policy

PANELS = (
    ('Test error (%)', 'plot_sec_eval',
     dict(metric='test-error', mean=True, percentage=True)),
    (r'$\lambda$ (natural log)', 'plot_lmbda', {}),
    (r'$\|w\|_2$ (log scale)', 'plot_weight_norm', {}))
MEASURED = ('fraction', 'test_error', 'validation_loss', 'lmbda', 'w_norm',
            'seconds')


def print_text(text):
    """Print; a terminal without the sign ± gets a question mark for it."""
    encoding = sys.stdout.encoding or 'utf-8'
    print(text.encode(encoding, 'replace').decode(encoding))


def write_csv(path, rows):
    """Write one line for each row, with the names of its fields on top."""
    with atomic_path(path) as scratch:
        with open(scratch, 'w', newline='', encoding='utf-8') as stream:
            writer = csv.writer(stream)
            writer.writerow([field.name for field in fields(Row)])
            writer.writerows(map(astuple, rows))


def save_sec_eval(path, sec_eval_data):
    """Write a CSecEvalData in secml's own format (`CSecEvalData.load`)."""
    with atomic_path(path) as scratch:
        sec_eval_data.save(scratch)


def save_result(path, sec_eval_data):
    """Write the poison and what it does as npz, which is read without pickle.

    `n_points`, `test_error`, `validation_loss`, `lmbda` and `w_norm` have an
    entry a strength, `y_pred` and `scores` too; that of `n_points[k]` is due
    to the first ``n_points[k]`` rows of `x`, with labels `y`.
    """
    data, last = sec_eval_data, sec_eval_data.adv_ds[-1]
    save_arrays(path, {
        'n_points': data.param_values.tondarray(),
        'x': last.X.tondarray(), 'y': last.Y.tondarray(),
        'test_error': [(y_pred != data.Y).mean() for y_pred in data.Y_pred],
        'validation_loss': data.fobj.tondarray(),
        **{name: [getattr(poison.header, name) for poison in data.adv_ds]
           for name in ('lmbda', 'w_norm')},
        'y_test': data.Y.tondarray(),
        'y_pred': [y_pred.tondarray() for y_pred in data.Y_pred],
        'scores': [scores.tondarray() for scores in data.scores]})


def draw(path, curves, fractions, title):
    """Draw error, lambda and ||w|| against the poisoning fraction.

    Parameters
    ----------
    path : str
        The PNG to write.
    curves : dict of str to list of CSecEvalData
        Repetitions by policy.
    fractions : list of float
        Poisoning fraction of each strength.
    title : str

    """
    fig = CFigure(height=4.8, width=14, title=title, fontsize=12)
    for slot, (ylabel, method, options) in enumerate(PANELS, start=1):
        fig.subplot(1, len(PANELS), slot)
        for style, (policy, data) in zip(cycle(STYLES), curves.items()):
            label = rf'$\lambda$ {describe_policy(policy)}'
            getattr(fig.sp, method)(data, label=label, **style, **options)
        _label_panel(fig.sp, ylabel, fractions)
        if method == 'plot_weight_norm':
            # from 0.1 to 1000, and what is small moves too; secml's own
            # yscale passes an argument that matplotlib has dropped
            fig.sp._sp.set_yscale('log')
        if slot == 2:
            # below the middle panel, where there is nothing to hide, and
            # wider than it, which must not push its neighbours away
            fig.sp.legend(loc='upper center', bbox_to_anchor=(0.5, -0.17),
                          ncol=4, frameon=False).set_in_layout(False)
    fig.tight_layout(rect=(0, 0.02 + 0.06 * -(-len(curves) // 4), 1, 1))
    with atomic_path(path) as scratch:
        fig.savefig(scratch, dpi=120, file_format='png')
    fig.close()


def _label_panel(sp, ylabel, fractions):
    """Set labels, ticks in per cent, and no legend."""
    step = 1 + len(fractions) // 8
    sp.xticks(sp._xticks[::step])
    sp.xticklabels([f'{100 * fraction:.1f}' for fraction in fractions[::step]])
    sp.xlabel('Poison among the training rows (%)')
    sp.ylabel(ylabel)
    sp.title('')
    sp.get_legend().remove()


def summarise(rows):
    """Mean and standard deviation over repetitions.

    Parameters
    ----------
    rows : list of Row

    Returns
    -------
    dict of (str, int) to dict of str to (float, float)
        By policy and strength, in the order of `rows`: mean and deviation of
        each measured field.

    """
    groups = {}
    for row in rows:
        groups.setdefault((row.policy, row.n_points), []).append(row)
    return {
        key: {name: (np.mean(values), np.std(values))
              for name in MEASURED
              for values in [[getattr(row, name) for row in group]]}
        for key, group in groups.items()}


def table(summary):
    """Text of the summary, a line for each policy and strength."""
    lines = [f"{'policy':>10} {'poison':>6} {'%':>5} {'test error %':>15} "
             f"{'val. loss':>15} {'lambda':>13} {'||w||':>14} {'seconds':>8}"]
    for (policy, n_points), stats in summary.items():
        cells = [_format_mean_std(stats['test_error'], 6, 2, 100),
                 _format_mean_std(stats['validation_loss'], 7, 4),
                 _format_mean_std(stats['lmbda'], 5, 2),
                 _format_mean_std(stats['w_norm'], 6, 2)]
        lines.append(
            f"{policy:>10} {n_points:>6} {100 * stats['fraction'][0]:>5.1f} "
            f"{' '.join(cells)} {stats['seconds'][0]:>8.2f}")
    return '\n'.join(lines)


def _format_mean_std(mean_and_std, width, decimals, scale=1):
    """Mean and deviation, aligned."""
    mean, std = (scale * value for value in mean_and_std)
    return f'{mean:>{width}.{decimals}f} ± {std:<{width - 2}.{decimals}f}'


def verdict(summary):
    """Say in words what each policy gained or lost, a sentence for each."""
    policies = dict.fromkeys(policy for policy, _ in summary)
    return '\n'.join(
        _sentence(policy, [stats for (name, _), stats in summary.items()
                           if name == policy])
        for policy in policies)


def _sentence(policy, steps):
    """Compare the first and the last strength of one policy."""
    first, last = ({name: mean for name, (mean, _) in stats.items()}
                   for stats in (steps[0], steps[-1]))
    return (
        f"lambda {describe_policy(policy)}: test error "
        f"{100 * first['test_error']:.2f} % at {100 * first['fraction']:.1f} "
        f"% poison, {100 * last['test_error']:.2f} % at "
        f"{100 * last['fraction']:.1f} %; lambda {first['lmbda']:.2f} -> "
        f"{last['lmbda']:.2f}, ||w|| {first['w_norm']:.2f} -> "
        f"{last['w_norm']:.2f}.")
