"""Runs that are killed, and the files that they are taken up from."""
import hashlib
import json
import os
import random
import re
import time
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import killed
from attack_problems import BATCHES, QUICK, make, run, small
from attack_invariants import assert_same_result

from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack import batches
from secml_regpoison.storage import load_arrays, save_arrays
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import CNormalizerMeanStd, CNormalizerMinMax


def n_batches(path):
    """Batches in a checkpoint, 0 without one."""
    return load_arrays(path)['batches'].size if path.exists() else 0


def assert_same_file(found, expected):
    """The same bits in two results of `killed.attack`."""
    with np.load(found) as found, np.load(expected) as expected:
        assert set(found) == set(expected)
        for name in expected:
            assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.fixture(scope='module')
def left_alone(tmp_path_factory):
    """Result of a run without a checkpoint, and the seconds it took."""
    folder = tmp_path_factory.mktemp('left_alone')
    # the second is the one to time: the first starts the server of forks
    for name in 'ab':
        began = time.monotonic()
        assert killed.finish(killed.attack, None, folder / f'{name}.npz') == 0
    assert_same_file(folder / 'a.npz', folder / 'b.npz')
    return folder / 'a.npz', time.monotonic() - began


@pytest.mark.slow
def test_killed_at_20_random_moments_and_taken_up(left_alone, tmp_path):
    expected, seconds = left_alone
    rng = random.Random(0)
    reached = []
    for i in range(20):
        path, result = tmp_path / f'{i}.ckpt', tmp_path / f'{i}.npz'
        process = killed.start(killed.attack, path, result)
        process.join(rng.uniform(0, seconds))
        process.kill()
        process.join()
        reached.append(-1 if result.exists() else n_batches(path))
        assert killed.finish(killed.attack, path, result) == 0
        assert_same_file(result, expected)
    # not all before the first batch or after the last
    assert len(set(reached)) >= 4, reached


@pytest.mark.slow
@pytest.mark.parametrize('nth', [1, 2, 4, 7])
def test_killed_before_a_new_state_is_in_place(left_alone, tmp_path, nth):
    path, result = tmp_path / 'ckpt', tmp_path / 'result.npz'
    assert killed.finish(killed.attack_killed_at, nth, path, result) == -9
    assert n_batches(path) == max(0, nth - 2)  # the first write is empty
    scratch, *others = sorted(os.listdir(tmp_path))
    assert re.fullmatch('.part-[0-9a-f]{16}-ckpt', scratch)
    assert others == sorted(['ckpt.lock', *['ckpt'] * (nth > 1)])
    assert killed.finish(killed.attack, path, result) == 0
    assert_same_file(result, left_alone[0])
    # nothing is left of the kill
    assert sorted(os.listdir(tmp_path)) == ['ckpt', 'result.npz']


def test_a_file_is_on_disk_before_it_takes_the_place_of_the_old_one(
        tmp_path, monkeypatch):
    calls = []
    for name in ('fsync', 'replace'):
        monkeypatch.setattr(os, name, lambda *args, name=name, call=getattr(
            os, name): (calls.append(name), call(*args)))
    save_arrays(tmp_path / 'file', {'x': 1})
    assert calls == ['fsync', 'replace']
    assert load_arrays(tmp_path / 'file') == {'x': 1}


def test_points_added_to_others_are_others(tmp_path):
    """One file, two security evaluations from different points."""
    data, path = small(), tmp_path / 'ckpt'
    attack = make(data)
    held = run(attack, data, 4)[2]
    moved = CDataset(held.X * .5, held.Y, held.header)
    defended = CDataset(held.X, held.Y, held.header.deepcopy())
    defended.header.search_lmbda += .5
    for n_others, poison in enumerate((held, moved, defended), 1):
        expected = run(attack, data, 8, ds_init=poison)
        assert_same_result(run(attack, data, 8, ds_init=poison,
                               checkpoint=path), expected)
        assert n_batches(path) == n_others


