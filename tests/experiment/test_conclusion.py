"""The closing words, the table and the picture of `sec-eval`."""
import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from secml_regpoison.cli.sec_eval import TYPED
from secml_regpoison.core.verdicts import AT_BOUND, SENTENCES
from secml_regpoison.experiment.advice import is_hard_to_fit
from secml_regpoison.experiment.conclusion import conclude
from secml_regpoison.experiment.estimators import L1_WORDS
from secml_regpoison.experiment.picture import draw
from secml_regpoison.experiment.plan import Plan, expected_strength
from secml_regpoison.experiment.ranking import Standing
from secml_regpoison.experiment.report import csv_lines, plain_words, table
from secml_regpoison.experiment.summary import summarise
from secml_regpoison.figure.style import POLICY_STYLES

PLAN = Plan((0, 5, 10), 100, 40, preprocess='mean-std')


def records(**errors):
    """Two splits of each policy, with the errors at three strengths."""
    return [{'policy': policy.replace('_', '-'), 'repetition': repetition,
             'n_points': n, 'n_train': 100,
             'test_error': error + .01 * repetition, 'error_0': .1,
             'error_1': .2, 'majority_error': .4, 'validation_loss': .3,
             'lmbda': 1. + repetition, 'trust': 1., 'w_norm': 2. + n,
             'n_poison_0': n, 'n_poison_1': 0, 'n_test': 10 ** 6,
             'constant_loss': .3,
             **dict.fromkeys(SENTENCES, 0)}
            for policy, of in errors.items() for repetition in (0, 1)
            for n, error in zip(PLAN.n_points, of)]


def words_of(lines, share=None, **options):
    return conclude(summarise(lines), replace(PLAN, expect=share),
                    **options)['words']


def of_few(lines, n_test=100):
    """The same errors on few test rows."""
    return [{**line, 'n_test': n_test} for line in lines]


LEARNED_BEST = records(clean_cv=(.01, .1, .2), learned=(.02, .05, .1),
                       trusted_only=(.15, .15, .15))


def test_the_best_policy_and_by_how_much_at_the_share_that_one_expects():
    first, *policies, last = words_of(LEARNED_BEST)
    assert first == (
        'With 10.0 % poison among the training rows (10 rows) learned errs '
        'least, 10.50 % at worst, 5.00 points less than trusted-only. Always '
        'predicting the more frequent class errs 40.00 %.')
    assert policies[1] == (
        '- learned: test error 10.50 % (10.00 to 11.00 in 2 splits), without '
        'poison 2.50 %; lambda 1.50, C = 0.223.')
    assert last == (
        'In scikit-learn, learned: make_pipeline(StandardScaler(), '
        f'LogisticRegression(C={math.exp(-1.5):.3g})). This C is the best for '
        'this poison only, and held fixed it protects less: at each training '
        'choose it again on the trusted rows, as GridSearchCV with a '
        'PredefinedSplit does.')
    found = conclude(summarise(LEARNED_BEST), PLAN)
    assert found['worst_errors'] == pytest.approx(
        {'clean-cv': .205, 'learned': .105, 'trusted-only': .155})


def test_without_poison_no_sentence_speaks_of_it():
    found = conclude(summarise(records(
        clean_cv=(.01, .1, .2), learned=(.03, .05, .1), learned_trust=(
            .02, .05, .1))), replace(PLAN, expect=0., attacker='own'),
        is_own_untried=True)['words']
    assert found[:2] == [
        'Without poison clean-cv errs least, 1.50 %, 1.00 points less than '
        'learned-trust. Always predicting the more frequent class errs '
        '40.00 %.',
        '- clean-cv (fixed by clean cross-validation): test error 1.50 % '
        '(1.00 to 2.00 in 2 splits); lambda 1.50, C = 0.223.']
    assert not any(word in sentence for sentence in found[1:]
                   for word in ('poison', 'attacker', 'secret'))


@pytest.mark.parametrize('best, words', [
    ('learned', 'learned: make_pipeline(StandardScaler(), '
     'LogisticRegression(C=0.223)).'),
    ('learned_trust', 'in sec_eval.csv for the others.')])
def test_without_poison_no_c_is_the_best_for_it(best, words):
    lines = records(**{'clean_cv': (.3, .3, .3), best: (.01, .1, .2)})
    assert words_of(lines, share=0.)[-1].endswith(words)
    assert 'this poison only' in words_of(lines)[-1]


def test_without_poison_the_trusted_rows_alone_are_not_at_worst():
    assert words_of(records(learned=(.2, .3, .4), trusted_only=(
        .1, .1, .1)), share=0.)[0].endswith(
            'errs 10.50 % whatever the poison, learned 20.50 %.')


def test_a_row_of_many_is_not_0_percent():
    lines = [{**line, 'n_train': 10 ** 5} for line in LEARNED_BEST]
    assert words_of(lines)[0].startswith(
        'With 0.01 % poison among the training rows (10 rows) ')


@pytest.mark.parametrize('share, n_points', [
    (None, 10), (0., 0), (.001, 5), (.05, 5), (.052, 5), (.06, 10), (.1, 10),
    (.104, 10)])
def test_the_strength_is_no_weaker_than_what_one_expects(share, n_points):
    """But for half a row."""
    assert conclude(summarise(LEARNED_BEST), replace(PLAN, expect=share))[
        'n_points'] == n_points


