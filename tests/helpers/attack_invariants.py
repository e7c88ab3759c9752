"""What is true of every attack that was made, whatever its data."""
from collections import Counter

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from attack_problems import solver_value
from secml_regpoison import CCertificatePoisoning
from secml.array import CArray


def box_of(attack, start):
    """Lower and upper bounds of the points, (p, d), given their starts."""
    low, high = (
        np.full(start.shape, none) if bound is None or isinstance(bound, str)
        else np.broadcast_to(bound if np.isscalar(bound)
                             else bound.tondarray().ravel(), start.shape)
        for bound, none in ((attack.lb, -np.inf), (attack.ub, np.inf)))
    x_0 = np.clip(start, low, high)
    return (x_0 if isinstance(attack.lb, str) else low,
            x_0 if isinstance(attack.ub, str) else high)


def assert_sound(attack, data, result, loss=None):
    """Finite, inside box and ball, labels only flipped, clean rows kept, and
    not weaker than where it started. loss : of scores and numbers of classes;
    None for the logistic one, below its certificate."""
    y_pred, scores, adv_ds, f_opt = result
    training_data, val, _ = data
    n_points, classes = attack.n_points or 0, training_data.classes.tolist()
    x = adv_ds.X.tondarray()
    assert x.shape == (n_points, training_data.num_features)
    for values in (x, scores.tondarray(), f_opt, attack.f_seq.tondarray(),
                   attack.lmbda_seq.tondarray(), adv_ds.header.lmbda,
                   adv_ds.header.w_norm):
        assert np.isfinite(values).all()
    assert set(y_pred.tolist()) <= set(classes)

    starts = list(adv_ds.header.starts)
    assert_in_turn(starts, val.Y.tolist(), attack.y_target is not None)
    start = val.X.tondarray()[starts].astype(float)
    if n_points:
        assert (adv_ds.Y.tondarray() != val.Y.tondarray()[starts]).all()
        assert set(adv_ds.Y.tolist()) <= set(classes)
    low, high = box_of(attack, start)
    # a rounding error of the largest number that takes part
    eps = 1e-12 * max(abs(x).max(initial=0), abs(start).max(initial=0))
    assert (x >= low - eps).all() and (x <= high + eps).all()
    if attack.dmax is not None:
        norm = np.linalg.norm(x - np.clip(start, low, high),
                              int(attack.distance[1]), axis=1)
        assert (norm <= attack.dmax + eps).all()

    if attack.learn_lmbda:
        bounds = attack.lmbda_bounds
        assert bounds[0] <= adv_ds.header.lmbda <= bounds[1]
    first = attack.f_seq[0].item()
    gain = solver_value(attack) - first
    # the same points may be kept by a training from another start
    assert (gain if attack.y_target is None else -gain) >= -1e-8 * first

    # the loss is that of the classifier that gave the predictions
    rows = attack.attacker_set or val
    scores = attack.poisoned_classifier(adv_ds).decision_function(
        rows.X.astype(float)).tondarray()
    y = np.searchsorted(classes, rows.Y.tondarray())
    if attack.y_target is not None:
        y = np.full_like(y, classes.index(attack.y_target))
    losses = np.logaddexp(0, (1 - 2 * y) * scores[:, -1]) if loss is None \
        else loss(scores, y)
    assert_allclose(f_opt, losses.mean(), rtol=1e-10)

    if loss is None:
        assert_below_the_bound(attack, adv_ds)
    poisoned = attack.poisoned_data(adv_ds)
    n_clean = poisoned.num_samples - n_points
    assert_array_equal(poisoned.X.tondarray()[n_clean:], x)
    clean = set(map(tuple, np.c_[training_data.X.tondarray(),
                                 training_data.Y.tondarray()].tolist()))
    assert set(map(tuple, np.c_[poisoned.X.tondarray(), poisoned.Y.tondarray()
                                ][:n_clean].tolist())) <= clean


def assert_below_the_bound(attack, adv_ds):
    """No attack is above its certificate: by the loss on the clean rows, and
    by the whole training objective. Where a bound exists."""
    clf = attack.poisoned_classifier(adv_ds)
    if not adv_ds.num_samples or clf.preprocess is not None \
            or any(bound is None or isinstance(bound, str)
                   or np.abs(CArray(bound).tondarray()).max() > 1e3
                   for bound in (attack.lb, attack.ub)):
        return
    certificate = CCertificatePoisoning(attack, max_iter=15).run(
        adv_ds.num_samples)
    both, k = attack.poisoned_data(adv_ds), certificate.n_clean
    y = 2. * (both.Y.tondarray() == attack.training_data.classes[1].item()) - 1
    losses = np.logaddexp(
        0, -y * clf.decision_function(both.X, y=1).tondarray())
    assert losses[:k].mean() <= certificate.bound * (1 + 1e-6)
    beta = type(clf).__name__ == 'CClassifierLogistic'
    objective = losses.mean() + np.exp(certificate.lmbda) / (2 * len(y)) * (
        float(clf.w.norm()) ** 2 + beta * clf.b.item() ** 2)
    # liblinear stops at some 1e-4 of the gradient
    assert objective <= certificate.objective_bound * (1 + 1e-3)
    assert certificate.found <= certificate.bound * (1 + 1e-6)


def assert_in_turn(starts, classes, one_label):
    """No row is taken again before all of its kind are: all rows, or with
    `one_label` those of the other class."""
    counts = Counter(starts)
    for kind in set(classes) if one_label else [None]:
        rows = [row for row, label in enumerate(classes)
                if kind is None or label == kind]
        n = sum(counts[row] for row in rows)
        assert max(counts[row] for row in rows) <= -(-n // len(rows))


def assert_same_poison(found, expected):
    """The same bits in points, labels and header."""
    assert_array_equal(found.X.tondarray(), expected.X.tondarray())
    assert_array_equal(found.Y.tondarray(), expected.Y.tondarray())
    assert found.header.get_params() == expected.header.get_params()


def assert_same_result(found, expected):
    """The same bits in all that `run` returns."""
    assert_array_equal(found[0].tondarray(), expected[0].tondarray())
    assert_array_equal(found[1].tondarray(), expected[1].tondarray())
    assert_same_poison(found[2], expected[2])
    assert found[3] == expected[3]