def test_a_batch_that_is_done_is_not_computed_again(tmp_path, monkeypatch):
    data, path = small(), tmp_path / 'ckpt'
    expected = run(make(data, 9, **BATCHES), data)
    run(make(data, 8, **BATCHES), data, checkpoint=path)
    assert n_batches(path) == 3
    attack = make(data, 9, **BATCHES)
    computed, optimise = [], batches.optimise_batch

    def optimise_and_note(*args):
        if args[0] is attack:
            computed.append(args[3])
        return optimise(*args)

    monkeypatch.setattr(batches, 'optimise_batch', optimise_and_note)
    assert_same_result(run(attack, data, checkpoint=path), expected)
    assert computed == [9]
    assert attack.history[-1].seconds_from_checkpoint > 0
    # ... nor one of another order, and a shorter run is part of a longer one
    assert_same_result(run(attack, data, 4, checkpoint=path),
                       run(make(data, 4, **BATCHES), data))
    assert computed == [9]
    assert attack.x_seq.shape == (1, 8) and attack.f_seq.size > 1
    run(attack, data, 5, checkpoint=path)
    assert computed == [9, 5]


@pytest.mark.slow
@pytest.mark.parametrize('kwargs', [
    {'learn_lmbda': False}, {'y_target': 1}, {'poison_mode': 'replace'},
    {'dmax': .2, 'lb': 'x0'}, {'lmbda_bounds': CArray([-2., 3.])},
    {'lb': CArray([0., .1]), 'n_restarts': np.int64(1)},
    {'solver_type': 'implicit'}, {'random_seed': None}],
    ids=lambda kwargs: '-'.join(kwargs))
@pytest.mark.parametrize('sparse', [False, True])
def test_any_setting_is_taken_up(tmp_path, kwargs, sparse):
    data, path = small(), tmp_path / 'ckpt'
    data = [ds.tosparse() for ds in data] if sparse else data
    clf = CClassifierLogistic(C=.3, preprocess='min-max')
    attack = make(data, 7, clf, batch_size=4, **kwargs)
    other = attack.deepcopy()
    expected = run(attack, data)
    assert_same_result(run(attack, data, checkpoint=path), expected)
    assert_same_result(run(other, data, checkpoint=path), expected)
    resumed, computed = other.history[-1], attack.history[-1]
    assert resumed.seconds_from_checkpoint > computed.seconds_from_checkpoint
    assert (resumed.n_trainings, resumed.n_hypergradients) == (
        computed.n_trainings, computed.n_hypergradients)
    for name in ('f_seq', 'lmbda_seq', 'x_seq', 'x0', 'xc', 'x_opt'):
        assert_array_equal(getattr(other, name).tondarray(),
                           getattr(attack, name).tondarray())


def test_one_file_serves_a_security_evaluation(tmp_path):
    data, path = small(), tmp_path / 'ckpt'

    def evaluate(**kwargs):
        sec_eval = CSecEval(make(data), 'n_points', CArray([0, 3, 6]),
                            save_adv_ds=True)
        sec_eval.run_sec_eval(data[2], **kwargs)
        return sec_eval

    expected = evaluate().sec_eval_data
    for _ in range(2):
        sec_eval = evaluate(checkpoint=path)
        found = sec_eval.sec_eval_data
        for name in ('Y_pred', 'scores'):
            for a, b in zip(getattr(found, name), getattr(expected, name)):
                assert_array_equal(a.tondarray(), b.tondarray())
        assert_array_equal(found.fobj.tondarray(), expected.fobj.tondarray())
    # each strength adds a batch: what the one before had is not counted again
    assert all(record.seconds_from_checkpoint > 0
               for record in sec_eval.attack.history)
    assert n_batches(path) == 3


