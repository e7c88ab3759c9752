"""The classifier against scikit-learn, its derivatives, and secml's tools."""
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_classification
from sklearn.linear_model import LogisticRegression
from core_problems import on_gpu

from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CClassifierLogisticTorch,
    CClassifierSoftmaxTorch, CClassifierSVMTorch)
from secml_regpoison.classifier.c_classifier_linear_torch import TOLERANCES

from secml.adv.attacks.evasion import CAttackEvasionPGD, CAttackEvasionPGDLS
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.core.exceptions import NotFittedError
from secml.data import CDataset
from secml.data.splitter import CDataSplitterKFold
from secml.figure import CFigure
from secml.ml.classifiers import CClassifier, CClassifierLogistic
from secml.ml.classifiers.loss import CLoss, CLossLogistic
from secml.ml.classifiers.multiclass import CClassifierMulticlassOVA


def _digits():
    x, y = load_digits(return_X_y=True)
    rows = np.flatnonzero((y == 3) | (y == 8))
    return x[rows] / 16., (y[rows] == 8).astype(int)


DATA = {
    'tall': make_classification(200, 6, flip_y=.1, random_state=0),
    'wide': make_classification(40, 90, random_state=1),  # separable, Gram
    'digits': _digits(),
}


@pytest.fixture(params=DATA)
def data(request):
    return DATA[request.param]


@pytest.fixture
def tall():
    x, y = DATA['tall']
    return CDataset(x, y)


def fitted(data, **kwargs):
    x, y = data
    return CClassifierLogisticTorch(**kwargs).fit(CArray(x), CArray(y))


def params(clf):
    return np.append(clf.w.tondarray(), CArray(clf.b).tondarray())


def objective(u, x, y, lmbda):
    """The objective L in NumPy."""
    h = -(2 * y - 1) * (x @ u[:-1] + u[-1])
    return (np.logaddexp(0, h).mean()
            + math.exp(lmbda) / (2 * len(y)) * u[:-1] @ u[:-1])


def derivative(fun, u, eps=1e-5):
    """Central differences with respect to each of `u`, in a last axis."""
    return np.stack([(fun(u + step) - fun(u - step)) / (2 * eps)
                     for step in eps * np.eye(len(u))], -1)


def at(clf, u):
    """A copy of `clf` with parameters `u`."""
    clf = clf.deepcopy()
    clf._w, clf._b = CArray(u[:-1]), float(u[-1])
    return clf


# The optimum

@pytest.mark.parametrize('lmbda', [1, 4, 8])
def test_agrees_with_lbfgs(data, lmbda):
    """At weaker regularisation lbfgs stops early, whatever its tol: its loss
    may change by 64 eps. The next test covers it."""
    model = LogisticRegression(C=math.exp(-lmbda), solver='lbfgs', tol=1e-12,
                               max_iter=100000).fit(*data)
    clf = fitted(data, lmbda=lmbda)
    assert abs(clf.w.tondarray() - model.coef_[0]).max() < 1e-6
    assert abs(clf.b - model.intercept_[0]) < 1e-6


@pytest.mark.parametrize('lmbda', [-8, -4, 0, 8])
def test_agrees_with_newton_cholesky(data, lmbda):
    model = LogisticRegression(
        C=math.exp(-lmbda), solver='newton-cholesky', tol=1e-12,
        max_iter=1000).fit(*data)
    clf = fitted(data, C=math.exp(-lmbda))
    assert abs(clf.w.tondarray() - model.coef_[0]).max() < 1e-8
    assert abs(clf.b - model.intercept_[0]) < 1e-8


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('lmbda', [-12, -8, 0, 8, 12])
def test_kkt_residual(data, lmbda):
    (x, y), u = data, params(fitted(data, lmbda=lmbda))
    sign = 2 * y - 1
    r = -sign / (1 + np.exp(sign * (x @ u[:-1] + u[-1]))) / len(y)
    assert abs(r @ x + math.exp(lmbda) / len(y) * u[:-1]).max() < 1e-11
    assert abs(r.sum()) < 1e-11