@pytest.mark.parametrize('mode, n_rows', [('replace', 2000), ('append', 2100)])
def test_the_expected_share_is_rounded_to_whole_rows(mode, n_rows):
    """100 rows are not enough for 103."""
    plan = Plan((0, 100, 200), 2000, 40, poison_mode=mode)
    for rows, k in ((100, 1), (100.4, 1), (103, 2)):
        assert expected_strength(replace(plan, expect=rows / n_rows)) == k


def test_the_share_is_of_the_mean_number_of_training_rows():
    """Those that a filter leaves are not as many in each split."""
    lines = [{**line, 'n_train': 90 - 20 * line['repetition']}
             for line in LEARNED_BEST]
    summary = summarise(lines)
    assert [here['fraction'] for here in summary['learned']] == [
        0, 5 / 80, 10 / 80]
    plan = replace(PLAN, expect=.065, n_passing=80.)
    assert conclude(summary, plan)['fraction'] == 5 / 80
    assert conclude(summary, replace(plan, n_passing=None))['n_points'] == 10
    assert '12.5  ' in table(summary, ['a', 'b'])


def test_without_a_strength_of_no_poison_nothing_is_said_of_it():
    lines = [line for line in LEARNED_BEST if line['n_points']]
    plan = replace(PLAN, n_points=(5, 10))
    assert not any('without poison' in words
                   for words in conclude(summarise(lines), plan)['words'])


def test_the_trusted_rows_come_first_where_they_do_better():
    lines = records(learned=(.02, .05, .2), trusted_only=(.15, .15, .15))
    assert words_of(lines)[0] == (
        'The trusted rows alone do better: a classifier of the 40 trusted '
        '(validation) rows errs 15.50 % whatever the poison, learned 20.50 % '
        'at worst, and without poison 2.50 %.')
    assert words_of(lines)[-1].endswith(
        ' on the trusted rows alone, C by cross-validation on them.')
    assert not words_of(lines, share=.05)[0].startswith('The trusted')
    assert [line['trusted_better'] for line in csv_lines(lines)][
        :3] == [0, 0, 1]
    without = records(learned=(.02, .05, .2))
    assert {line['trusted_better'] for line in csv_lines(without)} == {''}


@pytest.mark.parametrize('clean, words', [
    # one row of 200 less without poison is by chance
    (.045, 'trusted-only does best, 5.50 % at worst, but learned does not '
     'clearly err more, 9.50 %'),
    (.005, 'learned does best, 9.50 % at worst, but trusted-only does not '
     'clearly err less, 5.50 %')])
def test_an_error_without_poison_decides_only_beyond_chance(clean, words):
    """At worst 19 rows against 11 may be by chance, too."""
    lines = of_few(records(learned=(clean, .05, .09),
                           trusted_only=(.05, .05, .05)), 200)
    assert words in words_of(lines)[0]


def test_of_no_use_the_least_is_named():
    """Whatever errs least without poison."""
    lines = of_few(records(clean_cv=(.1, .45, .58), learned=(.01, .45, .59),
                           trusted_only=(.2, .2, .52)))
    found = conclude(summarise(lines), PLAN)
    assert not found['is_useful'] and found['best'] == 'trusted-only'
    assert 'trusted-only errs least, 52.50 % at worst' in found['words'][0]


def own(lines, **errors):
    """With the attacker who knows the test rows, at the last strength."""
    return lines + [line for line in records(**errors)
                    if line['n_points'] == 10]


def test_policies_are_ranked_by_the_worse_of_two_attackers():
    lines = own(LEARNED_BEST, learned_own=(.3,) * 3, clean_cv_own=(.25,) * 3)
    first, second, hidden, *policies, last = words_of(lines)
    assert first.startswith('The trusted rows alone do better')
    assert 'trusted-only errs least, 15.50 % at worst, 10.00 points less ' \
        'than clean-cv.' in second
    assert hidden == (
        'An attacker who knows the 40 validation rows and hides the harm from '
        'them (10 rows of poison): learned errs 30.50 % (30.00 to 31.00 in 2 '
        'splits). If the attacker knows the trusted rows, tuning on them '
        'gives no protection: keep some of them secret.')
    assert ('test error 20.50 % (20.00 to 21.00 in 2 splits), 25.50 % (25.00 '
            'to 26.00 in 2 splits) where the attacker knows the test rows, '
            'without poison 1.50 %;') in policies[0]
    assert conclude(summarise(lines), PLAN)['worst_errors'] == pytest.approx(
        {'clean-cv': .255, 'learned': .305, 'trusted-only': .155})
    draw(summarise(lines), 'title')


def test_one_row_of_poison_is_no_rows():
    lines = own(LEARNED_BEST, learned_own=(.3,) * 3)
    words = conclude(summarise([
        {**line, 'n_points': min(1, line['n_points'])}
        for line in lines if line['n_points'] != 5]), replace(
            PLAN, n_points=(0, 1)))['words']
    assert any('harm from them (1 row of poison): ' in text for text in words)
    assert 'among the training rows (1 row) ' in words[1]


def test_one_split_is_no_splits():
    lines = [{**line, 'lmbda_at_bound': 1} for line in LEARNED_BEST
             if not line['repetition']]
    for same_rows, one in (False, 'split'), (True, 'run'):
        assert f'lambda is at a bound in 1 of 1 {one}.' in words_of(
            lines, same_rows=same_rows)[1]


def test_an_attacker_may_leave_points_out():
    """A weaker attack that does more harm counts."""
    lines = records(learned=(.01, .3, .2), clean_cv=(.02, .1, .25))
    first, learned, clean_cv, _ = words_of(lines)
    assert 'clean-cv errs least, 25.50 % at worst, 5.00 points less' in first
    assert ', with fewer rows of poison (5) 30.50 %, without' in learned
    assert 'fewer' not in clean_cv


