"""The hard cases of docs/numerics.md: what it says of each."""
import ast
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.preprocessing import StandardScaler

from attack_problems import (
    QUICK, clouds, digits, fit_optimum, loss, make, run, solver_value)
import secml_regpoison
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.core import Problem, solve

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerUnitNorm)

SOLVERS = ['rmd', 'fmd', 'implicit']
STEPS = ['rmd', 'fmd']  # those that train by T steps


def scaled(data, factor):
    return [CDataset(ds.X * factor, ds.Y) for ds in data]


def apart():
    """Two clouds far from each other: any line between them separates."""
    data = []
    for seed, n_rows in enumerate((40, 24, 60)):
        y = np.arange(n_rows) % 2
        x = np.random.default_rng(seed).normal(0, .1, (n_rows, 2))
        data.append(CDataset(CArray(x + 10 * y[:, None] - 5), CArray(y)))
    return data


def fixed(lmbda, **kwargs):
    """Arguments of an attack that keeps lambda."""
    return {'clf': CClassifierLogistic(C=math.exp(-lmbda)),
            'learn_lmbda': False, **kwargs}


def quietly(call, *args):
    """The result, and the RuntimeWarnings on the way."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        result = call(*args)
    return result, [str(w.message) for w in found
                    if issubclass(w.category, RuntimeWarning)]


@pytest.mark.parametrize('solver_type', STEPS)
@pytest.mark.parametrize('scale', [1e4, 1e15])
def test_extreme_margins(solver_type, scale):
    """The loss is linear in the margins there, and its derivative a step:
    with eta = 1 / L the scale of the data is that of the weights' inverse."""
    data = [clouds(n, seed) for seed, n in enumerate((40, 24, 60))]
    large = scaled(data, scale)
    attack = make(large, 5, lb=None, ub=None, solver_type=solver_type,
                  **fixed(-46.))
    _, scores, adv_ds, f_opt = run(attack, large)
    assert np.isfinite(scores.tondarray()).all()
    assert attack.f_seq[0] < f_opt < 2
    assert abs(adv_ds.X.tondarray()).max() > scale / 10


@pytest.mark.parametrize('solver_type', SOLVERS)
def test_smallest_features(solver_type):
    """1e-150 is attacked; further below liblinear would never return."""
    data = [clouds(n, seed) for seed, n in enumerate((40, 24, 60))]
    small = scaled(data, 1e-149)
    attack = make(small, 5, solver_type=solver_type, lb='x0', ub='x0')
    attack.lb, attack.ub = -1e-149, 1e-149
    f_opt = run(attack, small)[3]
    assert f_opt == pytest.approx(math.log(2), abs=1e-6)
    assert solver_value(attack) >= attack.f_seq[0].item()
    for name in ('training_data', 'val'):
        parts = {'training_data': data[0], 'val': data[1],
                 name: scaled(data, 1e-200)[0]}
        with pytest.raises(ValueError, match=fr'`{name}.X` must be 0 or, the '
                           'largest of them, at least 1e-150, got .*e-200'):
            run(make(list(parts.values()), 5), data)


def test_margins_past_the_exponential():
    """exp(2000) is no float64; softplus(2000) is 2000 all the same. At eta
    far above 2 / L the first step makes such margins, on both sides."""
    data = digits()
    attack = make(data, 3, solver_params={
        'n_inner': 1, 'inner_eta': 4e3, 'n_outer': 0, 'momentum': 0.},
        **fixed(0.))
    quietly(lambda: run(attack, data))
    tr = attack.poisoned_data(CDataset(attack.xc, attack.yc))
    y = 2. * tr.Y.tondarray() - 1
    u = 4e3 * np.c_[tr.X.tondarray(), np.ones(len(y))].T @ y / len(y) / 2
    margins = data[1].X.tondarray() @ u[:-1] + u[-1]
    assert abs(margins).max() > 2000
    assert solver_value(attack) == pytest.approx(
        loss((u[:-1], u[-1]), data[1]), rel=1e-12)


