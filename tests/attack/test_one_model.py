"""Points, lambda, loss and error are of one model: the one evaluated."""
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import preprocessing

from attack_problems import (
    clouds, digits, fit_optimum, loss, make, run, scores_of, small)
from secml_regpoison import CCertificatePoisoning, CClassifierLogisticTorch
from secml_regpoison.attack.pipeline import check_preprocess

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerTFIDF,
    CNormalizerUnitNorm)

LIBLINEAR, TORCH = CClassifierLogistic, CClassifierLogisticTorch
# secml's normaliser, and scikit-learn's own
NORMALISERS = {
    'none': (lambda: None, None),
    'mean-std': (CNormalizerMeanStd, preprocessing.StandardScaler()),
    'min-max': (CNormalizerMinMax, preprocessing.MinMaxScaler()),
    **{name: (lambda name=name: CNormalizerUnitNorm(norm=name),
              preprocessing.Normalizer(name)) for name in ('l1', 'l2', 'max')}}
CHAINS = {
    'l2, then min-max': lambda: CNormalizerMinMax(
        preprocess=CNormalizerUnitNorm()),
    'mean-std, then l1': lambda: CNormalizerUnitNorm(
        norm='l1', preprocess=CNormalizerMeanStd())}


def skewed():
    """One row of class 1 to nine of class 0, in training and validation."""
    parts = []
    for seed, n_rows in enumerate((400, 200, 300), 1):
        ds = clouds(n_rows, seed, d=4)
        rare = np.flatnonzero(ds.Y.tondarray() == 1)[::9]
        rows = np.sort(np.r_[np.flatnonzero(ds.Y.tondarray() == 0), rare])
        parts.append(ds[rows.tolist(), :])
    return parts


def balanced():
    return [clouds(n_rows, seed, d=4)
            for seed, n_rows in enumerate((80, 40, 100), 1)]


PROBLEMS = {
    'balanced': (balanced, LIBLINEAR, 'none', {}),
    'balanced, torch, replace': (
        balanced, TORCH, 'none', {'poison_mode': 'replace'}),
    'skewed': (skewed, LIBLINEAR, 'none', {'lmbda_bounds': (-4, 11.5)}),
    'skewed, fixed, replace': (skewed, LIBLINEAR, 'none', {
        'learn_lmbda': False, 'poison_mode': 'replace'}),
    'skewed, torch, rmd': (skewed, TORCH, 'mean-std', {'solver_type': 'rmd'}),
    'mean-std': (balanced, LIBLINEAR, 'mean-std', {}),
    'digits, mean-std, fixed': (
        digits, TORCH, 'mean-std', {'learn_lmbda': False}),
    'min-max, rmd, fixed': (balanced, LIBLINEAR, 'min-max', {
        'learn_lmbda': False, 'solver_type': 'rmd', 'ub': 2}),
    'min-max, replace': (
        digits, TORCH, 'min-max', {'poison_mode': 'replace', 'ub': 2}),
    'l1': (digits, LIBLINEAR, 'l1', {}),
    'l2, torch, fixed': (
        skewed, TORCH, 'l2', {'learn_lmbda': False}),
    'max, replace': (balanced, LIBLINEAR, 'max', {'poison_mode': 'replace'})}


def attack_on(make_data, kind, normaliser, **settings):
    """The data, the attack after its run, and what it returned."""
    data = make_data()
    settings = {'solver_type': 'implicit', 'solver_params': {'n_outer': 8},
                **settings}
    attack = make(data, 9, kind(preprocess=NORMALISERS[normaliser][0]()),
                  **settings)
    return data, attack, run(attack, data)


def refit(attack, adv_ds, kind, normaliser, lmbda=None):
    """scikit-learn's model of the poisoned data, its own scaler in front."""
    return fit_optimum(
        attack.poisoned_data(adv_ds), attack.lmbda if lmbda is None else lmbda,
        kind, NORMALISERS[normaliser][1])


