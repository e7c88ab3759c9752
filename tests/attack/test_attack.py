"""What a run returns: the poison, the predictions, the loss, the path."""
import math
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attack_problems import (
    QUICK, clouds, digits, fit_gradient_descent, fit_optimum, kept_iterate,
    loss, make, run, small, solver_value)
from secml_regpoison import CClassifierLogisticTorch

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

BY_MODE = pytest.mark.parametrize('poison_mode', ['append', 'replace'])


def rows_of(x):
    """The rows of an array, as a list that can be searched and sorted."""
    return [tuple(row) for row in x.tondarray().tolist()]


@pytest.mark.slow
@BY_MODE
@pytest.mark.parametrize('learn_lmbda', [True, False])
@pytest.mark.parametrize('preprocess', [None, 'min-max', 'unit-norm'])
@pytest.mark.parametrize('sparse', [False, True])
@pytest.mark.parametrize('kind, settings', [
    (CClassifierLogistic, {}), (CClassifierLogisticTorch, {}),
    (CClassifierLogisticTorch, {'solver': 'sgd', 'epochs': 3})])
def test_predictions_are_those_of_the_retrained_classifier(
        poison_mode, learn_lmbda, preprocess, sparse, kind, settings):
    data = [ds.tosparse() if sparse else ds for ds in small()]
    clf = kind(C=.3, preprocess=preprocess, **settings)
    before = pickle.dumps(clf)
    attack = make(data, 5, clf, poison_mode=poison_mode,
                  learn_lmbda=learn_lmbda)
    y_pred, scores, adv_ds, _ = run(attack, data)
    assert adv_ds.issparse is sparse
    assert pickle.dumps(clf) == before

    again = clf.deepcopy()
    if learn_lmbda:
        again.C = math.exp(-attack.lmbda)
        assert not np.isclose(again.C, .3)
    poisoned = attack.poisoned_data(adv_ds)
    again.fit(poisoned.X, poisoned.Y)
    expected, expected_scores = again.predict(
        data[2].X, return_decision_function=True)
    assert_array_equal(y_pred.tondarray(), expected.tondarray())
    assert_array_equal(scores.tondarray(), expected_scores.tondarray())
    assert adv_ds.header.w_norm == again.w.norm()
    found = attack.poisoned_classifier(adv_ds)
    assert found is not clf and found.C == again.C
    assert_array_equal(found.decision_function(data[2].X).tondarray(),
                       scores.tondarray())
    assert 0 < (y_pred != data[2].Y).sum() < 30

    if poison_mode == 'append':
        appended = data[0].append(adv_ds)
        again.fit(appended.X, appended.Y)
        assert_array_equal(scores.tondarray(), again.decision_function(
            data[2].X).tondarray())


def test_fixed_lambda_is_exactly_the_classifiers_own():
    data, c = small(), .1234567890123
    attack = make(data, 3, CClassifierLogistic(C=c), learn_lmbda=False)
    header = run(attack, data)[2].header
    assert attack.lmbda == header.lmbda == -np.log(c)
    assert set(attack.lmbda_seq.tolist()) == {-np.log(c)}
    # no longer that of the run, once the classifier has another C
    attack.classifier.C = 2.
    assert attack.lmbda == -np.log(2.)


@pytest.mark.parametrize('n_points', [0, 6])
@pytest.mark.parametrize('learn_lmbda', [True, False])
@BY_MODE
def test_loss_is_that_at_the_optimum_in_natural_log(
        n_points, learn_lmbda, poison_mode):
    data = small()
    attack = make(data, n_points, learn_lmbda=learn_lmbda,
                  poison_mode=poison_mode, solver_type='implicit')
    *_, adv_ds, f_opt = run(attack, data)
    poisoned = attack.poisoned_data(adv_ds)
    expected = loss(fit_optimum(poisoned, attack.lmbda), data[1])
    # secml leaves liblinear at a tolerance of 1e-4
    assert_allclose(f_opt, expected, rtol=1e-3)
    assert_allclose(solver_value(attack), expected, rtol=1e-6)
    assert attack.f_opt == f_opt


@pytest.mark.parametrize('n_points', [0, 6])
@pytest.mark.parametrize('solver_type', ['rmd', 'fmd'])
@BY_MODE
def test_loss_is_that_after_gradient_descent(n_points, solver_type,
                                             poison_mode):
    data = small()
    n_inner, eta, momentum = 40, .4, .5
    attack = make(data, n_points, solver_type=solver_type,
                  poison_mode=poison_mode,
                  solver_params={'n_inner': n_inner, 'inner_eta': eta,
                                 'momentum': momentum, 'n_outer': 2})
    *_, adv_ds, f_opt = run(attack, data)
    poisoned = attack.poisoned_data(adv_ds)
    model = fit_gradient_descent(poisoned, adv_ds.header.search_lmbda,
                                 n_inner, eta, momentum)
    assert_allclose(solver_value(attack), loss(model, data[1]), rtol=1e-10)
    # what is reported is the loss of the classifier, trained to its end
    assert_allclose(f_opt, loss(fit_optimum(poisoned, attack.lmbda), data[1]),
                    rtol=1e-3)


