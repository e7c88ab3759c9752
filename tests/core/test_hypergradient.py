"""Hypergradients by independent routes, exact identities, and mutations.

The routes: central differences of the value, autograd through the unrolled
training, and the implicit formula where training has converged. `compare` is
what every test of a derivative calls; `test_broken_derivatives_are_caught`
breaks the derivative in the ways that matter and sees it fail.
"""
import math
import warnings
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from core_problems import ETA, FORMS, compare, make

from secml_regpoison.core import Problem, hypergradient
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Logistic, Squared, SquaredHinge
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.solvers import training

# Each loss with a bias that is free and one that is penalised.
OBJECTIVES = [(loss, beta) for loss in (
    Logistic(), SquaredHinge(), Squared())
              for beta in (0., 1.)]
LOSS_OF_MARGIN = {
    Logistic: lambda m: torch.nn.functional.softplus(-m),
    SquaredHinge: lambda m: torch.clamp(1 - m, min=0) ** 2,
    Squared: lambda m: (1 - m) ** 2}
all_objectives = pytest.mark.parametrize(
    'loss, beta', OBJECTIVES,
    ids=[f'{type(loss).__name__}-{beta:g}' for loss, beta in OBJECTIVES])


def unrolled(problem, x_p, y_p, lmbda, n_inner, eta, momentum,
             truncate=None, loss=Logistic(), beta=0.):
    """Value by a naive training loop, open to autograd, which sees only the
    last `truncate` steps. The losses are typed out in terms of the margin,
    and autograd differentiates the training objective too."""
    x = torch.cat([problem.x_tr, x_p])
    y = torch.cat([problem.y_tr, y_p])
    n, d = x.shape
    of_margin = LOSS_OF_MARGIN[type(loss)]
    w, b = (x.new_zeros(shape, requires_grad=True) for shape in (d, ()))
    vel_w, vel_b = torch.zeros_like(w), torch.zeros_like(b)
    for t in range(n_inner):
        if truncate is not None and t == n_inner - truncate:
            w, b = (v.detach().requires_grad_() for v in (w, b))
            vel_w, vel_b = vel_w.detach(), vel_b.detach()
        objective = of_margin(y * (x @ w + b)).mean() + torch.exp(
            lmbda) / (2 * n) * (w @ w + beta * b * b)
        grad_w, grad_b = torch.autograd.grad(
            objective, (w, b), create_graph=True)
        vel_w = momentum * vel_w - eta * grad_w
        vel_b = momentum * vel_b - eta * grad_b
        w, b = w + vel_w, b + vel_b
    return of_margin(problem.y_val * (problem.x_val @ w + b)).mean()


def autograd(problem, x_p, y_p, lmbda, n_inner, eta, momentum, **kwargs):
    """(value, grad_x_p, grad_lmbda) through the whole unroll."""
    x_p = x_p.clone().requires_grad_()
    lmbda = torch.tensor(lmbda, dtype=x_p.dtype, requires_grad=True)
    value = unrolled(problem, x_p, y_p, lmbda, n_inner, eta, momentum,
                     **kwargs)
    return (value.detach(), *torch.autograd.grad(value, (x_p, lmbda)))


def central(problem, x_p, y_p, lmbda, step=1e-5, seed=0, **kwargs):
    """Derivatives along 3 directions of the points, and by lambda."""
    rng = torch.Generator().manual_seed(seed)

    def value(x, at):
        return float(hypergradient(problem, x, y_p, at, **kwargs).value)
    directions = [torch.randn(x_p.shape, generator=rng, dtype=x_p.dtype)
                  for _ in range(3)]
    by_x = [(value(x_p + step * u, lmbda) - value(x_p - step * u, lmbda))
            / (2 * step) for u in directions]
    by_lmbda = (value(x_p, lmbda + step) - value(x_p, lmbda - step)) / (
        2 * step)
    return directions, torch.tensor(by_x), by_lmbda


