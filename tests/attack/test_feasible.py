"""What holds the points of an attack: filter, whole numbers, masks."""
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import filters
from attack_invariants import assert_same_result, assert_sound
from attack_problems import BATCHES, clouds, make, run, small
from refusals import raises

from secml_regpoison import (
    CClassifierLogisticTorch, CFeasibleInteger, CFeasibleMask,
    CFeasibleSphereSlab)
from secml_regpoison.attack import batches, valid_values
from secml_regpoison.attack.valid_values import ValidValues, hold_to_values
from secml_regpoison.core.single_moves import SingleMoves
from secml.array import CArray
from secml.data import CDataset
from secml.ml.features import CNormalizerMeanStd
from secml.ml.classifiers import CClassifierLogistic

D = 4


def outside(x, y, clean, quantile, scale=1.):
    """`filters.outside` of secml's arrays and datasets."""
    return filters.outside(*(part.tondarray() for part in (
        x, y, clean.X, clean.Y)), quantile, scale)


def test_the_cost_is_that_of_all_stages(monkeypatch):
    """Whole numbers: the points move without them first."""
    ends, solve, data = [], batches.solve, small()
    monkeypatch.setattr(batches, 'solve', lambda *args, **kwargs: (
        ends.append(solve(*args, **kwargs)), ends[-1])[1])
    attack = make(data, 2, feasible=CFeasibleInteger(), learn_lmbda=False,
                  solver_type='implicit')
    run(attack, data)
    assert len(ends) == 2
    assert attack.history[0].n_trainings == sum(
        end.n_trainings for end in ends)
    assert attack.history[0].n_hypergradients == sum(
        end.n_evaluations for end in ends)


@pytest.mark.parametrize('settings', [
    {}, {'learn_lmbda': False}, {'solver_type': 'implicit'}, BATCHES,
    {'dtype': 'float32'}, {'dmax': .3}])
def test_points_pass_the_filter(settings):
    data = small(d=D)
    attack = make(data, 8, feasible=CFeasibleSphereSlab(.7), **settings)
    result = run(attack, data)
    if 'dmax' not in settings:
        assert_sound(attack, data, result)
    for x in (result[2].X, attack.starting_points(result[2])):
        assert not outside(x, result[2].Y, data[0], .7).any()
    for x in attack.x_seq.tondarray():
        x = CArray(x.reshape(-1, D))
        assert not outside(x, result[2].Y[-x.shape[0]:], data[0], .7).any()
    # the validation rows themselves do not all pass, with their new labels
    starts = data[1].X[CArray(list(result[2].header.starts)), :]
    assert outside(starts, result[2].Y, data[0], .7).any()
    # it costs the attacker
    free = run(make(data, 8, **settings), data)
    assert outside(free[2].X, free[2].Y, data[0], .7).any()
    assert result[3] < free[3]


def test_the_filter_is_in_units_of_the_deviations_where_they_are():
    data = small(d=D)
    for part in data:
        part.X = part.X * CArray([1, 10, 100, 1000])
    clf = CClassifierLogistic(preprocess=CNormalizerMeanStd())
    attack = make(data, 6, clf, lb=None, ub=None,
                  feasible=CFeasibleSphereSlab(.7))
    poison = run(attack, data)[2]
    std = data[0].X.tondarray().std(axis=0)
    assert not outside(poison.X, poison.Y, data[0], .7, std).any()
    others = clouds(50, 9, d=D)
    attack.set('feasible', CFeasibleSphereSlab(.7, others))
    poison = run(attack, data)[2]
    std = others.X.tondarray().std(axis=0)
    assert not outside(poison.X, poison.Y, others, .7, std).any()


