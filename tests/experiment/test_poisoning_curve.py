"""`poisoning_curve`: its numbers are scikit-learn's own."""
import math
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import (
    LogisticRegression, LogisticRegressionCV, Perceptron, RidgeClassifier)
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler)
from sklearn.svm import LinearSVC

from filters import outside
from sklearn_names import SKLEARN_L1
from secml_regpoison import poisoning_curve
from secml_regpoison.attack import valid_values
from secml_regpoison.core.verdicts import has_given_up
from secml_regpoison.experiment.array_splits import read_all, split_arrays
from secml_regpoison.experiment.estimators import check_fits
from secml_regpoison.experiment.filters import passing_rows

# A penalty that is neither, as scikit-learn spells it from 1.8 on and before.
ELASTIC_NET = {'l1_ratio': .5} if 'l1_ratio' in SKLEARN_L1 else {
    'penalty': 'elasticnet', 'l1_ratio': .5}
QUICK = {'y_poison': 'flip', 'fractions': (0, .1, .2),
         'solver_params': {'n_outer': 3}}


def exact(**kwargs):
    """Trained to the end, so that libraries can be compared."""
    return LogisticRegression(**{'tol': 1e-10, 'max_iter': 10000, **kwargs})


def svm(**kwargs):
    return LinearSVC(**{'tol': 1e-10, 'max_iter': 10 ** 6, 'random_state': 0,
                        **kwargs})


def rows(n_rows=120, labels=(0, 1), seed=0):
    """A frame of clouds: lengths, a ratio and a whole number; labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % len(labels)
    x = rng.normal(size=(n_rows, 3)) + y[:, None]
    frame = pd.DataFrame({'length': 40 + 9 * x[:, 0], 'ratio': x[:, 1] / 50,
                          'count': np.rint(5 + 2 * x[:, 2]).astype(int)})
    return frame, np.array(labels)[y]


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        return poisoning_curve(*args, **{**QUICK, **kwargs})


def set_c(estimator, c):
    is_pipeline = isinstance(estimator, Pipeline)
    name, value = 'C', c
    if isinstance(estimator[-1] if is_pipeline else estimator,
                  RidgeClassifier):
        name, value = 'alpha', .5 / c
    if is_pipeline:
        name = f'{estimator.steps[-1][0]}__{name}'
    return clone(estimator).set_params(**{name: value})


def loss_of(fitted, x, y):
    """Of the estimator's own kind."""
    last = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    if isinstance(last, LogisticRegression):
        return log_loss(y, fitted.predict_proba(x))
    gap = 1 - fitted.decision_function(x) * np.where(
        y == last.classes_[1], 1, -1)
    if isinstance(last, LinearSVC):
        gap = np.maximum(0, gap)
    return (gap ** 2).mean()


def check_against_refit(curve, estimator, x, y, is_replaced=False):
    """A clone, fitted on what the curve returns, has its numbers."""
    train, val, test = (curve[f'{part}_rows'][0]
                        for part in ('train', 'val', 'test'))
    for k, policy in enumerate(curve.policies):
        for j, n_points in enumerate(curve.n_points):
            x_p, y_p = curve.poison[k, j, 0]
            assert len(x_p) == len(y_p) == n_points
            left = train[n_points * is_replaced:]
            refit = set_c(estimator, curve.C[k, j, 0]).fit(
                pd.concat([x.iloc[left], x_p]), np.r_[y[left], y_p])
            assert curve.test_error[k, j, 0] == (
                refit.predict(x.iloc[test]) != y[test]).mean()
            assert curve.validation_loss[k, j, 0] == pytest.approx(
                loss_of(refit, x.iloc[val], y[val]), rel=1e-3)
            fitted = refit[-1] if isinstance(refit, Pipeline) else refit
            assert curve.w_norm[k, j, 0] == pytest.approx(
                np.linalg.norm(fitted.coef_), rel=1e-3)


@pytest.mark.parametrize('estimator, labels', [
    (make_pipeline(StandardScaler(), exact()), ('ham', 'spam')),
    (make_pipeline(StandardScaler(), exact(
        solver='liblinear', C=7., random_state=0)), (False, True)),
    (make_pipeline('passthrough', MinMaxScaler((-1, 1)), Normalizer('l2'),
                   exact(solver='newton-cholesky')), (-1., 1.)),
    (exact(solver='newton-cholesky'), (3, 8)),
    (make_pipeline(StandardScaler(), exact()), ('eggs', 'ham', 'spam')),
    (make_pipeline(StandardScaler(), svm()), ('ham', 'spam')),
    (make_pipeline(StandardScaler(), RidgeClassifier()), (False, True))])
def test_a_refitted_clone_has_the_numbers(estimator, labels):
    x, y = rows(labels=labels)
    curve = quietly(estimator, x, y, policies=('clean-cv', 'learned', 0.))
    assert curve.policies == ['clean-cv', 'learned', '0']
    assert curve.classes.tolist() == list(labels)
    check_against_refit(curve, estimator, x, y)
    assert set(curve.poison[1, 2, 0][1].tolist()) <= set(labels)
    # lambda is fixed by one policy, and re-learned by another
    assert np.ptp(curve.lmbda[0]) == 0 < np.ptp(curve.lmbda[1])
    assert (curve.lmbda[2] == 0).all()


@pytest.mark.parametrize('scaler', [StandardScaler(), MinMaxScaler()])
def test_a_feature_that_is_the_largest_of_each_row(scaler):
    """The unit norm 'max' makes it 1, and no scaler makes noise of it."""
    x, y = rows()
    estimator = make_pipeline(Normalizer('max'), scaler, exact())
    check_against_refit(quietly(estimator, x, y, policies=('learned', 0.)),
                        estimator, x, y)


@pytest.mark.parametrize('estimator', [
    make_pipeline(StandardScaler(), exact()),
    exact(solver='newton-cholesky')])