def check_against_differences(problem, x_p, y_p, lmbda, **kwargs):
    got = hypergradient(problem, x_p, y_p, lmbda, **kwargs)
    directions, by_x, by_lmbda = central(problem, x_p, y_p, lmbda, **kwargs)
    compare(torch.stack([(got.grad_x_p * u).sum() for u in directions]),
            by_x, 1e-6)
    compare(got.grad_lmbda, by_lmbda, 1e-6)


def check_against_autograd(form, method='rmd', momentum=.9, lmbda=1.,
                           rtol=1e-12, loss=Logistic(), beta=0.):
    problem, x_p, y_p = make()
    # the squared hinge has eight times the curvature
    eta = ETA * .25 / loss.curvature_bound
    expected = autograd(problem, x_p, y_p, lmbda, 40, eta, momentum,
                        loss=loss, beta=beta)
    found = hypergradient(
        problem, x_p, y_p, lmbda, method, n_inner=40, eta=eta,
        momentum=momentum, form=form,
        model=partial(LinearModel, loss=loss, beta=beta))
    for got, want in zip(found, expected):
        compare(got, want, rtol)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('momentum', [0., .5, .9])
@pytest.mark.parametrize('lmbda', [-8., 0., 3.])
def test_rmd_is_autograd(form, momentum, lmbda):
    check_against_autograd(form, momentum=momentum, lmbda=lmbda)


@all_objectives
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'fmd'])
def test_any_objective_is_autograd(method, form, loss, beta):
    check_against_autograd(form, method, rtol=1e-10, loss=loss, beta=beta)


@all_objectives
@pytest.mark.parametrize('form', FORMS)
def test_implicit_is_autograd_through_converged_training(form, loss, beta):
    problem, x_p, y_p = make(n=20)
    eta = ETA * .25 / loss.curvature_bound
    expected = autograd(problem, x_p, y_p, 3., 800, eta, .9, loss=loss,
                        beta=beta)
    found = hypergradient(
        problem, x_p, y_p, 3., 'implicit', form=form, inner_tol=1e-13,
        model=partial(LinearModel, loss=loss, beta=beta))
    for got, want in zip(found, expected):
        compare(got, want, 1e-10)


@all_objectives
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
def test_any_objective_is_central_difference(method, form, loss, beta):
    """With the step size 1 / L, which moves with the points and lambda."""
    problem, x_p, y_p = make(n=20, seed=1)
    kwargs = {'method': method, 'n_inner': 30, 'momentum': .9, 'form': form,
              'inner_tol': 1e-12,
              'model': partial(LinearModel, loss=loss, beta=beta)}
    check_against_differences(problem, x_p, y_p, 2., **kwargs)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('momentum', [0., .9])
@pytest.mark.parametrize('eta', [ETA, None])
@pytest.mark.parametrize('lmbda', [-3., 2.])
def test_rmd_is_central_difference(form, momentum, eta, lmbda):
    # eta=None is 1/L of the poisoned rows: it moves, and counts
    problem, x_p, y_p = make(seed=1)
    kwargs = {'n_inner': 30, 'eta': eta, 'momentum': momentum, 'form': form}
    check_against_differences(problem, x_p, y_p, lmbda, **kwargs)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('lmbda', [-2., 3.])
def test_implicit_is_central_difference(form, lmbda):
    problem, x_p, y_p = make(seed=2)
    kwargs = {'method': 'implicit', 'inner_tol': 1e-12, 'form': form}
    check_against_differences(problem, x_p, y_p, lmbda, **kwargs)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('momentum', [0., .9])
@pytest.mark.parametrize('eta', [ETA, None])
@pytest.mark.parametrize('d', [5, 20])
def test_fmd_is_rmd(form, momentum, eta, d):
    problem, x_p, y_p = make(d=d, seed=10)
    forward, reverse = (hypergradient(
        problem, x_p, y_p, 1., method, n_inner=30, eta=eta,
        momentum=momentum, form=form) for method in ('fmd', 'rmd'))
    for got, expected in zip(forward, reverse):
        compare(got, expected, 1e-10)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('truncate', [1, 7, 30, 99])