def test_a_gain_that_is_not_in_every_split_is_said():
    lines = records(learned=(.0, .0, .10), clean_cv=(.0, .0, .11))
    lines[2]['test_error'] = .115
    assert 'less than clean-cv but not in all splits' in words_of(lines)[0]
    assert 'but not in all runs' in words_of(lines, same_rows=True)[0]


def test_a_difference_of_a_few_rows_is_none():
    """Then the one that errs less without poison is the best."""
    lines = of_few(records(learned=(.0, .0, .1), clean_cv=(.01, .02, .12)))
    assert ('learned does best, 10.50 % at worst, but clean-cv does not '
            'clearly err more, 12.50 % of 100 test rows.') in words_of(
                lines)[0]
    lines = of_few(records(trusted_only=(.3,) * 3, clean_cv=(.1, .2, .31)))
    assert ('clean-cv does best, 31.50 % at worst, but trusted-only does not '
            'clearly err less, 30.50 % of') in words_of(lines)[0]
    far = records(trusted_only=(.3,) * 3, clean_cv=(.1, .2, .31))
    assert 'trusted-only errs least' in words_of(far)[1]


def test_few_rows_are_said():
    words = words_of(of_few(LEARNED_BEST, 12))
    assert ('There are 12 test rows: one more that is wrong is 8.3 points of '
            'error.') in words
    assert not any('trusted rows for' in line for line in words)
    for n_val, are_few in ((6, True), (19, True), (20, False)):
        words = conclude(summarise(LEARNED_BEST), replace(
            PLAN, n_val=n_val))['words']
        assert any(line.startswith(
            f'There are {n_val} trusted rows for 2 classes')
            for line in words) == are_few


def test_few_rows_of_a_class_are_said():
    few = {'validation': 1, 'test': 3}
    words = words_of(LEARNED_BEST, rarest=few)
    assert ('Of the rarest class there are 3 test rows: one more that is '
            'wrong is 33.3 points of its error.') in words
    assert any(line.startswith('Of the rarest class there is 1 trusted row:')
               for line in words)
    for enough in {'validation': 10, 'test': 10}, None:
        assert not any('rarest' in line for line in words_of(
            LEARNED_BEST, rarest=enough))
    words = conclude(summarise(of_few(LEARNED_BEST, 12)), replace(
        PLAN, n_val=6), rarest=few)['words']
    assert not any('rarest' in line for line in words)  # all are few


def test_runs_on_the_same_rows_are_no_splits():
    words = words_of(LEARNED_BEST, same_rows=True)
    assert not any('split' in line for line in words[:-1])
    assert ('The 2 runs have the same rows: only the rows that poison '
            'replaces, the rows where poison starts and the folds of '
            'cross-validation differ.') in words


@pytest.mark.parametrize('policy, change, differ', [
    ('learned', {'poison_mode': 'append'}, 'the rows where poison starts'),
    ('learned_trust', {'poison_mode': 'append'},
     'the rows where poison starts and the folds of cross-validation'),
    ('trusted_only', {}, 'the folds of cross-validation'),
    ('learned', {'attacker': 'grey'}, "which test rows are the attacker's, "
     'the rows that poison replaces and the rows where poison starts')])
def test_what_differs_in_runs_on_the_same_rows(policy, change, differ):
    words = conclude(summarise(records(**{policy: (.1,) * 3})), replace(
        PLAN, **change), same_rows=True)['words']
    assert f'The 2 runs have the same rows: only {differ} differ.' in words


def test_what_is_wrong_before_any_poison_is_said():
    """Poisoned training rows; trusted rows unlike the test rows."""
    lines = records(clean_cv=(.3, .3, .3), trusted_only=(.05,) * 3)
    assert any('Already without poison the trusted rows alone do better, 5.50 '
               '% against 30.50 %' in line for line in words_of(lines))
    lines = records(clean_cv=(.05, .1, .2), trusted_only=(.3,) * 3)
    assert not any('Already' in line for line in words_of(lines))
    lines[0]['gave_up'] = 1  # clean-cv, without poison: in half of the splits
    assert not any('Already' in line for line in words_of(lines))
    lines[3]['gave_up'] = 1
    assert any('is: the trusted rows are unlike the test rows (' in line
               for line in words_of(lines))


@pytest.mark.parametrize('loss, is_odd', [
    (.299, False), (.2999, False), (.3, True), (.5, True)])
def test_a_weak_signal_does_not_blame_the_trusted_rows(loss, is_odd):
    """A loss just below that of a constant answer is that of any rows."""
    lines = records(clean_cv=(.36, .37, .38))
    for line in lines:
        line.update(gave_up=1, validation_loss=loss)
    assert any('unlike the test rows' in line
               for line in words_of(lines)) == is_odd
    assert any('or by less than 1 %, but its error is better.' in line
               for line in words_of(lines))


@pytest.mark.parametrize('n_val, error, is_chance', [
    (30, .32, True),  # 10 of 30 rows where a constant answer has 12
    (30, .02, False), (8, .02, True), (1000, .32, False)])
def test_a_loss_by_chance_has_no_cause(n_val, error, is_chance):
    """Of labels that are flipped at random, say, and few trusted rows."""
    lines = records(clean_cv=(error, .33, .34))
    for line in lines:
        line['gave_up'] = int(not line['n_points'])
    said, = [line for line in conclude(summarise(lines), replace(
        PLAN, n_val=n_val))['words'] if line.startswith('Already')]
    assert (f'{n_val} trusted rows are so few that this may be chance (ask '
            'for more with --val), or they are unlike' in said) == is_chance
    assert ('is: the trusted rows are unlike' in said) != is_chance


