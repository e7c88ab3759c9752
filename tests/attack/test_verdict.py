"""Plain words: `diagnostics()`, the log and the history say the same."""
import warnings

import numpy as np
import pytest

from attack_problems import digits, make, run, small
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.core.verdicts import SENTENCES

from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

pytestmark = pytest.mark.filterwarnings('ignore:the loss by')
FULL = {'n_outer': 200, 'tol': 1e-3}


def made(name):
    """A dataset and an attack of which the verdict `name` is true."""
    data = small()
    if name == 'lmbda_at_bound':
        data = small(spread=.02)  # no row is near the boundary
        return data, make(data, 0, solver_params=None)
    if name in ('gave_up', 'one_class'):
        # weights of next to 0, and a bias that knows the larger class
        rows = [np.r_[np.flatnonzero(ds.Y.tondarray() == 0),
                      np.flatnonzero(ds.Y.tondarray() == 1)[::4]]
                for ds in data]
        data = [ds[part.tolist(), :] for ds, part in zip(data, rows)]
        return data, make(data, 2, CClassifierLogisticTorch(lmbda=15.),
                          learn_lmbda=False, solver_params=FULL)
    if name == 'budget_hit':
        return data, make(data, 4, solver_params={'n_outer': 2})
    if name == 'unseen':
        data = digits()
        return data, make(data, 14, CClassifierLogisticTorch(),
                          solver_type='implicit', solver_params=FULL,
                          attacker_set=data[2], camouflage=.9)
    if name == 'training_short':
        return data, make(data, 4, CClassifierLogistic(C=1e3),
                          learn_lmbda=False,
                          solver_params={**FULL, 'n_inner': 5})
    return data, make(data, 4, CClassifierLogisticTorch(
        lmbda=-4., solver='sgd', epochs=1), learn_lmbda=False,
        solver_type='implicit', solver_params=FULL)


@pytest.mark.parametrize('name', [
    name for name in SENTENCES if name != 'saturated'])  # see test_trust.py
def test_each_verdict(name, caplog):
    data, attack = made(name)
    attack.verbose = 1
    attack.logger._logger.addHandler(caplog.handler)
    adv_ds = run(attack, data)[2]
    found = attack.history[-1].verdicts
    assert getattr(found, name)
    assert name in adv_ds.header.verdicts == found.names()
    logged = [record.getMessage() for record in caplog.records]
    for other, sentence in SENTENCES.items():
        said = getattr(found, other)
        assert (sentence in logged) is said
        assert (sentence in str(attack.diagnostics())) is said, other


EXACT = {'solver_type': 'implicit'}


@pytest.mark.parametrize('kind, clf, kwargs, short, cured, cured_kwargs', [
    # a larger lambda, more epochs, more iterations
    (CClassifierLogisticTorch, {'C': 10., 'solver': 'sgd'}, EXACT,
     ['fit_short'], {'C': 1.}, {}),
    (CClassifierLogisticTorch, {'C': 1., 'solver': 'sgd', 'epochs': 5}, EXACT,
     ['fit_short'], {'epochs': 100}, {}),
    (CClassifierLogistic, {'C': 1e3, 'max_iter': 2}, EXACT, ['fit_short'],
     {'max_iter': 100}, {}),
    # the attack's training alone, and both
    (CClassifierLogisticTorch, {'C': 100.}, {}, ['training_short'], {},
     EXACT),
    (CClassifierLogistic, {'C': 10., 'max_iter': 1}, {},
     ['fit_short', 'training_short'], {'max_iter': 100}, EXACT)])
@pytest.mark.filterwarnings('ignore:Liblinear failed')
def test_the_advice_on_two_losses_narrows_the_gap(
        kind, clf, kwargs, short, cured, cured_kwargs):
    data = digits()

    def gap_of(clf, **kwargs):
        attack = make(data, 6, kind(**clf), learn_lmbda=False, **kwargs)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter('always')
            run(attack, data)
        record = attack.history[-1]
        return abs(record.solver_loss - record.loss), [
            str(one.message) for one in found if 'the loss by' in str(
                one.message)]
    gap, (said,) = gap_of(clf, **kwargs)
    for name in ('fit_short', 'training_short'):
        assert (SENTENCES[name] in said) is (name in short)
    assert gap_of({**clf, **cured}, **{**kwargs, **cured_kwargs})[0] < gap / 2