def test_a_filter_drops_rows_and_holds_the_poison(estimator):
    x, y = rows(200)
    given = dict(X_val=x[120:160], y_val=y[120:160], X_test=x[160:],
                 y_test=y[160:])
    curve = quietly(estimator, x[:120], y[:120], filter='sphere-slab', **given)
    is_scaled = isinstance(estimator, Pipeline)
    clean, labels = x[:120].to_numpy(), y[:120]
    args = clean, labels, .95, clean.std(axis=0) if is_scaled else 1.
    dropped = outside(clean, labels, *args)
    assert curve.train_rows[0].tolist() == np.flatnonzero(~dropped).tolist()
    assert dropped.sum() >= 4
    for k, j in np.ndindex(curve.poison.shape[:2]):
        x_p, y_p = curve.poison[k, j, 0]
        assert not outside(x_p.to_numpy(), y_p, *args).any()
        refit = set_c(estimator, curve.C[k, j, 0]).fit(
            pd.concat([x[:120][~dropped], x_p]),
            np.r_[labels[~dropped], y_p])
        assert curve.test_error[k, j, 0] == (
            refit.predict(x[160:]) != y[160:]).mean()
    # points that are free are dropped: the filter costs the attacker
    free = quietly(estimator, x[:120], y[:120], **given)
    x_p, y_p = free.poison[1, -1, 0]
    assert outside(x_p.to_numpy(), y_p, *args).any()
    with pytest.raises(ValueError, match="`filter` must be 'none' or 'spher"):
        quietly(estimator, x, y, filter='slab')


@pytest.mark.parametrize('preprocess', [None, 'mean-std'])
def test_no_row_is_dropped_by_rounding(preprocess):
    """Neither the one that a quantile is, nor one that is as far."""
    y = np.arange(42) % 2
    for seed in range(40):
        x = np.rint(3 * np.random.default_rng(seed).normal(size=(42, 13)))
        dropped = outside(x, y, x, y, .95, x.std(axis=0) if preprocess else 1.)
        assert passing_rows(x, y, 'sphere-slab', preprocess).tolist() == \
            np.flatnonzero(~dropped).tolist()


@pytest.mark.parametrize('estimator', [
    make_pipeline(StandardScaler(), svm(penalty='l1', dual=False)),
    make_pipeline(MinMaxScaler(), RidgeClassifier(alpha=9.))])
def test_poison_in_the_place_of_rows(estimator):
    x, y = rows()
    curve = quietly(estimator, x, y, poison_mode='replace',
                    lmbda_bounds=(-2., 4.))
    assert curve.n_points.tolist() == [0, 7, 14]  # of 72 rows
    np.testing.assert_allclose(curve.fractions, [0, 7 / 72, 14 / 72])
    check_against_refit(curve, estimator, x, y, is_replaced=True)
    assert len(set(curve.train_rows[0])) == 72
    other = quietly(estimator, x, y, policies=(0.,))
    assert sorted(other.train_rows[0]) == sorted(curve.train_rows[0])


@pytest.mark.parametrize('estimator', [
    make_pipeline(StandardScaler(), exact()), exact(), svm()])
def test_the_weight_of_the_rows_that_are_not_trusted(estimator):
    """The scaler is fitted on the trusted rows alone."""
    x, y = rows(200)
    if not isinstance(estimator, Pipeline):
        x = (x - x.mean()) / x.std()
    curve = quietly(estimator, x, y, policies=('learned-trust',))
    train, val, test = (curve[f'{part}_rows'][0]
                        for part in ('train', 'val', 'test'))
    assert 0 < curve.trust[0, 0, 0] <= 1
    for j in range(3):
        trust, (x_p, y_p) = curve.trust[0, j, 0], curve.poison[0, j, 0]
        both = pd.concat([x.iloc[val], x.iloc[train], x_p])
        refit = set_c(estimator, curve.C[0, j, 0])
        last = refit
        if isinstance(estimator, Pipeline):
            last, scaler = refit[-1], refit[0].fit(x.iloc[val])
            both = scaler.transform(both)
        last.fit(both, np.r_[y[val], y[train], y_p], sample_weight=np.r_[
            np.ones(len(val)), np.full(len(train) + len(x_p), trust)])
        assert curve.test_error[0, j, 0] == (
            refit.predict(x.iloc[test]) != y[test]).mean()
        assert curve.w_norm[0, j, 0] == pytest.approx(
            np.linalg.norm(last.coef_), rel=1e-3)


def test_sparse_rows():
    x, y = rows()
    sparse = scipy.sparse.csr_matrix(x.to_numpy())
    curve, dense = (quietly(exact(), of, y, policies=(0.,))
                    for of in (sparse, x.to_numpy()))
    assert (curve.test_error == dense.test_error).all()
    x_p, _ = curve.poison[0, 2, 0]
    assert isinstance(x_p, scipy.sparse.csr_matrix)
    assert (x_p.toarray() == dense.poison[0, 2, 0][0]).all()
    huge = scipy.sparse.csr_matrix((60, 10 ** 8))
    with pytest.raises(ValueError, match='at most 5e.08 cells with its zeros'):
        poisoning_curve(exact(), huge, np.arange(60) % 2)


@pytest.mark.filterwarnings('ignore::FutureWarning', 'ignore::UserWarning')
@pytest.mark.parametrize('settings', [
    {'C': np.inf}, {'penalty': None}, {'penalty': None, 'l1_ratio': 1}])
def test_without_a_penalty_c_is_set_all_the_same(settings):
    x, y = rows()
    estimator = exact(solver='newton-cholesky', **settings)
    plain = exact(solver='newton-cholesky')
    curve = quietly(estimator, x, y, policies=(0., 2.))
    check_against_refit(curve, plain, x, y)


@pytest.mark.filterwarnings('ignore::FutureWarning', 'ignore::UserWarning')
@pytest.mark.parametrize('estimator, words', [
    (LogisticRegression(C=np.inf), 'C=inf'),
    (LogisticRegression(penalty=None), 'penalty=None'),
    (make_pipeline(StandardScaler(), RidgeClassifier(alpha=0)), 'alpha=0'),
    (LogisticRegression(), None), (RidgeClassifier(), None)])
def test_an_estimator_without_a_penalty_is_warned_of_once(estimator, words):
    x, y = rows()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        poisoning_curve(estimator, x, y, policies=(0., 2.), fractions=(0, .05),
                        solver_params={'n_outer': 1}, n_repetitions=2)
    found = [warning for warning in caught
             if 'so no penalty' in str(warning.message)]
    assert [str(warning.message).partition(',')[0] for warning in found] == (
        [f'`estimator` has {words}'] if words else [])
    for warning in found:
        assert warning.filename == __file__
        assert 'it is trained with the L2 penalty' in str(warning.message)


