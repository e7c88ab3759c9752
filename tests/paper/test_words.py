"""What the figures say of their own numbers."""
import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from secml_regpoison.paper import FIGURES
from secml_regpoison.experiment.statistics import (
    draw_curves, mean_and_std, tables_of)
from secml_regpoison.experiment.tables import of_splits
from secml_regpoison.figure.curves import mark_strengths
from secml_regpoison.paper import models
from secml_regpoison.paper.fig2 import claims
from secml_regpoison.paper.limits import verdict
from secml_regpoison.paper.config import FIGURE_2, MODELS_QUICK


def line(policy, n_points, loss, error, predicted=.5, repetition=0):
    return {'data': 'd', 'policy': policy, 'repetition': repetition,
            'n_points': n_points, 'validation_loss': loss,
            'test_error': error, 'share_predicted_1': predicted,
            **dict.fromkeys(('fraction', 'lmbda', 'w_norm', 'w_norm_squared',
                             'n_hypergradients', 'seconds',
                             'seconds_cpu'), 0.)}


@pytest.mark.parametrize('loss, error, predicted, words, one_class', [
    (.4, .1, .5, 'lowers the loss and the error at the strongest attack (2 '
     'rows), against clean-cv', 0),
    (.4, .3, .5, 'lowers the loss but NOT the error at the strongest', 0),
    (.6, .1, .5, 'lowers the error but not the loss at the strongest', 0),
    (.6, .3, .5, 'lowers neither', 0),
    (.4, .3, 1., 'the same class for all test rows on 1 split', 1)])
def test_limits_say_in_words_what_was_found(loss, error, predicted, words,
                                            one_class):
    found = verdict([
        line('clean-cv', 0, .1, .1), line('clean-cv', 1, .3, .2),
        line('clean-cv', 2, .5, .2), line('learned', 0, .1, .1),
        line('learned', 1, .2, .2), line('learned', 2, loss, error,
                                         predicted)], 'd')
    assert words in found['in_words']
    assert ('; the loss but not the error at 1 row; neither the loss nor the '
            'error at 0 rows') in found['in_words']
    assert 'split(s)' not in found['in_words']
    assert found['splits_of_one_class'] == one_class
    assert found['strengths_with_lower_loss_only'].split()[0] == '1'


def test_limits_look_at_no_poison_too():
    found = verdict([
        line('clean-cv', 0, .2, .1), line('clean-cv', 2, .5, .2),
        line('learned', 0, .1, .2), line('learned', 2, .4, .1)], 'd')
    assert found['in_words'] == (
        'learned lowers the loss and the error at the strongest attack (2 '
        'rows), against clean-cv; the loss but not the error at 0 rows')


def test_limits_name_each_strength():
    found = verdict([
        line(policy, n_points, loss, error, 1., repetition)
        for policy, loss, errors in (('clean-cv', .5, (.2, .2, .2, .2)),
                                     ('learned', .4, (.1, .1, .3, .3)))
        for n_points, error in enumerate(errors)
        for repetition in (0, 1)], 'd')
    assert found['in_words'] == (
        'learned lowers the loss but NOT the error at the strongest attack (3 '
        'rows), against clean-cv; the loss and the error at 0, 1 rows; the '
        'loss but not the error at 2 rows; it ends at the same class for all '
        'test rows on 2 splits')


@pytest.mark.parametrize('learned, holds', [(.05, 'yes'), (.2, 'NO')])
def test_claims_of_fig2_can_fail(learned, holds):
    means = {
        ('MNIST 0 v 8', policy, n_points): {
            'fraction': (n_points / 512, 0), 'test_error': (error, 0),
            'lmbda': (n_points, 0),
            'w_norm_squared': (-n_points, 0)}
        for policy, errors in (('small', (.01, .2)), ('large', (.03, .04)),
                               ('clean-cv', (.01, .2)),
                               ('learned', (.01, learned)))
        for n_points, error in zip((0, 85), errors)}
    ratio, *others = claims(means, 'rmd').splitlines()[1:]
    assert ratio.endswith(holds) and '>= 2' in ratio
    assert all(other.endswith('yes') for other in others)


@pytest.mark.parametrize('course, holds', [
    ((0, 1, 2), 'yes'), ((0, 2, 1), 'ends only'), ((2, 1, 0), 'NO')])
def test_lambda_of_fig2_must_rise_at_each_step(course, holds):
    means = {
        ('digits', policy, k): {
            **dict.fromkeys(('fraction', 'test_error'), (.1, 0)),
            'lmbda': (lmbda, 0),
            'w_norm_squared': (-lmbda, 0)}
        for policy in FIGURE_2.policies
        for k, lmbda in enumerate(course)}
    for found in claims(means, 'rmd').splitlines()[-2:]:
        assert found.endswith(holds)


def test_bars_of_an_error_end_at_0_and_those_of_lambda_do_not():
    means = {('d', 'learned', n): {
        'fraction': (n / 100, 0.), 'test_error': (.1, .3), 'lmbda': (.1, .3)}
        for n in (0, 5)}
    for column, low in (('test_error', 0.), ('lmbda', -.2)):
        ax = Figure().subplots()
        draw_curves(ax, means, 'd', column)
        bars = ax.containers[0].lines[2][0].get_segments()
        for bar, share in zip(bars, (0., 5.)):
            assert bar == pytest.approx(np.array([[share, low], [share, .4]]))


