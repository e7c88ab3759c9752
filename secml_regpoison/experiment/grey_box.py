"""An attacker who has other rows in the place of the trusted ones.

The grey box: poison is made against a defender whose trusted rows are others
of the same kind, and evaluated with the defender who has the trusted rows.
The others are taken from the test rows, half of them at most: the attacker
has them, and no error is measured on them.
"""
from dataclasses import replace

import numpy as np
from sklearn.model_selection import train_test_split

from secml.array import CArray

from secml_regpoison.attack.evaluation import evaluate_again
from secml_regpoison.folds import N_SEEDS
from secml_regpoison.validation import check


def n_of_attacker(n_val, n_test):
    """Number of the test rows that are the attacker's."""
    return min(n_val, n_test // 2)


def places_of_attacker(y, n_val, seed, policies=()):
    """Places of the test rows that become the attacker's, by their labels
    `y`: as many as trusted rows, with the shares of the classes. ValueError
    where a class has fewer than the policies need."""
    n, least = n_of_attacker(n_val, len(y)), 1 + ('learned-trust' in policies)
    counts, places = np.bincount(y), np.arange(0)
    if counts.min() >= 2 and n >= len(counts):
        places = np.sort(train_test_split(
            np.arange(len(y)), train_size=n, stratify=y,
            random_state=int(seed) % N_SEEDS)[0])
    drawn = np.bincount(y[places], minlength=len(counts)).min()
    check('attacker', 'grey', drawn >= least,
          f"'defender' or 'own' with {len(y)} test rows, of which a class has "
          f'{counts.min()}', f' The attacker would have {n} of them, {drawn} '
          f'of a class, and needs {least} of each'
          + ' for learned-trust' * (least > 1) + '.')
    return places


def with_attacker_rows(split, seed, policies=()):
    """The `Split` with test rows for the attacker, `Split.attacker`."""
    places = places_of_attacker(split.test.Y.tondarray(),
                                split.val.num_samples, seed, policies)
    rows, others = split.rows['test'], np.setdiff1d(
        np.arange(split.test.num_samples), places)
    return replace(
        split, test=split.test[CArray(others), :],
        attacker=split.test[CArray(places), :],
        rows={**split.rows, 'test': rows[others], 'attacker': rows[places]})


def evaluate_on_trusted(attack, split, data):
    """Evaluate all poison of `data`, a `CSecEvalData`, with the defender who
    has the trusted rows."""
    attack.val = split.val
    y_pred, scores, losses = zip(*(
        evaluate_again(attack, k, poison, split.test.X)
        for k, poison in enumerate(data.adv_ds)))
    data.Y_pred, data.scores, data.fobj = (
        list(y_pred), list(scores), CArray(list(losses)))
