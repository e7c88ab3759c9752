"""The rules behind the plain words, at their edges."""
import math

import pytest
import torch

from secml_regpoison.core import verdicts
from secml_regpoison.core.losses import Logistic, Squared, SquaredHinge
from secml_regpoison.core.steps import OuterSteps


@pytest.mark.parametrize('lmbda, bounds, expected', [
    (11.5, (-8, 11.5), True), (-7.96, (-8, 11.5), True),
    (11.4, (-8, 11.5), False), (0., (-8, 11.5), False), (-8., None, False)])
def test_a_bound(lmbda, bounds, expected):
    assert verdicts.is_at_bound(lmbda, bounds) is expected


@pytest.mark.parametrize('n_ones, expected', [
    (5, math.log(2)), (1, -.1 * math.log(.1) - .9 * math.log(.9)), (0, 0.)])
def test_loss_of_a_constant_answer(n_ones, expected):
    y = torch.tensor([1.] * n_ones + [-1.] * (10 - n_ones))
    assert Logistic().constant(y) == pytest.approx(expected, abs=1e-12)
    # no constant score does better, and one does as well
    scores = torch.linspace(-20, 20, 4001)[:, None]
    for loss in (Logistic(), Squared(), SquaredHinge()):
        losses = loss.value(-scores * y).mean(1)
        assert float(losses.min()) == pytest.approx(
            loss.constant(y), abs=1e-3)  # between the scores that are tried


@pytest.mark.parametrize('loss, expected', [
    (.6931, True), (3., True), (.688, True), (.68, False),
    (math.nan, True)])
def test_giving_up(loss, expected):
    assert verdicts.has_given_up(loss, math.log(2)) is expected


@pytest.mark.parametrize('gradient, loss, expected', [
    (1e-4, .5, False), (.02, .5, True), (1e-4, .51, True),
    (math.nan, .5, True), (1e-4, math.nan, True)])
def test_training_cut_short(gradient, loss, expected):
    assert verdicts.is_short(gradient, loss, .5) is expected


def test_each_verdict_has_its_sentence():
    found = verdicts.Verdicts(True, False, False, True, False, False)
    assert found.names() == ('lmbda_at_bound', 'budget_hit')
    assert tuple(verdicts.SENTENCES) == tuple(vars(found))
    said = tuple(verdicts.SENTENCES[name] for name in found.names())
    assert found.sentences() == said
    assert found.sentences(learns_trust=True) == (
        said[0] + verdicts.BOUND_OF_TRUST, said[1])


@pytest.mark.parametrize('gave_up, one_class, lmbda, bounds, is_asked', [
    (True, True, 11.5, (-8, 11.5), False),
    (False, True, 11.5, (-8, 11.5), False),
    (True, False, 11.46, (6, 11.5), False),
    (False, False, 11.5, (-8, 11.5), True),
    (True, True, -8., (-8, 11.5), True),
    # a smaller one may be better: at the lower bound, or at the only one
    (True, True, 6., (6, 11.5), True), (True, True, 6.04, (6, 11.5), True),
    (True, True, 6., (6, 6), True),
    # a larger one may be better than no answer at all
    (True, True, -1., (-8, -1), True), (True, True, 11.5, None, True)])
def test_no_wider_bounds_for_a_lambda_that_made_the_answer_constant(
        gave_up, one_class, lmbda, bounds, is_asked):
    found = verdicts.Verdicts(True, gave_up, one_class, False, False, False)
    said = found.sentences(lmbda, bounds)
    assert ('widen `lmbda_bounds`' in said[0]) is is_asked
    assert said[0].startswith(
        'lambda is at a bound of its interval')
    assert len(said) == 1 + gave_up + one_class


def test_a_search_without_gain_at_a_loss_of_zero_stalls():
    assert OuterSteps(n_outer=9, step=1.).is_stalled(0., 0.)


def test_a_loss_is_unseen_above_twice_the_defenders():
    assert verdicts.is_unseen(.41, .2)
    assert not verdicts.is_unseen(.4, .2)
    assert not verdicts.is_unseen(.3, .2)
    assert not verdicts.is_unseen(9e-4, 1e-4)  # both next to 0
