"""Measures at each strength of a security evaluation."""
import numpy as np

from secml_regpoison.core.verdicts import SENTENCES, is_at_bound

# `lmbda` is a natural log, C = exp(-lambda); errors are shares of the test
# rows, `error_0` and `error_1` of those of one class, `majority_error` that of
# the most frequent class for all. `validation_loss` is the defender's A(w, b;
# D_val), natural log, of the trained classifier (of 'trusted-only', which is
# trained on those rows, by cross-validation); `attacker_loss` is the same
# unless the attacker has rows of its own and is not that of `.grey_box`, whose
# poison is evaluated on the trusted rows; `solver_loss` that by the solver,
# NaN where its points were projected to whole numbers or categories,
# or there is no attack. The norm of the weights leaves the bias out; `seconds`
# are those of one strength, which continues from the points of the one before;
# `constant_loss` is that of a constant answer, `trust` the weight s of the
# untrusted rows under 'learned-trust', and the columns after it, 0 or
# 1, are the `Verdicts`; `lmbda_at_bound` is also that of a grid of lambda.
# Of more classes than two there are more `error_` and `n_poison_`, and last
# `confusion_A_B`, the test rows of class A that are taken for class B.
COLUMNS = ('n_points', 'fraction', 'test_error', 'majority_error', 'error_0',
           'error_1', 'validation_loss', 'attacker_loss', 'solver_loss',
           'lmbda', 'C', 'w_norm', 'w_norm_squared', 'share_predicted_1',
           'share_1', 'n_poison_0', 'n_poison_1', 'n_train', 'n_val', 'n_test',
           'n_hypergradients', 'seconds', 'seconds_cpu', 'constant_loss',
           'trust',
           *SENTENCES)


def columns(n_classes):
    """The names of what is measured, for a number of classes."""
    if n_classes == 2:
        return COLUMNS
    found = list(COLUMNS)
    for name in ('error_', 'n_poison_'):
        at = found.index(f'{name}1') + 1
        found[at:at] = [f'{name}{k}' for k in range(2, n_classes)]
    return (*found, *(f'confusion_{a}_{b}' for a in range(n_classes)
                      for b in range(n_classes)))


def measure(attack, data, split, plan, policy, runs):
    """The result of `evaluate`.

    Parameters
    ----------
    attack : CAttackPoisoningMinimax
    data : CSecEvalData
    split, plan, policy
        See `evaluate`.
    runs : sequence of RunRecord
        One a strength.

    """
    n_points = data.param_values.tondarray()
    n_appended = n_points * (plan.poison_mode == 'append')
    n_clean, last = split.train.num_samples, data.adv_ds[-1]
    lmbdas = np.array([ds.header.lmbda + 0. for ds in data.adv_ds])  # no -0.0
    verdicts = {name: [int(getattr(run.verdicts, name)) for run in runs]
                for name in SENTENCES}
    # by cross-validation, on a grid; at a number nothing chose lambda
    if isinstance(policy, str) and not attack.learn_lmbda:
        verdicts['lmbda_at_bound'] = [
            int(is_at_bound(lmbda, plan.lmbda_bounds)) for lmbda in lmbdas]
    return {name: np.array(values) for name, values in {
        'n_points': n_points, 'fraction': n_points / (n_clean + n_appended),
        'validation_loss': [run.val_loss for run in runs],
        'attacker_loss': data.fobj.tondarray(),
        'solver_loss': [run.solver_loss for run in runs],
        'lmbda': lmbdas, 'C': np.exp(-lmbdas),
        'w_norm': [ds.header.w_norm for ds in data.adv_ds],
        'w_norm_squared': [ds.header.w_norm ** 2 for ds in data.adv_ds],
        **_sizes(data.adv_ds, split, n_appended,
                 attack.training_data.classes.size),
        'n_hypergradients': [run.n_hypergradients for run in runs],
        'seconds': data.time.tondarray(),
        'seconds_cpu': [run.seconds_cpu for run in runs],
        'trust': [getattr(ds.header, 'trust', 1.) for ds in data.adv_ds],
        'constant_loss': [run.constant_loss for run in runs], **verdicts,
        'weights': [attack.poisoned_classifier(poison).w.tondarray().ravel()
                    for poison in (data.adv_ds[0], last)],
        'x': last.X.tondarray(), 'y': last.Y.tondarray(),
        **_predictions(data, attack.training_data.classes.size)}.items()}


def _sizes(poisons, split, n_appended, n_classes):
    """Rows of each kind; the training rows include the poison."""
    n = len(poisons)
    labels = [poison.Y.tondarray() for poison in poisons]
    return {**{f'n_poison_{k}': [int((y == k).sum()) for y in labels]
               for k in range(n_classes)},
            'n_train': split.train.num_samples + n_appended,
            'n_val': [split.val.num_samples] * n,
            'n_test': [split.test.num_samples] * n}


def _predictions(data, n_classes):
    """Predictions, scores and errors on the test rows."""
    y, y_pred = data.Y.tondarray(), [y.tondarray() for y in data.Y_pred]
    classes = range(n_classes)
    return {
        'y_test': y, 'y_pred': y_pred,
        'scores': [scores.tondarray() for scores in data.scores],
        'test_error': [(pred != y).mean() for pred in y_pred],
        'majority_error': [majority_error(y)] * len(y_pred),
        **{f'error_{k}': [_share(pred[y == k] != k) for pred in y_pred]
           for k in classes},
        'share_predicted_1': [(pred == 1).mean() for pred in y_pred],
        'share_1': [(y == 1).mean()] * len(y_pred),
        **{f'confusion_{a}_{b}': [int((pred[y == a] == b).sum())
                                  for pred in y_pred]
           for a in classes for b in classes if n_classes > 2}}


def majority_error(y):
    """Error of the most frequent of the labels `y` for all of them."""
    return 1 - np.bincount(y).max() / y.size


def _share(wrong):
    """The mean, NaN of no rows."""
    return wrong.mean() if wrong.size else np.nan


def make_records(result, **identity):
    """Lines of a CSV, a dict of plain numbers and text for each strength.

    Parameters
    ----------
    result : dict
        What `evaluate` returned.
    **identity
        Columns before the measured ones, the same in each record.

    """
    n_classes = sum(name.startswith('error_') for name in result)
    return [{**identity, **{name: result[name][k].item()
                            for name in columns(n_classes)}}
            for k in range(len(result['n_points']))]
