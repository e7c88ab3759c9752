"""Stock CSecEval and plot_sec_eval, and runs that continue another run."""
import math
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attack_invariants import assert_same_poison, assert_same_result
from attack_problems import BATCHES, QUICK, clouds, make, run, small
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack import continuation
from secml.adv.seceval import CSecEval, CSecEvalData
from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import CNormalizerTFIDF


def sec_eval(data, param_name, values, save_adv_ds=True, **kwargs):
    """The CSecEvalData of stock CSecEval, and the attack."""
    attack = make(data, **kwargs)
    if param_name != 'n_points':
        attack.n_points = 5
    evaluation = CSecEval(attack, param_name, CArray(values), save_adv_ds)
    evaluation.run_sec_eval(data[2])
    return evaluation.sec_eval_data, attack


@pytest.mark.parametrize('poison_mode', ['append', 'replace'])
def test_lambda_and_weight_norm_at_every_strength(tmp_path, poison_mode):
    """They survive secml's own file, strength 0 included."""
    data = small()
    attack = make(data, poison_mode=poison_mode)
    evaluation = CSecEval(attack, 'n_points', CArray([0, 3, 7]),
                          save_adv_ds=True)
    evaluation.run_sec_eval(data[2])
    found = evaluation.sec_eval_data
    assert [ds.num_samples for ds in found.adv_ds] == [0, 3, 7]
    for ds, f_opt, y_pred in zip(found.adv_ds, found.fobj, found.Y_pred):
        clf = attack.classifier.deepcopy()
        clf.C = math.exp(-ds.header.lmbda)
        poisoned = attack.poisoned_data(ds)
        clf.fit(poisoned.X, poisoned.Y)
        assert ds.header.w_norm == clf.w.norm()
        assert_array_equal(clf.predict(data[2].X).tondarray(),
                           y_pred.tondarray())
        assert f_opt > 0
    assert len({ds.header.w_norm for ds in found.adv_ds}) == 3
    assert (np.diff(found.fobj.tondarray()) > 0).all()

    path = str(tmp_path / 'sec_eval')
    evaluation.save_data(path)
    again = CSecEval(attack, 'n_points', CArray([0]))
    again.load_data(path + '.gz')
    loaded = again.sec_eval_data
    assert isinstance(loaded, CSecEvalData)
    for ds, expected in zip(loaded.adv_ds, found.adv_ds):
        assert_same_poison(ds, expected)
    assert_array_equal(loaded.fobj.tondarray(), found.fobj.tondarray())


def test_history_has_a_record_for_each_strength():
    data = small()
    found, attack = sec_eval(data, 'n_points', [0, 3, 7])
    records = attack.history
    assert [record.n_points for record in records] == [0, 3, 7]
    assert [record.loss for record in records] == found.fobj.tolist()
    assert [record.lmbda for record in records] == [
        ds.header.lmbda for ds in found.adv_ds]
    assert records[-1].n_hypergradients == attack.grad_eval > 0
    assert records[-1].n_trainings == attack.f_eval > attack.grad_eval
    for record, seconds in zip(records, found.time.tolist()):
        # CSecEval measures the same, and a little more
        assert .5 * seconds < record.seconds <= seconds
        assert 0 < record.seconds_cpu < 2 * record.seconds
        assert record.seconds_from_checkpoint == 0
    # an error leaves it as it is, and a run without `ds_init` begins it anew
    with pytest.raises(ValueError):
        attack.run(data[2].X, data[2].Y[:3])
    assert attack.history == records
    run(attack, data, 2)
    assert [record.n_points for record in attack.history] == [2]


def test_poison_need_not_be_saved():
    data = small()
    kept, _ = sec_eval(data, 'n_points', [0, 3, 7])
    bare, _ = sec_eval(data, 'n_points', [0, 3, 7], save_adv_ds=False)
    assert bare.adv_ds is None
    assert_array_equal(bare.fobj.tondarray(), kept.fobj.tondarray())


