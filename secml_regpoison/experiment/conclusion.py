"""The closing words of `sec-eval`: the policy, its C, and what is void."""
import math

from .estimators import L1_WORDS
from .policies import OWN, describe_policy, in_sentence, is_own
from .summary import nearest_strength

TRUSTED = 'trusted-only'
EQUAL = 5e-5  # errors that look the same in percent
HARM = .01  # of the error: less is called no harm
SECRET = ('What is tuned on rows that the attacker knows protects nobody: '
          'keep some secret.')
# What follows from the attacker's rows.
ATTACKER_WORDS = {'own': (
    'The attacker knows the trusted rows; it raised the loss on the test rows '
    f'and tried to keep theirs low. {SECRET}'),
    'grey': ('The attacker had other rows in the place of the trusted ones, '
             'and did not know these.')}


def conclude(summary, plan, share=None):
    """What follows for who expects a share of poison.

    Parameters
    ----------
    summary : dict
        See `summarise`.
    plan : Plan
    share : float, optional
        Of poison among the training rows; the nearest strength that was
        measured is taken. Default: the largest.

    Returns
    -------
    dict
        `n_points` and `fraction` of that strength; `best`, the policy that
        errs least there, of those that are of use if there are; its
        `test_error` and `C`; `is_useful`, whether it does better than the
        more frequent class for all rows, and has not given up in most splits;
        `words`, a list of sentences.

    """
    hidden = {policy: strengths[-1] for policy, strengths in summary.items()
              if is_own(policy)}
    summary = {policy: strengths for policy, strengths in summary.items()
               if policy not in hidden}
    k = nearest_strength(next(iter(summary.values())), share)
    at = {policy: strengths[k] for policy, strengths in summary.items()}
    ranked = sorted(at, key=lambda policy: (not _is_useful(at[policy]),
                                            _error(at[policy])))
    best = at[ranked[0]]
    found = {'n_points': best['n_points'], 'fraction': best['fraction'],
             'best': ranked[0], 'test_error': _error(best),
             'C': best['C'], 'is_useful': _is_useful(best)}
    where = (f"With {100 * best['fraction']:.1f} % poison among the training "
             f"rows ({best['n_points']} rows)")
    if share and not best['n_points']:
        where = (f'No strength is near {100 * share:.3g} % but that without '
                 'poison, which says nothing of an attack: name a smaller '
                 f'one with --points. {where}')
    words = _trusted_first(ranked, at, plan) + [_ranking(where, ranked, at)]
    words += [_of_hidden(policy.removesuffix(OWN), strength,
                         summary.get(policy.removesuffix(OWN)), plan)
              for policy, strength in hidden.items()]
    words += [_of_policy(policy, at[policy], summary[policy][0])
              for policy in summary]
    if plan.attacker in ATTACKER_WORDS:
        words.append(ATTACKER_WORDS[plan.attacker])
    if found['is_useful']:
        # two penalised rows of weights are one with half the penalty
        is_double = plan.classifier == 'softmax' and 'error_2' not in best
        words.append(f"In scikit-learn, {in_sentence(ranked[0])}: "
                     f"{in_scikit_learn(best['C'] * (1 + is_double), plan)}"
                     + _on_which_rows(ranked[0], plan))
    return {**found, 'words': words}


def _of_hidden(policy, strength, others, plan):
    """What an attacker does who hides from the trusted rows; `others` are the
    strengths of the policy under the usual one, or None."""
    words = (f'An attacker who knows the {plan.n_val} validation rows and '
             f"hides the harm from them ({strength['n_points']} rows of "
             f'poison): {policy} errs {_with_spread(strength)}.')
    clean, usual = (others[0], others[-1]) if others else (None, None)
    if clean and not clean['n_points'] \
            and _error(strength) - _error(clean) < HARM:
        return f'{words} It does no harm: without poison {_percent(clean)}.'
    if 2 * strength['gave_up'] > strength['n_splits']:
        words += (' It does not stay hidden: the validation loss is no better '
                  f"than that of a constant answer in {strength['gave_up']} "
                  f"of {strength['n_splits']} splits.")
    if usual and usual['n_points'] == strength['n_points'] \
            and _error(strength) < _error(usual) + HARM:
        more = 'no' if _error(strength) < _error(usual) + EQUAL else 'hardly'
        return (f'{words} It does {more} more than the one who does not hide, '
                f'{_percent(usual)}.')
    return f'{words} {SECRET}'


def _on_which_rows(policy, plan):
    """The end of the sentence about scikit-learn."""
    if policy == TRUSTED:
        return ' on the trusted rows alone.'
    on = '' if plan.filter == 'none' \
        else f' on the rows that pass the filter {plan.filter}'
    if policy == 'learned-trust':
        scaled = '' if plan.preprocess is None \
            else 'the scaler fitted on the trusted rows alone and '
        on += (f', with {scaled}a sample_weight of 1 for the trusted rows and '
               'of the column trust in sec_eval.csv for the others')
    return f'{on}.'


