"""The closing words, the table and the picture of `sec-eval`."""
import math

import numpy as np
import pytest

from secml_regpoison.core.verdicts import SENTENCES
from secml_regpoison.experiment.conclusion import conclude
from secml_regpoison.experiment.estimators import L1_WORDS
from secml_regpoison.experiment.picture import draw
from secml_regpoison.experiment.plan import Plan
from secml_regpoison.experiment.report import csv_lines, plain_words, table
from secml_regpoison.experiment.summary import summarise
from secml_regpoison.figure.style import POLICY_STYLES

PLAN = Plan((0, 5, 10), 100, 40, preprocess='mean-std')


def records(**errors):
    """Two splits of each policy, with the errors at three strengths."""
    return [{'policy': policy.replace('_', '-'), 'repetition': repetition,
             'n_points': n, 'fraction': n / 100,
             'test_error': error + .01 * repetition, 'error_0': .1,
             'error_1': .2, 'majority_error': .4, 'validation_loss': .3,
             'lmbda': 1. + repetition, 'w_norm': 2. + n, 'n_poison_0': n,
             'n_poison_1': 0, 'n_test': 100, **dict.fromkeys(SENTENCES, 0)}
            for policy, of in errors.items() for repetition in (0, 1)
            for n, error in zip(PLAN.n_points, of)]


def words_of(lines, **options):
    return conclude(summarise(lines), PLAN, **options)['words']


LEARNED_BEST = records(clean_cv=(.01, .1, .2), learned=(.02, .05, .1),
                       trusted_only=(.15, .15, .15))


def test_the_best_policy_and_by_how_much_at_the_share_that_one_expects():
    first, *policies, last = words_of(LEARNED_BEST)
    assert first == (
        'With 10.0 % poison among the training rows (10 rows) learned errs '
        'least, 10.50 %, 5.00 points less than trusted-only. Always '
        'predicting the more frequent class errs 40.00 %.')
    assert policies[1] == (
        '- learned: test error 10.50 % (10.00 to 11.00 in 2 splits), without '
        'poison 2.50 %; lambda 1.50, C = 0.223.')
    assert last == ('In scikit-learn, learned: make_pipeline(StandardScaler()'
                    f', LogisticRegression(C={math.exp(-1.5):.3g})).')
    found = conclude(summarise(LEARNED_BEST), PLAN, share=.01)
    assert (found['best'], found['n_points']) == ('clean-cv', 0)


def test_without_a_strength_of_no_poison_nothing_is_said_of_it():
    lines = [line for line in LEARNED_BEST if line['n_points']]
    assert not any('without poison' in words for words in words_of(lines))


def test_the_trusted_rows_come_first_where_they_do_better():
    lines = records(learned=(.02, .05, .2), trusted_only=(.15, .15, .15))
    assert words_of(lines)[0] == (
        'The trusted rows alone do better: a classifier of the 40 validation '
        'rows errs 15.50 % whatever the poison, learned 20.50 %.')
    assert words_of(lines)[-1].endswith(' on the trusted rows alone.')
    assert not words_of(lines, share=.05)[0].startswith('The trusted')
    assert [line['trusted_better'] for line in csv_lines(lines)][
        :3] == [0, 0, 1]
    without = records(learned=(.02, .05, .2))
    assert {line['trusted_better'] for line in csv_lines(without)} == {''}


def test_an_attacker_who_hides_is_part_of_the_verdict():
    """It is ranked with no policy, and said after the ranking."""
    lines = LEARNED_BEST + [
        line for line in records(learned_own=(.3, .3, .3))
        if line['n_points'] == 10]
    words = words_of(lines, share=.05)
    assert words[0] == words_of(LEARNED_BEST, share=.05)[0]
    assert words[1] == (
        'An attacker who knows the 40 validation rows and hides the harm from '
        'them (10 rows of poison): learned errs 30.50 % (30.00 to 31.00 in 2 '
        'splits). What is tuned on rows that the attacker knows protects '
        'nobody: keep some secret.')
    assert words[2:] == words_of(LEARNED_BEST, share=.05)[1:]
    draw(summarise(lines), 'title')


