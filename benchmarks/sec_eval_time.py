"""A whole security evaluation on one core: MNIST 0 v 8, 0 to 85 points,
lambda learned at each strength, poison in the place of clean rows."""
import statistics

from secml_regpoison import CAttackPoisoningMinimaxLR, CClassifierLogisticTorch

from secml.adv.seceval import CSecEval
from secml.array import CArray

from common import Claim, mnist_split, one_thread, report, seconds

STRENGTHS = (0, 17, 34, 51, 68, 85)
N_SPLITS = 3
CASE = f'MNIST 0 v 8, {STRENGTHS[0]} to {STRENGTHS[-1]} points, learned lambda'


def make_attack(split, solver):
    """The attack whose evaluation is timed."""
    return CAttackPoisoningMinimaxLR(
        CClassifierLogisticTorch(C=1), split.train, split.val,
        poison_mode='replace', solver_type=solver)


def main():
    claims = []
    for solver in ('rmd', 'implicit'):
        times = []
        for seed in range(N_SPLITS):
            split = mnist_split(seed)
            sec_eval = CSecEval(make_attack(split, solver), 'n_points',
                                CArray(STRENGTHS))
            times.append(seconds(lambda: sec_eval.run_sec_eval(split.test)))
        claims.append(Claim(f'security evaluation, {solver}', CASE,
                            statistics.median(times), min(times), max(times),
                            ' s', '< 15'))
    report('sec_eval_time', claims)


if __name__ == '__main__':
    with one_thread():
        main()
