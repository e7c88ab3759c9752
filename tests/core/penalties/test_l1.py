"""The L1 penalty: optimum, derivatives by three routes, and broken ones."""
import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from core_problems import ETA, compare, make
from sklearn_names import SKLEARN_L1

from secml_regpoison.core import Problem, hypergradient
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Logistic, Squared, SquaredHinge
from secml_regpoison.core.penalties import L1
from secml_regpoison.core.solvers import (
    Training, feature_sign, rmd, training)

LOSS_OF_MARGIN = {
    Logistic: lambda m: torch.nn.functional.softplus(-m),
    SquaredHinge: lambda m: torch.clamp(1 - m, min=0) ** 2,
    Squared: lambda m: (1 - m) ** 2}
all_objectives = pytest.mark.parametrize('loss, beta', [
    (loss, beta) for loss in (Logistic(), SquaredHinge(), Squared())
    for beta in (0., 1.)])


def model(loss=Logistic(), beta=0.):
    return partial(LinearModel, loss=loss, beta=beta, penalty=L1)


def optimum(problem, x_p, y_p, lmbda, beta=0., loss=Logistic(), **kwargs):
    """Weights and bias after training to the last digits."""
    trained = LinearModel(problem, y_p, Training(
        'implicit', inner_tol=1e-10, **kwargs), loss, beta, L1).train(
            x_p, lmbda)
    return torch.cat([trained.w, trained.b[None]])


def worst_kkt(u, x, y, lmbda, beta=0., loss=Logistic()):
    """Distance from the conditions of optimality, in units of mu, by
    automatic differentiation in terms of the margin."""
    n = len(x)
    x = torch.cat([x, x.new_ones(n, 1)], 1)
    grad = torch.func.grad(lambda u: LOSS_OF_MARGIN[type(loss)](
        y * (x @ u)).mean())(u)
    mu = torch.full_like(u, math.exp(lmbda) / n)
    mu[-1] *= beta
    at_zero = (grad.abs() - mu).clamp_min(0)
    wrong = torch.where(u == 0, at_zero, (grad + mu * u.sign()).abs())
    return float(wrong.max() * n / math.exp(lmbda))


def unrolled(problem, x_p, y_p, lmbda, n_inner, eta, momentum, loss, beta,
             truncate):
    """(value, grad_x_p, grad_lmbda) through naive proximal steps."""
    x_p = x_p.clone().requires_grad_()
    lmbda = torch.tensor(lmbda, dtype=x_p.dtype, requires_grad=True)
    x, y = torch.cat([problem.x_tr, x_p]), torch.cat([problem.y_tr, y_p])
    of_margin = LOSS_OF_MARGIN[type(loss)]
    u = previous = x.new_zeros(x.shape[1] + 1, requires_grad=True)
    strength = eta * torch.exp(lmbda) / len(x) * torch.ones_like(u)
    strength = eta * torch.exp(lmbda) / len(x) * torch.cat([
        torch.ones_like(u[:-1]), beta * torch.ones_like(u[-1:])]).detach()
    for t in range(n_inner):
        if t == n_inner - truncate:
            u, previous = (v.detach().requires_grad_() for v in (u, previous))
        grad, = torch.autograd.grad(of_margin(
            y * (x @ u[:-1] + u[-1])).mean(), u, create_graph=True)
        z = u + momentum * (u - previous) - eta * grad
        u, previous = z.sign() * torch.relu(z.abs() - strength), u
    value = of_margin(problem.y_val * (
        problem.x_val @ u[:-1] + u[-1])).mean()
    assert 0 < int((u == 0).sum()) < len(u) - 1
    return (value.detach(), *torch.autograd.grad(value, (x_p, lmbda)))


