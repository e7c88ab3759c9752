"""The plane of one poisoning point, read back from the axes."""
import math

import numpy as np
import pytest

from attack_problems import make, run, small
from figures import assert_outside
from secml.adv.attacks import CAttackPoisoningLogisticRegression
from secml.array import CArray
from secml.data import CDataset
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierLogistic
from secml_regpoison import CClassifierLogisticTorch, CFeasibleSphereSlab
from secml_regpoison.figure.poisoning_map import (
    _draw_training_points, _margins)

DATA = small()
PARAMS = {'n_outer': 12, 'n_inner': 15}


def _attacked(**kwargs):
    """An attack of one point after `run`; the box is [0, 1] x [-1, 2]."""
    kwargs = {'lb': CArray([0, -1]), 'ub': CArray([1, 2]),
              'solver_params': PARAMS, **kwargs}
    attack = make(DATA, **kwargs)
    run(attack, DATA, 1)
    return attack


def _map(fig):
    """Values and places of the squares."""
    mesh = fig.sp._sp.collections[0]
    return np.asarray(mesh.get_array())


def _line(fig, name):
    """Data of the line whose label starts with `name`."""
    line, = [line for line in fig.sp.get_lines()
             if line.get_label().startswith(name)]
    return np.asarray(line.get_xydata())


def test_the_error_at_each_place_of_the_box(fig):
    attack = _attacked(learn_lmbda=False)
    fig.sp.plot_poisoning_map(attack, n_grid_points=np.int64(3), vmin=0,
                              vmax=50)
    places = np.array([[(x, y) for x in (0, .5, 1)] for y in (-1, .5, 2)])
    expected = [[100 * attack.objective_function(CArray(place), acc=True)
                 for place in row] for row in places]
    np.testing.assert_array_equal(_map(fig), expected)
    assert len(np.unique(expected)) > 2
    assert fig.sp._sp.collections[0].get_clim() == (0, 50)
    assert fig._fig.axes[1].get_ylabel() == 'Validation error (%)'
    assert set(map(tuple, _line(fig, 'box'))) == {
        (x, y) for x in (0, 1) for y in (-1, 2)}


@pytest.mark.parametrize('y_target, has_own, label', [
    (None, True, "Error on the attacker's rows (%)"),
    (1, False, 'Validation rows not classified as 1 (%)'),
    (0, True, "Attacker's rows not classified as 0 (%)")])
def test_the_bar_names_what_the_attacker_counts(fig, y_target, has_own, label):
    own = DATA[2] if has_own else None
    attack = _attacked(learn_lmbda=False, y_target=y_target, attacker_set=own,
                       clf=CClassifierLogisticTorch(), solver_type='implicit')
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    assert fig._fig.axes[1].get_ylabel() == label
    rows = own or DATA[1]
    poison = CDataset(CArray([[0., -1]]), attack.yc)
    y_pred = attack.poisoned_classifier(poison).predict(rows.X)
    y = rows.Y if y_target is None else y_target
    assert _map(fig).ravel()[0] == pytest.approx(100 * (y_pred != y).mean())


def test_the_error_is_the_share_of_wrong_validation_points():
    attack = _attacked(learn_lmbda=False, solver_type='implicit',
                       clf=CClassifierLogistic(C=.1))
    error = attack.objective_function(attack.xc, acc=True)
    y_pred = run(attack, (*DATA[:2], DATA[1]), 1)[0]
    # liblinear penalises the bias: a point near the boundary may differ
    assert abs(error - (y_pred != DATA[1].Y).mean()) <= 1.1 / 24


def test_the_lambda_at_each_place_is_a_minimum(fig):
    attack = _attacked(solver_type='implicit')
    fig.sp.plot_poisoning_map(attack, value='lmbda', n_grid_points=2)
    assert 'lambda' in fig._fig.axes[1].get_ylabel()
    for y, row in zip((-1, 2), _map(fig)):
        for x, lmbda in zip((0, 1), row):
            losses = [_loss_at(attack, [x, y], value)
                      for value in (*np.arange(-8, 11.6, .5), lmbda)]
            assert losses[-1] <= min(losses) * (1 + 2e-3)