def test_bias_is_not_penalised(data):
    """Moving all rows moves the bias alone; liblinear's weights change."""
    x, y = data
    here, there = fitted((x, y)), fitted((x + 3., y))
    assert abs((here.w - there.w).tondarray()).max() < 1e-8
    assert there.b == pytest.approx(here.b - 3. * here.w.sum(), abs=1e-6)
    host = [CClassifierLogistic(max_iter=1000, random_state=0).fit(
        CArray(x + shift), CArray(y)).w for shift in (0., 3.)]
    assert abs((host[0] - host[1]).tondarray()).max() > 1e-3


def test_identities(data):
    (x, y), u = data, params(fitted(data, lmbda=1.))
    twice = fitted((np.tile(x, (2, 1)), np.tile(y, 2)),
                   lmbda=1. + math.log(2))
    flipped = fitted((x, 1 - y), lmbda=1.)
    assert np.allclose(params(twice), u, rtol=0, atol=1e-9)
    assert np.allclose(params(flipped), -u, rtol=0, atol=1e-9)


def test_float32(data):
    clf = fitted(data, dtype='float32')
    # the gradient is known to about 1e-7, mu is 1 / n = 1 / 357 at least
    assert 1e-12 < abs((clf.w - fitted(data).w).tondarray()).max() < 3e-4
    assert clf.w.dtype == np.float64


def test_warns_of_missing_the_optimum(tall, monkeypatch):
    """We know no data on which Newton stops early and whose Hessian is not
    singular, so the test asks for an impossible tolerance."""
    monkeypatch.setitem(TOLERANCES, 'float64', (1e-25, 1e-20))
    with pytest.warns(RuntimeWarning, match='asked for 1e-20: lmbda = 1 '):
        CClassifierLogisticTorch(lmbda=1.).fit(tall.X, tall.Y)


def test_singular_hessian(tall):
    """Duplicate features, and almost no regularisation."""
    x = tall.X.append(tall.X, axis=1)
    clf = CClassifierLogisticTorch(lmbda=-30., dtype='float32')
    with pytest.raises(FloatingPointError, match='singular.*lmbda = -30'):
        clf.fit(x, tall.Y)


@on_gpu
@pytest.mark.parametrize('solver', ['newton', 'sgd'])
def test_cuda_agrees_with_cpu(data, solver):
    u = [params(fitted(data, solver=solver, device=device))
         for device in ('cuda', 'cpu')]
    assert np.allclose(*u, rtol=0, atol=1e-8)


# The strength

def test_c_and_lmbda_are_one():
    clf = CClassifierLogisticTorch()
    assert (clf.C, clf.lmbda) == (1., 0.)
    assert str(clf.lmbda) == '0.0'  # not -0.0
    clf = CClassifierLogisticTorch(C=.1)
    assert clf.C == .1 and clf.lmbda == pytest.approx(math.log(10))
    clf.lmbda = -8
    assert clf.lmbda == -8. and clf.C == pytest.approx(math.exp(8))
    clf.set('C', np.float32(2.))
    assert clf.lmbda == pytest.approx(-math.log(2))
    both = CClassifierLogisticTorch(C=math.exp(3), lmbda=-3)
    assert both.lmbda == -3.
    with pytest.raises(ValueError, match='`C` must be .*exp.-lmbda'):
        CClassifierLogisticTorch(C=1., lmbda=1.)


@pytest.mark.parametrize('kind', [
    CClassifierLogisticTorch, CClassifierSVMTorch, CClassifierSoftmaxTorch])
def test_copied_to_the_last_bit(kind):
    """exp(log(3)) is not 3, nor log(exp(-.07)) -.07."""
    for clf in (kind(C=3), kind(C=1), kind(lmbda=.07), kind(lmbda=-7.7),
                kind(C=1e300), kind(C=1e-300), kind(lmbda=691),
                kind(lmbda=-691)):
        expected = clf.C, clf.lmbda
        params = clf.get_params()
        for order in (list, reversed):
            other = kind()
            other.set_params({name: params[name]
                              for name in order(list(params))})
            assert (other.C, other.lmbda) == expected
        other = kind()
        other.set_state(clf.get_state())
        assert (other.C, other.lmbda) == expected
        other = kind(*expected)
        assert (other.C, other.lmbda) == expected


