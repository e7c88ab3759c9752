"""The search in float32: points in float64 and in bounds, the same answers."""
import numpy as np
import pytest

from attack_problems import QUICK, small
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxRidge,
    CAttackPoisoningMinimaxSVM, CClassifierSVMTorch)

from secml.ml.classifiers import CClassifierLogistic, CClassifierRidge
from secml.ml.features.normalization import CNormalizerTFIDF


def run(data, **kwargs):
    """The attack after `run` with 5 points, and what it returned."""
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogistic(C=1), data[0], data[1], solver_params=QUICK,
        **kwargs)
    attack.n_points = 5
    return attack, attack.run(data[2].X, data[2].Y)


@pytest.mark.parametrize('solver_type', ('rmd', 'fmd', 'implicit'))
@pytest.mark.parametrize('learn_lmbda', (True, False))
def test_float32_finds_the_points_of_float64(solver_type, learn_lmbda):
    data = small(d=3)
    double, single = (run(data, dtype=dtype, solver_type=solver_type,
                          learn_lmbda=learn_lmbda)
                      for dtype in ('float64', 'float32'))
    assert (single[1][0] == double[1][0]).all()
    # four steps along derivatives of 1e-5 relative accuracy
    assert single[1][3] == pytest.approx(double[1][3], rel=1e-3)
    assert single[0].lmbda == pytest.approx(double[0].lmbda, abs=.02)
    assert single[1][2].X.dtype == float


@pytest.mark.parametrize('kind, clf', [
    (CAttackPoisoningMinimaxRidge, CClassifierRidge(alpha=.5 * np.exp(-4))),
    (CAttackPoisoningMinimaxSVM, CClassifierSVMTorch(C=np.exp(4))),
    # one search begins where the points end against the L2 penalty
    (CAttackPoisoningMinimaxSVM, CClassifierSVMTorch(
        C=np.exp(4), penalty='l1'))])
def test_a_squared_loss_keeps_its_digits(kind, clf):
    """With fewer rows than columns and little regularisation a search by
    'implicit' in float32 raised, or found other points."""
    data = small(d=60)
    double, single = (
        kind(clf.deepcopy(), data[0], data[1], dtype=dtype,
             solver_type='implicit', learn_lmbda=False, solver_params=QUICK)
        for dtype in ('float64', 'float32'))
    for attack in double, single:
        attack.n_points = 3
        attack.run(data[2].X, data[2].Y)
    assert single.f_opt == double.f_opt


@pytest.mark.parametrize('distance', ('l1', 'l2'))
def test_points_are_in_their_bounds_in_float64(distance):
    """0.1 is larger in float32, and so is a radius."""
    data = small(d=3)
    attack, (_, _, adv_ds, _) = run(
        data, dtype='float32', lb=.3, ub=.7 - 1e-9, dmax=.1,
        distance=distance)
    x = adv_ds.X.tondarray()
    assert x.min() >= .3 and x.max() <= .7 - 1e-9
    order = {'l1': 1, 'l2': 2}[distance]
    starts = data[1].X.tondarray().clip(.3, .7 - 1e-9)
    nearest = np.linalg.norm(x[:, None] - starts, order, axis=2).min(1)
    assert nearest.max() <= .1 * (1 + 1e-12)


def test_a_frozen_preprocess_wants_float64():
    with pytest.raises(ValueError, match="`dtype` must be 'float64' with a "
                       "frozen preprocess, got 'float32'"), \
            pytest.warns(RuntimeWarning, match='is frozen'):
        data = small(d=3)
        CAttackPoisoningMinimaxLR(
            CClassifierLogistic(preprocess=CNormalizerTFIDF()), data[0],
            data[1], dtype='float32')
