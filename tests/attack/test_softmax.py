"""Softmax regression of more than two classes, in secml and attacked."""
import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attack_invariants import assert_same_result
from attack_problems import clouds, digits, run
from filters import outside
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxSoftmax,
    CClassifierLogisticTorch, CClassifierSoftmaxTorch, CFeasibleInteger,
    CFeasibleSphereSlab)
from secml.array import CArray
from secml.data import CDataset
from secml.figure import CFigure
from secml.ml.classifiers import CClassifier

CLASSES = 1, 4, 8


def make(data, n_points, **kwargs):
    kwargs = {'solver_params': {'n_outer': 4, 'n_inner': 15}, **kwargs}
    attack = CAttackPoisoningMinimaxSoftmax(
        CClassifierSoftmaxTorch(), *data[:2], **kwargs)
    attack.n_points = n_points
    return attack


def pairs(adv_ds, val):
    """Class of the start and label of each point."""
    return list(zip(val.Y.tondarray()[list(adv_ds.header.starts)].tolist(),
                    adv_ds.Y.tolist()))


@pytest.mark.parametrize('scaler', [None, 'mean-std'])
@pytest.mark.parametrize('lmbda', [-4., 0., 4.])
def test_classifier_is_scikit_learns(lmbda, scaler):
    data = digits(CLASSES)
    x, y = data[0].X.tondarray(), data[0].Y.tondarray()
    clf = CClassifierSoftmaxTorch(lmbda=lmbda, preprocess=scaler)
    assert clf.fit(data[0].X, data[0].Y) is clf
    expected = LogisticRegression(
        C=math.exp(-lmbda), tol=1e-12, max_iter=100_000)
    if scaler:
        expected = make_pipeline(StandardScaler(), expected)
    expected.fit(x, y)
    weights = expected[-1] if scaler else expected
    assert_allclose(clf.w.tondarray(), weights.coef_, rtol=0, atol=1e-5)
    assert_allclose(clf.b.tondarray(), weights.intercept_
                    - weights.intercept_.mean(), rtol=2e-5)
    x_test = data[2].X.tondarray()
    y_pred, scores = clf.predict(data[2].X, return_decision_function=True)
    assert_array_equal(clf.classes[y_pred].tondarray(),
                       expected.predict(x_test))
    known = expected.decision_function(x_test)
    assert_allclose(scores.tondarray(), known - known.mean(1, keepdims=True),
                    rtol=0, atol=2e-4)  # 64 features of weights within 1e-5


@pytest.mark.parametrize('d', [1, 2])
def test_derivative_of_the_scores_of_few_features(d):
    """With one feature it ended in an error about `ravel`."""
    data = clouds(30, 0, d=d, labels=(0, 1))
    y = CArray(np.arange(30) % 3)
    clf = CClassifierSoftmaxTorch().fit(data.X, y)
    x = data.X[0, :]
    for label in range(3):
        assert_allclose(clf.grad_f_x(x, y=label).tondarray(),
                        clf.w[label, :].tondarray().ravel())
    assert_allclose(clf.gradient(x, CArray([1., 2., 3.])).tondarray(),
                    np.array([1, 2, 3]) @ clf.w.tondarray().reshape(3, d))


def test_classifier_in_secml():
    data = digits(CLASSES)
    clf = CClassifier.create('softmax-torch', preprocess='mean-std')
    clf.fit(data[0].X, data[0].Y)
    x = data[2].X[0, :]
    for label in range(3):
        ahead, behind = (CArray(x + step) for step in (1e-5, -1e-5))
        difference = (clf.decision_function(ahead, y=label)
                      - clf.decision_function(behind, y=label)).item() / 2e-5
        assert clf.grad_f_x(x, y=label).sum() == pytest.approx(
            difference, rel=1e-6)
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict(data[2].X).tondarray(),
                       clf.predict(data[2].X).tondarray())
    sparse = clf.deepcopy().fit(data[0].X.tosparse(), data[0].Y)
    assert_allclose(sparse.w.tondarray(), clf.w.tondarray(), atol=1e-9)
    with pytest.raises(ValueError, match='`y` must be labels of at least two'):
        clf.fit(data[0].X, CArray.ones(data[0].num_samples))
    with pytest.raises(ValueError, match='take CClassifierSoftmaxTorch'):
        CClassifierLogisticTorch().fit(data[0].X, data[0].Y)


def test_labels_are_other_classes():
    data = digits(CLASSES)
    found = pairs(run(make(data, 30), data)[2], data[1])
    assert all(start != label for start, label in found)
    assert {label for _, label in found} == set(CLASSES)
    for label in CLASSES:
        adv_ds = run(make(data, 5, y_poison=label, learn_lmbda=False),
                     data)[2]
        assert adv_ds.Y.tolist() == 5 * [label]
        assert all(start != label for start, _ in pairs(adv_ds, data[1]))
    aimed = run(make(data, 4, y_target=4), data)[2]
    assert aimed.Y.tolist() == 4 * [4]
    y = [8, 1, 1, 4, 8]
    assert run(make(data, 5, y_poison=CArray(y)), data)[2].Y.tolist() == y


def test_the_worst_pair_of_classes_is_kept():
    data = digits(CLASSES)
    attack = make(data, 6, y_poison='worst', learn_lmbda=False)
    adv_ds = run(attack, data)[2]
    tried = attack.history[-1].compositions
    assert [one.pair for one in tried] == [
        (), *((start, label) for label in CLASSES for start in CLASSES
              if start != label)]
    worst = max(tried, key=lambda one: (one.error, one.loss))
    assert worst.error > min(one.error for one in tried)
    assert tuple(int((adv_ds.Y == label).sum()) for label in CLASSES
                 ) == worst.n_points
    if worst.pair:
        assert set(pairs(adv_ds, data[1])) == {worst.pair}
    # more points: those before keep their labels
    more = run(attack, data, 9, ds_init=adv_ds)[2]
    assert more.Y[:6].tolist() == adv_ds.Y.tolist()
    assert sum(attack.history[-1].n_labels) == 9


