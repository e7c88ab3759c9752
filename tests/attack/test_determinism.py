"""The same bits on one machine, whatever runs beside."""
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from attack_problems import digits, make, run, small

from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CClassifierLogisticTorch)
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset

TESTS = Path(__file__).parent


def attacked(seed, solver_type='rmd'):
    """All numbers of a security evaluation, as bytes and as an array."""
    data = digits()
    attack = make(data, solver_type=solver_type, random_seed=seed,
                  batch_size=3, n_restarts=1)
    sec_eval = CSecEval(attack, 'n_points', CArray([0, 3, 6]),
                        save_adv_ds=True)
    sec_eval.run_sec_eval(data[2])
    found = sec_eval.sec_eval_data
    return np.concatenate([np.ravel(part) for part in (
        found.fobj.tondarray(), found.Y_pred[2].tondarray(),
        found.scores[2].tondarray(), found.adv_ds[2].X.tondarray(),
        [ds.header.lmbda for ds in found.adv_ds])])


def global_state():
    return (random.getstate(), pickle.dumps(np.random.get_state()),
            torch.get_rng_state().numpy().tobytes())


@pytest.fixture(scope='module')
def alone():
    """Four attacks, one after the other, on one thread as joblib's workers
    have it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [attacked(seed) for seed in range(4)]
    finally:
        torch.set_num_threads(threads)


def on_one_thread(seed):
    torch.set_num_threads(1)
    return attacked(seed)


@pytest.mark.slow
@pytest.mark.parametrize('backend, n_jobs', [
    ('loky', 2), ('loky', 3), ('multiprocessing', 2)])
def test_whatever_the_number_of_workers(alone, backend, n_jobs):
    with joblib.parallel_config(backend):
        found = joblib.Parallel(n_jobs)(
            joblib.delayed(on_one_thread)(seed) for seed in range(4))
    assert [each.tobytes() for each in found] == [
        each.tobytes() for each in alone]
    # another seed, other bits
    assert len({each.tobytes() for each in found}) == 4


@pytest.mark.slow
@pytest.mark.parametrize('solver_type', ['rmd', 'fmd', 'implicit'])
def test_global_random_state_is_neither_read_nor_written(solver_type):
    results = []
    for seed in (1, 2):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        before = global_state()
        results.append(attacked(0, solver_type).tobytes())
        assert global_state() == before
    assert results[0] == results[1]


@pytest.mark.parametrize('clf, kwargs', [
    ({}, {'y_poison': 'worst'}), ({'solver': 'sgd'}, {'dmax': .2}),
    ({}, {'learn_lmbda': False}),
    ({}, {'learn_lmbda': 'trust', 'solver_type': 'implicit'})],
    ids=['labels', 'sgd', 'fixed', 'trust'])
def test_the_default_device_of_torch_plays_no_part(clf, kwargs):
    def found():
        attack = make(small(), 3, CClassifierLogisticTorch(**clf), **kwargs)
        poison, value = run(attack, small())[2:]
        told = () if attack.learn_lmbda == 'trust' else (
            str(attack.diagnostics()), attack.check_gradient())
        return (poison.X.tolist(), value, *told)
    expected = found()
    with torch.device('meta'):  # what `torch.set_default_device` sets
        assert str(found()) == str(expected)


def test_a_worker_leaves_its_random_state_too():
    def state_kept(seed):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        before = global_state()
        run(make(digits(), 3), digits())
        return global_state() == before
    assert all(joblib.Parallel(2)(
        joblib.delayed(state_kept)(seed) for seed in range(2)))


ONE_ATTACK = """
import sys, numpy, torch
sys.path.insert(0, sys.argv[1])
from test_determinism import attacked
torch.set_num_threads(int(sys.argv[2]))
numpy.save(sys.argv[3], attacked(0))
"""


@pytest.fixture(scope='module')
def with_threads(tmp_path_factory):
    folder = tmp_path_factory.mktemp('threads')

    def call(n, name):
        path = folder / f'{name}.npy'
        if path.exists():
            return np.load(path)
        subprocess.run(
            [sys.executable, '-c', ONE_ATTACK, TESTS, str(n), path],
            check=True, cwd=folder, env={
                **os.environ, **dict.fromkeys((
                    'OMP_NUM_THREADS', 'MKL_NUM_THREADS',
                    'OPENBLAS_NUM_THREADS'), str(n)),
                'PYTHONPATH': os.pathsep.join(sys.path)})
        return np.load(path)
    return call


@pytest.mark.slow
def test_whatever_the_process(with_threads, alone):
    assert with_threads(1, 'one').tobytes() == alone[0].tobytes()
    assert with_threads(2, 'two').tobytes() == with_threads(
        2, 'again').tobytes()


@pytest.mark.slow
def test_whatever_the_number_of_threads(with_threads, alone):
    """Sums are added in another order, and a move multiplies what differs."""
    found = with_threads(2, 'two')
    np.testing.assert_allclose(found, alone[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[:3], alone[0][:3], rtol=1e-6)


def attack_on(training_data):
    """The numbers of an attack, as bytes."""
    rng = np.random.default_rng(0)
    val = CDataset(rng.normal(size=(18, 3)) + np.arange(18)[:, None] % 2,
                   np.arange(18) % 2)
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(), training_data, val, lb=-3, ub=3,
        poison_mode='replace', solver_params={'n_outer': 8})
    attack.n_points = 3
    _, _, adv_ds, f_opt = attack.run(val.X, val.Y)
    return np.append(adv_ds.X.tondarray(), f_opt).tobytes()


@pytest.mark.parametrize('seed', [0, 4, 10])
def test_rows_in_any_order_of_memory(seed):
    """Sparse rows, which secml's indexing turns to columns, stay as they are:
    the same attack twice has the same bits, as have C and Fortran order."""
    x, y = np.random.default_rng(seed).normal(size=(24, 3)), np.arange(24) % 2
    x[y == 1] += 1
    assert attack_on(CDataset(x, y)) == attack_on(
        CDataset(np.asfortranarray(x), y))
    sparse = CDataset(CArray(x).tosparse(), y)
    assert attack_on(sparse) == attack_on(sparse)
    assert sparse.X._data._data.format == 'csr'
