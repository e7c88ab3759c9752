"""SVM, ridge, softmax and L1 classifiers under the same attack."""
import math
import warnings
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from attack_invariants import assert_same_result
from attack_problems import QUICK, clouds, digits, run, small
from sklearn_names import SKLEARN_L1
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxRidge,
    CAttackPoisoningMinimaxSoftmax, CAttackPoisoningMinimaxSVM,
    CClassifierLogisticTorch, CClassifierSoftmaxTorch, CClassifierSVMTorch)
from secml_regpoison.attack import pipeline
from secml.adv.attacks.poisoning import CAttackPoisoning
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.ml.classifiers import (
    CClassifier, CClassifierLogistic, CClassifierRidge, CClassifierSVM)
from secml.ml.features import CNormalizerUnitNorm
from secml.ml.kernels import CKernelLinear, CKernelRBF


def squared_hinge(scores, y):
    return np.maximum(0, 1 - (2 * y - 1) * scores) ** 2


def cross_entropy(scores, y):
    classes, numbers = np.unique(y, return_inverse=True)
    return logsumexp(scores, 1) - scores[np.arange(len(y)), numbers]


# The attack, its classifier at lambda, scikit-learn's, and the loss.
MODELS = {
    'svm': (CAttackPoisoningMinimaxSVM,
            lambda lmbda, **kwargs: CClassifierSVMTorch(lmbda=lmbda, **kwargs),
            lambda lmbda: LinearSVC(
                C=math.exp(-lmbda), loss='squared_hinge', tol=1e-10,
                dual=False, max_iter=100_000), squared_hinge),
    'ridge': (CAttackPoisoningMinimaxRidge,
              lambda lmbda, **kwargs: CClassifierRidge(
                  alpha=math.exp(lmbda) / 2, **kwargs),
              lambda lmbda: RidgeClassifier(
                  alpha=math.exp(lmbda) / 2, solver='cholesky'),
              lambda scores, y: (1 - (2 * y - 1) * scores) ** 2),
    'softmax': (CAttackPoisoningMinimaxSoftmax,
                lambda lmbda, **kwargs: CClassifierSoftmaxTorch(
                    lmbda=lmbda, **kwargs),
                lambda lmbda: LogisticRegression(
                    C=math.exp(-lmbda), tol=1e-10, max_iter=100_000),
                cross_entropy),
    'l1': (CAttackPoisoningMinimaxLR,
           lambda lmbda, beta=1, **kwargs: CClassifierLogisticTorch(
               lmbda=lmbda, penalty='l1', beta=beta, **kwargs),
           lambda lmbda, solver='liblinear': LogisticRegression(
               C=math.exp(-lmbda), solver=solver, tol=1e-10,
               max_iter=100_000, random_state=0, **SKLEARN_L1),
           lambda scores, y: np.logaddexp(0, (1 - 2 * y) * scores))}
models = pytest.mark.parametrize('model', MODELS)


def data_of(model):
    """Digits 0 and 8, or of the softmax 1, 4 and 8, by these names."""
    return digits((1, 4, 8)) if model == 'softmax' else digits()


def make(model, data, n_points, lmbda=0., preprocess=None, **kwargs):
    """An attack on a model, exact by default."""
    kind, classifier, _, _ = MODELS[model]
    if model == 'l1':  # whose defender tries three times as many lambdas
        kwargs.setdefault('lmbda_bounds', (-3., 4.))
    kwargs = {'solver_type': 'implicit', 'solver_params': {'n_outer': 6},
              **kwargs}
    attack = kind(classifier(lmbda, preprocess=preprocess), *data[:2],
                  **kwargs)
    attack.n_points = n_points
    return attack


@pytest.mark.parametrize('lmbda', [-4., 0., 4.])
def test_svm_is_linear_svc(lmbda):
    data = digits()
    x, y = data[0].X.tondarray(), data[0].Y.tondarray()
    clf = CClassifierSVMTorch(lmbda=lmbda).fit(data[0].X, data[0].Y)
    expected = MODELS['svm'][2](lmbda).fit(x, y)
    assert clf.C == pytest.approx(math.exp(-lmbda))
    assert_allclose(clf.w.tondarray().ravel(), expected.coef_[0], rtol=0,
                    atol=1e-5)
    assert clf.b == pytest.approx(expected.intercept_[0], abs=1e-5)
    assert_array_equal(clf.predict(data[2].X).tondarray(),
                       expected.predict(data[2].X.tondarray()))


