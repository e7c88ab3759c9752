"""The attack on a defender who learns how much untrusted rows count."""
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from attack_problems import clouds, digits, make, run, small
from refusals import raises
from refused_attacks import assert_refused
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack import trust
from secml_regpoison.attack.checkpoint import AnotherProblem
from secml_regpoison.core.losses import Logistic

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import CNormalizerMeanStd


def attack_on(data, n_points, clf=None, **kwargs):
    return make(data, n_points, clf or CClassifierLogisticTorch(), **{
        'solver_type': 'implicit', 'learn_lmbda': 'trust',
        'solver_params': {'n_outer': 5}, **kwargs})


def refit(attack, data, adv_ds):
    """scikit-learn with sample_weight: the classifier that is reported, of
    the trusted rows and, with the weight, of what `poisoned_data` returns."""
    header = adv_ds.header
    parts = [data[1], attack.poisoned_data(adv_ds)]
    x, y = (np.concatenate([getattr(part, name).tondarray()
                            for part in parts]) for name in 'XY')
    weights = np.r_[np.ones(data[1].num_samples), np.full(
        len(y) - data[1].num_samples, header.trust)]
    return LogisticRegression(
        C=np.exp(-header.lmbda), solver='newton-cholesky', tol=1e-10,
        max_iter=1000).fit(x, y, sample_weight=weights)


def test_poison_is_given_no_weight():
    """The usual attack on digits ends at the trusted rows alone."""
    data = digits()
    attack = attack_on(data, 14)
    y_pred, _, adv_ds, loss = run(attack, data)
    assert adv_ds.header.trust == 0. and loss == attack.history[0].val_loss
    assert 'saturated' in adv_ds.header.verdicts
    clf = CClassifierLogisticTorch(lmbda=adv_ds.header.lmbda).fit(
        data[1].X, data[1].Y)
    found = attack.poisoned_classifier(adv_ds)
    np.testing.assert_allclose(found.w.tondarray(), clf.w.tondarray(),
                               rtol=1e-9, atol=1e-9)
    assert (y_pred == clf.predict(data[2].X)).all()


@pytest.mark.parametrize('preprocess', [None, 'mean-std'])
def test_clean_rows_are_used(preprocess):
    """Without poison, on clouds, they count; scikit-learn agrees."""
    data = [clouds(n, seed, d=4) for n, seed in ((200, 1), (24, 2), (60, 3))]
    attack = attack_on(data, 0, CClassifierLogisticTorch(
        preprocess=preprocess))
    adv_ds = run(attack, data)[2]
    assert attack.poisoned_data(adv_ds).num_samples == 200
    assert adv_ds.header.trust > .01
    assert 'saturated' not in adv_ds.header.verdicts
    if preprocess is None:
        clf = attack.poisoned_classifier(adv_ds)
        np.testing.assert_allclose(
            clf.w.tondarray(), refit(attack, data, adv_ds).coef_[0],
            rtol=1e-5)


def test_a_classifier_of_float32():
    """The weights of its rows were of float64: `run` ended in an error."""
    data = [clouds(n, seed, d=4) for n, seed in ((200, 1), (24, 2), (60, 3))]
    found = []
    for dtype in 'float64', 'float32':
        attack = attack_on(data, 0, CClassifierLogisticTorch(dtype=dtype))
        adv_ds = run(attack, data)[2]
        assert adv_ds.header.trust > .01
        found.append(attack.poisoned_classifier(adv_ds).w.tondarray())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-5)


def test_the_margin_decides_what_a_checkpoint_is_of(tmp_path):
    data, path = small(), tmp_path / 'attack.npz'
    one, other = (attack_on(data, 0, lmbda_bounds=(0, 1), trust_margin=margin)
                  for margin in (0., 1.))
    run(one, data, checkpoint=path)
    assert_refused(other, AnotherProblem,
                   'trust_margin is 0.0 there and 1.0 here',
                   checkpoint=path)


def test_bad_settings():
    data = small()
    for kwargs, word in (({'learn_lmbda': 'much'}, '`learn_lmbda`'),
                         ({'solver_type': 'fmd'}, '`solver_type`'),
                         ({'y_target': 1}, '`y_target`')):
        with raises(ValueError, word):
            attack_on(data, 2, **kwargs)
    with raises(ValueError, '`classifier`'):
        attack_on(data, 2, CClassifierLogistic())


def test_poison_that_hides_is_trusted():
    """An attacker with rows of its own who knows the trusted ones: all rows
    count, the defender's loss falls, and errors come."""
    data = digits((3, 8))
    attack = attack_on(data, 14, attacker_set=data[2], camouflage=.5,
                       solver_params={'n_outer': 15})
    y_pred, _, adv_ds, loss = run(attack, data)
    assert adv_ds.header.trust > .1 and 'unseen' in adv_ds.header.verdicts
    assert adv_ds.header.lmbda == -2 and attack.lmbda_bounds[0] == -8
    assert 'lmbda_at_bound' in adv_ds.header.verdicts
    assert attack.history[0].val_loss < .6 * loss_of_trusted_rows(attack)
    assert (y_pred != data[2].Y).mean() > .06
    y = 2 * (data[2].Y.tondarray() == 8) - 1
    scores = attack.poisoned_classifier(adv_ds).decision_function(
        data[2].X, y=1).tondarray()
    assert loss == pytest.approx(np.logaddexp(0, -y * scores).mean(),
                                 rel=1e-6)


