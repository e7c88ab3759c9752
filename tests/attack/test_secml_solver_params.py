"""The solver_params of secml's own attacks mean what they mean there."""
import pytest

from attack_problems import digits, make, run, small
from secml_regpoison.attack.settings import outer_steps

# Those of secml's tutorial 05.
TUTORIAL = {'eta': .05, 'eta_min': .05, 'eta_max': None, 'max_iter': 100,
            'eps': 1e-6}
INF = float('inf')


@pytest.mark.parametrize('given, expected', [
    (TUTORIAL, {'step': .05, 'min_step': .05, 'max_step': INF,
                'n_outer': 100, 'tol': 0., 'atol': 1e-6}),
    ({'eta': .1}, {'step': .1, 'min_step': .1, 'max_step': INF}),
    ({'eta': .5, 'eta_min': 2.}, {'step': 2., 'min_step': .5,
                                  'max_step': INF}),
    ({'eta_max': .3}, {'step': None, 'min_step': 0., 'max_step': .3}),
    ({'eta': .5, 'eta_max': .3}, {'step': .5, 'min_step': .5,
                                  'max_step': .5}),
    ({'eta_min': .2, 'n_outer': 3, 'tol': .1},
     {'step': .2, 'min_step': 0., 'max_step': INF, 'n_outer': 3, 'tol': .1}),
    ({}, {'step': None, 'min_step': 0., 'max_step': INF})])
def test_each_name_has_its_meaning(given, expected):
    """eta is the least step, eta_min the first, eta_max the greatest."""
    attack = make(small(), 2, solver_params=given)
    assert outer_steps(attack) == expected


def lengths(attack):
    """Greatest move of a point in each step from the best iterate so far."""
    n_points, best, moves = attack.n_points, 0, []
    path = attack.x_seq.tondarray().reshape(-1, n_points, 2)
    losses = attack.f_seq.tolist()
    for k in range(1, len(path)):
        moves.append(((path[k] - path[best]) ** 2).sum(1).max() ** .5)
        best = k if losses[k] > losses[best] else best
    return moves


def test_steps_keep_to_their_bounds():
    """Of one point in a wide box: nothing shortens a step."""
    data = small()
    attack = make(data, 1, lb=-50, ub=50, y_poison=1, learn_lmbda=False,
                  solver_params={'eta': .04, 'eta_min': .1, 'eta_max': .12,
                                 'max_iter': 30, 'eps': 0})
    run(attack, data)
    moves = lengths(attack)
    assert moves[0] == pytest.approx(.1)
    assert max(moves) == pytest.approx(.12)
    assert min(moves) > .04 - 1e-9
    assert len(moves) <= 30


def test_a_least_step_that_gains_nothing_ends_the_attack():
    data = small()
    attack = make(data, 3, solver_params={'eta': .3, 'max_iter': 500,
                                          'patience': 500})
    run(attack, data)
    assert attack.f_seq.size < 200
    assert not attack.history[-1].verdicts.budget_hit


@pytest.mark.parametrize('learn_lmbda', [True, False])
@pytest.mark.parametrize('params', [
    TUTORIAL, {'step': 1e-5}, {'eta_min': 1e-5}, {'eta': 1e-8},
    {'eta': 1e-3, 'max_iter': 1000, 'eps': 1e-4}])  # secml's own defaults
def test_a_short_first_step_grows(params, learn_lmbda):
    """The attack is as strong as with steps of its own."""
    data = small()
    found, usual = (run(make(
        data, 3, solver_params=given, learn_lmbda=learn_lmbda), data)[3]
        for given in (params, {}))
    assert found > .99 * usual


@pytest.mark.parametrize('step', [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_a_step_that_gains_less_than_rounding_grows(dtype, learn_lmbda, step):
    """Or less than the tolerance of the defender's answer, which is coarse
    where lambda is learned."""
    data = digits()
    found, usual = (
        run(make(data, 4, solver_type='implicit', dtype=dtype,
                 learn_lmbda=learn_lmbda, solver_params=given), data)[3]
        for given in ({'step': step}, {}))
    assert found > .99 * usual


def test_l_bfgs_b_with_a_short_step_and_no_patience():
    data = digits()
    found, usual = (run(make(
        data, 4, solver_type='implicit', learn_lmbda=False,
        solver_params={'patience': 1, **given}), data)[3]
        for given in ({'step': 1e-4}, {}))
    assert found > .99 * usual


@pytest.mark.parametrize('step', [100., 1e6])
def test_a_long_first_step_shrinks(step):
    data = digits()
    found, usual = (run(make(data, 4, solver_params=given), data)[3]
                    for given in ({'step': step}, {}))
    assert found > .99 * usual


@pytest.mark.parametrize('params', [
    {'eta': 50.}, {'eta_max': 1e-4}, {'eta_max': 1e-4, 'eps': 1e-4}])
def test_bounds_of_the_steps_that_end_the_attack_are_said(params):
    data = small()
    attack = make(data, 3, solver_params=params)
    assert run(attack, data)[3] < .9 * run(make(data, 3), data)[3]
    assert attack.history[-1].verdicts.budget_hit


def test_eps_is_an_absolute_gain():
    """With an eps above all losses no step counts, but for those on the way
    from a short first one."""
    data = small()
    attack = make(data, 3, solver_params={'eta': 1., 'eps': 1e9,
                                          'patience': 2, 'max_iter': 50})
    run(attack, data)
    assert attack.f_seq.size <= 6


@pytest.mark.parametrize('one, other', [
    ('max_iter', 'n_outer'), ('eta_min', 'step'), ('eps', 'tol')])
def test_two_names_of_one_setting_are_refused(one, other):
    with pytest.raises(ValueError, match=f"without '{other}' where secml's "
                       f"'{one}' is given"):
        make(small(), 2, solver_params={one: 1, other: 1})
