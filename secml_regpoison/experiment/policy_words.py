"""The closing words of `sec-eval` on one policy."""
from secml_regpoison.core.verdicts import SENTENCES, by_chance
from secml_regpoison.terminal import count_rows
from .advice import strength_text
from .policies import LEARNED, TRUSTED, describe_policy, in_sentence
from .ranking import EQUAL, error, is_alike

SECRET = ('If the attacker knows the trusted rows, tuning on them gives no '
          'protection: keep some of them secret.')


def of_hidden(one, plan, runs):
    """What an attacker does who hides from the rows that something is learned
    on."""
    hidden, clean, usual = one.hidden, one.clean, one.here
    words = (f'An attacker who knows the {plan.n_val} validation rows and '
             f"hides the harm from them ({count_rows(hidden['n_points'])} of "
             f'poison): {one.policy} errs {_with_spread(hidden, runs)}'
             f'{_given_up(hidden, runs)}.')
    if clean and is_alike(hidden, clean):
        return (f'{words} That is no clear harm: without poison '
                f'{percent(clean)}.')
    is_seen = 2 * hidden['gave_up'] > hidden['n_splits'] and not (
        clean and 2 * clean['gave_up'] > clean['n_splits'])
    if is_seen:
        words += (f" It does not stay hidden: in {hidden['gave_up']} of "
                  f"{hidden['n_splits']} {runs} {SENTENCES['gave_up']}.")
    other = f'than the one who does not hide, {percent(usual)}.'
    if usual['n_points'] == hidden['n_points']:
        if error(hidden) < error(usual) + EQUAL:
            return f'{words} It does no more {other}'
        if is_alike(hidden, usual):
            words += f' It does not clearly do more {other}'
    return words if is_seen else f'{words} {SECRET}'


def of_policy(one, runs):
    """One policy: error, also without poison if that was measured, lambda,
    and what these numbers mean."""
    policy, here = one.policy, one.here
    name = describe_policy(policy)
    what = '' if policy == name else f' ({name})'
    text = (f'- {in_sentence(policy)}{what}: test error '
            f'{_with_spread(here, runs)}')
    if one.hidden and policy not in LEARNED:
        text += (f', {_with_spread(one.hidden, runs)} where the attacker '
                 f'knows the test rows{_given_up(one.hidden, runs)}')
    if one.worst not in (here, one.hidden) and one.worst['n_points'] \
            and error(one.worst) > error(here) + EQUAL:
        text += (f", with fewer rows of poison ({one.worst['n_points']}) "
                 f'{percent(one.worst)}{_given_up(one.worst, runs)}')
    if one.clean and here['n_points']:
        text += f', without poison {percent(one.clean)}'
    text += f'; {strength_text(here)}'
    if policy == 'learned-trust':
        text += '; weight of the other rows ' + ' to '.join(dict.fromkeys(
            f"{here['trust'][end]:.3g}" for end in ('least', 'greatest')))
    return f'{text}.{_of_the_loss(here, runs)}{_of_the_error(one, runs)}'


def _of_the_loss(strength, runs):
    """Where loss or answers are no better than a constant answer."""
    n, less = strength['n_splits'], strength['errs_less']
    loss = SENTENCES['gave_up'].replace('the ', 'its ', 1)
    text = ''
    if strength['given_up']:
        why = ', and '.join(
            reason + (f' in {k}' if k < strength['given_up'] else '')
            for k, reason in (
                (strength['gave_up'] - less, loss),
                (strength['one_class'], 'it gives all test rows one class'))
            if k)
        text = f" It gave up in {strength['given_up']} of {n} {runs}: {why}."
    if less:
        text += f' In {less} of {n} {runs} {loss}, but its error is better.'
    return text


def _of_the_error(one, runs):
    """Where an answer without features does as well, and lambda at a bound."""
    here, text = one.here, ''
    if error(here) >= .5 and 'error_2' not in here:
        text = ' It is no better than a coin.'
        n = here['n_test']
        if one.policy == TRUSTED and not by_chance(
                n * error(here), n / 2, n):
            text = (' It is worse than a coin: are the labels of the trusted '
                    'rows exchanged?')
    elif error(here) > here['majority_error']['mean'] - EQUAL:
        text = (' It is no better than always predicting the more frequent '
                'class.')
    if here['lmbda_at_bound']:
        text += (f" lambda is at a bound in {here['lmbda_at_bound']} of "
                 f"{here['n_splits']} {runs}.")
    return text


def _with_spread(strength, runs):
    """The mean error, and that of the best and the worst split."""
    errors, n = strength['test_error'], strength['n_splits']
    if n == 1:
        return percent(strength)
    return (f"{percent(strength)} ({100 * errors['least']:.2f} to "
            f"{100 * errors['greatest']:.2f} in {n} {runs})")


def _given_up(strength, runs):
    """In how many splits, in brackets; no text for none."""
    k, n = strength['given_up'], strength['n_splits']
    return f' (gave up in {k} of {n} {runs})' if k else ''


def at_worst(one):
    """The error of a standing under the worst attack, in words."""
    return percent(one.worst) + ' at worst' * bool(one.here['n_points'])


def percent(strength):
    """The mean error, in words."""
    return f'{100 * error(strength):.2f} %'
