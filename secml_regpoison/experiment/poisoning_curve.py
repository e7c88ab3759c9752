"""Test error against the share of poison, for an estimator of scikit-learn."""
from dataclasses import replace

from secml_regpoison.validation import check_integer
from .array_splits import check_whole_numbers, read_all, split_arrays
from .curve_arguments import (
    attack_params_of, check_choices, check_n_jobs, check_own, check_policies,
    strengths, warn_if_unpenalised)
from .curve_result import collect, measure_estimator
from .estimators import check_fits, classifier_of
from .parallel import parallel_map
from .plan import Plan, default_solver
from .policy_attack import make_attack
from .security_evaluation import prepare_split


def poisoning_curve(estimator, X, y, X_val=None, y_val=None, X_test=None,
                    y_test=None, fractions=(0, .05, .1, .15),
                    policies=('clean-cv', 'learned'), *, lb=None, ub=None,
                    integer='auto', y_poison='worst', solver_type='auto',
                    lmbda_bounds=Plan.lmbda_bounds, filter='none',
                    n_repetitions=1, random_state=0, n_jobs=None,
                    attacker='defender', poison_mode='append',
                    X_attacker=None, y_attacker=None, **attack_params):
    """Test error of an estimator under poison, as the share of poison grows.

    For each policy, the way to choose lambda = -log(C), an attacker adds
    the points to the training rows that raise the validation loss most, see
    `.CAttackPoisoningMinimax`. A clone of the estimator, C set by the
    policy, is then fitted on clean rows and poison: all numbers are of it.

    Parameters
    ----------
    estimator : LogisticRegression, LinearSVC, RidgeClassifier or Pipeline
        A logistic regression with any solver, L2 or L1 (of two classes); a
        `LinearSVC` with the squared hinge, L2 or L1. Its C is not used, nor
        is the alpha of a `RidgeClassifier`, which is exp(lambda)/2: each
        policy chooses the strength of the penalty. One without a penalty is
        given L2 (with ``C=inf`` the one it names), with a warning. A pipeline
        has steps of `StandardScaler`, `MinMaxScaler` or `Normalizer` before
        it, which are fitted on clean rows and poison too.
    X : array-like, data frame or sparse matrix, shape (n, d)
        Numbers. The training rows, and those validation and test rows that
        are not given. Sparse rows become dense: poison has no zeros.
    y : array-like, shape (n,)
        Labels of any type, two classes or more.
    X_val, y_val : array-like, shapes (m, d) and (m,), optional
        Rows that the defender trusts. Default: a quarter of the rows that are
        not test rows, drawn at random, with the proportions of the classes.
    X_test, y_test : array-like, shapes (k, d) and (k,), optional
        Default: a fifth of the rows, drawn likewise.
    fractions : sequence of float, optional
        Shares of poison among all training rows, at least 0 and below 1.
        They are rounded to whole points; equal ones are merged.
    policies : sequence of str or float, optional
        'clean-cv', 5-fold cross-validation on the clean training rows;
        'learned', the best lambda for the validation rows at each strength;
        'trusted-only', the estimator trained on the validation rows alone;
        'learned-trust', on these and the others with a weight (of two
        classes, the L2 penalty, and a solver other than liblinear); or a
        number, that lambda: ``-numpy.log(C)`` keeps a C.
    lb, ub : float or array-like, shape (d,), optional
        Bounds of the poison; a series has the columns of `X` as its index.
        Default: the range of each column in the training rows before a
        `filter`; a column that they leave constant stays so.
    integer : {'auto', 'none'}, optional
        'auto': poison has whole numbers in columns that hold nothing else;
        `lb` and `ub` must leave it one there.
    y_poison : 'worst', 'flip' or a class, optional
        Labels of the poison, see `.CAttackPoisoningMinimax`. The two words
        are not taken for classes of that name.
    solver_type : {'auto', 'rmd', 'fmd', 'implicit'}, optional
        'auto': 'implicit' where it is cheap, else 'rmd'.
    lmbda_bounds : pair of float, optional
        Interval of lambda; that of 'learned-trust' begins at -2 unless the
        training rows have the weight 0.
    filter : {'none', 'sphere-slab'}, optional
        'sphere-slab': training rows that are far from the centroid of their
        class are dropped first, see `.CFeasibleSphereSlab`; it is fitted on
        the clean rows, and the attacker knows it.
    n_repetitions : int, optional
        Random splits; where all rows are given, random attacks.
    random_state : int, optional
        Seed; repetition r takes ``random_state + r``, and so do the clones
        of an `estimator` whose own `random_state` is None (modulo 2**32):
        NumPy's global generator is neither read nor written.
    n_jobs : int or None, optional
        Processes of joblib; None is one.
    attacker : {'defender', 'own', 'grey'}, optional
        Whose loss the poison raises: that on the validation rows; that on
        rows of the attacker's own, while the defender's is kept low where
        lambda is learned; or that on rows in the place of the validation
        rows, which are taken from the test rows. No attacker is the worst on
        all data: where lambda is learned 'own' may do less harm than
        'defender'.
    poison_mode : {'append', 'replace'}, optional
        'replace': poison takes the place of clean training rows.
    X_attacker, y_attacker : array-like, shapes (l, d) and (l,), optional
        The own rows of the attacker 'own', in the units of `X`, the same in
        each repetition. Default: the test rows, the worst case. For one that
        has not seen them, pass rows that are held out of `X`.
    **attack_params
        `distance`, `dmax`, `joint`, `solver_params`, `n_restarts` and
        `device` of `.CAttackPoisoningMinimax`; with 'own' its `camouflage`,
        too, 'auto' or from 0 to 1: how low the defender's loss is kept.

    Returns
    -------
    curve : Bunch
        Arrays with an axis for policies, for strengths and for repetitions.

        fractions, n_points : ndarray, shape (n_strengths,)
            Shares and numbers of poisoning points; of the training rows that
            a filter leaves in the first repetition.
        policies : list of str
            Their names.
        classes : ndarray, shape (n_classes,)
            The labels, sorted.
        test_error, validation_loss, lmbda, C, w_norm, constant_loss : ndarray
            Shape (n_policies, n_strengths, n_repetitions). The loss is the
            estimator's own, without its penalty, in the mean over the
            validation rows (where the policy trains on them,
            cross-validated); `constant_loss` is that of a constant answer.
        trust : ndarray
            Of the same shape: the weight of the training rows and the poison
            beside the validation rows under 'learned-trust', else 1.
        gave_up, one_class, lmbda_at_bound : ndarray of bool
            Of the same shape: the loss is no better than that of a constant
            answer, or by less than 1 %; all test points are given one class;
            lambda is at a bound.
        budget_hit, training_short, fit_short : ndarray of bool
            Likewise: the attack, its training or the estimator's stopped
            before its end.
        unseen : ndarray of bool
            Likewise: the validation rows do not show the harm.
        saturated : ndarray of bool
            Likewise: the training rows and the poison have the weight 0.
        trusted_better : ndarray of bool
            Likewise: 'trusted-only' has a smaller test error in the same
            repetition; False where it is not among `policies`.
        majority_error : ndarray, shape (n_repetitions,)
            Test error of the more frequent class for all rows.
        poison : ndarray of object
            Shape (n_policies, n_strengths, n_repetitions): (X, y) of the
            poison, in the columns, units and labels of the data; under
            'trusted-only' without rows, whatever `n_points` says.
        train_rows, val_rows, test_rows : list of ndarray, shape (n_rows,)
            For each repetition, places of the rows in `X`, or in `X_val` and
            `X_test` where these are given. With ``poison_mode='replace'``
            the poison takes the place of the first of `train_rows`.

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.
    RuntimeError
        If an attack fails.

    Warns
    -----
    RuntimeWarning
        Where the estimator has no penalty and is given one; where the
        trusted rows alone do better at worst than all other policies, by more
        than chance; where it has given up, lambda is at a bound, or an attack
        or a training was cut short; and where the estimator's own training
        stops short of the optimum. The latter, and what an attack warns of,
        is printed by the process that finds it: with `n_jobs` above 1 it is
        not raised here. The warning of the whole result always is.

    References
    ----------
    Carnerero-Cano et al. 2021, arXiv 2105.10948.

    """
    classifier_of(estimator)  # before the data
    data = read_all(X, y, val=(X_val, y_val), test=(X_test, y_test),
                    attacker=(X_attacker, y_attacker))
    classifier, penalty, preprocess = classifier_of(
        estimator, len(data['train'].classes))
    policies = check_policies(policies, classifier, penalty)
    check_integer('n_repetitions', n_repetitions, 1)
    check_integer('random_state', random_state, 0)
    check_choices(integer=integer, solver_type=solver_type, filter=filter,
                  attacker=attacker, poison_mode=poison_mode)
    check_n_jobs(n_jobs)
    check_own(attacker, {*data, *attack_params})
    plan = Plan(
        n_points=(), seed=int(random_state), lmbda_bounds=lmbda_bounds,
        poison_mode=poison_mode, preprocess=preprocess, classifier=classifier,
        penalty=penalty, integer=integer, filter=filter, attacker=attacker)
    splits = _draw(estimator, data, plan, n_repetitions, lb, ub, policies)
    n_train, n_features = splits[0].train.X.shape
    plan = replace(
        plan, n_points=strengths(fractions, splits, plan),
        solver_type=default_solver(n_train, n_features)
        if solver_type == 'auto' else solver_type,
        attack_params=attack_params_of(y_poison, data['train'].classes,
                                       attack_params))
    make_attack(splits[0], plan, 'learned', plan.seed)  # checks the rest
    if integer == 'auto':
        check_whole_numbers(splits, data['train'].columns)
    warn_if_unpenalised(estimator, penalty)
    calls = [(measure_estimator, estimator, split, plan, policy, k, r)
             for k, policy in enumerate(policies)
             for r, split in enumerate(splits)]
    return collect(parallel_map(calls, n_jobs), data, splits, plan, policies)


def _draw(estimator, data, plan, n_repetitions, lb, ub, policies):
    """The split of each repetition, on which the estimator can be fitted."""
    # NumPy's numbers may overflow
    seeds = range(plan.seed, plan.seed + int(n_repetitions))
    splits = [prepare_split(split_arrays(data, seed, lb, ub, policies), plan,
                            seed, policies) for seed in seeds]
    for split in splits:
        check_fits(estimator, split.train.X.tondarray(),
                   split.train.Y.tondarray())
    return splits