def test_stock_curves_are_drawn():
    data = small()
    found, _ = sec_eval(data, 'n_points', [0, 3, 7])
    targeted, _ = sec_eval(data, 'n_points', [0, 3, 7], y_target=1)
    assert targeted.Y_target.item() == 1
    fig = CFigure()
    fig.sp.plot_sec_eval(found, metric='test-error', label='learned')
    fig.sp.plot_sec_eval([found, found], metric='accuracy', mean=True,
                         percentage=True, show_average=True)
    drawn = fig.sp.get_lines()[0].get_ydata()
    fig.close()
    assert_allclose(drawn, [(y_pred != data[2].Y).mean()
                            for y_pred in found.Y_pred])


@pytest.mark.slow
@pytest.mark.parametrize('strengths', [
    [7, 3, 0], [2, 9, 9, 4], [12], [0, 24, 1]], ids=str)
def test_strengths_in_any_order(strengths):
    data = small()
    found, _ = sec_eval(data, 'n_points', strengths, **BATCHES)
    assert [ds.num_samples for ds in found.adv_ds] == strengths
    # fewer points are the first of the more, and lambda answers them: the
    # loss is that of a run for itself, up to how far lambda is followed
    for n_points, ds, f_opt in zip(strengths, found.adv_ds, found.fobj):
        longest = max(found.adv_ds, key=lambda ds: ds.num_samples)
        assert_array_equal(ds.X.tondarray(),
                           longest.X.tondarray()[:n_points])
        fixed = make(data, n_points, **BATCHES)
        again = run(fixed, data, ds_init=ds)
        assert_allclose(again[3], f_opt, rtol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize('poison_mode', ['append', 'replace'])
@pytest.mark.parametrize('batch_size', [4, 3])
def test_in_one_go_or_in_stages(poison_mode, batch_size):
    """Bit for bit: at once, continued, continued by another attack object,
    and by CSecEval."""
    data = small()
    kwargs = {'poison_mode': poison_mode, 'batch_size': batch_size,
              'joint': False}
    expected = run(make(data, 12, **kwargs), data)
    half = 4 if batch_size == 4 else 6
    attack = make(data, **kwargs)
    first = run(attack, data, half)
    evaluations = attack.f_eval
    second = run(attack, data, 12, ds_init=first[2])
    assert_same_result(second, expected)
    other = run(make(data, 12, **kwargs), data, ds_init=first[2].deepcopy())
    assert_same_result(other, expected)
    chain, _ = sec_eval(data, 'n_points', [0, half, 12], **kwargs)
    assert_same_result((chain.Y_pred[2], chain.scores[2], chain.adv_ds[2],
                        chain.fobj[2].item()), expected)
    # the earlier points are not paid for again
    assert evaluations > 0
    at_once = make(data, 12, **kwargs)
    run(at_once, data)
    assert evaluations + attack.f_eval == at_once.f_eval


@pytest.mark.parametrize('header', ['ours', 'none', 'foreign'])
def test_points_of_ds_init_are_held_fixed(header):
    """Shorter, longer, as long, none at all; with or without a header."""
    data = small()
    prev = run(make(data, 6, joint=False, random_seed=3), data)[2]
    if header != 'ours':
        prev = CDataset(prev.X, prev.Y, None if header == 'none' else
                        CDatasetHeader(id='mine'))
    for n_points in (9, 6, 2, 0):
        attack = make(data, n_points, joint=False)
        with warnings.catch_warnings(record=True) as said:
            adv_ds, f_opt = run(attack, data, ds_init=prev)[2:]
        assert any('made with random_seed 3' in str(warning.message)
                   for warning in said) == (
            header == 'ours' and n_points > 0)
        assert adv_ds.num_samples == n_points
        n_kept = min(n_points, 6)
        assert_array_equal(adv_ds.X.tondarray()[:n_kept],
                           prev.X.tondarray()[:n_kept])
        assert adv_ds.Y.tolist()[:n_kept] == prev.Y.tolist()[:n_kept]
        assert f_opt == attack.f_opt
    if header == 'ours':
        assert len(set(run(make(data, 24), data, ds_init=prev)[2]
                       .header.starts)) == 24


def test_no_points_to_continue_from():
    """None, or what strength 0 returned."""
    data = small()
    none = run(make(data, 0), data)[2]
    assert none.num_samples == 0 and none.num_features == 2
    expected = run(make(data, 5), data)
    assert_same_result(run(make(data, 5), data, ds_init=none), expected)
    bare = CDataset(none.X, none.Y)
    assert run(make(data, 5), data, ds_init=bare)[2].num_samples == 5


def test_lambda_is_warm_started():
    """From the header; at n_outer = 0 and a narrow interval it stays."""
    data = small()
    attack = make(data, 4, solver_params={'n_outer': 0, 'n_inner': 20},
                  lmbda_bounds=(2.5, 2.5))
    prev = run(attack, data)[2]
    assert prev.header.lmbda == 2.5
    fixed = make(data, 4, learn_lmbda=False)
    assert run(fixed, data, ds_init=CDataset(
        prev.X, prev.Y, CDatasetHeader(lmbda=2.5)))[2].header.lmbda == 0


SWEEPS = {
    'dmax': ([.05, .3, .1], {}),
    'ub': ([.6, .9, .4], {}),
    'lb': ([0., .3], {}),
    'y_target': ([0, 1], {}),
    'classifier.C': ([.01, 1., 100.], {'learn_lmbda': False}),
}


@pytest.mark.slow
@pytest.mark.parametrize('param_name', SWEEPS)
def test_sweeps_attack_anew(param_name):
    """Stock attacks do not: of C they return one value repeated."""
    data = small()
    values, kwargs = SWEEPS[param_name]
    found, _ = sec_eval(data, param_name, values, **kwargs)
    assert len(set(found.fobj.tolist())) == len(values)
    for k, value in enumerate(values):
        attack = make(data, 5, **kwargs)
        attack.set(param_name, value)
        assert_same_result((found.Y_pred[k], found.scores[k], found.adv_ds[k],
                            found.fobj[k].item()), run(attack, data))


def frozen(first):
    """A preprocess that is frozen, after another."""
    return CNormalizerTFIDF(preprocess=first)


@pytest.mark.parametrize('param_name, values, said', [
    ('random_seed', [0, 1], [0, 1]), ('n_restarts', [0, 1], [0, 1]),
    ('batch_size', [1, 2], [1, 2]),
    ('solver_type', ['rmd', 'implicit'], ['rmd', 'implicit']),
    ('poison_mode', ['append', 'replace'], ['append', 'replace']),
    ('classifier.preprocess', ['mean-std', 'min-max'],
     ['MeanStd.*', 'MinMax.*']),
    ('classifier.preprocess', ['unit-norm', 'mean-std'],
     [r"UnitNorm\(order='l2'\)", 'MeanStd.*']),
    ('classifier.penalty', ['l2', 'l1'], ['l2', 'l1']),
    ('classifier.beta', [0, 1], ['0.0', '1.0']),
    ('classifier.solver', ['newton', 'sgd'],
     ['newton, fit dtype=float64', 'sgd, fit dtype=float64, epochs=100, .*'])])
def test_a_sweep_that_keeps_the_points_says_so(param_name, values, said):
    data, name = small(), param_name.split('.')[-1]
    words = (f'the 5 points of `ds_init` were made with {name} {said[0]}; '
             f'they are kept here, with {name} {said[1]}. To compare')
    with pytest.warns(RuntimeWarning, match=words):
        found, _ = sec_eval(data, param_name, values, joint=False,
                            clf=CClassifierLogisticTorch(C=1))
    assert_array_equal(*(ds.X.tondarray() for ds in found.adv_ds))


@pytest.mark.parametrize('first, then, words', [
    (None, frozen('min-max'), 'with preprocess None; they are kept here, with '
     'preprocess CNormalizerTFIDF [0-9a-f]{16}. To'),
    (frozen('unit-norm'), frozen('min-max'),
     'with preprocess CNormalizerTFIDF [0-9a-f]{16}; they')])
def test_points_for_another_frozen_preprocess_say_so(first, then, words):
    data = small()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        poison, attack = (make(data, 5, CClassifierLogistic(preprocess=kind))
                          for kind in (first, then))
        poison = run(poison, data)[2]
    with pytest.warns(RuntimeWarning, match=f'were made {words}'):
        poison = run(attack, data, ds_init=poison)[2]
    with warnings.catch_warnings():
        warnings.filterwarnings('error', '.* points of `ds_init`')
        run(attack, data, ds_init=poison)


def test_settings_that_one_attack_alone_has_are_named():
    data = small()
    poison = run(make(data, 2), data)[2]
    for kwargs, name, value in (
            ({'solver_params': {**QUICK, 'patience': 3}}, 'patience', 3),
            ({'attacker_set': data[2]}, 'attacker_set', '[0-9a-f]{16}')):
        with pytest.warns(RuntimeWarning, match=f'made with no {name}.*; they '
                          f'are kept here, with {name} {value}'):
            run(make(data, 2, **kwargs), data, ds_init=poison)


@pytest.mark.parametrize('clf', [
    CClassifierLogistic(preprocess='min-max'),
    CClassifierLogisticTorch(beta=1, solver='sgd', preprocess=frozen(
        'min-max'))])
def test_a_sweep_of_the_same_settings_is_silent(clf):
    """So is poison that 0.1.0 has made, which names fewer settings."""
    data = small()
    with warnings.catch_warnings():
        warnings.filterwarnings('error', '.* points of `ds_init`')
        found, attack = sec_eval(data, 'n_points', [0, 2, 3], joint=False,
                                 clf=clf)
        old = found.adv_ds[1]
        text = old.header.search_settings.split('; ')
        old.header.search_settings = '; '.join(
            item for item in text if item.split()[0] not in (
                'preprocess', 'penalty', 'beta', 'solver', 'fit'))
        assert len(old.header.search_settings.split('; ')) == len(text) - 5
        assert run(attack, data, 3, ds_init=old)[2].num_samples == 3


class Noted(CClassifierLogisticTorch):
    """Trains in its own way, by a parameter of its own."""

    def __init__(self, note='', **kwargs):
        super().__init__(**kwargs)
        self.note = note

    def fit(self, x, y):
        return super().fit(x, y)


@pytest.mark.filterwarnings('ignore:Noted has a `fit` of its own')
def test_a_text_of_the_user_is_no_other_setting():
    """The settings are one text: its part after '; ' was the seed."""
    attack = make(small(), 1, Noted(note='x; random_seed 5'))
    text = continuation.search_settings(attack, attack._prepare())
    found = continuation._as_dict(text)
    assert found['random_seed'] == str(attack.random_seed)
    assert found['fit'].endswith('note=x, random_seed 5')


def test_sweep_of_c_is_lambda():
    data = small()
    found, attack = sec_eval(data, 'classifier.C', [.01, 1., 100.],
                             learn_lmbda=False, clf=CClassifierLogistic(C=7))
    assert [ds.header.lmbda for ds in found.adv_ds] == [
        -math.log(c) for c in (.01, 1., 100.)]
    norms = [ds.header.w_norm for ds in found.adv_ds]
    assert norms == sorted(norms) and norms[0] < norms[-1] / 5
    assert attack.classifier.C == 100.  # CSecEval itself sets it


def test_a_larger_ball_is_a_stronger_attack():
    data = small()
    found, _ = sec_eval(data, 'dmax', [0., .1, .3],
                        solver_params={**QUICK, 'n_outer': 10})
    assert (np.diff(found.fobj.tondarray()) > .001).all()


def test_test_data_may_hold_one_row():
    data = small()
    one = clouds(1, 9)
    y_pred, scores, *_ = make(data, 2).run(one.X[0, :].ravel(), one.Y)
    assert y_pred.shape == (1,) and scores.shape == (1, 2)