@pytest.mark.filterwarnings('ignore:the loss by rmd')
@pytest.mark.parametrize('name', PROBLEMS)
def test_scikit_learn_gives_the_reported_error_and_loss(name):
    """The error to the bit; secml leaves liblinear at a tolerance of 1e-4,
    which is a loss within 1e-3."""
    make_data, kind, normaliser, settings = PROBLEMS[name]
    data, attack, (y_pred, scores, adv_ds, f_opt) = attack_on(
        make_data, kind, normaliser, **settings)
    model = refit(attack, adv_ds, kind, normaliser)
    expected = scores_of(model, data[2]) > 0
    wrong = (expected != data[2].Y.tondarray()).sum()
    assert (y_pred != data[2].Y).sum() == wrong > 0
    assert_array_equal(y_pred.tondarray(), expected)
    assert f_opt == attack.f_opt == pytest.approx(
        loss(model, data[1]), rel=1e-3 if kind is LIBLINEAR else 1e-6)
    assert attack.objective_function(attack.xc[0, :]) == pytest.approx(
        loss(model, data[1]), rel=1e-6)
    found = attack.poisoned_classifier(adv_ds)
    again, again_scores = found.predict(data[2].X,
                                        return_decision_function=True)
    assert_array_equal(again.tondarray(), y_pred.tondarray())
    assert_array_equal(again_scores.tondarray(), scores.tondarray())


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:the loss by rmd')
@pytest.mark.parametrize('name', [
    name for name, problem in PROBLEMS.items()
    if problem[3].get('learn_lmbda', True)])
def test_lambda_is_the_best_for_the_classifier(name):
    """Of a grid of refits none is better by more than 1e-3."""
    make_data, kind, normaliser, settings = PROBLEMS[name]
    data, attack, (_, _, adv_ds, _) = attack_on(
        make_data, kind, normaliser, **settings)
    low, high = attack.lmbda_bounds
    grid = {lmbda: loss(refit(attack, adv_ds, kind, normaliser, lmbda),
                        data[1]) for lmbda in np.arange(low, high + .1, .25)}
    here = loss(refit(attack, adv_ds, kind, normaliser), data[1])
    assert here <= 1.001 * min(grid.values())
    assert max(grid.values()) > 1.01 * here


@pytest.mark.slow
@pytest.mark.parametrize('kind', [LIBLINEAR, TORCH])
@pytest.mark.parametrize('name', [*NORMALISERS, *CHAINS])
def test_check_gradient_of_the_whole_pipeline(kind, name):
    """Preprocess refitted, the bias as the classifier penalises it."""
    make_preprocess = CHAINS.get(name) or NORMALISERS[name][0]
    data = balanced()
    attack = make(data, 5, kind(preprocess=make_preprocess()), ub=2)
    rng = np.random.default_rng(0)
    attack.xc = CArray(rng.uniform(.1, 1.9, (5, 4)))
    attack.yc = CArray([0, 1, 0, 1, 0])
    found = attack.check_gradient()
    assert max(found.points, found.lmbda) < 1e-6
    assert found.solver_lmbda < 1e-6
    # all that rmd leaves out is a step size of 1 / L that moves with the rows
    attack.solver_params = {'n_inner': 60, 'inner_eta': .1, 'momentum': .9}
    found = attack.check_gradient()
    assert max(found.solver_points, found.solver_lmbda) < 1e-6


def test_the_bias_is_the_classifiers():
    """On skewed classes the two models are far from each other."""
    data = skewed()
    losses = {}
    for kind in (LIBLINEAR, TORCH):
        attack = make(data, 3, kind(C=.01), learn_lmbda=False)
        attack.xc, attack.yc = attack._rnd_init_poisoning_points()
        losses[kind] = attack.objective_function(attack.xc[0, :])
        poisoned = attack.poisoned_data(CDataset(attack.xc, attack.yc))
        assert losses[kind] == pytest.approx(loss(fit_optimum(
            poisoned, np.log(100.), kind), data[1]), rel=1e-6)
    assert losses[LIBLINEAR] > 1.1 * losses[TORCH]