def check_against_autograd(loss=Logistic(), beta=0., momentum=.9,
                           truncate=40):
    problem, x_p, y_p = make(n=20, d=8, seed=3)
    eta = ETA * .25 / loss.curvature_bound
    lmbda = .4 if isinstance(loss, Logistic) else 1.8
    expected = unrolled(problem, x_p, y_p, lmbda, 40, eta, momentum, loss,
                        beta, truncate)
    found = hypergradient(problem, x_p, y_p, lmbda, n_inner=40, eta=eta,
                          momentum=momentum, truncate=truncate,
                          model=model(loss, beta))
    for got, want in zip(found, expected):
        compare(got, want, 1e-12)


@all_objectives
@pytest.mark.parametrize('momentum', [0., .9])
def test_rmd_is_autograd(loss, beta, momentum):
    check_against_autograd(loss, beta, momentum)


def test_truncated_rmd_is_autograd_through_the_last_steps():
    check_against_autograd(truncate=7)


def test_broken_derivatives_are_caught(monkeypatch):
    for owner, name, breakage in (
            (training.RowGradients, 'from_row',
             lambda f: lambda *args: -f(*args)),
            (L1, 'strengths', lambda f: lambda *args: 0 * f(*args)),
            (rmd, 'heavy_ball', lambda f: lambda *args: f(*args[:7], *(
                torch.ones_like(support) for support in args[7:])))):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, breakage(getattr(owner, name)))
            with pytest.raises(AssertionError):
                check_against_autograd()


@all_objectives
@pytest.mark.parametrize('method', ['rmd', 'implicit'])
def test_any_objective_is_central_difference(method, loss, beta):
    """With the step size 1 / L, which moves with the points."""
    problem, x_p, y_p = make(n=20, d=8, seed=1)
    step, kwargs = 1e-5, {
        'method': method, 'n_inner': 30, 'momentum': .9, 'inner_tol': 1e-12,
        'model': model(loss, beta)}

    def value(x, lmbda):
        return float(hypergradient(problem, x, y_p, lmbda, **kwargs).value)
    for lmbda in (-3., 0., 1.5):
        got = hypergradient(problem, x_p, y_p, lmbda, **kwargs)
        u = torch.randn(x_p.shape, dtype=x_p.dtype,
                        generator=torch.Generator().manual_seed(0))
        by_x, by_lmbda = (
            (value(*ahead) - value(*behind)) / (2 * step)
            for ahead, behind in (
                ((x_p + step * u, lmbda), (x_p - step * u, lmbda)),
                ((x_p, lmbda + step), (x_p, lmbda - step))))
        compare((got.grad_x_p * u).sum(), by_x, 1e-6)
        compare(got.grad_lmbda, by_lmbda, 1e-6)


def test_rmd_converges_to_implicit():
    problem, x_p, y_p = make(n=20, d=8, seed=3)
    rmd, implicit = (hypergradient(
        problem, x_p, y_p, .4, method, n_inner=3000, momentum=.9,
        model=model()) for method in ('rmd', 'implicit'))
    for got, expected in zip(rmd, implicit):
        compare(got, expected, 1e-8)


@pytest.mark.parametrize('beta, solver', [(0., 'saga'), (1., 'liblinear')])
@pytest.mark.parametrize('lmbda', [-3., 0., 2.])
def test_the_optimum_is_that_of_scikit_learn(beta, solver, lmbda):
    problem, x_p, y_p = make(n=60, d=8, seed=2)
    reference = LogisticRegression(
        C=math.exp(-lmbda), solver=solver, tol=1e-11, max_iter=100_000,
        random_state=0, **SKLEARN_L1).fit(
            torch.cat([problem.x_tr, x_p]).numpy(),
            torch.cat([problem.y_tr, y_p]).numpy())
    compare(optimum(problem, x_p, y_p, lmbda, beta), np.r_[
        reference.coef_[0], reference.intercept_], 1e-5)