@pytest.mark.parametrize('y_target, sign', [(0, -1.), (1, 1.)])
def test_targeted_attack_lowers_its_own_loss(y_target, sign):
    """lambda still follows the true labels: the defender's."""
    data = digits()
    attack = make(data, 6, y_target=y_target, solver_type='implicit',
                  solver_params={'n_outer': 15})
    *_, adv_ds, f_opt = run(attack, data)
    poisoned = attack.poisoned_data(adv_ds)
    expected = loss(fit_optimum(poisoned, attack.lmbda), data[1], target=sign)
    assert_allclose(f_opt, expected, rtol=1e-3)
    found = solver_value(attack)
    assert_allclose(found, expected, rtol=1e-6)
    assert found <= attack.f_seq.min() + 1e-12
    assert found < .9 * attack.f_seq[0].item()
    steps = attack.lmbda + np.arange(-3, 3.1, .25)
    steps = steps[(steps > -8) & (steps < 11.5)]
    defended = [loss(fit_optimum(poisoned, at), data[1]) for at in steps]
    here = loss(fit_optimum(poisoned, attack.lmbda), data[1])
    # the learned lambda is as good as a grid of step 0.25 to 1 %
    assert here <= 1.01 * min(defended)
    # ... and far from what the attacker would like
    assert max(defended) > 1.05 * here


@BY_MODE
def test_size_of_the_poisoned_data(poison_mode):
    data = small()
    attack = make(data, poison_mode=poison_mode)
    kept_before = rows_of(data[0].X)
    for n_points in (0, 4, 9):
        adv_ds = run(attack, data, n_points)[2]
        poisoned = attack.poisoned_data(adv_ds)
        n_clean = 40 - n_points if poison_mode == 'replace' else 40
        assert adv_ds.num_samples == n_points
        assert poisoned.num_samples == n_clean + n_points
        assert_array_equal(poisoned.X.tondarray()[n_clean:],
                           adv_ds.X.tondarray())
        # clean rows in their order, and more poison replaces more of them
        kept = rows_of(poisoned.X)[:n_clean]
        assert [row for row in kept_before if row in kept] == kept
        kept_before = kept
        labelled = dict(zip(rows_of(data[0].X), data[0].Y.tolist()))
        assert poisoned.Y.tolist()[:n_clean] == [labelled[row]
                                                 for row in kept]


@pytest.mark.parametrize('n_restarts', [0, 3])
def test_starts_are_validation_points_with_the_label_flipped(n_restarts):
    """Drawn without repetition, also in several batches and runs."""
    data = small()
    attack = make(data, batch_size=8, joint=False, n_restarts=n_restarts,
                  solver_params={'n_outer': 0, 'n_inner': 5})
    adv_ds = None
    for n_points in (9, 24):
        adv_ds = run(attack, data, n_points, ds_init=adv_ds)[2]
        starts = adv_ds.header.starts
        assert len(set(starts)) == len(starts) == n_points
        for point, label, row in zip(rows_of(adv_ds.X), adv_ds.Y, starts):
            assert point == rows_of(data[1].X)[row]
            assert label != data[1].Y[row]
    assert rows_of(attack.x0) == rows_of(adv_ds.X)[17:]


def test_seed_decides_the_starts():
    data = small()
    starts = {seed: run(make(data, 6, random_seed=seed,
                             solver_params={'n_outer': 0}), data)[2]
              for seed in (0, 1)}
    assert starts[0].header.starts != starts[1].header.starts


@pytest.mark.parametrize('n_points', [3, 6])
def test_path_of_the_last_batch(n_points):
    data = digits()
    attack = make(data, n_points, batch_size=4, joint=False)
    adv_ds = run(attack, data)[2]
    n_last = {3: 3, 6: 2}[n_points]
    n_iter = attack.f_seq.size
    assert 2 <= n_iter <= 1 + QUICK['n_outer'] + 1
    assert attack.f_seq.shape == attack.lmbda_seq.shape == (n_iter,)
    assert attack.x_seq.shape == (n_iter, n_last * 64)
    assert attack.x0.shape == (n_last, 64)
    assert_array_equal(attack.x_seq[0, :].tondarray().ravel(),
                       attack.x0.tondarray().ravel())
    best = kept_iterate(attack)
    assert attack.f_seq[best].item() == attack.f_seq.max()
    assert attack.lmbda_seq[best].item() == adv_ds.header.search_lmbda
    assert_array_equal(attack.x_seq[best, :].tondarray().ravel(),
                       adv_ds.X[-n_last:, :].tondarray().ravel())
    assert_array_equal(attack.x_opt.tondarray(), adv_ds.X.tondarray())
    assert attack.f_eval >= n_iter and attack.grad_eval >= n_iter