def _loss_at(attack, place, lmbda):
    """Validation loss with the point at `place`, by a fixed-lambda attack."""
    fixed = make(DATA, learn_lmbda=False, solver_type='implicit',
                 clf=CClassifierLogistic(C=math.exp(-lmbda)))
    fixed.xc, fixed.yc = attack.xc, attack.yc
    return fixed.objective_function(CArray(place))


@pytest.mark.parametrize('y_target', [None, 1])
def test_the_path_leads_uphill_from_the_start_to_the_point(fig, y_target):
    attack = _attacked(learn_lmbda=False, y_target=y_target)
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    path = _line(fig, 'path')
    assert len(path) >= 3
    np.testing.assert_array_equal(path[0], attack.x_seq.tondarray()[0])
    np.testing.assert_array_equal(_line(fig, 'poisoning point, start')[0],
                                  path[0])
    np.testing.assert_array_equal(path[-1], attack.xc.tondarray()[0])
    label = attack.yc[0].item()
    np.testing.assert_array_equal(
        _line(fig, f'poisoning point, label {label}')[0], path[-1])
    losses = [attack.objective_function(CArray(place)) for place in path]
    assert (np.diff(losses) * (1 if y_target is None else -1) > 0).all()


def test_a_point_set_by_hand_has_no_path(fig):
    attack = _attacked(learn_lmbda=False)
    attack.xc = CArray([[.5, .5]])
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    assert not [line for line in fig.sp.get_lines()
                if line.get_label().startswith('path')]
    np.testing.assert_array_equal(_line(fig, 'poisoning point, label')[0],
                                  [.5, .5])


def test_an_older_batch_of_a_checkpoint_has_no_path(fig, tmp_path):
    """The file keeps the start of its path alone."""
    path = tmp_path / 'a'
    attack = make(DATA, solver_type='implicit', solver_params={'n_outer': 3})
    _, _, point, _ = run(attack, DATA, 1, checkpoint=path)
    run(attack, DATA, 2, checkpoint=path, ds_init=point)
    run(attack, DATA, 1, checkpoint=path)
    assert attack.x_seq.shape == (1, 2) and attack.f_seq.size > 1
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    assert not [line for line in fig.sp.get_lines()
                if line.get_label().startswith('path')]
    np.testing.assert_array_equal(_line(fig, 'poisoning point, label')[0],
                                  point.X.tondarray()[0])


@pytest.mark.parametrize('poison_mode', ['append', 'replace'])
def test_the_boundaries_are_those_of_the_retrained_classifier(
        fig, poison_mode):
    attack = _attacked(poison_mode=poison_mode)
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    adv_ds = run(attack, DATA, 1)[2]
    contours = [collection for collection in fig.sp._sp.collections
                if hasattr(collection, 'levels')]
    assert len(contours) == 2
    for contour, data in zip(contours, (attack.training_data,
                                        attack.poisoned_data(adv_ds))):
        clf = CClassifierLogistic(C=math.exp(-attack.lmbda))
        clf.fit(data.X, data.Y)
        places = np.concatenate(
            [path.vertices for path in contour.get_paths()])
        scores = clf.decision_function(CArray(places), y=1).tondarray()
        assert len(scores) > 10 and np.abs(scores).max() < 1e-6


def test_a_margin_is_over_the_next_class():
    """And each edge between two classes is that of one of them alone."""
    scores = np.array([[3., 1., 0.], [0., 2., 5.]])
    np.testing.assert_array_equal(
        [*_margins(scores)], [[2, -5], [np.nan, -3]])
    assert [margin.tolist() for margin in _margins(scores[:, :2])] == [[2, -2]]