@pytest.mark.parametrize('beta', [0., 1.])
@pytest.mark.parametrize('lmbda', [-8., -4., 0., 3., 11.5])
def test_the_optimum_where_features_depend_on_each_other(beta, lmbda):
    """More features than rows, one constant, one twice, groups of which one
    is 1 and the others are 0, and one that is large."""
    problem, x_p, y_p = make(n=60, d=90, seed=4)
    for x in (problem.x_tr, x_p):
        x[:, 0], x[:, 1] = 1., x[:, 2]
        x[:, 3:7] = torch.eye(4, dtype=x.dtype)[x[:, 3:7].argmax(1)]
        x[:, 8] = 1e3 * (x[:, 9] + x[:, 10])
    u = optimum(problem, x_p, y_p, lmbda, beta)
    x, y = torch.cat([problem.x_tr, x_p]), torch.cat([problem.y_tr, y_p])
    assert worst_kkt(u, x, y, lmbda, beta) < 1e-6
    assert 27 <= int((u == 0).sum()) < (80 if lmbda <= 0 else 92)


@all_objectives
def test_the_optimum_where_columns_have_different_units(loss, beta):
    """With one damping for all, the weight of the smallest column stayed
    short of it, and the objective up to three times its least value."""
    problem, x_p, y_p = make(n=60, d=6, seed=1)
    unit = torch.tensor([1., 1e4, 1., 100., 1e-2, 1e-5], dtype=x_p.dtype)
    problem = Problem(problem.x_tr * unit, problem.y_tr,
                      problem.x_val * unit, problem.y_val)
    x_p = x_p * unit
    x, y = torch.cat([problem.x_tr, x_p]), torch.cat([problem.y_tr, y_p])
    for lmbda in (-12., -6., -2.):
        u = optimum(problem, x_p, y_p, lmbda, beta, loss)
        assert worst_kkt(u, x, y, lmbda, beta, loss) < 1e-4


def test_a_loss_whose_slope_has_kinks_is_trained_to_the_end():
    """Where no more rows are inside the margin than weights are not zero:
    with steps that are halved, 100 of them ended at a singular Hessian."""
    problem, x_p, y_p = make(n=150, d=200, seed=0)
    attacked = model(SquaredHinge())(problem, y_p, Training('implicit'))
    trained = attacked.train(x_p, -8.)
    assert trained.model.grad_norm < 1e-8
    u, h = trained.model.u, trained.model.scores[-1]
    assert 100 < len(u) <= int((h > -1).sum()) + 1
    assert torch.isfinite(attacked.hypergradient(trained).grad_x_p).all()


@pytest.mark.filterwarnings('ignore:training stopped', 'ignore:the linear')
@pytest.mark.parametrize('loss', [Logistic(), Squared()])
def test_points_alike_at_a_tiny_lambda_have_a_derivative(loss):
    """More weights than rows near the margin: the Hessian is singular, and
    a search for lambda that passes by must go on."""
    problem, x_p, y_p = make(n=30, d=400, seed=0)
    x_p[:] = x_p[0]
    attacked = model(loss)(problem, y_p, Training('implicit'))
    found = attacked.hypergradient(attacked.train(x_p, -46.))
    assert torch.isfinite(found.grad_x_p).all()
    assert torch.isfinite(found.grad_lmbda)


def test_a_warm_start_ends_where_a_cold_one_does():
    problem, x_p, y_p = make(n=40, d=60, seed=5)
    attacked = LinearModel(problem, y_p, Training(
        'implicit', inner_tol=1e-12), penalty=L1)
    start = attacked.train(x_p + 1., -5.)
    for lmbda in (11.5, 2., -8.):
        warm, cold = (attacked.train(x_p, lmbda, one)
                      for one in (start, None))
        # with beta = 0 the bias is there at any lambda
        compare(torch.cat([warm.w, warm.b[None]]),
                torch.cat([cold.w, cold.b[None]]), 1e-8)