def test_of_many_classes_twelve_pairs_are_tried():
    data = digits((0, 1, 2, 3, 4))
    attack = make(data, 2, y_poison='worst', learn_lmbda=False,
                  solver_params={'n_outer': 1, 'n_inner': 3})
    run(attack, data)
    assert len({one.pair for one in attack.history[-1].compositions}) == 13


def test_two_classes_are_logistic_regression():
    """Its lambda is larger by log 2: the weights of the classes are halves.
    """
    data = digits()
    softmax, logistic = (kind(
        clf, *data[:2], solver_type='implicit', learn_lmbda=False,
        solver_params={'n_outer': 3}) for kind, clf in (
            (CAttackPoisoningMinimaxSoftmax,
             CClassifierSoftmaxTorch(lmbda=math.log(2))),
            (CAttackPoisoningMinimaxLR, CClassifierLogisticTorch(lmbda=0.))))
    (y_pred, _, adv_ds, f_opt), (y_known, _, known, f_known) = (
        run(attack, data, 5) for attack in (softmax, logistic))
    assert f_opt == pytest.approx(f_known, rel=1e-6)
    assert_array_equal(y_pred.tondarray(), y_known.tondarray())
    assert_allclose(adv_ds.X.tondarray(), known.X.tondarray(), atol=1e-5)


def test_copies_go_on_alike():
    data = digits(CLASSES)
    attack = make(data, 4)
    first = run(attack, data)
    again = pickle.loads(pickle.dumps(attack.deepcopy()))
    assert_same_result(run(again, data), first)
    assert attack.objective_function(attack.xc[0, :]) == pytest.approx(
        first[3], rel=.05)  # of the model trained to its end


@pytest.mark.parametrize('clf, attack, classes, words', [
    (CClassifierLogisticTorch, CAttackPoisoningMinimaxLR, CLASSES,
     'exactly two classes.*CAttackPoisoningMinimaxSoftmax'),
    (CClassifierSoftmaxTorch, CAttackPoisoningMinimaxSoftmax, (4,),
     'labels of at least two classes')])
def test_numbers_of_classes_that_are_refused(clf, attack, classes, words):
    with pytest.raises(ValueError, match=words):
        attack(clf(), *digits(classes)[:2])


def test_forward_mode_finds_the_same():
    data = digits(CLASSES)
    settings = {'n_outer': 2, 'n_inner': 15}
    (_, _, forward, f_opt), (_, _, reverse, known) = (run(make(
        data, 2, solver_type=solver_type, learn_lmbda=False,
        solver_params=settings), data) for solver_type in ('fmd', 'rmd'))
    assert f_opt == pytest.approx(known, rel=1e-9)
    assert_allclose(forward.X.tondarray(), reverse.X.tondarray(), atol=1e-9)


def test_plots():
    data = digits(CLASSES)
    attack = make(data, 4)
    adv_ds = run(attack, data)[2]
    fig = CFigure()
    fig.sp.plot_poisoning_images(attack, adv_ds)
    fig.sp.plot_weight_histogram(attack.poisoned_classifier(adv_ds))
    two = clouds(60, 1), clouds(30, 2), clouds(20, 3)
    # a third cloud in a corner
    data = [CDataset(CArray(np.r_[x, .3 * x[::3]]), CArray(
        np.r_[y, np.full(len(x[::3]), 2)])) for x, y in (
            (part.X.tondarray(), part.Y.tondarray()) for part in two)]
    attack = make(data, 1)
    run(attack, data)
    fig = CFigure()
    fig.sp.plot_poisoning_map(attack, n_grid_points=3)
    names = fig.sp.get_legend_handles_labels()[1]
    assert sum('training point' in name for name in names) == 3
    # an edge between two classes is drawn once, as that of the first of them:
    # of all classes but the last, without the point and with it
    assert len(fig.sp._sp.collections) == 1 + 3 + 4


@pytest.mark.parametrize('settings', [
    {}, {'learn_lmbda': False, 'solver_type': 'implicit'}, {'dmax': .5}])
def test_points_pass_the_filter_of_their_class(settings):
    data = digits(CLASSES)
    attack = make(data, 8, feasible=CFeasibleSphereSlab(.7), **settings)
    _, _, poison, f_opt = run(attack, data)

    def dropped(x):
        return outside(x.tondarray(), poison.Y.tondarray(),
                       data[0].X.tondarray(), data[0].Y.tondarray(), .7)
    assert not dropped(poison.X).any()
    assert not dropped(attack.starting_points(poison)).any()
    # the rows where they start do not all pass with their new labels
    assert dropped(data[1].X[CArray(list(poison.header.starts)), :]).any()
    assert f_opt < run(make(data, 8, **settings), data)[3]


def test_whole_numbers_in_the_filter():
    data = digits(CLASSES)
    for part in data:
        part.X = (16 * part.X).round()
    attack = make(data, 6, ub=16, feasible=(
        CFeasibleSphereSlab(.7), CFeasibleInteger()))
    poison = run(attack, data)[2]
    x = poison.X.tondarray()
    assert_array_equal(x, x.round())
    assert not outside(x, poison.Y.tondarray(), data[0].X.tondarray(),
                       data[0].Y.tondarray(), .7).any()
