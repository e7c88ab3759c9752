"""Gradient check and diagnostics of the attack; where restarts start."""
from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
import torch

from attack_problems import digits, make, run, small
from refusals import raises
from secml_regpoison import CClassifierLogisticTorch, CFeasibleInteger
from secml_regpoison.core.reverse_pass import ReversePass
from secml_regpoison.core.solvers import rmd
from secml_regpoison.core.steps import default_step

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerUnitNorm)


def attack_digits(C=1., preprocess=None, solver_params=None, **kwargs):
    """An attack of six points, at full effort by default."""
    return make(digits(), 6, CClassifierLogistic(C=C, preprocess=preprocess),
                solver_params=solver_params, **kwargs)


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
@pytest.mark.parametrize('preprocess', [None, 'min-max'])
@pytest.mark.parametrize('y_target', [None, 1])
def test_check_gradient_agrees(solver_type, preprocess, y_target):
    attack = attack_digits(solver_type=solver_type, preprocess=preprocess,
                           y_target=y_target, solver_params={'n_outer': 2})
    run(attack, digits())
    found = attack.check_gradient()
    assert found.points < 1e-6 and found.lmbda < 1e-6
    assert found.solver_points < 1e-5 and found.solver_lmbda < 1e-5
    for value in (found.points, found.solver_lmbda):
        assert f'{value:.1e}' in str(found)


def tied_with_a_clean_row(x, clean):
    """Coordinates (p, d) at the clean rows' least or greatest value, of
    columns that vary."""
    low, high = clean.min(axis=0), clean.max(axis=0)
    return ((x == low) | (x == high)) & (low < high)


@pytest.mark.parametrize('preprocess, counted', [
    (None, None), ('mean-std', None), (CNormalizerUnitNorm('l2'), None),
    ('min-max', tied_with_a_clean_row),
    (CNormalizerUnitNorm('l1'), lambda x, _: x == 0),
    (CNormalizerUnitNorm('max'),
     lambda x, _: (x == 1) & ((x == 1).sum(axis=1) > 1)[:, None]),
    (CNormalizerMinMax(preprocess=CNormalizerUnitNorm('max')), None),
    (CNormalizerUnitNorm('l1', preprocess=CNormalizerMinMax()), None)])
def test_check_gradient_at_the_bounds_of_the_box(
        preprocess, counted, monkeypatch):
    """Differences across a tie, or 0, were errors of 7 to 44 %."""
    attack = attack_digits(solver_type='implicit', preprocess=preprocess,
                           learn_lmbda=False, solver_params={'n_outer': 8})
    run(attack, digits())
    x, clean = attack.xc.tondarray(), digits()[0].X.tondarray()
    assert np.isin(x, (0, 1)).mean() > .3
    found = attack.check_gradient(3)
    assert found.points < 1e-6 and found.lmbda < 1e-6
    assert found.n_left_out < .9 * found.n_coordinates
    if counted is not None:
        assert found.n_left_out >= counted(x, clean).sum() > 0
    assert (f'{found.n_left_out} of {found.n_coordinates} coordinates of the '
            'points are left out' in str(found)) is (found.n_left_out > 0)
    right = ReversePass.grad_x_p.func
    wrong = cached_property(lambda found: 1.01 * right(found))
    wrong.__set_name__(ReversePass, 'grad_x_p')
    monkeypatch.setattr(ReversePass, 'grad_x_p', wrong)
    assert attack.check_gradient(3).points == pytest.approx(.01, rel=1e-3)


def test_check_gradient_of_a_point_in_the_corner_of_the_box():
    """No coordinate is left to compare: that is no error of 0."""
    data = small()
    attack = make(data, 1, CClassifierLogistic(preprocess='min-max'),
                  solver_type='implicit')
    attack.xc, attack.yc = CArray(data[0].X.min(axis=0)), CArray([1])
    found = attack.check_gradient()
    assert np.isnan([found.points, found.solver_points]).all()
    assert found.lmbda < 1e-6
    assert '2 of 2 coordinates of the points are left out' in str(found)


def test_check_gradient_where_trusted_rows_alone_are_scaled():
    """The points are in no tie: all their coordinates are compared."""
    data = small(d=3)
    attack = make(data, 4, CClassifierLogisticTorch(preprocess='min-max'),
                  learn_lmbda='trust', solver_params={'n_outer': 5})
    run(attack, data)
    assert np.isin(attack.xc.tondarray(), (0, 1)).any()
    found = attack.check_gradient()
    assert (found.n_left_out, found.n_coordinates) == (0, 12)
    assert found.points < 1e-6


