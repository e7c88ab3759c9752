"""The attack as one of secml's objects: made, set, copied, stored, quiet."""
import functools
import hashlib
import inspect
import logging
import pickle
import random
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from attack_invariants import assert_same_result
from attack_problems import QUICK, digits, fit_optimum, loss, make, run, small
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxRidge,
    CAttackPoisoningMinimaxSoftmax, CAttackPoisoningMinimaxSVM,
    CCertificatePoisoning, CClassifierLogisticTorch)
from secml_regpoison.attack.c_attack_poisoning_minimax import (
    CAttackPoisoningMinimax)

from secml.adv.attacks.poisoning import CAttackPoisoning
from secml.array import CArray
from secml.core import CCreator
from secml.data import CDataset, CDatasetHeader
from secml.ml.classifiers import (
    CClassifierLogistic, CClassifierRidge, CClassifierSVM)
from secml.ml.classifiers.multiclass import CClassifierMulticlassOVA


def test_created_by_its_type():
    data = small()
    attack = CAttackPoisoning.create(
        'p-minimax-lr', CClassifierLogistic(), data[0], data[1],
        solver_params=QUICK, batch_size=5)
    assert type(attack) is CAttackPoisoningMinimaxLR
    assert attack.class_type == 'p-minimax-lr' and attack.batch_size == 5
    attack.n_points = 6
    assert_same_result(run(attack, data),
                       run(make(data, 6, batch_size=5), data))
    # the stock attacks are still created
    stock = CAttackPoisoning.create(
        'p-logistic', CClassifierLogistic(), data[0], data[1],
        solver_params={'eta': .1})
    assert stock.class_type == 'p-logistic'


def test_parameters_are_listed_and_set():
    data = small()
    attack = make(data)
    params = attack.get_params()
    for name in ('n_points', 'lb', 'ub', 'dmax', 'distance', 'y_target',
                 'learn_lmbda', 'lmbda_bounds', 'poison_mode', 'batch_size',
                 'solver_type', 'solver_params', 'n_restarts', 'device',
                 'dtype', 'random_seed', 'classifier.C', 'val',
                 'training_data'):
        assert name in params, name
    changes = {'n_points': 3, 'lb': .1, 'dmax': .4, 'distance': 'l1',
               'poison_mode': 'replace', 'batch_size': 2,
               'lmbda_bounds': (-1, 2), 'solver_type': 'implicit',
               'random_seed': 5, 'classifier.C': .2, 'learn_lmbda': False,
               'solver_params': {'n_outer': 2}}
    for name, value in changes.items():
        attack.set(name, value)
    kwargs = {name: value for name, value in changes.items()
              if name not in ('n_points', 'classifier.C')}
    expected = make(data, 3, CClassifierLogistic(C=.2), **kwargs)
    assert_same_result(run(attack, data), run(expected, data))