@pytest.mark.parametrize('solver_type', SOLVERS)
def test_lambda_at_its_upper_bound(solver_type):
    """Weights of zero: what is left is the bias, and log 2 or less."""
    data = digits()
    attack = make(data, 5, solver_type=solver_type, lmbda_bounds=(46, 46))
    _, _, adv_ds, f_opt = run(attack, data)
    assert adv_ds.header.lmbda == 46 and adv_ds.header.w_norm < 1e-12
    assert math.log(2) - .01 < f_opt <= math.log(2) + 1e-12


@pytest.mark.parametrize('solver_type', STEPS)
def test_lambda_at_its_lower_bound(solver_type):
    """No penalty: the same as any lambda whose weight is below rounding."""
    data = digits()
    found = []
    for lmbda in (-46, -40):
        attack = make(data, 5, solver_type=solver_type,
                      lmbda_bounds=(lmbda, lmbda))
        f_opt = quietly(lambda: run(attack, data)[3])[0]
        assert math.isfinite(f_opt)
        found.append(solver_value(attack))
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_lambda_at_its_lower_bound_in_the_limit():
    """Training to the end has no end there: a warning with the residual, or
    of the loss by the classifier's own solver, or an error that names lambda;
    never silence."""
    data = digits()
    attack = make(data, 5, solver_type='implicit', lmbda_bounds=(-46, -46))
    try:
        found = quietly(lambda: run(attack, data))[1]
    except FloatingPointError as error:
        assert 'Hessian is singular' in str(error) and '-46' in str(error)
    else:
        assert any('asked for 1.0e-0' in message
                   or 'the loss by implicit is' in message
                   for message in found)


@pytest.mark.parametrize('solver_type', STEPS)
def test_eta_above_two_over_l(solver_type):
    """A warning with both numbers, the derivative of what was done; and an
    error with eta and lambda once the steps leave the numbers."""
    data = digits()
    attack = make(data, 3, solver_type=solver_type,
                  solver_params={**QUICK, 'inner_eta': 1.})
    result, found = quietly(lambda: run(attack, data))
    assert np.isfinite(result[2].X.tondarray()).all()
    found = [message for message in found
             if not message.startswith(f'the loss by {solver_type} is ')]
    assert found and all('eta = 1 is above 2 / L = 0.6' in message
                         for message in found)
    attack.solver_params = {'n_inner': 150, 'inner_eta': 1e4}
    with pytest.raises(FloatingPointError,
                       match=r'step size eta = 10000 at lmbda = [-\d.]+: '):
        quietly(lambda: run(attack, data))


@pytest.mark.parametrize('solver_type', STEPS)
def test_separable_data_without_regularisation(solver_type):
    """No optimum; T steps are the regularisation, and the weights grow. The
    classifier that is evaluated is liblinear's, whatever T."""
    data, losses, reported = apart(), [], set()
    for n_inner in (10, 100, 1000):
        attack = make(data, 0, solver_type=solver_type, solver_params={
            'n_inner': n_inner}, **fixed(-46.))
        reported.add(quietly(lambda: run(attack, data)[3])[0])
        losses.append(solver_value(attack))
    assert 0 < losses[2] < losses[1] < losses[0] < 1e-3
    assert len(reported) == 1 and 0 < reported.pop() < 1e-4


@pytest.mark.parametrize('lmbda', [-46., -20.])
def test_separable_data_in_the_limit(lmbda):
    """Finite weights, whatever lambda; the weaker the penalty, the larger."""
    data = apart()
    attack, other = (make(data, 0, solver_type='implicit', **fixed(at))
                     for at in (lmbda, -30.))
    (f_opt, expected), said = quietly(
        lambda: [run(each, data)[3] for each in (attack, other)])
    values = [solver_value(each) for each in (attack, other)]
    assert 0 < min(values) and max(values) < 1e-7
    assert lmbda < -30 or values[0] > 10 * values[1]
    # liblinear stops earlier, and the loss that is reported is its own; next
    # to 0 the difference is no news
    assert f_opt == pytest.approx(expected, rel=1e-2) and 1e-6 < f_opt < 1e-4
    assert not any('by its own solver' in message for message in said)


