"""What a `run` means in plain words: the rules are those of the core."""
import math
import warnings

from secml_regpoison.core.solvers.newton import relative_gradient
from secml_regpoison.core.verdicts import (
    Verdicts, constant_loss, has_given_up, is_at_bound, is_short,
    losses_differ)
from .objective import model_of
from .targets import target_of


def judge(attack, data, losses, y_pred):
    """`Verdicts` on the attack's `adv_ds`.

    losses : the core's `Losses` of the trained classifier. y_pred : its test
    predictions.
    """
    poison = data.poison_set(attack.lmbda, attack.adv_ds)
    optimum, _ = solver = _solver_at(attack, data, poison, 'implicit')
    if attack.solver_type != 'implicit':
        solver = _solver_at(attack, data, poison, attack.solver_type)
    return Verdicts(
        is_at_bound(attack.lmbda, learned_bounds(attack)),
        has_given_up(losses.defender, constant_loss(
            data.y_val, target_of(attack.classifier).loss)),
        y_pred.unique().size == 1, attack._budget_hit,
        is_short(solver[1], solver[0], optimum),
        # a frozen preprocess is warned of: there the models are two
        data.transform is None and target_of(attack.classifier).is_exact
        and losses_differ(losses.attacker, optimum))


def learned_bounds(attack):
    """The interval of the learned lambda, or None."""
    return tuple(map(float, attack.lmbda_bounds)) \
        if attack.learn_lmbda else None


def _solver_at(attack, data, poison, method):
    """Attacker's loss after training by `method`, and the training gradient
    that is left, relative; NaN where training fails."""
    model = model_of(attack, data.problem(len(poison.x)), poison.y,
                     method=method)
    try:
        with warnings.catch_warnings():
            # the verdict says it
            warnings.simplefilter('ignore', RuntimeWarning)
            trained = model.train(poison.x, poison.lmbda)
    except FloatingPointError:
        return math.nan, math.nan
    return model.losses(trained).attacker, relative_gradient(trained.model)