def test_truncated_rmd_is_autograd_through_the_last_steps(form, truncate):
    problem, x_p, y_p = make(seed=11)
    n_inner = 30
    got = hypergradient(problem, x_p, y_p, 1., n_inner=n_inner, eta=ETA,
                        momentum=.9, form=form, truncate=truncate)
    _, by_x, by_lmbda = autograd(problem, x_p, y_p, 1., n_inner, ETA, .9,
                                 truncate=truncate)
    compare(got.grad_x_p, by_x, 1e-11)
    compare(got.grad_lmbda, by_lmbda, 1e-11)


@pytest.mark.parametrize('form', FORMS)
def test_rmd_converges_to_implicit(form):
    problem, x_p, y_p = make(seed=3)
    rmd = hypergradient(problem, x_p, y_p, 2., n_inner=3000, momentum=.9,
                        form=form)
    implicit = hypergradient(problem, x_p, y_p, 2., method='implicit',
                             form=form)
    for got, expected in zip(rmd, implicit):
        compare(got, expected, 1e-8)


def test_far_from_convergence_they_differ():
    """RMD is the derivative of T steps, not of the optimum."""
    problem, x_p, y_p = make(seed=3)
    rmd = hypergradient(problem, x_p, y_p, -6., n_inner=5).grad_x_p
    implicit = hypergradient(problem, x_p, y_p, -6., 'implicit').grad_x_p
    cosine = torch.nn.functional.cosine_similarity(
        rmd.ravel(), implicit.ravel(), dim=0)
    assert cosine < .9


@pytest.mark.parametrize('form', FORMS)
def test_float32_keeps_up_over_many_steps(form):
    """A recurrence on u alone, without the velocity, is the same in exact
    arithmetic; over 2000 steps in float32 it loses a factor of a hundred,
    and fails here."""
    single, double = (
        hypergradient(*make(n=60, d=40, dtype=dtype), -8., n_inner=2000,
                      momentum=.9, form=form)
        for dtype in (torch.float32, torch.float64))
    for got, expected in zip(single, double):
        compare(got.double(), expected, 2e-5)


def _zeroed(vjp):
    return lambda *args: 0 * vjp(*args)


def _flipped(vjp):
    return lambda *args: -vjp(*args)


def _last_step_dropped(vjp):
    def broken(rows, *args):
        p, adjoint_scores = rows.p.clone(), rows.adjoint_scores.clone()
        p[-1], adjoint_scores[-1] = 0., 0.
        return vjp(replace(rows, p=p, adjoint_scores=adjoint_scores), *args)
    return broken


class _Flat(Logistic):

    def curvature(self, h):
        return torch.zeros_like(h)


def _no_curvature(vjp):
    return lambda rows, *args: vjp(replace(rows, model=replace(
        rows.model, loss=_Flat())), *args)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('name, breakage', [
    *((name, breakage) for name in ('from_row', 'lmbda')
      for breakage in (_zeroed, _flipped, _last_step_dropped)),
    ('from_row', _no_curvature)])
def test_broken_derivatives_are_caught(monkeypatch, form, name, breakage):
    check_against_autograd(form)
    monkeypatch.setattr(training.RowGradients, name, breakage(
        getattr(training.RowGradients, name)))
    with pytest.raises(AssertionError):
        check_against_autograd(form)


@pytest.mark.parametrize('form', FORMS)
def test_a_penalty_that_forgets_the_bias_is_caught(monkeypatch, form):
    check_against_autograd(form, beta=1.)
    monkeypatch.setattr(L2, 'bilinear', lambda self, product, bias_product: (
        self.strength * (product - bias_product)))
    with pytest.raises(AssertionError):
        check_against_autograd(form, beta=1.)


