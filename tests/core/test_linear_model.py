"""The three questions, and other models in the place of the linear one."""
from dataclasses import replace
from functools import partial

import pytest
import torch

from core_problems import ETA, FORMS, compare, make

from secml_regpoison.core import hypergradient, solve
from secml_regpoison.core.autograd_model import AutogradModel
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Logistic
from secml_regpoison.core.losses.weighted import Weighted
from secml_regpoison.core.model import share_wrong
from secml_regpoison.core.solvers import Training

TRAINING = {'n_inner': 25, 'eta': ETA, 'momentum': .9}


def linear(parameters, x):
    w, b = parameters
    return x @ w + b


def network(parameters, x):
    """A hidden layer of three."""
    hidden, w, b = parameters
    return torch.tanh(x @ hidden) @ w + b


def parameters_of(*shapes):
    rng = torch.Generator().manual_seed(4)
    return [torch.randn(shape, generator=rng, dtype=torch.float64)
            for shape in shapes]


LINEAR = partial(AutogradModel, scores=linear, initial=[
    torch.zeros(5, dtype=torch.float64), torch.zeros((), dtype=torch.float64)])
NETWORK = partial(AutogradModel, scores=network,
                  initial=parameters_of((5, 3), (3,), ()))


@pytest.mark.parametrize('y_target', [None, 1.])
def test_losses_are_those_of_the_weights(y_target):
    problem, x_p, y_p = make(y_target=None if y_target is None
                             else torch.ones(9, dtype=torch.float64))
    model = LinearModel(problem, y_p, Training(**TRAINING))
    trained = model.train(x_p, 1.)
    h = problem.x_val @ trained.w + trained.b
    y = problem.y_val if y_target is None else problem.y_target
    losses = model.losses(trained)
    for found, labels in ((losses.attacker, y), (losses.defender,
                                                 problem.y_val)):
        assert found == pytest.approx(float(torch.nn.functional.softplus(
            -labels * h).mean()), rel=1e-12)
    assert losses.attacker_error == float((y * h < 0).double().mean())
    assert 0 < losses.attacker_error < 1


def test_features_serve_again_while_the_points_stay():
    calls = []

    def transform(x):
        calls.append(x)
        return 2 * x, lambda grad: 2 * grad
    problem, x_p, y_p = make(transform=transform)
    model = LinearModel(problem, y_p, Training(**TRAINING))
    first = model.train(x_p, 1.)
    model.train(x_p, 2., first)
    assert len(calls) == 1
    model.train(x_p + 1, 2., first)
    assert len(calls) == 2


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'implicit'])
def test_rows_serve_again_while_the_points_stay(form, method, monkeypatch):
    """With another lambda: the kernel, the step size's eigenvalue and what is
    in the coordinates of the adjoint are as if they had been made anew."""
    problem, x_p, y_p = make()
    model = LinearModel(problem, y_p, Training(
        method, 30, momentum=.9, form=form))
    first = model.train(x_p, 1.)
    assert model.hypergradient(first).grad_x_p.any()
    with monkeypatch.context() as patches:
        for name in ('linear_model.make_coordinates',
                     'solvers.rmd.top_eigenpair'):
            patches.delattr(f'secml_regpoison.core.{name}')
        again = model.train(x_p, 2., first)
    for trained, lmbda, rtol in (
            (again, 2., 1e-7 if method == 'implicit' else 1e-14),
            (first, 1., 1e-14)):
        got, expected = model.hypergradient(trained), hypergradient(
            problem, x_p, y_p, lmbda, method, 30, momentum=.9, form=form)
        for name in expected._fields:
            compare(getattr(got, name), getattr(expected, name), rtol)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ['rmd', 'implicit', 'fmd'])
def test_derivatives_may_be_read_late_and_in_any_order(form, method):
    """After the passes of another player and another lambda, whose directions
    kernel coordinates hold too."""
    problem, x_p, y_p = make()
    own = replace(problem, x_attacker=problem.x_val[::2] + 1,
                  y_attacker=-problem.y_val[::2])
    model = LinearModel(own, y_p, Training(method, 30, form=form))
    expected = hypergradient(own, x_p, y_p, 1., method, 30, form=form)
    trained = model.train(x_p, 1.)
    late = model.hypergradient(trained)
    assert late.value == expected.value
    for other in (trained, model.train(x_p, 2., trained)):
        for of_player in (model.hypergradient, model.defender_hypergradient):
            assert of_player(other).grad_lmbda and of_player(
                other).grad_x_p.any()
    compare(late.grad_lmbda, expected.grad_lmbda, 1e-12)
    compare(late.grad_x_p, expected.grad_x_p, 1e-12)