def test_a_sweep_of_another_parameter_says_what_it_needs(tmp_path):
    data = small()
    sweep = CSecEval(make(data, 2), 'dmax', CArray([.5, 1.]))
    with pytest.raises(ValueError, match='dmax is 0.5 there and 1.0 here.*'
                       'run each value of another parameter with a path of '
                       'its own'):
        sweep.run_sec_eval(data[2], checkpoint=tmp_path / 'ckpt')


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A checkpoint of a small attack."""
    path = tmp_path_factory.mktemp('whole') / 'ckpt'
    run(make(small(), 3), small(), checkpoint=path)
    return path


@pytest.mark.parametrize('kwargs, words', [
    ({'random_seed': 1}, 'random_seed is 0 there and 1 here'),
    ({'lb': .1}, 'lb is 0.0 there and 0.1 here'),
    ({'ub': None}, 'ub is 1.0 there and None here'),
    ({'ub': CArray([1., .9])}, 'ub is 1.0 there and'),
    ({'dmax': .5}, 'dmax is None there and 0.5 here'),
    ({'distance': 'l1'}, 'distance is l2 there and l1 here'),
    ({'y_target': 1}, 'y_target is None there and 1 here'),
    ({'learn_lmbda': False}, 'learn_lmbda is True there and False here'),
    ({'lmbda_bounds': (-3, 4)},
     'lmbda_bounds is [-8.0, 11.5] there and [-3.0, 4.0] here'),
    ({'poison_mode': 'replace'}, 'poison_mode is append there'),
    ({'solver_type': 'implicit'}, 'solver_type is rmd there'),
    ({'solver_params': {**QUICK, 'n_inner': 16}}, "'n_inner': 16"),
    ({'n_restarts': 1}, 'n_restarts is 0 there and 1 here'),
    ({'clf': CClassifierLogistic(C=.5)},
     'lmbda of the classifier is 0.0 there and 0.693'),
    ({'clf': CClassifierLogistic(preprocess='min-max')},
     'shape of preprocessed rows is None there and [40, 2] here')],
    ids=lambda value: '-'.join(value) if isinstance(value, dict) else '')
def test_another_problem_is_refused_by_name(whole, kwargs, words):
    attack = make(small(), 3, **kwargs)
    with pytest.raises(ValueError, match='`checkpoint` must be of the same '
                       'problem') as found:
        run(attack, small(), checkpoint=whole)
    assert words in str(found.value) and str(whole) in str(found.value)
    assert str(found.value).count(' there and ') == (
        3 if 'preprocessed' in words else 1)
    assert attack.f_eval == 0 and attack.xc is None


def test_the_size_of_batches_counts_where_there_are_batches(whole, tmp_path):
    """Where all points move together it changes nothing: it is neither
    refused nor warned of."""
    data, path = small(), tmp_path / 'ckpt'
    expected = run(make(data, 3), data)
    attack = make(data, 3, batch_size=2)
    poison = run(attack, data, checkpoint=whole)[2]
    assert attack.history[-1].seconds_from_checkpoint > 0
    assert_array_equal(poison.X.tondarray(), expected[2].X.tondarray())
    with warnings.catch_warnings():
        warnings.filterwarnings('error', '.* points of `ds_init`')
        run(attack, data, ds_init=expected[2])
    run(make(data, 3, joint=False), data, checkpoint=path)
    with pytest.raises(ValueError, match='batch_size is 17 there and 2 here'):
        run(make(data, 3, joint=False, batch_size=2), data, checkpoint=path)


def test_another_preprocess_is_refused_by_name(tmp_path):
    """Also one with the same features as long as there is no poison."""
    data, path = small(), tmp_path / 'ckpt'
    x = data[0].X
    refitted, given, scaled = (CClassifierLogistic(preprocess=preprocess)
                               for preprocess in (
        CNormalizerMeanStd(), CNormalizerMeanStd(
            tuple(x.mean(axis=0, keepdims=False)),
            tuple(x.std(axis=0, keepdims=False))), CNormalizerMinMax()))
    run(make(data, 3, refitted), data, checkpoint=path)
    for clf, words in (
            (given, 'MeanStd(mean=None, std=None, with_std=True) there and '
             'MeanStd(mean=tensor('), (scaled, 'content of preprocessed row')):
        attack = make(data, 3, clf)
        with pytest.raises(ValueError, match='of the same problem') as found:
            run(attack, data, checkpoint=path)
        assert words in str(found.value) and attack.f_eval == 0
    with pytest.raises(ValueError, match='preprocessed rows is .* there and '
                       'None here'):
        run(make(data, 3), data, checkpoint=path)


@pytest.fixture(scope='module')
def whole_sgd(tmp_path_factory):
    """A checkpoint of an attack on a classifier with a solver of its own."""
    path = tmp_path_factory.mktemp('whole_sgd') / 'ckpt'
    run(make(small(), 2, CClassifierLogisticTorch(solver='sgd', epochs=3)),
        small(), checkpoint=path)
    return path


@pytest.mark.parametrize('name, value, words', [
    ('solver', 'newton', 'solver of the classifier is sgd there and newton '
     'here; fit of the classifier is dtype=float64, epochs=3, eta=None, '
     'batch_size=64, random_state=0 there and dtype=float64 here'),
    ('epochs', 4, 'epochs=4'), ('eta', .1, 'eta=0.1'),
    ('batch_size', 5, 'batch_size=5'), ('random_state', 1, 'random_state=1'),
    ('dtype', 'float32', 'dtype=float32')])
def test_another_fit_of_the_classifier_is_refused(whole_sgd, name, value,
                                                  words):
    """Of several restarts that which harms its own fit most is kept."""
    clf = CClassifierLogisticTorch(**{
        'solver': 'sgd', 'epochs': 3, name: value})
    with pytest.raises(ValueError, match='of the same problem') as found:
        run(make(small(), 2, clf), small(), checkpoint=whole_sgd)
    assert words in str(found.value)


def test_liblinear_that_stops_elsewhere_is_refused(whole):
    clf = CClassifierLogistic()
    clf.max_iter = 3
    with pytest.raises(ValueError, match='max_iter=100, tol=0.0001 there and '
                       'dual=False, max_iter=3, tol=0.0001 here'):
        run(make(small(), 3, clf), small(), checkpoint=whole)


class CTrimmed(CClassifierLogisticTorch):
    """A user's classifier with parameters of its own and no `class_type`."""

    trim = 0
    costs = CArray([1., 2.])
    share = property(lambda self: getattr(self, '_share', 1.),
                     lambda self, value: setattr(self, '_share', value))
    n_fitted = property(lambda self: self._n_fitted)

    def fit(self, x, y):
        self.rows_ = list(range(self.trim, round(self.share * x.shape[0])))
        self._n_fitted = len(self.rows_)
        return super().fit(x[self.rows_, :], y[self.rows_])


