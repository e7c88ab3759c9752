"""A filter of training rows, as a defence beside lambda.

'sphere-slab' drops the training rows that are far from the centroid of their
class, see `.CFeasibleSphereSlab`, before anything is trained. It is fitted on
the clean rows: an oracle's filter, which no poison has moved. The attacker
knows it, and all its points pass. Clean rows that are far are dropped too.
"""
from dataclasses import replace

import numpy as np
import torch

from secml.array import CArray

from secml_regpoison.attack.feasible import CFeasibleSphereSlab, fit_filter
from secml_regpoison.convert import as_refitted
from secml_regpoison.data.splits import draw_rows

QUANTILE = .95


def filter_split(split, name, preprocess):
    """The split as a filter leaves it.

    Parameters
    ----------
    split : Split
    name : str
        One of `.plan.FILTERS`.
    preprocess : str, CNormalizer or None
        Of the classifier: where it divides by deviations, the distances are
        in units of them.

    Returns
    -------
    Split
        With the training rows that pass, and `feasible`, what the attack must
        keep to.

    """
    if name == 'none':
        return split
    passing = passing_rows(split.train.X.tondarray(),
                           split.train.Y.tondarray(), name, preprocess)
    return replace(split, train=split.train[CArray(passing), :],
                   feasible=CFeasibleSphereSlab(QUANTILE, split.train),
                   rows={**split.rows,
                         'train': split.rows['train'][passing]})


def passing_of(source, plan, seed):
    """Part of the source, and the training rows in it that pass the filter of
    the plan, as the seed draws them."""
    part, rows = draw_rows(source, plan.n_train, plan.n_val, seed)['train']
    x, y = source.parts[part]
    return part, rows[passing_rows(
        x[rows], y[rows], plan.filter, plan.preprocess)]


def n_passing(source, plan, n_repetitions):
    """Number of training rows that pass, in the mean over the repetitions."""
    return float(np.mean([len(passing_of(source, plan, plan.seed + r)[1])
                          for r in range(n_repetitions)]))


def passing_rows(x, y, name, preprocess):
    """Which of the clean training rows (n, d) with labels (n,) pass: their
    places. The other arguments are those of `filter_split`. ValueError where
    there is nothing to tell their classes apart by."""
    if name == 'none':
        return np.arange(len(y))
    x, y = (torch.as_tensor(part, dtype=torch.float64) for part in (x, y))
    try:
        fitted = fit_filter(x, y, QUANTILE, as_refitted(preprocess).fits_std)
    except ValueError as error:  # of attack parameters, in their words
        raise ValueError(
            '`filter` must be none for training rows whose classes have '
            f'equal means, got {name}: bring more rows, or leave it out.'
        ) from error
    return np.flatnonzero(fitted.for_labels(y).passes(x).numpy())
