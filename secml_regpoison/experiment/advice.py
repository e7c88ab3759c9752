"""The line to type into scikit-learn for a policy."""
import math

import numpy as np

from .estimators import L1_WORDS
from .policies import TRUSTED, in_sentence

SCALERS = {'mean-std': 'StandardScaler()', 'min-max': 'MinMaxScaler()',
           'unit-norm': 'Normalizer()'}
# log C in the splits: further apart no one number stands for them
WIDE = 1.
# with the L1 penalty the default tolerance may end far from the optimum, and
# with a C above this a million iterations may be few
TO_THE_END, LARGE_C = 'tol=1e-9, max_iter=1000000', 10.
# Where all scores are near 0, lbfgs stops before it has the bias, on which all
# labels depend then; columns with the mean 0 leave it none to find.
NEAR_ZERO = ", solver='newton-cg', tol=1e-9"
# Columns that are not rescaled. Of this mean or deviation, measured beside
# one of deviation 1, liblinear ends at no weights and lbfgs at its limit, or
# from 5e5 on without a warning; so far from 0, in deviations, lbfgs ends with
# no weight of that column.
LARGE_COLUMN, FAR_COLUMN = 1e5, 1e3


def in_scikit_learn(standing, plan, is_hard=False):
    """The model, its C, and how C is chosen; and where scikit-learn's solver
    may not reach it. `is_hard`: of columns that `is_hard_to_fit`."""
    sentence = _how_to_choose(standing, plan)
    if plan.penalty == 'l1' and math.exp(
            -standing.here['lmbda']['least']) > LARGE_C:
        name = 'SVM' if plan.classifier == 'svm' else 'Logistic'
        beta = ', beta=1' * (plan.classifier == 'liblinear')
        sentence += (" With so large a C scikit-learn's L1 solvers may stop "
                     f'far from the optimum: CClassifier{name}Torch('
                     f"penalty='l1'{beta}) does not.")
    # that of ridge is in closed form
    if is_hard and plan.preprocess is None and plan.classifier != 'ridge':
        sentence += (
            ' The data have a column whose mean or deviation is '
            f'{LARGE_COLUMN:g} or more, or whose mean is {FAR_COLUMN:g} '
            "deviations or more: there scikit-learn's solvers may stop far "
            'from the optimum, even at no weights, without a warning. Rescale '
            'such columns, or leave out --scale none, and run this again.')
    return sentence


def is_hard_to_fit(x):
    """Whether rows (n, d) have a column that is to be rescaled first."""
    mean, std = np.abs(x.mean(axis=0)), x.std(axis=0)
    return bool(((np.maximum(mean, std) >= LARGE_COLUMN)
                 | (std > 0) & (mean >= FAR_COLUMN * std)).any())


def _how_to_choose(standing, plan):
    """A sentence: the model, its C, and how C is chosen."""
    policy, here = standing.policy, standing.here
    # two penalised rows of weights are one with half the penalty
    is_double = plan.classifier == 'softmax' and 'error_2' not in here
    model = _model_text(None if is_wide(here['lmbda'])
                        else here['C'] * (1 + is_double), plan,
                        here['gave_up'] and plan.preprocess != 'mean-std')
    filtered = '' if plan.filter == 'none' \
        else f' on the rows that pass the filter {plan.filter}'
    c = 'alpha' if plan.classifier == 'ridge' else 'C'
    start = f'In scikit-learn, {in_sentence(policy)}: {model}'
    if policy == TRUSTED:
        return (f'{start} on the trusted rows alone, {c} by cross-validation '
                'on them.')
    if policy == 'learned' and here['n_points']:
        return (f'{start}{filtered}. This {c} is the best for this poison '
                f'only, and held fixed it protects less: at each training '
                'choose it again on the trusted rows, as GridSearchCV with a '
                'PredefinedSplit does.')
    if policy == 'learned-trust':
        scaled = '' if plan.preprocess is None \
            else 'the scaler fitted on the trusted rows alone and '
        again = (' C and weight are the best for this poison only: choose '
                 'them again at each training.') * bool(here['n_points'])
        return (f'{start}{filtered}, with {scaled}a sample_weight of 1 for '
                'the trusted rows and of the column trust in sec_eval.csv for '
                f'the others.{again}')
    if policy == 'clean-cv' and is_wide(here['lmbda']):
        return f'{start}{filtered}, {c} by cross-validation on clean rows.'
    return f'{start}{filtered}.'


def is_wide(lmbda):
    """Whether lambda differs so much between the splits that no one number
    stands for it."""
    return lmbda['greatest'] - lmbda['least'] > WIDE


def _model_text(c, plan, is_near_zero):
    """The estimator in Python; `c` may be None, no number."""
    c, alpha = ('C', 'alpha') if c is None else (f'{c:.3g}', f'{.5 / c:.3g}')
    solver = ", solver='liblinear'" if plan.classifier == 'liblinear' else ''
    if plan.penalty == 'l1':
        solver = f', {L1_WORDS}' + (
            solver or ", solver='saga'") + f', {TO_THE_END}'
    elif is_near_zero and not solver:
        solver = NEAR_ZERO
    model = f'LogisticRegression(C={c}{solver})'
    if plan.classifier == 'svm':
        penalty = f", penalty='l1', dual=False, {TO_THE_END}" * (
            plan.penalty == 'l1')
        model = f"LinearSVC(C={c}, loss='squared_hinge'{penalty})"
    if plan.classifier == 'ridge':
        model = f'RidgeClassifier(alpha={alpha})'
    scaler = SCALERS.get(plan.preprocess)
    return f'make_pipeline({scaler}, {model})' if scaler else model


def strength_text(strength):
    """lambda and C in words, the range where the splits differ much."""
    lmbda = strength['lmbda']
    if not is_wide(lmbda):
        return f"lambda {lmbda['mean']:.2f}, C = {strength['C']:.3g}"
    return (f"lambda {lmbda['least']:.2f} to {lmbda['greatest']:.2f}, C = "
            f"{math.exp(-lmbda['greatest']):.3g} to "
            f"{math.exp(-lmbda['least']):.3g}: no one C stands for all splits")
