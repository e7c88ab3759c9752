"""The poisoned classifier, evaluated, and what that means in plain words.

The rules of the verdicts are those of the core.
"""
import math
from dataclasses import replace
from typing import NamedTuple

from secml.array import CArray
from secml.data import CDataset

from secml_regpoison.convert import to_float64
from secml_regpoison.core.model import Losses
from secml_regpoison.core.solvers.newton import relative_gradient
from secml_regpoison.core.verdicts import (
    Verdicts, has_given_up, is_at_bound, is_short,
    is_unseen, losses_differ)
from secml_regpoison.quiet import ignoring
from . import retraining, settings
from .objective import model_of
from .poison_header import PoisonHeader
from .targets import parts_of, target_of
from .trust import is_learned, lmbda_bounds


class Evaluation(NamedTuple):
    """Predictions (k,) and scores (k, n_classes) of test points, the core's
    `Losses` on the rows of both players, and the `Verdicts`."""

    y_pred: CArray
    scores: CArray
    losses: Losses
    verdicts: Verdicts


def evaluate(attack, data, adv_ds, x, budget_hit, is_known=True):
    """The `Evaluation` of the classifier retrained on `adv_ds`.

    It is retrained at the lambda (and trust) that is best for the points,
    which goes into the header of `adv_ds`, with the norm of the weights and
    the verdicts; an exception leaves the header as it was.
    x : test points. budget_hit : whether the attack ended by its steps.
    is_known : whether the points are those that the solver found.
    """
    header = adv_ds.header.get_params()
    poison = data.poison_set(header['lmbda'], adv_ds)
    if attack.learn_lmbda:
        poison = retraining.best_response(attack, data, poison, is_known)
        header['lmbda'] = poison.lmbda
        if is_learned(attack):
            header['trust'] = poison.trust
    clf = retraining.fit_classifier(attack, data, CDataset(
        adv_ds.X, adv_ds.Y, PoisonHeader(**header)))
    losses = retraining.losses_of(attack, data, poison, clf)
    indices, scores = clf.predict(
        to_float64(x), return_decision_function=True)
    y_pred = data.classes[indices]
    verdicts = judge(attack, data, poison, losses, y_pred, budget_hit)
    # dense: secml's sparse norm writes, and libsvm's weights are read-only
    header.update(w_norm=math.hypot(*(
        float(part.w.todense().ravel().norm()) for part in parts_of(clf))),
                  verdicts=verdicts.names())
    adv_ds.header = PoisonHeader(**header)
    return Evaluation(y_pred, scores, losses, verdicts)


def log_result(attack, found, y):
    """Log the `Evaluation` of the attack's poison; `y` are the test labels."""
    header = attack.adv_ds.header
    attack.logger.info(
        f'{attack.adv_ds.num_samples} points: lmbda {header.lmbda:.3f}, loss '
        f'{found.losses.attacker:.4f}, test accuracy '
        f'{(found.y_pred == CArray(y).ravel()).mean():.4f}')
    for sentence in found.verdicts.sentences(
            header.lmbda, settings.lmbda_bounds(attack), is_learned(attack)):
        attack.logger.info(sentence)


def evaluate_again(attack, k, adv_ds, x):
    """Evaluate `adv_ds`, and take it for the poison of record `k` of the
    attack's history; there is no solver's loss of it.

    Returns
    -------
    y_pred : CArray, shape (n,)
    scores : CArray, shape (n, n_classes)
    loss : float
        The attacker's.

    """
    record, data = attack.history[k], attack._prepare()
    y_pred, scores, losses, verdicts = evaluate(
        attack, data, adv_ds, x, record.verdicts.budget_hit, is_known=False)
    attack._replace_result(k, adv_ds, replace(
        record, loss=losses.attacker, val_loss=losses.defender,
        solver_loss=math.nan, lmbda=adv_ds.header.lmbda, verdicts=verdicts,
        constant_loss=constant_loss(attack, data)))
    return y_pred, scores, losses.attacker


def constant_loss(attack, data):
    """Loss of a constant answer on the validation rows."""
    return target_of(attack.classifier).loss.constant(data.y_val)


def judge(attack, data, poison, losses, y_pred, budget_hit):
    """`Verdicts` on a `PoisonSet` after the best response; see `evaluate`."""
    problem, learns = data.problem(len(poison.x)), attack.learn_lmbda
    optimum, _ = solver = solver_at(attack, problem, poison, 'implicit')
    if attack.solver_type != 'implicit':
        solver = solver_at(attack, problem, poison, attack.solver_type)
    target = target_of(attack.classifier)
    return Verdicts(
        lmbda_at_bound=is_at_bound(
            poison.lmbda, lmbda_bounds(attack, poison.trust)
            if learns else None),
        gave_up=has_given_up(losses.defender, constant_loss(attack, data)),
        one_class=y_pred.unique().size == 1, budget_hit=budget_hit,
        # of no use without points that it moves or a lambda that it learns
        training_short=bool(len(poison.x) or learns) and is_short(
            solver[1], solver[0], optimum),
        # a frozen preprocess is warned of: there the models are two
        fit_short=(data.transform is None and target.is_exact
                   and losses_differ(losses.attacker, optimum)),
        unseen=(len(poison.x) > 0 < poison.trust and data.y_target is None
                and is_unseen(losses.attacker, losses.defender)),
        saturated=not poison.trust)


def solver_at(attack, problem, poison, method):
    """Attacker's loss after training by `method`, and the training gradient
    that is left, relative; NaN where training fails."""
    model = model_of(attack, problem, poison.y, poison.trust, method=method)
    try:
        with ignoring('training stopped at'):  # the verdict says it
            trained = model.train(poison.x, poison.lmbda)
    except FloatingPointError:
        return math.nan, math.nan
    return model.losses(trained).attacker, relative_gradient(trained.model)