def test_trusted_labels_that_are_exchanged_are_said():
    lines = records(trusted_only=(.94,) * 3, clean_cv=(.1, .1, .1))
    assert any('worse than a coin: are the labels of the trusted rows '
               'exchanged?' in line for line in words_of(lines))


def test_trust_of_no_weight_is_no_second_policy():
    """It is the trusted rows alone by another name."""
    lines = records(trusted_only=(.05,) * 3, learned_trust=(.05,) * 3,
                    clean_cv=(.01, .2, .3))
    for line in lines[6:12]:
        line.update(saturated=1, trust=0.)
    words = words_of(lines)
    assert words[0].startswith('The trusted rows alone do better') \
        and 'clean-cv 30.50 % at worst' in words[0]
    assert any('; weight of the other rows 0.' in line for line in words)
    lines[8]['trust'], lines[11]['trust'] = 1., .000335
    assert any('; weight of the other rows 0.000335 to 1.' in line
               for line in words_of(lines))


@pytest.mark.parametrize('n_saturated, is_saturated', [
    (1, False), (2, False), (3, True)])
def test_no_weight_in_most_splits_is_none(n_saturated, is_saturated):
    here = {'saturated': n_saturated, 'n_splits': 4}
    assert Standing('learned-trust', here, None, None, here
                    ).is_saturated == is_saturated


def test_a_wide_range_of_lambda_has_no_one_c():
    lines = records(clean_cv=(.01, .02, .03))
    for line in lines:
        line['lmbda'] = 11.5 if line['repetition'] else -8.
    assert ('lambda -8.00 to 11.50, C = 1.01e-05 to 2.98e+03: no one C stands '
            'for all splits') in words_of(lines)[1]
    assert words_of(lines)[-1] == (
        'In scikit-learn, clean-cv: make_pipeline(StandardScaler(), '
        'LogisticRegression(C=C)), C by cross-validation on clean rows.')
    assert conclude(summarise(lines), PLAN)['C'] is None
    for line in lines:
        line['lmbda'] /= 20
    assert conclude(summarise(lines), PLAN)['C'] == pytest.approx(
        math.exp(-1.75 / 20))


def test_wider_bounds_are_no_advice_where_the_answer_is_constant():
    lines = records(learned=(.1, .2, .39))
    for line in lines:
        line.update(lmbda_at_bound=1, gave_up=1, lmbda=11.5, test_error=.4)
    for lmbda in (11.5, -8.):  # that it is there is said
        for line in lines:
            line['lmbda'] = lmbda
        assert 'at a bound in 2 of 2 splits' in words_of(lines)[1]
        assert 'lambda at bound' in table(summarise(lines), ['a', 'b'])
        for low in (-8., 11.5):  # of a lower bound, a smaller one may help
            for words, sentences in (('`lmbda_bounds`', {}),
                                     ('--lmbda-bounds', TYPED)):
                assert (f'widen {words}' in plain_words(
                    lines, sentences, lmbda_bounds=(low, 11.5))) == (
                        lmbda <= low)
        n = len(lines)  # without that advice all are counted
        assert plain_words(
            lines, {'lmbda_at_bound': AT_BOUND}, ['lmbda_at_bound']) == (
            f'In {n} of {n} evaluations (learned) lambda is at a bound of its '
            'interval.')


def test_giving_up_is_no_success():
    lines = of_few(records(learned=(.1, .2, .39), clean_cv=(.1, .2, .55)))
    for line in lines:
        line['gave_up'] = int(line['n_points'] == 10)
        line['lmbda_at_bound'] = line['gave_up']
    found = conclude(summarise(lines), PLAN)
    assert not found['is_useful']
    assert found['words'][0] == (
        'With 10.0 % poison among the training rows (10 rows) no policy is of '
        'use: learned errs least, 39.50 % at worst, but has given up, and '
        'always predicting the more frequent class errs 40.00 %.')
    alike = of_few(records(learned=(.1, .2, .39), clean_cv=(.1, .2, .39)))
    for line in alike:
        line['gave_up'] = 1
    assert 'none errs less than 39.50 % at worst, but by giving up, and' in (
        words_of(alike)[0])
    learned, clean_cv = found['words'][1:]  # and no C to type
    assert 'It gave up in 2 of 2 splits' in learned
    assert 'lambda is at a bound in 2 of 2 splits' in learned
    assert 'no better than a coin' in clean_cv
    lines = records(learned=(.1, .2, .45))
    assert 'no better than always predicting the more' in words_of(lines)[1]
    for line in lines:  # the same number, computed in another way
        line['test_error'] = .1 + .2
        line['majority_error'] = .3 + 1e-15
    assert 'no better than always predicting the more' in words_of(lines)[1]
    assert 'no policy is of use' in words_of(lines)[0]


def test_a_bad_loss_with_a_good_error_is_no_giving_up():
    """As of a few rows far out that the classifier is sure of."""
    lines = of_few(records(clean_cv=(.05, .06, .07), learned=(.05, .2, .45)))
    for line in lines:
        line['gave_up'] = 1
    found = conclude(summarise(lines), PLAN)
    assert found['is_useful'] and 'clean-cv errs least' in found['words'][0]
    clean_cv, learned = [line for line in found['words'] if line[0] == '-']
    assert clean_cv.endswith(
        ' In 2 of 2 splits its validation loss is no better than that of a '
        'constant answer, or by less than 1 %, but its error is better.')
    assert 'It gave up in 2 of 2 splits: its validation' in learned
    assert 'LogisticRegression(C=' in found['words'][-1]
    text = table(summarise(lines), ('ham', 'spam')).splitlines()
    assert [line.endswith('gave up') for line in text[-6:]] == [
        False] * 5 + [True]


