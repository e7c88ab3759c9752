"""An attacker with rows of its own, in the core."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from core_problems import compare, make
from refusals import raises
from secml_regpoison.core import Problem, hypergradient, solve
from secml_regpoison.core.camouflage import camouflaged
from secml_regpoison.core.defender import Defender
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.solvers import Training


def own_set(**kwargs):
    """A problem whose attacker has seven rows of its own."""
    problem, x_p, y_p = make(**kwargs)
    other, _, _ = make(m=7, seed=5)
    return replace(problem, x_attacker=other.x_val,
                   y_attacker=other.y_val), x_p, y_p


@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
@pytest.mark.parametrize('form', ['primal', 'gram'])
def test_two_problems_in_one(method, form):
    """Value and points are those of a problem whose validation set is the
    attacker's, lambda and the defender's derivatives those of the usual."""
    problem, x_p, y_p = own_set()
    kwargs = dict(lmbda=-1., method=method, form=form)
    found = hypergradient(problem, x_p, y_p, **kwargs)
    of_attacker, of_defender = (hypergradient(Problem(
        problem.x_tr, problem.y_tr, x, y), x_p, y_p, **kwargs) for x, y in (
            problem.attacker_set, (problem.x_val, problem.y_val)))
    compare(found.value, of_attacker.value, 1e-12)
    compare(found.grad_x_p, of_attacker.grad_x_p, 1e-10)
    compare(found.grad_lmbda, of_defender.grad_lmbda, 1e-10)
    model = LinearModel(problem, y_p, Training(method, form=form))
    trained = model.train(x_p, -1.)
    compare(model.defender_hypergradient(trained).grad_x_p,
            of_defender.grad_x_p, 1e-10)
    assert model.losses(trained).defender == pytest.approx(
        float(of_defender.value), rel=1e-12)


@pytest.mark.parametrize('method', ['implicit', 'rmd'])
@pytest.mark.parametrize('player', ['attacker', 'defender'])
def test_central_differences_through_a_refitted_preprocess(player, method):
    problem, x_p, y_p = own_set(preprocess=MeanStd())
    model = LinearModel(problem, y_p, Training(method, 10, inner_tol=1e-12))
    trained = model.train(x_p, -1.)
    grad = (model.hypergradient if player == 'attacker'
            else model.defender_hypergradient)(trained).grad_x_p
    along = torch.linspace(-1, 1, x_p.numel(), dtype=x_p.dtype).reshape(
        x_p.shape)
    ahead, behind = (getattr(model.losses(model.train(
        x_p + step * along, -1.)), player) for step in (1e-5, -1e-5))
    compare((grad * along).sum(), (ahead - behind) / 2e-5, 1e-6)


@pytest.mark.parametrize('target', [None, 1.])
def test_camouflage_raises_the_harm_and_lowers_the_loss_that_is_seen(target):
    """With a target, its loss falls. By a short step, and beside one
    without camouflage."""
    problem, x_p, y_p = own_set()
    if target is not None:
        problem = replace(problem, y_target=torch.full((7,), target).double())
    model = LinearModel(problem, y_p, Training('implicit', inner_tol=1e-12))
    trained = model.train(x_p, -1.)
    both = (model.hypergradient(trained).grad_x_p,
            model.defender_hypergradient(trained).grad_x_p)
    before = model.losses(trained)
    changes = []
    for camouflage in (0., .5):
        step = 1e-4 * problem.upward * camouflaged(
            model, x_p, *both, camouflage)
        after = model.losses(model.train(x_p + step, -1.))
        changes.append((problem.upward * (after.attacker - before.attacker),
                        after.defender - before.defender))
    (harm, seen), (hidden_harm, hidden_seen) = changes
    assert harm > 0 and hidden_harm > 0
    assert hidden_seen < seen


@pytest.mark.parametrize('upward', [1., -1.])
def test_with_camouflage_errors_count_before_the_loss(upward):
    problem, x_p, y_p = own_set()
    if upward < 0:
        problem = replace(problem, y_target=problem.y_attacker)
    model = LinearModel(problem, y_p, Training('implicit'))
    hides, shows = (Defender(model, None, None, camouflage)
                    for camouflage in (.5, 0.))
    before = replace(hides.evaluate(x_p, 0.), error=.25, value=2.)
    more, as_many = (replace(before, error=error, value=1.)
                     for error in (.75, .25))
    assert hides.gain(more, before) == .5 * upward
    assert hides.gain(as_many, before) == -upward
    assert shows.gain(more, before) == -upward


@pytest.mark.parametrize('kwargs, words', [
    ({'camouflage': 1.5}, "`camouflage` must be from 0 to 1, and 0 for an "
     'attacker without rows of its own or with `quasi_newton`, got 1.5.'),
    ({'camouflage': .5, 'quasi_newton': True, 'learn_lmbda': False},
     '`camouflage` must be from 0 to 1')])
def test_bad_camouflage(kwargs, words):
    problem, x_p, y_p = own_set()
    with raises(ValueError, words):
        solve(problem, x_p, y_p, 0., **kwargs)
    zero_sum = replace(problem, x_attacker=None, y_attacker=None)
    with raises(ValueError, '`camouflage` must be from 0 to 1'):
        solve(zero_sum, x_p, y_p, 0., camouflage=.5)


@pytest.mark.parametrize('changes, words', [
    ({'y_attacker': torch.ones(3, dtype=torch.float64)}, '`y_attacker`'),
    ({'x_attacker': torch.ones(7, 2, dtype=torch.float64)}, '`x_attacker`'),
    ({'y_target': torch.ones(9, dtype=torch.float64)}, '`y_target`')])
def test_bad_rows(changes, words):
    with raises(ValueError, words):
        replace(own_set()[0], **changes)


def test_the_norms_of_camouflage_are_in_units_of_the_columns():
    """Where these are deviations: in z = x / s a gradient is that in x times
    s, and the direction goes back as a gradient does."""
    problem, x_p, y_p = own_set(preprocess=MeanStd())
    units = 10. ** torch.arange(-2., 3.).double()
    problem = replace(problem, **{name: units * rows for name, rows in
                                  problem.rows.items()})
    x_p = units * x_p
    attacker, defender = (torch.randn(
        2, *x_p.shape, generator=torch.Generator().manual_seed(0)).double())
    s = np.std(np.r_[problem.x_tr, x_p], axis=0)
    s /= np.sqrt((s ** 2).mean())
    b, a = (s * grad.numpy() for grad in (attacker, defender))
    expected = (b / np.linalg.norm(b, axis=1, keepdims=True)
                - .4 * a / np.linalg.norm(a, axis=1, keepdims=True)) / s
    found = camouflaged(LinearModel(problem, y_p, Training('implicit')), x_p,
                        attacker, defender, .4)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