@pytest.mark.parametrize('kinds, policies', [
    ((StandardScaler, LogisticRegression), (0., 'trusted-only')),
    ((RidgeClassifier,), (0.,)),
    ((MinMaxScaler, Normalizer, LogisticRegression), (0.,))])
def test_scalers_that_write_into_the_rows_get_copies(kinds, policies):
    x, y = rows()
    steps = [kind() for kind in kinds]
    given = [kind().set_params(**{name: False for name in ('copy', 'copy_X')
                                  if name in kind().get_params()})
             for kind in kinds]
    plain, curve = (quietly(make_pipeline(*of), x, y, policies=policies)
                    for of in (steps, given))
    assert (curve.test_error == plain.test_error).all()
    assert (curve.validation_loss == plain.validation_loss).all()


@pytest.mark.filterwarnings('ignore::FutureWarning')  # of penalty='l1'
@pytest.mark.parametrize('settings', [
    {'solver': 'liblinear', **SKLEARN_L1}, {'solver': 'saga', 'penalty': 'l1'}
])
def test_the_l1_penalty_by_either_name(settings):
    x, y = rows()
    estimator = make_pipeline(StandardScaler(), exact(
        random_state=0, **settings))
    curve = quietly(estimator, x, y, lmbda_bounds=(0., 3.))
    check_against_refit(curve, estimator, x, y)
    # lambda is learned for the estimator's own penalty: no other is better
    best, train = curve.validation_loss[1, 0, 0], curve.train_rows[0]
    val = curve.val_rows[0]
    for lmbda in np.arange(0., 3.1, .5):
        other = set_c(estimator, np.exp(-lmbda)).fit(x.iloc[train], y[train])
        assert log_loss(y[val], other.predict_proba(x.iloc[val])) > .998 * best


@pytest.mark.parametrize('estimator', [
    svm(penalty='l1', dual=False), exact(solver='liblinear', **SKLEARN_L1)])
def test_a_classifier_of_zeros_is_not_always_right(estimator):
    """A large L1 penalty makes all weights zero, and with a bias that is
    penalised all scores: cross-validation took no row for wrong there."""
    x, y = rows()
    curve = quietly(make_pipeline(StandardScaler(), estimator), x, y,
                    fractions=(0,), policies=('clean-cv', 'trusted-only'))
    assert (curve.lmbda < 8).all()
    assert not curve.gave_up.any() and (curve.test_error < .35).all()


def test_poison_keeps_to_columns_ranges_and_whole_numbers():
    x, y = rows()
    curve = quietly(make_pipeline(StandardScaler(), exact()), x, y)
    train = x.iloc[curve.train_rows[0]]
    x_p, _ = curve.poison[1, 2, 0]
    assert x_p.columns.tolist() == ['length', 'ratio', 'count']
    assert (x_p['count'] == x_p['count'].round()).all()
    assert (x_p.min() >= train.min() - 1e-9).all()
    assert (x_p.max() <= train.max() + 1e-9).all()
    bounded = quietly(exact(), x.to_numpy(), y, lb=[30, -1, .5], ub=49.5,
                      integer='none')
    x_p, _ = bounded.poison[1, 2, 0]
    assert isinstance(x_p, np.ndarray) and x_p[:, 0].min() >= 30
    assert x_p.max() <= 49.5 and (x_p[:, 2] != np.rint(x_p[:, 2])).any()


def test_parts_are_disjoint_and_stratified():
    x, y = rows()
    curve = quietly(exact(), x, y, n_repetitions=2, policies=(0.,))
    parts = [np.sort(np.r_[curve.train_rows[r], curve.val_rows[r],
                           curve.test_rows[r]]) for r in range(2)]
    assert (parts[0] == np.arange(120)).all() and (parts[1] == parts[0]).all()
    assert [len(curve[f'{part}_rows'][0]) for part in (
        'train', 'val', 'test')] == [72, 24, 24]
    assert y[curve.train_rows[0]].mean() == .5
    assert (curve.test_rows[0] != curve.test_rows[1]).any()
    assert curve.test_error.shape == curve.poison.shape == (1, 3, 2)
    assert curve.n_points.tolist() == [0, 8, 18]
    np.testing.assert_allclose(curve.fractions, [0, 8 / 80, 18 / 90])


@pytest.mark.slow
def test_processes_change_no_number():
    x, y = rows()
    one, two = (quietly(exact(), x, y, n_repetitions=2, policies=(0.,),
                        n_jobs=n_jobs) for n_jobs in (None, 2))
    assert (one.test_error == two.test_error).all()
    assert one.poison[0, 2, 1][0].equals(two.poison[0, 2, 1][0])


def test_rows_that_are_given_are_taken_as_they_are():
    x, y = rows(60)
    (x_val, y_val), (x_test, y_test) = rows(30, seed=1), rows(200, seed=2)
    curve = quietly(exact(), x, y, x_val, y_val, x_test, y_test)
    assert (curve.train_rows[0] == np.arange(60)).all()
    x_p, y_p = curve.poison[1, 2, 0]
    refit = exact(C=curve.C[1, 2, 0]).fit(pd.concat([x, x_p]),
                                          np.r_[y, y_p])
    assert curve.test_error[1, 2, 0] == 1 - refit.score(x_test, y_test)
    assert curve.majority_error == [.5]


def test_trusted_rows_alone_see_no_poison():
    x, y = rows(200)
    estimator = make_pipeline(StandardScaler(), exact())
    curve = quietly(estimator, x, y, policies=('trusted-only',))
    val, test = curve.val_rows[0], curve.test_rows[0]
    refit = set_c(estimator, curve.C[0, 0, 0]).fit(x.iloc[val], y[val])
    assert np.ptp(curve.test_error) == np.ptp(curve.C) == 0
    assert curve.test_error[0, 2, 0] == 1 - refit.score(x.iloc[test], y[test])
    assert [len(x_p) for x_p, _ in curve.poison[0, :, 0]] == [0, 0, 0]
    # cross-validated: on its own rows the loss would be lower
    assert curve.validation_loss[0, 0, 0] > log_loss(
        y[val], refit.predict_proba(x.iloc[val]))