def test_no_points_leave_no_path_of_an_earlier_run():
    data = small()
    attack = make(data, 4)
    run(attack, data)
    run(attack, data, 0)
    assert attack.f_seq.size == attack.lmbda_seq.size == 1
    assert attack.x_seq.shape == (1, 0) and attack.x0.shape == (0, 2)
    assert attack.xc.shape == (0, 2) and attack.yc.size == 0


@pytest.mark.parametrize('labels', [(3, 8), (-1, 1), (8, 12), (0., 1.)])
@pytest.mark.parametrize('y_target', [None, 1])
def test_any_two_labels_give_the_same_attack(labels, y_target):
    """Up to the names of the classes."""
    plain, named = small(), small(labels=labels)
    attacks = [make(data, 5, poison_mode='replace', y_target=target)
               for data, target in ((plain, y_target), (
                   named, None if y_target is None else labels[y_target]))]
    first, second = (run(attack, data) for attack, data
                     in zip(attacks, (plain, named)))
    assert_array_equal(first[1].tondarray(), second[1].tondarray())
    assert_array_equal(first[2].X.tondarray(), second[2].X.tondarray())
    assert first[3] == second[3]
    for ours, theirs in ((first[0], second[0]), (first[2].Y, second[2].Y)):
        assert [labels[int(label)] for label in ours] == theirs.tolist()
    assert len(set(second[0].tolist())) == 2


@pytest.mark.parametrize('part', ['training_data', 'val', 'both'])
def test_sparse_data_give_the_attack_on_dense_data(part):
    dense = [CDataset(CArray(np.round(ds.X.tondarray(), 1)), ds.Y)
             for ds in small()]
    sparse = [ds.tosparse() if part in (name, 'both') else ds
              for name, ds in zip(('training_data', 'val', 'x'), dense)]
    expected, found = run(make(dense, 5), dense), run(make(sparse, 5), sparse)
    assert found[2].issparse == (part != 'val')
    assert_array_equal(found[2].X.tondarray(), expected[2].X.tondarray())
    assert found[3] == pytest.approx(expected[3], rel=1e-12)
    assert found[2].header.lmbda == expected[2].header.lmbda
    # liblinear's sparse and dense code add up in another order
    assert_allclose(found[1].tondarray(), expected[1].tondarray(), rtol=1e-8)


@pytest.mark.parametrize('d', [1, 5])
def test_any_number_of_features(d):
    data = small(d=d)
    for n_points in (0, 1, 24):
        y_pred, scores, adv_ds, f_opt = run(make(data, n_points), data)
        assert adv_ds.X.shape == (n_points, d)
        assert scores.shape == (60, 2) and y_pred.shape == (60,)
        assert np.isfinite(f_opt)


def test_whole_numbers_are_data_too():
    """Rows of a whole-number dtype do not cut the poison down to it."""
    data = [CDataset(CArray((4 * ds.X.tondarray()).astype(int)), ds.Y)
            for ds in (clouds(40, 1), clouds(24, 2), clouds(60, 3))]
    as_floats = [CDataset(ds.X.astype(float), ds.Y) for ds in data]
    found, expected = (run(make(each, 5, ub=3.5), each)
                       for each in (data, as_floats))
    assert_array_equal(found[2].X.tondarray(), expected[2].X.tondarray())
    assert (found[2].X.tondarray() % 1).any()
    assert_array_equal(found[1].tondarray(), expected[1].tondarray())


def test_bounds_of_lambda_are_any_real_numbers():
    data = small()
    found = [run(make(data, 3, lmbda_bounds=bounds), data)[3]
             for bounds in ((-8., 11.), (Fraction(-8), np.float32(11)))]
    assert found[0] == found[1]


@pytest.mark.parametrize('seed', [0, 1])
def test_the_restart_that_is_kept_harms_the_evaluated_classifier_most(seed):
    """At this C training by 100 steps stops far from the optimum, and ranks
    restarts by the loss of another model."""
    data, losses = digits(), []
    for n_restarts in (0, 1, 2):
        attack = make(data, 6, CClassifierLogisticTorch(C=3000.),
                      learn_lmbda=False, n_restarts=n_restarts,
                      random_seed=seed,
                      solver_params={'n_inner': 100, 'n_outer': 6})
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', RuntimeWarning)  # two losses
            losses.append(run(attack, data)[3])
    assert sorted(losses) == losses and losses[0] < losses[-1]
