"""A softmax over classes: derivatives by three routes, and its optimum."""
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from core_problems import ETA, FORMS, compare

from secml_regpoison.core import Problem, hypergradient, linalg, solve
from secml_regpoison.core.coordinates import class_steps, classes
from secml_regpoison.core.diagnostics import diagnose
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses.softmax import ClassCurvature, basis_of
from secml_regpoison.core.penalties import L1
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.softmax_model import SoftmaxModel
from secml_regpoison.core.solvers import Training


def make(k=3, n=14, m=9, d=5, p=3, seed=0, dtype=torch.float64, **kwargs):
    """A small problem of k classes, poisoning points and labels."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64).to(
            dtype)

    def labels(n):
        return torch.randint(k, (n,), generator=rng).to(dtype)
    problem = Problem(draw(n, d), labels(n), draw(m, d), labels(m),
                      n_classes=k, **kwargs)
    return problem, draw(p, d), labels(p)


def autograd(problem, x_p, y_p, lmbda, n_inner, eta, momentum):
    """(value, grad_x_p, grad_lmbda) through a naive training loop over all k
    vectors, whose gradient is autograd's too."""
    x_p = x_p.clone().requires_grad_()
    lmbda = torch.tensor(lmbda, dtype=x_p.dtype, requires_grad=True)
    x = torch.cat([problem.x_tr, x_p])
    y = torch.cat([problem.y_tr, y_p]).long()
    k, n = problem.n_classes, len(x)
    w, b = (x.new_zeros(shape, requires_grad=True)
            for shape in ((k, x.shape[1]), (k,)))
    vel_w, vel_b = torch.zeros_like(w), torch.zeros_like(b)
    for _ in range(n_inner):
        objective = torch.nn.functional.cross_entropy(x @ w.T + b, y) \
            + torch.exp(lmbda) / (2 * n) * (w ** 2).sum()
        grad_w, grad_b = torch.autograd.grad(
            objective, (w, b), create_graph=True)
        vel_w = momentum * vel_w - eta * grad_w
        vel_b = momentum * vel_b - eta * grad_b
        w, b = w + vel_w, b + vel_b
    value = torch.nn.functional.cross_entropy(
        problem.x_val @ w.T + b, problem.y_val.long())
    return (value.detach(), *torch.autograd.grad(value, (x_p, lmbda)))


def check_against_autograd(k=3, form='gram', method='rmd', lmbda=1.):
    n_inner, rtol = (1500, 1e-10) if method == 'implicit' else (40, 1e-11)
    expected = autograd(*make(k), lmbda, n_inner, ETA, .9)
    found = hypergradient(
        *make(k), lmbda, method, n_inner=n_inner, eta=ETA, momentum=.9,
        form=form, inner_tol=1e-13, model=SoftmaxModel)
    for got, want in zip(found, expected):
        compare(got, want, rtol)


@pytest.mark.filterwarnings('ignore:training stopped', 'ignore:the linear')
def test_a_class_without_training_rows_has_no_optimum():
    """Its free bias falls until the Hessian is singular; steps are finite."""
    said = 0
    for seed in range(8):
        x = torch.randn(9, 30, generator=torch.Generator().manual_seed(seed))
        y = torch.tensor([0., 1., 0., 1., 0., 1., 2., 0., 1.])
        problem = Problem(x[:4], y[:4], x[4:7], y[4:7], n_classes=3)
        work = partial(hypergradient, problem, x[7:], y[7:], 12.,
                       model=SoftmaxModel, form='gram')
        assert all(part.isfinite().all() for part in work())
        try:
            work('implicit')
        except FloatingPointError as error:
            assert 'singular in torch.float32' in str(error)
            said += 1
    assert said


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('k', [2, 3, 5])
@pytest.mark.parametrize('lmbda', [-6., 1.])
def test_rmd_is_autograd(k, form, lmbda):
    check_against_autograd(k, form, lmbda=lmbda)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('k', [2, 4])
def test_fmd_is_autograd(k, form):
    check_against_autograd(k, form, 'fmd')


@pytest.mark.parametrize('form', FORMS)
def test_implicit_is_autograd_through_converged_training(form):
    check_against_autograd(3, form, 'implicit', 2.)


def _no_coupling(self, h):
    """A curvature that forgets how classes compete."""
    n = self.q.shape[-1]
    bent = (self.q * (1 - self.q)) * (self.basis @ h.unflatten(-1, (-1, n)))
    return (self.basis.T @ bent * self.scale).flatten(-2)


@pytest.mark.parametrize('form', FORMS)
def test_broken_curvature_is_caught(monkeypatch, form):
    monkeypatch.setattr(ClassCurvature, '__mul__', _no_coupling)
    with pytest.raises(AssertionError):
        check_against_autograd(form=form)


