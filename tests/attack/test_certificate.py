"""Certificates of the attack's classifier; no attack is above them."""
import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from attack_problems import digits, make, run, small
from filters import outside
from refusals import raises

from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxRidge,
    CAttackPoisoningMinimaxSVM, CCertificatePoisoning,
    CClassifierLogisticTorch, CClassifierSVMTorch, CFeasibleSphereSlab)
from secml_regpoison.attack import c_certificate_poisoning
from secml_regpoison.attack.c_certificate_poisoning import Certificate
from secml_regpoison.core.certificate import Enclosure
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import (
    CClassifierLogistic, CClassifierRidge, CClassifierSVM)
from secml.ml.features import CNormalizerMeanStd

D = 4


def clean_loss(data, poison, lmbda):
    """Mean loss on the clean rows of scikit-learn's model with the poison."""
    x, y = (part.tondarray() for part in (data[0].X, data[0].Y))
    rows, labels = x, y
    if poison is not None:
        rows = np.vstack([x, poison.X.tondarray()])
        labels = np.r_[y, poison.Y.tondarray()]
    clf = LogisticRegression(C=np.exp(-lmbda), tol=1e-10, max_iter=10000).fit(
        rows, labels)
    return np.logaddexp(0, (1 - 2 * y) * clf.decision_function(x)).mean()


@pytest.mark.parametrize('feasible', [None, CFeasibleSphereSlab(.8)])
def test_what_a_certificate_says(feasible):
    data = digits()
    attack = make(data, 3, CClassifierLogisticTorch(), feasible=feasible,
                  learn_lmbda=False, y_poison='worst')
    run(attack, data)
    certificate = CCertificatePoisoning(attack).run(3, 1.)
    assert (certificate.n_points, certificate.n_clean) == (3, 100)
    assert certificate.clean == pytest.approx(
        clean_loss(data, None, 1.), rel=1e-4)
    assert certificate.found == pytest.approx(
        clean_loss(data, certificate.adv_ds, 1.), rel=1e-4)
    assert certificate.adv_ds.num_samples == 3
    assert certificate.found < certificate.bound
    does_harm = certificate.found > certificate.clean
    assert does_harm == (feasible is None)
    assert ('does harm' in str(certificate)) != does_harm
    assert certificate.gap <= .01 and not certificate.is_vacuous
    assert certificate.error_bound == pytest.approx(
        certificate.bound / np.log(2))
    assert 'at most ' in str(certificate) and 'wide' not in str(certificate)
    # the attack's own points, at this lambda
    assert clean_loss(data, attack.adv_ds, 1.) <= certificate.found * (
        1 + 1e-4)
    # times and objects do not tell two certificates apart, numbers do
    assert pickle.loads(pickle.dumps(certificate)) == certificate
    assert replace(certificate, seconds_cpu=0.) == certificate
    assert replace(certificate, bound=0.) != certificate


@pytest.mark.parametrize('d, seed', [(1, 0), (4, 0), (4, 3)])
def test_no_corner_of_a_small_box_does_more_harm_than_is_found(d, seed):
    """With four features a twelfth more was to be found there."""
    rng = np.random.default_rng(seed)
    y = np.arange(10) % 2
    x = rng.normal(size=(10, d)) + y[:, None]
    data = [CDataset(x, y), CDataset(x, y)]
    lb, ub = x.min(axis=0), x.max(axis=0)
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(), *data, lb=CArray(lb), ub=CArray(ub),
        learn_lmbda=False)
    found = CCertificatePoisoning(attack).run(2, -6.).found
    assert found >= (1 - 1e-5) * max(clean_loss(data, CDataset(
        np.tile(corner, (2, 1)), np.full(2, label)), -6.)
        for corner in itertools.product(*zip(lb, ub)) for label in (0, 1))