def test_autograd_model_of_linear_scores_is_the_linear_model():
    problem, x_p, y_p = make(y_target=torch.ones(9, dtype=torch.float64))
    found, expected = (hypergradient(
        problem, x_p, y_p, 1., model=model, **TRAINING)
        for model in (LINEAR, LinearModel))
    for got, want in zip(found, expected):
        compare(got, want, 1e-12)


def test_a_network_without_grad_mode():
    problem, x_p, y_p = make()
    find = partial(hypergradient, problem, x_p, y_p, 1., model=NETWORK,
                   **TRAINING)
    with torch.no_grad():
        found = find()
    assert torch.equal(found.grad_x_p, find().grad_x_p)


def test_a_network_is_attacked_by_the_same_loop():
    problem, x_p, y_p = make(n=20, m=15)
    found = solve(problem, x_p, y_p, 0., -2., 2., n_outer=6, model=NETWORK,
                  lmbda_bounds=(-8., 3.), **TRAINING)
    assert found.value > found.f_seq[0] > 0
    # lambda answers: neither its start nor an end of its interval is better
    losses = [float(hypergradient(problem, found.x_p, y_p, lmbda,
                                  model=NETWORK, **TRAINING).value)
              for lmbda in (-8., 0., 3.)]
    assert found.value <= 1.001 * min(losses) < .9 * max(losses)


def test_hypergradient_of_a_network_is_central_difference():
    problem, x_p, y_p = make()
    got = hypergradient(problem, x_p, y_p, 1., model=NETWORK, **TRAINING)
    u = parameters_of((3, 5))[0]

    def slope(step, at_x, at_lmbda):
        ahead, behind = (hypergradient(
            problem, x_p + t * at_x * u, y_p, 1. + t * at_lmbda,
            model=NETWORK, **TRAINING).value for t in (step, -step))
        return (ahead - behind) / (2 * step)
    compare((got.grad_x_p * u).sum(), slope(1e-5, 1, 0), 1e-6)
    compare(got.grad_lmbda, slope(1e-5, 0, 1), 1e-6)


@pytest.mark.parametrize('training, words', [
    ({'method': 'implicit', 'eta': .1}, "`method` must be 'rmd'"),
    ({'eta': None}, '`eta` must be a step size'),
    ({'eta': .1, 'truncate': 5}, '`truncate` must be None for a model'),
    ({'eta': .1, 'is_sparse': True}, '`x_tr` must be dense for a model'),
    ({'eta': .1, 'n_classes': 2}, '`problem.n_classes` must be None')])
@pytest.mark.filterwarnings('ignore:Sparse CSR tensor support')
def test_what_autograd_cannot_do_is_refused(training, words):
    training, (problem, x_p, y_p) = dict(training), make()
    if training.pop('is_sparse', False):
        problem = replace(problem, x_tr=problem.x_tr.to_sparse_csr())
    if 'n_classes' in training:
        problem = replace(problem, n_classes=training.pop('n_classes'),
                          y_tr=(problem.y_tr + 1) / 2,
                          y_val=(problem.y_val + 1) / 2)
        y_p = (y_p + 1) / 2
    with pytest.raises(ValueError, match=words):
        hypergradient(problem, x_p, y_p, 1., model=NETWORK, **training)


def test_a_network_whose_training_diverges_names_the_step_size():
    problem, x_p, y_p = make()
    with pytest.raises(FloatingPointError, match='step size eta = 0.1 at'):
        hypergradient(problem, x_p, y_p, 11.5, model=NETWORK,
                      **{**TRAINING, 'n_inner': 200})


def test_a_score_of_zero_is_that_of_the_class_minus_one():
    """As secml and scikit-learn predict."""
    h, y = torch.tensor([0., 0., 1., -1.]), torch.tensor([1., -1., 1., 1.])
    assert share_wrong(h, y) == .5
    assert share_wrong(h[:1], y[:1]) == 1 and share_wrong(h[1:2], y[1:2]) == 0


@pytest.mark.parametrize('weights, bound', [
    ((.5, 4.), 1.), ((.5, .1), .25), ((0., 1.), .25)])
def test_the_curvature_of_a_weighted_loss_is_bounded(weights, bound):
    """By the greatest weight, and not below that of one row with weight 1."""
    loss = Weighted(Logistic(), torch.tensor(weights))
    assert loss.curvature_bound == pytest.approx(bound)
    assert (loss.curvature(torch.zeros(2)) <= bound).all()