def test_another_parameter_of_a_users_classifier_is_refused(tmp_path):
    """And said, where the points are those of a `ds_init`."""
    data, path, clf = small(), tmp_path / 'ckpt', CTrimmed()
    attack = make(data, 2, clf, learn_lmbda=False)
    expected = run(attack, data, checkpoint=path)
    clf.fit(data[0].X, data[0].Y)  # what a fit adds is no parameter
    assert_same_result(run(attack, data, checkpoint=path), expected)
    for name, value, words in (
            ('trim', 20, 'trim=0 there and .*, trim=20 here'),
            ('share', .5, 'share=1.0, trim=0 there and .*share=0.5'),
            ('random_state', 1, 'random_state=0, .* there and .*state=1'),
            ('costs', CArray([1., 3.]), 'costs=[0-9a-f]{16}, share=1.0, '
             'trim=0 there and .*costs=[0-9a-f]{16}, share=1.0, trim=0 here')):
        other = CTrimmed()
        setattr(other, name, value)
        attack = make(data, 2, other, learn_lmbda=False)
        with pytest.raises(ValueError, match='another: fit of the classifier '
                           f'is dtype=float64, [^;]*{words}'):
            run(attack, data, checkpoint=path)
        with pytest.warns(RuntimeWarning, match='points of `ds_init` were '
                          'made with fit dtype'):
            run(attack, data, ds_init=expected[2])
    with pytest.raises(ValueError, match='classifier is CTrimmed there and '
                       'CClassifierLogisticTorch here'):
        run(make(data, 2, CClassifierLogisticTorch(), learn_lmbda=False),
            data, checkpoint=path)


def test_a_file_that_does_not_name_the_fit_is_refused(whole, tmp_path):
    """Such files are older."""
    arrays = load_arrays(whole)
    problem = json.loads(arrays['problem'].item())
    del problem['fit of the classifier']
    save_arrays(tmp_path / 'ckpt', {**arrays, 'problem': json.dumps(problem)})
    with pytest.raises(ValueError, match='`checkpoint` must be of the same '
                       '.* fit of the classifier is None there and'):
        run(make(small(), 3), small(), checkpoint=tmp_path / 'ckpt')


@pytest.mark.parametrize('part, change, words', [
    (0, lambda ds: CDataset(ds.X[:-1, :], ds.Y[:-1]),
     'shape of training_data is [40, 2] there and [39, 2] here'),
    (1, lambda ds: CDataset(ds.X[:-1, :], ds.Y[:-1]),
     'shape of val is [24, 2] there and [23, 2] here'),
    (0, lambda ds: CDataset(ds.X + 1e-12, ds.Y), 'content of training_data'),
    (1, lambda ds: CDataset(ds.X, 1 - ds.Y), 'content of val')])
