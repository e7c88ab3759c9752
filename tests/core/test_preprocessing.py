"""Normalisers that are fitted on the poisoned rows, as `fit` does."""
from functools import partial

import numpy as np
import pytest
import torch
from sklearn import preprocessing

from core_problems import ETA, FORMS, compare, make

from secml_regpoison.core import Problem, hypergradient, solve
from secml_regpoison.core.kinks import kinked_coordinates
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Squared, SquaredHinge
from secml_regpoison.core.penalties import L1
from secml_regpoison.core.preprocessing import (
    Chain, MeanStd, MinMax, Moments, UnitNorm)
from secml_regpoison.core.solvers import Training

NORMALISERS = {
    'mean-std': MeanStd(), 'mean': MeanStd(with_std=False),
    'min-max': MinMax(-1., 2.), 'l1': UnitNorm('l1'), 'l2': UnitNorm('l2'),
    'max': UnitNorm('max'),
    'min-max, then mean-std': Chain((MinMax(), MeanStd())),
    'l2, then min-max': Chain((UnitNorm('l2'), MinMax())),
    'mean-std, then l1': Chain((MeanStd(), UnitNorm('l1')))}
each = pytest.mark.parametrize('name', NORMALISERS)


def problem_with(name, **kwargs):
    return make(n=16, m=9, d=4, p=3, seed=3,
                preprocess=NORMALISERS[name], **kwargs)


def refitted(problem, x_p, name):
    """The same problem, in features that scikit-learn or NumPy made."""
    fit = NORMALISERS[name].fit(torch.cat([problem.x_tr, x_p]))
    return Problem(fit(problem.x_tr), problem.y_tr, fit(problem.x_val),
                   problem.y_val), fit(x_p)


@pytest.mark.parametrize('form', FORMS)
def test_the_step_size_makes_no_kernel_of_its_own(form):
    problem, x_p, y_p = make(n=6, m=9, d=8, p=3, seed=3, preprocess=MeanStd())
    trained = LinearModel(problem, y_p, Training(n_inner=3, form=form)).train(
        x_p, 0.)
    assert ('gram' in vars(trained.features.problem)) == (form == 'gram')


@each
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method, n_inner, eta', [
    ('rmd', 40, ETA / 2), ('rmd', 12, None), ('implicit', 1, None)])
@pytest.mark.parametrize('y_target', [None, 1.])
def test_derivative_is_central_difference_of_the_pipeline(
        name, form, method, n_inner, eta, y_target):
    """The preprocess is refitted at each point, and all rows move, and with
    them the step size 1 / L."""
    target = None if y_target is None else torch.full(
        (9,), y_target, dtype=torch.float64)
    problem, x_p, y_p = problem_with(name, y_target=target)
    kwargs = {'method': method, 'form': form, 'n_inner': n_inner, 'eta': eta,
              'momentum': .9, 'inner_tol': 1e-13}
    got = hypergradient(problem, x_p, y_p, 1., **kwargs)
    u = torch.randn(x_p.shape, generator=torch.Generator().manual_seed(1),
                    dtype=torch.float64)
    step = 1e-5
    ahead, behind = (hypergradient(problem, x_p + t * u, y_p, 1., **kwargs)
                     for t in (step, -step))
    compare((got.grad_x_p * u).sum(),
            (ahead.value - behind.value) / (2 * step), 1e-6)
    # lambda is the defender's, whose labels are the true ones
    own = Problem(problem.x_tr, problem.y_tr, problem.x_val, problem.y_val,
                  preprocess=problem.preprocess)
    ahead, behind = (hypergradient(own, x_p, y_p, 1. + t, **kwargs)
                     for t in (step, -step))
    compare(got.grad_lmbda, (ahead.value - behind.value) / (2 * step), 1e-6)


@pytest.mark.parametrize('settings', [
    {'loss': Squared()}, {'loss': SquaredHinge(), 'beta': 1.},
    {'penalty': L1}])
def test_other_models_with_the_step_size_that_follows_the_rows(settings):
    problem, x_p, y_p = problem_with('mean-std')
    kwargs = {'n_inner': 12, 'momentum': .9,
              'model': partial(LinearModel, **settings)}
    got = hypergradient(problem, x_p, y_p, 0., **kwargs)
    numeric = torch.stack([sum(
        sign * hypergradient(problem, (x_p.ravel() + sign * 1e-5 * one)
                             .view_as(x_p), y_p, 0., **kwargs).value
        for sign in (1, -1)) for one in torch.eye(x_p.numel())])
    compare(got.grad_x_p.ravel(), numeric / 2e-5, 1e-6)


