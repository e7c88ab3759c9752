"""Result of `poisoning_curve`: measures of the user's own estimator."""
import warnings
from functools import partial

import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from secml_regpoison.attack.replacement import replacement_order
from secml_regpoison.attack.targets import target_of
from secml_regpoison.core.verdicts import (
    SENTENCES, has_given_up, losses_differ)
from secml_regpoison.folds import stratified_folds
from .conclusion import trusted_first
from .estimators import fit_with_lambda, fit_with_trust, last_step
from .measures import majority_error
from .plan import expected_strength
from .policies import TRUSTED, policy_name
from .policy_attack import CLASSIFIERS
from .ranking import ranked, standings
from .report import csv_lines, plain_words
from .security_evaluation import evaluate
from .summary import summarise

MEASURED = ('test_error', 'validation_loss', 'constant_loss', 'lmbda',
            'w_norm', 'trust', *SENTENCES)
# what is trained on the validation rows: its loss on them says nothing
TRUSTING = TRUSTED, 'learned-trust'


def measure_estimator(estimator, split, plan, policy, k, repetition):
    """One policy on one split: its place, measures and poison."""
    data, result = evaluate(f'Policy {policy_name(policy)}', split, plan,
                            policy, repetition)
    val, test = _arrays(split.val), _arrays(split.test)
    measures = {name: np.array(result[name], dtype=float)
                for name in MEASURED}
    poisons = [(ds.X.tondarray().reshape(-1, split.train.num_features),
                ds.Y.tondarray().astype(int)) for ds in data.adv_ds]
    order = _order(split, plan, repetition)
    n_replaced = np.multiply(plan.n_points, plan.poison_mode == 'replace')
    for j, poison in enumerate(poisons):
        rows = [np.concatenate(both) for both in zip(
            _arrays(split.train, order[n_replaced[j]:]), poison)]
        fit = partial(_fit, policy=policy, lmbda=result['lmbda'][j],
                      trust=result['trust'][j], seed=plan.seed + repetition)
        fitted = fit(estimator, rows, val)
        y_pred = fitted.predict(test[0])
        if policy in TRUSTING:
            folds = stratified_folds(val[1], plan.seed + repetition)
            parts = (estimator, rows, val) if policy == TRUSTED \
                else _in_trusted_features(fitted, rows, val)
            loss = _cross_validated(fit, folds, plan.classifier, *parts)
        else:
            loss = _loss(fitted, plan.classifier, *val)
        is_short = _warn_if_short(loss, result['validation_loss'][j], policy)
        for name, value in {
                'test_error': (y_pred != test[1]).mean(),
                'one_class': len(np.unique(y_pred)) == 1,
                'w_norm': np.linalg.norm(last_step(fitted).coef_),
                'validation_loss': loss, 'fit_short': is_short,
                'gave_up': has_given_up(loss, result['constant_loss'][j]),
        }.items():
            measures[name][j] = value
    return k, repetition, measures, poisons


def _order(split, plan, repetition):
    """Places of the training rows, those that poison replaces first."""
    n_train = split.train.num_samples
    return np.arange(n_train) if plan.poison_mode == 'append' \
        else replacement_order(plan.seed + repetition, n_train)


def _arrays(part, rows=slice(None)):
    """Features and labels of rows of a dataset."""
    return part.X.tondarray()[rows], part.Y.tondarray()[rows]


def _fit(estimator, rows, val, policy, lmbda, trust, seed):
    """The estimator as the policy trains it on training and trusted rows."""
    if policy == 'learned-trust':
        return fit_with_trust(estimator, lmbda, seed, trust, val, rows)
    return fit_with_lambda(estimator, lmbda, seed,
                           *(val if policy == TRUSTED else rows))


