"""An attacker with rows of its own, and its camouflage."""
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attack_problems import digits, make, run, small
from refusals import raises
from refused_attacks import assert_refused
from sklearn_names import SKLEARN_L1
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack import attacker, batches
from secml_regpoison.attack.checkpoint import AnotherProblem
from secml_regpoison.core.targeted import targeted_points

from secml.array import CArray
from secml.data import CDataset
from secml.ml.features.normalization import CNormalizerMeanStd

FULL = {'n_outer': 15}


def attack_on(data, n_points=14, clf=None, **kwargs):
    kwargs.setdefault('solver_type', 'implicit')
    return make(data, n_points, clf or CClassifierLogisticTorch(), **{
        'solver_params': FULL, **kwargs})


def test_camouflage_hides_the_harm():
    """The attacker's rows err more than under the usual attack, and than
    without camouflage; the trusted rows show less."""
    data, found = digits(), {}
    for name, kwargs in (('usual', {}), ('naive', {'camouflage': 0}),
                         ('hidden', {'camouflage': .9})):
        attack = attack_on(data, attacker_set=data[2] if kwargs else None,
                           **kwargs)
        y_pred = run(attack, data)[0]
        record = attack.history[0]
        found[name] = (y_pred != data[2].Y).mean(), record.val_loss
        assert record.camouflage == kwargs.get('camouflage', 0)
        own = data[1] if name == 'usual' else data[2]
        clf = attack.poisoned_classifier(attack.adv_ds)
        for loss, rows in ((record.loss, own), (record.val_loss, data[1])):
            scores = clf.decision_function(rows.X, y=1).tondarray()
            assert loss == pytest.approx(np.logaddexp(
                0, (1 - 2 * rows.Y.tondarray()) * scores).mean(), rel=1e-8)
    errors, losses = zip(*found.values())
    assert errors[2] > 1.2 * max(errors[:2])
    assert losses[2] < .5 * min(losses[:2])


def test_the_kept_camouflage_errs_most():
    data, errors = digits(), {}
    for camouflage in (.5, .9, 'auto'):
        attack = attack_on(data, 6, attacker_set=data[2],
                           camouflage=camouflage,
                           solver_params={'n_outer': 4})
        y_pred = run(attack, data)[0]
        errors[camouflage] = (y_pred != data[2].Y).mean()
    assert errors['auto'] == max(errors.values())
    assert errors[attack.history[0].camouflage] == errors['auto']


@pytest.mark.parametrize('y_target, hides, camouflages, kept', [
    (None, False, (0.,), 1), (None, True, (0., .9), 2), (0, False, (0.,), 2),
    (0, True, (0., .9), 1), (None, True, (.9,), 2)])
def test_by_what_the_best_of_several_searches_is_kept(
        monkeypatch, y_target, hides, camouflages, kept):
    """By its loss, of an attacker who hides by its errors."""
    harm = {1: (.7, .3), 2: (.3, .7)}  # loss and errors of each restart

    def solve_from(attack, data, problem, start, iterates, *_, **__):
        n = next(restarts)
        iterates.append(batches.IterateRecord(0 * start.x + n, 0., 0.))
        return SimpleNamespace(
            **iterates[0]._asdict(), n_trainings=10 * n, n_evaluations=n,
            converged=True)

    attack, restarts = make(
        small(), 1, y_target=y_target,
        attacker_set=small()[2] if hides else None), itertools.count(1)
    data = attack._prepare()
    monkeypatch.setattr(batches, 'solve_from', solve_from)
    monkeypatch.setattr(attacker, 'targeted_points', lambda *_: ())
    monkeypatch.setattr(
        batches.retraining, 'evaluate_for_attacker',
        lambda attack, data, poison: harm[int(poison.x[0, 0])])
    batch, _ = batches.optimise_batch(
        attack, data, data.poison_set(0.), 1, None,
        2 - len(camouflages), camouflages)
    assert batch.x.unique().tolist() == [kept]
    assert (batch.n_trainings, batch.n_evaluations) == (30, 3)


@pytest.mark.parametrize('preprocess', [None, 'mean-std'])
def test_check_gradient_is_of_the_own_rows(preprocess):
    data = digits()
    attack = make(data, 6, CClassifierLogisticTorch(preprocess=preprocess),
                  solver_type='implicit', attacker_set=data[2])
    attack.xc = CArray(np.random.default_rng(0).uniform(.1, .9, (6, 64)))
    attack.yc = CArray(np.arange(6) % 2)
    found = attack.check_gradient()
    assert found.points < 1e-6 and found.lmbda < 1e-6


def test_a_fixed_lambda_has_nothing_to_hide_from():
    data = small()
    attack = attack_on(data, 4, attacker_set=data[2], learn_lmbda=False)
    run(attack, data)
    assert attack.history[0].camouflage == 0