def test_params_make_the_same_classifier(tall):
    clf = CClassifierLogisticTorch(
        lmbda=2., solver='sgd', eta=.1, batch_size=7, epochs=3,
        random_state=5, device='cpu', dtype='float32')
    values = clf.get_params()
    assert {'C', 'lmbda', 'solver', 'eta', 'batch_size', 'epochs',
            'random_state', 'device', 'dtype'} <= set(values)
    other = CClassifierLogisticTorch()
    other.set_params(values)
    assert np.array_equal(params(clf.fit(tall.X, tall.Y)),
                          params(other.fit(tall.X, tall.Y)))


def test_set_leaves_nothing_stale(tall):
    """Refitted after `set`, it equals a classifier created with the value."""
    clf = CClassifierLogisticTorch(C=1.).fit(tall.X, tall.Y)
    clf.hessian_tr_params(tall.X, tall.Y)
    clf.set('C', .01)
    clf.fit(tall.X, tall.Y)
    assert np.array_equal(params(clf), params(
        CClassifierLogisticTorch(C=.01).fit(tall.X, tall.Y)))
    assert clf.hessian_tr_params(tall.X, tall.Y)[0, 0] > .5


def test_estimate_parameters_chooses_c(tall):
    clf = CClassifierLogisticTorch()
    best = clf.estimate_parameters(
        tall, {'C': [1e-9, 1.]}, CDataSplitterKFold(2, random_state=0),
        'accuracy')
    assert best == {'C': 1.} and clf.C == 1.


# Stochastic gradient descent

def test_sgd_is_a_function_of_its_seed(tall):
    def weights(seed):
        clf = CClassifierLogisticTorch(solver='sgd', epochs=2,
                                       random_state=seed)
        return params(clf.fit(tall.X, tall.Y))

    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert np.array_equal(weights(3), weights(3))
    assert abs(weights(3) - weights(4)).max() > 1e-4
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize('lmbda', [2, 6])
def test_sgd_comes_near_the_optimum(data, lmbda):
    x, y = map(CArray, data)
    best, sgd, longer = (
        fitted(data, lmbda=lmbda, **kwargs).objective(x, y) for kwargs in (
            {}, dict(solver='sgd', epochs=100), dict(solver='sgd',
                                                     epochs=1000)))
    # 1/L is a short step along flat directions, so convergence is slow
    assert best < sgd < best + 1e-2
    assert best < longer < best + 1e-4


def test_sgd_at_a_constant_rate(tall):
    """Full batches and a given rate: plain gradient descent."""
    x, y = tall.X.tondarray(), tall.Y.tondarray()
    u = np.zeros(x.shape[1] + 1)
    for _ in range(5):
        u = u - .3 * derivative(lambda v: objective(v, x, y, 3.), u)
    clf = CClassifierLogisticTorch(lmbda=3., solver='sgd', eta=.3,
                                   batch_size=len(y), epochs=5)
    assert np.allclose(params(clf.fit(tall.X, tall.Y)), u, rtol=0, atol=1e-8)


def test_sgd_takes_batches(tall):
    """One epoch in two batches, step by step, in torch's order."""
    x, y = tall.X.tondarray(), tall.Y.tondarray()
    order = torch.randperm(
        200, generator=torch.Generator().manual_seed(1)).numpy()
    u = np.zeros(x.shape[1] + 1)
    for batch in (order[:150], order[150:]):
        # the penalty is over all n rows, the loss over the batch's
        lmbda = math.log(math.exp(2.) * len(batch) / 200)
        u = u - .3 * derivative(
            lambda v: objective(v, x[batch], y[batch], lmbda), u)
    clf = CClassifierLogisticTorch(lmbda=2., solver='sgd', eta=.3, epochs=1,
                                   batch_size=np.int64(150), random_state=1)
    assert np.allclose(params(clf.fit(tall.X, tall.Y)), u, rtol=0, atol=1e-8)