def test_a_gain_that_is_not_in_every_split_is_said():
    lines = records(learned=(.0, .0, .10), clean_cv=(.0, .0, .11))
    lines[2]['test_error'] = .115
    assert 'less than clean-cv but not in every split' in words_of(lines)[0]
    same = records(learned=(.0, .0, .1), clean_cv=(.0, .0, .1))
    assert 'errs least, 10.50 %, as clean-cv does.' in words_of(same)[0]


def test_giving_up_is_no_success():
    lines = records(learned=(.1, .2, .39), clean_cv=(.1, .2, .55))
    for line in lines:
        line['gave_up'] = int(line['n_points'] == 10)
        line['lmbda_at_bound'] = line['gave_up']
    found = conclude(summarise(lines), PLAN)
    assert not found['is_useful']
    assert found['words'][0] == (
        'With 10.0 % poison among the training rows (10 rows) no policy is of '
        'use: learned errs least, 39.50 %, and always predicting the more '
        'frequent class errs 40.00 %.')
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
    lines = records(clean_cv=(.05, .06, .07), learned=(.05, .2, .45))
    for line in lines:
        line['gave_up'] = 1
    found = conclude(summarise(lines), PLAN)
    assert found['is_useful'] and 'clean-cv errs least' in found['words'][0]
    clean_cv, learned = found['words'][1:3]
    assert clean_cv.endswith(
        ' In 2 of 2 splits its validation loss is no better than that of a '
        'constant answer, but its error is.')
    assert 'It gave up in 2 of 2 splits: its validation' in learned
    assert 'LogisticRegression(C=' in found['words'][-1]
    text = table(summarise(lines), ('ham', 'spam')).splitlines()
    assert [line.endswith('gave up') for line in text[-6:]] == [
        False] * 5 + [True]


@pytest.mark.parametrize('error, words', [
    (.3, 'trusted-only errs least, 30.50 %, as learned does. Always'),
    (.29, 'trusted-only does best, 30.50 %: learned errs less, 29.50 %, but '
     'has given up. Always'),
    (.32, 'trusted-only errs least, 30.50 %, 2.00 points less than learned')])
def test_what_has_given_up_is_not_the_best(error, words):
    lines = records(learned=(.1, .2, error), trusted_only=(.3, .3, .3))
    for line in lines:
        line['gave_up'] = int(line['policy'] == 'learned')
        line['majority_error'] = .35
    found = conclude(summarise(lines), PLAN)
    assert (found['best'], found['is_useful']) == ('trusted-only', True)
    first, *others = found['words']
    assert first.startswith('The trusted rows alone') == (error > .3)
    assert words in (first, others[0])[error > .3]


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
            'than that of a constant answer and it gives all test rows one '
            'class in 1.') in conclude(summarise(lines), PLAN)['words'][1]


@pytest.mark.parametrize('preprocess, classifier, words', [
    (None, 'logistic', ': LogisticRegression(C=0.223).'),
    # of two classes: twice the C
    (None, 'softmax', ': LogisticRegression(C=0.446).'),
    ('min-max', 'liblinear', ": make_pipeline(MinMaxScaler(), "
     "LogisticRegression(C=0.223, solver='liblinear'))."),
    (None, 'logistic-l1', f": LogisticRegression(C=0.223, {L1_WORDS}, "
     "solver='saga', max_iter=10000)."),
    (None, 'svm-l1', ": LinearSVC(C=0.223, loss='squared_hinge', penalty='l1',"
     " dual=False).")])
def test_what_to_type_into_scikit_learn(preprocess, classifier, words):
    classifier, _, l1 = classifier.partition('-')
    plan = Plan((0, 5, 10), 100, 40, preprocess=preprocess,
                classifier=classifier, penalty=l1 or 'l2')
    assert conclude(summarise(LEARNED_BEST), plan)['words'][-1].endswith(words)