@pytest.mark.parametrize('refit', [False, True])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
def test_central_difference(method, form, refit):
    """With the step size 1 / L, and with a preprocess that is refitted, by
    which it moves with all rows."""
    if refit and method == 'fmd':
        pytest.skip('forward mode takes no preprocess that is refitted')
    problem, x_p, y_p = make(
        n=20, seed=1, preprocess=MeanStd() if refit else None)
    kwargs = {'method': method, 'n_inner': 30, 'momentum': .9, 'form': form,
              'inner_tol': 1e-12, 'model': SoftmaxModel}

    def value(x, lmbda):
        return float(hypergradient(problem, x, y_p, lmbda, **kwargs).value)
    got = hypergradient(problem, x_p, y_p, 2., **kwargs)
    u, step = torch.randn(x_p.shape, generator=torch.Generator().manual_seed(
        3), dtype=x_p.dtype), 1e-5
    by_points = value(x_p + step * u, 2.) - value(x_p - step * u, 2.)
    by_lmbda = value(x_p, 2. + step) - value(x_p, 2. - step)
    compare((got.grad_x_p * u).sum(), by_points / (2 * step), 1e-6)
    compare(got.grad_lmbda, by_lmbda / (2 * step), 1e-6)


@pytest.mark.parametrize('form', ['primal', 'gram', 'sparse', 'no matrix',
                                  'binary matrix'])
@pytest.mark.parametrize('lmbda', [-6., 0., 4.])
def test_optimum_is_scikit_learns(monkeypatch, form, lmbda):
    problem, x_p, y_p = make(k=4, n=60, d=8)
    x = torch.cat([problem.x_tr, x_p]).numpy()
    y = torch.cat([problem.y_tr, y_p]).numpy()
    if form == 'no matrix':
        monkeypatch.setattr(linalg, 'TOO_LARGE', 0)
    if form == 'binary matrix':
        monkeypatch.setattr(linalg, 'TOO_LARGE', 9)
    if form == 'sparse':
        problem = Problem(problem.x_tr.to_sparse_csr(), problem.y_tr,
                          problem.x_val, problem.y_val, n_classes=4)
    model = SoftmaxModel(problem, y_p, Training(
        'implicit', form=form if form in FORMS else 'primal'))
    trained = model.train(x_p, lmbda)
    expected = LogisticRegression(
        C=math.exp(-lmbda), tol=1e-12, max_iter=100_000).fit(x, y)
    b = expected.intercept_
    np.testing.assert_allclose(trained.w, expected.coef_, atol=1e-5)
    np.testing.assert_allclose(trained.b, b - b.mean(), atol=1e-5)
    losses = model.losses(trained)
    scores = problem.x_val.numpy() @ trained.w.numpy().T + trained.b.numpy()
    assert losses.attacker_error == np.mean(
        scores.argmax(1) != problem.y_val.numpy())


def test_two_classes_are_logistic_regression():
    """w_1 - w_0 of two classes, each of norm ||w|| / 2 in square: lambda of
    the binary model is smaller by log 2."""
    problem, x_p, y_p = make(k=2)
    binary = Problem(problem.x_tr, 2 * problem.y_tr - 1, problem.x_val,
                     2 * problem.y_val - 1)
    found = hypergradient(problem, x_p, y_p, 1. + math.log(2), 'implicit',
                          model=SoftmaxModel)
    expected = hypergradient(binary, x_p, 2 * y_p - 1, 1., 'implicit')
    for got, want in zip(found, expected):
        compare(got, want, 1e-7)


def test_target_separates_the_players():
    problem, x_p, y_p = make(seed=5)
    parts = problem.x_tr, problem.y_tr, problem.x_val
    target = torch.full_like(problem.y_val, 2.)
    aimed, as_if = (Problem(*parts, y, y_target, n_classes=3)
                    for y, y_target in ((problem.y_val, target),
                                        (target, None)))
    got, attacker, defender = (
        hypergradient(one, x_p, y_p, 1., 'implicit', model=SoftmaxModel)
        for one in (aimed, as_if, problem))
    compare(got.value, attacker.value, 1e-12)
    compare(got.grad_x_p, attacker.grad_x_p, 1e-12)
    compare(got.grad_lmbda, defender.grad_lmbda, 1e-12)
    assert abs(defender.grad_lmbda - attacker.grad_lmbda) > 1e-6


@pytest.mark.parametrize('lmbda', [-8., 11.5])
def test_factor_of_the_curvature(lmbda):
    """Also of classes that have no share left."""
    rng = torch.Generator().manual_seed(0)
    h = torch.randn(5, 40, generator=rng, dtype=torch.float64)
    q = (300 * h).softmax(0) if lmbda < 0 else h.softmax(0)
    root = ClassCurvature(basis_of(h, 5), q, 2.).root()
    full = torch.diag_embed(q.T) - q.T[:, :, None] * q.T[:, None]
    expected = 2 * basis_of(h, 5).T @ full @ basis_of(h, 5)
    compare(torch.einsum('cen,den->ncd', root, root), expected, 1e-14)