def test_sgd_diverging_names_the_rate(tall):
    clf = CClassifierLogisticTorch(lmbda=8, solver='sgd', eta=1e3)
    with pytest.raises(FloatingPointError, match='eta = 1000'):
        clf.fit(tall.X, tall.Y)


# Derivatives

@pytest.fixture(params=[None, 'min-max'])
def clf(request, tall):
    """Not at an optimum, lambda not 0, labels 3 and 8."""
    clf = CClassifierLogisticTorch(lmbda=3., preprocess=request.param)
    clf.fit(tall.X, 3 + 5 * tall.Y)
    return at(clf, np.random.default_rng(0).normal(size=7))


def _features(clf, x):
    return (x if clf.preprocess is None else clf.preprocess.transform(x)
            ).tondarray()


def test_objective_and_derivatives(clf, tall):
    x, y, u = _features(clf, tall.X), tall.Y.tondarray(), params(clf)
    labels = 3 + 5 * tall.Y

    def gradient(v):
        grad = at(clf, v).grad_tr_params(tall.X, labels)
        assert grad.shape == (7, 200)
        return grad.tondarray().sum(1)

    assert clf.objective(tall.X, labels) == pytest.approx(
        objective(u, x, y, 3.), rel=1e-12)
    assert np.allclose(gradient(u), derivative(
        lambda v: objective(v, x, y, 3.), u), rtol=0, atol=1e-9)
    hess = clf.hessian_tr_params(tall.X, labels)
    assert np.allclose(hess.tondarray(), derivative(gradient, u),
                       rtol=0, atol=1e-9)


@pytest.mark.parametrize('beta', [0, 1])
def test_objective_and_derivatives_with_l1(beta, tall):
    """At weights of both signs of which none is zero."""
    x, y = tall.X.tondarray(), tall.Y.tondarray()
    u = np.random.default_rng(0).normal(size=7) + 2 * (np.arange(7) % 2) - 1

    def value(v):
        return objective(v, x, y, -math.inf) + math.exp(3.) / len(y) * (
            abs(v[:-1]).sum() + beta * abs(v[-1]))
    clf = at(CClassifierLogisticTorch(lmbda=3., penalty='l1', beta=beta).fit(
        tall.X, tall.Y), u)
    assert clf.objective(tall.X, tall.Y) == pytest.approx(value(u), rel=1e-12)
    assert np.allclose(clf.grad_tr_params(tall.X, tall.Y).tondarray().sum(1),
                       derivative(value, u), rtol=0, atol=1e-9)


def test_derivative_of_the_loss(clf, tall):
    """`objective` without its penalty; and of another loss, on request."""
    x, y, u = _features(clf, tall.X), tall.Y.tondarray(), params(clf)
    labels = 3 + 5 * tall.Y
    expected = derivative(lambda v: objective(v, x, y, -math.inf), u)
    grad = clf.grad_loss_params(tall.X, labels)
    assert np.allclose(grad.tondarray().sum(1), expected, rtol=0, atol=1e-9)
    # all scores are below 10, past which secml's loss is linear
    host = clf.grad_loss_params(tall.X, labels, loss=CLossLogistic())
    assert np.allclose(host.tondarray().sum(1), expected / math.log(2),
                       rtol=0, atol=1e-9)


def test_grad_f_params(clf, tall):
    u, x = params(clf), tall.X[:5, :]
    for y in (0, 1):
        grad = clf.grad_f_params(x, y)
        assert grad.shape == (7, 5)
        expected = derivative(
            lambda v: at(clf, v).decision_function(x, y).tondarray(), u)
        assert np.allclose(grad.tondarray().T, expected, rtol=0, atol=1e-9)


def test_grad_f_x(clf, tall):
    point = tall.X[3, :].tondarray().ravel()
    for y in (0, 1):
        expected = derivative(
            lambda v: clf.decision_function(CArray(v), y).item(), point)
        assert np.allclose(clf.grad_f_x(CArray(point), y).tondarray(),
                           expected, rtol=0, atol=1e-9)


