"""Settings that the evaluations of an experiment share, and their checks."""
from dataclasses import dataclass, field

import numpy as np

from secml_regpoison.attack.replacement import most_replaced
from secml_regpoison.data.splits import draw_rows
from .policies import DEFAULT_POLICIES, TRUSTED, check_trust


@dataclass(frozen=True)
class Plan:
    """Settings that all evaluations of an experiment share.

    Attributes
    ----------
    n_points : tuple of int
        Strengths of the attack, in increasing order.
    n_train, n_val : int or None
        See `splits.split_sizes`.
    seed : int
        Repetition r uses seed + r for its split and its attack.
    lmbda_bounds : pair of float
        Bounds of the lambda learned or cross-validated.
    poison_mode : str
        'replace' (poison takes the place of clean rows) or 'append'.
    preprocess : str, CNormalizer or None
        Of the classifier, refitted on the poisoned rows: 'mean-std',
        'min-max', 'unit-norm' or None, see `Source.preprocess`.
    classifier : str
        Any of `policy_attack.CLASSIFIERS`: 'logistic' leaves the bias
        out of the penalty, as the paper and scikit-learn's default do;
        'liblinear', secml's own, does not; 'softmax' takes any number of
        classes; 'svm', with the squared hinge, and 'ridge'.
    penalty : str
        'l2', or 'l1' of any of `policy_attack.L1_CLASSIFIERS`.
    solver_type : str
        How the attack differentiates: 'rmd', 'fmd' or 'implicit'.
    integer : str
        'auto': after the attack, poison is projected to whole numbers in
        columns that hold nothing else, and evaluated again; or 'none'.
    filter : str
        Any of `FILTERS`: which training rows are dropped first.
    expect : float or None
        Share of poison among the training rows that the verdict is for; None:
        that of the largest strength.
    n_passing : float or None
        Training rows that pass the filter, in the mean over the repetitions;
        needed where `expect` is given. None: all.
    attacker : str
        'defender': the points raise the loss on the validation rows, as in
        the paper; 'own': on `Split.attacker`, or the test rows where it is
        None, and hide it from the defender, see `attacker_set` of
        `.CAttackPoisoningMinimax`; 'grey': on other rows
        in the place of the validation rows, see `.grey_box`.
    attack_params : dict
        `y_poison` and further parameters of `.CAttackPoisoningMinimax`.

    """

    n_points: tuple
    n_train: int = None
    n_val: int = None
    seed: int = 0
    lmbda_bounds: tuple = (-8., 11.5)
    poison_mode: str = 'replace'
    preprocess: str = None
    classifier: str = 'logistic'
    penalty: str = 'l2'
    solver_type: str = 'rmd'
    integer: str = 'auto'
    filter: str = 'none'
    expect: float = None
    attacker: str = 'defender'
    attack_params: dict = field(default_factory=dict)
    # follows from the others: no part of what names a cell
    n_passing: float = field(default=None, repr=False)


ATTACKERS = 'defender', 'own', 'grey'
FILTERS = 'none', 'sphere-slab'  # see `.filters`
# Rows or features: a factorisation of that size costs about what 150 steps of
# training do.
CHEAP_SIZE = 512
# A share that is expected is rounded to whole rows.
HALF_A_ROW = .5


def default_solver(n_train, n_features):
    """'implicit' where it is cheap: it factorises a matrix as large as the
    smaller of the two numbers. Else 'rmd'."""
    return 'implicit' if min(n_train, n_features) <= CHEAP_SIZE else 'rmd'


