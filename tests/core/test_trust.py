"""The core's model of learned trust."""
import math
from collections import Counter
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core_problems import clouds, compare, make
from refusals import raises
from secml_regpoison.core import hypergradient, solve
from secml_regpoison.core.linalg import SingularHessian, singular
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Logistic
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.solvers import Training
from secml_regpoison.core.trust import TrustModel, trusted_alone
from secml_regpoison.core.trust_defender import TrustDefender
from secml_regpoison.core.trusted_alone import Alone
from secml_regpoison.core.weighted_model import WeightedModel

FOLDS = tuple(torch.arange(9)[k::3] for k in range(3))
ETA = .1
T = 30


def model_of(method, log_s=-1., **kwargs):
    problem, x_p, y_p = make(**kwargs)
    training = Training(method, n_inner=T, eta=ETA, momentum=.5,
                        inner_tol=1e-12)
    return TrustModel(problem, y_p, training, folds=FOLDS, log_s=log_s), x_p


def with_own_rows(model):
    """The same, where the attacker knows the training rows."""
    problem = model.problem
    return replace(model, problem=replace(
        problem, x_attacker=problem.x_tr, y_attacker=problem.y_tr))


def loss_by_autograd(model, x_p, lmbda, log_s):
    """A of the issue's formulas, by T unrolled steps a fold."""
    problem = model.problem
    x = torch.cat([problem.x_val, problem.x_tr, x_p])
    y = torch.cat([problem.y_val, problem.y_tr, model.y_p])
    m, n, total = len(problem.x_val), len(y), 0.
    for fold in FOLDS:
        c = torch.cat([torch.ones(m, dtype=x.dtype),
                       log_s.exp().expand(n - m)])
        c = c * torch.ones(n, dtype=x.dtype).index_fill(0, fold, 0.)
        w, b = torch.zeros(x.shape[1], dtype=x.dtype), torch.zeros(
            (), dtype=x.dtype)
        vel_w, vel_b = torch.zeros_like(w), torch.zeros_like(b)
        for _ in range(T):
            r = -y * c * torch.sigmoid(-y * (x @ w + b)) / n
            vel_w = .5 * vel_w - ETA * (x.T @ r + lmbda.exp() / n * w)
            vel_b = .5 * vel_b - ETA * r.sum()
            w, b = w + vel_w, b + vel_b
        total = total + torch.nn.functional.softplus(
            -problem.y_val[fold] * (problem.x_val[fold] @ w + b)).sum()
    return total / m


@pytest.mark.parametrize('form', ['primal', 'gram'])
def test_rmd_is_autograd_through_the_unroll(form):
    model, x_p = model_of('rmd')
    model = TrustModel(model.problem, model.y_p, Training(
        'rmd', n_inner=T, eta=ETA, momentum=.5, form=form), folds=FOLDS)
    leaves = [x_p.clone().requires_grad_(),
              torch.tensor(.3, dtype=x_p.dtype, requires_grad=True),
              torch.tensor(-1., dtype=x_p.dtype, requires_grad=True)]
    value = loss_by_autograd(model, *leaves)
    expected = torch.autograd.grad(value, leaves)
    trained = model.train(x_p, .3, None, -1.)
    found = model.defender_hypergradient(trained)
    _, grad_lmbda, grad_log_s = model.grad_lmbda_log_s(trained)
    assert grad_lmbda == found.grad_lmbda
    compare(found.value, value.detach(), 1e-12)
    for got, right in zip(found[1:], expected):
        compare(got, right, 1e-10)


@pytest.mark.parametrize('preprocess', [None, MeanStd()])
def test_implicit_is_the_central_difference(preprocess):
    model, x_p = model_of('implicit', preprocess=preprocess)
    trained = model.train(x_p, .3, None, -1.)
    found = model.defender_hypergradient(trained)
    _, grad_lmbda, grad_log_s = model.grad_lmbda_log_s(trained)
    assert grad_lmbda == found.grad_lmbda

    def value(x, lmbda, log_s):
        return model.losses(model.train(x, lmbda, None, log_s)).defender
    along = torch.linspace(-1, 1, x_p.numel(), dtype=x_p.dtype).reshape(
        x_p.shape)
    for got, move in (((found.grad_x_p * along).sum(), (along, 0., 0.)),
                      (found.grad_lmbda, (0. * along, 1., 0.)),
                      (grad_log_s, (0. * along, 0., 1.))):
        ahead, behind = (value(x_p + t * move[0], .3 + t * move[1],
                               -1. + t * move[2]) for t in (1e-5, -1e-5))
        compare(got, (ahead - behind) / 2e-5, 1e-6)


