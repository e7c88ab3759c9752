"""What the arguments of `poisoning_curve` may be, and what they stand for."""
import math
import warnings
from numbers import Integral, Real

import numpy as np

from secml_regpoison.attack.replacement import most_replaced
from secml_regpoison.core.defender import LMBDA_BOUNDS
from secml_regpoison.core.solvers import SOLVERS
from secml_regpoison.limits import MAX_LMBDA
from secml_regpoison.validation import check, check_choice, check_type
from .estimators import last_step
from .plan import ATTACKERS, FILTERS
from .policies import POLICIES, check_trust, policy_name

# Of the attack's parameters, those that `poisoning_curve` hands on.
ATTACK_PARAMS = ('distance', 'dmax', 'joint', 'solver_params', 'n_restarts',
                 'device', 'camouflage')
CHOICES = {'integer': ('auto', 'none'), 'solver_type': ('auto', *SOLVERS),
           'filter': FILTERS, 'attacker': ATTACKERS,
           'poison_mode': ('append', 'replace')}
# How an estimator says that it has no penalty.
UNPENALISED = {'penalty': None, 'C': math.inf, 'alpha': 0}


def check_choices(**given):
    """Arguments that are one of a few words."""
    for name, value in given.items():
        check_choice(name, value, CHOICES[name])


def check_policies(policies, classifier, penalty):
    """Known names, or lambdas; none twice; all for this classifier."""
    if np.ndim(policies) == 0:
        policies = (policies,)
    policies = [float(policy) if isinstance(policy, Real) else policy
                for policy in policies]
    for policy in policies:
        check('policies', policy, policy in POLICIES
              or isinstance(policy, float) and abs(policy) <= MAX_LMBDA,
              f'among {POLICIES}, or a lambda from {-MAX_LMBDA:g} to '
              f'{MAX_LMBDA:g}')
    check_trust(policies, classifier, penalty,
                'a logistic regression, with any solver but liblinear, or a '
                'LinearSVC, of two classes, with the L2 penalty')
    check('policies', policies, policies
          and len(set(map(policy_name, policies))) == len(policies),
          'one or more, none twice')
    return policies


def warn_if_unpenalised(estimator, penalty):
    """Warn where the policies give an estimator a penalty that it has not."""
    last = last_step(estimator)
    found = [f'{name}={value}' for name, value in UNPENALISED.items()
             if np.array_equal(getattr(last, name, 'none'), value)]
    if found:
        warnings.warn(
            f'`estimator` has {" and ".join(found)}, and so no penalty: it is '
            f'trained with the {penalty.upper()} penalty here, because each '
            'policy chooses its strength. For nearly none, take a policy such '
            f'as {LMBDA_BOUNDS[0]:g}, a lambda.', RuntimeWarning, stacklevel=3)


def check_n_jobs(n_jobs):
    """None, or a number of processes as joblib takes it."""
    if n_jobs is not None:
        check_type('n_jobs', n_jobs, Integral, 'a whole number, or None')
        check('n_jobs', n_jobs, n_jobs != 0, 'None, a number of processes, or '
              '-1 for one a core')


def check_own(attacker, given):
    """Raise ValueError for what only an attacker with own rows can use."""
    for name, words in (('attacker', 'X_attacker'), ('camouflage',) * 2):
        check('attacker', attacker, attacker == 'own' or name not in given,
              f"'own' with `{words}`", " 'defender' has the validation rows, "
              "'grey' takes some of the test rows: neither takes rows of "
              'yours, nor hides anything.')


def strengths(fractions, splits, plan):
    """Numbers of points that are these shares of all training rows, and leave
    rows of each class in each split."""
    fractions = np.asarray(fractions).ravel()
    check('fractions', fractions.tolist(), fractions.size
          and fractions.dtype.kind in 'biuf'
          and ((0 <= fractions) & (fractions < 1)).all(),
          'numbers of at least 0 and below 1')
    n_rows = n_train = splits[0].train.num_samples
    if plan.poison_mode == 'append':
        n_rows = n_train / (1 - fractions)
    found = np.unique(np.rint(fractions * n_rows).astype(int)).tolist()
    largest = float(fractions.max())
    check('fractions', largest, found[-1] or not fractions.any(),
          f'shares of which one is a point or more, of {n_train} rows')
    if plan.poison_mode == 'replace':
        for seed, split in enumerate(splits, plan.seed):
            y = split.train.Y.tondarray()
            check('fractions', largest, found[-1] <= most_replaced(y, seed),
                  'shares that leave training rows of each class, of '
                  f'{len(y)}')
    return tuple(found)


def attack_params_of(y_poison, classes, params):
    """Parameters of the attack, which knows a class as a number; the words
    stay, also where a class has that name."""
    if not (isinstance(y_poison, str) and y_poison in ('worst', 'flip')):
        labels = classes.tolist()
        check('y_poison', y_poison, np.ndim(y_poison) == 0
              and y_poison in labels, f"'worst', 'flip' or one of {labels}")
        y_poison = labels.index(y_poison)
    for name in params:
        if name not in ATTACK_PARAMS:
            raise TypeError(f'`attack_params` must be among {ATTACK_PARAMS}, '
                            f'got {name!r}.')
    return {'y_poison': y_poison, **params}
