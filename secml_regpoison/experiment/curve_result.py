"""What `poisoning_curve` returns: measures of the user's own estimator."""
import warnings

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import Bunch

from secml_regpoison.core.verdicts import SENTENCES, losses_differ
from .estimators import fit_with_lambda
from .measures import majority_error
from .policies import policy_name
from .report import plain_words
from .security_evaluation import evaluate

MEASURED = ('test_error', 'validation_loss', 'constant_loss', 'lmbda',
            'w_norm', *SENTENCES)


def measure(estimator, split, plan, policy, k, repetition):
    """One policy on one split: its place, measures and poison."""
    data, result = evaluate(f'Policy {policy_name(policy)}', split, plan,
                            policy, repetition)
    train, val, test = (
        (part.X.tondarray(), part.Y.tondarray())
        for part in (split.train, split.val, split.test))
    measures = {name: np.array(result[name], dtype=float)
                for name in MEASURED}
    poisons = [(ds.X.tondarray().reshape(-1, split.train.num_features),
                ds.Y.tondarray().astype(int)) for ds in data.adv_ds]
    for j, poison in enumerate(poisons):
        is_trusted = policy == 'trusted-only'
        rows = val if is_trusted else [
            np.concatenate(both) for both in zip(train, poison)]
        fitted = fit_with_lambda(estimator, result['lmbda'][j], *rows)
        measures['test_error'][j] = (fitted.predict(test[0]) != test[1]).mean()
        if not is_trusted:  # the loss on its own training rows says nothing
            loss = _log_loss(fitted, *val)
            _warn_if_short(loss, measures['validation_loss'][j], policy)
            measures['validation_loss'][j] = loss
    return k, repetition, measures, poisons


def _log_loss(fitted, x, y):
    scores = fitted.decision_function(x)
    if scores.ndim == 1:
        return np.logaddexp(0, (1 - 2 * y) * scores).mean()
    return (logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]).mean()


def _warn_if_short(loss, expected, policy):
    if losses_differ(loss, expected):
        warnings.warn(
            f'policy {policy_name(policy)}: the estimator has a validation '
            f'loss of {loss:.4g}, at its optimum it is {expected:.4g}: it '
            'stops short, raise its max_iter or lower its tol.',
            RuntimeWarning, stacklevel=2)


def collect(measured, data, splits, plan, policies):
    """The result of `poisoning_curve`."""
    shape = len(policies), len(plan.n_points), len(splits)
    arrays = {name: np.empty(shape) for name in MEASURED}
    poison = np.empty(shape, dtype=object)
    for k, r, measures, poisons in measured:
        for name, values in measures.items():
            arrays[name][k, :, r] = values
        for j, points in enumerate(poisons):
            poison[k, j, r] = data['train'].restore(*points)
    arrays.update({name: arrays[name].astype(bool) for name in SENTENCES})
    said = plain_words([
        {'policy': policies[place[0]],
         **{name: arrays[name][place] for name in SENTENCES}}
        for place in np.ndindex(shape)])
    if said:
        warnings.warn(f'{poison.size:d} results, read with care. {said}',
                      RuntimeWarning, stacklevel=3)
    n_points = np.array(plan.n_points)
    return Bunch(
        fractions=n_points / (splits[0].train.num_samples + n_points),
        n_points=n_points, policies=policies, classes=data['train'].classes,
        C=np.exp(-arrays['lmbda']), **arrays, poison=poison,
        majority_error=np.array([majority_error(split.test.Y.tondarray())
                                 for split in splits]),
        **{f'{part}_rows': [split.rows[part] for split in splits]
           for part in ('train', 'val', 'test')})
