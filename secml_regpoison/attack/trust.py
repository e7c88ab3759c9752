"""The attack on a defender who learns how much the untrusted rows count.

``learn_lmbda='trust'``: see `.core.trust`. The validation rows are trained on
too; their folds are those of a cross-validation with the attack's seed.
"""
import functools
import math
from typing import NamedTuple

import torch

from secml.array import CArray

from secml_regpoison.convert import as_refitted, to_float64
from secml_regpoison.core import solve
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.solvers import Training
from secml_regpoison.core.trust import METHODS, TrustModel
from secml_regpoison.core.trust_defender import LEAST_LMBDA
from secml_regpoison.folds import stratified_folds
from secml_regpoison.validation import check, check_number
from . import settings
from .digests import array_digest
from .targets import target_of, trains_to_optimum


def is_learned(attack):
    """Whether the attack's defender learns s."""
    return isinstance(attack.learn_lmbda, str)


def check_trust(attack):
    """Raise where trust is learned and the attack's settings forbid it, and
    on a margin where it is not."""
    margin = attack.trust_margin
    check_number('trust_margin', margin, lambda value: 0 <= value < math.inf,
                 'finite and at least 0')
    if not is_learned(attack):
        check('trust_margin', margin, margin == 0,
              "0 without learn_lmbda='trust'",
              ' The weight that it bounds is learned only then.')
        return
    check('learn_lmbda', attack.learn_lmbda, attack.learn_lmbda == 'trust',
          "True, False or 'trust'")
    clf, target = attack.classifier, target_of(attack.classifier)
    check('classifier', type(clf).__name__, hasattr(clf, 'core_loss')
          and not target.by_class and target.penalty is L2
          and trains_to_optimum(clf),
          "a CClassifierLogisticTorch with solver='newton' where trust is "
          'learned')
    check('solver_type', attack.solver_type, attack.solver_type in METHODS,
          f'one of {METHODS} where trust is learned')
    check('y_target', attack.y_target, attack.y_target is None,
          'None where trust is learned')
    check('classifier.preprocess', type(clf.preprocess).__name__,
          clf.preprocess is None or as_refitted(clf.preprocess) is not None,
          "None or secml's mean-std, min-max or unit-norm normalizers where "
          'trust is learned',
          ' The trusted rows fit them; the clean rows would fit another.')
    counts = [int((attack.val.Y == label).sum())
              for label in attack.val.classes.tolist()]
    check('val', min(counts), min(counts) >= 2,
          'two rows of each class where trust is learned')


class BestResponse(NamedTuple):
    """The defender's lambda and log s, and the attacker's loss there."""

    lmbda: float
    log_s: float
    value: float


def model_class(attack, trust=None):
    """The core's model, by default at the weight that the attack has found."""
    trust = attack.trust if trust is None else trust
    log_s = math.log(trust) if trust else -math.inf
    data, y = attack._prepare(), attack.val.Y.tondarray()
    target = target_of(attack.classifier)
    kind = functools.partial(
        TrustModel, loss=target.loss, beta=target.beta, log_s=log_s,
        folds=tuple(torch.from_numpy(rows) for _, rows in stratified_folds(
            y, data.seed).split(y, y)),
        margin=attack.trust_margin)
    bounds = settings.lmbda_bounds(attack)
    return functools.partial(kind, alone=_once(
        attack, data, 'alone', lambda: kind(
            data.problem(0), data.y_val[:0], Training('implicit')
        ).response_alone(bounds)))


def _once(attack, data, name, compute):
    """Result of `compute` for these data and settings, computed once."""
    target = target_of(attack.classifier)
    key = repr((name, settings.lmbda_bounds(attack), data.seed,
                attack.trust_margin, target.loss, target.beta))
    if key not in data.responses:
        data.responses[key] = compute()
    return data.responses[key]


def lmbda_bounds(attack, trust):
    """The interval of the learned lambda at a weight of the untrusted rows."""
    low, high = settings.lmbda_bounds(attack)
    if is_learned(attack) and trust:
        low = min(max(low, LEAST_LMBDA), high)
    return low, high


def hidden_attack(attack):
    """Arguments of the core's `solve` for an attacker who hides, and its
    model: the defender is held where all rows count alike, at the least
    lambda. Poison that is trusted there, and made to be, is so in the end."""
    return ({'learn_lmbda': False, 'lmbda': lmbda_bounds(attack, 1.)[0]},
            model_class(attack, 1.))


def best_response(attack, data, problem, x, y):
    """The defender's `BestResponse` to points, searched everywhere."""
    def search():
        found = solve(
            problem, x, y, 0., lmbda_bounds=settings.lmbda_bounds(attack),
            n_outer=0, method='implicit', model=model_class(attack))
        return BestResponse(found.lmbda, found.log_s, found.value)
    return _once(attack, data, array_digest(
        problem.x_tr, problem.y_tr, x, y), search)


def losses(attack, data, poison):
    """The core's `Losses`: the defender's by cross-validation."""
    model = model_class(attack, poison.trust)(
        data.problem(len(poison.x)), poison.y, Training('implicit'))
    return model.losses(model.train(poison.x, poison.lmbda))


def fit(attack, clf, untrusted, trust):
    """Train `clf` on the trusted rows, by which alone its preprocess is
    fitted, and the `untrusted` dataset, whose rows count `trust` times."""
    check_number('adv_ds.header.trust', trust,
                 lambda value: 0 <= value <= 1, 'a number from 0 to 1')
    val = attack.val
    clf.fit(to_float64(val.X), val.Y)
    if not trust:
        return clf
    rows = to_float64(val.X).append(to_float64(untrusted.X), axis=0)
    x = rows if clf.preprocess is None else clf.preprocess.transform(rows)
    weights = torch.ones(x.shape[0], dtype=torch.float64, device='cpu')
    weights[val.num_samples:] = trust
    return clf._fit(x, CArray(val.Y).append(untrusted.Y), weights)
