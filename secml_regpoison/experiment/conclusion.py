"""The closing words of `sec-eval`: the policy, its C, and what is void."""
from secml_regpoison.core.verdicts import by_chance
from secml_regpoison.terminal import count_rows, is_or_are
from .advice import in_scikit_learn, is_wide
from .plan import CROSS_VALIDATED, expected_strength
from .policies import LEARNED, TRUSTED, in_sentence
from .policy_words import SECRET, at_worst, of_hidden, of_policy, percent
from .ranking import EQUAL, error, is_alike, ranked, standings

FEW_TEST_ROWS = 50
FEW_OF_A_CLASS = 10  # trusted rows, or test rows
# What follows from the attacker's rows; 'hides': those of 'own', where a
# policy learns something on the trusted rows.
ATTACKER_WORDS = {
    'own': 'The attacker knows the test rows; it raised the loss on them.',
    'hides': (
        'The attacker knows the trusted rows; it raised the loss on the test '
        'rows and, where lambda is learned, tried to keep theirs low.'),
    'grey': ('The attacker had other rows in the place of the trusted ones, '
             'and did not know these.')}
UNTRIED = ('With --penalty l1 the attacker who knows the test rows was not '
           'tried, and may do more harm: --attacker own tries that one.')


def conclude(summary, plan, same_rows=False, rarest=None,
             is_own_untried=False, is_hard=False):
    """The closing words for a defender who expects the plan's share of poison.

    Parameters
    ----------
    summary : dict
        See `summarise`.
    plan : Plan
    same_rows : bool, optional
        Whether all repetitions have the same rows, as those of a file whose
        parts are given.
    rarest : dict of str to int, optional
        Rows of the rarest class in the parts 'validation' and 'test'.
    is_own_untried : bool, optional
        Whether the attacker who knows the test rows was asked for, and left
        out for the penalty L1.
    is_hard : bool, optional
        Whether scikit-learn's solvers may stop far from the optimum, see
        `.is_hard_to_fit`.

    Returns
    -------
    dict
        `n_points` and `fraction` of that strength; `best`, the policy of the
        least error at worst, see `.ranking.ranked`; its `test_error` and `C`
        (exp(-lambda), None where lambda differs so much between the splits
        that no one C stands for all) there; `worst_errors`, of each policy,
        over the attackers and the strengths up to this one; `is_useful`,
        whether it does better than the more frequent class for all rows, and
        has not given up in most splits; `words`, a list of sentences.

    """
    k = expected_strength(plan)
    found = standings(summary, k)
    order = ranked(found)
    best = order[0].here
    runs = ('run' if same_rows else 'split') + 's' * (best['n_splits'] > 1)
    words = [*trusted_first(order, plan.n_val), _ranking(order, runs),
             *_without_poison(found, plan),
             *_few_rows(best, plan, rarest or {})]
    words += [of_hidden(one, plan, runs) for one in found
              if one.hidden and one.policy in LEARNED]
    words += [of_policy(one, runs) for one in found]
    if same_rows and best['n_splits'] > 1:
        words.append(f"The {best['n_splits']} runs have the same rows: only "
                     f'{_what_differs(found, plan)} differ.')
    hides = plan.attacker == 'own' and any(
        one.policy in LEARNED for one in found)
    if best['n_points']:
        words += filter(None, [ATTACKER_WORDS.get(
            'hides' if hides else plan.attacker)])
        words += [SECRET] * hides + [UNTRIED] * is_own_untried
    words += [in_scikit_learn(
        order[0], plan, is_hard)] * order[0].is_useful
    return {'n_points': best['n_points'], 'fraction': best['fraction'],
            'best': order[0].policy, 'test_error': error(best),
            'C': None if is_wide(best['lmbda']) else best['C'],
            'is_useful': order[0].is_useful,
            'worst_errors': {one.policy: error(one.worst) for one in found},
            'words': words}


def _what_differs(found, plan):
    """What the seed decides beside the rows of each part."""
    is_poisoned = any(one.policy != TRUSTED for one in found)
    *parts, last = [words for words, is_drawn in (
        ("which test rows are the attacker's", plan.attacker == 'grey'),
        ('the rows that poison replaces',
         is_poisoned and plan.poison_mode == 'replace'),
        ('the rows where poison starts', is_poisoned),
        ('the folds of cross-validation',
         any(one.policy in CROSS_VALIDATED for one in found))) if is_drawn]
    return f"{', '.join(parts)} and {last}" if parts else last


def _others(order):
    """All but the best, and but the trusted rows alone by another name."""
    return [one for one in order[1:] if not (
        one.is_saturated and order[0].policy == TRUSTED
        and is_alike(one.worst, order[0].worst))]


def trusted_first(order, n_val):
    """A sentence where the trusted rows alone do better, else none.

    `order` is that of `.ranking.ranked`, `n_val` the number of these rows.
    """
    best, second = order[0], next(iter(_others(order)), None)
    if best.policy != TRUSTED or second is None or not best.is_useful \
            or error(second.worst) < error(best.worst) \
            or is_alike(best.worst, second.worst):
        return []
    price = ''
    if second.clean and second.here['n_points']:
        price = f', and without poison {percent(second.clean)}'
    return [f'The trusted rows alone do better: a classifier of the '
            f'{n_val} trusted (validation) rows errs '
            f'{percent(best.worst)} whatever the poison, '
            f'{in_sentence(second.policy)} {at_worst(second)}{price}.']