@each
@pytest.mark.parametrize('form', FORMS)
def test_derivative_by_lambda_with_the_step_size_that_follows_it(name, form):
    """1 / L moves with lambda, also where all rows move with the points."""
    problem, x_p, y_p = problem_with(name)
    kwargs = {'form': form, 'n_inner': 12, 'momentum': .9}
    got = hypergradient(problem, x_p, y_p, 1., **kwargs)
    ahead, behind = (hypergradient(problem, x_p, y_p, 1. + t, **kwargs)
                     for t in (1e-5, -1e-5))
    compare(got.grad_lmbda, (ahead.value - behind.value) / 2e-5, 1e-6)


@each
def test_value_is_that_of_the_refitted_features(name):
    problem, x_p, y_p = problem_with(name)
    plain, phi = refitted(problem, x_p, name)
    for model in (LinearModel, partial(LinearModel, beta=1.)):
        found, expected = (hypergradient(*args, y_p, 1., 'implicit',
                                         model=model).value
                           for args in ((problem, x_p), (plain, phi)))
        compare(found, expected, 1e-14)


@pytest.mark.parametrize('name, reference', [
    ('mean-std', preprocessing.StandardScaler()),
    ('min-max', preprocessing.MinMaxScaler((-1., 2.))),
    ('l1', preprocessing.Normalizer('l1')),
    ('l2', preprocessing.Normalizer('l2')),
    ('max', preprocessing.Normalizer('max'))])