@pytest.mark.parametrize('solver_type', SOLVERS)
def test_a_validation_set_of_two_rows(solver_type):
    """Points beyond two start there again; lambda by two rows: at its optimum
    for them."""
    data = digits()
    y = data[1].Y.tondarray()
    val = data[1][[int(np.argmin(y)), int(np.argmax(y))], :]
    data = (data[0], val, data[2])
    for n_points in (0, 1, 2, 5):
        attack = make(data, n_points, solver_type=solver_type)
        adv_ds, f_opt = run(attack, data)[2:]
        assert adv_ds.num_samples == n_points and np.isfinite(f_opt)


@pytest.mark.parametrize('solver_type', SOLVERS)
def test_one_feature(solver_type):
    data = [clouds(n, seed, d=1) for seed, n in enumerate((40, 24, 60))]
    attack = make(data, 5, solver_type=solver_type, **fixed(0.))
    adv_ds, f_opt = run(attack, data)[2:]
    assert adv_ds.X.shape == (5, 1)
    if solver_type == 'implicit':
        model = fit_optimum(attack.poisoned_data(adv_ds), 0.)
        assert f_opt == pytest.approx(loss(model, data[1]), rel=1e-6)


@pytest.mark.parametrize('learn_lmbda', [True, False])
@pytest.mark.parametrize('preprocess', ['min-max', 'mean-std'])
def test_units_of_the_columns_do_not_matter_to_a_scaler(
        preprocess, learn_lmbda):
    data = digits()
    varies = np.flatnonzero(data[0].X.tondarray().std(0) > .1)
    found = []
    for units in (1., np.where(varies % 2, 1e-2, 1e2)):
        of_units = [CDataset(CArray(ds.X.tondarray()[:, varies] * units),
                             ds.Y) for ds in data]
        x = of_units[0].X
        found.append(run(make(
            of_units, 4, CClassifierLogisticTorch(preprocess=preprocess),
            lb=x.min(axis=0).ravel(), ub=x.max(axis=0).ravel(),
            learn_lmbda=learn_lmbda, solver_params={},
            solver_type='implicit'), of_units)[3])
    # rounding differs with the units, and the outer steps amplify it
    assert found[1] == pytest.approx(found[0], rel=1e-3)


@pytest.mark.parametrize('norm', ['l1', 'l2', 'max'])
def test_one_feature_has_no_direction(norm):
    """A unit norm keeps its sign alone, in a chain too."""
    data = [clouds(n, seed, d=1) for seed, n in enumerate((40, 24, 60))]
    unit = CNormalizerUnitNorm(norm=norm)
    for preprocess in (unit, CNormalizerMeanStd(preprocess=unit)):
        with pytest.raises(TypeError, match='`classifier.preprocess` must '
                                            'have a derivative'):
            make(data, clf=CClassifierLogistic(preprocess=preprocess))


@pytest.mark.parametrize('kind', [
    CClassifierLogistic, CClassifierLogisticTorch])
def test_constant_columns_under_mean_std(kind):
    """Poison gives them a tiny deviation: numbers stay finite."""
    data = [CDataset(CArray(np.c_[ds.X.tondarray(),
                                  np.full((ds.num_samples, 2), [0, .1])]),
                     ds.Y) for ds in (
        clouds(n, seed) for seed, n in enumerate((40, 24, 60)))]
    attack = make(data, 5, kind(preprocess=CNormalizerMeanStd()),
                  solver_type='implicit')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert np.isfinite(run(attack, data, 0)[3])
    scores, adv_ds, f_opt = run(attack, data, 5)[1:]
    assert np.isfinite(scores.tondarray()).all() and np.isfinite(f_opt)
    model = fit_optimum(attack.poisoned_data(adv_ds), attack.lmbda, kind,
                        StandardScaler())
    assert f_opt == pytest.approx(
        loss(model, data[1]),
        rel=1e-3 if kind is CClassifierLogistic else 1e-6)


@pytest.mark.parametrize('preprocess', [
    CNormalizerMeanStd(), CNormalizerMinMax(),
    CNormalizerMinMax(preprocess=CNormalizerMeanStd(with_std=False))])