@pytest.mark.parametrize('kind', [LIBLINEAR, TORCH])
def test_subclasses_of_the_classifiers_are_attacked_as_they_are(kind):
    class Mine(kind):
        """Of another class, the same model."""

        def predict(self, *args, **kwargs):
            """What neither trains nor scores."""
            return super().predict(*args, **kwargs)

    data = balanced()
    expected, found = (run(make(data, 4, each(C=.5)), data)
                       for each in (kind, Mine))
    assert_array_equal(found[1].tondarray(), expected[1].tondarray())
    assert_array_equal(found[2].X.tondarray(), expected[2].X.tondarray())
    assert found[3] == expected[3]


class Filtered:
    """Drops the training rows farthest from the mean of their class."""

    def fit(self, x, y):
        x, y = x.tondarray(), y.tondarray()
        rows = []
        for label in np.unique(y):
            own = np.flatnonzero(y == label)
            far = np.linalg.norm(x[own] - x[own].mean(0), axis=1)
            rows += own[np.argsort(far)[:int(.8 * len(own))]].tolist()
        return super().fit(CArray(x[rows]), CArray(y[rows]))


class Halved:
    """Half the scores."""

    def _forward(self, x):
        return super()._forward(x) / 2


@pytest.mark.parametrize('kind, own', [
    (LIBLINEAR, Filtered), (TORCH, Filtered), (LIBLINEAR, Halved)])
def test_lambda_is_of_the_fits_of_a_subclass_with_its_own(kind, own):
    class Mine(own, kind):
        """Another model than its kind."""

    data = balanced()
    name, = (name for name in vars(own) if name.endswith(('fit', 'forward')))
    with pytest.warns(RuntimeWarning, match=(
            f'^Mine has a `{name}` of its own: the points are made against a '
            f'surrogate, {kind.__name__} trained on 80 clean rows')):
        attack = make(data, 6, Mine(C=.5), solver_type='implicit')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        *_, adv_ds, f_opt = run(attack, data)
    tr = attack.poisoned_data(adv_ds)
    y = np.where(data[1].Y.tondarray() == 1, 1, -1)

    def own_loss(lmbda):
        clf = Mine(C=np.exp(-lmbda)).fit(tr.X, tr.Y)
        return np.logaddexp(0, -y * clf.decision_function(
            data[1].X, y=1).tondarray()).mean()
    least = min(map(own_loss, np.linspace(-8, 11.5, 79)))
    assert f_opt == pytest.approx(own_loss(attack.lmbda), rel=1e-6)
    assert f_opt < 1.001 * least
    # the kind is at its best with another
    kind_loss = loss(fit_optimum(tr, attack.lmbda, kind), data[1])
    assert abs(kind_loss - f_opt) > .01 * f_opt
    assert not attack.history[-1].verdicts.fit_short
    assert not attack.check_gradient(1).is_evaluated
    assert not attack.diagnostics().is_evaluated


def test_trust_and_certificates_are_of_classifiers_that_train_as_their_kind():
    class Mine(Filtered, TORCH):
        """Another model than its kind."""

    data = balanced()
    with pytest.warns(RuntimeWarning, match='a `fit` of its own'):
        attack = make(data, 2, Mine())
        with pytest.raises(ValueError, match='where trust is learned, got .M'):
            make(data, 2, Mine(), solver_type='implicit', learn_lmbda='trust')
    with pytest.raises(TypeError, match='`attack` must be on .*, got Mine'):
        CCertificatePoisoning(attack)


class WrongGradient(CNormalizerMinMax):
    """Its gradient is 1.1 times the derivative."""

    def _backward(self, w=None):
        return super()._backward(w) * 1.1


class OwnMinMax(CNormalizerMinMax):
    """A preprocess that the core has no version of."""


def test_preprocess_with_a_wrong_gradient_is_refused_by_name():
    with pytest.warns(RuntimeWarning, match='frozen'), pytest.raises(
            ValueError, match='`classifier.preprocess` must be a preprocess '
            'whose `gradient` is that of its `transform`, got .WrongGradient '
            'with an error of 1e-01'):
        make(balanced(), clf=LIBLINEAR(preprocess=WrongGradient()))