def test_trusted_rows_alone_that_do_better_are_said_first():
    """In the command's words."""
    x, y = rows(400)
    with pytest.warns(RuntimeWarning, match=(
            'read with care. The trusted rows alone do better: a classifier '
            r'of the 80 trusted \(validation\) rows errs 17.50 % whatever '
            'the poison, lambda -8 .* % at worst, and without poison 13.75 %'
            )):
        curve = poisoning_curve(exact(), x, y, policies=(-8., 'trusted-only'),
                                **{**QUICK, 'fractions': (0, .3)})
    assert curve.trusted_better[:, :, 0].tolist() == [[False, True],
                                                      [False, False]]
    assert not quietly(exact(), *rows(), policies=(0.,)).trusted_better.any()


def test_a_class_of_poison_by_its_own_name():
    x, y = rows(labels=('ham', 'spam'))
    curve = quietly(exact(), x, y, y_poison='spam', policies=('learned',))
    assert set(curve.poison[0, 2, 0][1]) == {'spam'}


@pytest.mark.parametrize('distance', ['l1', 'l2'])
def test_whole_numbers_stay_in_the_ball(distance):
    """They were rounded when they had been found, out of it."""
    rng = np.random.default_rng(0)
    x = np.c_[rng.integers(0, 6, (120, 3)), rng.normal(size=120)]
    y = (x.sum(1) + rng.normal(size=120) > 7.5).astype(int)
    curve = quietly(exact(), x, y, policies=('clean-cv',), dmax=1.2,
                    distance=distance)
    poison = curve.poison[0, 2, 0][0]
    assert (poison[:, :3] == np.rint(poison[:, :3])).all()
    apart = np.linalg.norm(poison[:, None] - x[curve.val_rows[0]], axis=2,
                           ord=int(distance[1]))
    assert (apart.min(axis=1) <= 1.2 + 1e-9).all() and apart.min() > 0


def test_whole_numbers_are_those_of_all_rows_to_draw_from():
    """As of a file: one other number, in whatever part, and poison is free."""
    rng = np.random.default_rng(0)
    x = np.c_[rng.integers(0, 6, (120, 3)), rng.normal(size=120)]
    y = rng.integers(0, 2, 120)
    split = split_arrays(read_all(x, y), 0, None, None, ())
    assert split.integers == (0, 1, 2)
    for part in 'train', 'test', 'val':
        other = x.copy()
        other[split.rows[part][0], 1] += .5
        assert split_arrays(read_all(other, y), 0, None, None,
                            ()).integers == (0, 2)


def test_an_estimator_that_stops_short_is_said():
    x, y = rows()
    with pytest.warns(RuntimeWarning, match='the estimator has a validation '
                      'loss of .*: it stops short, raise its max_iter'):
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', '.*lbfgs failed.*|.*CONV.*')
            poisoning_curve(LogisticRegression(max_iter=1), x, y,
                            policies=(-4.,), **QUICK)


def test_what_the_numbers_mean_is_said():
    """Of a lambda that leaves no weights."""
    x, y = rows()
    with pytest.warns(RuntimeWarning, match=r'\(lambda 30\) the validation '
                      'loss is no better than that of a constant answer'):
        curve = poisoning_curve(exact(), x, y, policies=(30.,), **QUICK)
    assert curve.gave_up[0, 2, 0] and curve.gave_up.dtype == bool
    # and a lower bound of lambda that leaves none
    with pytest.warns(RuntimeWarning, match='widen `lmbda_bounds`'):
        curve = poisoning_curve(exact(), x, y, policies=('learned',), **{
            **QUICK, 'fractions': (0,), 'lmbda_bounds': (20., 21.)})
    assert curve.gave_up.all() and (curve.lmbda == 20).all()


X, Y = rows(60)
TEXT = X.assign(colour='red')


OVR = exact()
OVR.multi_class = 'ovr'  # a parameter before scikit-learn 1.8