def test_the_table_has_the_classes_and_says_what_is_doubtful():
    lines = [dict(line) for line in LEARNED_BEST]
    lines[-1].update(gave_up=1, lmbda_at_bound=1, majority_error=.2)
    text = table(summarise(lines), ('ham', 'spam')).splitlines()
    assert 'of ham %' in text[0] and 'of spam %' in text[0]
    assert len(text) == 10
    assert text[-1].endswith('gave up, lambda at bound')
    assert text[-2].rstrip().endswith('5 + 0')


def test_the_table_has_deviations_of_several_splits_alone():
    one = [line for line in LEARNED_BEST if not line['repetition']]
    assert ' ± ' in table(summarise(LEARNED_BEST), ('ham', 'spam'))
    text = table(summarise(one), ('ham', 'spam'))
    assert '±' not in text and f"{100 * one[0]['test_error']:.2f}" in text


def test_the_picture():
    lines = [dict(line) for line in LEARNED_BEST]
    lines[-1].update(gave_up=1, majority_error=.2)
    fig = draw(summarise(lines), 'a title', 'words below')
    fig.draw_without_rendering()
    errors, lmbda, norm = fig.axes
    assert errors.get_ylim()[0] == 0 and norm.get_yscale() == 'log'
    curves = {line.get_label(): line for line in errors.get_lines()}
    constant = curves['always the more frequent class']
    assert set(constant.get_ydata()) == {40.} and constant.is_dashed()
    rings, = [line for label, line in curves.items() if 'gave up' in label]
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


@pytest.mark.parametrize('own, gave_up, words', [
    (.025, 0, 'It does no harm: without poison 2.50 %.'),
    (.08, 0, 'It does no more than the one who does not hide, 10.50 %.'),
    (.105, 0, 'It does hardly more than the one who does not hide, 10.50 %.'),
    (.08, 2, 'It does not stay hidden: the validation loss is no better than '
     'that of a constant answer in 2 of 2 splits. It does no more than the '
     'one who does not hide, 10.50 %.'),
    (.3, 2, 'in 2 of 2 splits. What is tuned on rows that the attacker knows '
     'protects nobody: keep some secret.'),
    (.3, 1, 'splits). What is tuned on rows')])
def test_what_an_attacker_who_hides_has_not_done_is_not_said(
        own, gave_up, words):
    lines = [{**line, 'gave_up': line['repetition'] < gave_up}
             for line in records(learned_own=(own,) * 3)
             if line['n_points'] == 10]
    assert words in words_of(LEARNED_BEST + lines)[1]


def test_a_number_is_said_to_be_lambda():
    lines = records(learned=(.02, .05, .2), trusted_only=(.15, .15, .15),
                    **{'0': (.02, .05, .3), '_2.5': (.02, .05, .1)})
    words = words_of(lines)
    assert 'lambda -2.5 errs least, 10.50 %' in words[0]
    assert words[-1].startswith('In scikit-learn, lambda -2.5: ')
    lines = records(**{'0': (.02, .05, .3)}, trusted_only=(.1, .1, .1))
    assert 'whatever the poison, lambda 0 30.50 %.' in words_of(lines)[0]
    said = plain_words([{**line, 'one_class': 1} for line in lines])
    assert said.startswith('In 12 of 12 evaluations (lambda 0, trusted-only)')


def test_the_scaler_of_learned_trust_is_that_of_the_trusted_rows():
    words = words_of(records(learned_trust=(.01, .01, .01)))[-1]
    assert words.endswith(
        ', with the scaler fitted on the trusted rows alone and a '
        'sample_weight of 1 for the trusted rows and of the column trust in '
        'sec_eval.csv for the others.')


def test_a_share_between_no_poison_and_the_first_is_said():
    assert 'No strength is near 0.1 % but that without poison' in words_of(
        LEARNED_BEST, share=.001)[0]
    assert words_of(LEARNED_BEST, share=0.)[0].startswith('With 0.0 %')


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