def default_points(n_train, most=None):
    """Six strengths, or fewer of few rows, from none to a sixth of the
    training rows, a row at least, or to `most`, see `most_points`."""
    sixth = max(1, n_train // 6)
    most = sixth if most is None else min(sixth, most)
    return tuple(sorted({round(k * most / 5) for k in range(6)}))


def most_points(plan, source, n_repetitions):
    """How many points leave a training row of each class, of those that pass
    the filter, whose place they take; None: any number. ValueError where the
    rows cannot be drawn, or the filter not fitted."""
    most = []
    for seed in range(plan.seed, plan.seed + n_repetitions):
        part, rows = _passing(plan, source, seed)
        most.append(most_replaced(source.parts[part][1][rows], seed))
    return None if plan.poison_mode == 'append' else int(min(most))


def _passing(plan, source, seed):
    """Part of the source, and the training rows in it that pass the filter."""
    if plan.filter == 'none':
        return draw_rows(source, plan.n_train, plan.n_val, seed)['train']
    from .filters import passing_of  # imports secml
    return passing_of(source, plan, seed)


def shares(plan, more=0.):
    """Share of poison among the training rows at each strength, with so many
    rows `more` of it where there are some."""
    n_points = np.array(plan.n_points) + more * (np.array(plan.n_points) > 0)
    n_clean = plan.n_train if plan.n_passing is None else plan.n_passing
    return n_points / (n_clean + n_points * (plan.poison_mode == 'append'))


def largest_shares(plan):
    """The largest share that each strength stands for: it is rounded to whole
    rows, or is that which is printed."""
    printed = [float(f'{share:.3g}') for share in shares(plan)]
    return np.maximum(shares(plan, HALF_A_ROW), printed)


def expected_strength(plan):
    """Index of the least strength with the share of poison that one expects;
    the largest if none has, or none is expected."""
    if plan.expect is None:
        return len(plan.n_points) - 1
    return int(np.argmax(np.append(
        largest_shares(plan)[:-1] >= plan.expect, True)))


# The policies that cross-validate, and on which rows; a fold has to leave a
# row of each class.
CROSS_VALIDATED = {'clean-cv': 'train', TRUSTED: 'val',
                   'learned-trust': 'val'}
LEAST_ROWS = 2


def default_policies(plan, source):
    """`DEFAULT_POLICIES` without those whose lambda cannot be cross-validated:
    with fewer than two rows of a class."""
    return tuple(
        policy for policy in DEFAULT_POLICIES if policy not in CROSS_VALIDATED
        or _count_classes(plan, source, CROSS_VALIDATED[policy]).min()
        >= LEAST_ROWS)


def _count_classes(plan, source, name):
    """Rows of each class among those of a part in the first repetition."""
    part, rows = draw_rows(source, plan.n_train, plan.n_val, plan.seed)[name]
    return np.bincount(source.parts[part][1][rows],
                       minlength=len(source.header['y_original']))


def check_plan(plan, source, policies, n_repetitions=1):
    """Raise ValueError if an evaluation of the plan could not be run.

    Parameters are those of `run_policies`; the sizes in `plan` are set.
    """
    check_trust(policies, plan.classifier, plan.penalty,
                '--model logistic or svm, and --penalty l2')
    most = most_points(plan, source, n_repetitions)
    if most == 0:
        raise ValueError(
            '`train` must leave a row of each class beside a row of poison, '
            f'got {plan.n_train} rows: ask for more with --train, bring more '
            f'rows, or type --poison-mode append.{source.advice("pool")}')
    if most is not None and most < plan.n_points[-1]:
        passing = '' if plan.filter == 'none' \
            else f' that pass the filter {plan.filter}'
        raise ValueError(
            f'`points` must be at most {most}, so that training rows of all '
            f'classes{passing} are left, whose place they take, got '
            f'{plan.n_points[-1]}: ask for fewer with --points, or type '
            '--poison-mode append.')
    for policy in policies:
        if policy in CROSS_VALIDATED:
            _check_folds(plan, source, policy, CROSS_VALIDATED[policy])
    if plan.attacker == 'grey':
        _check_attacker(plan, source, policies, n_repetitions)


def _check_attacker(plan, source, policies, n_repetitions):
    """Raise ValueError unless there are test rows for the attacker."""
    from .grey_box import places_of_attacker  # imports secml
    for seed in range(plan.seed, plan.seed + n_repetitions):
        part, rows = draw_rows(source, plan.n_train, plan.n_val, seed)['test']
        places_of_attacker(source.parts[part][1][rows], plan.n_val, seed,
                           policies)


def _check_folds(plan, source, policy, part):
    """Raise ValueError unless the rows can be cross-validated on."""
    counts = _count_classes(plan, source, part)
    rarest = int(counts.argmin())
    if counts[rarest] < LEAST_ROWS:
        of = part if part in source.parts else 'pool'
        raise ValueError(
            f'`{part}` must give each class at least {LEAST_ROWS} rows for '
            f'the folds of {policy}, got {counts[rarest]} of class '
            f"{source.header['y_original'][rarest]!r}: ask for more with "
            f'--{part}, bring more such rows, or leave it out, as with '
            '--policies=learned.'
            + source.advice(of, source.left_out(of)[rarest] > 0))
