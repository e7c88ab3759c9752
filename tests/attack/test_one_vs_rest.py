"""The attack on secml's one-against-rest classifier, evaluated as it is."""
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attack_invariants import assert_same_result
from attack_problems import digits, run
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxSoftmax,
    CCertificatePoisoning, CClassifierLogisticTorch, CClassifierSVMTorch)
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.classifiers.multiclass import CClassifierMulticlassOVA
from secml.ml.features import CNormalizerMinMax

CLASSES = 1, 4, 8


def make(data, kind=CClassifierLogisticTorch, preprocess=None, C=2.,
         **kwargs):
    kwargs = {'solver_type': 'implicit', 'solver_params': {'n_outer': 5},
              'lmbda_bounds': (-3, 5), **kwargs}
    with pytest.warns(RuntimeWarning, match='trains each class against the'):
        return CAttackPoisoningMinimaxSoftmax(CClassifierMulticlassOVA(
            kind, preprocess=preprocess, C=C), *data[:2], **kwargs)


def retrained(poisoned, lmbda, scaler=None, **kwargs):
    clf = OneVsRestClassifier(LogisticRegression(
        C=math.exp(-lmbda), tol=1e-12, max_iter=100_000, **kwargs))
    clf = make_pipeline(StandardScaler(), clf) if scaler else clf
    return clf.fit(poisoned.X.tondarray(), poisoned.Y.tondarray())


def loss(clf, val):
    """Cross-entropy of the scores on the validation rows."""
    scores = clf.decision_function(val.X.tondarray())
    column = np.searchsorted(clf.classes_, val.Y.tondarray())
    return (logsumexp(scores, 1) - scores[np.arange(len(column)),
                                          column]).mean()


@pytest.mark.parametrize('learn_lmbda', [True, False])
@pytest.mark.parametrize('scaler', [None, 'mean-std'])
def test_scikit_learn_retrained_prints_the_same(learn_lmbda, scaler):
    data = digits(CLASSES)
    attack = make(data, preprocess=scaler, learn_lmbda=learn_lmbda)
    clean = run(attack, data, 0)
    y_pred, scores, adv_ds, f_opt = run(attack, data, 10)
    clf = retrained(attack.poisoned_data(adv_ds), adv_ds.header.lmbda, scaler)
    assert_array_equal(clf.predict(data[2].X.tondarray()),
                       y_pred.tondarray())
    assert f_opt == pytest.approx(loss(clf, data[1]), rel=1e-5)
    weights = clf[-1] if scaler else clf
    assert adv_ds.header.w_norm == pytest.approx(np.linalg.norm(
        [part.coef_ for part in weights.estimators_]), rel=1e-5)
    assert f_opt > clean[3] and scores.shape == (data[2].num_samples, 3)
    if learn_lmbda:
        # it is the real classifier's best, not the softmax's
        for lmbda in np.arange(-3, 5.1, 1):
            other = retrained(attack.poisoned_data(adv_ds), lmbda, scaler)
            assert loss(other, data[1]) > .998 * f_opt
    else:
        assert adv_ds.header.lmbda == pytest.approx(-math.log(2))


def test_liblinear_a_sweep_and_copies():
    data = digits(CLASSES)
    attack = make(data, CClassifierLogistic, learn_lmbda=False,
                  random_seed=3)
    attack.n_points = 6
    first = run(attack, data)
    clf = retrained(attack.poisoned_data(first[2]), first[2].header.lmbda,
                    solver='liblinear')
    assert_array_equal(clf.predict(data[2].X.tondarray()),
                       first[0].tondarray())
    assert_same_result(run(attack.deepcopy(), data), first)
    evaluation = CSecEval(attack, 'n_points', CArray([0, 6]),
                          save_adv_ds=True)
    evaluation.run_sec_eval(data[2])
    assert evaluation.sec_eval_data.fobj[1].item() == pytest.approx(first[3])
    fig = CFigure()
    fig.sp.plot_weight_histogram(attack.poisoned_classifier(first[2]))
    counts = fig.sp._sp.containers[0].datavalues
    assert counts.sum() == 3 * data[0].num_features
    # the user's classifier is as it was: not trained, C = 2
    assert attack.classifier.num_classifiers == 1
    assert attack.lmbda == pytest.approx(-math.log(2))


@pytest.mark.parametrize('kind, kwargs, words', [
    (CClassifierSVMTorch, {}, 'of logistic regressions with the L2 penalty, '
     'got CClassifierMulticlassOVA'),
    (CClassifierLogisticTorch, {'penalty': 'l1'}, 'with the L2 penalty, got'),
    (CClassifierLogisticTorch, {'C': 1e-30}, '`classifier.C` must be a num')])
def test_binary_classifiers_that_are_refused(kind, kwargs, words):
    with pytest.raises((TypeError, ValueError), match=words):
        CAttackPoisoningMinimaxSoftmax(
            CClassifierMulticlassOVA(kind, **kwargs), *digits(CLASSES)[:2])


def test_what_the_objective_has_not():
    data = digits(CLASSES)
    clf = CClassifierMulticlassOVA(CClassifierLogisticTorch)
    clf.prepare(3)
    clf.set('C', (1., 2., 3.))
    with pytest.raises(ValueError, match='`classifier.C` must be the same'):
        CAttackPoisoningMinimaxSoftmax(clf, *data[:2])
    clf = CClassifierMulticlassOVA(CClassifierLogisticTorch)
    clf._binary_classifiers[0].preprocess = CNormalizerMinMax()
    with pytest.raises(ValueError, match='Give it to CClassifierMultic'):
        CAttackPoisoningMinimaxSoftmax(clf, *data[:2])
    with pytest.raises(TypeError, match='must be a logistic regression'):
        CAttackPoisoningMinimaxLR(clf, *digits()[:2])
    with pytest.raises(TypeError, match='got CClassifierMulticlassOVA'):
        CCertificatePoisoning(make(data))
    with pytest.raises(ValueError, match='where trust is learned'):
        CAttackPoisoningMinimaxSoftmax(
            CClassifierMulticlassOVA(CClassifierLogisticTorch), *data[:2],
            learn_lmbda='trust')