@pytest.mark.parametrize('change, error, words', [
    ({'estimator': OVR}, ValueError, '`estimator.multi_class` must be left'),
    ({'estimator': Perceptron()}, TypeError, 'got Perceptron. Take a Logi'),
    ({'estimator': svm(loss='hinge')}, ValueError,
     "`estimator.loss` must be 'squared_hinge': the hinge has no derivative"),
    ({'estimator': Pipeline([('lr', exact()), ('last', 'passthrough')])},
     TypeError, '`estimator` must end with one of LogisticRegression, '),
    ({'estimator': svm(intercept_scaling=2)}, ValueError, 'must be 1, got 2'),
    ({'estimator': RidgeClassifier(positive=True)}, ValueError,
     '`estimator.positive` must be False'),
    ({'estimator': svm(), 'y': np.arange(60) % 3}, ValueError,
     '`y` must be labels of two classes with LinearSVC, got 3. Logistic'),
    ({'estimator': RidgeClassifier(), 'policies': 'learned-trust'},
     ValueError, 'ridge and the penalty l2: it needs a '
     'logistic regression, with any solver but liblinear, or a LinearSVC, '
     'of two classes, with the L2 penalty.'),
    ({'fractions': (0, .999), 'poison_mode': 'replace'}, ValueError,
     '`fractions` must be shares that leave training rows of each class, of '
     '36, got 0.999'),
    ({'fractions': (0, .9), 'poison_mode': 'replace',
      'y': (np.arange(60) < 6).astype(int)}, ValueError, '`fractions` must be '
     'shares that leave training rows of each class, of 36, got 0.9'),
    ({'poison_mode': 'add'}, ValueError, "`poison_mode` must be 'append' or"),
    ({'estimator': LogisticRegressionCV()}, TypeError, 'a Pipeline of'),
    ({'estimator': make_pipeline(PolynomialFeatures(), exact())}, TypeError,
     'steps with a derivative'),
    ({'estimator': make_pipeline(StandardScaler(with_mean=False), exact())},
     TypeError, 'with_mean=False'),
    ({'estimator': exact(class_weight='balanced')}, ValueError,
     "`estimator.class_weight` must be None"),
    ({'estimator': exact(fit_intercept=False)}, ValueError,
     '`estimator.fit_intercept` must be True'),
    ({'estimator': exact(solver='saga', **ELASTIC_NET)}, ValueError,
     'must be 0 or 1, got 0.5' if 'penalty' not in ELASTIC_NET else
     "`estimator.penalty` must be 'l2', 'l1' or None, got 'elasticnet'"),
    ({'estimator': exact(**SKLEARN_L1)}, ValueError, "`estimator.solver` must "
     "be 'saga' or 'liblinear' with the L1 penalty, got 'lbfgs'"),
    ({'y': np.arange(60) % 3, 'estimator': exact(solver='saga', **SKLEARN_L1)},
     ValueError, 'must be l2 with more than two classes, got'),
    ({'estimator': exact(solver='liblinear', intercept_scaling=3)},
     ValueError, 'must be 1 with the solver liblinear, got 3'),
    ({'X': TEXT}, ValueError, "got ['colour']. Encode these columns"),
    ({'X': X.assign(ratio=np.nan)}, ValueError,
     "got nan in row 0, column 'ratio', the first of 60"),
    ({'X': X.to_numpy() * [1, 1e-200, 1]}, ValueError,
     'largest value is 0 or at least 1e-150, got '),
    ({'X': X.assign(ratio=4e15 + X['count'])}, ValueError,
     "vary by more than rounding, got ['ratio']. Subtract their means"),
    ({'X': 0 * X}, ValueError, '`X` must be of rows that are not all the sam'),
    ({'X': np.ma.masked_greater(X.to_numpy(), 45)}, ValueError, 'got nan in'),
    ({'y': np.ma.masked_greater(Y, 0)}, ValueError, 'free of masked labels'),
    ({'X': X.astype(object)}, ValueError, 'say `.astype(float)`'),
    ({'estimator': Pipeline([])}, ValueError, 'must be a pipeline with steps'),
    ({'estimator': svm(multi_class='crammer_singer')}, ValueError,
     "`estimator.multi_class` must be 'ovr'"),
    ({'policies': None}, ValueError, "'learned-trust'), or a lambda from -46"),
    ({'n_jobs': 0}, ValueError, '`n_jobs` must be None, a number of process'),
    ({'X': X['ratio']}, ValueError, '(n_rows, n_features), got (60,)'),
    ({'X': X.astype(str).to_numpy()}, TypeError, '.astype(float)'),
    ({'y': Y[:50]}, ValueError, '`y` must be of shape (60,)'),
    ({'y': 0 * Y}, ValueError, 'two classes, or of more, at most 50, got [0]'),
    ({'y': np.arange(60)}, ValueError, 'at most 50, got [0, 1, 2'),
    ({'y': np.arange(60) % 3, 'estimator': exact(solver='liblinear')},
     ValueError, '`estimator.solver` must be another with more than two'),
    ({'y': np.where(Y, 'a', None)}, ValueError, "['NoneType', 'str']"),
    ({'y': np.where(Y, 1., np.nan)}, ValueError, 'free of missing labels'),
    ({'y': (np.arange(60) < 4).astype(int)}, ValueError,
     'got 4 of class 1: bring more such rows'),
    ({'y': (np.arange(60) < 5).astype(int)}, ValueError,
     'got 4 of class 1 beside the test rows: bring more such rows'),
    ({'X_val': X}, ValueError, '`X_val` and `y_val` must be given together'),
    ({'X_val': X[['ratio']], 'y_val': Y}, ValueError, 'the 3 features'),
    ({'X_val': X[X.columns[::-1]], 'y_val': Y}, ValueError,
     'a frame with the columns of `X`'),
    ({'X_test': X, 'y_test': Y + 1}, ValueError,
     '`y_test` must be labels among [0, 1], got [2]'),
    ({'X_val': X, 'y_val': 0 * Y}, ValueError,
     '`y_val` must be labels of both classes, got [0]'),
    ({'X_attacker': X}, ValueError,
     '`X_attacker` and `y_attacker` must be given together'),
    ({'X_attacker': X[['ratio']], 'y_attacker': Y, 'attacker': 'own'},
     ValueError, '`X_attacker` must be of the 3 features of `X`, got 1'),
    ({'X_attacker': X * np.nan, 'y_attacker': Y, 'attacker': 'own'},
     ValueError, '`X_attacker` must be finite'),
    ({'X_attacker': X, 'y_attacker': 0 * Y, 'attacker': 'own'}, ValueError,
     '`y_attacker` must be labels of both classes, got [0]'),
    ({'X_attacker': X, 'y_attacker': Y}, ValueError,
     "`attacker` must be 'own' with `X_attacker`, got 'defender'. "
     "'defender' has the validation rows, 'grey' takes some of the test rows: "
     'neither takes rows of yours, nor hides anything.'),
    ({'camouflage': .5, 'attacker': 'grey'}, ValueError,
     "`attacker` must be 'own' with `camouflage`, got 'grey'. 'defender' has"),
    ({'camouflage': 2, 'attacker': 'own'}, ValueError,
     "`camouflage` must be 'auto' or a number from 0 to 1, got 2"),
    ({'fractions': (0, 1.)}, ValueError, 'below 1, got [0.0, 1.0]'),
    ({'fractions': ()}, ValueError, '`fractions` must be'),
    ({'fractions': ('5 %',)}, ValueError, "below 1, got ['5 %']"),
    ({'policies': ('learnt',)}, ValueError, "got 'learnt'"),
    ({'policies': ('learned', 'learned')}, ValueError, 'none twice'),
    ({'policies': (1., np.nextafter(1., 2.))}, ValueError, 'none twice'),
    ({'policies': (0., -0.)}, ValueError, 'none twice'),
    ({'policies': (99,)}, ValueError, 'a lambda from -46 to 46, got 99.0'),
    ({'y_poison': [0, 1]}, ValueError, 'one of [0, 1], got [0, 1]'),
    ({'y_poison': 'spam'}, ValueError, "'flip' or one of [0, 1], got 'spam'"),
    ({'lb': 9e9}, ValueError, '`lb` must be at most `ub`'),
    ({'solver_type': 'sgd'}, ValueError, "`solver_type` must be 'auto' or"),
    ({'batch_size': 3}, TypeError, "must be among ('distance', "),
    ({'n_repetitions': 0}, ValueError, '`n_repetitions` must be at least 1'),
    ({'fractions': (.001, .003)}, ValueError,
     'one is a point or more, of 36 rows, got 0.003.'),
    ({'lb': [0, 0, .2], 'ub': [99, 1, .8]}, ValueError,
     "`lb` and `ub` must hold a whole number in column 'count', which holds "
     "nothing else, got 0.2 and 0.8. Pass integer='none'"),
    ({'X': X.to_numpy(), 'lb': 3.5, 'ub': 3.5}, ValueError,
     'in column 2, which holds nothing else, got 3.5 and 3.5'),
    ({'lb': pd.Series([0, 0, 0])}, ValueError, '`lb` must be a series whose '
     'index is the columns of `X`, got [0, 1, 2]'),
    ({'ub': X.max()[:2]}, ValueError, "got ['length', 'ratio']. For values"),
    ({'n_jobs': '2'}, TypeError, '`n_jobs` must be a whole number, or None'),
    ({'random_state': None}, TypeError, '`random_state` must be')])