def test_open_constant_columns_are_warned_of_once_a_curve(preprocess):
    """Not before there is poison, and not by runs that continue from some."""
    data = []
    # a min-max does harm only where the validation rows vary
    for seed, (n, last) in enumerate(((40, 1), (24, .9), (60, 1))):
        ds = clouds(n, seed)
        data.append(CDataset(CArray(np.c_[
            ds.X.tondarray(), np.linspace(1, last, n)]), ds.Y))
    attack = make(data, clf=CClassifierLogistic(preprocess=preprocess),
                  solver_type='implicit')
    said, poison = [], None
    for n_points in (0, 2, 4):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            poison = run(attack, data, n_points, ds_init=poison)[2]
        said.append([str(warning.message) for warning in caught
                     if 'the box leaves 1 columns open' in str(
                         warning.message)])
    assert [len(sentences) for sentences in said] == [0, 1, 0]


@pytest.mark.slow
@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_many_sparse_features(solver_type):
    """120,000: the result of the features that are used, the rest zeros."""
    few = [clouds(n, seed, d=6) for seed, n in enumerate((40, 24, 60))]
    columns = np.arange(6) * 20_000
    many = []
    for ds in few:
        wide = scipy.sparse.lil_matrix((ds.num_samples, 120_000))
        wide[:, columns] = ds.X.tondarray()
        many.append(CDataset(CArray(wide.tocsr()), ds.Y))
    # of the box of a column that is used and of one that is not
    ub = np.zeros(120_000)
    ub[columns] = 1
    brief = {'solver_type': solver_type,
             'solver_params': {**QUICK, 'n_outer': 2}}
    expected = run(make(few, 3, **brief), few)
    attack = make(many, 3, ub=CArray(ub), **brief)
    found = run(attack, many)
    assert found[2].issparse and found[2].X.nnz <= 18
    # sums in another order, at each step of each move
    assert found[3] == pytest.approx(expected[3], rel=1e-6)
    np.testing.assert_allclose(
        found[2].X.tocsr()[:, columns].toarray(),
        expected[2].X.tondarray(), atol=1e-4)


def solutions(method, **kwargs):
    """`solve` in float64 and in float32, on the same digits."""
    for dtype in (torch.float64, torch.float32):
        x_tr, y_tr, x_val, y_val = (
            torch.as_tensor(part, dtype=dtype) for ds in digits()[:2]
            for part in (ds.X.tondarray(), 2. * ds.Y.tondarray() - 1))
        problem = Problem(x_tr, y_tr, x_val, y_val)
        yield solve(problem, x_val[:5], -y_val[:5], 0., lb=0., ub=1.,
                    method=method, n_outer=10, **kwargs)


@pytest.mark.parametrize('learn_lmbda', [True, False])
@pytest.mark.parametrize('method, rtol, atol', [
    ('rmd', 1e-4, 1e-3),
    # its training stops at 1e-5 of the first gradient in float32: a move may
    # be kept in one and taken back in the other, and the ways part
    ('implicit', 2e-2, .2)])
def test_float32_is_float64(method, rtol, atol, learn_lmbda):
    one, two = solutions(method, learn_lmbda=learn_lmbda)
    assert two.x_p.dtype == torch.float32
    assert two.value == pytest.approx(one.value, rel=rtol)
    assert two.lmbda == pytest.approx(one.lmbda, abs=atol)
    assert (two.x_p.double() - one.x_p).abs().max() < atol
    # what is compared has moved far more than that
    assert one.value > 1.2 * one.f_seq[0]


PACKAGE = Path(secml_regpoison.__file__).parent
SECMLS_OWN = {'Convergence of poisoning algorithm not reached!'}


def messages_of(source):
    """First arguments of the calls of `warnings.warn`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(
                node.func) == 'warnings.warn':
            yield node.args[0]


def test_warnings_carry_numbers():
    found = [message for path in PACKAGE.rglob('*.py')
             for message in messages_of(path.read_text('utf-8'))]
    assert len(found) >= 4
    for message in found:
        assert any(isinstance(part, ast.FormattedValue) and part.format_spec
                   for part in getattr(message, 'values', ())) or (
            ast.literal_eval(message) in SECMLS_OWN)