@pytest.mark.parametrize('method', ['rmd', 'implicit'])
@pytest.mark.parametrize('lmbda', [-4., 2.])
def test_primal_is_gram(method, lmbda):
    problem, x_p, y_p = make(n=20, d=30, seed=4)
    kwargs = {'method': method}
    if method == 'implicit':
        kwargs['inner_tol'] = 1e-12
    primal, gram = (hypergradient(problem, x_p, y_p, lmbda, form=form,
                                  **kwargs) for form in FORMS)
    for got, expected in zip(gram, primal):
        compare(got, expected, 1e-6)


@pytest.mark.filterwarnings('ignore:training stopped', 'ignore:the linear')
@pytest.mark.parametrize('form', FORMS)
def test_singular_hessian_says_what_to_do(form):
    problem, x_p, y_p = make(n=4, d=30, seed=13, dtype=torch.float32)
    with pytest.raises(FloatingPointError, match='regularise more'):
        hypergradient(problem, x_p, y_p, -40., 'implicit', form=form)


def test_a_singular_hessian_in_reverse_names_lambda():
    problem, x_p, y_p = make(n=8, d=30)
    model = LinearModel(problem, y_p, training.Training('implicit'))
    trained = model.train(x_p, -3.)
    broken = replace(trained, model=replace(
        trained.model, loss=SimpleNamespace(
            curvature=torch.zeros_like, value=None), solve=None))
    with pytest.raises(FloatingPointError, match='singular.*lmbda = -3'):
        model.reverse(broken, True)


@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
def test_target_separates_the_players(method):
    """The points follow the attacker's loss, lambda the defender's."""
    problem, x_p, y_p = make(seed=5)
    target = torch.ones_like(problem.y_val)
    aimed = Problem(problem.x_tr, problem.y_tr, problem.x_val,
                    problem.y_val, target)
    as_if = Problem(problem.x_tr, problem.y_tr, problem.x_val, target)
    got = hypergradient(aimed, x_p, y_p, 1., method)
    attacker = hypergradient(as_if, x_p, y_p, 1., method)
    defender = hypergradient(problem, x_p, y_p, 1., method)
    compare(got.value, attacker.value, 1e-12)
    compare(got.grad_x_p, attacker.grad_x_p, 1e-12)
    compare(got.grad_lmbda, defender.grad_lmbda, 1e-12)
    assert abs(defender.grad_lmbda - attacker.grad_lmbda) > 1e-6


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
class TestIdentities:

    def run(self, problem, x_p, y_p, lmbda, method, form):
        kwargs = {'inner_tol': 1e-12} if method == 'implicit' else {}
        return hypergradient(problem, x_p, y_p, lmbda, method, eta=ETA,
                             form=form, **kwargs)

    def test_duplicated_rows(self, method, form):
        """Each row twice: same mean loss, half the penalty a row."""
        problem, x_p, y_p = make(seed=6)
        twice = Problem(problem.x_tr.repeat(2, 1), problem.y_tr.repeat(2),
                        problem.x_val, problem.y_val)
        one = self.run(problem, x_p, y_p, 1., method, form)
        two = self.run(twice, x_p.repeat(2, 1), y_p.repeat(2),
                       1. + math.log(2), method, form)
        compare(two.value, one.value, 1e-9)
        compare(two.grad_lmbda, one.grad_lmbda, 1e-7)
        compare(two.grad_x_p[:3] + two.grad_x_p[3:], one.grad_x_p, 1e-7)

    def test_permuted_points(self, method, form):
        problem, x_p, y_p = make(seed=7)
        order = torch.tensor([2, 0, 1])
        one = self.run(problem, x_p, y_p, 0., method, form)
        two = self.run(problem, x_p[order], y_p[order], 0., method, form)
        compare(two.grad_x_p, one.grad_x_p[order], 1e-8)
        compare(two.value, one.value, 1e-12)

    def test_flipped_labels_and_features(self, method, form):
        problem, x_p, y_p = make(seed=8)
        flipped = Problem(-problem.x_tr, -problem.y_tr, -problem.x_val,
                          -problem.y_val)
        one = self.run(problem, x_p, y_p, 0., method, form)
        two = self.run(flipped, -x_p, -y_p, 0., method, form)
        compare(two.value, one.value, 1e-12)
        compare(-two.grad_x_p, one.grad_x_p, 1e-8)

    def test_no_points(self, method, form):
        problem, x_p, y_p = make(seed=9)
        got = self.run(problem, x_p[:0], y_p[:0], 0., method, form)
        assert got.grad_x_p.shape == (0, 5)
        joined = Problem(problem.x_tr[:-1], problem.y_tr[:-1],
                         problem.x_val, problem.y_val)
        one = self.run(joined, problem.x_tr[-1:], problem.y_tr[-1:], 0.,
                       method, form)
        compare(got.value, one.value, 1e-12)
        compare(got.grad_lmbda, one.grad_lmbda, 1e-7)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'implicit'])