@pytest.mark.parametrize('more', [(), (CFeasibleSphereSlab(.9),)])
def test_whole_numbers_by_the_attack_itself(more, monkeypatch):
    """Without single moves, which by 30 steps of rmd gain for these steps."""
    for module in batches, valid_values:
        monkeypatch.setattr(module, 'SingleMoves', lambda *columns: (
            SingleMoves(*columns, n_tries=0)))
    data = small(d=D)
    for part in data:
        part.X = (6 * part.X).round()
    attack = make(data, 8, lb=0, ub=6,
                  feasible=(CFeasibleInteger((0, 1, 2, 3)), *more),
                  solver_params={'n_outer': 20, 'n_inner': 30})
    poison = run(attack, data)[2]
    x = poison.X.tondarray()
    assert_array_equal(x, np.rint(x))
    # not weaker than points that are rounded in the end
    rounded = make(data, 8, lb=0, ub=6, feasible=more or None,
                   solver_params={'n_outer': 20, 'n_inner': 30})
    free = run(rounded, data)[2]
    loss = hold_to_values(rounded, ValidValues((0, 1, 2, 3)), 0, free,
                          data[2].X)[3]
    assert attack.f_opt >= loss * (1 - 1e-6)
    if more:
        assert not outside(poison.X, poison.Y, data[0], .9).any()
    some = make(data, 8, lb=0, ub=5.5, feasible=CFeasibleInteger((1,)))
    x = run(some, data)[2].X.tondarray()
    assert (x[:, 1] == np.rint(x[:, 1])).all()
    assert (x[:, 0] != np.rint(x[:, 0])).any()


@pytest.mark.parametrize('n_outer', [30, 300])
def test_whole_numbers_end_where_no_step_leads_on(n_outer):
    """A shorter step leads to the next whole number all the same."""
    rng = np.random.default_rng(0)
    y = [np.arange(n) % 2 for n in (60, 30, 100)]
    data = [CDataset(CArray((rng.random((len(labels), 6)) < .3 + .4 * labels[
        :, None]).astype(float)), CArray(labels)) for labels in y]
    attack = make(data, 3, solver_type='implicit', feasible=CFeasibleInteger(),
                  solver_params={'n_outer': n_outer})
    run(attack, data)
    assert not attack.history[-1].verdicts.budget_hit
    assert attack.f_seq.size < 20


def test_whole_numbers_end_with_single_moves(monkeypatch):
    """Of columns of 0 and 1 all that the ascent finds may be lost by its
    projection."""
    rng = np.random.default_rng(0)
    y = [np.arange(n) % 2 for n in (60, 30, 100)]
    data = [CDataset(CArray((rng.random((len(labels), 20)) < .4 + .2 * labels[
        :, None]).astype(float)), CArray(labels)) for labels in y]
    losses = []
    for n_tries in 0, 200:
        monkeypatch.setattr(batches, 'SingleMoves', lambda columns: (
            SingleMoves(columns, n_tries=n_tries)))
        attack = make(data, 6, CClassifierLogisticTorch(lmbda=-3),
                      solver_type='implicit', feasible=CFeasibleInteger(),
                      learn_lmbda=False)
        x = run(attack, data)[2].X.tondarray()
        losses.append(attack.f_opt)
        assert set(np.unique(x)) == {0, 1}
    assert losses[1] > 1.1 * losses[0]


@pytest.mark.parametrize('seed', [0, 3, 10, 16])
def test_refused_only_where_no_whole_number_passes_the_filter(seed):
    data = [clouds(60, seed + 100 * k, d=2) for k in range(3)]
    for part in data:
        part.X = 4 * part.X
    grid = CArray([[float(i), float(j)] for i in range(5) for j in range(5)])
    passing = [~outside(grid, CArray.zeros(25) + label, data[0], .3)
               for label in (0, 1)]
    attack = make(data, 4, lb=0., ub=4., solver_params={'n_outer': 3},
                  feasible=(CFeasibleInteger(), CFeasibleSphereSlab(.3)))
    if not all(some.any() for some in passing):
        assert seed == 0
        with raises(ValueError, 'leave each point a place'):
            run(attack, data)
        return
    poison = run(attack, data)[2]
    assert not outside(poison.X, poison.Y, data[0], .3).any()
    assert_array_equal(*(x.tondarray() for x in (poison.X, poison.X.round())))


@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_masks(learn_lmbda):
    data = small(d=D)
    attack = make(data, 8, learn_lmbda=learn_lmbda,
                  feasible=CFeasibleMask(fixed=(0,), increasing=(1, 2)))
    poison = run(attack, data)[2]
    move = poison.X.tondarray() - attack.starting_points(poison).tondarray()
    assert (move[:, 0] == 0).all() and (move[:, 1:3] >= 0).all()
    assert (move[:, 1:3] > 0).any() and (move[:, 1:3] == 0).any()


WHOLE, PASSING = CFeasibleInteger(), CFeasibleSphereSlab(.5)
MASK = CFeasibleMask(increasing=(0,))