def test_what_cannot_be_run_is_refused(change, error, words):
    kwargs = {'estimator': exact(), 'X': X, 'y': Y, **QUICK, **change}
    with pytest.raises(error) as found:
        poisoning_curve(**kwargs)
    assert words in str(found.value)


def test_two_rows_of_a_class_are_needed_to_cross_validate():
    y = (np.arange(60) < 6).astype(int)
    with pytest.raises(ValueError, match='a class has 1 of the val rows and '
                       'trusted-only needs 2'):
        poisoning_curve(exact(), X, y, policies=('trusted-only',), **QUICK)
    curve = quietly(exact(), X, y)  # four folds
    assert curve.test_error.size == 6


@pytest.mark.slow
def test_the_import_of_the_package_does_not_need_it():
    code = ('import sys, secml_regpoison as package\n'
            'assert "secml_regpoison.experiment" not in sys.modules\n'
            'package.poisoning_curve, package.PoisoningCurveDisplay')
    subprocess.run([sys.executable, '-c', code], check=True)


def curves_of(digits, n_outer, attackers):
    """A curve of two digits for each of the attackers, lambda learned."""
    x, y = load_digits(return_X_y=True)
    keep = np.flatnonzero(np.isin(y, digits))[:240]
    return [quietly(
        exact(), x[keep] / 16, y[keep], fractions=(0, .15), integer='none',
        policies=('learned',), attacker=attacker,
        solver_params={'n_outer': n_outer}) for attacker in attackers]


def test_an_attacker_with_the_test_rows_hides_from_the_defender():
    """It errs more than the usual one, and the validation rows show less."""
    usual, own = curves_of((0, 8), 12, ('defender', 'own'))
    assert usual.test_error[0, 0, 0] == own.test_error[0, 0, 0]
    assert own.test_error[0, 1, 0] > 1.2 * usual.test_error[0, 1, 0]
    assert own.validation_loss[0, 1, 0] < .7 * usual.validation_loss[0, 1, 0]
    assert own.unseen[0, 1, 0] and not usual.unseen.any()


def test_an_attacker_may_bring_rows_of_its_own():
    """Held out of the pool: the loss on them is what the poison raises. The
    test rows as such rows are the default."""
    x, y = load_digits(return_X_y=True, as_frame=True)
    keep = np.flatnonzero(np.isin(y, (3, 8)))[:240]
    x, y = x.iloc[keep] / 16, y.to_numpy()[keep]
    x, own_x, y, own_y = x[:180], x[180:], y[:180], y[180:]

    def curve_of(**kwargs):
        return quietly(exact(), x, y, fractions=(.15,), integer='none',
                       policies=('learned',), attacker='own',
                       solver_params={'n_outer': 2}, **kwargs)

    def own_loss(curve):
        refit = exact(C=curve.C[0, 0, 0]).fit(*map(np.concatenate, zip(
            (x.to_numpy()[curve.train_rows[0]], y[curve.train_rows[0]]),
            curve.poison[0, 0, 0])))
        return log_loss(own_y, refit.predict_proba(own_x.to_numpy()))
    of_test = curve_of(camouflage=0)
    test = of_test.test_rows[0]
    own, hidden, given = (curve_of(
        X_attacker=rows, y_attacker=labels, camouflage=camouflage)
        for rows, labels, camouflage in (
            (own_x, own_y, 0), (own_x, own_y, .9),
            (x.iloc[test], y[test], 0)))
    for curve in own, hidden:
        check_against_refit(curve, exact(), x, y)
        assert (curve.test_rows[0] == test).all()
    assert own_loss(own) > 1.5 * own_loss(of_test)
    assert hidden.validation_loss < .5 * own.validation_loss
    for name in 'test_error', 'validation_loss', 'lmbda':
        np.testing.assert_array_equal(given[name], of_test[name])


def test_in_the_grey_box_the_trusted_rows_are_not_known():
    """Half of the test rows are the attacker's. The harm to the trusted rows
    is less than that by an attacker who knows them."""
    usual, grey = curves_of((3, 8), 4, ('defender', 'grey'))
    np.testing.assert_allclose(grey.lmbda[0, 0, 0], usual.lmbda[0, 0, 0])
    harmed, clean = grey.validation_loss[0, ::-1, 0]
    assert clean < harmed < usual.validation_loss[0, 1, 0]
    assert set(grey.test_rows[0]) < set(usual.test_rows[0])
    assert len(grey.test_rows[0]) == len(usual.test_rows[0]) / 2


@pytest.mark.parametrize('estimator, constant', [
    (exact(), math.log(2)), (svm(), 1.), (RidgeClassifier(), 1.)])
def test_in_the_grey_box_the_constant_answer_is_the_defenders(
        estimator, constant):
    """The attacker's rows have other shares of the classes: 9 to 1, where
    the trusted rows have half each."""
    rng = np.random.default_rng(0)

    def drawn(n, share):
        y = (np.arange(n) < share * n).astype(int)
        return rng.normal(size=(n, 3)) + 1.2 * y[:, None], y
    (x, y), (x_val, y_val), (x_test, y_test) = (
        drawn(100, .5), drawn(40, .5), drawn(200, .1))
    curve = quietly(estimator, x, y, x_val, y_val, x_test, y_test, fractions=(
        0, .1), policies=(0., 'trusted-only'), attacker='grey')
    assert curve.constant_loss.ravel() == pytest.approx([constant] * 4)
    assert (curve.validation_loss < constant).all()
    assert not curve.gave_up.any()