def test_float32_is_float64(method, form):
    one = hypergradient(*make(), 1., method, form=form)
    two = hypergradient(*make(dtype=torch.float32), 1., method, form=form)
    for got, expected in zip(two, one):
        assert got.dtype == torch.float32
        # float32 sums of a few dozen terms over 150 steps; its implicit
        # training stops at 1e-5 of the first gradient
        compare(got.double(), expected,
                2e-5 if method == 'rmd' else 1e-3)


def test_inputs_are_left_alone():
    problem, x_p, y_p = make()
    before = [t.clone() for t in (problem.x_tr, problem.y_tr, problem.x_val,
                                  problem.y_val, x_p, y_p)]
    state = torch.random.get_rng_state()
    hypergradient(problem, x_p, y_p, 0.)
    for tensor, copy in zip((problem.x_tr, problem.y_tr, problem.x_val,
                             problem.y_val, x_p, y_p), before):
        assert torch.equal(tensor, copy)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_diverging_steps_name_the_step_size():
    problem, x_p, y_p = make()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        with pytest.raises(FloatingPointError, match='eta = 1000'):
            hypergradient(problem, x_p, y_p, 5., eta=1e3, n_inner=2000)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'fmd'))
@pytest.mark.parametrize('scale', (1e78, 1e150, 1e160))
def test_features_too_large_for_a_step_size(scale, method, form):
    problem, x_p, y_p = make()
    problem = replace(problem, x_tr=scale * problem.x_tr,
                      x_val=scale * problem.x_val)
    with pytest.raises(FloatingPointError, match='features .* rescale them'):
        hypergradient(problem, x_p, y_p, 0., method, form=form)


def test_a_step_size_that_was_not_given_is_not_to_blame():
    problem, x_p, y_p = make(dtype=torch.float32)
    problem = replace(problem, x_tr=1e15 * problem.x_tr,
                      x_val=1e15 * problem.x_val)
    for eta, advice in ((None, 'rescale the features'),
                        (1e-30, 'pass a smaller eta')):
        with pytest.raises(FloatingPointError, match=f'not finite.*{advice}'):
            hypergradient(problem, 1e15 * x_p, y_p, 0., form='primal',
                          eta=eta)


def test_step_above_two_over_l_is_warned_about():
    problem, x_p, y_p = make()
    with pytest.warns(RuntimeWarning, match=r'eta = 10 is above 2 / L'):
        hypergradient(problem, x_p, y_p, 0., eta=10., n_inner=3)