@pytest.mark.parametrize('lmbda', [0., 2.])
@pytest.mark.parametrize('clf, oracle', [
    (partial(CClassifierLogisticTorch, beta=0),
     partial(MODELS['l1'][2], solver='saga')),
    (partial(CClassifierLogisticTorch, beta=1), MODELS['l1'][2]),
    (CClassifierSVMTorch, lambda lmbda: LinearSVC(
        C=math.exp(-lmbda), penalty='l1', tol=1e-10, dual=False,
        max_iter=100_000, random_state=0))], ids=['saga', 'liblinear', 'svm'])
def test_l1_is_that_of_scikit_learn(lmbda, clf, oracle):
    data = digits()
    clf = clf(lmbda=lmbda, penalty='l1').fit(data[0].X, data[0].Y)
    expected = oracle(lmbda).fit(data[0].X.tondarray(),
                                 data[0].Y.tondarray())
    w = clf.w.tondarray().ravel()
    assert_allclose(w, expected.coef_[0], rtol=0, atol=1e-5)
    assert clf.b == pytest.approx(expected.intercept_[0], abs=1e-5)
    assert 0 < (w == 0).sum() < w.size


def test_svm_has_secmls_gradients():
    data = small()
    clf = CClassifierSVMTorch(C=2.).fit(data[0].X, data[0].Y)
    assert CClassifier.create('svm-torch').class_type == 'svm-torch'
    assert_allclose(clf.grad_f_x(data[0].X[0, :], y=1).tondarray().ravel(),
                    clf.w.tondarray().ravel())


@models
@pytest.mark.parametrize('scaler', [None, 'mean-std'])
@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_scikit_learn_retrained_prints_the_same(model, scaler, learn_lmbda):
    data = data_of(model)
    attack = make(model, data, 8, 1., scaler, learn_lmbda=learn_lmbda,
                  lb=None if scaler else 0, ub=None if scaler else 1,
                  dmax=1. if scaler else None)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        y_pred, _, adv_ds, f_opt = run(attack, data)
    _, _, oracle, loss = MODELS[model]
    clf = oracle(adv_ds.header.lmbda)
    if scaler:
        clf = make_pipeline(StandardScaler(), clf)
    poisoned = attack.poisoned_data(adv_ds)
    clf.fit(poisoned.X.tondarray(), poisoned.Y.tondarray())
    assert_array_equal(clf.predict(data[2].X.tondarray()),
                       y_pred.tondarray())
    x, y = (part.tondarray() for part in (data[1].X, data[1].Y))
    assert f_opt == pytest.approx(
        loss(clf.decision_function(x), y).mean(), rel=1e-5)
    if learn_lmbda:
        # no lambda on a grid is better for the defender
        for lmbda in np.arange(-8, 11.5, 1.5):
            other = oracle(lmbda)
            if scaler:
                other = make_pipeline(StandardScaler(), other)
            other.fit(poisoned.X.tondarray(), poisoned.Y.tondarray())
            assert loss(other.decision_function(x), y).mean() > .998 * f_opt


def test_saga_retrained_prints_the_same():
    """L1 with a bias that is free, refitted mean-std, a derivative through
    both, on columns of which none is constant."""
    data = [clouds(n, seed, d=12) for seed, n in enumerate((80, 60, 80))]
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(penalty='l1', preprocess='mean-std'),
        *data[:2], solver_type='implicit', solver_params={'n_outer': 6})
    y_pred, _, adv_ds, f_opt = run(attack, data, 8)
    found = attack.check_gradient(step=1e-5)
    assert found.points < 1e-6 and found.lmbda < 1e-6
    poisoned = attack.poisoned_data(adv_ds)
    clf = make_pipeline(StandardScaler(), MODELS['l1'][2](
        adv_ds.header.lmbda, 'saga')).fit(
            poisoned.X.tondarray(), poisoned.Y.tondarray())
    assert_array_equal(clf.predict(data[2].X.tondarray()),
                       y_pred.tondarray())
    signs = 2. * data[1].Y.tondarray() - 1
    assert f_opt == pytest.approx(np.logaddexp(0, -signs * (
        clf.decision_function(data[1].X.tondarray()))).mean(), rel=1e-5)
    assert (attack.poisoned_classifier(adv_ds).w.tondarray() == 0).any()