def _where(strength):
    """The poison that a sentence is about."""
    share = 100 * strength['fraction']
    share = f'{share:.1f}' if share >= .05 else f'{share:.1g}'
    return 'Without poison' if not strength['n_points'] else (
        f'With {share} % poison among the training rows '
        f"({count_rows(strength['n_points'])})")


def _ranking(order, runs):
    """Which policy does best, by how much, and what one class for all does."""
    best, n, where = order[0], order[0].here['n_test'], _where(order[0].here)
    rate = best.here['majority_error']['mean']
    majority = f'{100 * rate:.2f} %'
    if not best.is_useful:
        errs, given_up = at_worst(best), 'has given up'
        least = (f'{in_sentence(best.policy)} errs '
                 f"{'least, ' * (len(order) > 1)}{errs}")
        if order[1:] and error(order[1].worst) < error(best.worst) + EQUAL:
            least, given_up = f'none errs less than {errs}', 'by giving up'
        if error(best.worst) < rate - EQUAL:
            least += f', but {given_up}'
        return (f'{where} no policy is of use: {least}, and always predicting '
                f'the more frequent class errs {majority}.')
    if by_chance(n * error(best.worst), n * rate, n):
        majority += f': with {n} test rows the difference may be chance'
    return (f'{where} {_beside_others(order, runs)}. Always predicting the '
            f'more frequent class errs {majority}.')


def _beside_others(order, runs):
    """The best policy beside that of the least error, or else the next."""
    best, others = order[0], _others(order)
    name, errs = in_sentence(best.policy), at_worst(best)
    if not others:
        return f'{name} errs {errs}'
    second = min(others, key=lambda one: error(one.worst))
    if error(second.worst) > error(best.worst) - EQUAL:
        second = others[0]
    other, other_errs = in_sentence(second.policy), percent(second.worst)
    gain = error(second.worst) - error(best.worst)
    if not second.is_useful and gain < 0:
        return (f'{name} does best, {errs}: {other} errs less, {other_errs}, '
                'but has given up')
    if is_alike(best.worst, second.worst):
        return (f'{name} does best, {errs}, but {other} does not clearly err '
                f"{'more' if gain >= 0 else 'less'}, {other_errs} of "
                f"{best.here['n_test']} test rows")
    always = all(ours < theirs for ours, theirs in zip(
        *(one.worst['test_error']['each'] for one in (best, second))))
    return (f'{name} errs least, {errs}, {100 * gain:.2f} points less than '
            f"{other}{'' if always else f' but not in all {runs}'}")


def _without_poison(found, plan):
    """What is wrong with the rows before any poison."""
    clean = {one.policy: one.clean for one in found if one.clean}
    others = [strength for policy, strength in clean.items()
              if policy not in (TRUSTED, 'learned-trust')]
    if TRUSTED in clean and others:
        least = min(others, key=error)
        if error(clean[TRUSTED]) < error(least) and not is_alike(
                clean[TRUSTED], least):
            yield ('Already without poison the trusted rows alone do better, '
                   f'{percent(clean[TRUSTED])} against '
                   f'{percent(least)}: the training rows may be '
                   'poisoned, or of another kind than trusted and test rows.')
    odd = clean.get('clean-cv')
    # a weak signal takes less than 1 % off the loss of any rows
    if odd and 2 * odd['loss_no_better'] > odd['n_splits']:
        # would as many of the test rows tell it from a constant answer?
        unlike = ('unlike the test rows (another distribution, wrong labels, '
                  'or a row far out)')
        cause = f'the trusted rows are {unlike}'
        n = plan.n_val
        if by_chance(n * error(odd), n * odd['majority_error']['mean'], n):
            cause = (f'{plan.n_val} trusted rows are so few that this may be '
                     'chance (ask for more with --val), or they are '
                     f'{unlike}')
        yield ('Already without poison the loss of clean-cv on the trusted '
               'rows is no better than that of a constant answer, while its '
               f'test error is: {cause}. Then learned, trusted-only and the '
               'attack on the others say little.')


def _few_rows(best, plan, rarest):
    """Where one row more or less changes the numbers."""
    of_test, of_val = (rarest.get(part, FEW_OF_A_CLASS)
                       for part in ('test', 'validation'))

    def are(n, kind):
        return f"there {is_or_are(n)} {count_rows(n, f'{kind} row')}"
    if best['n_test'] < FEW_TEST_ROWS:
        yield (f"There are {best['n_test']} test rows: one more that is wrong "
               f"is {100 / best['n_test']:.1f} points of error.")
    elif of_test < FEW_OF_A_CLASS:
        yield (f'Of the rarest class {are(of_test, "test")}: one more that is '
               f'wrong is {100 / of_test:.1f} points of its error.')
    n_classes = sum(name.removeprefix('error_').isdecimal() for name in best)
    if plan.n_val < FEW_OF_A_CLASS * n_classes:
        yield (f'There are {plan.n_val} trusted rows for {n_classes} classes: '
               'what is tuned on so few is chance. Ask for more with --val.')
    elif of_val < FEW_OF_A_CLASS:
        yield (f'Of the rarest class {are(of_val, "trusted")}: what is tuned '
               'on so few is chance for that class. Ask for more with --val, '
               'or collect more of them.')