def test_the_quadratic_model_is_minimised_exactly():
    """Against all patterns of signs, with a Hessian of condition 1e8."""
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        a = torch.randn(6, 6, generator=rng, dtype=torch.float64)
        a = a * torch.logspace(-4, 0, 6, dtype=a.dtype)
        hess, c, x = a.T @ a + 1e-9 * torch.eye(6, dtype=a.dtype), a[0], a[1]
        mu = torch.tensor([0., .1, .1, .2, .3, 0.], dtype=a.dtype)

        def value(x):
            return float(c @ x + x @ hess @ x / 2 + mu @ x.abs())
        best = value(feature_sign.minimise(c, hess, mu, x, 1e-10))
        for signs in itertools.product((-1., 0., 1.), repeat=4):
            sign = torch.tensor([0., *signs, 0.], dtype=a.dtype)
            on = (sign != 0) | (mu == 0)
            there = torch.zeros_like(x)
            there[on] = torch.linalg.solve(
                hess[on][:, on], -(c + mu * sign)[on])
            assert best <= value(there) + 1e-9 * abs(best)


def test_each_row_twice():
    """Same mean loss, half the penalty a row."""
    problem, x_p, y_p = make(n=20, d=8, seed=6)
    twice = Problem(problem.x_tr.repeat(2, 1), problem.y_tr.repeat(2),
                    problem.x_val, problem.y_val)
    for method in ('rmd', 'implicit'):
        one, two = (hypergradient(*data, method, eta=ETA, inner_tol=1e-12,
                                  model=model()) for data in (
            (problem, x_p, y_p, 0.),
            (twice, x_p.repeat(2, 1), y_p.repeat(2), math.log(2))))
        compare(two.value, one.value, 1e-10)
        compare(two.grad_lmbda, one.grad_lmbda, 1e-8)
        compare(two.grad_x_p[:3] + two.grad_x_p[3:], one.grad_x_p, 1e-8)


@pytest.mark.filterwarnings('ignore:Sparse')
@pytest.mark.parametrize('method', ['rmd', 'implicit'])
def test_sparse_rows_and_float32(method):
    problem, x_p, y_p = make(n=20, d=8, seed=7)
    problem.x_tr[problem.x_tr < 0] = 0
    sparse = Problem(problem.x_tr.to_sparse_csr(), problem.y_tr,
                     problem.x_val.to_sparse_csr(), problem.y_val)
    single = problem.to(torch.float32)
    dense = hypergradient(problem, x_p, y_p, 0., method, model=model())
    for got, want, short in zip(
            hypergradient(sparse, x_p, y_p, 0., method, model=model()), dense,
            hypergradient(single, x_p.float(), y_p.float(), 0., method,
                          model=model())):
        compare(got, want, 1e-10)
        compare(short.double(), want, 1e-4)


def test_all_weights_vanish_at_a_large_lambda():
    problem, x_p, y_p = make(n=20, d=8)
    for beta in (0., 1.):
        got = hypergradient(problem, x_p, y_p, 11.5, 'implicit',
                            model=model(beta=beta))
        assert not got.grad_x_p.any() and not got.grad_lmbda
    assert float(got.value) == pytest.approx(math.log(2))


def test_the_solvers_are_chosen_by_smoothness_not_by_name():
    """A penalty of one's own, as CONTRIBUTING says it is added."""
    class Own(L1):
        pass
    problem, x_p, y_p = make()
    for method in ('rmd', 'implicit'):
        for got, expected in zip(*(
                hypergradient(problem, x_p, y_p, 0., method, model=partial(
                    LinearModel, penalty=penalty)) for penalty in (Own, L1))):
            assert torch.equal(got, expected)
    with pytest.raises(ValueError, match='with the penalty Own'):
        hypergradient(problem, x_p, y_p, 0., 'fmd', model=partial(
            LinearModel, penalty=Own))


@pytest.mark.parametrize('kwargs, words', [
    ({'method': 'fmd'}, "`method` must be one of .'implicit', 'rmd'. with the "
     "penalty L1, got 'fmd'"),
    ({'form': 'gram'}, "`form` must be 'primal' or 'auto'.*need one isotr")])
def test_what_needs_another_penalty(kwargs, words):
    problem, _, y_p = make()
    with pytest.raises(ValueError, match=words):  # before any work
        model()(problem, y_p, Training(**kwargs))
    with pytest.raises(ValueError, match='`beta` must be 0 or 1, got 0.5'):
        L1(0., 7, .5)