@pytest.mark.parametrize('n_strengths', [1, 8, 9, 17, 40])
def test_nine_strengths_at_most_have_a_tick(n_strengths):
    ax, shares = Figure().subplots(), [*range(n_strengths)]
    mark_strengths(ax, shares)
    ticks = ax.get_xticks().tolist()
    assert len(ticks) <= 9 and ticks[0] == 0
    assert n_strengths > 8 or ticks == shares
    assert len({*np.diff(ticks)}) <= 1  # equally many are left out


def test_a_table_has_a_line_a_measure_and_policy():
    means = {('digits', policy, n_points): {
        'fraction': (n_points / 100, 0), 'test_error': (error, .01),
        'lmbda': (error - 8, 0)}
        for policy, error in (('small', .5), ('learned', .25))
        for n_points in (0, 17)}
    lines = [line.split() for line in tables_of(means, (
        ('error', 'test_error', 1, 100, None),
        ('strength', 'lmbda', 2, 1, ('learned',)))).splitlines()]
    assert lines == [
        'digits lambda 0 rows, 0.0 % 17 rows, 17.0 %'.split(),
        'error small 50.0 ± 1.0 50.0 ± 1.0'.split(),
        'error learned 25.0 ± 1.0 25.0 ± 1.0'.split(),
        'strength learned -7.75 ± 0.00 -7.75 ± 0.00'.split()]


@pytest.mark.parametrize('n_splits, cell, words', [
    (1, ['20.0'], 'of one split'),
    (2, ['25.0', '±', '5.0'], 'mean and standard deviation of 2 splits')])
def test_one_split_has_no_deviation(n_splits, cell, words):
    """It was printed as '11.67 ± 0.00', the 'deviation of 1 splits'."""
    means = mean_and_std([line('learned', 2, .4, .2 + .1 * k)
                          for k in range(n_splits)])
    last = tables_of(means, (
        ('error', 'test_error', 1, 100, None),)).splitlines()[-1]
    assert last.split() == ['error', 'learned', *cell]
    assert of_splits(n_splits) == words
    ax = Figure().subplots()
    draw_curves(ax, means, 'd', 'test_error', 100)
    assert ax.lines[0].get_ydata() == pytest.approx(
        15 + 5 * n_splits)


@pytest.mark.parametrize('n_splits, words', [
    (1, '+10.00 0 of 1'), (2, '+0.00 10.00 1 of 2')])
def test_one_split_has_no_standard_error(n_splits, words):
    settings = replace(MODELS_QUICK, models=(
        ('logistic', 'l1'), ('logistic', 'l2')))
    last = models._penalties([
        {**line('learned', 2, 1., .2 + (penalty == 'l1') * (.1 - .2 * k)),
         'pair': settings.data[0], 'model': 'logistic', 'penalty': penalty,
         'share': 'poison'} for k in range(n_splits)
        for penalty in ('l1', 'l2')], settings).splitlines()[1]
    assert last.split(' % ')[1].split() == words.split()


@pytest.fixture
def results():
    """The script that fills docs/paper.md."""
    path = Path(__file__).parents[2] / 'docs' / 'paper_results.py'
    spec = importlib.util.spec_from_file_location('paper_results', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_takes_its_tables_from_the_last_folder(results, tmp_path):
    page = 'a\n<!-- fig2_rmd.txt -->\n```text\n{}```\nb\n' \
        '<!-- inner.txt -->\n```text\nkept\n```\nc\n'
    for name in ('one', 'two'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'fig2_rmd.txt').write_text(
            f'{name} ± 1\n\nfig2_rmd: 2 cells; this run took 1 s\n')
    folders = [tmp_path / 'one', tmp_path / 'two', tmp_path / 'none']
    for before in ('', 'old\nlines\n', 'two ± 1\n'):
        assert results.fill(page.format(before), folders) == page.format(
            'two ± 1\n')


def test_the_page_shows_each_figure(results):
    page = (results.HERE / 'paper.md').read_text(encoding='utf-8')
    shown = [name for _, name in results.PICTURE.findall(page)]
    assert [name[:-4] for name in shown] == [
        name[:-4] for _, name in results.BLOCK.findall(page)]
    assert {name.split('_')[0].split('.')[0] for name in shown} == {*FIGURES}
    for name in shown:
        assert (results.HERE / 'paper' / name).stat().st_size < 200000


def test_the_table_of_own_attackers_is_that_of_the_benchmark(results):
    """It is written by hand."""
    record = pd.read_csv(results.HERE.parent / 'benchmarks' / 'results'
                         / 'own_attacker.csv')
    rows = (('| learned lambda, usual attacker', 'lambda: usual attacker'),
            ('| own set: the test rows', 'own set: test rows; lambda from -8'),
            ('| the same, lambda', 'own set: test rows; lambda from 0'),
            ('| own set: 1000 other', 'own set: 1000 others; lambda from -8'),
            ('| the same, lambda', 'own set: 1000 others; lambda from 0'),
            ('| learned trust', 'trust: margin 0; attacker who hides'),
            ('| the same, `trust', 'trust: margin 2; attacker who hides'))
    page = (results.HERE / 'paper.md').read_text(encoding='utf-8')
    lines = page[page.index(rows[0][0]):].splitlines()
    for line_, (begins, what) in zip(lines, rows):
        measured = record[record['what'].str.endswith(what)]['value']
        assert line_.startswith(begins) and len(measured) == 3
        assert re.findall(r'[\d.]+(?= %)', line_) == [
            f'{value:.1f}' for value in measured]