def test_without_trust_it_is_the_classifier_of_the_trusted_rows():
    model, x_p = model_of('implicit', -math.inf)
    trained = model.train(x_p, .3)
    problem = model.problem
    alone = LinearModel(
        type(problem)(problem.x_val, problem.y_val, problem.x_val,
                      problem.y_val), problem.y_val[:0],
        Training('implicit', inner_tol=1e-12)).train(problem.x_val[:0], .3)
    compare(trained.w, alone.w, 1e-9)
    compare(trained.b, alone.b, 1e-9)
    assert not model.defender_hypergradient(trained).grad_x_p.any()
    assert not model.grad_lmbda_log_s(trained)[-1]


def test_with_full_trust_it_is_trained_on_all_rows():
    model, x_p = model_of('implicit', 0.)
    problem = model.problem
    every = LinearModel(type(problem)(
        torch.cat([problem.x_val, problem.x_tr]),
        torch.cat([problem.y_val, problem.y_tr]), problem.x_val,
        problem.y_val), model.y_p, Training('implicit', inner_tol=1e-12))
    compare(model.train(x_p, .3).w, every.train(x_p, .3).w, 1e-9)


@pytest.mark.parametrize('camouflage', [0., .5])
def test_the_answer_is_never_above_that_of_the_trusted_rows(camouflage):
    problem, x_p, y_p = make(n=30, m=9, p=6)
    own = {} if not camouflage else {'x_attacker': problem.x_tr,
                                     'y_attacker': problem.y_tr}
    problem = type(problem)(problem.x_tr, problem.y_tr, problem.x_val,
                            problem.y_val, **own)
    alone = trusted_alone(problem, FOLDS, Logistic(), 0., (-4., 4.))
    seen = []
    found = solve(problem, x_p, y_p, 0., -3., 3., n_outer=5,
                  lmbda_bounds=(-4., 4.), method='implicit',
                  camouflage=camouflage, callback=seen.append,
                  model=lambda *args: TrustModel(*args, folds=FOLDS))
    for here in seen:
        assert here.loss <= float(alone.row_losses.mean()) * (1 + 1e-9)
        assert here.log_s == -math.inf or (
            -8 <= here.log_s <= 0 and here.lmbda >= -2)
    assert found.log_s in [here.log_s for here in seen]


def test_a_lambda_without_an_answer_is_not_that_of_the_trusted_rows(
        monkeypatch):
    problem, (train, least) = make(n=30, m=9, p=6)[0], (LinearModel.train, 1.)
    expected = trusted_alone(problem, FOLDS, Logistic(), 0., (least, 4.))

    def fails(model, x_p, lmbda, start=None):
        if lmbda < least:
            raise singular(x_p.dtype)
        return train(model, x_p, lmbda, start)
    monkeypatch.setattr(LinearModel, 'train', fails)
    found = trusted_alone(problem, FOLDS, Logistic(), 0., (-4., 4.))
    assert found.lmbda == expected.lmbda
    assert torch.equal(found.row_losses, expected.row_losses)
    least = 5.
    with raises(SingularHessian, 'Hessian is singular'):
        trusted_alone(problem, FOLDS, Logistic(), 0., (-4., 4.))


def test_the_grid_of_lambda_and_trust_leaves_out_what_has_no_answer(
        monkeypatch):
    (model, x_p), (train, least) = model_of('implicit'), (TrustModel.train, 1.)

    def fails(model, x_p, lmbda, start=None, log_s=None):
        if lmbda < least:
            raise singular(x_p.dtype)
        return train(model, x_p, lmbda, start, log_s)
    monkeypatch.setattr(TrustModel, 'train', fails)
    defender = TrustDefender(model, (-4., 4.), None)
    assert defender._grid_search(x_p)[0] >= least
    least = 5.
    with raises(SingularHessian, 'Hessian is singular'):
        defender._grid_search(x_p)


def test_rows_that_change_nothing_are_not_counted():
    """The trusted rows alone do as well: then s is 0."""
    model, x_p = model_of('implicit')
    alone = model.train(x_p, .3, None, -math.inf)
    answer = Alone(.3, model.row_losses(alone))
    assert not model.is_better(alone, answer)
    assert model.is_better(alone, Alone(.3, answer.row_losses + 1e-3))


