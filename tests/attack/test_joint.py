"""All points of a strength move together, those of the strength before too."""
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import pairwise_distances

from attack_invariants import assert_same_result, assert_sound
from attack_problems import digits, make, run, small
from refusals import raises
from secml_regpoison.attack.continuation import plan
from secml.array import CArray
from secml.adv.seceval import CSecEval
from secml.data import CDataset, CDatasetHeader

IMPLICIT = {'solver_type': 'implicit', 'poison_mode': 'replace'}


def strengths(attack, data, values=(0, 4, 8, 12)):
    """What `run` returns at each strength, each continuing the one before."""
    found, ds_init = [], None
    for n_points in values:
        found.append(run(attack, data, n_points, ds_init=ds_init))
        ds_init = found[-1][2]
    return found


@pytest.mark.parametrize('learn_lmbda', [True, False])
@pytest.mark.parametrize('joint, ends', [(True, [6]), (False, [4, 6])])
def test_the_batches_of_a_run(learn_lmbda, joint, ends):
    """A new one starts with lambda alone, if it is learned; no other does."""
    data = small()
    attack = make(data, 4, joint=joint, batch_size=4, learn_lmbda=learn_lmbda,
                  solver_params={'n_outer': 1, 'n_inner': 5})
    ds_init = run(attack, data)[2]
    attack.n_points = 6
    assert plan(attack, attack._prepare(), None)[1] == [0] * learn_lmbda + ends
    assert plan(attack, attack._prepare(), ds_init)[1] == [6]
    attack.n_points = 4  # nothing is left but lambda
    assert plan(attack, attack._prepare(), ds_init)[1] == [4]


@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_stronger_than_batches(learn_lmbda):
    data = digits()
    kwargs = {'learn_lmbda': learn_lmbda, 'batch_size': 3, **IMPLICIT,
              'solver_params': {'n_outer': 30}}
    joint, batches = (run(make(data, 12, joint=joint, **kwargs), data)[3]
                      for joint in (True, False))
    assert joint > 1.01 * batches


@pytest.mark.parametrize('kwargs', [
    {}, {'learn_lmbda': False}, {'y_target': 1}, {'dmax': .5},
    {'learn_lmbda': False, 'dmax': .5, 'distance': 'l1'},
    {'lb': 'x0', 'learn_lmbda': False}, {'y_poison': 'worst'}],
    ids=lambda kwargs: '-'.join(kwargs) or 'learned')
def test_strengths_grow_and_stay_feasible(kwargs):
    """The loss grows with the points; box and ball are those round the
    validation rows, however often the points have moved on from them."""
    data = digits()
    attack = make(data, **IMPLICIT, **kwargs)
    found = strengths(attack, data)
    upward = -1 if 'y_target' in kwargs else 1
    assert (np.diff([upward * f_opt for *_, f_opt in found]) > 0).all()
    assert_sound(attack, data, found[-1])
    # those of the strength before have moved on, and keep their place
    before, last = found[-2][2], found[-1][2]
    assert last.header.starts[:8] == before.header.starts
    assert last.Y.tolist()[:8] == before.Y.tolist()
    assert (last.X[:8, :] != before.X).any()


def test_passes_of_secml_change_nothing_and_are_refused_of_batches():
    data = small()
    expected = run(make(data, 4), data)
    assert_same_result(run(make(data, 4), data, max_iter=np.int64(3)),
                       expected)
    evaluation = CSecEval(make(data), 'n_points', CArray([4]))
    evaluation.run_sec_eval(data[2], max_iter=2)
    assert evaluation.sec_eval_data.fobj.item() == expected[3]
    batches = make(data, 4, joint=False)
    with raises(ValueError, '`max_iter` must be 1 with joint=False, got 2. ',
                'with joint=True all points move together'):
        run(batches, data, max_iter=2)
    run(batches, data, max_iter=1.)


