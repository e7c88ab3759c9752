"""Poison held to whole numbers and categories, and evaluated anew."""
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from attack_problems import make, run, small
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack import batches, valid_values
from secml_regpoison.attack.feasible import (
    CFeasibleInteger, CFeasibleSphereSlab)
from secml_regpoison.attack.valid_values import ValidValues, hold_to_values
from secml_regpoison.core.single_moves import SingleMoves

from secml.data import CDataset


def box(low, high):
    return np.array(low, dtype=float), np.array(high, dtype=float)


def test_whole_numbers_inside_the_box():
    values = ValidValues(integers=(0, 2))
    x = np.array([[.4, .4, 2.9], [9., .6, 1.2]])
    assert values.project(x, *box([-.5, 0, .5], [3.5, 1, 2.5])).tolist() == [
        [0, .4, 2], [3, .6, 1]]
    # no whole number in the box: as it was
    assert values.project(x[:1], *box([.3, 0, 0], [.6, 1, 3])).tolist() == [
        [.4, .4, 3]]


def test_one_category_of_each_group():
    values = ValidValues(groups=((0, 1, 2), (3, 4)))
    x = np.array([[.2, .7, .9, .5, .5], [0, 0, 0, .1, .2]])
    assert values.project(x, *box([0] * 5, [1, 1, 0, 1, 1])).tolist() == [
        [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]


def test_projected_points_stay_where_they_are():
    rng = np.random.default_rng(0)
    low, high = box([-5] * 4, [5] * 4)
    x = rng.uniform(low, high, size=(50, 4))
    values = ValidValues((0, 1, 2, 3))
    projected = values.project(x, low, high)
    np.testing.assert_array_equal(projected, np.rint(x))
    np.testing.assert_array_equal(values.project(projected, low, high),
                                  projected)


def test_poison_stays_as_sparse_as_the_training_rows():
    data = small(d=3)
    data = [CDataset(part.X.tosparse(), part.Y) for part in data]
    attack = make(data, 2, learn_lmbda=False, solver_params={'n_outer': 1})
    poison = run(attack, data)[2]
    held = hold_to_values(attack, ValidValues((0, 1, 2)), 0, poison,
                          data[2].X)[2]
    assert poison.X.issparse and held.X.issparse and attack.xc.issparse


@pytest.mark.parametrize('settings', [
    {}, {'learn_lmbda': False}, {'poison_mode': 'replace'},
    {'solver_type': 'implicit'}])
def test_the_value_is_that_of_the_projected_points(settings):
    data = small(d=3)
    attack = make(data, 4, lb=-2, ub=2, **settings)
    poison = run(attack, data)[2]
    x, before = data[2].X, attack.history[0]
    y_pred, scores, held, loss = hold_to_values(
        attack, ValidValues(integers=(0, 1, 2)), 0, poison, x)
    record, = attack.history
    for cost in 'n_trainings', 'n_hypergradients', 'seconds', 'seconds_cpu':
        assert getattr(record, cost) > getattr(before, cost)
    assert (record.loss, record.lmbda) == (loss, held.header.lmbda)
    assert held.header.verdicts == record.verdicts.names()
    assert (attack.adv_ds, attack.lmbda) == (held, record.lmbda)
    assert attack.f_opt == loss and attack.x_opt is attack.xc
    assert (attack.xc == held.X).all() and (attack.yc == held.Y).all()
    assert attack.objective_function(attack.xc[0, :]) == pytest.approx(
        loss, rel=1e-6)
    if not settings:  # as after `run`, with what its verdicts say
        assert attack.diagnostics().budget_hit is record.verdicts.budget_hit
    z = held.X.tondarray()
    assert (z == np.rint(z)).all() and (held.Y == poison.Y).all()
    clf = attack.poisoned_classifier(held)
    assert (clf.predict(x) == y_pred).all()
    assert held.header.w_norm == pytest.approx(float(clf.w.norm()))
    tr = attack.poisoned_data(held)
    oracle = LogisticRegression(
        C=np.exp(-held.header.lmbda), solver='liblinear', tol=1e-8,
        intercept_scaling=1.).fit(tr.X.tondarray(), tr.Y.tondarray())
    margins = oracle.decision_function(data[1].X.tondarray()) * (
        2 * data[1].Y.tondarray() - 1)
    assert loss == pytest.approx(np.logaddexp(0, -margins).mean(), rel=1e-6)
    # lambda is the best for these points
    if attack.learn_lmbda:
        def value(lmbda):
            held.header.lmbda = lmbda
            scores = attack.poisoned_classifier(held).decision_function(
                data[1].X, y=1).tondarray().ravel()
            return np.logaddexp(0, -scores * (
                2 * data[1].Y.tondarray() - 1)).mean()
        lmbda = held.header.lmbda
        assert all(value(lmbda + step) >= loss - 1e-4 for step in (-.5, .5))


@pytest.mark.parametrize('settings, moves', [
    ({'learn_lmbda': False}, True), ({}, True), ({'y_target': 1}, True),
    ({'learn_lmbda': False, 'feasible': CFeasibleSphereSlab(.99)}, False),
    ({'learn_lmbda': 'trust', 'clf': CClassifierLogisticTorch()}, False),
    ({'dmax': 3.}, False)])
def test_points_move_on_from_where_they_are_projected(settings, moves,
                                                      monkeypatch):
    """Not in a ball, and from learned trust. In this filter none of eight
    moves does harm."""
    data = small(d=4)
    for part in data:
        part.X = (3 * part.X).round()
    values, losses, points = ValidValues((0, 1, 2, 3)), [], []
    for n_tries in 0, 200:
        monkeypatch.setattr(valid_values, 'SingleMoves', lambda *columns: (
            SingleMoves(*columns, n_tries=n_tries)))
        attack = make(data, 6, lb=-3, ub=3, **settings)
        poison = run(attack, data)[2]
        held, loss = hold_to_values(attack, values, 0, poison, data[2].X)[2:]
        losses.append(loss)
        points.append(held.X.tondarray())
    sign = -1 if 'y_target' in settings else 1
    assert (points[1] == np.rint(points[1])).all()
    assert (sign * losses[1] > sign * losses[0]) == moves
    assert (points[0] != points[1]).any() == moves


@pytest.mark.parametrize('learn_lmbda, by_run', [
    (True, False), (True, True), ('trust', False)])
def test_points_of_who_hides_move_on_too(learn_lmbda, by_run, monkeypatch):
    """Where they are projected by the command, or held to whole numbers in
    the search; they make more errors on its rows."""
    data, errors = small(d=4), []
    for part in data:
        part.X = (3 * part.X).round()
    values = ValidValues((0, 1, 2, 3))
    for n_tries in 0, 200:
        for module in valid_values, batches:
            monkeypatch.setattr(module, 'SingleMoves', lambda *columns: (
                SingleMoves(*columns, n_tries=n_tries)))
        attack = make(
            data, 4, CClassifierLogisticTorch(), lb=-3, ub=3,
            learn_lmbda=learn_lmbda, attacker_set=data[2], camouflage=.5,
            feasible=CFeasibleInteger() if by_run else None,
            solver_params={'n_outer': 2}, solver_type='implicit')
        y_pred, _, poison, _ = run(attack, data)
        if not by_run:
            y_pred = hold_to_values(attack, values, 0, poison, data[2].X)[0]
        x = attack.adv_ds.X.tondarray()
        assert (x == np.rint(x)).all()
        errors.append((y_pred != data[2].Y).mean())
    assert errors[1] > errors[0]
