"""Results of `sec-eval`: files of an evaluation, picture, table, sentences."""
import math

from matplotlib.figure import Figure

from secml_regpoison.core.verdicts import SENTENCES, losses_differ
from secml_regpoison.storage import atomic_path, save_arrays
from .policies import describe_policy
from .statistics import distinct, draw_curves
from .tables import as_text, format_mean_std

# Columns of sec_eval.csv, in order.
CSV_COLUMNS = ('policy', 'repetition', 'n_points', 'fraction', 'test_error',
               'validation_loss', 'lmbda', 'w_norm', 'seconds',
               'n_hypergradients', 'seconds_cpu', 'share_predicted_1',
               'solver_loss', 'constant_loss', *SENTENCES)
PANELS = (('Test error (%)', 'test_error', 100, 'linear'),
          (r'$\lambda$ (natural log)', 'lmbda', 1, 'linear'),
          # from 0.1 to 1000, and small changes are visible, too
          (r'$\|w\|_2$ (log scale)', 'w_norm', 1, 'log'))


def save_evaluation(path, sec_eval_data, result):
    """Write PATH.npz, which is read without pickle, and PATH.gz.

    Parameters
    ----------
    path : str
    sec_eval_data : CSecEvalData
        Goes to PATH.gz in secml's own format (`CSecEvalData.load`).
    result : dict
        See `security_evaluation.evaluate`.

    """
    save_arrays(f'{path}.npz', result)
    with atomic_path(f'{path}.gz') as scratch:
        sec_eval_data.save(scratch)


def draw(means, title):
    """Error, lambda and ||w|| against the poisoning fraction.

    Parameters
    ----------
    means : dict
        By data set, policy and strength, see `mean_and_std`; one data set.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    """
    fig = Figure(figsize=(14, 4.8), layout='constrained')
    fig.suptitle(title, parse_math=False)
    data, = distinct(means, 0)
    axes = fig.subplots(1, len(PANELS))
    for ax, (label, column, factor, scale) in zip(axes, PANELS):
        ax.set(xlabel='Poison among the training rows (%)', ylabel=label,
               yscale=scale)
        draw_curves(ax, means, data, column, factor)
    fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, ncol=4,
               loc='outside lower center')
    return fig


def table(means):
    """Text of the means, a line for each policy and strength."""
    return as_text(
        ('policy', 'poison', '%', 'test error %', 'val. loss', 'lambda',
         '||w||', 'seconds'),
        [(policy, f'{n_points}', f"{100 * stats['fraction'][0]:.1f}",
          format_mean_std(stats['test_error'], 2, 100),
          format_mean_std(stats['validation_loss'], 4),
          format_mean_std(stats['lmbda'], 2),
          format_mean_std(stats['w_norm'], 2), f"{stats['seconds'][0]:.2f}")
         for (_, policy, n_points), stats in means.items()])


def verdict(means):
    """A sentence for each policy: the first and the last strength."""
    return '\n'.join(
        _sentence(policy, [stats for (_, name, _), stats in means.items()
                           if name == policy])
        for policy in distinct(means, 1))


def _sentence(policy, steps):
    first, last = ({name: mean for name, (mean, _) in stats.items()}
                   for stats in (steps[0], steps[-1]))
    return (
        f"lambda {describe_policy(policy)}: test error "
        f"{100 * first['test_error']:.2f} % at {100 * first['fraction']:.1f} "
        f"% poison, {100 * last['test_error']:.2f} % at "
        f"{100 * last['fraction']:.1f} %; lambda {first['lmbda']:.2f} -> "
        f"{last['lmbda']:.2f}, ||w|| {first['w_norm']:.2f} -> "
        f"{last['w_norm']:.2f}.")


def plain_words(records):
    """A sentence for each verdict that is true somewhere, else no text.

    Parameters
    ----------
    records : list of dict
        Lines of the CSV.

    Returns
    -------
    str
        Counts the attacks, and names their policies.

    """
    lines = []
    for name, sentence in SENTENCES.items():
        found = [record['policy'] for record in records if record[name]]
        if found:
            lines.append(f'In {len(found)} of {len(records)} attacks '
                         f'({", ".join(dict.fromkeys(found))}) {sentence}.')
    return '\n'.join(lines)


def solver_verdict(records, solver):
    """A sentence where the attack's solver sees another model than the one
    that is evaluated, else no text.

    Parameters
    ----------
    records : list of dict
        Lines of the CSV.
    solver : str

    Returns
    -------
    str
        Counts the strengths at which the two losses differ.

    """
    pairs = [(record['solver_loss'], record['validation_loss'])
             for record in records
             if not math.isnan(record['solver_loss'])]  # NaN: of other points
    other = [(seen, loss) for seen, loss in pairs
             if losses_differ(seen, loss)]
    if not other:
        return ''
    seen, loss = max(other, key=lambda pair: abs(pair[0] - pair[1]))
    cause = ('the classifier stops short of its optimum'
             if solver == 'implicit' else '--solver implicit attacks it')
    return (f'In {len(other)} of {len(pairs)} attacks the loss by {solver} is '
            f'not that of the trained classifier (at most {seen:.3g} against '
            f'{loss:.3g}). The table has the classifier; {cause}.')