def test_check_gradient_in_units_of_the_trusted_rows(monkeypatch):
    """They alone fit the scaler: a column that is constant in training rows
    and points was left out."""
    data = small(d=3)
    x = np.where(np.arange(3) == 0, .5, data[0].X.tondarray())
    attack = make((CDataset(CArray(x), data[0].Y), data[1]), 4,
                  CClassifierLogisticTorch(preprocess='mean-std'),
                  learn_lmbda='trust')
    attack.xc, attack.yc = CArray(x[:4]), 1 - data[0].Y[:4]
    assert attack.check_gradient().points < 1e-6
    right = ReversePass.grad_x_p.func
    wrong = cached_property(lambda found: right(found) * torch.where(
        torch.arange(3) == 0, -1., 1.))
    wrong.__set_name__(ReversePass, 'grad_x_p')
    monkeypatch.setattr(ReversePass, 'grad_x_p', wrong)
    assert attack.check_gradient().points > .1


@pytest.mark.parametrize('preprocess', [
    None, 'mean-std', 'min-max', CNormalizerUnitNorm('max')])
def test_check_gradient_without_points(preprocess):
    data = small()
    attack = make(data, 0, CClassifierLogisticTorch(preprocess=preprocess))
    run(attack, data, n_points=0)
    found = attack.check_gradient()
    assert np.isnan(found.points) and found.lmbda < 1e-6
    assert found.n_left_out == found.n_coordinates == 0


def test_check_gradient_of_points_that_have_converged():
    """Nothing but rounding was left of their derivative: errors of 2e-5."""
    data = small(d=4)
    attack = make(data, 6, CClassifierLogisticTorch(preprocess='min-max'),
                  learn_lmbda=False, solver_type='implicit',
                  solver_params={'n_outer': 20})
    run(attack, data)
    found = attack.check_gradient()
    assert 0 < found.n_left_out < found.n_coordinates == 24
    assert found.points < 1e-6


def test_check_gradient_sees_a_wrong_sign(monkeypatch):
    attack = attack_digits()
    attack.xc, attack.yc = attack._rnd_init_poisoning_points()
    assert attack.check_gradient().solver_points < 1e-5
    right = rmd.adjoints

    def negated(*args):
        rows = right(*args)
        return replace(rows, scale=-rows.scale)
    monkeypatch.setattr(rmd, 'adjoints', negated)
    found = attack.check_gradient()
    assert found.solver_points > 1 and found.points < 1e-6


def test_check_gradient_sees_a_truncated_pass():
    """RMD through the last 5 of 150 steps is not the derivative, by far."""
    attack = attack_digits(solver_params={'truncate': 5})
    attack.xc, attack.yc = attack._rnd_init_poisoning_points()
    found = attack.check_gradient()
    assert found.solver_points > .1 and found.points < 1e-6


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_diagnostics_of_a_saddle(solver_type):
    attack = attack_digits(solver_type=solver_type)
    run(attack, digits())
    found = attack.diagnostics()
    assert found.lmbda == attack.lmbda
    assert abs(found.defender_gap) < .005
    assert abs(found.lmbda - found.grid_lmbda) < 1
    assert found.residual < 1e-8
    assert found.cosine > .9
    assert found.attacker_grad_norm < .5
    assert (found.inner_grad_norm < 1e-8) == (solver_type == 'implicit')
    assert f'best on grid {found.grid_lmbda:.2f}' in str(found)


def test_diagnostics_see_what_is_wrong():
    """A fixed small lambda, too few training steps, points not optimised."""
    attack = attack_digits(C=np.exp(8), learn_lmbda=False,
                           solver_params={'n_inner': 5, 'n_outer': 0})
    run(attack, digits())
    found = attack.diagnostics()
    assert found.inner_grad_norm > .1
    assert found.cosine < .9
    assert found.attacker_grad_norm > .1 and found.attacker_gain > .01
    assert 'a stronger attack is near' in str(found)
    attack = attack_digits(C=np.exp(8), learn_lmbda=False)
    run(attack, digits())
    assert attack.diagnostics().defender_gap > .5


def test_diagnostics_of_points_at_a_maximum_inside_the_box():
    """What is left of the gradient is all free, and next to nothing."""
    data = small()
    attack = make(data, 6, lb=-10, ub=11, learn_lmbda=False,
                  solver_type='implicit')
    run(attack, data)
    found = attack.diagnostics()
    assert found.attacker_grad_norm > .9 and found.attacker_gain < .01
    assert 'a stronger attack is near' not in str(found)


