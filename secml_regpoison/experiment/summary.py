"""The records of all splits in numbers: one for each policy and strength."""
import numpy as np

from secml_regpoison.core.verdicts import SENTENCES, errs_less, is_of_no_use

SUMMARISED = ('test_error', 'error_0', 'error_1', 'majority_error',
              'validation_loss', 'lmbda', 'trust', 'w_norm', 'n_poison_0',
              'n_poison_1')
OF_CLASSES = 'error_', 'n_poison_', 'confusion_'  # with their numbers


def summarise(records):
    """Means, deviations and extremes over the splits.

    Parameters
    ----------
    records : list of dict
        Lines of the CSV, see `measures.make_records`.

    Returns
    -------
    dict of str to list of dict
        For each policy its strengths in order. Each has `n_points`,
        `fraction` (of the mean number of training rows), `n_test`,
        `n_splits`; for each of `SUMMARISED`, and for the columns of further
        classes, `mean`, `std`, `least`, `greatest` and, in the order of the
        splits, `each`; `C`, that of the mean lambda; for each verdict the
        number of splits in which it is true; `errs_less`, those of `gave_up`
        in which the error is clearly below that of the more frequent class;
        `loss_no_better`, those of `errs_less` in which the validation loss is
        not below that of a constant answer at all; and `given_up`, the others
        of `gave_up` and those of `one_class`. All are plain numbers.

    """
    groups = {}
    for record in records:
        groups.setdefault(record['policy'], {}).setdefault(
            record['n_points'], []).append(record)
    return {policy: [_strength(group) for group in strengths.values()]
            for policy, strengths in groups.items()}


def _strength(records):
    """One policy at one strength."""
    first = records[0]
    # of rows that a filter leaves there are not as many in each split
    n_train = float(np.mean([record['n_train'] for record in records]))
    found = {'n_points': first['n_points'],
             'fraction': first['n_points'] / n_train,
             'n_test': first['n_test'], 'n_splits': len(records)}
    for name in (*(name for name in SUMMARISED if name in first), *(
            name for name in first
            if name.startswith(OF_CLASSES) and name not in SUMMARISED)):
        each = [record[name] for record in records]
        found[name] = {
            'mean': float(np.mean(each)), 'std': float(np.std(each)),
            'least': min(each), 'greatest': max(each), 'each': each}
    found['C'] = float(np.exp(-found['lmbda']['mean']))
    for name in SENTENCES:
        found[name] = sum(record[name] for record in records)
    are_less = [bool(record['gave_up'] and errs_less(record))
                for record in records]
    found['errs_less'] = sum(are_less)
    found['loss_no_better'] = sum(
        less and record['validation_loss'] >= record['constant_loss']
        for record, less in zip(records, are_less))
    found['given_up'] = sum(bool(is_of_no_use(record)) for record in records)
    return found
