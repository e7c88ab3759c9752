"""Patches secml, then registers the classes of this package with it."""
from . import compat

compat.apply()

# flake8: noqa: E402
from .attack.c_attack_poisoning_minimax_lr import CAttackPoisoningMinimaxLR
from .classifier.c_classifier_logistic_torch import CClassifierLogisticTorch
from .data.c_dataloader_dogfish import CDataLoaderDogFish
from .data.c_dataloader_fashion_mnist import CDataLoaderFashionMNIST
from .figure.c_plot_regpoison import CPlotRegPoison

__all__ = ['CAttackPoisoningMinimaxLR', 'CClassifierLogisticTorch',
           'CDataLoaderDogFish', 'CDataLoaderFashionMNIST', 'CPlotRegPoison']