def test_other_data_are_refused_by_name(whole, part, change, words):
    data = list(small())
    data[part] = change(data[part])
    with pytest.raises(ValueError) as found:
        run(make(data, 3), data, checkpoint=whole)
    assert words in str(found.value)


def test_a_refusal_leaves_the_last_result(whole):
    attack = make(small(), 4, random_seed=1)
    expected = run(attack, small())
    f_eval = attack.f_eval
    with pytest.raises(ValueError, match='same problem'):
        run(attack, small(), checkpoint=whole)
    assert_array_equal(attack.adv_ds.X.tondarray(), expected[2].X.tondarray())
    assert attack.f_opt == expected[3] and attack.f_eval == f_eval > 0


def test_another_version_is_refused(whole, monkeypatch):
    monkeypatch.setattr('secml_regpoison.attack.checkpoint.__version__', '9.9')
    with pytest.raises(ValueError, match='version of secml_regpoison is .* '
                       'there and 9.9 here'):
        run(make(small(), 3), small(), checkpoint=whole)


def test_test_data_and_strength_may_be_others(whole):
    data = small()
    other = [*data[:2], data[0]]
    assert_same_result(run(make(other, 3), other, checkpoint=whole),
                       run(make(other, 3), other))


def damaged(content):
    """Each byte with a bit flipped, and each shorter file."""
    for i in range(len(content)):
        flipped = bytearray(content)
        flipped[i] ^= 1 << i % 8
        yield bytes(flipped)
        yield content[:i]


@pytest.mark.slow
def test_a_damaged_file_is_never_read(whole, tmp_path):
    content, path = whole.read_bytes(), tmp_path / 'ckpt'
    n_files = 0
    for n_files, file in enumerate(damaged(content), 1):
        path.write_bytes(file)
        with pytest.raises(ValueError, match='wrong checksum'):
            load_arrays(path)
    assert n_files == 2 * len(content) > 5000


def test_a_damaged_checkpoint_is_refused_and_left_as_it_is(whole, tmp_path):
    content, path = whole.read_bytes(), tmp_path / 'ckpt'
    attack = make(small(), 3)
    for file in list(damaged(content))[::1000] + [content + b'x']:
        path.write_bytes(file)
        with pytest.raises(ValueError, match='must be .* checksum.* Delete'):
            run(attack, small(), checkpoint=path)
        assert path.read_bytes() == file
    assert attack.f_eval == 0 and attack.xc is None
    assert os.listdir(tmp_path) == ['ckpt']


def test_another_file_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / 'mine.npz'
    np.savez(path, X=np.eye(3))
    mine = path.read_bytes()
    with pytest.raises(ValueError, match='something else'):
        run(make(small(), 3), small(), checkpoint=path)
    assert path.read_bytes() == mine
    save_arrays(path, {'x': 1})
    with pytest.raises(ValueError, match='the file of a checkpoint'):
        run(make(small(), 3), small(), checkpoint=path)


def changed(name, change):
    """A change of the arrays in a checkpoint: of `name` in the last batch, or
    of the file itself."""
    def apply(arrays):
        key = name if name in arrays else f"{arrays['batches'][-1]}.{name}"
        arrays[key] = change(arrays[key])
    return apply


