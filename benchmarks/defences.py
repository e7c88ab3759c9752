"""Certificates: gap and seconds; a filter beside lambda: test errors.

A sixth of the training rows is poison, appended for the certificates as they
are by default, in the place of clean rows for the errors. The tabular file is
scikit-learn's breast cancer data, standardised.
"""
import warnings
from dataclasses import replace

import numpy as np

from common import Claim, N_TRAIN, N_VAL, one_thread, report, standardised

N_SPLITS = 2


def data_sets():
    """Name, split and box of each."""
    from sklearn.datasets import load_breast_cancer

    from secml.array import CArray
    from secml.data import CDataset
    from secml_regpoison.data import load_data, split_data
    for name in ('mnist', 'fashion-mnist'):
        split = split_data(load_data(name), N_TRAIN, N_VAL, seed=0)
        yield name, split
    x, y = load_breast_cancer(return_X_y=True)
    rows = CDataset(CArray(x[:300]), CArray(y[:300]))
    yield 'breast cancer', standardised(replace(
        split, train=rows, val=rows, test=rows,
        lb=rows.X.min(axis=0).ravel(), ub=rows.X.max(axis=0).ravel()))


def certificates(name, split):
    """Claims on the gap and the seconds at each lambda."""
    from secml_regpoison import (
        CAttackPoisoningMinimaxLR, CCertificatePoisoning,
        CClassifierLogisticTorch, CFeasibleSphereSlab)
    for kind, feasible, least in (('box', None, 6),
                                  ('filter', CFeasibleSphereSlab(), 4)):
        certify = CCertificatePoisoning(CAttackPoisoningMinimaxLR(
            CClassifierLogisticTorch(), split.train, split.val, lb=split.lb,
            ub=split.ub, feasible=feasible))
        for lmbda in (8, 6, 4, 2):
            found = certify.run(split.train.num_samples // 6, lmbda)
            case = f'{name}, {kind}, lambda {lmbda}'
            for what, value, unit, target in (
                    ('certificate, gap', 100 * found.gap, ' %', '<= 2'),
                    ('certificate, processor', found.seconds_cpu, ' s',
                     '< 10')):
                yield Claim(what, case, value, value, value, unit,
                            target if lmbda >= least else '')


def errors(seed):
    """Test errors at 85 points of MNIST, by defence."""
    from secml_regpoison.data import load_data, split_data
    from secml_regpoison.experiment.filters import filter_split
    from secml_regpoison.experiment.plan import Plan
    from secml_regpoison.experiment.policy_attack import make_attack
    split = split_data(load_data('mnist'), N_TRAIN, N_VAL, seed)
    dropped = filter_split(split, 'sphere-slab', None)
    plan = Plan(n_points=(85,), solver_type='implicit',
                attack_params={'y_poison': 'worst'})
    for defence, rows, policy, target in (
            ('learned lambda alone', split, 'learned', ''),
            ('filter of the poison alone, lambda -8',
             replace(split, feasible=dropped.feasible), -8., ''),
            ('filter of the poison, learned lambda',
             replace(split, feasible=dropped.feasible), 'learned', '<= 6'),
            ('filter alone, lambda -8', dropped, -8., ''),
            ('filter, learned lambda', dropped, 'learned', '<= 6')):
        attack = make_attack(rows, plan, policy, seed)
        attack.n_points = 85
        y_pred = attack.run(split.test.X, split.test.Y)[0]
        yield defence, target, 100 * float(np.mean(
            (y_pred != split.test.Y).tondarray()))


def main():
    warnings.simplefilter('ignore', RuntimeWarning)
    claims = [claim for name, split in data_sets()
              for claim in certificates(name, split)]
    for of_defence in zip(*map(errors, range(N_SPLITS))):
        defence, target, _ = of_defence[0]
        values = [value for _, _, value in of_defence]
        claims.append(Claim(
            f'test error, {defence}', f'MNIST 0 v 8, {N_SPLITS} splits',
            max(values), min(values), max(values), ' %', target))
    report('defences', claims)


if __name__ == '__main__':
    with one_thread():
        main()