def test_transform_is_that_of_scikit_learn(name, reference):
    """Constant columns, rows of zeros and tied ends among the rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5))
    x[:, 1], x[:, 2], x[3] = .1, np.sign(x[:, 2]), 0.
    other = rng.normal(size=(7, 5))
    fit = NORMALISERS[name].fit(torch.as_tensor(x))
    reference.fit(x)
    for rows in (x, other):
        np.testing.assert_allclose(fit(torch.as_tensor(rows)).numpy(),
                                   reference.transform(rows), rtol=1e-12,
                                   atol=1e-12)


def test_constant_columns_and_zero_rows_have_finite_derivatives():
    for name, normaliser in NORMALISERS.items():
        x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0),
                        dtype=torch.float64)
        x[:, 1], x[2] = .1, 0.
        x.requires_grad_()
        out = normaliser.fit(x)(x)
        grad, = torch.autograd.grad((out ** 3).sum(), x)
        assert torch.isfinite(out).all() and torch.isfinite(grad).all(), name


def test_a_given_deviation_of_0_is_1():
    """A column that was constant in the rows it is of is only shifted."""
    x = torch.tensor([[3., 4.], [5., 8.]])
    fit = MeanStd(torch.tensor([1., 2.]), torch.tensor([0., 4.])).fit(x)
    assert fit(x).tolist() == [[2., .5], [4., 1.5]]


def test_ends_that_are_tied_count_for_the_first_row():
    x = torch.tensor([[0.], [1.], [0.], [1.]], dtype=torch.float64,
                     requires_grad=True)
    grad, = torch.autograd.grad(MinMax().fit(x)(torch.tensor([[.3]])).sum(),
                                x)
    assert grad[0].abs() > 0 and grad[1].abs() > 0
    assert not grad[2:].any()


@pytest.mark.parametrize('method', ['rmd', 'implicit'])
def test_the_attack_raises_the_loss_of_the_refitted_pipeline(method):
    problem, x_p, y_p = problem_with('mean-std')
    found = solve(problem, x_p, y_p, 0., -3., 3., n_outer=10, method=method)
    plain, phi = refitted(problem, found.x_p, 'mean-std')
    assert found.value == pytest.approx(float(hypergradient(
        plain, phi, y_p, found.lmbda, method, momentum=.9).value), rel=1e-6)
    # a learned lambda leaves little on twelve random rows
    assert found.value > 1.01 * found.f_seq[0]


def test_forward_mode_refuses_rows_that_all_move():
    problem, x_p, y_p = problem_with('mean-std')
    with pytest.raises(ValueError, match="`method` must be 'rmd' or 'impl"):
        hypergradient(problem, x_p, y_p, 0., 'fmd')


@pytest.mark.parametrize('name', ['mean-std', 'mean-std, then l1'])
def test_grad_mode_of_the_caller(name):
    problem, x_p, y_p = problem_with(name)
    expected = hypergradient(problem, x_p, y_p, 0.)
    with torch.no_grad():
        assert torch.equal(hypergradient(problem, x_p, y_p, 0.).grad_x_p,
                           expected.grad_x_p)
    with torch.inference_mode(), pytest.raises(
            RuntimeError, match='inference_mode.*call this outside it'):
        hypergradient(problem, x_p, y_p, 0.)


def test_no_points():
    problem, x_p, y_p = problem_with('min-max')
    found = hypergradient(problem, x_p[:0], y_p[:0], 0.)
    assert found.grad_x_p.shape == (0, 4)
    assert float(found.grad_lmbda) != 0


@pytest.mark.parametrize('k', [0, 1, 5])
def test_moments_of_rows_in_two_parts(k):
    """Columns far from 0, constant, constant in each part, and of one value
    that rounding would give a deviation."""
    x = torch.randn(12, 5, generator=torch.Generator().manual_seed(0),
                    dtype=torch.float64)
    x[:, 1] += 1e4
    x[:, 2] = 3.
    x[:7, 3], x[7:, 3] = 1., 2.
    x[:, 4] = .1
    n = len(x) - k
    got, expected = Moments.of(x[:n]).with_rows(x[n:]), Moments.of(x)
    assert got.n == 12
    for name in ('mean', 'least', 'greatest'):
        compare(getattr(got, name), getattr(expected, name), 1e-14)
    assert got.deviations() == pytest.approx(np.where(
        np.ptp(x.numpy(), axis=0) == 0, 1., x.numpy().std(axis=0)), rel=1e-11)


@pytest.mark.parametrize('method', ['rmd', 'implicit'])
@each
def test_no_points_have_no_derivative(name, method):
    problem, x_p, y_p = problem_with(name)
    found = hypergradient(problem, x_p[:0], y_p[:0], 0., method=method)
    assert found.grad_x_p.shape == (0, 4)
    assert torch.isfinite(torch.as_tensor(found.grad_lmbda))


@pytest.mark.parametrize('preprocess, x_p, expected', [
    # ties with a clean row, within a step of one, beyond it alone, of points
    (MinMax(), [[0., 4.], [1.0001, 2.], [.5, 3.]], [[1, 1], [1, 0], [0, 0]]),
    (MinMax(), [[-1., 9.], [-1., 2.]], [[1, 0], [1, 0]]),
    (UnitNorm('l1'), [[0., 1.], [1e-4, 1.], [.1, 1.]],
     [[1, 0], [1, 0], [0, 0]]),
    (UnitNorm('max'), [[1., -1.], [1., 1.1]], [[1, 1], [0, 0]]),
    (UnitNorm('l2'), [[0., 1.], [1., 1.]], [[0, 0], [0, 0]]),
    # a tie for the greatest value that the norm of the row moves
    (Chain((UnitNorm('l2'), MinMax())), [[2., -8.], [.1, 3.]],
     [[1, 1], [0, 0]]),
    # it does not move a 0
    (Chain((UnitNorm('l2'), MinMax())), [[0., 2.], [0., 3.]],
     [[1, 0], [1, 0]]),
    # both columns of a row that is given are tied, and their ends move
    (Chain((MinMax(), UnitNorm('max'))), [[5., 9.], [.5, 2.]],
     [[1, 1], [1, 1]]),
    # the greatest of both columns is (1, 1) wherever the least is: what
    # rounding makes of it is no kink
    (Chain((MinMax(), UnitNorm('max'))), [[-.7, -.7]], [[0, 0]])])
def test_coordinates_next_to_a_kink(preprocess, x_p, expected):
    rows = torch.tensor([[0., 2.], [1., 4.], [.2, .8], [0., 1.], [2.5, 4.9]],
                        dtype=torch.float64)
    x_p = torch.tensor(x_p, dtype=torch.float64)
    rng = torch.Generator().manual_seed(0)
    moves = [1e-3 * torch.randn(x_p.shape, generator=rng, dtype=x_p.dtype)
             for _ in range(3)]
    found = kinked_coordinates(preprocess, x_p, rows, slice(0, len(x_p) + 4),
                               moves)
    assert found.int().tolist() == expected
