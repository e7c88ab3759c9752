"""Poisoning attacks on linear classifiers whose owner re-tunes lambda.

Importing this package registers its attacks, loaders and plots with secml.
Where secml is not installed, `secml_regpoison.core` can still be imported;
anything else raises an ImportError that says what to type. The command
``secml-regpoison`` registers them when it starts to work: its help and its
refusals need neither secml nor torch.
"""
from . import compat
from .version import __version__

__all__ = ['CAttackPoisoningMinimaxLR', 'CAttackPoisoningMinimaxRidge',
           'CAttackPoisoningMinimaxSVM', 'CAttackPoisoningMinimaxSoftmax',
           'CCertificatePoisoning',
           'CClassifierLogisticTorch', 'CClassifierSVMTorch',
           'CClassifierSoftmaxTorch',
           'CDataLoaderDogFish', 'CDataLoaderFashionMNIST',
           'CFeasibleInteger', 'CFeasibleMask', 'CFeasibleSphereSlab',
           'CPlotRegPoison', 'PoisoningCurveDisplay', 'poisoning_curve',
           '__version__']


def __getattr__(name):
    """A public name that was not needed until now."""
    if name in ('poisoning_curve', 'PoisoningCurveDisplay'):
        from .experiment import poisoning_curve_display as display
        return getattr(display, name)
    if name in __all__:
        from . import registration
        return getattr(registration, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


if not (compat.is_command(__name__ + '.cli')
        or compat.secml_problem() and compat.importing(__name__ + '.core')):
    from .registration import (
        CAttackPoisoningMinimaxLR, CAttackPoisoningMinimaxRidge,
        CAttackPoisoningMinimaxSoftmax, CAttackPoisoningMinimaxSVM,
        CCertificatePoisoning, CClassifierLogisticTorch,
        CClassifierSoftmaxTorch, CClassifierSVMTorch,
        CDataLoaderDogFish, CDataLoaderFashionMNIST, CFeasibleInteger,
        CFeasibleMask, CFeasibleSphereSlab, CPlotRegPoison)