def test_in_the_grey_box_single_moves_see_the_rows_of_the_attacker(
        monkeypatch):
    seen, moved = [], valid_values._moved
    monkeypatch.setattr(valid_values, '_moved', lambda attack, data, *args: (
        seen.append(data.x_val), moved(attack, data, *args))[1])
    x, y = rows()
    curve = quietly(exact(), x, y, policies=(0.,), attacker='grey')
    trusted = x.to_numpy()[curve.val_rows[0]]
    assert len(seen) == 2
    for known in seen:
        assert not (known.numpy()[:, None] == trusted).all(2).any()


def test_a_grey_box_needs_test_rows():
    frame, y = rows(60)
    with pytest.raises(ValueError, match="`attacker` must be 'defender' or "
                       "'own' with 2 test rows"):
        poisoning_curve(exact(), frame, y, X_test=frame[:2], y_test=y[:2],
                        attacker='grey', **QUICK)


def test_a_grey_box_needs_rows_of_each_class():
    """With the shares of the classes: of 2 rows among 40 one is drawn with
    20, and none with 8. Learned trust is cross-validated on two of each."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 3)), np.arange(90) % 2
    y_test = (np.arange(40) < 2).astype(int)

    def call(n_val, policy):
        return quietly(
            exact(), x[:60], y[:60], x[60:60 + n_val], y[60:60 + n_val],
            x[:40], y_test, policies=policy, attacker='grey',
            fractions=(0, .1))
    for n_val, policy, words in (
            (20, 'learned-trust', 'The attacker would have 20 of them, 1 of a '
             'class, and needs 2 of each for learned-trust.'),
            (8, 0., 'would have 8 of them, 0 of a class, and needs 1')):
        with pytest.raises(ValueError, match=(
                "`attacker` must be 'defender' or 'own' with 40 test rows, of "
                f"which a class has 2, got 'grey'. .*{words}")):
            call(n_val, policy)
    assert call(20, 0.).test_error.shape == (1, 2, 1)


def test_all_numbers_are_of_the_estimator():
    """Also of one that stops after its first step, far from its optimum."""
    early, x = LogisticRegression(max_iter=1), X.to_numpy()
    curve = quietly(early, X, Y, policies=('learned', 0.))
    assert curve.fit_short.any()
    for k, j in np.ndindex(curve.test_error.shape[:2]):
        poison = curve.poison[k, j, 0]
        rows = curve.train_rows[0]
        fitted = clone(early).set_params(C=curve.C[k, j, 0]).fit(
            np.vstack([x[rows], poison[0]]), np.r_[Y[rows], poison[1]])
        y_pred = fitted.predict(x[curve.test_rows[0]])
        assert curve.w_norm[k, j, 0] == pytest.approx(
            np.linalg.norm(fitted.coef_))
        assert curve.one_class[k, j, 0] == (len(set(y_pred)) == 1)
        assert curve.gave_up[k, j, 0] == has_given_up(
            curve.validation_loss[k, j, 0], curve.constant_loss[k, j, 0])


def test_a_word_for_labels_is_no_class():
    """Classes named as the words that `y_poison` takes."""
    names = np.array(['best', 'worst'])
    found, expected = (quietly(exact(), X, y, policies=(0.,),
                               **{**QUICK, 'y_poison': 'worst'})
                       for y in (names[Y], Y))
    np.testing.assert_allclose(found.validation_loss,
                               expected.validation_loss)


def test_trusted_rows_alone_show_the_harm_that_they_have():
    """No poison reaches the policy; its loss on the rows that it is trained
    on says nothing of the attacker's."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = rng.normal(size=(200, 60)) + .45 * y[:, None]
    curve = quietly(exact(), x, y, fractions=(0, .1), y_poison='flip',
                    policies=('trusted-only',), attacker='own',
                    solver_type='implicit')
    assert not curve.unseen.any()


@pytest.mark.parametrize('policy, scaled', [
    ('trusted-only', False), ('trusted-only', True), ('learned-trust', True)])
def test_the_loss_of_trusted_rows_is_cross_validated_by_the_estimator(
        policy, scaled):
    """Of one trained to its end that of the model that was tuned; of one
    that stops after a step its own, which is said."""
    x, y = load_breast_cancer(return_X_y=True)
    x, y = (x if scaled else x[:, :4] / x[:, :4].std(0))[:200], y[:200]

    def curve_of(last):
        return quietly(make_pipeline(StandardScaler(), last) if scaled
                       else last, x, y, policies=(policy,),
                       fractions=(0, .1), solver_type='implicit')
    exactly, early = map(curve_of, (exact(), exact(max_iter=1)))
    assert not exactly.fit_short.any() and early.fit_short.all()
    assert (early.validation_loss > 1.01 * exactly.validation_loss).all()
    np.testing.assert_allclose(early.C, exactly.C)  # tuned by the model
    if policy == 'trusted-only':
        estimator = make_pipeline(StandardScaler(), exact()) if scaled \
            else exact()
        val = exactly.val_rows[0]
        proba = cross_val_predict(
            set_c(estimator, exactly.C[0, 0, 0]), x[val], y[val],
            method='predict_proba', cv=StratifiedKFold(
                5, shuffle=True, random_state=0))
        assert exactly.validation_loss[0, 0, 0] == pytest.approx(
            log_loss(y[val], proba))


@pytest.mark.parametrize('attacker, policies', [
    ('defender', ('clean-cv', 'learned', 'trusted-only')),
    ('grey', ('learned-trust',))])
def test_a_seed_may_be_any_whole_number(attacker, policies):
    """scikit-learn's are below 2**32."""
    x, y = rows(80)
    curves = [quietly(exact(), x, y, policies=policies, attacker=attacker,
                      fractions=(0, .1), random_state=seed,
                      solver_type='implicit')
              for seed in (2 ** 32 + 7, 2 ** 32 + 7)]
    np.testing.assert_array_equal(*(curve.test_error for curve in curves))


@pytest.mark.parametrize('estimator', [
    LogisticRegression(solver='liblinear'),
    LogisticRegression(solver='liblinear', dual=True, max_iter=5),
    make_pipeline(StandardScaler(), LogisticRegression(solver='sag',
                                                       max_iter=2)),
    make_pipeline(StandardScaler(), LogisticRegression(
        solver='saga', max_iter=2, **SKLEARN_L1)),
    LinearSVC(dual=True, max_iter=5),
    RidgeClassifier(solver='sag', max_iter=2),
    make_pipeline(StandardScaler(), RidgeClassifier(solver='saga',
                                                    max_iter=2))])
