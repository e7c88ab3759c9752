"""The user's classifier on the poisoned data, and where poison started."""
import math
import warnings

import numpy as np
from scipy import optimize

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

from secml_regpoison.convert import (
    take_rows, to_carray, to_float64, to_tensor)
from secml_regpoison.core import solve
from secml_regpoison.core.model import Losses, share_wrong
from secml_regpoison.core.softmax_model import losses_of_scores
from secml_regpoison.core.verdicts import SENTENCES, losses_differ
from secml_regpoison.validation import check, check_poison
from . import pipeline, settings, trust
from .feasible import feasible_set
from .poison_header import check_lmbda, without_arrays
from .targets import set_seed, target_of, trains_to_optimum


def poisoned_data(attack, data, adv_ds):
    """The clean rows that stay beside the points of `adv_ds`, then those; of
    the header of the rows what is not one value a row."""
    rows = CArray(data.clean_rows(adv_ds.num_samples))
    tr = attack.training_data
    clean = CDataset(to_float64(take_rows(tr.X, rows)), tr.Y[rows],
                     without_arrays(tr.header))
    return clean.append(CDataset(adv_ds.X, adv_ds.Y)) \
        if adv_ds.num_samples else clean


def fit_classifier(attack, data, adv_ds):
    """A copy of the user's classifier, trained on the poisoned data."""
    clf = set_seed(attack.classifier.deepcopy())
    if attack.learn_lmbda:
        lmbda = getattr(adv_ds.header, 'lmbda', None)
        check_lmbda('adv_ds', 'lmbda', lmbda)
        target_of(clf).set_lmbda(clf, lmbda)
    tr = poisoned_data(attack, data, adv_ds)
    if trust.is_learned(attack):
        return trust.fit(attack, clf, tr,
                         getattr(adv_ds.header, 'trust', None))
    return clf.fit(tr.X, tr.Y)


def is_evaluated(attack, data):
    """Whether the model that the attack differentiates, trained to its
    optimum, is the classifier that is evaluated."""
    return trains_to_optimum(attack.classifier) and data.transform is None


def best_response(attack, data, poison, is_known=True):
    """The `poison` with the defender's best lambda, and trust, for the
    classifier that is evaluated.

    Whatever trained the model for the attacker's derivatives, the classifier
    trains to its optimum, and so does the model here. A classifier that does
    not (``solver='sgd'``), or to that of another objective, or by a `fit` of
    its own, or that refits a preprocess which the attack holds frozen, is
    trained itself at each lambda.
    `is_known` says that the points are those that the solver found.
    """
    if trust.is_learned(attack):
        found = trust.best_response(
            attack, data, data.problem(len(poison.x)), poison.x, poison.y)
        return poison._replace(lmbda=found.lmbda, trust=math.exp(found.log_s))
    if not is_evaluated(attack, data):
        return poison._replace(lmbda=_best_lmbda_by_fits(attack, data, poison))
    if attack.solver_type == 'implicit' and is_known:
        return poison  # the last batch has just searched for its lambda
    return poison._replace(lmbda=solve(
        data.problem(len(poison.x)), poison.x, poison.y, poison.lmbda,
        lmbda_bounds=settings.lmbda_bounds(attack), n_outer=0,
        method='implicit', model=pipeline.model_class(attack)).lmbda)


def _best_lmbda_by_fits(attack, data, poison):
    """The lambda of the least validation loss of the classifier's own fits:
    the best of a grid, then Brent's method beside it."""
    tr = poisoned_data(attack, data, CDataset(
        to_carray(poison.x), data.decode(poison.y)))

    def loss(lmbda):
        clf = set_seed(attack.classifier.deepcopy())
        target_of(clf).set_lmbda(clf, lmbda)
        clf.fit(tr.X, tr.Y)
        return _validation_losses(attack, data, clf).defender
    low, high = settings.lmbda_bounds(attack)
    if low == high:
        return low
    grid = np.linspace(low, high, 2 + int((high - low) / 1.5))
    losses = [loss(lmbda) for lmbda in grid]
    k = int(np.argmin(losses))
    found = optimize.minimize_scalar(
        loss, bounds=(grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]),
        method='bounded', options={'xatol': .05})
    return float(found.x if found.fun < losses[k] else grid[k])


