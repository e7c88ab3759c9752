"""Results of `sec-eval`: files of an evaluation, table, sentences."""
import math

from secml_regpoison.core.verdicts import (
    BOUND_OF_TRUST, SENTENCES, losses_differ, may_change_beyond)
from secml_regpoison.storage import atomic_path, save_arrays
from secml_regpoison.terminal import count_rows, printable
from .measures import columns
from .policies import OWN, TRUSTED, in_sentence
from .tables import as_text, format_mean_std


def csv_columns(n_classes):
    """Columns of sec_eval.csv, in order."""
    return ('policy', 'attacker', 'repetition',
            *(f'class_{k}' for k in range(n_classes)),
            *(name for name in columns(n_classes)
              if name not in ('w_norm_squared', 'share_1')),
            'trusted_better')


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


def table(summary, classes):
    """Text: a line for each policy and strength.

    Parameters
    ----------
    summary : dict
        See `summarise`.
    classes : sequence
        Labels of the classes.

    """
    names = [f'of {printable(label)[:12]} %' for label in classes]
    if len(set(names)) < len(names):  # they begin alike
        names = [f'of class {k} %' for k in range(len(classes))]
    return as_text(
        ('policy', 'poison', '%', 'test error %', *names, 'val. loss',
         'lambda', 'C', '||w||', 'poison labels', ''),
        [(policy, f"{here['n_points']}", f"{100 * here['fraction']:.1f}",
          _mean_std(here['test_error'], 2, 100),
          *(f"{100 * here[f'error_{k}']['mean']:.1f}"
            for k in range(len(classes))),
          _mean_std(here['validation_loss'], 4),
          _mean_std(here['lmbda'], 2), f"{here['C']:.3g}",
          f"{here['w_norm']['mean']:.2f}",
          ' + '.join(f"{round(here[f'n_poison_{k}']['mean'], 1):g}"
                     for k in range(len(classes))),
          _flags(here)) for policy, strengths in summary.items()
         for here in strengths])


def _mean_std(stats, decimals, scale=1):
    """Mean and deviation over the splits; the value, if there is one."""
    std = stats['std'] if len(stats['each']) > 1 else math.nan
    return format_mean_std((stats['mean'], std), decimals, scale)


def _flags(strength):
    """The verdicts that make the numbers of a line doubtful, with the share
    of the splits if they are not true of all."""
    n = strength['n_splits']
    return ', '.join(
        words + (f' {strength[name]}/{n}' if strength[name] < n else '')
        for name, words in (
            ('given_up', 'gave up'), ('lmbda_at_bound', 'lambda at bound'))
        if strength[name])


def csv_lines(records):
    """Lines of sec_eval.csv.

    `trusted_better` is 1 where the trusted rows alone err less in the same
    split, and empty where they were not tried. `gave_up` is also 1 where all
    test rows are given one class.
    """
    trusted = {(record['repetition'], record['n_points']):
               record['test_error'] for record in records
               if record['policy'] == TRUSTED}
    errors = [trusted.get((record['repetition'], record['n_points']))
              for record in records]
    return [{**record,
             'gave_up': int(record['gave_up'] or record['one_class']),
             'trusted_better': '' if error is None
             else int(error < record['test_error'])}
            for record, error in zip(records, errors)]


def plain_words(records, sentences=SENTENCES, names=tuple(SENTENCES),
                lmbda_bounds=None):
    """A sentence for each verdict that is true somewhere, else no text.

    Parameters
    ----------
    records : list of dict
        Lines of the CSV.
    sentences : dict of str to str, optional
        Those of some verdicts in other words.
    names : tuple of str, optional
        The verdicts that are looked at.
    lmbda_bounds : pair of float, optional
        Those of lambda, for a sentence that asks to widen them: it leaves out
        a lambda that no wider bound would change. None: all are counted.

    Returns
    -------
    str
        Counts the evaluations, and names their policies.

    """
    lines = []
    for name in names:
        sentence = {**SENTENCES, **sentences}[name]
        found = [in_sentence(record['policy']) for record in records
                 if record[name] and (
                     name != 'lmbda_at_bound' or may_change_beyond(
                         record['lmbda'], lmbda_bounds,
                         record['gave_up'] or record['one_class']))]
        if name == 'lmbda_at_bound' and any(map(_learns_trust, found)):
            sentence += BOUND_OF_TRUST
        if found:
            evaluations = count_rows(len(records), 'evaluation')
            lines.append(f'In {len(found)} of {evaluations} '
                         f'({", ".join(dict.fromkeys(found))}) {sentence}.')
    return '\n'.join(lines)


def _learns_trust(name):
    """Whether a policy, under any attacker, is 'learned-trust'."""
    return name.removesuffix(OWN) == 'learned-trust'


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
    pairs = [(record['solver_loss'], record['attacker_loss'])
             for record in records  # NaN: of other points
             if record['n_points'] and not math.isnan(record['solver_loss'])
             and (solver == 'implicit'  # which always attacks learned trust
                  or not _learns_trust(record['policy']))]
    other = [(seen, loss) for seen, loss in pairs
             if losses_differ(seen, loss)]
    if not other:
        return ''
    seen, loss = max(other, key=lambda pair: abs(pair[0] - pair[1]))
    cause = '--solver implicit attacks it' if solver != 'implicit' else (
        'the classifier stops short of its optimum'
        if any(record['fit_short'] for record in records) else
        "the defender's last answer is another than the one that the attack "
        'ended at, so that it may not be the worst')
    attacks = count_rows(len(pairs), 'attack')
    return (f'In {len(other)} of {attacks} the loss by {solver} is not that '
            f'of the trained classifier (at most {seen:.3g} against '
            f'{loss:.3g}). The table has the classifier; {cause}.')