def test_poison_of_no_weight_is_no_harm_that_stays_unseen():
    """The loss on the attacker's rows is then not of its making."""
    tr, val, ts = small()
    attack = attack_on(
        (CDataset(tr.X, 1 - tr.Y), val), 4, camouflage=0.,
        attacker_set=CDataset(ts.X, 1 - ts.Y), solver_params={'n_outer': 0})
    adv_ds = run(attack, (tr, val, ts))[2]
    record = attack.history[-1]
    assert adv_ds.header.trust == 0. and record.loss > 2 * record.val_loss
    assert not record.verdicts.unseen


def loss_of_trusted_rows(attack):
    """The defender's loss without the other rows."""
    return float(trust.model_class(attack).keywords['alone']
                 .row_losses.mean())


def test_a_margin_asks_for_more_gain():
    """Without poison the rows of clouds gain; not thirty standard errors."""
    data = [clouds(n, seed, d=4) for n, seed in ((200, 1), (24, 2), (60, 3))]
    found = [run(attack_on(data, 0, trust_margin=margin), data)[2].header
             for margin in (0., 30.)]
    assert found[0].trust > .01 and found[1].trust == 0.
    assert 'saturated' in found[1].verdicts


@pytest.mark.parametrize('learn_lmbda', ['trust', True, False])
@pytest.mark.parametrize('margin, error', [
    (-1, ValueError), (np.nan, ValueError), (np.inf, ValueError),
    ('wide', TypeError), (None, TypeError)])
def test_bad_margins(learn_lmbda, margin, error):
    with raises(error, '`trust_margin` must be finite and at least 0'):
        attack_on(small(), 0, learn_lmbda=learn_lmbda, trust_margin=margin)


@pytest.mark.parametrize('learn_lmbda', [True, False])
def test_a_margin_without_trust_is_refused(learn_lmbda):
    """Also where trust is left later: it would do nothing."""
    words = "`trust_margin` must be 0 without learn_lmbda='trust', got 2"
    data = small()
    with raises(ValueError, words):
        attack_on(data, 2, learn_lmbda=learn_lmbda, trust_margin=2)
    attack = attack_on(data, 2, trust_margin=2)
    attack.learn_lmbda = learn_lmbda
    with raises(ValueError, words):
        run(attack, data)
    attack.trust_margin = 0
    run(attack, data)


def test_an_answer_is_not_that_of_the_same_points_with_other_labels():
    """Points of earlier batches are training rows: their labels count."""
    train, val, own, test = (clouds(n, seed, d=3) for seed, n in enumerate(
        (60, 10, 20, 20), 1))
    points = CArray([[.9, .5, .4], [.1, .5, .6]])

    def attacked(*labels_of_runs):
        attack = attack_on(
            (train, val), 3, attacker_set=own, camouflage=.5, joint=False,
            batch_size=1, y_poison=1, random_seed=0,
            solver_params={'n_outer': 0})
        for labels in labels_of_runs:
            header = run(attack, (train, val, test), ds_init=CDataset(
                points, CArray(labels)))[2].header
        return header.search_lmbda, header.trust
    assert attacked([0, 1], [1, 0]) == attacked([1, 0])


class OwnLoss(CClassifierLogisticTorch):
    """Its loss is an attribute of the object."""

    __class_type = 'own-loss'

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.core_loss = Logistic()


def test_a_loss_of_the_object_stays():
    """The rows' weights are no part of the classifier."""
    data = small()
    adv_ds = CDataset(data[1].X[:2, :], data[1].Y[:2],
                      CDatasetHeader(lmbda=0., trust=.5))
    clf, like = (attack_on(data, 2, clf).poisoned_classifier(adv_ds)
                 for clf in (OwnLoss(), CClassifierLogisticTorch()))
    assert type(vars(clf)['core_loss']) is Logistic
    assert 'core_loss' not in vars(like)
    np.testing.assert_array_equal(clf.w.tondarray(), like.w.tondarray())


class Frozen(CNormalizerMeanStd):
    """A user's own: it cannot be refitted on poisoned rows."""

    __class_type = 'frozen'


def test_a_frozen_preprocess_is_refused():
    """The trusted rows fit it in the end, and the clean rows in the attack."""
    with raises(ValueError, '`classifier.preprocess` must be None or',
                'Frozen'):
        make(digits(), 4, CClassifierLogisticTorch(preprocess=Frozen()),
             solver_type='implicit', learn_lmbda='trust')


def test_a_question_about_lambda_leaves_the_trust_of_the_run():
    """Other points than those of the run get another weight."""
    data = digits((3, 8))
    attack = attack_on([data[0], data[1][:20, :], data[2]], 10)
    _, _, adv_ds, _ = run(attack, data)
    point = adv_ds.X[0, :].ravel()
    before = attack.trust, attack.objective_function(point)
    for other in data[1].X[3, :].ravel(), CArray.ones(64):
        lmbda = attack.learned_lmbda(other)
        assert type(lmbda) is type(attack.lmbda) is float
    assert (attack.trust, attack.objective_function(point)) == before


def test_trust_is_a_result_and_no_setting():
    data = small()
    attack = attack_on(data, 4)
    run(attack, data)
    assert attack.trust == attack.adv_ds.header.trust
    assert 'trust' not in attack.get_params()
    with pytest.raises(AttributeError):
        attack.trust = .5
    attack.learn_lmbda = True
    run(attack, data)
    assert attack.trust == 1.