def _validation_losses(attack, data, clf):
    """The core's `Losses` of a trained classifier on the rows of attacker and
    defender, by the loss of its kind."""
    y = data.y_attacker if data.y_target is None else data.y_target
    players = ((attack.attacker_set or attack.val, y),
               (attack.val, data.y_val))
    if data.n_classes is not None:
        return losses_of_scores(*(
            (to_tensor(clf.decision_function(to_float64(rows.X)),
                       data.device).T, labels) for rows, labels in players))
    margins = [signs * to_tensor(clf.decision_function(
        to_float64(rows.X), y=1), data.device).ravel()
        for rows, signs in players]
    loss = target_of(attack.classifier).loss
    return Losses(*(float(loss.value(-margin).mean()) for margin in margins),
                  share_wrong(-margins[0], players[0][1]))


def losses_of(attack, data, poison, clf):
    """The core's `Losses` of the classifier trained with these points."""
    if trust.is_learned(attack):
        return trust.losses(attack, data, poison)
    return _validation_losses(attack, data, clf)


def evaluate_for_attacker(attack, data, poison, is_known=True):
    """The attacker's loss and share of errors, on its rows, of the classifier
    that would be evaluated with these points; `is_known` as for
    `best_response`."""
    if attack.learn_lmbda:
        poison = best_response(attack, data, poison, is_known)
    clf = fit_classifier(attack, data, CDataset(
        to_carray(poison.x), data.decode(poison.y),
        CDatasetHeader(lmbda=poison.lmbda, trust=poison.trust)))
    losses = losses_of(attack, data, poison, clf)
    return losses.attacker, losses.attacker_error


def harm(attack, data, poison, **kwargs):
    """What an attacker wants to be largest: its loss, or with rows of its own
    the errors on them, then the loss; see `evaluate_for_attacker`."""
    loss, error = evaluate_for_attacker(attack, data, poison, **kwargs)
    sign = settings.sign_of(attack)
    return 0. if attack.attacker_set is None else sign * error, sign * loss


def warn_if_values_differ(attack, data, solver_value, loss, verdicts):
    """Warn where the solver's loss is not that of the classifier, and say
    which of the two trainings is cut short, by the `Verdicts`."""
    if target_of(attack.classifier).is_exact and losses_differ(
            solver_value, loss):
        warnings.warn(
            f'the loss by {attack.solver_type} is {solver_value:.4g}, and '
            f'that of the classifier trained by its own solver {loss:.4g}, '
            f'which is what is reported; {_why(attack, data, verdicts)}.',
            RuntimeWarning, stacklevel=4)


def _why(attack, data, verdicts):
    """Why the two losses differ, and what brings them together."""
    if data.transform is not None:
        return ('the former is of the preprocess that is frozen, which the '
                'classifier refits on poisoned rows')
    short = [name for name in ('fit_short', 'training_short')
             if name in verdicts.names()]
    if not short:  # but it is at the lambda where the search ended
        is_short = not trains_to_optimum(attack.classifier)
        short = ['fit_short'] * is_short + ['training_short'] * (
            attack.solver_type != 'implicit')
    return '; '.join(SENTENCES[name] for name in short or ['fit_short'])


def set_of(attack, data, adv_ds):
    """The core's `FeasibleSet` of points that started at the validation rows
    ``adv_ds.header.starts``: its `x_0` are the starts."""
    starts = getattr(adv_ds.header, 'starts', ())
    check('adv_ds.header.starts', starts, len(starts) == adv_ds.num_samples,
          f'a row for each of {adv_ds.num_samples} points',
          ' Pass the whole poison, as `run` returned it.')
    return feasible_set(attack, data, data.x_val[list(starts)],
                        data.encode(adv_ds.Y))


def check_adv_ds(attack, data, adv_ds):
    """Poison that clean rows of both classes can stay beside."""
    check_poison('adv_ds', adv_ds, attack)
    settings.check_clean_rows_left('adv_ds', adv_ds.num_samples, data)
