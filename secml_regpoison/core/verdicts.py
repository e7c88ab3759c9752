"""Verdicts on a result beyond its numbers: one rule and one sentence each.

`diagnostics()` of an attack, its log, and the data of a security evaluation
take them from here.
"""
from dataclasses import dataclass, fields
from typing import Any, Mapping, Optional

import numpy as np

# The defender's last step of lambda is shorter than this.
LMBDA_TOL = .05
# A training gradient above this share of the one at zero weights is left by a
# training that stopped early.
GRADIENT_TOL = .01

AT_BOUND = 'lambda is at a bound of its interval'
SENTENCES = {
    'lmbda_at_bound': f'{AT_BOUND}, and a better one may lie outside: widen '
                      '`lmbda_bounds`',
    'gave_up': 'the validation loss is no better than that of a constant '
               'answer, or by less than 1 %',
    'one_class': 'all test points are given one class',
    'budget_hit': 'the attack was stopped by its budget and may not be the '
                  "worst: a larger 'n_outer' lets it continue, or other "
                  "bounds of its steps ('eta', 'eta_max') where they are "
                  'given',
    'training_short': "the attack's training stops before the optimum: "
                      "solver_type='implicit' or a larger 'n_inner' "
                      'lets it continue',
    'fit_short': "the classifier's own training stops before its optimum: a "
                 'larger lambda, a smaller tolerance, or many more epochs or '
                 'iterations',
    'unseen': 'the trusted rows do not show the harm: the loss on the '
              "attacker's own rows is more than twice theirs",
    'saturated': 'the untrusted rows have the weight 0: the trusted rows '
                 'alone do as well'}
# What is added to the sentence on lambda's bound where trust is learned.
BOUND_OF_TRUST = ' (a learned trust above 0 keeps it at -2 or more)'


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on a poisoned classifier and on the attack on it.

    lmbda_at_bound : the learned lambda is at a bound. gave_up : the validation
    loss is no better than that of a constant answer, or by less than 1 %.
    one_class : all test points are given one class. budget_hit : the attack
    ended by the number of its steps, or by the bounds of their length.
    training_short : the attack's solver stops before the optimum. fit_short :
    so does the classifier's own training. unseen : the loss on an attacker's
    own rows is more than twice that on the validation rows. saturated : the
    defender gives the untrusted rows the weight 0.
    """

    lmbda_at_bound: bool
    gave_up: bool
    one_class: bool
    budget_hit: bool
    training_short: bool
    fit_short: bool
    unseen: bool = False
    saturated: bool = False

    def names(self) -> tuple[str, ...]:
        """Those that are true."""
        return tuple(field.name for field in fields(self)
                     if getattr(self, field.name))

    def sentences(self, lmbda: float = 0.,
                  bounds: Optional[tuple[float, float]] = None,
                  learns_trust: bool = False) -> tuple[str, ...]:
        """Those that are true, in words, of a result with this lambda."""
        said = {**SENTENCES, 'lmbda_at_bound': of_bound(
            lmbda, bounds, self.gave_up or self.one_class)
            + BOUND_OF_TRUST * learns_trust}
        return tuple(said[name] for name in self.names())


def is_at_bound(lmbda: float, bounds: Optional[tuple[float, float]]) -> bool:
    """Whether lambda is within `LMBDA_TOL` of a bound; None: it is fixed."""
    return bounds is not None and any(
        abs(lmbda - bound) <= LMBDA_TOL for bound in bounds)


def may_change_beyond(lmbda: float, bounds: Optional[tuple[float, float]],
                      is_constant: bool) -> bool:
    """Whether wider bounds might change a lambda at one of them: not one that
    grew until the answer was constant, as a larger one gives the same. One at
    the lower bound might be smaller. None: the bounds are not known."""
    return bounds is None or not (
        is_constant and lmbda > max(0., bounds[0] + LMBDA_TOL))


def of_bound(lmbda: float, bounds: Optional[tuple[float, float]],
             is_constant: bool) -> str:
    """The sentence on a lambda at a bound."""
    return SENTENCES['lmbda_at_bound'] \
        if may_change_beyond(lmbda, bounds, is_constant) else AT_BOUND


def has_given_up(loss: float, constant: float) -> bool:
    """Whether the loss is less than 1 % below that of a constant answer."""
    return not loss < .99 * constant


def is_of_no_use(result: Mapping[str, Any]) -> Any:
    """Whether a classifier is no better than a constant answer: by its loss
    (`gave_up`), and not clearly by its error; or as it gives all test points
    one class. Of a result, or of arrays of several, by the same names."""
    return np.logical_or(result['one_class'], np.logical_and(
        result['gave_up'], np.logical_not(errs_less(result))))


def errs_less(result: Mapping[str, Any]) -> Any:
    """Whether the test error is below that of the more frequent class by more
    than one standard error."""
    n = result['n_test']
    wrong, majority = n * result['test_error'], n * result['majority_error']
    return np.logical_and(wrong < majority, np.logical_not(
        by_chance(wrong, majority, n, 1)))


def by_chance(k: Any, j: Any, n: Any, deviations: float = 2) -> Any:
    """Whether k and j wrong rows, each of n, may differ by chance alone.

    ``|k - j| <= z sqrt(2 n p (1 - p))``, ``p = (k + j) / (2 n)``: the pooled
    z-test of two proportions, the counts taken as independent, with the
    number of `deviations` z.
    """
    return abs(k - j) <= deviations * np.sqrt(
        (k + j) * (1 - (k + j) / (2 * n)))


def is_unseen(attacker: float, defender: float) -> bool:
    """Whether the attacker's loss is more than twice the defender's."""
    return losses_differ(attacker, defender) and attacker > 2 * defender


def losses_differ(first: float, second: float) -> bool:
    """Whether two losses are of different models: by 1 % of the second, and
    by 1e-3, for liblinear stops early where the loss is next to 0."""
    return not abs(first - second) <= max(.01 * abs(second), 1e-3)


def is_short(gradient: float, loss: float, optimum: float) -> bool:
    """Whether training stopped before the optimum: by the gradient that is
    left, relative, or by the loss."""
    return not gradient <= GRADIENT_TOL or losses_differ(loss, optimum)