@pytest.mark.parametrize('error, words', [
    (.3, 'trusted-only does best, 30.50 % at worst, but learned does not '
     'clearly err more, 30.50 % of 100 test rows. Always'),
    (.29, 'trusted-only does best, 30.50 % at worst: learned errs less, 29.50 '
     '%, but has given up. Always'),
    (.6, 'trusted-only errs least, 30.50 % at worst, 30.00 points less than '
     'learned')])
def test_what_has_given_up_is_not_the_best(error, words):
    lines = of_few(records(learned=(.1, .2, error), trusted_only=(.3,) * 3))
    for line in lines:
        line['gave_up'] = int(line['policy'] == 'learned')
        line['majority_error'] = .35
    found = conclude(summarise(lines), PLAN)
    assert (found['best'], found['is_useful']) == ('trusted-only', True)
    first, *others = found['words']
    assert first.startswith('The trusted rows alone') == (error > .3)
    assert words in (first, others[0])[error > .3]


@pytest.mark.parametrize('error, errs_less', [(.345, 0), (.3, 1)])
def test_an_error_that_is_less_by_chance_is_given_up(error, errs_less):
    """Of 100 rows 40 are of the rarer class: one standard error is 7."""
    lines = of_few(records(learned=(error,) * 3)[:3])
    strength = summarise([{**line, 'gave_up': 1} for line in lines])[
        'learned'][0]
    assert (strength['errs_less'], strength['given_up']) == (
        errs_less, 1 - errs_less)


def test_what_has_given_up_and_errs_less_is_said_of_a_third_policy():
    """In two of three splits, and the third errs on next to no row."""
    errors = {'clean-cv': (.30, .31, .32), 'learned': (.36, .37, .38),
              'trusted-only': (.39, .39, .02)}
    lines = [{**line, 'policy': policy, 'repetition': repetition,
              'test_error': error, 'n_test': 1000,
              'gave_up': int(error == .39)}
             for policy, each in errors.items()
             for repetition, error in enumerate(each)
             for line in records(any=(0., 0., 0.))[:3]]
    words = words_of(lines)
    assert words[0].endswith(
        'clean-cv does best, 31.00 % at worst: trusted-only errs less, 26.67 '
        '%, but has given up. Always predicting the more frequent class errs '
        '40.00 %.')
    # nor do the trusted rows do better where another errs less
    for line in lines:
        line['policy'] = {'clean-cv': 'trusted-only', 'learned': 'clean-cv',
                          'trusted-only': 'learned'}[line['policy']]
    assert 'learned errs less, 26.67 %, but has given up' in words_of(
        [line for line in lines if line['policy'] != 'clean-cv'])[0]


def test_none_errs_least_where_all_err_alike():
    lines = records(clean_cv=(.4,) * 3, learned=(.4,) * 3,
                    trusted_only=(.45,) * 3)
    assert ('no policy is of use: none errs less than 40.50 % at worst, and '
            'always') in words_of(lines)[0]


@pytest.mark.parametrize('errors, best', [
    # the error without poison, and then the order of the policies
    (dict(learned=(.2, .2, .2), clean_cv=(.195, .2, .2),
          trusted_only=(.2, .2, .2)), 'clean-cv'),
    (dict(learned_trust=(.2, .2, .2), trusted_only=(.2, .2, .2)),
     'trusted-only'),
    ({'3': (.2,) * 3, '-2': (.2,) * 3, 'learned': (.2,) * 3}, 'learned'),
    ({'3': (.2,) * 3, '-2': (.2,) * 3}, '-2'),
    # of no use
    (dict(learned=(.4, .4, .4), clean_cv=(.4, .4, .4)), 'clean-cv')])
def test_a_tie_is_not_broken_by_the_order_of_the_policies_typed(errors, best):
    for of_few_rows in (list, of_few):
        found = [conclude(summarise(of_few_rows(records(**dict(typed)))), PLAN)
                 for typed in permutations(errors.items())]
        assert {one['best'] for one in found} == {best}
        assert len({one['words'][0] for one in found}) == 1


def test_rounding_of_the_mean_breaks_no_tie():
    lines = of_few(records(clean_cv=(.2, .2, .2), learned=(.19, .2, .2)))
    for line in lines:
        if line['n_points']:  # 0.3 and 0.30000000000000004
            line['test_error'] = .3 if line['policy'] == 'clean-cv' \
                else .1 + .2
    assert conclude(summarise(lines), PLAN)['best'] == 'learned'