def test_a_step_gains_no_more_than_the_diameter_of_the_ball():
    """Of points that have not left their starts, the same gradient."""
    gains = []
    for dmax in (None, .01):
        attack = attack_digits(learn_lmbda=False, dmax=dmax, lb=-9, ub=9,
                               solver_params={'n_outer': 0})
        run(attack, digits())
        gains.append(attack.diagnostics().attacker_gain)
    usual = default_step(attack._prepare().problem(0))
    assert gains[1] == pytest.approx(.02 / usual * gains[0], rel=1e-3)


@pytest.mark.parametrize('n_outer', [0, 60])
def test_diagnostics_do_not_judge_whole_numbers(n_outer):
    """The free gradient is of points without them: the attack was called
    unconverged whatever its budget."""
    attack = attack_digits(
        C=1, learn_lmbda=False, solver_type='implicit',
        feasible=CFeasibleInteger(), solver_params={'n_outer': n_outer})
    run(attack, digits())
    found = attack.diagnostics()
    assert found.attacker_grad_norm > .05 and found.attacker_gain > .01
    line, = (line for line in str(found).splitlines()
             if line.startswith('attacker: free gradient'))
    assert line.endswith('of points without whole numbers: no verdict')
    assert 'stronger attack is near' not in str(found)


UNITS = np.array([1., 1e4, 1e-3])


def in_units(units, preprocess, **kwargs):
    """An attack on the same rows, and points, in other units."""
    data = [CDataset(CArray(part.X.tondarray() * units), part.Y)
            for part in small(d=3)]
    attack = make(data, 6, CClassifierLogisticTorch(
        lmbda=-8., preprocess=preprocess), lb=data[0].X.min(axis=0),
        ub=data[0].X.max(axis=0), learn_lmbda=False, **kwargs)
    # inside: a point tied for the least value is at a kink of min-max
    attack.xc = .8 * data[0].X[:6, :] + CArray(.1 * units)
    attack.yc = 1 - data[0].Y[:6]
    return attack


def test_diagnostics_are_the_same_in_other_units():
    """Behind a refitted mean-std scaler, as the attack; a step of the points
    was said to gain 1e5 %, and the column of the smallest numbers alone
    made the cosine."""
    found = []
    for units in np.ones(3), UNITS:
        attack = in_units(units, 'mean-std', solver_params={'n_inner': 4})
        attack.xc[:, 0] = attack.ub[0]  # where the set holds them back
        found.append(attack.diagnostics())
    one, other = found
    assert one.cosine < .9 and 'the steps lead elsewhere' in str(other)
    assert other.cosine == pytest.approx(one.cosine, rel=1e-6)
    assert .1 < one.attacker_grad_norm < .99
    assert other.attacker_grad_norm == pytest.approx(
        one.attacker_grad_norm, rel=1e-6)
    # the first step is of the clean rows, its units are with the points
    assert other.attacker_gain == pytest.approx(one.attacker_gain, rel=.2)


class Frozen(CNormalizerMinMax):
    """A subclass may do anything: it is not refitted in the attack."""


@pytest.mark.filterwarnings('ignore:Frozen is frozen')
def test_a_step_is_in_the_units_of_the_points():
    """Not of a frozen preprocess' features: with these 1,000 times larger, the
    same points of the same model were said to gain 1,000 times as much."""
    found = []
    for size in 1., 1000.:
        attack = make(small(d=3), 2, CClassifierLogisticTorch(
            lmbda=2 * np.log(size), preprocess=Frozen(
                feature_range=(0, size))), learn_lmbda=False,
            solver_type='implicit')
        attack.xc = CArray([[.5, .4, .6], [.3, .6, .4]])
        attack.yc = CArray([0, 1])
        found.append(attack.diagnostics())
    assert found[0].loss == pytest.approx(found[1].loss, rel=1e-6)
    assert found[0].attacker_gain == pytest.approx(
        found[1].attacker_gain, rel=1e-4)