def test_lambda_fixed_by_quasi_newton_only_where_it_may():
    """As the ascent would, but better; with a ball the ascent stays."""
    data = digits()
    kwargs = {'learn_lmbda': False, **IMPLICIT}
    values = {}
    for dmax in (None, 1e6):  # a ball that nothing reaches
        attack = make(data, 8, dmax=dmax, solver_params={'n_outer': 40},
                      **kwargs)
        values[dmax] = run(attack, data)[3]
    assert values[None] > values[1e6]


@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_a_run_is_repeated_to_the_bit(learn_lmbda):
    data = digits()
    one, two = (strengths(make(data, learn_lmbda=learn_lmbda), data)[-1]
                for _ in range(2))
    assert_same_result(one, two)


@pytest.mark.parametrize('y_poison', ['flip', 'worst'])
def test_resumed_at_each_strength(tmp_path, y_poison):
    """A strength that is done is read, its trials of labels too."""
    data, path = digits(), tmp_path / 'ckpt'

    def evaluate(values, **kwargs):
        evaluation = CSecEval(make(data, y_poison=y_poison, **IMPLICIT),
                              'n_points', CArray(values))
        evaluation.run_sec_eval(data[2], **kwargs)
        return evaluation

    whole = evaluate([0, 4, 8])
    evaluate([0, 4], checkpoint=path)
    resumed = evaluate([0, 4, 8], checkpoint=path)
    for one, two in zip(whole.sec_eval_data.scores,
                        resumed.sec_eval_data.scores):
        assert_array_equal(one.tondarray(), two.tondarray())
    records = resumed.attack.history
    assert [record.seconds_from_checkpoint > 0 for record in records] == [
        True, True, False]
    for one, two in zip(whole.attack.history, records):
        assert one.n_hypergradients == two.n_hypergradients
        assert one.compositions == two.compositions


def test_points_of_another_program_move_on_in_their_ball():
    """Without a header they started at the nearest validation rows; with a
    ball they must be within it."""
    data = digits()
    x = data[1].X.tondarray()[:3].copy()
    x[0, :3] += .05
    x[1, :8] += np.where(x[1, :8] < .5, .4, -.4)
    prev = CDataset(CArray(x), 1 - data[1].Y[:3])
    moved = run(make(data, 5, dmax=2., **IMPLICIT), data, ds_init=prev)[2]
    assert moved.header.starts[:3] == (0, 1, 2)
    with pytest.raises(ValueError, match=r'`ds_init.X` must be points within '
                       r'`dmax` = 0.1 of the validation rows that they '
                       r'started from, or of the nearest, got 1\.'):
        run(make(data, 5, dmax=.1, **IMPLICIT), data, ds_init=prev)


@pytest.mark.parametrize('name, there, here', [
    ('n_inner', {'solver_params': {'n_inner': 10}},
     {'solver_params': {'n_inner': 20}}),
    ('lmbda_bounds', {'lmbda_bounds': (-3, 3)}, {'lmbda_bounds': (-3, 4)}),
    ('y_poison', {'y_poison': 1}, {'y_poison': 'flip'}),
    ('joint', {'joint': False}, {}), ('dtype', {'dtype': 'float32'}, {})])
def test_points_made_with_other_settings_are_said(name, there, here):
    data = small()
    prev = run(make(data, 4, **there), data)[2]
    with pytest.warns(RuntimeWarning, match=f'4 points of `ds_init` were made '
                      f'with .*{name}.*; they are kept here, with .*{name}'):
        run(make(data, 6, **here), data, ds_init=prev)


@pytest.mark.parametrize('which', ['training_data', 'val'])
def test_points_made_with_other_data_are_said(which):
    data = small()
    prev = run(make(data, 4), data)[2]
    other = {'training_data': (data[0][:39, :], data[1]),
             'val': (data[0], data[1][:23, :])}[which]
    attack = make(other, 4)
    with pytest.warns(RuntimeWarning, match=f'were made with {which} '):
        attack.run(data[2].X, data[2].Y, ds_init=prev)
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='.*ds_init')
        run(make(data, 4), data, ds_init=prev)
        run(make(data, 4, lmbda_bounds=(-8, 11.5)), data, ds_init=prev)