def test_giving_up_to_an_attacker_who_knows_the_test_rows():
    """Such a policy is of no use either, whatever the other attacker does."""
    lines = of_few(own(
        records(clean_cv=(.1, .2, .25), learned=(.1, .2, .25)),
        clean_cv_own=(.38,) * 3, learned_own=(.38,) * 3))
    assert conclude(summarise(lines), PLAN)['is_useful']
    for line in lines:
        line['gave_up'] = int(line['policy'].endswith('-own'))
    found = conclude(summarise(lines), PLAN)
    assert not found['is_useful']
    hidden, clean_cv, learned = found['words'][1:4]
    assert 'learned errs 38.50 % (38.00 to 39.00 in 2 splits) (gave up in 2 ' \
        'of 2 splits).' in hidden
    assert ('38.50 % (38.00 to 39.00 in 2 splits) where the attacker knows '
            'the test rows (gave up in 2 of 2 splits), without') in clean_cv
    assert 'gave up' not in learned
    lines = of_few(records(clean_cv=(.1, .39, .2)))  # to fewer rows of poison
    for line in lines[1:2]:
        line['one_class'] = 1
    assert ('with fewer rows of poison (5) 39.50 % (gave up in 1 of 2 splits)'
            ', without') in words_of(lines)[1]


def test_one_class_for_all_is_giving_up():
    lines = records(learned=(.05, .2, .41))
    for line in lines:
        line['one_class'] = int(line['n_points'] == 10)
    found = conclude(summarise(lines), PLAN)
    assert not found['is_useful']
    assert ('It gave up in 2 of 2 splits: it gives all test rows one class. '
            'It is no better than always' in found['words'][1])
    assert [line['gave_up'] for line in csv_lines(lines)] == [
        line['one_class'] for line in lines]


def test_reasons_of_giving_up_are_counted_apart():
    lines = records(learned=(.05, .2, .41))
    for line in lines:
        line['gave_up'] = int(line['n_points'] == 10)
        line['one_class'] = line['gave_up'] * (1 - line['repetition'])
    assert ('It gave up in 2 of 2 splits: its validation loss is no better '
            'than that of a constant answer, or by less than 1 %, and it '
            'gives all test rows one class in 1.') in conclude(
                summarise(lines), PLAN)['words'][1]


@pytest.mark.parametrize('policy, words', [
    ('-2', ['The attacker knows the test rows; it raised the loss on them.']),
    ('clean-cv', [
        'The attacker knows the test rows; it raised the loss on them.']),
    ('learned', [
        'The attacker knows the trusted rows; it raised the loss on the test '
        'rows and, where lambda is learned, tried to keep theirs low.',
        'If the attacker knows the trusted rows, tuning on them gives no '
        'protection: keep some of them secret.'])])
def test_only_an_attacker_of_what_is_learned_hides(policy, words):
    """With lambda fixed the trusted rows' loss has no part in the search."""
    lines = [{**line, 'policy': policy}
             for line in records(any=(.05, .1, .2))]
    plan = replace(PLAN, attacker='own')
    found = [sentence for sentence in conclude(summarise(lines), plan)['words']
             if 'The attacker knows' in sentence
             or 'If the attacker knows' in sentence]
    assert found == words


@pytest.mark.parametrize('preprocess, classifier, words', [
    (None, 'logistic', ': LogisticRegression(C=0.223).'),
    # of two classes: twice the C
    (None, 'softmax', ': LogisticRegression(C=0.446).'),
    (None, 'ridge', ': RidgeClassifier(alpha=2.24).'),  # 1 / (2 C)
    ('min-max', 'liblinear', ": make_pipeline(MinMaxScaler(), "
     "LogisticRegression(C=0.223, solver='liblinear'))."),
    (None, 'logistic-l1', f": LogisticRegression(C=0.223, {L1_WORDS}, "
     "solver='saga', tol=1e-9, max_iter=1000000)."),
    (None, 'liblinear-l1', f": LogisticRegression(C=0.223, {L1_WORDS}, "
     "solver='liblinear', tol=1e-9, max_iter=1000000)."),
    (None, 'svm-l1', ": LinearSVC(C=0.223, loss='squared_hinge', penalty='l1',"
     " dual=False, tol=1e-9, max_iter=1000000).")])
def test_what_to_type_into_scikit_learn(preprocess, classifier, words):
    classifier, _, l1 = classifier.partition('-')
    plan = Plan((0, 5, 10), 100, 40, preprocess=preprocess,
                classifier=classifier, penalty=l1 or 'l2')
    assert words in conclude(summarise(LEARNED_BEST), plan)['words'][-1]


@pytest.mark.parametrize('classifier, lmbda, words', [
    ('logistic', -2.31, ": CClassifierLogisticTorch(penalty='l1') does not."),
    ('svm', -2.31, ": CClassifierSVMTorch(penalty='l1') does not."),
    ('liblinear', -9.,
     ": CClassifierLogisticTorch(penalty='l1', beta=1) does not."),
    ('svm', -2.30, None)])
def test_a_large_c_with_l1_is_not_left_to_scikit_learn(classifier, lmbda,
                                                       words):
    """By saga with tol 1e-8 an error of 2.5 % for 10 % was seen."""
    lines = [{**line, 'lmbda': lmbda} for line in LEARNED_BEST]
    for penalty in ('l1', 'l2'):
        plan = Plan((0, 5, 10), 100, 40, preprocess=None,
                    classifier=classifier, penalty=penalty)
        sentence = conclude(summarise(lines), plan)['words'][-1]
        assert sentence.startswith('In scikit-learn, learned: ')
        if penalty == 'l1' and words:
            assert sentence.endswith(words)
        else:
            assert 'Torch' not in sentence


@pytest.mark.parametrize('preprocess, classifier, gave_up, is_said', [
    (None, 'logistic', 1, True), ('min-max', 'logistic', 1, True),
    (None, 'softmax', 1, True), ('mean-std', 'logistic', 1, False),
    (None, 'liblinear', 1, False), (None, 'svm', 1, False),
    (None, 'ridge', 1, False), (None, 'logistic', 0, False)])