def test_an_estimator_without_a_seed_has_that_of_the_repetition(estimator):
    x, y = rows()

    def curve(estimator, seed=0):
        return quietly(estimator, x, y, policies=(0., 'trusted-only'),
                       fractions=(0, .1), random_state=seed)
    np.random.seed(1)
    before = np.random.get_state()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of training that stops early
        first = curve(estimator)
        np.testing.assert_equal(np.random.get_state(), before)
        np.random.seed(2)
        again = curve(estimator)
        # to reproduce it, a clone is given that seed
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        last.set_params(random_state=0)
        by_hand = curve(estimator)
    for name in ('test_error', 'validation_loss', 'w_norm', 'lmbda'):
        np.testing.assert_array_equal(first[name], again[name])
        np.testing.assert_array_equal(first[name], by_hand[name])
    assert 0 < first.w_norm.min()


@pytest.mark.parametrize('estimator', [
    *(LogisticRegression(solver=solver, max_iter=2) for solver in (
        'lbfgs', 'liblinear', 'newton-cg', 'newton-cholesky', 'sag',
        'saga')), LinearSVC(max_iter=2), RidgeClassifier(),
    RidgeClassifier(solver='sag', max_iter=2)])
def test_the_trial_of_an_estimator_says_nothing(estimator):
    """Of a few rows: what its training does is not known yet."""
    x, y = rows()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_fits(estimator, x.to_numpy(), y)


def test_numpy_numbers_do_not_overflow():
    x, y = rows()
    for policy, seed in (('learned-trust', np.uint8(255)),
                         ('trusted-only', np.int32(2 ** 31 - 1))):
        curve, expected = (quietly(
            exact(), x, y, policies=(policy,), fractions=(0, .1),
            n_repetitions=n, random_state=state, solver_type='implicit')
            for n, state in ((np.uint8(2), seed), (2, int(seed))))
        np.testing.assert_array_equal(curve.test_error, expected.test_error)


def test_a_filter_may_leave_a_column_constant():
    """It stays so, as of the rows that pass: the refitted deviation would be
    that of the poison alone."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4))
    y = (x[:, 0] + rng.normal(size=200) > 0).astype(int)
    x[:, 3] = 5. * (np.arange(200) % 50 == 0)
    curve = quietly(make_pipeline(StandardScaler(), exact()), x, y,
                    policies=('learned',), filter='sphere-slab',
                    fractions=(0, .1), integer='none', solver_type='implicit')
    kept = x[curve.train_rows[0], 3]
    assert curve.validation_loss.max() < 1
    assert not kept.any() and not curve.poison[0, -1, 0][0][:, 3].any()


def test_a_pipeline_may_give_out_data_frames():
    x, y = rows()
    model = make_pipeline(StandardScaler(), exact())
    kwargs = dict(policies=('learned-trust',), fractions=(0, .1),
                  solver_type='implicit')
    expected = quietly(model, x, y, **kwargs)
    found = quietly(clone(model).set_output(transform='pandas'), x, y,
                    **kwargs)
    np.testing.assert_array_equal(found.test_error, expected.test_error)


def test_a_step_may_have_the_name_of_a_parameter():
    x, y = rows()
    model = Pipeline([('copy', StandardScaler()), ('lr', exact())])
    assert quietly(model, x, y, policies=('learned',)).test_error.size == 3


@pytest.mark.parametrize('model, change, words', [
    (make_pipeline(Normalizer(), StandardScaler(), exact()),
     {'length': 1e7}, 'more than rounding before the StandardScaler'),
    (make_pipeline(MinMaxScaler(), exact()), {'ratio': 1e-16},
     'at least 2.2e-15 before the MinMaxScaler'),
    (make_pipeline(Normalizer(), exact()),
     {'length': 1e-18, 'ratio': 1e-18, 'count': 1e-18},
     'at least 2.2e-15 before the Normalizer')])
def test_what_scikit_learn_takes_for_constant_is_refused(model, change,
                                                         words):
    x, y = rows()
    for name, factor in change.items():
        x[name] = (x[name] + 1) * factor
    with pytest.raises(ValueError, match=words):
        quietly(model, x, y, policies=('learned',))


@pytest.mark.parametrize('change', [{'max_iter': -1}, {'tol': 'x'}])
def test_what_the_estimator_refuses_is_refused_before_any_work(change,
                                                               monkeypatch):
    x, y = rows()
    monkeypatch.setattr('secml_regpoison.experiment.poisoning_curve.'
                        'parallel_map', lambda *_: pytest.fail('began'))
    with pytest.raises(ValueError, match='must be'):
        quietly(LogisticRegression(**change), x, y)


def test_bounds_of_any_shape():
    x, y = rows()
    low, high = x.min().to_numpy(), x.max().to_numpy()
    kwargs = dict(policies=('learned',), fractions=(0, .1))
    expected = quietly(exact(), x, y, lb=low, ub=high, **kwargs)
    found = quietly(exact(), x, y, lb=low[:, None], ub=[*high], **kwargs)
    np.testing.assert_array_equal(found.test_error, expected.test_error)
    with pytest.raises(TypeError, match='`lb` must be a number, or one for'):
        quietly(exact(), x, y, lb={0: 1}, **kwargs)
    # by the columns
    for bounds in (x.min()[::-1], x.max()[::-1]), (
            x.min()[::-1].to_frame(), x.max()[::-1].to_frame().T):
        found = quietly(exact(), x, y, lb=bounds[0], ub=bounds[1], **kwargs)
        np.testing.assert_array_equal(found.poison[0, 1, 0][0],
                                      expected.poison[0, 1, 0][0])


def test_a_box_without_whole_numbers():
    x, y = rows()
    curve = quietly(exact(), x.to_numpy(), y, policies=(0.,),
                    fractions=(0, .1), lb=[0, 0, .2], ub=[99, 1, .8],
                    integer='none')
    assert ((.2 <= curve.poison[0, 1, 0][0][:, 2])
            & (curve.poison[0, 1, 0][0][:, 2] <= .8)).all()
    with pytest.warns(RuntimeWarning, match='% of the values of the training '
                      'rows lie outside the box') as found:
        poisoning_curve(exact(), x.to_numpy(), y, policies=(0.,), **{
            **QUICK, 'fractions': (0, .1)}, lb=0, ub=1)
    assert not any('training_data' in str(each.message) for each in found)