def test_solver_params_that_are_set_keep_the_defaults():
    """And the search takes them; the objective is of the optimum."""
    data = small()
    attack = make(data, 4, solver_params=None)
    assert attack.solver_params == {'n_inner': 150, 'inner_eta': None,
                                    'momentum': .9}
    attack.solver_params = {'n_outer': 2, 'n_inner': np.int64(10)}
    assert attack.solver_params['momentum'] == .9
    adv_ds, f_opt = run(attack, data)[2:]
    whole = make(data, 4, solver_params={
        'n_outer': 2, 'n_inner': 10, 'momentum': .9, 'inner_eta': None})
    assert run(whole, data)[3] == f_opt
    assert whole.f_seq.tolist() == attack.f_seq.tolist()
    assert attack.objective_function(attack.xc[0, :]) == pytest.approx(
        loss(fit_optimum(attack.poisoned_data(adv_ds), attack.lmbda),
             data[1]), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('ran', [False, True])
@pytest.mark.parametrize('copied', ['deepcopy', 'pickle', 'save'])
@pytest.mark.parametrize('random_seed', [0, None])
def test_copies_attack_alike(tmp_path, ran, copied, random_seed):
    """Before and after a run; stock attacks cannot be copied after one."""
    data = small()
    attack = make(data, 4, random_seed=random_seed)
    first = run(attack, data) if ran else None
    if copied == 'deepcopy':
        other = attack.deepcopy()
    elif copied == 'pickle':
        other = pickle.loads(pickle.dumps(attack))
    else:
        loader = CCreator if ran else CAttackPoisoning
        other = loader.load(attack.save(str(tmp_path / 'attack')))
    assert other is not attack and other.lmbda == attack.lmbda
    if ran:
        assert_array_equal(other.f_seq.tondarray(), attack.f_seq.tondarray())
        assert_array_equal(other.xc.tondarray(), first[2].X.tondarray())
    attack.n_points = other.n_points = 7
    ds_init = first[2] if ran else None
    assert_same_result(run(other, data, ds_init=ds_init),
                       run(attack, data, ds_init=ds_init))


def test_a_copy_is_independent():
    data = small()
    attack = make(data, 4)
    first = run(attack, data)
    other = attack.deepcopy()
    other.random_seed, other.lb = 8, .2
    run(other, data, 6)
    assert attack.n_points == 4 and attack.lb == 0
    assert_array_equal(attack.xc.tondarray(), first[2].X.tondarray())
    assert_same_result(run(attack, data), first)


def assert_restored(attack, other):
    """The state of one attack that has run is that of another."""
    other.set_state(attack.get_state())
    for name in ('n_points', 'f_opt', 'lmbda', 'trust', 'f_eval', 'grad_eval',
                 'history', 'entropy'):
        assert getattr(other, name) == getattr(attack, name), name
    for name in ('xc', 'yc', 'x0', 'x_opt', 'x_seq', 'f_seq', 'lmbda_seq'):
        assert_array_equal(*(getattr(each, name).tondarray()
                             for each in (other, attack)))
    point = attack.xc[0, :]
    assert other.objective_function(point) == attack.objective_function(point)
    assert other.adv_ds is None


def test_a_restored_state_is_that_of_the_run():
    """Nothing of an earlier run stays beside it, and a seed that was drawn,
    and with it the rows that are replaced, are in it."""
    data = small()
    attack, other = (make(data, 4, random_seed=None, poison_mode='replace')
                     for _ in range(2))
    run(attack, data)
    run(other, data, 6)
    assert_restored(attack, other)
    assert_same_result(run(other, data), run(attack, data))


def test_a_restored_state_has_the_trust_of_the_run():
    data = small()
    attack, other = (make(data, 4, CClassifierLogisticTorch(),
                          solver_type='implicit', learn_lmbda='trust',
                          solver_params={'n_outer': 2}) for _ in range(2))
    run(attack, data)
    assert attack.trust < .9
    assert_restored(attack, other)


def test_a_state_without_points_leaves_those_of_the_run():
    data = small()
    attack = make(data, 2)
    adv_ds = run(attack, data)[2]
    attack.set_state({'n_restarts': 1})
    assert_array_equal(attack.adv_ds.X.tondarray(), adv_ds.X.tondarray())


def test_what_a_run_returned_is_the_users():
    """Writing to it changes nothing in the attack, and the reverse."""
    data = small()
    attack = make(data, 4)
    adv_ds = run(attack, data)[2]
    before = attack.xc.deepcopy()
    adv_ds.X[0, :] = .5
    assert_array_equal(attack.xc.tondarray(), before.tondarray())
    attack.xc[1, :] = .25
    assert not (adv_ds.X[1, :] == .25).all()


def test_progress_is_logged_at_verbose_1():
    data = small()
    attack = make(data, 4)
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = attack.logger._logger
    logger.addHandler(handler)
    run(attack, data)
    assert attack.verbose == 0 and not lines
    attack.verbose = 1
    f_opt = run(attack, data)[3]
    logger.removeHandler(handler)
    said = attack.history[-1].verdicts.sentences()
    assert tuple(lines[len(lines) - len(said):]) == said
    assert (f'4 points: lmbda {attack.lmbda:.3f}, loss {f_opt:.4f}'
            in lines[-1 - len(said)])
    assert sum(f'loss {value:.6f}' in line for value in attack.f_seq
               for line in lines) >= attack.f_seq.size


@pytest.mark.parametrize('ran', [False, True])
def test_printed_as_secml_prints(ran):
    data = small()
    attack = make(data, 4)
    if ran:
        run(attack, data)
    text = repr(attack)
    assert text.startswith('CAttackPoisoningMinimaxLR{')
    assert "'batch_size': 17" in text and "'lmbda': " in text


def state(value):
    """All that an object of secml holds, as bytes."""
    if isinstance(value, CDataset):
        header = None if value.header is None else value.header.get_params()
        return state(value.X), state(value.Y), repr(header)
    if isinstance(value, CArray):
        # the content: SciPy notes in a sparse array what it found out of it
        return (value.issparse, value.dtype, value.shape,
                value.tondarray().tobytes())
    return hashlib.sha1(pickle.dumps(value)).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize('fitted', [False, True])
@pytest.mark.parametrize('sparse', [False, True])
@pytest.mark.parametrize('poison_mode', ['append', 'replace'])
@pytest.mark.parametrize('preprocess', [None, 'min-max'])
def test_the_users_objects_are_never_changed(fitted, sparse, poison_mode,
                                             preprocess):
    data = [ds.tosparse() if sparse else ds for ds in small()]
    data[0].header = CDatasetHeader(id='mine')
    clf = CClassifierLogistic(C=.7, preprocess=preprocess)
    if fitted:
        clf.fit(data[0].X, data[0].Y)
    bounds = CArray([0., .1]), CArray([1., .9])
    prev = run(make(data, 2, poison_mode=poison_mode, lb=bounds[0],
                    ub=bounds[1]), data)[2]
    mine = (clf, *data, prev, *bounds)
    before = [state(each) for each in mine]
    attack = make(data, 5, clf, poison_mode=poison_mode, lb=bounds[0],
                  ub=bounds[1])
    *_, adv_ds, _ = run(attack, data, ds_init=prev)
    attack.poisoned_data(adv_ds)
    attack.objective_function(adv_ds.X[0, :])
    attack.objective_function_gradient(adv_ds.X[0, :])
    attack.diagnostics()
    assert attack.classifier is clf and attack.training_data is data[0]
    assert clf.is_fitted() is fitted
    assert [state(each) for each in mine] == before
    assert (data[0].append(adv_ds).X.shape[0]) == 45


def test_objective_leaves_the_attacks_points():
    """Stock attacks write the argument into `xc`."""
    data = small()
    attack = make(data, 3)
    adv_ds = run(attack, data)[2]
    here = attack.objective_function(adv_ds.X[0, :])
    assert attack.objective_function(CArray([0., .5])) != here
    attack.objective_function_gradient(CArray([0., .5]))
    assert_array_equal(attack.xc.tondarray(), adv_ds.X.tondarray())
    assert attack.objective_function(adv_ds.X[0, :]) == here


@pytest.mark.parametrize('random_seed', [0, None])
@pytest.mark.parametrize('random_state', [None, 3])
def test_global_random_numbers_are_left_alone(random_seed, random_state):
    data = digits()
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    before = (random.getstate(), pickle.dumps(np.random.get_state()),
              torch.get_rng_state())
    clf = CClassifierLogistic(random_state=random_state)
    attack = make(data, 5, clf, random_seed=random_seed, n_restarts=1)
    run(attack, data)
    attack.objective_function(attack.xc[0, :])
    assert random.getstate() == before[0]
    assert pickle.dumps(np.random.get_state()) == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize('kind, clf', [
    (CAttackPoisoningMinimaxLR, CClassifierLogistic()),
    (CAttackPoisoningMinimaxSoftmax,
     CClassifierMulticlassOVA(CClassifierLogistic)),
    (CAttackPoisoningMinimaxSVM, CClassifierSVM()),
    (CAttackPoisoningMinimaxRidge, CClassifierRidge())])
@pytest.mark.filterwarnings('ignore:the hinge of CClassifierSVM',
                            'ignore:the loss by',
                            'ignore:CClassifierMulticlassOVA trains')
def test_whatever_trains_draws_nothing(kind, clf):
    data = digits()
    before = pickle.dumps(np.random.get_state())
    attack = kind(clf, data[0], data[1], lb=0, ub=1, lmbda_bounds=(-2, 2),
                  solver_params={'n_outer': 2})
    attack.n_points = 2
    run(attack, data)
    attack.learned_lmbda(attack.xc[0, :])
    if kind is CAttackPoisoningMinimaxLR:
        CCertificatePoisoning(attack).run(2, 0.)
    assert pickle.dumps(np.random.get_state()) == before


def test_same_seed_same_bits_whatever_the_global_state():
    data = digits()
    expected = run(make(data, 20, random_seed=4), data)
    random.seed(9), np.random.seed(9), torch.manual_seed(9)
    found = run(make([CDataset(ds.X.deepcopy(), ds.Y.deepcopy())
                      for ds in data], 20, random_seed=4), data)
    assert_same_result(found, expected)
    assert run(make(data, 20, random_seed=5), data)[3] != expected[3]


def test_without_a_seed_each_attack_has_its_own():
    """Which it keeps: a longer run continues a shorter one."""
    data = small()
    attack, other = (make(data, 8, random_seed=None, batch_size=4, joint=False)
                     for _ in range(2))
    first = run(attack, data)
    assert_same_result(run(attack, data), first)
    assert run(other, data)[2].header.starts != first[2].header.starts
    half = run(attack, data, 4)[2]
    assert_same_result(run(attack, data, 8, ds_init=half), first)


def test_positions_of_arguments_are_those_of_stock_attacks():
    stock, ours = (list(inspect.signature(kind.__init__).parameters)
                   for kind in (CAttackPoisoning, CAttackPoisoningMinimax))
    assert ours[:len(stock)] == stock


def test_secmls_default_solver_type_is_this_ascent():
    """It names how the points move; of another name the error says so."""
    data = small()
    found = run(make(data, 4, solver_type='pgd-ls'), data)
    assert_same_result(found, run(make(data, 4, solver_type='rmd'), data))
    attack = make(data)
    attack.set('solver_type', 'pgd-ls')
    assert attack.solver_type == 'rmd'


def test_dmax_0_is_warned_of_where_it_is_given():
    """secml's default, which its attacks ignore; not where it is swept."""
    data = small()
    with pytest.warns(RuntimeWarning, match='`dmax` is 0: no point moves'):
        make(data, dmax=0)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        make(data).set('dmax', 0)


def test_poison_is_joined_to_any_rows():
    """Headers of two runs differ; what joined points share is kept."""
    data = small()
    attack = make(data, 2)
    first, second = (run(attack, data, n)[2] for n in (2, 3))
    for joined in (first.append(second),
                   data[0].append(first).append(second)):
        assert joined.num_samples in (5, 5 + data[0].num_samples)
        assert joined.header.problem_id == first.header.problem_id
        assert not hasattr(joined.header, 'starts')
    twice = first.append(first)
    assert twice.header.get_params() == first.header.get_params()
    # and the joined rows can be attacked, and joined to more poison
    more = run(make((data[0].append(first), *data[1:]), 2), data)[2]
    assert more.append(first).num_samples == 4


def test_values_of_other_rows_alone_are_left_out_of_joined_poison():
    data = small()
    poison = run(make(data, 2), data)[2]
    ids = CArray(np.arange(data[0].num_samples))
    tr = CDataset(data[0].X, data[0].Y, CDatasetHeader(ids=ids, name='x'))
    for joined in (tr.append(poison), poison.append(tr)):
        assert joined.num_samples == tr.num_samples + 2
        assert joined.header.name == 'x'
        assert not hasattr(joined.header, 'ids')


@pytest.mark.parametrize('n_points', [0, 2])
def test_poisoned_data_keeps_the_header_of_the_training_data(n_points):
    """As secml's `append` does; what is one value a row is left out."""
    data = small()
    values = {'name': 'x', 'img_w': 2, 'shape': (1, 2)}
    data[0].header = CDatasetHeader(
        **values, ids=CArray.arange(data[0].num_samples))
    attack = make(data, n_points)
    found = [attack.poisoned_data(run(attack, data)[2])]
    if n_points:
        found.append(attack._update_poisoned_clf()[1])
    for poisoned in found:
        assert poisoned.num_samples == data[0].num_samples + n_points
        assert poisoned.header.get_params() == values


HEADERS = [dict(name='x'), dict(img_w=2, img_h=1), dict(lmbda=77, name='x')]


@pytest.mark.parametrize('header', HEADERS)
def test_poison_is_joined_again_and_again_to_rows_with_a_header(header):
    data = small()
    poison = [run(make(data, n, random_seed=n), data)[2] for n in (2, 3)]
    tr = CDataset(data[0].X, data[0].Y, CDatasetHeader(**header))
    once = tr.append(poison[0])
    joined = once.append(poison[1])
    x = np.vstack([part.X.tondarray() for part in (tr, *poison)])
    y = np.concatenate([part.Y.tondarray() for part in (tr, *poison)])
    assert_array_equal(joined.X.tondarray(), x)
    assert_array_equal(joined.Y.tondarray(), y)
    kept = {name: value for name, value in header.items() if name != 'lmbda'}
    for found in (once, joined):
        params = found.header.get_params()
        assert {name: params[name] for name in kept} == kept
        assert params['problem_id'] == poison[0].header.problem_id
    if 'lmbda' not in header:
        assert once.header.starts == poison[0].header.starts
        assert once.header.lmbda == poison[0].header.lmbda
    # rows that were joined are attacked, and joined to that poison
    more = run(make((joined, *data[1:]), 2), data)[2]
    third = joined.append(more)
    assert third.num_samples == len(x) + 2
    # nothing is said of them all that is true of some
    for found in (joined, third, more.append(joined)):
        assert not {'starts', 'search_settings', 'w_norm'} & set(
            found.header.get_params())
    assert header.get('lmbda') != 77 or not hasattr(third.header, 'lmbda')


def test_poison_with_a_value_for_each_point_is_joined():
    data = small()
    poison = [run(make(data, n, random_seed=n), data)[2] for n in (2, 2, 3)]
    for k, part in enumerate(poison):
        part.header.ids = CArray.arange(part.num_samples) + 10 * k
    tr = CDataset(data[0].X, data[0].Y, CDatasetHeader(
        ids=CArray.zeros(data[0].num_samples, dtype=int)))
    for first in ((), (tr,)):
        parts = (*first, *poison)
        joined = functools.reduce(CDataset.append, parts)
        assert joined.header.ids.tolist() == sum(
            (part.header.ids.tolist() for part in parts), [])


def test_no_poison_has_labels_of_the_data():
    data = small()
    poison = run(make(data, 0), data)[2]
    assert data[0].append(poison).Y.dtype == data[0].Y.dtype == poison.Y.dtype


def test_poisoned_classifier_as_secmls_helpers_train_it():
    """`_update_poisoned_clf`: at the attack's lambda, on the rows that stay
    beside the poison; stock uses the classifier's own C and all rows."""
    data = small()
    attack = make(data, 4, poison_mode='replace', solver_type='implicit')
    poison, f_opt = run(attack, data)[2:]
    clf, rows = attack._update_poisoned_clf()
    assert rows.num_samples == data[0].num_samples
    assert clf.C == pytest.approx(np.exp(-poison.header.lmbda))
    assert loss((clf.w.tondarray(), clf.b.item()), data[1]) == pytest.approx(
        f_opt, rel=1e-6)
    for other in {'clf': CClassifierLogistic()}, {'tr': data[1]}:
        with pytest.raises(ValueError, match=f"`{list(other)[0]}` must be "
                           "None or the attack's own, got 'C"):
            attack._update_poisoned_clf(**other)


@pytest.mark.parametrize('name, value', [
    ('y_target', 1), ('y_poison', 0), ('n_points', 2), ('dmax', .1)])
@pytest.mark.parametrize('wrap', [
    lambda value: CArray([value, 7])[0], lambda value: CArray([[value]]),
    np.array, lambda value: np.asarray([value])[0]])
def test_one_value_of_an_array_is_a_number(tmp_path, name, value, wrap):
    """As secml's indexing returns it: ``y_target=tr.classes[1]``."""
    data, path = small(), tmp_path / 'ckpt'
    attack, expected = make(data, 3), make(data, 3)
    setattr(attack, name, wrap(value))
    setattr(expected, name, value)
    found = run(attack, data, checkpoint=path)
    assert_same_result(found, run(expected, data))
    assert_same_result(run(attack, data, checkpoint=path), found)


def test_numbers_of_numpy_in_changed_solver_params(tmp_path):
    """`solver_params` is a dict: what is put into it later counts, too."""
    data, path = small(), tmp_path / 'ckpt'
    attack, expected = make(data, 3), make(data, 3)
    attack.solver_params.update(
        n_outer=np.int64(3), n_inner=CArray([12])[0], tol=np.float32(.5),
        inner_tol=None)
    expected.solver_params.update(n_outer=3, n_inner=12, tol=.5,
                                  inner_tol=None)
    found = run(attack, data, checkpoint=path)
    assert_same_result(found, run(expected, data))
    assert_same_result(run(expected, data, checkpoint=path), found)
    attack.solver_params['n_outer'] = np.float64(1.5)
    with pytest.raises(ValueError, match='`n_outer` must be a whole number'):
        run(attack, data)