@pytest.mark.parametrize('method', ['rmd', 'implicit'])
def test_outer_loop_and_diagnostics_are_those_of_any_model(method):
    problem, x_p, y_p = make(n=40, m=30, p=8)
    fixed, learned = (solve(
        problem, x_p, y_p, -2., -3., 3., learn_lmbda=learn, n_outer=10,
        method=method, model=SoftmaxModel) for learn in (False, True))
    assert fixed.w.shape == (3, 5) and fixed.b.shape == (3,)
    assert fixed.value > 1.1 * fixed.f_seq[0]
    assert learned.value < fixed.value and learned.lmbda > -2.
    found = diagnose(SoftmaxModel(problem, y_p, Training(method)),
                     learned.x_p, learned.lmbda, FeasibleSet(
                         x_p, *torch.tensor([-3., 3.]).to(x_p)))
    assert found.residual < 1e-8 and found.defender_gap < .01
    shares = problem.y_val.unique(return_counts=True)[1] / 30
    assert found.constant_loss == pytest.approx(
        -float((shares * shares.log()).sum()))


@pytest.mark.parametrize('form', FORMS)
def test_float32_is_float64(form):
    one, two = (hypergradient(*make(dtype=dtype), 1., form=form,
                              model=SoftmaxModel)
                for dtype in (torch.float64, torch.float32))
    for got, expected in zip(two, one):
        compare(got.double(), expected, 2e-5)  # sums over 150 steps


def test_what_does_not_fit_is_refused():
    problem, x_p, y_p = make()
    with pytest.raises(ValueError, match="`method` must be one of"):
        hypergradient(problem, x_p, y_p, 0., 'newton', model=SoftmaxModel)
    with pytest.raises(ValueError, match="`penalty` must be L2 for a softmax"):
        hypergradient(problem, x_p, y_p, 0., model=partial(
            SoftmaxModel, penalty=L1))
    with pytest.raises(ValueError, match='`y_p` must hold labels 0 to 2'):
        hypergradient(problem, x_p, y_p - 1, 0., model=SoftmaxModel)
    with pytest.raises(ValueError, match='`problem.n_classes` must be None'):
        LinearModel(problem, y_p, Training())
    binary = Problem(problem.x_tr, problem.y_tr.sign() * 2 - 1, problem.x_val,
                     problem.y_val.sign() * 2 - 1)
    with pytest.raises(ValueError, match='`problem.n_classes` must be the nu'):
        SoftmaxModel(binary, y_p, Training())


@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-12),
                                         (torch.float32, 5e-6)])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('reverse', (False, True))
@pytest.mark.parametrize('beta', (0., 1.))
@pytest.mark.parametrize('cache_bytes', (0, 2 ** 20))
def test_the_loop_on_a_cpu_is_that_in_torch(
        monkeypatch, cache_bytes, beta, reverse, form, dtype, rtol):
    """From any state, with directions that are not 0, whether the kernel is
    multiplied by all vectors at once or by one after the other."""
    monkeypatch.setattr(class_steps, 'CACHE_BYTES', cache_bytes)
    problem, x_p, y_p = make(dtype=dtype)
    model = SoftmaxModel(problem, y_p, Training('rmd', form=form), beta=beta)
    coordinates = model.train(x_p, 0.).coordinates
    m, n = 2, 17
    coordinates.val_rmatvec(problem.rows_val, torch.linspace(
        -1, 1, m * 9, dtype=dtype))
    n_coords = n + 2 if form == 'gram' else 6
    first = torch.linspace(-1, 1, 2 * m * n_coords, dtype=dtype).reshape(
        2, -1)
    loss, curvature = model._training_loss(), None
    if reverse:
        curvature = loss.curvature(torch.randn(9, m * n, dtype=dtype))
    elif form == 'gram':  # trained in the span of the rows
        first.view(2, m, -1)[..., -2] = 0.
    args = (9, loss, first.new_tensor([.8, -.02, -.01]), first, curvature)
    by_blas = coordinates.steps(*args)
    monkeypatch.setattr(class_steps, 'uses_blas', lambda x: False)
    monkeypatch.setattr(class_steps, 'takes_blas', lambda x: False)
    for found, expected in zip(by_blas, coordinates.steps(*args)):
        compare(found, expected, rtol)


def test_the_adjoint_needs_no_factor_of_its_own(monkeypatch):
    """The last Newton step's serves, though the direction is another."""
    problem, x_p, y_p = make(seed=1)
    model = SoftmaxModel(problem, y_p, Training('implicit', form='gram'))
    trained = model.train(x_p, 0.)
    factors, solver = [], classes.woodbury_solver
    monkeypatch.setattr(
        classes, 'woodbury_solver',
        lambda *args: factors.append(1) or solver(*args))
    found = model.hypergradient(trained).grad_x_p
    assert not factors
    compare(found, model.hypergradient(replace(trained, model=replace(
        trained.model, solve=None))).grad_x_p, 1e-9)
    assert factors
