"""`y_poison`: the labels of the poisoning points."""
import re

import numpy as np
import pytest
import torch

from attack_problems import digits, make, run, small
from secml_regpoison.attack import poison_labels
from secml_regpoison import CClassifierLogisticTorch
from secml.array import CArray

QUICK_EXACT = {'solver_type': 'implicit', 'poison_mode': 'replace'}


def flipped(adv_ds, val):
    """Each point started at a row of the other class."""
    return (adv_ds.Y.tondarray()
            != val.Y.tondarray()[list(adv_ds.header.starts)]).all()


@pytest.mark.parametrize('labels', [(0, 1), (3, 8), (-1, 1)])
@pytest.mark.parametrize('joint', [True, False])
def test_a_class_for_all_points(labels, joint):
    data = small(labels=labels)
    for label in labels:
        adv_ds = run(make(data, 6, y_poison=label, joint=joint,
                          batch_size=4), data)[2]
        assert adv_ds.Y.tolist() == 6 * [label]
        assert flipped(adv_ds, data[1])


@pytest.mark.parametrize('as_type', [CArray, np.array, list])
def test_a_label_for_each_point(as_type):
    data, y = small(), [0, 1, 1, 1, 0, 1]
    attack = make(data, 6, y_poison=as_type(y))
    first = run(attack, data, 4)[2]
    whole = run(attack, data, 6, ds_init=first)[2]
    assert first.Y.tolist() == y[:4] and whole.Y.tolist() == y
    assert flipped(whole, data[1])
    assert whole.header.starts == run(attack, data, 6)[2].header.starts


@pytest.mark.parametrize('target', [0, 1])
def test_a_target_gives_every_point_its_label(target):
    data = digits()
    adv_ds = run(make(data, 5, y_target=target), data)[2]
    assert adv_ds.Y.tolist() == 5 * [target] and flipped(adv_ds, data[1])
    # unless another label is asked for
    other = run(make(data, 5, y_target=target, y_poison=1 - target), data)[2]
    assert other.Y.tolist() == 5 * [1 - target]


@pytest.mark.parametrize('value, words', [
    ('bad', "'flip', 'worst', one of the classes [0, 1], or a CArray"),
    (5, 'got 5'), (None, 'got None'), (1.5, 'got 1.5'),
    (CArray([0, 1]), 'labels for each of 4 points, got 2'),
    (CArray([0, 1, 2, 0]), 'labels among the classes [0, 1], got [0, 1, 2]'),
])
def test_what_it_may_not_be(value, words):
    attack = make(small(), 4)
    attack.y_poison = value
    with pytest.raises(ValueError, match=re.escape('`y_poison` must be')
                       ) as error:
        run(attack, small())
    assert words in str(error.value)


@pytest.mark.parametrize('n_before, n_high', [(0, 0), (4, 0), (4, 4), (3, 2)])
@pytest.mark.parametrize('n_points', [5, 8, 17])
def test_compositions_of_all_points(n_before, n_high, n_points):
    """Shares of the second label among all, as far as those before allow."""
    before = torch.tensor([1.] * n_high + [-1.] * (n_before - n_high))
    found = poison_labels.compositions(before, n_points)
    n_new = n_points - n_before
    totals = [n_high + int((y > 0).sum()) for y in found]
    assert all(len(y) == n_new and set(y.tolist()) <= {-1., 1.}
               for y in found)
    wanted = {min(max(round(share * n_points), n_high), n_high + n_new)
              for share in (0, .25, .5, .75, 1)}
    assert totals == sorted(wanted)
    # the labels are spread: half of the points has half of them
    for y in found:
        half = int((y[:n_new // 2] > 0).sum())
        assert abs(half - int((y > 0).sum()) * (n_new // 2) / n_new) < 1


@pytest.mark.parametrize('kwargs', [
    {}, {'learn_lmbda': False}, {'joint': False}, {'y_target': 1},
    {'attacker_set': digits()[2], 'camouflage': 0.}],
    ids=lambda kwargs: '-'.join(kwargs) or 'learned')
def test_the_worst_by_the_attackers_errors(kwargs):
    """All compositions are shown, and each value is that of the classifier
    that a run with these labels and so few steps evaluates."""
    data = digits()
    attack = make(data, 12, CClassifierLogisticTorch(), y_poison='worst',
                  **QUICK_EXACT, **kwargs)
    adv_ds = run(attack, data)[2]
    record = attack.history[-1]
    assert [sum(tried.n_points) for tried in record.compositions] == 5 * [12]
    upward = -1 if 'y_target' in kwargs else 1
    worst = max(record.compositions, key=lambda tried: (
        upward * tried.error, upward * tried.loss))
    assert record.n_labels == worst.n_points
    assert adv_ds.Y.tolist().count(1) == worst.n_points[1]
    assert flipped(adv_ds, data[1])
    assert attack.grad_eval > sum(
        tried.n_hypergradients for tried in record.compositions)

    tried = record.compositions[1]
    same = make(data, 12, CClassifierLogisticTorch(), y_poison=CArray(
        [int(sign > 0) for sign in poison_labels.compositions(
            torch.zeros(0), 12)[1]]), **QUICK_EXACT,
        **{**kwargs, 'joint': True})
    found = run(same, data)
    assert found[3] == pytest.approx(tried.loss, rel=1e-9)
    clf = same.poisoned_classifier(found[2])
    rows = kwargs.get('attacker_set', data[1])
    y = rows.Y if 'y_target' not in kwargs else 1
    assert tried.error == (clf.predict(rows.X) != y).mean()
    assert (f"error on the attacker's rows {100 * tried.error:.1f} %, loss "
            f'{tried.loss:.4f}') in str(tried)


def test_the_worst_is_worse_than_a_flip():
    data = digits()
    errors = {}
    for y_poison in ('flip', 'worst'):
        attack = make(data, 20, y_poison=y_poison, **QUICK_EXACT)
        adv_ds = run(attack, data)[2]
        errors[y_poison] = (attack.poisoned_classifier(adv_ds).predict(
            data[1].X) != data[1].Y).mean()
    assert errors['worst'] > errors['flip']


def test_later_strengths_choose_among_what_is_left():
    data = digits()
    attack = make(data, y_poison='worst', **QUICK_EXACT)
    first = run(attack, data, 8)[2]
    second = run(attack, data, 16, ds_init=first)[2]
    assert second.Y.tolist()[:8] == first.Y.tolist()
    totals = {tried.n_points for tried in attack.history[-1].compositions}
    assert attack.history[-1].n_labels in totals and len(totals) >= 2
    # no points and no new points: nothing to choose
    assert run(attack, data, 0)[2].num_samples == 0
    assert attack.history[-1].compositions == ()


def test_a_score_of_zero_is_right_for_the_first_class_alone():
    """A strong L1 penalty makes all weights zero, and all scores."""
    data = small()
    attack = make(data, 6, CClassifierLogisticTorch(
        lmbda=6., penalty='l1', beta=1.), learn_lmbda=False,
        y_poison='worst', solver_type='implicit')
    adv_ds = run(attack, data)[2]
    clf = attack.poisoned_classifier(adv_ds)
    assert not clf.w.norm() and not clf.b
    error = (clf.predict(data[1].X) != data[1].Y).mean()
    assert error > 0
    assert [tried.error for tried in attack.history[0].compositions] == (
        5 * [pytest.approx(error)])