def test_hessian_is_secmls_over_c_n(tall):
    host = CClassifierLogistic(C=.2, random_state=0).fit(tall.X, tall.Y)
    clf = at(CClassifierLogisticTorch(C=.2).fit(tall.X, tall.Y), params(host))
    hess = [each.hessian_tr_params(tall.X, tall.Y).tondarray()
            for each in (clf, host)]
    assert np.allclose(hess[0] * .2 * 200, hess[1], rtol=1e-12, atol=1e-12)


def test_loss_in_natural_log():
    scores = np.array([-800., -37.5, -12., -1., 0., 2., 9., 36., 800.])
    loss = CClassifierLogisticTorch().loss
    assert CLoss.create('log-nats').class_type == loss.class_type
    for y, sign in ((0, -1), (1, 1)):
        labels, score = CArray([y] * 9), CArray(scores)
        assert np.allclose(loss.loss(labels, score).tondarray(),
                           np.logaddexp(0, -sign * scores), rtol=1e-15,
                           atol=1e-15)
        with np.errstate(over='ignore'):
            expected = -sign / (1 + np.exp(sign * scores))
        assert np.allclose(loss.dloss(labels, score).tondarray(), expected,
                           rtol=1e-15, atol=1e-15)


# Labels, kinds of input, errors

def test_decision_function(tall):
    clf = CClassifierLogisticTorch().fit(tall.X, tall.Y)
    expected = tall.X.tondarray() @ params(clf)[:-1] + clf.b
    assert np.allclose(clf.decision_function(tall.X).tondarray(),
                       np.stack([-expected, expected], 1), rtol=0, atol=1e-12)
    assert (clf.predict(tall.X).tondarray() == (expected > 0)).all()


def test_any_two_labels(tall):
    clf = CClassifierLogisticTorch().fit(tall.X, tall.Y)
    other = CClassifierLogisticTorch().fit(tall.X, 3 + 5 * tall.Y)
    assert other.classes.tolist() == [3, 8]
    assert np.array_equal(params(clf), params(other))
    # as everywhere in secml, `predict` returns indices into `classes`
    assert (other.predict(tall.X) == clf.predict(tall.X)).all()
    assert set(other.predict(tall.X).tolist()) == {0, 1}
    with pytest.raises(ValueError, match='`y` must be labels among'):
        other.hessian_tr_params(tall.X, tall.Y)


@pytest.mark.parametrize('preprocess', [None, 'unit-norm'])
def test_sparse_equals_dense(tall, preprocess):
    x = tall.X.deepcopy()
    x[abs(x) < .5] = 0.
    dense, sparse = (CClassifierLogisticTorch(preprocess=preprocess).fit(
        data, tall.Y) for data in (x, x.tosparse()))
    assert np.allclose(params(dense), params(sparse), rtol=0, atol=1e-12)
    for name in ('decision_function', 'grad_f_params'):
        assert np.allclose(getattr(dense, name)(x).tondarray(),
                           getattr(sparse, name)(x.tosparse()).tondarray(),
                           rtol=0, atol=1e-12)
    for name in ('hessian_tr_params', 'grad_tr_params', 'grad_loss_params'):
        assert np.allclose(
            getattr(dense, name)(x, tall.Y).tondarray(),
            getattr(sparse, name)(x.tosparse(), tall.Y).tondarray(),
            rtol=0, atol=1e-12)


def test_three_classes():
    x, y = map(CArray, make_classification(
        90, 4, n_classes=3, n_informative=3, n_redundant=0, random_state=0))
    with pytest.raises(ValueError, match='exactly two classes.*MulticlassOVA'):
        CClassifierLogisticTorch().fit(x, y)
    clf = CClassifierMulticlassOVA(CClassifierLogisticTorch, C=10.).fit(x, y)
    assert (clf.predict(x) == y).mean() > .6


@pytest.mark.parametrize('error, kwargs', [
    (ValueError, {'C': 0}), (ValueError, {'C': 2e300}),
    (ValueError, {'C': math.nan}),
    (TypeError, {'C': '1'}), (ValueError, {'lmbda': math.inf}),
    (TypeError, {'lmbda': True}), (ValueError, {'solver': 'lbfgs'}),
    (ValueError, {'eta': 0.}), (TypeError, {'eta': 'auto'}),
    (ValueError, {'batch_size': 0}), (TypeError, {'batch_size': 2.5}),
    (ValueError, {'epochs': 0}), (TypeError, {'random_state': None}),
    (ValueError, {'random_state': -1}), (ValueError, {'device': 'abacus'}),
    (ValueError, {'dtype': 'float16'})])
