"""Where the time of a security evaluation goes, from a profiler.

MNIST 0 v 8, 0 to 85 points in the place of clean rows, lambda learned, the
project's classifier. Each second belongs to one part: to the outermost of
`WHOLE` that is at work, else to the innermost of `PARTS`, else to the rest.
Writes the shares.
"""
import functools
import pkgutil
import time
from contextlib import ExitStack
from unittest import mock

from secml_regpoison import CAttackPoisoningMinimaxLR, CClassifierLogisticTorch

from secml.adv.seceval import CSecEval
from secml.array import CArray

from common import Claim, mnist_split, one_thread, report

STRENGTHS = (0, 17, 34, 51, 68, 85)
PACKAGE = 'secml_regpoison.'
PARTS = {
    'training steps and their reverse': ('core.solvers.rmd.heavy_ball',),
    'kernel rows and step size': ('core.linear_model.make_coordinates',
                                  'core.solvers.rmd.top_eigenpair',
                                  'core.solvers.rmd.smoothness'),
    "points' derivative": ('core.solvers.training.RowGradients.from_row',
                           'core.solvers.training.RowGradients.lmbda',
                           'core.solvers.implicit._grad_lmbda'),
    'linear system of the optimum': ('core.solvers.implicit.solve_hessian',),
    'validation loss and its gradient': (
        'core.linear_model.LinearModel.losses',
        'core.linear_model.LinearModel.val_gradient'),
    "defender's Newton steps": ('core.solvers.newton._newton_steps',
                                'core.solvers.newton._warm_start')}
WHOLE = {
    'retraining of the classifier': (
        'classifier.c_classifier_linear_torch.CClassifierLinearTorch.fit',),
    'checks of data and settings': (
        'attack.c_attack_poisoning_minimax.CAttackPoisoningMinimax.'
        '_prepare',)}


class Shares:
    """Processor seconds by part."""

    def __init__(self):
        self.seconds = dict.fromkeys((*PARTS, *WHOLE, 'the rest'), 0.)
        self.stack, self.since = ['the rest'], time.process_time()

    def book(self):
        """Seconds since the last change belong to the part at work."""
        now = time.process_time()
        self.seconds[self.stack[-1]] += now - self.since
        self.since = now

    def watched(self, part, function):
        """`function`, whose seconds are those of `part`."""
        @functools.wraps(function)
        def run(*args, **kwargs):
            if self.stack[-1] in WHOLE:
                return function(*args, **kwargs)
            self.book()
            self.stack.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self.book()
                self.stack.pop()
        return run


def measure(work):
    """Seconds of `work` by part."""
    shares = Shares()
    with ExitStack() as patches:
        for part, names in {**PARTS, **WHOLE}.items():
            for name in names:
                target, attribute = (PACKAGE + name).rsplit('.', 1)
                owner = pkgutil.resolve_name(target)
                patches.enter_context(mock.patch.object(
                    owner, attribute,
                    shares.watched(part, getattr(owner, attribute))))
        shares.since = time.process_time()
        work()
        shares.book()
    return shares.seconds


def main():
    claims = []
    for solver in ('rmd', 'implicit'):
        split = mnist_split()
        attack = CAttackPoisoningMinimaxLR(
            CClassifierLogisticTorch(C=1), split.train, split.val,
            poison_mode='replace', solver_type=solver)
        sec_eval = CSecEval(attack, 'n_points', CArray(STRENGTHS))
        found = measure(lambda: sec_eval.run_sec_eval(split.test))
        total = sum(found.values())
        for part, used in found.items():
            share = 100 * used / total
            is_other = part in ('the rest', 'checks of data and settings')
            claims.append(Claim(
                f'share of {part}', f'security evaluation, {solver}, '
                f'{total:.1f} s', share, share, share, ' %',
                '<= 10' if is_other else ''))
    report('sec_eval_profile', claims)


if __name__ == '__main__':
    with one_thread():
        main()