@pytest.mark.parametrize('lmbda', [6., 2., -2.])
def test_no_single_place_in_the_box_does_more_harm_than_is_found(lmbda):
    """The dual's points raise the training objective, and may lower the clean
    rows' loss."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = (.5 + .15 * rng.normal(size=(40, 2)) + .2 * (y[:, None] - .5)).clip(
        0, 1)
    data = [CDataset(x[half], y[half]) for half in (
        slice(0, 24), slice(24, 40))]
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(), *data, lb=0., ub=1., learn_lmbda=False)
    places = np.linspace(0, 1, 5)
    for p in 2, 6:
        found = CCertificatePoisoning(attack).run(p, lmbda).found
        assert found >= (1 - 1e-6) * max(clean_loss(data, CDataset(
            np.tile([one, other], (p, 1)), np.full(p, label)), lmbda)
            for one in places for other in places for label in (0, 1))


@pytest.mark.parametrize('bound, error, gap, words', [
    (.59911, .36301, .00811, ('at most 0.5992 by', 'within 0.9% of', '36.4%')),
    (.5991, .363, 0., ('at most 0.5991 by', 'within 0.0% of', ' 36.3%')),
    # to rounding an attack can be above the bound of the objective
    (.5991, 1., -1e-9, ('at most 0.5991 by', 'within 0.0% of', ' 100.0%'))])
def test_a_bound_is_not_printed_below_itself(bound, error, gap, words):
    for is_vacuous in True, False:
        said = str(Certificate(
            10, 100, 0., bound, .3, .1, gap, error, is_vacuous, .5, .5, None,
            1, 0.))
        assert all(part in said for part in words) and '-0' not in said


def test_it_grows_with_the_poison_and_says_where_it_is_vacuous():
    data = digits()
    attack = make(data, clf=CClassifierLogisticTorch(C=np.exp(-1.)),
                  learn_lmbda=False)
    certify = CCertificatePoisoning(attack)
    few, many = (certify.run(n_points) for n_points in (1, 12))
    assert few.lmbda == many.lmbda == pytest.approx(1)
    assert few.bound < many.bound and few.clean == many.clean
    assert many.is_vacuous and 'vacuous' in str(many)
    assert not few.is_vacuous
    # stopped early it is looser, and still a bound
    early = CCertificatePoisoning(attack, max_iter=1).run(8)
    late = CCertificatePoisoning(attack, rtol=1e-3).run(8)
    assert early.gap > .02 > late.gap and early.bound >= late.bound
    assert 'wide open' in str(early) and 'wide open' not in str(late)
    assert (early.n_iter, late.n_iter > 1) == (1, True)


@pytest.mark.parametrize('settings', [
    {'poison_mode': 'replace'}, {'dmax': .2}, {'feasible': (
        CFeasibleSphereSlab(.8),), 'lb': None, 'ub': None}])
def test_no_random_poison_is_above_the_bound(settings):
    """Nor is what an ascent on the clean rows' own loss has found."""
    data = small(d=D)
    attack = make(data, 10, CClassifierLogisticTorch(), learn_lmbda=False,
                  y_poison='worst', **settings)
    certificate = CCertificatePoisoning(attack).run(10)
    run(attack, data)
    again = CCertificatePoisoning(attack).run(10)
    assert again.bound == certificate.bound
    assert certificate.found <= again.found <= again.bound
    for seed in range(2):
        attack.random_seed = seed
        poison = run(attack, data)[2]
        both, k = attack.poisoned_data(poison), certificate.n_clean
        scores = attack.poisoned_classifier(poison).decision_function(
            both.X, y=1).tondarray()
        losses = np.logaddexp(0, (1 - 2 * both.Y.tondarray()) * scores)
        assert losses[:k].mean() <= certificate.bound


def test_losses_of_other_kinds():
    data = small(d=D)
    for kind, clf in ((CAttackPoisoningMinimaxSVM, CClassifierSVMTorch()),
                      (CAttackPoisoningMinimaxRidge, CClassifierRidge())):
        attack = kind(clf, data[0], data[1], learn_lmbda=False,
                      solver_type='implicit')
        attack.n_points = 6
        run(attack, data)
        certificate = CCertificatePoisoning(attack).run(6)
        assert certificate.gap <= .01
        assert certificate.clean < certificate.found <= certificate.bound


def test_what_has_no_certificate_is_refused():
    data = small(d=D)
    with raises(TypeError, 'attack', 'got CClassifierSVM.'):
        CCertificatePoisoning(CAttackPoisoningMinimaxSVM(
            CClassifierSVM(), data[0], data[1]))
    with raises(TypeError, 'attack', 'got int'):
        CCertificatePoisoning(3)
    scaled = CClassifierLogisticTorch(preprocess=CNormalizerMeanStd())
    with raises(ValueError, 'attack.classifier.preprocess', 'Standardise'):
        CCertificatePoisoning(make(data, 4, scaled))
    attack = make(data, 4)
    for kwargs, words in (({'rtol': 0}, '`rtol` must be between 0 and 1'),
                          ({'max_iter': 0}, '`max_iter` must be at least 1')):
        with raises(ValueError, words):
            CCertificatePoisoning(attack, **kwargs)
    certify = CCertificatePoisoning(attack)
    with raises(ValueError, '`n_points` must be at least 1'):
        certify.run(0)
    with raises(ValueError, '`lmbda` must be between -46 and 46, got 50'):
        certify.run(4, 50)
    for box in ({'lb': 'x0'}, {'ub': None}):
        with raises(ValueError, '`attack.lb` must be numbers'):
            CCertificatePoisoning(make(data, 4, **box)).run(4)


