"""Poisoning attacks on linear classifiers whose owner re-tunes lambda.

Importing this package registers its attacks, loaders and plots with secml.
Where secml is not installed, `secml_regpoison.core` can still be imported;
anything else raises an ImportError that says what to type.
"""
from . import compat
from .version import __version__

__all__ = ['CAttackPoisoningMinimaxLR', 'CClassifierLogisticTorch',
           'CDataLoaderDogFish', 'CDataLoaderFashionMNIST', 'CPlotRegPoison',
           '__version__']

if compat.secml_problem() and compat.importing(__name__ + '.core'):
    def __getattr__(name):
        if name in __all__:
            raise ImportError(compat.secml_problem())
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
else:
    compat.apply()
    from .attack.c_attack_poisoning_minimax_lr import CAttackPoisoningMinimaxLR
    from .classifier.c_classifier_logistic_torch import (
        CClassifierLogisticTorch)
    from .data.c_dataloader_dogfish import CDataLoaderDogFish
    from .data.c_dataloader_fashion_mnist import CDataLoaderFashionMNIST
    from .figure.c_plot_regpoison import CPlotRegPoison