def said_of(data, caplog, **kwargs):
    """The record of an attack, and what its log and its diagnostics say."""
    attack = make(data, 2, solver_type='implicit', **kwargs)
    attack.verbose = 1
    attack.logger._logger.addHandler(caplog.handler)
    run(attack, data)
    return attack.history[-1], (caplog.text, str(attack.diagnostics()))


def test_no_wider_bounds_are_asked_for_where_the_answer_is_constant(caplog):
    data = small()
    data = data[0], CDataset(data[1].X, 1 - data[1].Y), data[2]
    found, texts = said_of(data, caplog)
    assert found.lmbda == 11.5 and found.verdicts.gave_up
    for said in texts:
        assert 'lambda is at a bound' in said and 'widen' not in said
        assert SENTENCES['gave_up'] in said


def test_wider_bounds_are_asked_for_below_a_lower_bound(caplog):
    """A lambda above 0 was taken for one at the upper bound."""
    found, texts = said_of(small(), caplog, lmbda_bounds=(9., 11.5))
    assert found.lmbda == 9 and found.verdicts.gave_up
    for said in texts:
        assert SENTENCES['lmbda_at_bound'] in said


def test_a_converged_attack_is_ok_in_all():
    data = digits()
    attack = make(data, 6, CClassifierLogisticTorch(), solver_params={
        'n_outer': 200}, solver_type='implicit')
    run(attack, data)
    assert attack.history[-1].verdicts.names() == ()
    lines = str(attack.diagnostics()).splitlines()
    assert len(lines) == 11
    assert all(line.endswith(' ok') for line in lines)


@pytest.mark.parametrize('distance', ['l1', 'l2'])
def test_the_ball_blocks_the_gradient(distance):
    """A converged attack with `dmax` was called unconverged: only the box
    was projected on."""
    data = digits()
    attack = make(data, 6, solver_type='implicit', dmax=.5, distance=distance,
                  solver_params={'n_outer': 200})
    run(attack, data)
    assert attack.diagnostics().attacker_grad_norm < .02
    # without the run nothing is known of the starts
    attack.xc = attack.xc + 0.001
    found = attack.diagnostics()
    assert found.attacker_grad_norm > .1
    assert found.one_class is found.budget_hit is found.fit_short is None


def test_the_constant_answer_is_of_the_true_labels():
    """Also where the attacker wants one class."""
    data = small()
    attack = make(data, 4, y_target=1)
    run(attack, data)
    found = attack.history[-1]
    share = (data[1].Y.tondarray() == 1).mean()
    assert found.constant_loss == pytest.approx(
        -share * np.log(share) - (1 - share) * np.log(1 - share))


def test_no_harm_and_no_attack_without_points():
    """No poison that the trusted rows could show, and of a fixed lambda
    nothing that the attack's own training decides."""
    data = digits()
    attack = make(data, 0, CClassifierLogisticTorch(), learn_lmbda=False,
                  attacker_set=CDataset(data[2].X, 1 - data[2].Y),
                  solver_params={'n_inner': 5})
    run(attack, data)
    record = attack.history[-1]
    assert record.loss > 2 * record.val_loss
    assert not {'unseen', 'training_short'} & {*record.verdicts.names()}
    assert SENTENCES['training_short'] not in str(attack.diagnostics())


def test_a_target_is_no_harm_that_the_trusted_rows_could_show():
    """The attacker's loss is then of its target, not of the labels."""
    data = small()
    is_0 = data[2].Y == 0
    attack = make(data, 2, y_target=1, camouflage=0, attacker_set=CDataset(
        data[2].X[is_0, :], data[2].Y[is_0]))
    run(attack, data)
    record = attack.history[-1]
    assert record.loss > 2 * record.val_loss
    assert not record.verdicts.unseen


def test_without_points():
    """No cosine, no free gradient, and both bounds are on the grid."""
    data = small()
    attack = make(data, 0, lmbda_bounds=(-8, -7.9))
    run(attack, data)
    found = attack.diagnostics()
    assert np.isnan(found.cosine)
    assert 'cosine' not in str(found) and 'attacker' not in str(found)
    assert found.grid_lmbda in (-8, -7.9)
    # the more regularised the better: the upper bound, off the step of .25
    data = data[0], CDataset(data[1].X, 1 - data[1].Y), data[2]
    attack = make(data, 0, lmbda_bounds=(0, 11.6))
    run(attack, data)
    assert attack.diagnostics().grid_lmbda == 11.6
