"""An attacker with rows of its own, and how much it hides from the defender.

Where the attacker raises the loss by which lambda is tuned, the defender sees
the harm. One that raises the loss on other rows does more harm if it keeps
the defender's loss low meanwhile, see `.core.camouflage`.
"""
from contextlib import suppress

from secml_regpoison.core.targeted import make_targets, targeted_points
from secml_regpoison.quiet import ignoring
from secml_regpoison.validation import (
    check, check_dataset, check_labels, check_number)
from . import pipeline, retraining
from .digests import array_digest
from .feasible import feasible_set
from .targets import target_of
from .trust import check_trust, is_learned

# What 'auto' tries. Where trust is learned, the most leaves the attacker half
# of the defender's loss without the other rows.
CAMOUFLAGES, CAMOUFLAGES_OF_TRUST = (0., .5, .9), (0., .2, .5)


def check_attacker(attack):
    """Raise on an `attacker_set` or a `camouflage` that make no sense."""
    check_trust(attack)
    own, camouflage = attack.attacker_set, attack.camouflage
    if own is not None:
        check_dataset('attacker_set', own, attack.training_data)
        check_labels('attacker_set.Y', own.Y, attack.training_data)
    if isinstance(camouflage, str):
        check('camouflage', camouflage, camouflage == 'auto',
              "'auto' or a number from 0 to 1")
        return
    check_number('camouflage', camouflage, lambda value: 0 <= value <= 1,
                 "'auto' or a number from 0 to 1")
    check('camouflage', camouflage, own is not None or not camouflage,
          "'auto' or 0 without an `attacker_set`",
          ' The loss that it would hide from the defender is its own.')


def camouflages(attack, n_points):
    """The values that are tried for `n_points`; 0 alone where the defender
    tunes nothing or has the attacker's rows."""
    if attack.attacker_set is None or not attack.learn_lmbda or not n_points:
        return (0.,)
    if attack.camouflage == 'auto':
        return CAMOUFLAGES_OF_TRUST if is_learned(attack) else CAMOUFLAGES
    return (float(attack.camouflage),)


def camouflage_of_moves(attack):
    """That of single moves, see `.core.single_moves`: of 'auto' 0.5, with
    which they do most harm."""
    tried = camouflages(attack, 1)
    return tried[0] if len(tried) == 1 else .5


def starts(attack, data, problem, held, given):
    """Yield `given`, each a `PoisonSet`, and one more for an attacker who
    hides: the points of the first, where they pull the model to a target, see
    `.core.targeted`; if there are several targets, the one that does most
    harm.

    `held` are the points that do not move, and training rows of `problem`. No
    more with camouflage 0 alone, where trust is learned, the set of the points
    has a filter or no bounds, and the data more than two classes. Against L1
    the points pull a model with L2.
    """
    given = list(given)
    yield from given
    start, target = given[0], target_of(attack.classifier)
    if not any(camouflages(attack, len(start.x))) or is_learned(attack) \
            or data.n_classes is not None:
        return
    feasible = feasible_set(attack, data, data.x_val[list(start.starts)],
                            start.y)
    if not feasible.is_bounded or feasible.filter is not None:
        return
    model, found = pipeline.l2_model(attack), []
    key = repr(('targets', target.loss, target.beta,
                array_digest(problem.x_tr, problem.y_tr)))
    with ignoring('training stopped at'), suppress(FloatingPointError):
        if key not in data.responses:
            data.responses[key] = make_targets(problem, model)
        for x in targeted_points(problem, start.y, feasible, model,
                                 data.responses[key]):
            there = start._replace(x=x)
            found.append((retraining.harm(
                attack, data, held.append(there), is_known=False), there))
    if found:
        yield max(found, key=lambda pair: pair[0])[1]