@pytest.mark.parametrize('column', range(3))
@pytest.mark.parametrize('preprocess', ['mean-std', 'min-max'])
def test_check_gradient_sees_each_column_in_any_units(
        preprocess, column, monkeypatch):
    """The directions were along the column of the smallest numbers."""
    attack = in_units(UNITS, preprocess, solver_type='implicit')
    assert attack.check_gradient().points < 1e-6
    right = ReversePass.grad_x_p.func
    wrong = cached_property(lambda found: right(found) * torch.where(
        torch.arange(3) == column, -1., 1.))
    wrong.__set_name__(ReversePass, 'grad_x_p')
    monkeypatch.setattr(ReversePass, 'grad_x_p', wrong)
    assert attack.check_gradient().points > .1


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
@pytest.mark.parametrize('preprocess', ['mean-std', 'min-max'])
def test_check_gradient_where_pixels_are_constant(preprocess, solver_type):
    """A step made their scale jump from 1: errors of 1."""
    attack = attack_digits(100., preprocess, solver_type=solver_type)
    x = digits()[0].X.tondarray()
    varies = x.min(axis=0) < x.max(axis=0)
    assert 0 < varies.sum() < 64
    attack.xc = CArray(np.where(varies, np.random.default_rng(0).uniform(
        .1, .9, (6, 64)), x[0]))
    attack.yc = CArray([0, 1] * 3)
    found = attack.check_gradient()
    assert found.points < 1e-6 and found.solver_points < 1e-6


@pytest.mark.parametrize('kwargs, error, words', [
    ({'n_directions': 0}, ValueError,
     '`n_directions` must be at least 1 and below'),
    ({'n_directions': -1}, ValueError, 'got -1'),
    ({'n_directions': 1.5}, TypeError,
     '`n_directions` must be a whole number, got float'),
    ({'step': 0}, ValueError, '`step` must be positive and finite, got 0'),
    ({'random_seed': 'a'}, TypeError,
     '`random_seed` must be a whole number, got str')])
def test_arguments(kwargs, error, words):
    attack = attack_digits()
    attack.xc, attack.yc = attack._rnd_init_poisoning_points()
    with raises(error, words):
        attack.check_gradient(**kwargs)


def test_diagnostics_need_points():
    with pytest.raises(ValueError, match='`xc` and `yc` must be set'):
        attack_digits().diagnostics()


def test_restarts_start_elsewhere():
    """Other validation points, still without repetition."""
    data = attack_digits()._prepare()
    none = data.poison_set(0.)
    assert sorted(data.new_points(none, 50, None, 1).starts) == list(range(50))
    first, second = (data.new_points(none, 6, None, restart)
                     for restart in (0, 1))
    assert first.starts != second.starts
    assert not (first.x == second.x).all()


class OwnMeanStd(CNormalizerMeanStd):
    """A preprocess that the core has no version of: it is frozen."""


class Single(OwnMeanStd):
    """It computes in float32."""

    def _forward(self, x):
        return super()._forward(x).astype('float32')


@pytest.mark.filterwarnings('ignore:Single is frozen')
@pytest.mark.parametrize('lmbda, preprocess, tol', [
    # differences of values have seven digits
    (4., Single(), 3e-5),
    # the derivative is e^-11.5 of the loss, and rounding of the loss 1e-16
    (11.5, CNormalizerUnitNorm('l1', preprocess=CNormalizerMinMax()), 2e-6)])
def test_check_gradient_where_rounding_is_large(lmbda, preprocess, tol):
    """At the step of 1e-4 alone the errors were ten times as large."""
    attack = make(small(d=6), 6, CClassifierLogisticTorch(
        lmbda=lmbda, preprocess=preprocess), learn_lmbda=False,
        solver_type='implicit')
    attack.xc = CArray(np.random.default_rng(0).uniform(.1, .9, (6, 6)))
    attack.yc = CArray([0, 1] * 3)
    found = attack.check_gradient()
    assert found.points < tol and found.lmbda < tol


@pytest.mark.filterwarnings('ignore:OwnMeanStd is frozen', 'ignore:the loss')
@pytest.mark.parametrize('kwargs, is_evaluated', [
    ({}, True), ({'preprocess': CNormalizerMeanStd()}, True),
    ({'solver': 'sgd'}, False), ({'preprocess': OwnMeanStd()}, False)])
def test_it_is_said_of_which_model_the_numbers_are(kwargs, is_evaluated):
    """A frozen preprocess was said to be the evaluated pipeline."""
    data = small()
    attack = make(data, 3, CClassifierLogisticTorch(**kwargs),
                  learn_lmbda=False, solver_params={'n_outer': 1})
    run(attack, data)
    found = attack.check_gradient()
    assert found.is_evaluated is is_evaluated and found.points < 1e-6
    assert ('of the evaluated pipeline ' if is_evaluated
            else "of the surrogate's pipeline ") in str(found)
    found = attack.diagnostics()
    assert found.is_evaluated is is_evaluated
    assert ('the classifier that is evaluated is another'
            in str(found)) is not is_evaluated