@pytest.mark.parametrize('distance, feasible', [
    ('l1', ()), ('l1', (WHOLE, MASK)), ('l2', ()), ('l2', (PASSING,)),
    ('l2', (WHOLE, MASK)), ('l2', (WHOLE, PASSING)), ('l2', (MASK, PASSING)),
    ('l2', (WHOLE, MASK, PASSING))])
def test_dmax_is_from_the_starting_points(distance, feasible):
    """Validation rows beyond the box too."""
    data = small(d=D)
    for part in data:
        part.X = (20 * part.X).round()
    attack = make(data, 6, lb=4, ub=16, dmax=2.5, distance=distance,
                  feasible=feasible or None,
                  solver_params={'n_outer': 4, 'n_inner': 20})
    poison = run(attack, data)[2]
    start = attack.starting_points(poison).tondarray()
    drawn = attack._rnd_init_poisoning_points()[0].tondarray()
    assert_array_equal(drawn, start)
    move = np.linalg.norm(poison.X.tondarray() - start, axis=1,
                          ord=int(distance[1]))
    assert (move <= 2.5 * (1 + 1e-9)).all() and (move > 1).any()
    if WHOLE not in feasible:  # else the path begins at rounded points
        assert_allclose(attack.x_seq.tondarray()[0], start.ravel(), atol=1e-9)


def test_the_set_belongs_to_checkpoint_copies_and_continuation(tmp_path):
    data = small(d=D)

    def attack(quantile=.8, **kwargs):
        return make(data, 8, feasible=CFeasibleSphereSlab(quantile, data[0]),
                    **kwargs)
    path = tmp_path / 'checkpoint'
    expected = run(attack(), data, checkpoint=path)
    again = pickle.loads(pickle.dumps(attack()))
    assert_same_result(run(again, data, checkpoint=path), expected)
    with pytest.raises(ValueError, match='feasible is CFeasibleSphereSlab .*'
                       'there and CFeasibleSphereSlab'):
        run(attack(.9), data, checkpoint=path)
    # points of another set are not kept
    other = run(attack(.5), data, ds_init=expected[2])
    assert_same_result(other, run(attack(.5), data))
    foreign = CDataset(data[1].X[:8, :], 1 - data[1].Y[:8])
    with raises(ValueError, 'ds_init.X', 'inside the set `feasible`, got'):
        run(attack(.5), data, ds_init=foreign)


@pytest.mark.parametrize('feasible, error, words', [
    ('sphere', TypeError, "None, one of ['CFeasibleSphereSlab', "),
    ([CFeasibleMask(), CFeasibleMask()], ValueError, 'at most one of each'),
    (CFeasibleSphereSlab(0.), ValueError, 'above 0 and at most 1, got 0.0'),
    (CFeasibleSphereSlab('all'), TypeError, 'got str'),
    (CFeasibleSphereSlab(.9, clouds(9, 0, d=3)), ValueError, '4 features'),
    (CFeasibleInteger((4,)), ValueError, 'numbers from 0 to 3, got (4,)'),
    (CFeasibleInteger(2), TypeError, 'a sequence of columns, got int'),
    (CFeasibleMask(fixed=(.5,)), ValueError, 'from 0 to 3, got (0.5,)'),
    (CFeasibleMask(increasing=(-1,)), ValueError, 'got (-1,)'),
    # a mask, whose values are no columns
    (CFeasibleMask(fixed=[True, False]), ValueError, 'got [True, False]'),
    (CFeasibleMask(increasing=[False]), ValueError, 'got [False]'),
    (CFeasibleInteger((True, False)), ValueError, 'got (True, False)')])
def test_bad_sets_are_refused(feasible, error, words):
    with pytest.raises(error) as caught:
        make(small(d=D), 4, feasible=feasible)
    assert words in str(caught.value)


def test_ball_and_filter_need_l2_and_room():
    data = small(d=D)
    with raises(ValueError, 'distance', "'l2' where `dmax` and a CFeas"):
        make(data, 4, feasible=CFeasibleSphereSlab(), dmax=1, distance='l1')
    with raises(ValueError, 'feasible', 'leave each point a place, got none'):
        run(make(data, 8, feasible=(CFeasibleSphereSlab(.3),
                                    CFeasibleMask(fixed=range(D)))), data)
    near = make(data, 8, feasible=CFeasibleSphereSlab(.3), dmax=.01)
    poison = run(near, data)[2]
    move = poison.X.tondarray() - near.starting_points(poison).tondarray()
    length = np.linalg.norm(move, axis=1)
    assert (length <= .01 + 1e-9).all() and (length > 0).all()
