"""The data of an attack: prepared once, and anew after every change."""
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attack_problems import make, run, small
from refusals import raises
from secml.array import CArray
from secml.data import CDataset
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features.normalization import CNormalizerMinMax


@pytest.fixture
def counted(monkeypatch):
    """Data, an attack of one point that has run, and the fits since."""
    class Local:
        """Nothing that pickle could store by name."""

    fits, fit = [], CNormalizerMinMax._fit
    monkeypatch.setattr(CNormalizerMinMax, '_fit', lambda *args: (
        fits.append(args), fit(*args))[1])
    data, preprocess = small(), CNormalizerMinMax()
    preprocess.local = Local(), Local, lambda x: x
    # joint=False: not at a vertex, which many changes leave as it is
    attack = make(data, 1, CClassifierLogistic(preprocess=preprocess),
                  joint=False)
    run(attack, data)
    fits.clear()
    return data, attack, fits


def test_the_preprocess_is_fitted_once(counted):
    """At the first of all calls, not at every place of a map."""
    data, attack, fits = counted
    fig = CFigure()
    fig.sp.plot_fun(attack.objective_function, grid_limits=[(0, 1), (0, 1)],
                    n_grid_points=4, multipoint=False, plot_levels=False)
    fig.sp.plot_fgrads(attack.objective_function_gradient, n_grid_points=3,
                       grid_limits=[(0, 1), (0, 1)])
    fig.close()
    attack.learned_lmbda(CArray([.5, .5]))
    attack.diagnostics()
    attack.poisoned_data(attack.adv_ds)
    # what has no part in the data
    attack.lb, attack.solver_type, attack.classifier.C = .1, 'implicit', 3.
    attack.objective_function(CArray([.5, .5]))
    assert fits == []
    run(attack, data)
    assert len(fits) == 1  # that of the classifier, on the poisoned rows


def in_place(name, part):
    def change(data, attack):
        dataset = getattr(attack, name)
        if part == 'X':
            dataset.X[3, :] = 1 - dataset.X[3, :]
        else:
            dataset.Y[3] = 1 - dataset.Y[3]
    return change


def set_to(name, value):
    return lambda data, attack: attack.set(name, value)


def other_rows(name, k):
    return lambda data, attack: setattr(
        attack, name, CDataset(data[k].X ** 2, data[k].Y))


CHANGES = {
    'training rows': other_rows('training_data', 0),
    'validation rows': other_rows('val', 1),
    'a training row in place': in_place('training_data', 'X'),
    'a training label in place': in_place('training_data', 'Y'),
    'a validation row in place': in_place('val', 'X'),
    'a validation label in place': in_place('val', 'Y'),
    'another preprocess': set_to('classifier.preprocess',
                                 CNormalizerMinMax((0, 2))),
    'no preprocess': set_to('classifier.preprocess', None),
    'its setting': set_to('classifier.preprocess.feature_range', (0, 2)),
    'target': set_to('y_target', 1),
    'mode': set_to('poison_mode', 'replace'),
    'seed': set_to('random_seed', 1),
}


@pytest.mark.slow
@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
def test_a_change_takes_effect(counted, change):
    """An attack that is changed is one that was made so."""
    data, attack, _ = counted
    attack.n_points = 4
    before = run(attack, data)[2]
    change(data, attack)
    made = make((attack.training_data, attack.val), 4,
                CClassifierLogistic(preprocess=attack.classifier.preprocess),
                y_target=attack.y_target, poison_mode=attack.poison_mode,
                random_seed=attack.random_seed, joint=False)
    x = CArray([.3, .8])
    for each in (attack, made):
        each.xc, each.yc = before.X.deepcopy(), before.Y.deepcopy()
        each._lmbda = 0.
    assert attack.objective_function(x) == made.objective_function(x)
    adv_ds, expected = (run(each, data)[2] for each in (attack, made))
    assert_array_equal(adv_ds.X.tondarray(), expected.X.tondarray())
    assert not np.array_equal(adv_ds.X.tondarray(), before.X.tondarray())


def test_a_bad_change_is_refused_by_the_next_call(counted):
    data, attack, _ = counted
    x = CArray([.5, .5])
    for name, bad, good in (('poison_mode', 'add', 'append'),
                            ('device', 'gpu', 'cpu'), ('lb', 2, 0)):
        attack.set(name, bad)
        with raises(ValueError, f'`{name}` must'):
            attack.objective_function(x)
        attack.set(name, good)
    attack.objective_function(x)
    attack.val.X[0, 0] = np.nan
    with raises(ValueError, '`val.X` must be finite'):
        attack.objective_function(x)


def test_copies_prepare_their_own_data():
    """And are no larger for what has been prepared."""
    data = small()
    attack = make(data, 1, CClassifierLogistic(preprocess='min-max'))
    run(attack, data)
    size = len(pickle.dumps(attack))
    for other in (attack.deepcopy(), pickle.loads(pickle.dumps(attack))):
        other.val.X[0, :] = .5
        x = CArray([.5, .5])
        assert other.objective_function(x) != attack.objective_function(x)
        assert len(pickle.dumps(other)) == pytest.approx(size, rel=.01)


@pytest.mark.parametrize('distance, start', [('l1', 1), ('l2', 0)])
def test_points_of_another_program_start_at_the_nearest_row(distance, start):
    """From 0 the rows are 4 and 3.5 away in l1, 2.83 and 3.5 in l2."""
    part = CDataset(CArray([[2, 2], [3.5, 0], [0, 9], [9, 9]]),
                    CArray([0, 1, 0, 1]))
    point = CDataset(CArray([[0, 0]]), CArray([0]))
    data = make((part, part))._prepare()
    assert data.poison_set(0., point, distance).starts == (start,)


class Frozen(CNormalizerMinMax):
    """A user's own: it cannot be refitted on poisoned rows."""

    __class_type = 'frozen-min-max'


@pytest.mark.filterwarnings('ignore:Frozen is frozen')
def test_points_that_stay_are_rows_in_the_frozen_features():
    data = make(small(), 1, CClassifierLogistic(
        preprocess=Frozen((-5, 5))))._prepare()
    rows = data.problem(1, data.x_val[:1], data.y_val[:1]).x_tr
    assert_array_equal(rows[-1], data.phi_val[0])
    assert abs(rows).max() == 5
