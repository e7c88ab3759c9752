"""What the search in float32 costs and what it changes.

A security evaluation in both precisions: processor seconds, and the largest
differences of test error and lambda over the strengths. Everything reported
is computed in float64 by both. Writes float32_strengths.csv.
"""
from pathlib import Path

from secml_regpoison import CAttackPoisoningMinimaxLR, CClassifierLogisticTorch
from secml_regpoison.data import load_data, split_data

from secml.settings import SECML_DS_DIR

from common import (
    N_TRAIN, N_VAL, Claim, one_thread, report, seconds, write_csv)

STRENGTHS = (0, 17, 85)
STAND_IN = Path(SECML_DS_DIR) / 'dogfish-standin' / 'dogfish_standin.npz'
DATA = {'MNIST 0 v 8': 'mnist', 'Fashion-MNIST': 'fashion-mnist',
        'dog-fish stand-in': str(STAND_IN)}


def evaluate(split, dtype, learn_lmbda):
    """Test error and lambda at each strength, and the seconds."""
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(C=1), split.train, split.val, lb=split.lb,
        ub=split.ub, learn_lmbda=learn_lmbda, poison_mode='replace',
        dtype=dtype)
    found, last = [], None

    def run():
        nonlocal last
        for n_points in STRENGTHS:
            attack.n_points = n_points
            y_pred, _, last, _ = attack.run(split.test.X, split.test.Y, last)
            found.append((100 * float((y_pred != split.test.Y).mean()),
                          attack.lmbda))
    return found, seconds(run)


def main():
    rows, claims = [], []
    for name, source in DATA.items():
        if source == str(STAND_IN) and not STAND_IN.exists():
            print(f'skipped: {name}, for lack of {STAND_IN.name} in the '
                  'dataset folder')
            continue
        split = split_data(load_data(source), N_TRAIN, N_VAL, seed=0)
        for learn_lmbda in (True, False):
            policy = 'learned' if learn_lmbda else 'lambda = 0'
            double, slow = evaluate(split, 'float64', learn_lmbda)
            single, fast = evaluate(split, 'float32', learn_lmbda)
            rows += [{'data': name, 'policy': policy, 'n_points': n_points,
                      'error_float64': a[0], 'error_float32': b[0],
                      'lmbda_float64': a[1], 'lmbda_float32': b[1]}
                     for n_points, a, b in zip(STRENGTHS, double, single)]
            error, lmbda = (max(abs(a[i] - b[i])
                                for a, b in zip(double, single))
                            for i in (0, 1))
            case = f'{name}, {policy}, up to {STRENGTHS[-1]} points'
            for what, value, unit in (
                    ('float32 against float64, test error differs by', error,
                     ' points'),
                    ('float32 against float64, lambda differs by', lmbda, ''),
                    ('float32 against float64', slow / fast, 'x as fast')):
                claims.append(Claim(what, case, value, value, value, unit))
    write_csv('float32_strengths', rows)
    report('float32_vs_float64', claims)


if __name__ == '__main__':
    with one_thread():
        main()
