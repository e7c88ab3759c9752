"""Each kind of classifier under each option of the attack."""
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.special import logsumexp

from attack_invariants import assert_sound
from attack_problems import BATCHES, clouds, run
from secml_regpoison import (
    CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxRidge,
    CAttackPoisoningMinimaxSoftmax, CAttackPoisoningMinimaxSVM,
    CClassifierLogisticTorch, CClassifierSoftmaxTorch, CClassifierSVMTorch,
    CFeasibleInteger, CFeasibleMask, CFeasibleSphereSlab)
from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierRidge

D = 4


def logistic(scores, y):
    return np.logaddexp(0, (1 - 2 * y) * scores[:, 1])


def squared_hinge(scores, y):
    return np.maximum(0, 1 + (1 - 2 * y) * scores[:, 1]) ** 2


def squared(scores, y):
    return (1 + (1 - 2 * y) * scores[:, 1]) ** 2


def cross_entropy(scores, y):
    return logsumexp(scores, 1) - scores[np.arange(len(y)), y]


MODELS = {
    'svm': (CAttackPoisoningMinimaxSVM, CClassifierSVMTorch, squared_hinge),
    'ridge': (CAttackPoisoningMinimaxRidge, CClassifierRidge, squared),
    'softmax': (CAttackPoisoningMinimaxSoftmax, CClassifierSoftmaxTorch,
                cross_entropy),
    'logistic l1': (
        CAttackPoisoningMinimaxLR, lambda **kwargs: CClassifierLogisticTorch(
            penalty='l1', **kwargs), logistic),
    'svm l1': (CAttackPoisoningMinimaxSVM, lambda **kwargs:
               CClassifierSVMTorch(penalty='l1', **kwargs), squared_hinge)}
models = pytest.mark.parametrize('model', MODELS)

OPTIONS = {
    'a target': {'y_target': 1},
    'a ball': {'dmax': .2},
    'a ball of l1': {'dmax': .3, 'distance': 'l1'},
    'increments': {'lb': 'x0', 'ub': 1.2},
    'batches': BATCHES,
    'worst labels': {'y_poison': 'worst'},
    'a class': {'y_poison': 1},
    'a label a point': {'y_poison': CArray([0, 1, 1, 0, 1, 1])},
    'restarts': {'n_restarts': 1},
    'fixed lambda': {'learn_lmbda': False},
    'replace': {'poison_mode': 'replace'},
    'float32': {'dtype': 'float32'},
    'steps': {'solver_type': 'rmd'},
    'forward mode': {'solver_type': 'fmd'},
    'steps of secml': {'solver_params': {'eta': .05, 'eta_max': .1,
                                         'max_iter': 2}},
    'own rows': {'attacker_set': True},
    'a filter': {'feasible': CFeasibleSphereSlab(.8)},
    'whole numbers': {'feasible': CFeasibleInteger()},
    'a mask': {'feasible': CFeasibleMask((0,), (1,))},
    'a preprocess': {'preprocess': 'mean-std'}}


def data_of(model):
    """Clouds of two classes, or of three; 40, 24 and 60 rows."""
    data = [clouds(n, seed, d=D) for seed, n in enumerate((40, 24, 60), 1)]
    if model != 'softmax':
        return data
    return [CDataset(part.X, CArray(np.where(
        np.arange(part.num_samples) % 3 == 2, 2, part.Y.tondarray())))
        for part in data]


def make(model, data, preprocess=None, attacker_set=False, **kwargs):
    kind, classifier, _ = MODELS[model]
    attack = kind(classifier(preprocess=preprocess), *data[:2], **{
        'solver_type': 'implicit', 'lmbda_bounds': (-3, 5),
        'solver_params': {'n_outer': 2, 'n_inner': 20},
        'attacker_set': data[2] if attacker_set else None, **kwargs})
    attack.n_points = 6
    return attack


@models
@pytest.mark.parametrize('option', OPTIONS)
def test_every_option(model, option):
    if option == 'forward mode' and 'l1' in model:
        pytest.skip('proximal steps have no forward mode')
    data = data_of(model)
    attack = make(model, data, **OPTIONS[option])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        result = run(attack, data)
        assert_sound(attack, data, result, MODELS[model][2])
    found = result[2]
    if 'feasible' in OPTIONS[option]:
        x, start = (part.tondarray() for part in (
            found.X, attack.starting_points(found)))
        if option == 'whole numbers':
            assert_array_equal(x, x.round())
        if option == 'a mask':
            assert_array_equal(x[:, 0], start[:, 0])
            assert (x[:, 1] >= start[:, 1]).all()


@models
def test_diagnostics_a_sweep_and_its_plots(model):
    data = data_of(model)
    attack = make(model, data)
    evaluation = CSecEval(attack, 'n_points', CArray([0, 3, 6]),
                          save_adv_ds=True)
    evaluation.run_sec_eval(data[2])
    found = evaluation.sec_eval_data
    assert (np.diff(found.fobj.tondarray()) > 0).all()
    shown = str(attack.diagnostics())
    assert f'{attack.adv_ds.header.lmbda:9.3f}' in shown
    assert 'attacker: free gradient' in shown
    fig = CFigure(height=4, width=8)
    fig.sp.plot_sec_eval_minimax(found)
    fig.subplot(1, 2, 2)
    fig.sp.plot_lmbda(found)
    drawn = fig.sp._sp.lines[0].get_ydata()
    np.testing.assert_allclose(
        drawn, [ds.header.lmbda for ds in found.adv_ds])
    fig.close()
