"""Training to the optimum: against liblinear, warm starts, hard cases."""
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from core_problems import FORMS, compare, make

from secml_regpoison.core import Problem, hypergradient, linalg
from secml_regpoison.core.coordinates import (
    KernelCoordinates, PrimalCoordinates, kernel, make_coordinates,
    signed_rows)
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Logistic, SquaredHinge
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.solvers import Training, implicit, newton


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('beta, solver', [
    (0., 'newton-cholesky'), (1., 'liblinear')])
@pytest.mark.parametrize('lmbda', [-6., 0., 5.])
def test_the_optimum_is_that_of_scikit_learn(form, beta, solver, lmbda):
    """Whose liblinear penalises the bias, and whose other solvers do not."""
    problem, x_p, y_p = make(n=60, d=8, seed=2)
    model = LinearModel(problem, y_p, Training(
        'implicit', form=form, inner_tol=1e-11), beta=beta).train(x_p, lmbda)
    reference = LogisticRegression(
        C=np.exp(-lmbda), solver=solver, tol=1e-12, max_iter=10000).fit(
            torch.cat([problem.x_tr, x_p]).numpy(),
            torch.cat([problem.y_tr, y_p]).numpy())
    # liblinear ends at 1e-7 or so of the optimum, however small its tol
    compare(torch.cat([model.w, model.b[None]]), torch.as_tensor(np.r_[
        reference.coef_[0], reference.intercept_]), 1e-6)


def test_implicit_without_a_matrix(monkeypatch):
    """Conjugate gradients where d is too large to factorise."""
    problem, x_p, y_p = make(n=40, seed=12)
    kwargs = {'method': 'implicit', 'form': 'primal'}
    factorised = hypergradient(problem, x_p, y_p, 0., **kwargs)
    monkeypatch.setattr(linalg, 'TOO_LARGE', 3)
    assert isinstance(make_coordinates(
        problem, signed_rows(x_p, y_p), L2(0., 43), method='implicit'),
        PrimalCoordinates)
    for got, expected in zip(hypergradient(problem, x_p, y_p, 0., **kwargs),
                             factorised):
        compare(got, expected, 1e-8)


def test_missed_tolerances_are_warned_about(monkeypatch):
    """With the number reached and the number asked."""
    problem, x_p, y_p = make(n=40, seed=12)
    kwargs = {'method': 'implicit', 'form': 'primal'}
    with pytest.warns(RuntimeWarning, match='asked for 1.0e-30'):
        hypergradient(problem, x_p, y_p, 0., inner_tol=1e-30, **kwargs)
    monkeypatch.setattr(linalg, 'TOO_LARGE', 3)
    monkeypatch.setattr(linalg.conjugate_gradients, '__defaults__',
                        (1e-10, 1))
    monkeypatch.setattr(implicit, 'MAX_REUSE', 1)
    with pytest.warns(RuntimeWarning, match='relative residual of .* asked'):
        hypergradient(problem, x_p, y_p, 0., **kwargs)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_weak_regularisation_of_separable_data(form, dtype):
    """lambda = -8 and no overlap between the classes: finite, and the
    derivative with respect to lambda still that of the value."""
    problem, x_p, y_p = make(n=40, d=60, seed=13, dtype=dtype)
    got = hypergradient(problem, x_p, y_p, -8., 'implicit', form=form)
    assert all(torch.isfinite(part).all() for part in got)
    if dtype == torch.float64:
        ahead, behind = (hypergradient(
            problem, x_p, y_p, -8. + step, 'implicit', form=form,
            inner_tol=1e-11).value for step in (1e-3, -1e-3))
        compare(got.grad_lmbda, (ahead - behind) / 2e-3, 1e-4)


LOGISTIC = Logistic(), lambda h: -torch.nn.functional.logsigmoid(-h)
HINGE = SquaredHinge(), lambda h: (1 + h).relu() ** 2


@pytest.mark.parametrize('form, loss, formula', [
    # of a hinge the products with the kernel are too coarse
    ('primal', *LOGISTIC), ('gram', *LOGISTIC), ('primal', *HINGE)])
@pytest.mark.parametrize('scale, lmbda', [
    (30., -8.), (100., -4.), (100., -8.), (1e3, -4.)])