@models
@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_derivative_of_the_evaluated_pipeline(model, solver_type):
    data = data_of(model)
    attack = make(model, data, 6, 2., solver_type=solver_type)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        run(attack, data)
    # in 150 proximal steps of 64 weights, one leaves zero within 1e-5
    found = attack.check_gradient(step=1e-6 if model == 'l1' else 1e-5)
    assert found.points < 1e-6 and found.lmbda < 1e-6
    assert found.solver_points < 1e-6 and found.solver_lmbda < 1e-6


@models
def test_stronger_with_more_points_and_learned_against(model):
    """A security evaluation; a learned lambda rises and lowers the loss."""
    data, found = data_of(model), {}
    for learn_lmbda in (True, False):
        attack = make(model, data, 0, -2., learn_lmbda=learn_lmbda,
                      poison_mode='replace')
        evaluation = CSecEval(attack, 'n_points', CArray([0, 6, 12]),
                              save_adv_ds=True)
        evaluation.run_sec_eval(data[2])
        found[learn_lmbda] = evaluation.sec_eval_data
        assert (np.diff(found[learn_lmbda].fobj.tondarray()) > 0).all()
    assert found[True].fobj[2].item() < found[False].fobj[2].item()
    lmbdas = [ds.header.lmbda for ds in found[True].adv_ds]
    assert lmbdas[0] < lmbdas[2]
    assert attack.diagnostics().method == 'implicit'


@models
def test_labels_checkpoints_and_targets(model, tmp_path):
    data = data_of(model)
    for kwargs in ({'y_poison': 'worst', 'learn_lmbda': False},
                   {'y_target': 1}, {'joint': False}):
        attack = make(model, data, 6, **kwargs)
        path = tmp_path / f'{"-".join(kwargs)}.npz'
        first = run(attack, data, checkpoint=path)
        assert_same_result(run(attack.deepcopy(), data, checkpoint=path),
                           first)


@pytest.mark.parametrize('learn_lmbda, lmbda', [
    (False, -2.), (False, 1.), (True, 0.)])
def test_l1_is_no_weaker_than_from_either_start(monkeypatch, learn_lmbda,
                                                lmbda):
    """From validation rows, and from where these end against L2."""
    data, found = digits(), {}
    for penalty, start in (('l1', 'both'), ('l2', None), ('l1', 'l2'),
                           ('l1', 'rows')):
        if start == 'l2':
            monkeypatch.setattr(pipeline, 'first_models', lambda *_: ((),))
        attack = CAttackPoisoningMinimaxLR(
            CClassifierLogisticTorch(lmbda=lmbda, penalty=penalty), *data[:2],
            solver_type='implicit', learn_lmbda=learn_lmbda,
            lmbda_bounds=(-3, 4), solver_params={'n_outer': 6})
        before = found['l2', None][2] if start == 'l2' else None
        found[penalty, start] = (*run(attack, data, 8, ds_init=before),
                                 attack.f_eval)
    both, l2, from_l2, from_rows = found.values()
    assert both[3] >= max(from_l2[3], from_rows[3])
    assert from_l2[3] != from_rows[3]
    assert both[-1] > l2[-1] + from_rows[-1]  # all that was trained counts


def test_a_checkpoint_is_of_one_penalty(tmp_path):
    data, path = small(), tmp_path / 'one.npz'
    clf = CClassifierLogisticTorch()
    for penalty in ('l2', 'l1'):
        clf.penalty = penalty
        attack = CAttackPoisoningMinimaxLR(clf, *data[:2],
                                           solver_params={'n_outer': 1})
        with pytest.raises(ValueError, match='penalty of the classifier') \
                if penalty == 'l1' else nullcontext():
            run(attack, data, 2, checkpoint=path)


@pytest.mark.parametrize('clf, attack, words', [
    ({'penalty': 'l3'}, {}, "`penalty` must be 'l2' or 'l1', got 'l3'"),
    ({'beta': .5}, {}, '`beta` must be 0 or 1, got 0.5'),
    ({'solver': 'sgd'}, {}, "`solver` must be 'newton' with penalty='l1'"),
    ({}, {'solver_type': 'fmd'}, "`solver_type` must be 'rmd' or 'implicit' "
     "with penalty='l1', got 'fmd'"),
    ({}, {'solver_params': {'form': 'gram'}},
     "must be 'primal' or 'auto' with penalty='l1', got 'gram'")])