def test_wrong_parameters(error, kwargs, tall):
    (name, value), = kwargs.items()
    with pytest.raises(error, match=f'`{name}` must be .*, got'):
        CClassifierLogisticTorch(**kwargs)
    with pytest.raises(error, match=f'`{name}` must be .*, got'):
        clf = CClassifierLogisticTorch()
        clf.set(name, value)
        clf.fit(tall.X, tall.Y)


def test_an_item_of_a_carray_is_a_number():
    """secml's classifiers take it."""
    clf = CClassifierLogisticTorch(C=CArray([2.])[0])
    assert clf.C == 2
    clf.set('lmbda', CArray([-1, 3])[1])
    assert clf.lmbda == 3 and type(clf.lmbda) is float
    with pytest.raises(TypeError, match='`C` must be a number, got'):
        clf.C = CArray([1., 2.])


def test_float32_holds_no_penalty_beyond_its_numbers(tall):
    """exp(89) is none of those."""
    for lmbda, dtype in ((80, 'float32'), (81, 'float64')):
        CClassifierLogisticTorch(lmbda=lmbda, dtype=dtype).fit(tall.X, tall.Y)
    with pytest.raises(ValueError, match='`lmbda` must be at most 80 in float'
                                         '32, got 81'):
        CClassifierLogisticTorch(lmbda=81, dtype='float32')


def test_wrong_data(tall):
    clf = CClassifierLogisticTorch().fit(tall.X, tall.Y)
    before = params(clf)
    for x, y, match in (
            (tall.X, CArray.ones(200), 'two classes'),
            (tall.X, tall.Y[:7], '`y` must be one label for each of 200'),
            (tall.X * math.nan, tall.Y, '`x` must be finite')):
        with pytest.raises(ValueError, match=match):
            clf.fit(x, y)
        assert clf.n_classes == 2 and np.array_equal(params(clf), before)


def test_not_fitted(tall):
    clf = CClassifierLogisticTorch()
    assert clf.w is None and clf.b is None and not clf.is_fitted()
    for name in ('objective', 'hessian_tr_params', 'grad_tr_params',
                 'grad_loss_params'):
        with pytest.raises(NotFittedError):
            getattr(clf, name)(tall.X, tall.Y)


# In secml

def test_created_by_name():
    clf = CClassifier.create('logistic-torch', lmbda=2.)
    assert type(clf) is CClassifierLogisticTorch and clf.lmbda == 2.


@pytest.mark.parametrize('preprocess', [None, 'mean-std'])
def test_copies(tall, preprocess, tmp_path):
    clf = CClassifierLogisticTorch(lmbda=2., preprocess=preprocess)
    clf.fit(tall.X, tall.Y)
    assert not any(isinstance(value, torch.Tensor)
                   for value in vars(clf).values())
    stateful = CClassifierLogisticTorch(preprocess=preprocess)
    stateful.set_state(clf.get_state())
    for other in (pickle.loads(pickle.dumps(clf)), clf.deepcopy(), stateful,
                  CClassifier.load(clf.save(str(tmp_path / 'clf')))):
        assert other.lmbda == 2.
        assert (other.decision_function(tall.X)
                == clf.decision_function(tall.X)).all()


@pytest.fixture
def digits():
    """Training, validation and test set."""
    x, y = DATA['digits']
    rows = np.random.default_rng(0).permutation(len(y))
    return [CDataset(x[part], y[part])
            for part in (rows[:60], rows[60:120], rows[120:240])]