def test_a_weak_penalty_is_trained_to_its_end(scale, lmbda, form, loss,
                                              formula):
    """Rows far out have a gradient at 0 beside which the penalty's is small,
    at iterates far from the optimum, too. By autograd in (w, b)."""
    problem, x_p, y_p = make(n=30, d=60, seed=3)
    problem = replace(problem, x_tr=scale * problem.x_tr,
                      x_val=scale * problem.x_val)
    trained = LinearModel(problem, y_p, Training('implicit', form=form),
                          loss).train(10 * scale * x_p, lmbda)
    rows = torch.cat([problem.rows_tr, signed_rows(10 * scale * x_p, y_p)])

    def objective(u):
        return (formula(rows @ u).mean()
                + math.exp(lmbda) / (2 * len(rows)) * u[:-1] @ u[:-1])
    u = torch.cat([trained.w, trained.b[None]])
    grad = torch.func.grad(objective)(u)
    penalty = math.exp(lmbda) / len(rows) * u[:-1]
    assert grad.norm() <= 1e-4 * penalty.norm()


@pytest.mark.parametrize('scale, lmbda', [
    (30., -8.), (100., -4.), (1e3, -4.)])
def test_where_rounding_ends_training_is_said(scale, lmbda):
    """A hinge of rows far out, in kernel coordinates: other weights are as
    near. Not a bias alone, whose weights are 0 but for rounding."""
    problem, x_p, y_p = make(n=30, d=60, seed=3)
    far = replace(problem, x_tr=scale * problem.x_tr)
    model = LinearModel(far, y_p, Training('implicit', form='gram'),
                        SquaredHinge())
    with pytest.warns(RuntimeWarning, match='relative gradient norm'):
        model.train(10 * scale * x_p, lmbda)
    same = replace(problem, x_tr=0 * problem.x_tr + 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        LinearModel(same, y_p, Training('implicit', form='gram')).train(
            0 * x_p + 1e-9, lmbda)


@pytest.mark.parametrize('seed', [92, 137, 138])
def test_equal_rows_in_kernel_coordinates(seed):
    """Their kernel is singular, and a small gradient's square may be below 0
    by rounding: that of a warm start was taken for 0."""
    rng = np.random.default_rng(seed)
    problem = Problem(*map(torch.as_tensor, (
        np.tile(100 * rng.normal(size=(15, 450)), (2, 1)),
        1. - 2 * (np.arange(30) % 2), 100 * rng.normal(size=(20, 450)),
        1. - 2 * (np.arange(20) % 2))))
    points = [torch.as_tensor(size * rng.normal(size=(3, 450)))
              for size in (10, 100, 10)]
    losses = []
    for form in FORMS:
        model = LinearModel(problem, torch.ones(3, dtype=torch.float64),
                            Training('implicit', form=form))
        trained = None
        for x_p, at in zip(points, (-8., -4., 11.5)):
            trained = model.train(x_p, at, trained)
        losses.append(model.losses(trained).attacker)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize('form', FORMS)
def test_bad_warm_start_begins_again(form):
    """Coordinates with all margins large: Newton's Hessian is nothing but
    the penalty there, and its step leads nowhere."""
    problem, x_p, y_p = make(n=40, d=60, seed=13)
    model = LinearModel(problem, y_p, Training(
        'implicit', form=form, inner_tol=1e-11))
    cold = model.train(x_p, -8.)
    rng = torch.Generator().manual_seed(0)
    for scale in (1e2, 1e4, 1e6):
        start = scale * torch.randn(cold.model.u.shape, generator=rng,
                                    dtype=torch.float64)
        if form == 'gram':
            start[-2] = 0.  # in the span of the training rows
        warm = model.train(x_p, -8., replace(
            cold, model=replace(cold.model, u=start)))
        assert warm.model.grad_norm <= 1e-8
        compare(warm.w, cold.w, 1e-6)


def test_stale_start_costs_little_more_than_none(monkeypatch):
    """Rows have moved and lambda is small: the optimum before is far off. A
    line search that halves the step until the loss falls takes 11 factors
    from 0."""
    problem, x_p, y_p = make(n=40, d=60, p=5, seed=13)
    model = LinearModel(problem, y_p, Training('implicit', form='gram'))
    factors, solver = [], KernelCoordinates.solver

    def counted(coordinates, s):
        factors.append(1)
        return solver(coordinates, s)
    monkeypatch.setattr(KernelCoordinates, 'solver', counted)

    def n_factors(x, start):
        factors.clear()
        trained = model.train(x, -8., start)
        return len(factors), trained
    _, before = n_factors(x_p, None)
    for move in (.1, 1., 10.):
        cold, _ = n_factors(x_p + move, None)
        warm, _ = n_factors(x_p + move, before)
        assert cold <= 5 and warm <= cold + 2


def test_factor_in_float32_gives_the_results_of_float64(monkeypatch):
    """Of a large and well-conditioned problem; each solve is refined."""
    problem, x_p, y_p = make(n=kernel.MIN_ROWS, d=50, seed=3)
    dtypes, factorise = [], kernel.factorise

    def recorded(m):
        dtypes.append(m.dtype)
        return factorise(m)
    monkeypatch.setattr(kernel, 'factorise', recorded)

    def found(lmbda):
        dtypes.clear()
        return hypergradient(problem, x_p, y_p, lmbda, 'implicit',
                             form='gram', inner_tol=1e-11), set(dtypes)
    single, used = found(0.)
    assert used == {torch.float32}
    with pytest.warns(RuntimeWarning, match='regularisation may be'):
        assert found(-12.)[1] == {torch.float64}
    monkeypatch.setattr(kernel, 'MAX_CONDITION', 0.)
    double, used = found(0.)
    assert used == {torch.float64}
    for got, expected in zip(single, double):
        compare(got, expected, 1e-8)


@pytest.mark.parametrize('lmbda', [-2., 0., 2.])
def test_gradient_steps_from_a_warm_start_save_factors(monkeypatch, lmbda):
    """Rows with the wrong label have moved; the optimum is the same."""
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(400, 500, generator=rng, dtype=torch.float64) - .5
    w = torch.randn(500, generator=rng, dtype=torch.float64)
    y = (x @ w).sign()
    x_p, y_p = x[:17], -y[:17]
    model = LinearModel(
        Problem(x[17:], y[17:], x[:5], y[:5]), y_p,
        Training('implicit', form='gram', inner_tol=1e-10))
    before, factors, solver = model.train(x_p, lmbda), [], \
        KernelCoordinates.solver
    monkeypatch.setattr(
        KernelCoordinates, 'solver',
        lambda coordinates, s: factors.append(1) or solver(coordinates, s))

    def train_moved(start):
        factors.clear()
        moved = (x_p + torch.outer(y_p, w.sign())).clamp(-.5, .5)
        return model.train(moved, lmbda, start), len(factors)
    warm, n_warm = train_moved(before)
    compare(warm.w, train_moved(None)[0].w, 1e-7)
    monkeypatch.setattr(newton, 'MIN_COORDS', math.inf)
    assert n_warm < train_moved(before)[1]


@pytest.mark.parametrize('seed', [6, 47, 119, 250, 341])
def test_long_steps_do_not_end_training_in_kernel_coordinates(seed):
    """A fixed row like a point: of the steps that move no score the longest
    was 2840 times Newton's."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, 20))
    x[-1] = x[0]
    x /= np.linalg.norm(x, axis=1)[:, None]
    y, x_val = np.array([1., -1, 1, -1, -1]), rng.normal(size=(4, 20))
    problem = Problem(*map(torch.as_tensor, (
        x[:-1], y[:-1], x_val, np.array([1., -1, 1, -1]))))
    found = hypergradient(problem, torch.as_tensor(x[-1:]),
                          torch.as_tensor(y[-1:]), -8., 'implicit',
                          form='gram')
    reference = LogisticRegression(
        C=np.exp(8.), solver='newton-cholesky', tol=1e-12,
        max_iter=1000).fit(x, y)
    margins = problem.y_val.numpy() * reference.decision_function(x_val)
    assert float(found[0]) == pytest.approx(
        np.logaddexp(0, -margins).mean(), rel=1e-4)


@pytest.mark.parametrize('loss, constant', [
    (Logistic(), math.log(2)), (SquaredHinge(), 1.)])
@pytest.mark.parametrize('seed, lmbda', [(0, -46.), (1, -36.), (5, -46.)])
def test_next_to_no_penalty_leaves_no_model_worse_than_none(
        seed, lmbda, loss, constant):
    """In kernel coordinates the steps of separable rows are rounding then;
    what is left of the gradient is said. On some processors nothing is."""
    rng = np.random.default_rng(seed)
    y = torch.as_tensor(np.where(np.arange(10) > 4, 1., -1.))
    problem = Problem(torch.as_tensor(rng.normal(size=(10, 30))), y,
                      torch.zeros(2, 30).double(), y[[0, -1]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        trained = LinearModel(problem, y[:0], Training(
            'implicit', form='gram'), loss).train(problem.x_tr[:0], lmbda)
    u = torch.cat([trained.w, trained.b[None]])
    h = problem.rows_tr @ u
    assert float(loss.value(h).mean()) <= constant * (1 + 1e-6)
    left, first = (torch.linalg.norm(problem.rows_tr.T @ loss.slope(scores))
                   for scores in (h, 0 * h))
    is_said = any('relative gradient norm' in str(warning.message)
                  for warning in caught)
    assert is_said or left <= 1e-8 * first


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('loss, formula', [LOGISTIC, HINGE])
@pytest.mark.parametrize('scale', (1e-4, .1, 1., 10., 1e4))
def test_the_line_search_meets_the_wolfe_conditions(scale, loss, formula,
                                                    form):
    """For a step of any length, by autograd of the objective in (w, b)."""
    problem, x_p, y_p = make(n=40, d=60, seed=13)
    coordinates = make_coordinates(problem, signed_rows(x_p, y_p),
                                   L2(-4., 43, 0.), form)
    u = .01 * torch.linspace(-1, 1, coordinates.n_coords, dtype=torch.float64)
    if form == 'gram':
        u[-2] = 0.  # in the span of the training rows
    h = coordinates.matvec(u)
    grad, _, _ = newton._gradient(coordinates, u, loss.slope(h))
    step = scale * coordinates.solver(loss.curvature(h) / 43)(grad)
    t, decrease_seen = newton._line_search(coordinates, loss, u, h, step)
    w, b = coordinates.weights(torch.stack([u, step])), \
        coordinates.biases(torch.stack([u, step]))
    rows = torch.cat([problem.rows_tr, coordinates.rows_p])

    def objective(t):
        moved = w[0] - t * w[1]
        scores = rows @ torch.cat([moved, (b[0] - t * b[1])[None]])
        return (formula(scores).mean()
                + coordinates.penalty.strength / 2 * moved @ moved)
    (value, slope), (value_t, slope_t) = (
        (objective(x), torch.func.grad(objective)(x))
        for x in torch.tensor([0., t], dtype=torch.float64))
    assert decrease_seen and slope < 0
    assert value_t <= value + 1e-4 * t * slope
    assert abs(slope_t) <= .1 * abs(slope) * (1 + 1e-9)


def test_the_line_search_takes_a_line_without_curvature():
    """Of the bias alone, where the loss of all rows is a straight line."""
    problem, x_p, y_p = make(n=41, d=2)
    coordinates = PrimalCoordinates(
        replace(problem, x_tr=0 * problem.x_tr),
        signed_rows(0 * x_p, y_p), L2(0., 44, 0.))
    u = torch.zeros(3, dtype=torch.float64)
    h, loss = coordinates.matvec(u), Logistic()
    grad, _, _ = newton._gradient(coordinates, u, loss.slope(h))
    t, decrease_seen = newton._line_search(coordinates, loss, u, h,
                                           1e6 * grad)
    assert decrease_seen and 0 < t < 1e-3


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_the_adjoint_needs_no_factor_of_its_own(monkeypatch, dtype):
    """That of the last Newton step is near enough for a preconditioner, also
    where float32 cannot reach the residual asked for; the derivatives are
    those by a fresh one."""
    problem, x_p, y_p = make(n=60, d=80, seed=4, dtype=dtype)
    model = LinearModel(problem, y_p, Training('implicit', form='gram'))
    trained = model.train(x_p, -2.)
    factors, solver = [], KernelCoordinates.solver
    monkeypatch.setattr(
        KernelCoordinates, 'solver',
        lambda coordinates, s: factors.append(1) or solver(coordinates, s))
    found = model.hypergradient(trained)
    grads = found.grad_x_p, found.grad_lmbda
    assert not factors
    afresh = model.hypergradient(replace(trained, model=replace(
        trained.model, solve=None)))
    for got, expected in zip(grads, (afresh.grad_x_p, afresh.grad_lmbda)):
        compare(got, expected, 1e-9 if dtype == torch.float64 else 1e-4)
    assert factors
