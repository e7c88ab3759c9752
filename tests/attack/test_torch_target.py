"""The attack on `CClassifierLogisticTorch`, whose objective is its own."""
import pickle
import random

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from attack_problems import loss, make, run, small, solver_value
from secml_regpoison import CClassifierLogisticTorch

from secml.adv.seceval import CSecEval
from secml.array import CArray


@pytest.mark.parametrize('n_points', [0, 6])
def test_its_loss_is_the_attacks_own(n_points):
    """The classifier and the solver train the same model to its end."""
    data = small()
    attack = make(data, n_points, CClassifierLogisticTorch(),
                  solver_type='implicit')
    adv_ds, f_opt = run(attack, data)[2:]
    poisoned = attack.poisoned_data(adv_ds)
    clf = CClassifierLogisticTorch(lmbda=attack.lmbda).fit(
        poisoned.X, poisoned.Y)
    assert_allclose(loss((clf.w.tondarray(), clf.b), data[1]), f_opt,
                    rtol=1e-7)
    assert_allclose(solver_value(attack), f_opt, rtol=1e-7)


@pytest.mark.parametrize('param_name, values', [
    ('classifier.C', [.01, 1., 100.]), ('classifier.lmbda', [4., 0., -4.])])
def test_sweeps_of_its_strength(param_name, values):
    data = small()
    attack = make(data, 4, CClassifierLogisticTorch(), learn_lmbda=False)
    sec_eval = CSecEval(attack, param_name, CArray(values), save_adv_ds=True)
    sec_eval.run_sec_eval(data[2])
    found = sec_eval.sec_eval_data
    assert len(set(found.fobj.tolist())) == 3
    assert_allclose([ds.header.lmbda for ds in found.adv_ds],
                    values if 'lmbda' in param_name else -np.log(values))
    norms = [ds.header.w_norm for ds in found.adv_ds]
    assert norms == sorted(norms)


def test_copies_seeds_and_labels():
    data = small(labels=(3, 8))
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    before = (random.getstate(), pickle.dumps(np.random.get_state()),
              torch.get_rng_state())
    attack = make(data, 5, CClassifierLogisticTorch(solver='sgd', epochs=3))
    expected = run(attack, data)
    other = pickle.loads(pickle.dumps(attack)).deepcopy()
    found = run(other, data)
    assert_array_equal(found[1].tondarray(), expected[1].tondarray())
    assert set(found[0].tolist()) == {3, 8}
    assert random.getstate() == before[0]
    assert pickle.dumps(np.random.get_state()) == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_one_lambda_is_not_searched_by_fits(monkeypatch):
    """Equal bounds: no more fits than with lambda fixed there."""
    fits, fit = [], CClassifierLogisticTorch.fit
    monkeypatch.setattr(CClassifierLogisticTorch, 'fit', lambda self, x, y:
                        fits.append(self.lmbda) or fit(self, x, y))
    counts = []
    for learn_lmbda in (True, False):
        fits.clear()
        run(make(small(), 2, CClassifierLogisticTorch(
            lmbda=.5, solver='sgd', epochs=1), lmbda_bounds=(.5, .5),
            learn_lmbda=learn_lmbda), small())
        counts.append(len(fits))
        assert set(fits) == {.5}
    assert counts[0] == counts[1] > 0