@pytest.mark.parametrize('kwargs, words', [
    ({'method': 'sgd'}, "`method` must be one of"),
    ({'n_inner': 0}, '`n_inner` must be an integer of at least 1 .*got 0'),
    ({'n_inner': 10 ** 20}, '`n_inner` must be .* below 2[*][*]31, got 10000'),
    ({'n_inner': 1.5}, '`n_inner`'),
    ({'eta': -1.}, '`eta` must be None or positive and finite, got -1.0'),
    ({'eta': math.nan}, '`eta`'),
    ({'momentum': 1.}, r'`momentum` must be in \[0, 1\), got 1.0'),
    ({'form': 'dual'}, '`form`'),
    ({'inner_tol': 0.}, '`inner_tol`'),
    ({'truncate': 0}, '`truncate`'),
    ({'lmbda': math.inf}, '`lmbda` must be between -354 and 354 .*got inf'),
    ({'lmbda': -1e3}, '`lmbda` must be between'),
])
def test_bad_settings(kwargs, words):
    problem, x_p, y_p = make()
    with pytest.raises(ValueError, match=words):
        hypergradient(problem, x_p, y_p, **{'lmbda': 0., **kwargs})


def test_bad_points():
    problem, x_p, y_p = make()
    with pytest.raises(ValueError, match='`x_p` must have the dtype and dev'):
        hypergradient(problem, x_p.float(), y_p, 0.)
    with pytest.raises(ValueError, match='`y_p` must hold labels -1 and'):
        hypergradient(problem, x_p, 0 * y_p, 0.)
    with pytest.raises(ValueError, match='`x_p` must have 5 columns'):
        hypergradient(problem, x_p[:, :4], y_p, 0.)
    with pytest.raises(ValueError, match='`y_p`'):
        hypergradient(problem, x_p, y_p[:2], 0.)
    with pytest.raises(ValueError, match='`y_p` must be a floating-point .*'
                                         'int64.*Convert it'):
        hypergradient(problem, x_p, y_p.long(), 0.)
    with pytest.raises(ValueError, match=r'`y_p` must .* of 1 dimension, .*'
                                         r'Pass one number each: \(n,\)'):
        hypergradient(problem, x_p, y_p[:, None], 0.)
    with pytest.raises(ValueError, match=r'`x_p` must .* of 2 dimensions, .*'
                                         r'Pass one row each: \(n, d\)'):
        hypergradient(problem, x_p[0], y_p, 0.)
    with pytest.raises(ValueError, match='`x_p` must be a tensor without '
                                         '`requires_grad`.*`x_p.detach'):
        hypergradient(problem, x_p.clone().requires_grad_(), y_p, 0.)
    with pytest.raises(TypeError, match='`lmbda` must be a number, got str'):
        hypergradient(problem, x_p, y_p, 'a')


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('n, d', [(12, 5), (200, 400)])
@pytest.mark.parametrize('lmbda', [-4., 0., 5., 8., 11.5, 15.])
def test_derivative_by_lambda_in_float32(form, n, d, lmbda):
    """To 1e-4, or a warning. In ``p . u`` a free bias hides the weights,
    where lambda is large: the error was 1."""
    def derivative(dtype, seed):
        problem, x_p, y_p = make(n=n, d=d, seed=seed, dtype=dtype)
        return float(hypergradient(problem, x_p, y_p, lmbda, 'implicit',
                                   form=form).grad_lmbda)
    for seed in range(3):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter('always')
            got = derivative(torch.float32, seed)
        error = abs(got / derivative(torch.float64, seed) - 1)
        assert found or error < 1e-4
        if form == 'primal' and lmbda > 0:
            assert error < 1e-4 and not found


def test_held_lambda_costs_no_derivative():
    """Of lambda, where only the points move: nor its warning."""
    problem, x_p, y_p = make(n=200, d=400, dtype=torch.float32)
    model = LinearModel(problem, y_p, training.Training(
        'implicit', form='gram'))
    found = model.hypergradient(model.train(x_p, -4.))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert found.grad_x_p.isfinite().all()
    with pytest.warns(RuntimeWarning, match='derivative with respect to lam'):
        found.grad_lmbda
