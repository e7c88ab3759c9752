"""How strong the attack is: loss and test error at 85 points of 512 rows.

The evaluated classifier is the paper's, the solver the exact one unless said.
The targets are of split 0; worst_case_splits.csv has all splits. Seconds are
of one `run`, processor seconds on one thread, the labels' search included.
"""
import math
from time import process_time

from secml_regpoison import CAttackPoisoningMinimaxLR, CClassifierLogisticTorch
from secml_regpoison.data.sources import load_data
from secml_regpoison.data.splits import split_data

from common import N_TRAIN, N_VAL, Claim, one_thread, report, write_csv

N_STRONGEST, N_SPLITS, LARGE = 85, 3, math.log(1000)
# data, lambda (None: learned), y_poison, solver, and the targets of the loss,
# of the test error in % and of the seconds
SETTINGS = (
    ('mnist', 0., 'flip', 'implicit', '>= 1.9', '', '<= 5'),
    ('mnist', -8., 'flip', 'implicit', '>= 67', '', '<= 9'),
    ('mnist', None, 'flip', 'implicit', '>= 0.437', '', '<= 2'),
    ('mnist', -8., 'flip', 'rmd', '', '', ''),
    ('fashion-mnist', 0., 'flip', 'implicit', '>= 1.72', '', '<= 6'),
    ('fashion-mnist', None, 'flip', 'implicit', '>= 0.511', '', ''),
    ('mnist', None, 'worst', 'implicit', '', '>= 11.5', '<= 10'),
    ('mnist', LARGE, 'worst', 'implicit', '', '>= 22', '<= 10'),
    ('mnist', 0., 'worst', 'implicit', '', '>= 20', '<= 15'),
    ('fashion-mnist', None, 'worst', 'implicit', '', '>= 22', '<= 10'),
    ('fashion-mnist', LARGE, 'worst', 'implicit', '', '>= 29', '<= 10'))


def attack(split, seed, lmbda, y_poison, solver):
    """One attack; what is measured of it."""
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(lmbda=lmbda or 0.), split.train, split.val,
        learn_lmbda=lmbda is None, poison_mode='replace', y_poison=y_poison,
        solver_type=solver, random_seed=seed)
    attack.n_points = N_STRONGEST
    began = process_time()
    y_pred, _, _, loss = attack.run(split.test.X, split.test.Y)
    record = attack.history[-1]
    return {'loss': loss, 'solver_loss': record.solver_loss,
            'test_error_percent': 100 * float((y_pred != split.test.Y).mean()),
            'lmbda': attack.lmbda, 'first_label': record.n_labels[0],
            'second_label': record.n_labels[1],
            'seconds': process_time() - began}


def rows(setting):
    """A dictionary a split."""
    data, lmbda, y_poison, solver, *_ = setting
    for seed in range(N_SPLITS):
        split = split_data(load_data(data), N_TRAIN, N_VAL, seed)
        yield {'data': data, 'lambda': 'learned' if lmbda is None
               else f'{lmbda:.4g}', 'y_poison': y_poison, 'solver': solver,
               'split': seed, **attack(split, seed, lmbda, y_poison, solver)}


def main():
    claims, lines = [], []
    for setting in SETTINGS:
        here = list(rows(setting))
        lines += here
        write_csv('worst_case_splits', lines)
        case = '{data}, lambda {lambda}, labels {y_poison}, {solver}'.format(
            **here[0])
        for what, unit, target in zip(
                ('loss', 'test_error_percent', 'seconds'), ('', ' %', ' s'),
                setting[4:]):
            values = [row[what] for row in here]
            claims.append(Claim(
                f"attack's {what.removesuffix('_percent').replace('_', ' ')}",
                case, values[0], min(values), max(values), unit, target))
        report('worst_case', claims)


if __name__ == '__main__':
    with one_thread():
        main()