def test_a_solver_that_finds_the_bias_of_scores_near_0(
        preprocess, classifier, gave_up, is_said):
    lines = [{**line, 'gave_up': gave_up * (1 - line['repetition'])}
             for line in LEARNED_BEST]
    words = conclude(summarise(lines), replace(
        PLAN, preprocess=preprocess, classifier=classifier))['words']
    assert ("solver='newton-cg', tol=1e-9)" in words[-1]) == is_said


def test_lbfgs_stops_before_it_has_the_bias_of_scores_near_0():
    """As many rows of each class, so that it is 0 at the start."""
    y = np.arange(60) % 2
    x = .5 + .2 * np.random.default_rng(0).normal(size=(60, 3)) \
        + .12 * (y[:, None] - .5)
    errors = [np.mean(LogisticRegression(C=math.exp(-9), **settings).fit(
        x, y).predict(x) != y) for settings in (
            {}, {'solver': 'newton-cholesky'},
            {'solver': 'newton-cg', 'tol': 1e-9})]
    assert errors[0] == .5 and errors[1] == errors[2] < .4


@pytest.mark.parametrize('mean, std, solver', [
    (0, 1e5, 'liblinear'), (5e6, 1e6, 'lbfgs'), (8e4, 40, 'lbfgs'),
    (3e4, 3e4, None), (100, 1, None)])
