"""Attacks on a GPU, pretended and real, end as on the CPU."""
import pytest

from attack_problems import clouds, make, run
from secml_regpoison import (
    CClassifierLogisticTorch, CFeasibleInteger, CFeasibleMask,
    CFeasibleSphereSlab)
from secml.ml.classifiers import CClassifierLogistic

IMPLICIT = {'solver_type': 'implicit'}
SHORT = {'n_outer': 2, 'n_inner': 8}
TRUST = {'learn_lmbda': 'trust', 'clf': CClassifierLogisticTorch(), **IMPLICIT}


def on(device, **settings):
    """Loss and lambda of an attack there, and its points."""
    data = [clouds(n_rows, seed, d=3) for seed, n_rows in enumerate(
        (20, 12, 10))]
    if 'attacker_set' in settings:
        settings['attacker_set'] = clouds(10, 8, d=3)
    attack = make(data, 3, device=device, lmbda_bounds=(-1., 1.), **{
        'solver_params': SHORT, **settings})
    _, _, adv_ds, _ = run(attack, data)
    if attack.learn_lmbda != 'trust':
        attack.diagnostics()
    return (attack.f_opt, attack.lmbda), adv_ds


def preprocessed(preprocess):
    return CClassifierLogistic(preprocess=preprocess)


@pytest.mark.usefixtures('gpu')
@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('settings', [
    {}, {'learn_lmbda': False, 'dmax': .2}, {'dmax': .2, 'distance': 'l1'},
    {'joint': False, 'batch_size': 2, 'solver_params': {**SHORT, 'eta': .1}},
    {'lb': None, 'ub': None, 'clf': preprocessed('mean-std'), **IMPLICIT},
    {'clf': preprocessed('min-max'), 'y_target': 1}, {'n_restarts': 1},
    {'y_poison': 'worst', 'poison_mode': 'replace', **IMPLICIT},
    {'feasible': CFeasibleSphereSlab(.8), **IMPLICIT},
    {'feasible': (CFeasibleMask(fixed=[2]), CFeasibleInteger([0]))},
    {'attacker_set': None, 'camouflage': .5, **IMPLICIT},
    {**TRUST, 'attacker_set': None, 'camouflage': 0.},
    {'dtype': 'float32', **IMPLICIT}],
    ids=lambda settings: ', '.join(settings) or 'defaults')
def test_an_attack_ends_as_on_the_cpu(settings):
    (expected, _), (found, adv_ds) = (on(device, **settings)
                                      for device in ('cpu', 'cuda'))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert adv_ds.num_samples == 3
