"""Policies by the worst that any attacker made of them."""
from dataclasses import dataclass

from secml_regpoison.core.verdicts import by_chance
from .policies import OWN, POLICIES, is_own

EQUAL = 5e-5  # errors that look the same in percent


@dataclass(frozen=True)
class Standing:
    """One policy at the strength that the verdict is for.

    here, clean, hidden : its records there (see `summarise`), without poison,
    and under the attacker of `.policies.OWN`; the last two may be None.
    worst : that of the largest mean error, of `hidden` and of the strengths
    up to `here`, for an attacker may leave points out.
    """

    policy: str
    here: dict
    clean: dict
    hidden: dict
    worst: dict

    @property
    def is_useful(self):
        """Better than one class for all, and not given up in most splits."""
        return (error(self.worst) < self.here['majority_error']['mean'] - EQUAL
                and all(2 * strength['given_up'] <= strength['n_splits']
                        for strength in (self.here, self.worst)))

    @property
    def is_saturated(self):
        """Whether the other rows have no weight: trusted rows alone."""
        return 2 * self.here['saturated'] > self.here['n_splits']


def standings(summary, k):
    """The `Standing` of each policy at strength k, in the order given."""
    found = []
    for policy, strengths in summary.items():
        if is_own(policy):
            continue
        here, clean = strengths[k], strengths[0]
        hidden = summary.get(f'{policy}{OWN}', (None,))[0]
        tried = [here, *strengths[:k], hidden]
        found.append(Standing(
            policy, here, None if clean['n_points'] else clean, hidden,
            max(filter(None, tried), key=error)))
    return found


def ranked(found):
    """The standings, the best first and then by their worst errors; those of
    use before the others.

    The best is the one of the least worst error. Of those of use that chance
    may tell from it, it is the one that errs least without poison, if that
    difference is not by chance itself. A tie is broken by the error without
    poison, and then by the order of `.policies.POLICIES`, the numbers last.
    """
    order = sorted(found, key=_place)
    least = order[0]
    if not least.is_useful or least.clean is None:
        return order
    best = min((one for one in order if one.is_useful
                and is_alike(one.worst, least.worst)),
               key=lambda one: error(one.clean))
    if is_alike(best.clean, least.clean):
        return order
    return [best, *(one for one in order if one is not best)]


def _place(one):
    """What the standings are sorted by. No two have the same, and so the order
    that they are given in decides nothing."""
    # means of the same errors in other splits differ in the last digits
    errors = [round(error(strength), 9)
              for strength in (one.worst, one.clean or one.worst)]
    return (not one.is_useful, *errors,
            (*POLICIES, one.policy).index(one.policy), one.policy)


def is_alike(one, other):
    """Whether two errors on the test rows may differ by chance alone."""
    n = one['n_test']
    return by_chance(n * error(one), n * error(other), n)


def error(strength):
    """The mean test error over the splits."""
    return strength['test_error']['mean']