def test_six_classes_look_different(fig):
    x = np.random.default_rng(0).random((60, 2))
    data = CDataset(x, np.arange(60) % 6)
    _draw_training_points(fig.sp, data)
    looks = {(*cloud.get_facecolors()[0], len(cloud.get_paths()[0].vertices),
              *cloud.get_paths()[0].vertices.ravel())
             for cloud in fig.sp._sp.collections}
    assert len(looks) == 6


def test_training_points_differ_in_marker_too(fig):
    attack = _attacked()
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    clouds = {collection.get_label(): collection
              for collection in fig.sp._sp.collections}
    tr = attack.training_data
    shapes = []
    for label in (0, 1):
        cloud = clouds[f'training point, label {label}']
        np.testing.assert_array_equal(
            cloud.get_offsets(), tr.X[tr.Y == label, :].tondarray())
        shapes.append(len(cloud.get_paths()[0].vertices))
    assert shapes[0] != shapes[1]


@pytest.mark.parametrize('height, fontsize', [(4, 8), (8, 16)])
def test_the_legend_hides_nothing_and_can_be_left_out(height, fontsize):
    attack, fig = _attacked(), CFigure(height=height, fontsize=fontsize)
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    texts = [text.get_text() for text in fig.sp.get_legend().get_texts()]
    assert len(texts) == 8
    assert r'boundary without it, same $\lambda$' in texts
    assert_outside(fig, fig.sp.get_legend())
    fig.sp.get_legend().remove()
    fig.sp.show_legend = False
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    assert fig.sp.get_legend() is None
    fig.close()


def test_an_open_box_is_that_of_the_training_points(fig):
    attack = make(DATA, lb=None, ub='x0', learn_lmbda=False)
    attack.xc, attack.yc = CArray([[.5, .5]]), CArray([1])
    fig.sp.plot_poisoning_map(attack, n_grid_points=2)
    box = _line(fig, 'box')
    x = attack.training_data.X
    np.testing.assert_array_equal(box.min(axis=0),
                                  x.min(axis=0).tondarray().ravel())
    np.testing.assert_array_equal(box.max(axis=0),
                                  x.max(axis=0).tondarray().ravel())


@pytest.mark.parametrize('settings, words', [
    ({}, 'box of the point'),
    ({'dmax': .2}, 'box of the point; its set is smaller'),
    ({'feasible': CFeasibleSphereSlab(.8)},
     'box of the point; its set is smaller'),
    ({'ub': None},
     'box of the point; open, drawn as far as the training points')])
def test_the_legend_says_that_the_box_is_not_all(fig, settings, words):
    fig.sp.plot_poisoning_map(_attacked(**settings), n_grid_points=2)
    assert fig.sp.get_legend().get_texts()[0].get_text() == words
    assert_outside(fig, fig.sp.get_legend())


def test_attacks_without_a_map_are_refused_before_any_work(fig):
    plot, attack = fig.sp.plot_poisoning_map, _attacked()
    stock = CAttackPoisoningLogisticRegression(
        CClassifierLogistic(), *DATA[:2], solver_params={'eta': .1})
    with pytest.raises(TypeError, match='must be a minimax poisoning attack'):
        plot(stock)
    three = make(small(d=3))
    run(three, small(d=3), 1)
    with pytest.raises(ValueError, match='two features, got .one of 3'):
        plot(three)
    for value in ('loss', None):
        with pytest.raises(ValueError, match="'error' or 'lmbda', got"):
            plot(attack, value=value)
    with pytest.raises(ValueError, match='at least 2 and below'):
        plot(attack, n_grid_points=1)
    with pytest.raises(TypeError, match='whole number, got float'):
        plot(attack, n_grid_points=9.)
    with pytest.raises(ValueError, match="Set n_points = 1 and call `run`"):
        plot(make(DATA))
    run(attack, DATA, 2)
    with pytest.raises(ValueError, match='one poisoning point, got .2'):
        plot(attack)
    assert not fig.sp._sp.collections and not fig.sp.get_lines()