def _in_trusted_features(fitted, rows, val):
    """The linear model alone, and rows as the fitted scalers make them: those
    of all trusted rows serve each fold, as in `.core.trust`."""
    if isinstance(fitted, Pipeline) and len(fitted) > 1:
        # a pipeline may give out data frames
        rows, val = ((np.asarray(fitted[:-1].transform(x)), y)
                     for x, y in (rows, val))
    return last_step(fitted), rows, val


def _cross_validated(fit, folds, classifier, estimator, rows, val):
    """Mean loss on the trusted rows, each by the estimator of other folds."""
    x, y = val
    return sum(len(out) * _loss(
        fit(estimator, rows, (x[kept], y[kept])), classifier, x[out], y[out])
        for kept, out in folds.split(x, y)) / len(y)


def _loss(fitted, classifier, x, y):
    """Mean loss of the estimator's own kind."""
    scores = fitted.decision_function(x)
    if scores.ndim == 2:
        right = scores[np.arange(len(y)), y]
        return (logsumexp(scores, axis=1) - right).mean()
    loss = target_of(CLASSIFIERS[classifier][0]()).loss
    return float(loss.value(torch.as_tensor((1 - 2 * y) * scores)).mean())


def _warn_if_short(loss, expected, policy):
    """Whether the estimator stops short of its optimum, with a warning."""
    is_short = losses_differ(loss, expected)
    if is_short:
        warnings.warn(
            f'policy {policy_name(policy)}: the estimator has a validation '
            f'loss of {loss:.4g}, at its optimum it is {expected:.4g}: it '
            'stops short, raise its max_iter or lower its tol.',
            RuntimeWarning, stacklevel=2)
    return is_short


def collect(measured, data, splits, plan, policies):
    """The result of `poisoning_curve`."""
    policies = [policy_name(policy) for policy in policies]
    shape = len(policies), len(plan.n_points), len(splits)
    arrays = {name: np.empty(shape) for name in MEASURED}
    poison = np.empty(shape, dtype=object)
    for k, r, measures, poisons in measured:
        for name, values in measures.items():
            arrays[name][k, :, r] = values
        for j, points in enumerate(poisons):
            poison[k, j, r] = data['train'].restore(*points)
    arrays.update({name: arrays[name].astype(bool) for name in SENTENCES})
    n_points = np.array(plan.n_points)
    n_rows = splits[0].train.num_samples + n_points * (
        plan.poison_mode == 'append')
    curve = Bunch(
        fractions=n_points / n_rows,
        n_points=n_points, policies=policies, classes=data['train'].classes,
        C=np.exp(-arrays['lmbda']), **arrays, poison=poison,
        majority_error=np.array([majority_error(split.test.Y.tondarray())
                                 for split in splits]),
        train_rows=[split.rows['train'][_order(split, plan, r)]
                    for r, split in enumerate(splits)],
        val_rows=[split.rows['val'] for split in splits],
        test_rows=[split.rows['test'] for split in splits])
    records = _records(curve, n_rows)
    curve.trusted_better = np.reshape(
        [line['trusted_better'] == 1 for line in csv_lines(records)], shape)
    order = ranked(standings(summarise(records), expected_strength(plan)))
    said = '\n'.join(filter(None, [
        *trusted_first(order, splits[0].val.num_samples),
        plain_words(records, lmbda_bounds=plan.lmbda_bounds)]))
    if said:
        results = 'result' + 's' * (poison.size > 1)
        warnings.warn(f'{poison.size:d} {results}, read with care. {said}',
                      RuntimeWarning, stacklevel=3)
    return curve


def _records(curve, n_rows):
    """Lines as of the command's CSV, with what its words are made of."""
    return [{'policy': curve.policies[k], 'repetition': r,
             'n_points': curve.n_points[j], 'n_train': n_rows[j],
             'n_test': len(curve.test_rows[r]),
             'majority_error': curve.majority_error[r],
             **{name: curve[name][k, j, r] for name in MEASURED}}
            for k, j, r in np.ndindex(curve.test_error.shape)]
