"""The attack under a policy: which rows, and how lambda is chosen."""
from functools import partial

import numpy as np

from secml.array import CArray
from secml.ml.classifiers import CClassifierLogistic, CClassifierRidge

from secml_regpoison.attack.box import bound_array
from secml_regpoison.attack.c_attack_poisoning_minimax_lr import (
    CAttackPoisoningMinimaxLR)
from secml_regpoison.attack.c_attack_poisoning_minimax_ridge import (
    CAttackPoisoningMinimaxRidge)
from secml_regpoison.attack.c_attack_poisoning_minimax_softmax import (
    CAttackPoisoningMinimaxSoftmax)
from secml_regpoison.attack.c_attack_poisoning_minimax_svm import (
    CAttackPoisoningMinimaxSVM)
from secml_regpoison.attack.feasible import CFeasibleInteger
from secml_regpoison.attack.replacement import replacement_order
from secml_regpoison.attack.targets import target_of
from secml_regpoison.classifier.c_classifier_logistic_torch import (
    CClassifierLogisticTorch)
from secml_regpoison.classifier.c_classifier_softmax_torch import (
    CClassifierSoftmaxTorch)
from secml_regpoison.classifier.c_classifier_svm_torch import (
    CClassifierSVMTorch)
from secml_regpoison.convert import as_refitted
from .cross_validation import cross_validated_lmbda
from .policies import LEARNED, TRUSTED

# By their names in a `Plan`, with the attack on each.
CLASSIFIERS = {
    'logistic': (CClassifierLogisticTorch, CAttackPoisoningMinimaxLR),
    'liblinear': (CClassifierLogistic, CAttackPoisoningMinimaxLR),
    'softmax': (CClassifierSoftmaxTorch, CAttackPoisoningMinimaxSoftmax),
    'svm': (CClassifierSVMTorch, CAttackPoisoningMinimaxSVM),
    'ridge': (CClassifierRidge, CAttackPoisoningMinimaxRidge)}
# Those with the L1 penalty; liblinear penalises the bias.
L1_CLASSIFIERS = {
    'logistic': CClassifierLogisticTorch, 'svm': CClassifierSVMTorch,
    'liblinear': partial(CClassifierLogisticTorch, beta=1)}


def solver_of(plan, policy):
    """Of the attack: learned trust is attacked at the optimum alone."""
    return 'implicit' if policy == 'learned-trust' else plan.solver_type


def make_attack(split, plan, policy, seed):
    """Build the attack on the plan's classifier under the policy.

    That of 'trusted-only' trains on the validation rows, and has no points.
    """
    kind, attack = CLASSIFIERS[plan.classifier]
    if plan.penalty == 'l1':
        kind = partial(L1_CLASSIFIERS[plan.classifier], penalty='l1')
    clf = kind(preprocess=plan.preprocess)
    train = split.val if policy == TRUSTED else split.train
    if policy in ('clean-cv', TRUSTED):
        lmbda = cross_validated_lmbda(train, clf, plan.lmbda_bounds, seed)
    else:
        lmbda = 0. if policy in LEARNED else policy
    target_of(clf).set_lmbda(clf, float(lmbda))
    lb, ub = _box(split, plan, seed)
    own = split.test if split.attacker is None else split.attacker
    return attack(
        clf, train, split.val, lb=lb, ub=ub,
        learn_lmbda='trust' if policy == 'learned-trust'
        else policy == 'learned', lmbda_bounds=plan.lmbda_bounds,
        poison_mode=plan.poison_mode, solver_type=solver_of(plan, policy),
        batch_size=_batch_size(plan.n_points), random_seed=seed,
        feasible=_feasible(split, plan),
        attacker_set=own if plan.attacker == 'own' else None,
        **plan.attack_params)


def _feasible(split, plan):
    """The filter, and in a ball whole numbers: elsewhere points are rounded
    when they have been found, by which they may leave the ball."""
    parts = () if split.feasible is None else (split.feasible,)
    if plan.attack_params.get('dmax') is not None and split.integers \
            and plan.integer == 'auto':
        parts += CFeasibleInteger(tuple(split.integers)),
    return parts or None


def _box(split, plan, seed):
    """The box of the points. A column that is constant in the clean rows
    beside the strongest attack, as of sparse rows or behind a filter, stays
    so: the refitted deviation, of the poison alone, would be next to
    nothing. Pixels without a refitted scale, and a box of the user's, are
    left as they are."""
    if split.box == 'given' or split.box == 'pixels' and not as_refitted(
            plan.preprocess).fits_scale:
        return split.lb, split.ub
    x = split.train.X.tondarray()
    if plan.poison_mode == 'replace':
        x = x[replacement_order(seed, len(x))[plan.n_points[-1]:]]
    is_constant = x.min(axis=0) == x.max(axis=0)
    return tuple(CArray(np.where(is_constant, x[0], bound_array(bound)))
                 for bound in (split.lb, split.ub))


def _batch_size(n_points):
    """Points optimised together: the smallest step between strengths."""
    steps = np.diff(n_points, prepend=0)
    return int(steps[steps > 0].min(initial=max(n_points[-1], 1)))
