"""What is measured at each strength of a security evaluation."""
import numpy as np

from secml_regpoison.core.verdicts import SENTENCES, is_at_bound

# `lmbda` is a natural log, C = exp(-lambda); errors are shares of the test
# rows, `error_0` and `error_1` of those of one class, `majority_error` that of
# the more frequent class for all. `validation_loss` is the defender's A(w, b;
# D_val), natural log, of the trained classifier (of 'trusted-only', which is
# trained on those rows, by cross-validation); `attacker_loss` is the same
# unless the attacker has rows of its own; `solver_loss` that by the solver,
# NaN where its points were projected to whole numbers or categories,
# or there is no attack. The norm of the weights leaves the bias out; `seconds`
# are those of one strength, which continues from the points of the one before;
# `constant_loss` is that of a constant answer, and the columns after it, 0 or
# 1, are the `Verdicts`; `lmbda_at_bound` is also that of a grid of lambda.
COLUMNS = ('n_points', 'fraction', 'test_error', 'majority_error', 'error_0',
           'error_1', 'validation_loss', 'attacker_loss', 'solver_loss',
           'lmbda', 'C', 'w_norm', 'w_norm_squared', 'share_predicted_1',
           'share_1', 'n_poison_0', 'n_poison_1', 'n_train', 'n_val', 'n_test',
           'n_hypergradients', 'seconds', 'seconds_cpu', 'constant_loss',
           *SENTENCES)


def measure(attack, data, split, plan, policy, runs):
    """The result of `evaluate`.

    Parameters
    ----------
    attack : CAttackPoisoningMinimaxLR
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
    if isinstance(policy, str):  # else nothing chose lambda
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
        **_sizes(data.adv_ds, split, n_appended),
        'n_hypergradients': [run.n_hypergradients for run in runs],
        'seconds': data.time.tondarray(),
        'seconds_cpu': [run.seconds_cpu for run in runs],
        'constant_loss': [run.constant_loss for run in runs], **verdicts,
        'weights': [attack.poisoned_classifier(poison).w.tondarray().ravel()
                    for poison in (data.adv_ds[0], last)],
        'x': last.X.tondarray(), 'y': last.Y.tondarray(),
        **_predictions(data)}.items()}


def _sizes(poisons, split, n_appended):
    """Rows of each kind; the training rows include the poison."""
    n = len(poisons)
    labels = [poison.Y.tondarray() for poison in poisons]
    return {'n_poison_0': [int((y == 0).sum()) for y in labels],
            'n_poison_1': [int((y == 1).sum()) for y in labels],
            'n_train': split.train.num_samples + n_appended,
            'n_val': [split.val.num_samples] * n,
            'n_test': [split.test.num_samples] * n}


def _predictions(data):
    """Predictions, scores and errors on the test rows."""
    y, y_pred = data.Y.tondarray(), [y.tondarray() for y in data.Y_pred]
    share = y.mean()
    return {
        'y_test': y, 'y_pred': y_pred,
        'scores': [scores.tondarray() for scores in data.scores],
        'test_error': [(pred != y).mean() for pred in y_pred],
        'majority_error': [majority_error(y)] * len(y_pred),
        'error_0': [_share(pred[y == 0] != 0) for pred in y_pred],
        'error_1': [_share(pred[y == 1] != 1) for pred in y_pred],
        'share_predicted_1': [pred.mean() for pred in y_pred],
        'share_1': [share] * len(y_pred)}


def majority_error(y):
    """Error of the more frequent of the labels `y` for all of them."""
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
    return [{**identity, **{name: result[name][k].item() for name in COLUMNS}}
            for k in range(len(result['n_points']))]