def test_the_margin_is_in_standard_errors_of_the_gain():
    """Gains 0, ..., 8: the mean is 4, its standard error sqrt(7.5 / 9)."""
    model, x_p = model_of('implicit')
    trained = model.train(x_p, .3)
    gain = torch.arange(9., dtype=x_p.dtype)
    alone = Alone(.3, model.row_losses(trained) + gain)
    assert replace(model, margin=4.38).is_better(trained, alone)
    assert not replace(model, margin=4.39).is_better(trained, alone)


def test_folds_count_by_their_rows():
    model, x_p = model_of('implicit')
    model = replace(model, folds=torch.arange(9).split([2, 7]))
    trained = model.train(x_p, .3)
    row_losses, losses = model.row_losses(trained), model.losses(trained)
    assert losses.defender == pytest.approx(float(row_losses.mean()))
    n_wrong = int((row_losses > math.log(2)).sum())
    assert 0 < n_wrong < 9
    assert losses.attacker_error == pytest.approx(n_wrong / 9)


def test_the_value_is_that_of_an_attacker_with_own_rows():
    model, x_p = model_of('implicit')
    model = with_own_rows(model)
    trained = model.train(x_p, .3)
    losses = model.losses(trained)
    assert abs(losses.attacker - losses.defender) > .01
    assert float(model.hypergradient(trained).value) == pytest.approx(
        losses.attacker)
    here = TrustDefender(model, None, None, 0.).best_response(x_p, .3)
    assert (here.value, here.loss) == pytest.approx(
        (losses.attacker, losses.defender))


def test_at_no_trust_the_same_points_are_not_trained_on_again():
    """No loss is below 0, that of the trusted rows here."""
    model, x_p = model_of('implicit')
    defender = TrustDefender(replace(model, alone=Alone(
        .3, x_p.new_zeros(9))), (0., 1.), None, 0.)
    here = defender.best_response(x_p, 0.)
    n_trainings = defender.n_trainings
    assert here.log_s == -math.inf and defender.best_response(x_p, 0.) is here
    assert defender.n_trainings == n_trainings


def test_an_answer_on_the_grid_that_is_only_equal_is_not_taken():
    model, x_p = model_of('implicit')
    defender = TrustDefender(replace(model, alone=Alone(
        .3, x_p.new_ones(9))), (0., 1.), None, 0.)
    here = defender.best_response(x_p, 0.)
    assert here.log_s > -8.  # the untrusted rows count
    assert defender.global_best_response(here) is here


@pytest.mark.parametrize('seed', [17, 27])
def test_the_answer_is_the_best_of_a_grid(seed):
    """The search leaves a bound where the loss falls away from it: else 0.5
    to 1 % more loss, of one s or of lambda."""
    problem = clouds(seed, n=40, m=9)
    x_p, y_p = problem.x_val[:4], -problem.y_val[:4]
    found = solve(problem, x_p, y_p, 0., lmbda_bounds=(-4., 4.), n_outer=0,
                  method='implicit', model=partial(TrustModel, folds=FOLDS))
    model = TrustModel(problem, y_p, Training('implicit'), folds=FOLDS)
    losses = [model.losses(model.train(x_p, lmbda, None, log_s)).defender
              for lmbda in np.arange(-2., 2.1, .5)
              for log_s in np.arange(-8., .1)]
    assert found.value < 1.001 * min(losses)


@pytest.mark.parametrize('bounds, of_lmbda', [
    ((-8., 1.), (-2., 1.)), ((-1., 1.), (-1., 1.)), ((-8., -4.), (-4., -4.))])
def test_a_tiny_lambda_has_no_weight_of_untrusted_rows(bounds, of_lmbda):
    """Unless the bounds allow no other."""
    defender = TrustDefender(model_of('implicit')[0], bounds, None, 0.)
    assert defender._bounds().tolist() == [[*of_lmbda], [-8., 0.]]


def test_who_is_hidden_is_ahead_of_who_is_seen():
    """Below half the loss of the trusted rows alone."""
    model, _ = model_of('implicit')
    defender = TrustDefender(replace(model, alone=Alone(
        .3, torch.full((9,), .5))), (-4., 4.), None, .5)
    seen, hidden = (SimpleNamespace(untrusted_loss=loss) for loss in (.3, .2))
    assert defender.gain(hidden, seen) == 1
    assert defender.gain(seen, hidden) == -1


