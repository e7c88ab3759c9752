"""Patches secml, then registers the classes of this package with it."""
from . import compat

compat.apply()

# flake8: noqa: E402
from .attack.c_attack_poisoning_minimax_lr import CAttackPoisoningMinimaxLR
from .attack.c_attack_poisoning_minimax_ridge import (
    CAttackPoisoningMinimaxRidge)
from .attack.c_attack_poisoning_minimax_softmax import (
    CAttackPoisoningMinimaxSoftmax)
from .attack.c_attack_poisoning_minimax_svm import CAttackPoisoningMinimaxSVM
from .attack.c_certificate_poisoning import CCertificatePoisoning
from .attack.feasible import (
    CFeasibleInteger, CFeasibleMask, CFeasibleSphereSlab)
from .classifier.c_classifier_logistic_torch import CClassifierLogisticTorch
from .classifier.c_classifier_softmax_torch import CClassifierSoftmaxTorch
from .classifier.c_classifier_svm_torch import CClassifierSVMTorch
from .data.c_dataloader_dogfish import CDataLoaderDogFish
from .data.c_dataloader_fashion_mnist import CDataLoaderFashionMNIST
from .figure.c_plot_regpoison import CPlotRegPoison

__all__ = ['CAttackPoisoningMinimaxLR', 'CAttackPoisoningMinimaxRidge',
           'CAttackPoisoningMinimaxSVM', 'CAttackPoisoningMinimaxSoftmax',
           'CCertificatePoisoning',
           'CClassifierLogisticTorch', 'CClassifierSVMTorch',
           'CClassifierSoftmaxTorch',
           'CDataLoaderDogFish', 'CDataLoaderFashionMNIST',
           'CFeasibleInteger', 'CFeasibleMask', 'CFeasibleSphereSlab',
           'CPlotRegPoison']