def test_columns_on_which_scikit_learn_stops_early_are_said(mean, std, solver):
    """Without a warning, and far from the errors of rescaled columns, which
    hardly have a penalty at C = 100."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = rng.normal(size=(400, 3)) + np.outer(y, [.6, 1.2, 1.5])
    scaled = x * [1, 1, std] + [0, 0, mean]
    assert is_hard_to_fit(scaled) == (solver is not None)
    if solver:
        fits = [LogisticRegression(C=100., solver=solver).fit(rows, y)
                for rows in (x, scaled)]
        weights = [fit.coef_[0] * [1, 1, size]
                   for fit, size in zip(fits, (1, std))]
        assert np.linalg.norm(weights[1] - weights[0]) > .2 * np.linalg.norm(
            weights[0])
    for preprocess, classifier, is_said in (
            (None, 'logistic', bool(solver)), (None, 'ridge', False),
            ('mean-std', 'logistic', False)):
        words = conclude(summarise(LEARNED_BEST), replace(
            PLAN, preprocess=preprocess, classifier=classifier),
            is_hard=is_hard_to_fit(scaled))['words']
        assert ('leave out --scale none' in words[-1]) == is_said


def test_the_table_has_the_classes_and_says_what_is_doubtful():
    lines = of_few(LEARNED_BEST)
    lines[-1].update(gave_up=1, lmbda_at_bound=1, majority_error=.2)
    text = table(summarise(lines), ('ham', 'spam')).splitlines()
    assert 'of ham %' in text[0] and 'of spam %' in text[0]
    assert len(text) == 10
    assert text[-1].endswith('gave up 1/2, lambda at bound 1/2')
    lines[-4].update(gave_up=1, majority_error=.2)
    assert table(summarise(lines), 'ab').splitlines()[-1].endswith(
        'gave up, lambda at bound 1/2')  # in all splits
    assert text[-2].rstrip().endswith('5 + 0')


def test_the_table_has_deviations_of_several_splits_alone():
    one = [line for line in LEARNED_BEST if not line['repetition']]
    assert ' ± ' in table(summarise(LEARNED_BEST), ('ham', 'spam'))
    text = table(summarise(one), ('ham', 'spam'))
    assert '±' not in text and f"{100 * one[0]['test_error']:.2f}" in text


def test_the_picture():
    lines = of_few(LEARNED_BEST)
    lines[-1].update(gave_up=1, majority_error=.2)
    fig = draw(summarise(lines), 'a title', 'words below')
    fig.draw_without_rendering()
    errors, lmbda, norm = fig.axes
    assert errors.get_ylim()[0] == 0 and norm.get_yscale() == 'log'
    curves = {line.get_label(): line for line in errors.get_lines()}
    constant = curves['always the more frequent class']
    assert set(constant.get_ydata()) == {40.} and constant.is_dashed()
    rings, = [line for label, line in curves.items() if 'gave up' in label]
    assert rings.get_label() == (
        'gave up in a split: no better than a constant answer')
    assert rings.get_xydata() == pytest.approx(np.array([[10, 15.5]]))
    for label, policy in (('trusted rows alone', 'trusted-only'),
                          (r'$\lambda$ learned', 'learned')):
        style = POLICY_STYLES[policy]
        assert (curves[label].get_color(), curves[label].get_marker()) == (
            style['color'], style['marker'])
    # each policy: its mean, and a thin line a split
    assert len(lmbda.get_lines()) == 3 * 3
    assert all(ax.get_position().height > .5 for ax in fig.axes)


def test_weights_that_are_all_zero_have_a_linear_axis():
    lines = [{**line, 'w_norm': 0.} for line in LEARNED_BEST]
    assert draw(summarise(lines), '').axes[2].get_yscale() == 'linear'


def test_weights_that_are_zero_in_some_splits_are_drawn_at_0():
    """On a log axis their line fell out of the picture."""
    lines = records(learned=(.1, .2, .3))
    for line in lines:
        line['w_norm'] = {0: 2., 5: .25 * line['repetition'], 10: 0.}[
            line['n_points']]
    fig = draw(summarise(lines), '')
    fig.draw_without_rendering()
    ax = fig.axes[2]
    assert ax.get_yscale() == 'symlog'
    assert ax.yaxis.get_transform().linthresh == .25
    assert -.25 < ax.get_ylim()[0] < 0
    assert ax.get_lines()[-1].get_ydata().tolist() == [2., .125, 0.]


def test_the_legend_of_many_policies_is_in_the_picture():
    names = 'clean_cv', 'learned', 'trusted_only', 'learned_trust', '2'
    lines = records(**dict.fromkeys(names, (.1, .2, .3)))
    own = [{**line, 'policy': f"{line['policy']}-own", 'one_class': 1,
            'lmbda_at_bound': 1} for line in lines]
    for some, n_columns in ((lines[:6], 4), (lines + own, 3)):
        fig = draw(summarise(some), '', 'words')
        fig.draw_without_rendering()
        legend, = fig.legends
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= fig.bbox.x1
        assert legend._ncols == n_columns


SECRET = ('If the attacker knows the trusted rows, tuning on them gives no '
          'protection: keep some of them secret.')
SEEN = ('It does not stay hidden: in 2 of 2 splits the validation loss is no '
        'better than that of a constant answer, or by less than 1 %.')


@pytest.mark.parametrize('hidden, gave_up, n_test, words', [
    (.025, 0, 100, 'That is no clear harm: without poison 2.50 %.'),
    (.088, 0, 100,
     'It does no more than the one who does not hide, 10.50 %.'),
    (.08, 0, 10 ** 6,
     'It does no more than the one who does not hide, 10.50 %.'),
    (.105, 0, 100,
     'It does not clearly do more than the one who does not hide, 10.50 %. '
     f'{SECRET}'),
    (.08, 2, 10 ** 6,
     f'{SEEN} It does no more than the one who does not hide, 10.50 %.'),
    (.3, 2, 10 ** 6, SEEN),
    (.3, 1, 10 ** 6, f'splits). {SECRET}')])
def test_what_an_attacker_who_hides_has_not_done_is_not_said(
        hidden, gave_up, n_test, words):
    lines = of_few(own(LEARNED_BEST, learned_own=(hidden,) * 3), n_test)
    for line in lines[-2:]:
        line['gave_up'] = int(line['repetition'] < gave_up)
    said, = [line for line in words_of(lines)
             if line.startswith('An attacker')]
    assert said.endswith(words)


def test_a_number_is_said_to_be_lambda():
    lines = records(learned=(.02, .05, .2), trusted_only=(.15, .15, .15),
                    **{'0': (.02, .05, .3), '_2.5': (.02, .05, .1)})
    words = words_of(lines)
    assert 'lambda -2.5 errs least, 10.50 %' in words[0]
    assert words[-1].startswith('In scikit-learn, lambda -2.5: ')
    lines = records(**{'0': (.02, .05, .3)}, trusted_only=(.1, .1, .1))
    assert 'whatever the poison, lambda 0 30.50 % at' in words_of(lines)[0]
    said = plain_words([{**line, 'one_class': 1} for line in lines])
    assert said.startswith('In 12 of 12 evaluations (lambda 0, trusted-only)')
    said = plain_words([{**lines[0], 'one_class': 1}])
    assert said.startswith('In 1 of 1 evaluation (lambda 0) all test')
    assert words_of(lines)[2].startswith('- lambda 0 (fixed): test error ')


def test_the_scaler_of_learned_trust_is_that_of_the_trusted_rows():
    words = words_of(records(learned_trust=(.01, .01, .01)))[-1]
    assert (', with the scaler fitted on the trusted rows alone and a '
            'sample_weight of 1 for the trusted rows and of the column trust '
            'in sec_eval.csv for the others.') in words


def test_long_names_of_classes_are_told_apart():
    """By their numbers in the table, by lines in the title."""
    names = ['Customer complaint: sent', 'Customer complaint: open']
    lines = table(summarise(LEARNED_BEST), names).splitlines()
    assert 'of class 0 %  of class 1 %' in lines[0]
    assert 'of ham %' in table(summarise(LEARNED_BEST), ['ham', 'spam'])
    title = draw(summarise(LEARNED_BEST),
                 ' and '.join(9 * names)).get_suptitle()
    assert max(map(len, title.splitlines())) <= 150
    assert title.replace('\n', ' ') == ' and '.join(9 * names)


def test_no_word_of_a_picture_stands_alone_on_a_line():
    text = f'{30 * "name "}alone'  # 155 letters
    words = f'{42 * "name "}alone'
    fig = draw(summarise(LEARNED_BEST), f'title\n{text}', words)
    assert [len(line.split()) for line in fig.get_suptitle().splitlines()] \
        == [1, 16, 15]
    said = fig.legends[0].get_title().get_text()
    assert [len(line.split()) for line in said.splitlines()] == [22, 21]


def test_a_label_cannot_command_the_terminal():
    text = table(summarise(LEARNED_BEST), ['a\x1b[31m', 'b\nc\u202e'])
    assert r' of a\x1b[31m %  of b\nc\u202e %' in text.splitlines()[0]
    assert text.replace('\n', '').isprintable()


@pytest.mark.parametrize('n_test, is_clear', [(100, False), (10000, True)])
def test_a_gain_on_the_constant_answer_by_chance_is_little(n_test, is_clear):
    """Of 40 % of the rows that always predicting one class gets wrong."""
    words = ' '.join(words_of(
        of_few(records(learned=(.3, .31, .36)), n_test)))
    assert ('class errs 40.00 %.' in words) == is_clear
    assert ('class errs 40.00 %: with 100 test rows the difference may be '
            'chance.' in words) == (not is_clear)