def test_an_optimum_and_rows_that_count_alike_are_needed():
    """Also where the attack was changed after the certificate was made."""
    data = small(d=D)
    early = CClassifierLogisticTorch(solver='sgd', epochs=1, eta=.001)
    with raises(ValueError, '`attack.classifier.solver` must be another',
                'stops early'):
        CCertificatePoisoning(make(data, 4, early, learn_lmbda=False))
    attack = make(data, 4, CClassifierLogisticTorch(), solver_type='implicit')
    certify = CCertificatePoisoning(attack)
    attack.learn_lmbda = 'trust'
    with raises(ValueError, '`attack.learn_lmbda` must be True or False'):
        certify.run(4)


@pytest.mark.parametrize('feasible', [None, CFeasibleSphereSlab()])
def test_points_that_the_bounds_leave_out_do_not_count(feasible):
    """Bounds, or a filter, that were narrowed after the attack."""
    data = small(d=D)
    attack = make(data, 6, CClassifierLogisticTorch(), lb=-5., ub=6.,
                  learn_lmbda=False)
    run(attack, data)
    certify = CCertificatePoisoning(attack)
    wide = certify.run(6)
    assert wide.found >= clean_loss(data, attack.adv_ds, 0.) * (1 - 1e-6)
    if feasible is None:
        attack.lb, attack.ub = .4, .6
    else:
        attack.feasible = feasible
    narrow = certify.run(6)
    assert narrow.found <= narrow.bound < wide.found


def test_the_largest_remainders_are_rounded_up(monkeypatch):
    """Weights of 1.6, 1.4 and 1 of four points."""
    x = torch.tensor([[.1, .2], [.3, .4], [.5, .6]], dtype=torch.float64)
    y, weights = x.new_tensor([1., -1., 1.]), x.new_tensor([.4, .35, .25])
    monkeypatch.setattr(c_certificate_poisoning, 'enclose', lambda *_:
                        Enclosure(2., 1., x, y, weights, 1))
    # of all the poison, that at the most places
    monkeypatch.setattr(CCertificatePoisoning, '_clean_loss',
                        lambda self, clean, y, poison, lmbda: len(
                            np.unique(poison.X.tondarray(), axis=0)))
    data = small()
    found = CCertificatePoisoning(make(
        data, 4, CClassifierLogisticTorch(), learn_lmbda=False)).run(4).adv_ds
    rows = [0, 0, 1, 2]
    assert found.X.tondarray().tolist() == x[rows].tolist()
    assert found.Y.tolist() == [1, 1, 0, 1]


def far_clouds(scale, shift=3.):
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    x = scale * (rng.normal(size=(100, 5)) + shift * y[:, None])
    return CDataset(CArray(x), CArray(y))


@pytest.mark.parametrize('scale, settings', [
    (100., {'C': 3000.}), (1., {'C': 1., 'max_iter': 1}),
    (1., {'C': 55., 'max_iter': 3})])
@pytest.mark.filterwarnings('ignore:.*converge')
def test_a_classifier_that_stops_early_has_no_bound(scale, settings):
    """It is of the optimum: liblinear's loss was above what no poison could
    make."""
    rows = far_clouds(scale)
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogistic(**settings), rows, rows, lb=None, ub=None,
        learn_lmbda=False, feasible=CFeasibleSphereSlab(.5))
    with raises(ValueError, '`attack.classifier` must be trained to its '
                'optimum', 'above its least'):
        CCertificatePoisoning(attack).run(1)
    exact = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(C=settings['C']), rows, rows, lb=None,
        ub=None, learn_lmbda=False, feasible=CFeasibleSphereSlab(.5))
    found = CCertificatePoisoning(exact).run(1)
    assert found.clean < found.bound and found.found < found.bound


def test_a_set_without_a_place_is_refused():
    """A box that leaves out what the filter lets pass of one class."""
    rows = far_clouds(1., 9.)
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(), rows, rows, lb=0, ub=1,
        learn_lmbda=False, feasible=CFeasibleSphereSlab(.5))
    with raises(ValueError, 'must leave each point a place'):
        CCertificatePoisoning(attack).run(3)


def test_points_are_in_the_set_where_a_centroid_is_not_in_the_box():
    rows = far_clouds(1., 2.)
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(), rows, rows, lb=.4, ub=9.,
        learn_lmbda=False, feasible=CFeasibleSphereSlab(.8))
    found = CCertificatePoisoning(attack).run(9, lmbda=8.)
    outside_of = outside(found.adv_ds.X.tondarray(),
                         found.adv_ds.Y.tondarray(), rows.X.tondarray(),
                         rows.Y.tondarray(), .8)
    assert not outside_of.any()
    assert found.objective_found <= found.objective_bound
