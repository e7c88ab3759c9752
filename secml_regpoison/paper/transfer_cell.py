"""Victims of poison that was made for others, on one split."""
import hashlib
from dataclasses import dataclass

import numpy as np

from secml.array import CArray
from secml.data import CDataset
from secml.data.splitter import CDataSplitterStratifiedKFold
from secml.ml.classifiers import (
    CClassifierLogistic, CClassifierRidge, CClassifierSVM)

from secml_regpoison.attack.targets import set_seed
from secml_regpoison.classifier.c_classifier_logistic_torch import (
    CClassifierLogisticTorch)
from secml_regpoison.experiment.policy_attack import make_attack
from .sources import check_title, load_split

NO_POISON = 'no poison'
# Classifier, its parameter, and the sign of its log in lambda = -log C.
STOCK = {'SVM': (CClassifierSVM, 'C', -1),
         'ridge': (CClassifierRidge, 'alpha', 1),
         'logistic': (CClassifierLogistic, 'C', -1)}


@dataclass(frozen=True, eq=False)
class HashablePoison:
    """Poisoning rows as an argument of a cell: its `repr` hashes them."""

    x: np.ndarray
    y: np.ndarray

    def __repr__(self):
        digest = hashlib.sha256(self.x.tobytes() + self.y.tobytes())
        return f'HashablePoison({digest.hexdigest()})'


def transfer_cell(data, title, plan, lmbdas, poisons, stock_lmbdas,
                  repetition):
    """Test errors of each victim under each poison.

    Parameters
    ----------
    data, title, plan, repetition
        See `attacks.attack_cell`.
    lmbdas : tuple of (str, float)
        Policies, and lambda of each without poison; that of 'learned' is
        learned again under each poison.
    poisons : tuple of (str, HashablePoison)
        The policy that it was made for, and the poison.
    stock_lmbdas : tuple of float
        See `config.Transfer`.

    Returns
    -------
    dict
        `makers`, `victims`; `test_error` and `lmbda`, a row a maker and a
        column a victim. lambda is -log C, and log alpha for ridge.

    """
    check_title(data, title)
    split = load_split(data, plan, repetition)
    stock = [_choose(split.train, plan, stock_lmbdas, *STOCK[name],
                     plan.seed + repetition) for name in STOCK]
    errors, strengths = [], []
    for _, poison in ((NO_POISON, None), *poisons):
        learned, train = _relearn(split, plan, repetition, poison)
        victims = [learned if policy == 'learned' else lmbda
                   for policy, lmbda in lmbdas]
        fitted = [CClassifierLogisticTorch(C=float(np.exp(-lmbda)),
                                           preprocess=plan.preprocess)
                  for lmbda in victims]
        errors.append([_error(clf, train, split.test)
                       for clf in (*fitted, *(clf for clf, _ in stock))])
        strengths.append([*victims, *(lmbda for _, lmbda in stock)])
    return {'makers': [NO_POISON, *(maker for maker, _ in poisons)],
            'victims': [*(policy for policy, _ in lmbdas), *STOCK],
            'test_error': errors, 'lmbda': strengths}


def _choose(train, plan, lmbdas, kind, parameter, sign, seed):
    """A stock classifier of the best accuracy in 5 folds of clean rows."""
    clf = set_seed(kind(preprocess=plan.preprocess))
    values = np.exp(sign * np.array(lmbdas)).tolist()
    best = clf.estimate_parameters(
        train, {parameter: values},
        CDataSplitterStratifiedKFold(5, random_state=seed), 'accuracy')
    return clf, lmbdas[values.index(best[parameter])]


def _relearn(split, plan, repetition, poison):
    """Lambda learned on poison that does not move, and the training rows."""
    attack = make_attack(split, plan, 'learned', plan.seed + repetition)
    held = None if poison is None else CDataset(
        CArray(poison.x), CArray(poison.y))
    attack.n_points = 0 if poison is None else len(poison.y)
    adv_ds = attack.run(split.test.X, split.test.Y, ds_init=held)[2]
    return attack.lmbda, attack.poisoned_data(adv_ds)


def _error(clf, train, test):
    """Share of test rows that it gets wrong, trained on `train`."""
    clf.fit(train.X, train.Y)
    return float((clf.predict(test.X) != test.Y).mean())