class Doubled(CNormalizerMinMax):
    """Twice the features; `slope` is what it says of them."""

    slope = 2.

    def transform(self, x):
        return 2 * x.atleast_2d()

    def gradient(self, x, w=None):
        return w * self.slope


def test_the_check_of_a_preprocess_needs_no_square_matrix():
    """At 100 000 features that would be 80 GB."""
    preprocess, x = Doubled(), CArray(np.full(100_000, .5))
    check_preprocess(preprocess, x)
    preprocess.slope = 2.1
    with pytest.raises(ValueError, match='with an error of 5e-02'):
        check_preprocess(preprocess, x)


class Tanh:
    """tanh(x - offset) in a precision; of its gradient the `slope`-fold."""

    def __init__(self, dtype, offset, slope=1.):
        self.dtype, self.offset, self.slope = dtype, offset, slope

    def transform(self, x):
        return CArray(np.tanh(
            (x.atleast_2d().tondarray() - self.offset).astype(self.dtype)))

    def gradient(self, x, w):
        return self.slope * w * CArray(1 - np.tanh(
            x.tondarray() - self.offset) ** 2)


@pytest.mark.parametrize('dtype, offset', [
    ('float64', 0.), ('float64', 1000.), ('float32', 0.), ('float32', 100.)])
def test_a_right_gradient_is_taken_in_any_precision(dtype, offset):
    """Rounding in float32, and steps of a tenth at 1000, were errors."""
    x = CArray(offset + np.array([-1., .5, .2, 1.]))
    check_preprocess(Tanh(dtype, offset), x)
    with pytest.raises(ValueError, match='with an error of 2e-02'):
        check_preprocess(Tanh(dtype, offset, 1.02), x)


def frozen_chain(norm):
    """An attack through a unit norm of secml's own, points inside."""
    with pytest.warns(RuntimeWarning, match='CNormalizerTFIDF is frozen'):
        attack = make(balanced(), 5, LIBLINEAR(preprocess=CNormalizerTFIDF(
            preprocess=CNormalizerUnitNorm(norm=norm))))
    attack.xc = CArray(np.random.default_rng(0).uniform(.1, .9, (5, 4)))
    attack.yc = CArray([0, 1, 0, 1, 0])
    return attack


def test_gradient_of_a_frozen_chain():
    assert frozen_chain('l2').check_gradient().points < 1e-6


@pytest.mark.parametrize('norm', ['l1', 'max'])
def test_secmls_wrong_unit_norms_are_refused_in_a_frozen_chain(norm):
    """secml transposes the derivative of two of its norms."""
    with pytest.raises(ValueError, match='got .CNormalizerTFIDF with an '
                                         'error of'):
        frozen_chain(norm)


@pytest.mark.parametrize('preprocess, name', [
    (OwnMinMax, 'OwnMinMax'), (CNormalizerTFIDF, 'CNormalizerTFIDF'),
    (lambda: CNormalizerMinMax(preprocess=OwnMinMax()), 'CNormalizerMinMax')])
def test_a_frozen_preprocess_is_warned_of(preprocess, name):
    with pytest.warns(RuntimeWarning, match=f'^{name} is frozen as the 80 '
                                            'clean rows fit it'):
        make(balanced(), clf=LIBLINEAR(preprocess=preprocess()))


@pytest.mark.parametrize('name', [*NORMALISERS, *CHAINS])
def test_a_refitted_preprocess_is_not_warned_of(name):
    make_preprocess = CHAINS.get(name) or NORMALISERS[name][0]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        make(balanced(), clf=LIBLINEAR(preprocess=make_preprocess()))