def test_what_l1_has_not(clf, attack, words):
    with pytest.raises(ValueError, match=words):
        CAttackPoisoningMinimaxLR(
            CClassifierLogisticTorch(**{'penalty': 'l1', **clf}),
            *small()[:2], **attack)


def test_created_by_their_class_types():
    data = small()
    for class_type, kind, clf in (
            ('p-minimax-lr', CAttackPoisoningMinimaxLR, CClassifierLogistic()),
            ('p-minimax-svm', CAttackPoisoningMinimaxSVM,
             CClassifierSVMTorch()),
            ('p-minimax-ridge', CAttackPoisoningMinimaxRidge,
             CClassifierRidge()),
            ('p-minimax-softmax', CAttackPoisoningMinimaxSoftmax,
             CClassifierSoftmaxTorch())):
        attack = CAttackPoisoning.create(class_type, clf, data[0], data[1])
        assert type(attack) is kind and attack.class_type == class_type


@pytest.mark.parametrize('kind, clf, words', [
    (CAttackPoisoningMinimaxLR, CClassifierSVMTorch(),
     'logistic regression .*, got CClassifierSVMT.*MinimaxLR, ...SVM, '),
    (CAttackPoisoningMinimaxSVM, CClassifierLogisticTorch(),
     'linear SVM .*SVM., got CClassifierLogisticTorch'),
    (CAttackPoisoningMinimaxRidge, CClassifierLogistic(),
     'must be CClassifierRidge, got CClassifierLogistic'),
    (CAttackPoisoningMinimaxSoftmax, CClassifierLogisticTorch(),
     'must be CClassifierSoftmaxTorch or .*, got CClassifierLogisticTorch')])
def test_another_kind_of_classifier_is_refused(kind, clf, words):
    with pytest.raises(TypeError, match=words):
        kind(clf, *small()[:2])


@pytest.mark.parametrize('clf, words', [
    (CClassifierSVM(kernel=CKernelRBF()), '`classifier.kernel` must be None, '
     'got CKernelRBF: the attack is on weights of features. Make a '
     'CClassifierSVM without it, which is linear.'),
    (CClassifierSVM(kernel=CKernelLinear()), 'which is the same classifier.'),
    (CClassifierSVM(class_weight={0: 1., 1: 2.}), '`classifier.class_weight`'),
    (CClassifierRidge(class_weight={0: 1., 1: 2.}),
     '`classifier.class_weight`'),
    (CClassifierRidge(fit_intercept=False), '`classifier.fit_intercept`')])
def test_what_the_objective_has_not(clf, words):
    kind = CAttackPoisoningMinimaxSVM if isinstance(
        clf, CClassifierSVM) else CAttackPoisoningMinimaxRidge
    with pytest.raises(ValueError, match=words):
        kind(clf, *small()[:2])


@pytest.mark.parametrize('kind, clf, name, value', [
    (CAttackPoisoningMinimaxLR, CClassifierLogistic, 'solver', 'lbfgs'),
    (CAttackPoisoningMinimaxLR, CClassifierLogistic, 'l1_ratio', 1),
    (CAttackPoisoningMinimaxLR, CClassifierLogistic, 'fit_intercept', False),
    (CAttackPoisoningMinimaxLR, CClassifierLogistic, 'class_weight',
     {0: 1, 1: 5}),
    (CAttackPoisoningMinimaxLR, CClassifierLogistic, 'intercept_scaling', 9.),
    (CAttackPoisoningMinimaxRidge, CClassifierRidge, 'positive', True),
    (CAttackPoisoningMinimaxSVM, CClassifierSVM, 'class_weight', 'balanced')])
@pytest.mark.filterwarnings('ignore:the hinge of CClassifierSVM')
def test_a_parameter_that_changes_the_objective(kind, clf, name, value):
    """secml hands it to scikit-learn; the attack would be on another model."""
    data, words = small(), f'`classifier.{name}` must be .*, got .*: with ano'
    attack = kind(clf(), *data[:2])
    attack.n_points = 2
    attack.set(f'classifier.{name}', value)
    with pytest.raises(ValueError, match=words):
        attack.run(data[2].X, data[2].Y)
    with pytest.raises(ValueError, match=words):
        kind(attack.classifier, *data[:2])