@pytest.mark.parametrize('preprocess', [None, 'min-max'])
def test_in_the_attack(digits, preprocess):
    """The retrained classifier has the attack's own loss: one objective."""
    tr, val, ts = digits
    clf = CClassifierLogisticTorch(C=.5, preprocess=preprocess)
    attack = CAttackPoisoningMinimaxLR(
        clf, tr, val, solver_type='implicit', solver_params={'n_outer': 5})
    attack.n_points = 6
    y_pred, scores, poison, f_opt = attack.run(ts.X, ts.Y)
    again = clf.deepcopy()
    again.C = math.exp(-poison.header.lmbda)
    data = attack.poisoned_data(poison)
    again.fit(data.X, data.Y)
    assert (again.decision_function(ts.X) == scores).all()
    loss = again.loss.loss(val.Y, again.decision_function(val.X, 1))
    assert loss.mean() == pytest.approx(f_opt, rel=1e-12)
    # the attack's model, refitted preprocess included, is the same
    assert max(attack.f_seq) == pytest.approx(f_opt, abs=1e-8)
    assert attack.classifier is clf and clf.C == .5 and not clf.is_fitted()
    attack.deepcopy(), pickle.loads(pickle.dumps(attack))


def test_attack_tested_by_sgd(digits):
    """The paper tests an attack on a classifier that SGD has trained."""
    tr, val, ts = digits
    scores = []
    for solver in ('sgd', 'sgd', 'newton'):
        attack = CAttackPoisoningMinimaxLR(
            CClassifierLogisticTorch(solver=solver), tr, val,
            learn_lmbda=False, solver_params={'n_outer': 2})
        attack.n_points = 3
        scores.append(attack.run(ts.X, ts.Y)[1].tondarray())
    assert np.array_equal(scores[0], scores[1])
    assert abs(scores[1] - scores[2]).max() > 1e-3
    # not at the optimum, but nearly all predictions are equal
    assert ((scores[1] > 0) == (scores[2] > 0)).mean() > .9


@pytest.mark.parametrize('name', ['classifier.C', 'classifier.lmbda'])
def test_sec_eval_over_the_strength(digits, name):
    tr, val, ts = digits
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(), tr, val, learn_lmbda=False,
        solver_type='implicit', solver_params={'n_outer': 2})
    attack.n_points = 3
    sec_eval = CSecEval(attack, name, CArray([.01, 1., 4.]))
    sec_eval.run_sec_eval(ts)
    assert len(set(sec_eval.sec_eval_data.fobj.tolist())) == 3
    assert getattr(attack.classifier, name.split('.')[1]) == 4.


@pytest.mark.parametrize('preprocess', [None, 'min-max'])
@pytest.mark.parametrize('attack_class', [CAttackEvasionPGD,
                                          CAttackEvasionPGDLS])
def test_evasion(digits, preprocess, attack_class):
    """The points move along w towards the boundary, by the whole radius."""
    tr, _, ts = digits
    clf = CClassifierLogisticTorch(preprocess=preprocess).fit(tr.X, tr.Y)
    attack = attack_class(
        classifier=clf, double_init=False, distance='l2', lb=-9, ub=9,
        # by the last bit of w, secml's line search stays where it is at .1
        solver_params={'eta': .3, 'max_iter': 100, 'eps': 1e-9})
    start = ts[ts.Y == 1, :][:2, :]
    sec_eval = CSecEval(attack, 'dmax', CArray([0., 1.]), save_adv_ds=True)
    sec_eval.run_sec_eval(start)
    moved = sec_eval.sec_eval_data.adv_ds[1]
    w = clf.grad_f_x(start.X[0, :], 1)
    # linear: the best point in the ball of radius 1 is known
    gain = clf.decision_function(start.X, 1) - clf.decision_function(
        moved.X, 1)
    assert np.allclose(gain.tondarray(), w.norm(), rtol=1e-3)


def test_plot_decision_regions(tall):
    clf = CClassifierLogisticTorch().fit(tall.X[:, :2], tall.Y)
    fig = CFigure()
    fig.sp.plot_decision_regions(clf, n_grid_points=5,
                                 grid_limits=[(-3, 3), (-3, 3)])
    fig.sp.plot_fgrads(lambda x: clf.grad_f_x(x, 1), n_grid_points=3)
    assert len(fig.sp._sp.collections) > 1  # regions, and arrows
    fig.close()