WRONG_CONTENTS = {
    'no batches': (lambda arrays: arrays.pop('batches'), "'batches'"),
    'no points': (lambda arrays: arrays.pop(f"{arrays['batches'][-1]}.x"),
                  'no entry'),
    'a problem that is no JSON': (
        changed('problem', lambda _: np.array('{')), 'Expecting'),
    'a problem that is no dict': (
        changed('problem', lambda _: np.array('[1, 2]')), 'with '),
    'a problem without an entry': (
        changed('problem', lambda text: json.dumps({
            **json.loads(text.item()), 'lb': 7})), 'lb is 7 there'),
    'points outside the box': (
        changed('x', lambda x: x + 1e3), 'inside the feasible set'),
    'a path outside the box': (
        changed('path', lambda x: x - 1e3), 'inside the feasible set'),
    'points that are no numbers': (
        changed('x', lambda x: x * np.nan), 'inside the feasible set, got'),
    'points at infinity': (
        changed('x', lambda x: x + np.inf), 'inside the feasible set, got'),
    'a feature at minus infinity': (
        changed('x', lambda x: np.where(x == x[0, 0], -np.inf, x)),
        'inside the feasible set, got'),
    'a path from infinity': (
        changed('path', lambda x: x + np.inf), 'inside the feasible set, got'),
    'points of other features': (
        changed('x', lambda x: x[:, :1]), r'of shape \(3, 2\)'),
    'text for points': (changed('x', lambda x: x.astype(str)), 'with '),
    'labels that are no signs': (changed('y', lambda y: y * 2), 'labels'),
    'fewer labels': (changed('y', lambda y: y[1:]), r'of shape \(3,\)'),
    'starts that are no rows': (
        changed('starts', lambda rows: rows + 99), 'validation rows'),
    'a lambda outside its bounds': (
        changed('lmbda', lambda _: 50.), 'between -8'),
    'a lambda that is no number': (
        changed('lmbda', lambda _: np.nan), 'finite'),
    'a loss that is infinite': (
        changed('value', lambda _: np.inf), 'finite'),
    'losses of the path that are no numbers': (
        changed('f_seq', lambda losses: losses * np.nan), 'finite'),
    'seconds without end': (changed('seconds', lambda _: np.inf), 'finite'),
    'a camouflage that is no number': (
        changed('camouflage', lambda _: np.nan), 'finite'),
    'many lambdas': (changed('lmbda', lambda _: np.zeros(3)), 'with '),
    'no path': (changed('path', lambda path: path[:0]), 'with '),
}


@pytest.mark.parametrize('change, words', WRONG_CONTENTS.values(),
                         ids=WRONG_CONTENTS.keys())
def test_a_wrong_content_with_a_right_checksum_is_refused(
        whole, tmp_path, change, words):
    arrays, path = load_arrays(whole), tmp_path / 'ckpt'
    change(arrays)
    save_arrays(path, arrays)
    attack = make(small(), 3)
    with pytest.raises(ValueError, match=f'`checkpoint` must be .*{words}.*'
                       'elete the file'):
        run(attack, small(), checkpoint=path)
    assert attack.f_eval == 0 and os.listdir(tmp_path) == ['ckpt']


def test_a_file_that_is_no_archive_with_a_right_checksum(tmp_path):
    content, path = b'text', tmp_path / 'ckpt'
    path.write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(ValueError, match='ckpt must be a file that numpy'):
        run(make(small(), 3), small(), checkpoint=path)


def test_a_file_with_code_in_it_is_not_run(tmp_path):
    """Even with the right checksum: an object array is a pickle."""
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'exploded'),)
    path = tmp_path / 'ckpt'
    save_arrays(path, {'problem': np.array([Bomb()], dtype=object)})
    with pytest.raises(ValueError, match='allow_pickle=False'):
        run(make(small(), 3), small(), checkpoint=path)
    assert os.listdir(tmp_path) == ['ckpt']
    with np.load(path, allow_pickle=True) as arrays:
        assert arrays['problem'] is not None
    assert (tmp_path / 'exploded').exists()  # it was one


def test_numpy_alone_can_read_a_checkpoint(whole):
    with np.load(whole, allow_pickle=False) as arrays:
        key = arrays['batches'][-1]
        assert arrays[f'{key}.x'].shape == (3, 2)


@pytest.mark.parametrize('path, error, words', [
    (3, TypeError, '`checkpoint` must be a path or None, got int'),
    ('nowhere/ckpt', ValueError, 'in a folder that exists'),
    ('.', IsADirectoryError, 'Is a directory'),
    ('', ValueError, 'the path of a file'),
    (os.devnull + '/ckpt', ValueError, 'in a folder that exists')])
def test_what_can_be_no_checkpoint(path, error, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    attack = make(small(), 3)
    with pytest.raises(error, match=words):
        run(attack, small(), checkpoint=path)
    assert attack.f_eval == 0 and os.listdir(tmp_path) == []


def test_a_name_without_a_folder_is_a_file_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(make(small(), 3), small(), checkpoint='ckpt')
    assert os.listdir(tmp_path) == ['ckpt']