def test_with_full_camouflage_whoever_is_seen_less_is_ahead():
    """The defender's loss at which one counts as hidden is then 1 % of that
    of the trusted rows alone, not 0."""
    model, _ = model_of('implicit')
    defender = TrustDefender(replace(model, alone=Alone(
        .3, torch.full((9,), .5))), (-4., 4.), None, 1.)
    seen, less = (SimpleNamespace(untrusted_loss=loss) for loss in (.3, .2))
    assert defender.gain(less, seen) == pytest.approx(.1 / .005)
    assert defender.gain(seen, less) == pytest.approx(-.1 / .005)


def test_bad_settings():
    problem, _, y_p = make()
    with raises(ValueError, '`method` must be one of'):
        TrustModel(problem, y_p, Training('fmd'), folds=FOLDS)
    with raises(ValueError, '`folds` must be two or more'):
        TrustModel(problem, y_p, Training('rmd'))


@pytest.mark.filterwarnings('ignore:Sparse CSR tensor support')
@pytest.mark.parametrize('name', ['x_tr', 'x_val', 'x_attacker'])
def test_rows_that_are_joined_must_be_dense(name):
    """Those of an attacker are not joined: sparse ones have the numbers of
    dense ones."""
    problem, x_p, y_p = make()
    dense = replace(problem, x_attacker=problem.x_tr, y_attacker=problem.y_tr)
    sparse = replace(dense, **{name: getattr(dense, name).to_sparse_csr()})
    model = partial(TrustModel, folds=FOLDS, log_s=-1.)
    if name != 'x_attacker':
        with raises(ValueError, f'`{name}` must be dense where trust is lear',
                    f'`{name}.to_dense()`'):
            hypergradient(sparse, x_p, y_p, 0., method='implicit', model=model)
        return
    found, expected = (hypergradient(
        part, x_p, y_p, 0., method='implicit', model=model)
        for part in (sparse, dense))
    compare(found.grad_x_p, expected.grad_x_p, 1e-12)
    compare(found.value, expected.value, 1e-12)


def test_equal_bounds_of_lambda_are_no_grid(monkeypatch):
    """At each s of the grid one training, and one more where it is best."""
    seen, train = [], TrustModel.train
    monkeypatch.setattr(
        TrustModel, 'train', lambda self, x_p, lmbda, start=None, log_s=None:
        seen.append((lmbda, log_s)) or train(self, x_p, lmbda, start, log_s))
    problem, x_p, y_p = make()
    found = solve(problem, x_p, y_p, 0., lmbda_bounds=(.5, .5), n_outer=0,
                  method='implicit', model=partial(TrustModel, folds=FOLDS))
    assert found.lmbda == .5
    assert max(Counter(one for one in seen if one[1]).values()) <= 2


def test_an_answer_far_above_the_best_of_the_grid_is_left():
    """The best of the grid by brute force, in lambda and log s."""
    model, x_p = model_of('implicit')
    defender = TrustDefender(replace(model, alone=Alone(
        .3, x_p.new_ones(9))), (-2., 4.), None, 0.)
    losses = {(lmbda, log_s): model.losses(model.train(
        x_p, lmbda, None, log_s)).defender
        for lmbda in np.arange(-2., 4.1) for log_s in np.arange(-8., .1, 2.)}
    worst = max(losses, key=losses.get)
    defender.model = replace(defender.model, log_s=float(worst[1]))
    here = defender.evaluate(x_p, float(worst[0]))
    assert here.loss == pytest.approx(losses[worst])
    found = defender.global_best_response(here)
    assert found.loss < 1.001 * min(losses.values()) < .99 * here.loss
    assert defender.lmbda_seq == [found.lmbda]


def test_the_losses_of_rows_are_the_defenders():
    """Not those of the attacker's own rows."""
    problem, x_p, y_p = make()
    problem = replace(problem, x_attacker=problem.x_tr,
                      y_attacker=problem.y_tr)
    model = WeightedModel(problem, y_p, Training('implicit'),
                          weights=torch.ones(15).double())
    trained = model.train(x_p, .3)
    compare(model.row_losses(trained), torch.nn.functional.softplus(
        -problem.y_val * (problem.x_val @ trained.w + trained.b)), 1e-12)