def in_scikit_learn(c, plan):
    """What to type there."""
    solver = ", solver='liblinear'" if plan.classifier == 'liblinear' else ''
    if plan.penalty == 'l1':
        solver = f', {L1_WORDS}' + (
            solver or ", solver='saga', max_iter=10000")
    model = f'LogisticRegression(C={c:.3g}{solver})'
    if plan.classifier == 'svm':
        penalty = ", penalty='l1', dual=False" * (plan.penalty == 'l1')
        model = f"LinearSVC(C={c:.3g}, loss='squared_hinge'{penalty})"
    if plan.classifier == 'ridge':
        model = f'RidgeClassifier(alpha={.5 / c:.3g})'
    scaler = {'mean-std': 'StandardScaler()', 'min-max': 'MinMaxScaler()',
              'unit-norm': 'Normalizer()'}.get(plan.preprocess)
    return f'make_pipeline({scaler}, {model})' if scaler else model


def _is_useful(strength):
    """Better than one class for all, and not given up in most splits."""
    return (_error(strength) < strength['majority_error']['mean'] - EQUAL
            and 2 * strength['given_up'] <= strength['n_splits'])


def _trusted_first(ranked, at, plan):
    """A sentence where the trusted rows alone do better, else none."""
    if ranked[0] != TRUSTED or len(ranked) < 2 or not _is_useful(
            at[TRUSTED]) or _gain(at, ranked) < EQUAL:
        return []
    return [f'The trusted rows alone do better: a classifier of the '
            f'{plan.n_val} validation rows errs {_percent(at[TRUSTED])} '
            f'whatever the poison, {in_sentence(ranked[1])} '
            f'{_percent(at[ranked[1]])}.']


def _ranking(where, ranked, at):
    """Which policy does best, and by how much."""
    best, names = at[ranked[0]], [in_sentence(policy) for policy in ranked]
    majority = f"{100 * best['majority_error']['mean']:.2f} %"
    if not _is_useful(best):
        return (f'{where} no policy is of use: {names[0]} errs least, '
                f'{_percent(best)}, and always predicting the more frequent '
                f'class errs {majority}.')
    text = f'{where} {names[0]} errs least, {_percent(best)}'
    gain = _gain(at, ranked)
    if gain < -EQUAL:
        text = (f'{where} {names[0]} does best, {_percent(best)}: {names[1]}'
                f' errs less, {_percent(at[ranked[1]])}, but has given up')
    elif gain < EQUAL:
        text += f', as {names[1]} does'
    elif len(ranked) > 1:
        text += f', {100 * gain:.2f} points less than {names[1]}'
        if not all(ours < other for ours, other in zip(
                best['test_error']['each'],
                at[ranked[1]]['test_error']['each'])):
            text += ' but not in every split'
    return (f'{text}. Always predicting the more frequent class errs '
            f'{majority}.')


def _of_policy(policy, strength, weakest):
    """One policy: error, also without poison if `weakest` has none, lambda,
    and what these numbers mean."""
    error, n = strength['test_error'], strength['n_splits']
    name = describe_policy(policy)
    text = (f"- {policy if policy == name else f'{policy} ({name})'}: test "
            f'error {_with_spread(strength)}')
    if not weakest['n_points']:
        text += f', without poison {_percent(weakest)}'
    text += (f"; lambda {strength['lmbda']['mean']:.2f}, "
             f"C = {strength['C']:.3g}.")
    text += _of_the_loss(strength)
    if error['mean'] >= .5 and 'error_2' not in strength:
        text += ' It is no better than a coin.'
    elif error['mean'] > strength['majority_error']['mean'] - EQUAL:
        text += (' It is no better than always predicting the more frequent '
                 'class.')
    if strength['lmbda_at_bound']:
        text += (f" lambda is at a bound in {strength['lmbda_at_bound']} of "
                 f'{n} splits.')
    return text


def _of_the_loss(strength):
    """Where loss or answers are no better than a constant answer."""
    n, less = strength['n_splits'], strength['errs_less']
    loss = 'its validation loss is no better than that of a constant answer'
    text = ''
    if strength['given_up']:
        why = ' and '.join(
            reason + (f' in {k}' if k < strength['given_up'] else '')
            for k, reason in (
                (strength['gave_up'] - less, loss),
                (strength['one_class'], 'it gives all test rows one class'))
            if k)
        text = f" It gave up in {strength['given_up']} of {n} splits: {why}."
    if less:
        text += f' In {less} of {n} splits {loss}, but its error is.'
    return text


def _gain(at, ranked):
    """By how much the first of the policies errs less than the second."""
    if len(ranked) < 2:
        return math.inf
    return _error(at[ranked[1]]) - _error(at[ranked[0]])


def _error(strength):
    return strength['test_error']['mean']


def _with_spread(strength):
    """The mean error, and that of the best and the worst split."""
    error, n = strength['test_error'], strength['n_splits']
    if n == 1:
        return _percent(strength)
    return (f"{_percent(strength)} ({100 * error['least']:.2f} to "
            f"{100 * error['greatest']:.2f} in {n} splits)")


def _percent(strength):
    return f'{100 * _error(strength):.2f} %'