@pytest.mark.parametrize('joint', [True, False])
def test_batch_size_in_a_header_counts_without_joint_alone(joint):
    """Poison of an older version has it in either case."""
    data = small()
    prev = run(make(data, 4, joint=joint), data)[2]
    params = {**prev.header.get_params(), 'search_settings':
              f'{prev.header.search_settings}; batch_size 3'}
    prev = CDataset(prev.X, prev.Y, CDatasetHeader(**params))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        run(make(data, 4, joint=joint), data, ds_init=prev)
    assert any('with batch_size 3' in str(one.message)
               for one in caught) != joint


@pytest.mark.parametrize('dmax', [None, .6])
@pytest.mark.parametrize('rows', ['fewer', 'more', 'another order', 'others'])
def test_starts_of_other_validation_rows_are_not_used(rows, dmax):
    """They were refused as too large, or as further than `dmax`."""
    data = small()
    kwargs = {'dmax': dmax, 'solver_params': {'n_outer': 2, 'n_inner': 9}}
    prev = run(make(data, 6, **kwargs), data)[2]
    n_fewer = max(prev.header.starts)
    val = {'fewer': data[1][:n_fewer, :],
           'more': data[1].append(data[2][:5, :]),
           'another order': data[1][list(range(23, -1, -1)), :],
           'others': data[2][:24, :]}[rows]
    nearest = pairwise_distances(
        prev.X.tondarray(), val.X.tondarray()).argmin(axis=1)
    assert nearest.tolist() != list(prev.header.starts) or rows == 'more'
    attack = make((data[0], val), 8, **kwargs)
    with pytest.warns(RuntimeWarning, match='6 points of `ds_init` were made '
                      'with val [0-9a-f]{16}; they are kept here, with val '):
        found = run(attack, data, ds_init=prev)[2]
    assert list(found.header.starts[:6]) == nearest.tolist()
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='.*ds_init')
        again = run(attack, data, 8, ds_init=found)[2]
    assert again.header.starts == found.header.starts
    # as any points without a header
    bare = CDataset(prev.X, prev.Y, CDatasetHeader(
        lmbda=prev.header.lmbda, search_lmbda=prev.header.search_lmbda))
    assert_array_equal(run(attack, data, ds_init=bare)[2].X.tondarray(),
                       found.X.tondarray())


def test_points_far_from_other_validation_rows_are_refused():
    """No ball of `dmax` holds them, as without a header."""
    data = small()
    prev = run(make(data, 6, dmax=.01), data)[2]
    attack = make((data[0], data[2][:24, :]), 6, dmax=.01)
    with pytest.raises(ValueError, match='or of the nearest, got'):
        run(attack, data, ds_init=prev)


def test_more_points_than_validation_rows(caplog):
    """Rows are drawn again, each as often as the others."""
    data = small()
    val = data[1][:5, :]
    attack = make((data[0], val), 13)
    attack.verbose = 1
    attack.logger._logger.addHandler(caplog.handler)
    adv_ds = run(attack, data)[2]
    attack.logger._logger.removeHandler(caplog.handler)
    assert '13 points start from 5 validation rows' in caplog.text
    counts = np.bincount(adv_ds.header.starts)
    assert sorted(counts) == [2, 2, 3, 3, 3]
    # in stages as in one go
    first = run(make((data[0], val), 7), data)[2]
    rest = run(make((data[0], val), 13), data, ds_init=first)[2]
    assert rest.header.starts == adv_ds.header.starts


def test_a_header_of_another_program():
    data = small()
    prev = run(make(data, 4), data)[2]
    foreign = CDataset(prev.X, prev.Y, CDatasetHeader(id='mine'))
    adv_ds = run(make(data, 6), data, ds_init=foreign)[2]
    assert adv_ds.num_samples == 6 and len(adv_ds.header.starts) == 6