def test_the_own_rows_decide_what_a_checkpoint_is_of(tmp_path):
    data, path = small(), tmp_path / 'attack.npz'
    attack = attack_on(data, 4, attacker_set=data[2], camouflage=.5)
    first = run(attack, data, checkpoint=path)[2]
    again = run(attack, data, checkpoint=path)[2]
    assert (first.X == again.X).all()
    assert attack.history[0].camouflage == .5
    for changes in ({'attacker_set': data[1]}, {'camouflage': .9}):
        other = attack_on(data, 4, **{
            'attacker_set': data[2], 'camouflage': .5, **changes})
        assert_refused(other, AnotherProblem, *changes, 'of another',
                       checkpoint=path)


@pytest.mark.parametrize('kwargs, error, word', [
    ({'camouflage': .5}, ValueError, "'auto' or 0 without"),
    ({'camouflage': 'much'}, ValueError, "`camouflage` must be 'auto'"),
    ({'camouflage': 2, 'attacker_set': small()[2]}, ValueError,
     '`camouflage` must be'),
    ({'attacker_set': small(d=3)[2]}, ValueError, '`attacker_set.X`'),
    ({'attacker_set': small(labels=(0, 2))[2]}, ValueError,
     '`attacker_set.Y`'),
    ({'attacker_set': [[1, 2]]}, TypeError, '`attacker_set`')])
def test_bad_attackers(kwargs, error, word):
    with raises(error, word):
        attack_on(small(), 4, **kwargs)


@pytest.mark.parametrize('learn_lmbda, values', [
    (True, {0., .5, .9}), ('trust', {0., .2, .5})])
def test_who_hides_also_tries_not_to(learn_lmbda, values):
    data = digits()
    attack = attack_on(data, 6, attacker_set=data[2], camouflage='auto',
                       learn_lmbda=learn_lmbda, solver_type='implicit',
                       solver_params={'n_outer': 2})
    tried = set()
    solve_from = batches.solve_from

    def recorded(attack, data, problem, start, *args, **settings):
        if len(start.x):  # else it is the classifier without poison
            tried.add(settings['camouflage'])
        return solve_from(attack, data, problem, start, *args, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, 'solve_from', recorded)
        run(attack, data)
    assert tried == values


def test_a_checkpoint_is_of_rows_of_its_own_or_not(tmp_path):
    """Both ways: either may be the one that has more settings."""
    data, own = small(), small()[2]
    for sides in ((None, own), (own, None)):
        first, other = (make(data, 3, attacker_set=rows, camouflage=0.)
                        for rows in sides)
        path = tmp_path / str(own is sides[0])
        run(first, data, checkpoint=path)
        with raises(AnotherProblem, '`checkpoint` must be of the same problem',
                    'content of attacker_set is', 'None'):
            run(other, data, checkpoint=path)
        assert other.f_eval == 0


PLAIN = 'passthrough', {}  # scaler and settings of scikit-learn's model


class OwnMeanStd(CNormalizerMeanStd):
    """A preprocess that is frozen."""


@pytest.mark.filterwarnings('ignore:OwnMeanStd is frozen', 'ignore:the loss')
@pytest.mark.parametrize('kwargs, clf, of_sklearn, gain', [
    ({}, {}, PLAIN, .02), ({'dmax': 3.}, {}, PLAIN, .02),
    ({'dmax': 6., 'distance': 'l1'}, {}, PLAIN, .02),
    ({'y_target': 1, 'y_poison': 1}, {}, PLAIN, 0.),
    ({}, {'preprocess': OwnMeanStd()}, (StandardScaler(), {}), .02),
    ({'lmbda_bounds': (-2, 6)}, {'penalty': 'l1'},
     ('passthrough', {'solver': 'saga', **SKLEARN_L1}), .01)])
def test_who_hides_also_starts_at_a_target(
        monkeypatch, kwargs, clf, of_sklearn, gain):
    """From where points pull the model to one, more rows are wrong by
    scikit-learn; not where the harm is seen."""
    x, y = load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(3).permutation(len(y))
    parts = np.split(rows, [100, 140, 340])[:3]
    x = (x - x[parts[0]].mean(0)) / x[parts[0]].std(0)
    data = [CDataset(CArray(x[part]), CArray(y[part])) for part in parts]
    errors, calls = [], []

    def counted(*args):
        calls.append(args)
        return list(targeted_points(*args)) * with_targets
    monkeypatch.setattr(attacker, 'targeted_points', counted)
    for with_targets in False, True:
        attack = attack_on(
            data, 12, CClassifierLogisticTorch(**clf),
            lb=CArray(x[parts[0]].min(0)), ub=CArray(x[parts[0]].max(0)),
            attacker_set=data[2], solver_params={'n_outer': 4},
            **{'y_poison': 0, **kwargs})
        poison = run(attack, data)[2]
        poisoned = attack.poisoned_data(poison)
        scaler, settings = of_sklearn
        model = make_pipeline(scaler, LogisticRegression(
            C=np.exp(-attack.lmbda), tol=1e-8, max_iter=100000, **settings)
        ).fit(poisoned.X.tondarray(), poisoned.Y.tondarray())
        goal = kwargs.get('y_target', 1 - y[parts[2]])
        errors.append((model.predict(x[parts[2]]) == goal).mean())
    assert errors[1] > errors[0] + gain
    assert len(calls) == 2
    run(attack_on(data, 12, solver_params={'n_outer': 1}), data)
    assert len(calls) == 2