@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_the_hinge_that_is_not_squared_is_evaluated_as_it_is(learn_lmbda):
    data = [clouds(n, seed, d=5) for seed, n in enumerate((60, 40, 80))]
    with pytest.warns(RuntimeWarning, match='hinge of CClassifierSVM is not'):
        attack = CAttackPoisoningMinimaxSVM(
            CClassifierSVM(C=1.), data[0], data[1], solver_type='implicit',
            learn_lmbda=learn_lmbda, solver_params={'n_outer': 5})
    y_pred, _, adv_ds, f_opt = run(attack, data, 8)
    poisoned = attack.poisoned_data(adv_ds)
    clf = SVC(C=math.exp(-adv_ds.header.lmbda), kernel='linear').fit(
        poisoned.X.tondarray(), poisoned.Y.tondarray())
    assert_array_equal(clf.predict(data[2].X.tondarray()),
                       y_pred.tondarray())
    assert f_opt == pytest.approx(squared_hinge(
        clf.decision_function(data[1].X.tondarray()),
        data[1].Y.tondarray()).mean(), rel=1e-6)


def test_learned_lambda_is_that_of_the_real_classifier():
    """Not of the surrogate: what `run` learned for the same points."""
    data = [clouds(n, seed, d=5) for seed, n in enumerate((60, 40, 80))]
    attack = CAttackPoisoningMinimaxSVM(
        CClassifierSVM(C=1.), data[0], data[1], solver_type='implicit',
        solver_params={'n_outer': 5})
    run(attack, data, 8)
    assert attack.learned_lmbda(attack.xc[0, :]) == pytest.approx(
        attack.lmbda, abs=1e-6)


def test_a_loss_of_zero_has_diagnostics():
    """The squared hinge of classes far apart, which no poison has to harm."""
    data = [clouds(n_rows, seed, spread=.01) for seed, n_rows in enumerate(
        (40, 24, 60))]
    attack = CAttackPoisoningMinimaxSVM(
        CClassifierSVMTorch(C=1e5), data[0], data[1], solver_params=QUICK)
    attack.n_points = 0
    run(attack, data)
    found = attack.diagnostics()
    assert found.defender_loss == found.defender_gap == 0.


@pytest.mark.parametrize('scaler', [None, 'unit-norm'])
@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_an_svm_on_sparse_rows_is_that_of_scikit_learn(scaler, learn_lmbda):
    """libsvm's sparse weights are read-only, which secml's norm is not made
    for."""
    data = tuple(part.tosparse() for part in small(d=6))
    attack = CAttackPoisoningMinimaxSVM(
        CClassifierSVM(C=2., preprocess=scaler), *data[:2],
        learn_lmbda=learn_lmbda, lmbda_bounds=(-2., 2.), solver_params=QUICK)
    y_pred, scores, adv_ds, f_opt = run(attack, data, 3)
    poisoned = attack.poisoned_data(adv_ds)
    assert poisoned.X.issparse
    # features as secml rounds them: libsvm stops at a tolerance of 1e-3
    x, x_val, x_ts = (
        (CNormalizerUnitNorm().fit_transform(rows) if scaler else rows).tocsr()
        for rows in (poisoned.X, data[1].X, data[2].X))
    clf = SVC(kernel='linear', C=math.exp(-adv_ds.header.lmbda))
    clf.fit(x, poisoned.Y.tondarray())
    w = clf.coef_.toarray()
    assert adv_ds.header.w_norm == pytest.approx(np.linalg.norm(w), rel=1e-12)
    kept = attack.poisoned_classifier(adv_ds)
    assert_allclose(kept.w.tondarray().ravel(), w.ravel(), rtol=1e-12)
    assert_allclose(scores[:, 1].tondarray().ravel(),
                    clf.decision_function(x_ts), atol=1e-12)
    assert_array_equal(y_pred.tondarray(), clf.predict(x_ts))
    margins = clf.decision_function(x_val)
    assert f_opt == pytest.approx(
        squared_hinge(margins, data[1].Y.tondarray()).mean(), rel=1e-12)