def test_loss_of_a_frozen_preprocess_is_of_the_refitted_one():
    """It is still the loss of the classifier that gave the predictions."""
    data = balanced()
    with pytest.warns(RuntimeWarning):
        attack = make(data, 6, LIBLINEAR(preprocess=OwnMinMax()), ub=2)
        adv_ds, f_opt = run(attack, data)[2:]
    model = fit_optimum(attack.poisoned_data(adv_ds), attack.lmbda, LIBLINEAR,
                        preprocessing.MinMaxScaler())
    assert f_opt == pytest.approx(loss(model, data[1]), rel=1e-3)


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_lambda_behind_a_frozen_preprocess_is_the_best_of_the_refitted_one(
        solver_type):
    """It was the best for the frozen features: 1.3 % more loss, and 1.4 %."""
    data = balanced()
    with pytest.warns(RuntimeWarning):
        attack = make(data, 3, LIBLINEAR(preprocess=OwnMinMax()), lb=-2, ub=3,
                      solver_type=solver_type)
        adv_ds, f_opt = run(attack, data)[2:]
    assert attack.lmbda == adv_ds.header.lmbda
    best = min(loss(fit_optimum(
        attack.poisoned_data(adv_ds), lmbda, LIBLINEAR,
        preprocessing.MinMaxScaler()), data[1])
        for lmbda in np.linspace(-8, 11.5, 40))
    assert f_opt == pytest.approx(best, rel=1e-3)


def test_a_solver_that_stops_early_is_warned_of_with_both_losses():
    data = balanced()
    attack = make(data, 6, LIBLINEAR(C=1e3), learn_lmbda=False,
                  solver_params={'n_inner': 5, 'n_outer': 3})
    with pytest.warns(RuntimeWarning, match='the loss by rmd is') as found:
        f_opt = run(attack, data)[3]
    text = str(found[0].message)
    assert f'trained by its own solver {f_opt:.4g}' in text
    solver_value = float(text.split('rmd is ')[1].split(',')[0])
    assert abs(solver_value - f_opt) > .01 * f_opt
    assert "solver_type='implicit' or a larger 'n_inner'" in text


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_a_frozen_preprocess_is_named_where_the_losses_differ(solver_type):
    """No tolerance and no solver brings them together."""
    data = balanced()
    with pytest.warns(RuntimeWarning) as found:
        attack = make(data, 6, LIBLINEAR(preprocess=OwnMinMax()), lb=-2, ub=3,
                      solver_type=solver_type, learn_lmbda=False)
        f_opt = run(attack, data)[3]
    text = next(str(one.message) for one in found
                if str(one.message).startswith('the loss by'))
    assert f'trained by its own solver {f_opt:.4g}' in text
    assert 'the preprocess that is frozen' in text
    assert 'tolerance' not in text and 'n_inner' not in text
    # the classifier's own training is not what is short
    assert not attack.history[-1].verdicts.fit_short


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit', 'fmd'])
@pytest.mark.parametrize('mean, std', [(0., 1.), (.5, 2.)])
def test_mean_and_deviation_that_are_given(solver_type, mean, std):
    """Nothing is fitted, so that no row depends on another."""
    data = digits()
    attack = make(data, 5, TORCH(preprocess=CNormalizerMeanStd(
        mean=mean, std=std)), solver_type=solver_type)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        adv_ds, f_opt = run(attack, data)[2:]
    poisoned, val = (CDataset((ds.X - mean) / std, ds.Y)
                     for ds in (attack.poisoned_data(adv_ds), data[1]))
    model = fit_optimum(poisoned, attack.lmbda, TORCH)
    assert f_opt == pytest.approx(loss(model, val), rel=1e-6)
    assert attack.check_gradient().points < 1e-6


@pytest.mark.parametrize('as_rows', [
    lambda x: (9 * x + 3).astype('u1'), lambda x: x > .5], ids=('u1', 'bool'))
@pytest.mark.parametrize('kind', [LIBLINEAR, TORCH])
def test_whole_numbers_and_bools_under_min_max(kind, as_rows):
    """The user's own `fit` on the rows as they are is the model of
    `n_points = 0`."""
    data = tuple(CDataset(CArray(as_rows(part.X.tondarray())), part.Y)
                 for part in small())
    clf = kind(C=.5, preprocess='min-max')
    attack = make(data, 0, clf, learn_lmbda=False)
    evaluated = attack.poisoned_classifier(run(attack, data)[2])
    own = clf.deepcopy().fit(data[0].X, data[0].Y)
    assert_allclose(own.w.tondarray(), evaluated.w.tondarray(), rtol=1e-9)
