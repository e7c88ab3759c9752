"""Policies, strengths and rows of a security evaluation, cell by cell."""
import dataclasses
import math
import threading
import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chi2_contingency
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack.replacement import replacement_order
from secml_regpoison.core.linalg import singular
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.threads import one_blas_thread
from secml_regpoison.core.verdicts import (
    BOUND_OF_TRUST, SENTENCES, by_chance)
from secml_regpoison.data.sources import Source, load_data
from secml_regpoison.experiment import security_evaluation
from secml_regpoison.experiment.security_evaluation import (
    evaluate, prepare_split, run_policies)
from secml_regpoison.experiment.measures import (
    COLUMNS, _predictions, make_records)
from secml_regpoison.experiment.policy_attack import make_attack
from secml_regpoison.experiment.plan import (
    Plan, check_plan, default_points, default_policies, most_points)
from secml_regpoison.experiment.cross_validation import (
    cross_validate, cross_validated_lmbda)
from secml_regpoison.experiment.policies import policy_name
from secml_regpoison.data.splits import draw_rows, split_data
from secml_regpoison.experiment.parallel import parallel_map
from secml_regpoison.experiment.report import plain_words, solver_verdict
from secml_regpoison.storage import load_arrays
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

PLAN = Plan(n_points=(0, 2, 4), n_train=40, n_val=20,
            attack_params={'solver_params': {'n_inner': 30}})


@pytest.fixture(scope='module')
def source():
    """Digits 3 and 8, the hardest pair for a few rows."""
    return load_data('digits', (3, 8))


@pytest.fixture(scope='module')
def split(source):
    """The split of the first repetition."""
    return split_data(source, PLAN.n_train, PLAN.n_val, PLAN.seed)


@pytest.fixture(scope='module')
def cells(source):
    """Each policy on two repetitions, one after the other."""
    return {(policy, repetition): (data, result)
            for policy, repetition, data, result in run_policies(
                source, PLAN, ('clean-cv', 'learned', -2.), 2)}


@pytest.mark.slow
def test_every_policy_and_repetition_is_run_once(cells):
    assert sorted(cells) == sorted(
        (policy, repetition) for policy in ('clean-cv', 'learned', '-2')
        for repetition in (0, 1))


def test_records_say_what_the_sec_eval_data_holds(cells):
    for data, result in cells.values():
        records = make_records(result, data='digits')
        assert [record['n_points'] for record in records] == [0, 2, 4]
        assert [record['fraction'] for record in records] == [
            0, 2 / 40, 4 / 40]
        for k, record in enumerate(records):
            assert list(record) == ['data', *COLUMNS]
            y_pred = data.Y_pred[k].tondarray()
            wrong = y_pred != data.Y.tondarray()
            assert record['test_error'] == wrong.mean()
            assert record['share_predicted_1'] == y_pred.mean()
            assert record['share_1'] == data.Y.tondarray().mean()
            assert record['majority_error'] == min(
                record['share_1'], 1 - record['share_1'])
            for label in (0, 1):
                of_class = data.Y.tondarray() == label
                assert record[f'error_{label}'] == wrong[of_class].mean()
                assert record[f'n_poison_{label}'] == (
                    data.adv_ds[k].Y == label).sum()
            assert record['C'] == pytest.approx(
                math.exp(-record['lmbda']), rel=1e-15)
            assert [record[f'n_{part}'] for part in (
                'train', 'val', 'test')] == [40, 20, data.Y.size]
            assert record['validation_loss'] == data.fobj.tondarray()[k] > 0
            assert record['seconds'] == data.time.tondarray()[k] > 0
            assert record['n_hypergradients'] >= 1
            header = data.adv_ds[k].header
            assert (record['lmbda'], record['w_norm']) == (
                header.lmbda, header.w_norm)
            assert data.adv_ds[k].num_samples == record['n_points']
        assert np.linalg.norm(result['weights'], axis=1) == pytest.approx(
            [result['w_norm'][0], result['w_norm'][-1]], rel=1e-12)


@pytest.fixture(scope='module')
def trusted(split):
    """The first repetition of 'trusted-only'."""
    return evaluate('', split, PLAN, 'trusted-only', 0)


def test_the_trusted_rows_alone_are_one_classifier_at_all_strengths(
        trusted, split):
    """scikit-learn's on those rows, at the lambda of their folds."""
    data, result = trusted
    lmbda = cross_validated_lmbda(split.val, CClassifierLogisticTorch(),
                                  PLAN.lmbda_bounds, 0)
    clf = LogisticRegression(C=math.exp(-lmbda), tol=1e-8, max_iter=10000)
    clf.fit(split.val.X.tondarray(), split.val.Y.tondarray())
    error = 1 - clf.score(split.test.X.tondarray(), result['y_test'])
    assert result['test_error'] == pytest.approx([error] * 3)
    assert result['lmbda'] == pytest.approx([lmbda] * 3)
    assert result['C'] == pytest.approx([clf.C] * 3)
    assert result['n_points'].tolist() == [0, 2, 4]
    assert result['fraction'].tolist() == [0, 2 / 40, 4 / 40]
    assert result['seconds'][1:].tolist() == [0, 0]
    assert data.Y_pred[2] is data.Y_pred[0] and len(data.adv_ds) == 3
    # there is no attack whose training could stop short
    assert not result['training_short'].any() and not result['unseen'].any()
    records = make_records(result)
    assert [record['n_poison_0'] + record['n_poison_1']
            for record in records] == [0, 0, 0]


def test_the_loss_of_the_trusted_rows_is_of_folds(trusted, split):
    """On the rows that it is trained on any classifier would look good."""
    _, result = trusted
    x, y = split.val.X.tondarray(), split.val.Y.tondarray()
    total = 0.
    for fit, held_out in StratifiedKFold(
            5, shuffle=True, random_state=0).split(x, y):
        clf = LogisticRegression(C=result['C'][0], tol=1e-10, max_iter=10000)
        clf.fit(x[fit], y[fit])
        total += np.logaddexp(0, -clf.decision_function(x[held_out])
                              * (2 * y[held_out] - 1)).sum()
    assert result['validation_loss'] == pytest.approx(
        [total / len(x)] * 3, rel=1e-5)


def test_too_few_trusted_rows_leave_the_policy_out(tmp_path):
    rng = np.random.default_rng(0)
    y = (np.arange(60) < 7).astype(int)
    np.savez(tmp_path / 'rare.npz', X=rng.normal(size=(60, 2)), y=y)
    rare = load_data(str(tmp_path / 'rare.npz'))
    plan = Plan(n_points=(0, 2), n_train=30, n_val=10)
    assert default_policies(plan, rare) == ('clean-cv', 'learned')
    fewer = dataclasses.replace(plan, n_train=4)
    most = most_points(fewer, rare, 3)
    assert 0 < most < 4 and most_points(dataclasses.replace(
        fewer, poison_mode='append'), rare, 3) is None
    assert default_points(12, 1) == (0, 1)
    for seed in range(3):  # a row of each class stays
        of, rows = draw_rows(rare, 4, 10, seed)['train']
        left = rare.parts[of][1][rows][replacement_order(seed, 4)[most:]]
        assert set(left) == {0, 1}
    with pytest.raises(ValueError, match='`val` must give each class at '
                                         'least 2 rows .*--val'):
        check_plan(plan, rare, ('trusted-only',))
    dropped = dataclasses.replace(rare, file=dataclasses.replace(
        rare.file, left_out={'pool': np.array([0, 5])}))
    for changes in {}, {'n_train': 2}:
        with pytest.raises(ValueError, match=(
                r'\. --missing drop left out 5 of 65 rows; --missing mean '
                r'keeps them\.$')):
            check_plan(dataclasses.replace(plan, **changes), dropped,
                       ('trusted-only',))
    dropped.file.left_out['pool'] = np.array([5, 0])
    with pytest.raises(ValueError, match=r'--policies=learned\.$'):
        check_plan(plan, dropped, ('trusted-only',))
    assert 'trusted-only' in default_policies(PLAN, load_data('digits'))


def test_a_lambda_at_the_end_of_its_grid_is_flagged(split):
    plan = dataclasses.replace(PLAN, lmbda_bounds=(3., 5.), n_points=(0, 2))
    for policy in ('clean-cv', 'trusted-only'):
        _, result = evaluate('', split, plan, policy, 0)
        assert result['lmbda'].tolist() == pytest.approx([3, 3])
        assert result['lmbda_at_bound'].tolist() == [1, 1]
    _, result = evaluate('', split, plan, 3., 0)
    assert result['lmbda_at_bound'].tolist() == [0, 0]


def test_the_least_lambda_of_learned_trust_is_flagged(source):
    """-8 at the weight 0, -2 above it: that was not said."""
    plan = dataclasses.replace(
        PLAN, n_points=(0, 14), n_train=100, n_val=50, attacker='own',
        attack_params={'solver_params': {'n_outer': 3}, 'camouflage': .5})
    _, result = evaluate('', split_data(source, 100, 50, 0), plan,
                         'learned-trust', 0)
    assert result['trust'].tolist() == [0, 1]
    assert result['lmbda'].tolist() == [-8, -2]
    assert result['lmbda_at_bound'].tolist() == [1, 1]


def test_records_hold_plain_numbers(cells):
    """So that the CSV reads 1.5 and not np.float64(1.5)."""
    for cell in (('learned', 0), ('-2', 1)):
        for record in make_records(cells[cell][1]):
            for name, value in record.items():
                assert type(value) is (
                    int if name.startswith('n_') or name in SENTENCES
                    else float), name


def test_lambda_is_fixed_where_it_should_be(cells, source):
    for repetition in (0, 1):
        split = split_data(source, PLAN.n_train, PLAN.n_val, repetition)
        chosen = cross_validated_lmbda(
            split.train, CClassifierLogisticTorch(), PLAN.lmbda_bounds,
            repetition)
        for policy, lmbda in (('clean-cv', chosen), ('-2', -2.)):
            assert cells[policy, repetition][1]['lmbda'] == pytest.approx(
                [lmbda] * 3, abs=1e-12)


def test_lambda_grows_with_the_poison_where_it_is_learned(cells):
    for repetition in (0, 1):
        lmbdas = cells['learned', repetition][1]['lmbda']
        assert lmbdas[0] < min(lmbdas[1:])
        assert all(-8 <= lmbda <= 11.5 for lmbda in lmbdas)


def test_without_poison_the_error_is_that_of_the_clean_classifier(
        cells, split):
    classifier = CClassifierLogisticTorch(C=math.exp(2))
    classifier.fit(split.train.X, split.train.Y)
    wrong = classifier.predict(split.test.X) != split.test.Y
    assert cells['-2', 0][1]['test_error'][0] == wrong.mean()


def test_poison_is_optimised_within_the_box(cells):
    for _, result in cells.values():
        x = result['x']
        assert ((0 <= x) & (x <= 1)).all()


@pytest.mark.parametrize('policy', ['clean-cv', 'learned', '-2'])
def test_poison_raises_the_validation_loss(cells, policy):
    for repetition in (0, 1):
        losses = cells[policy, repetition][1]['validation_loss']
        assert losses[2] > losses[0]


def assert_same(result, expected):
    """All of it but the times, bit for bit."""
    for name, values in expected.items():
        if not name.startswith('seconds'):
            np.testing.assert_array_equal(result[name], values, name)


@pytest.mark.slow
def test_the_numbers_do_not_depend_on_jobs(cells, source):
    for policy, repetition, _, result in run_policies(
            source, PLAN, ('learned',), 2, jobs=2):
        assert_same(result, cells[policy, repetition][1])


@pytest.mark.parametrize('backend', ['threading', 'multiprocessing'])
def test_any_joblib_backend_will_do(backend, cells, source):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        (*_, result), = run_policies(source, PLAN, (-2.,), 1, jobs=None)
    assert_same(result, cells['-2', 0][1])


def test_repetition_r_is_the_first_of_seed_plus_r(cells, source):
    plan = dataclasses.replace(PLAN, seed=1)
    (*_, result), = run_policies(source, plan, ('learned',), 1)
    assert_same(result, cells['learned', 1][1])


def test_appended_poison_is_a_share_of_all_rows(split):
    plan = dataclasses.replace(PLAN, poison_mode='append', n_points=(0, 6))
    _, result = evaluate('', split, plan, 0., 0)
    assert result['fraction'].tolist() == [0, 6 / 46]


def test_a_call_runs_on_one_thread_and_gives_the_others_back():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        within = list(parallel_map([(torch.get_num_threads,)] * 2, jobs=1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert within == [1, 1]


def numbers_of_threads():
    """Those of BLAS, and that of torch."""
    return {library['num_threads'] for library in threadpool_info()
            if library['user_api'] == 'blas'} | {torch.get_num_threads()}


def test_calls_in_threads_run_on_one_thread_each():
    """The first ends while the second still computes, and so does an attack
    that began before both. What was found is there again in the end."""
    within, after = [], []
    second_is_in, one_left = threading.Event(), threading.Event()
    own = threading.Thread(target=one_blas_thread(second_is_in.wait))

    def first():
        second_is_in.wait(60)
        within.append(numbers_of_threads())

    def second():
        second_is_in.set()
        one_left.wait(60)
        within.append(numbers_of_threads())
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, 'blas'), joblib.parallel_config('threading'):
            own.start()
            for _ in parallel_map([(first,), (second,)], jobs=2):
                own.join()
                one_left.set()
            new = threading.Thread(
                target=lambda: after.append(numbers_of_threads()))
            new.start()
            new.join()
            assert numbers_of_threads() == {2}
    finally:
        torch.set_num_threads(threads)
    assert within == [{1}, {1}] and after == [{2}]


def test_who_stops_in_the_middle_is_not_warned():
    """joblib would print how to use it better, below the user's own words."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        results = parallel_map([(math.sqrt, 4.)] * 20, jobs=2)
        assert next(results) == 2.
        results.close()
    assert [str(one.message) for one in said] == []


@pytest.mark.slow
def test_global_random_state_is_left_alone(split):
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    evaluate('', split, PLAN, 'clean-cv', 0)
    evaluate('', split, PLAN, 'learned', 0)
    assert before == (np.random.get_state()[1].tolist(),
                      torch.get_rng_state().tolist())


def test_a_failure_says_in_which_cell(split):
    plan = dataclasses.replace(PLAN, n_points=(0, 40))
    with pytest.raises(RuntimeError, match='Policy learned, repetition 7: '):
        evaluate('Policy learned', split, plan, 'learned', 7)


@pytest.mark.parametrize('kind, solver, scaler', [
    (CClassifierLogistic, 'liblinear', None),
    (CClassifierLogisticTorch, 'newton-cholesky', None),
    (CClassifierLogisticTorch, 'newton-cholesky', 'mean-std')])
def test_cross_validation_finds_the_least_loss(kind, solver, scaler):
    """Against scikit-learn on folds by hand: the loss at the choice is the
    least."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 10)) + .3 * y[:, None]
    x *= np.linspace(.3, 3, 10)
    lmbda = cross_validated_lmbda(CDataset(CArray(x), CArray(y)),
                                  kind(preprocess=scaler), (-3, 5), seed=0)
    assert -3 < lmbda < 5
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))

    def loss(candidate):
        total = 0
        for fit, held_out in folds:
            model = LogisticRegression(solver=solver, random_state=0, tol=1e-8,
                                       C=math.exp(-candidate))
            if scaler:
                model = make_pipeline(StandardScaler(), model)
            model.fit(x[fit], y[fit])
            p = model.predict_proba(x[held_out])[:, 1]
            right = np.where(y[held_out] == 1, p, 1 - p)
            total -= np.log(right).mean()
        return total
    grid = np.arange(-3, 5.1, .5)
    assert lmbda == grid[np.argmin([loss(candidate) for candidate in grid])]


def test_a_lambda_without_an_answer_is_not_chosen(split, monkeypatch):
    """Where the Hessian is singular in a fold; if it is so at each lambda,
    the command says what to type."""
    train, least = LinearModel.train, -2.

    def fails(model, x_p, lmbda, start=None):
        if lmbda < least:
            raise singular(x_p.dtype)
        return train(model, x_p, lmbda, start)
    clf, grid = CClassifierLogisticTorch(), np.linspace(4, -8, 25)
    expected = cross_validate(split.val, clf, grid, 0)
    monkeypatch.setattr(LinearModel, 'train', fails)
    losses, n_wrong = cross_validate(split.val, clf, grid, 0)
    has_answer = grid >= least
    for found, all_found in zip((losses, n_wrong), expected):
        assert (found == all_found)[has_answer].all()
    assert (losses[~has_answer] == np.inf).all()
    assert (n_wrong[~has_answer] == split.val.num_samples).all()
    assert cross_validated_lmbda(split.val, clf, (-8, 4), 0) >= least
    least = 12.
    with pytest.raises(FloatingPointError, match='Hessian is singular'):
        cross_validate(split.val, clf, grid, 0)
    with pytest.raises(RuntimeError, match=(
            'Policy clean-cv, repetition 0: .* singular .*Type larger '
            '--lmbda-bounds, larger numbers in --policies, or another '
            '--scale.')):
        security_evaluation._run_policy(split, PLAN, 'clean-cv', 0, None)


@pytest.mark.parametrize('n', [1, 2, 8, 130, 10 ** 6])
def test_by_chance_is_the_pooled_test_of_two_proportions(n):
    """Its z squared is the statistic of chi2 of the table of counts."""
    for k, j in np.random.default_rng(n).integers(0, n + 1, size=(200, 2)):
        is_same = k + j in (0, 2 * n)  # p is 0 or 1
        assert by_chance(k, j, n) == (is_same or chi2_contingency(
            [[k, n - k], [j, n - j]], correction=False).statistic <= 4)
    assert by_chance(0, 0, n) and by_chance(n, n, n)


def test_many_errors_differ_clearly_sooner_than_the_counts_alone():
    """The two counts, as if of Poisson, would differ by chance."""
    assert not by_chance(21, 36, 130) and 36 - 21 < 2 * np.sqrt(21 + 36)
    assert by_chance(21, 34, 130) and by_chance(94, 109, 10 ** 4)


def test_a_few_rows_far_out_do_not_decide_about_lambda():
    """One makes the loss of its fold huge, and the largest lambda, which
    misses all rows of the rarer class, looks best."""
    rng = np.random.default_rng(0)
    y = (np.arange(100) % 5 < 2).astype(int)
    x = rng.normal(size=(100, 2)) + 3. * y[:, None] * [1, 0]
    x[1, 1] *= 1e4
    rows = CDataset(CArray(x), CArray(y))
    lmbda = cross_validated_lmbda(rows, CClassifierLogisticTorch(
        preprocess='mean-std'), (-8, 11.5), seed=0)
    grid = np.linspace(11.5, -8, 40)
    losses, n_wrong = cross_validate(rows, CClassifierLogisticTorch(
        preprocess='mean-std'), grid, 0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for k in (0, 15, 30):
        model = make_pipeline(StandardScaler(), LogisticRegression(
            solver='newton-cholesky', tol=1e-8, C=math.exp(-grid[k])))
        assert n_wrong[k] == (cross_val_predict(
            model, x, y, cv=folds) != y).sum()
    by_loss, chosen = losses.argmin(), grid.tolist().index(lmbda)
    assert by_loss == 0 and n_wrong[0] == 40 > 2 * n_wrong[chosen]
    good = by_chance(n_wrong, n_wrong.min(), 100)
    assert good[chosen] and losses[chosen] == losses[good].min()


@pytest.mark.parametrize('n_train, points', [
    (512, (0, 17, 34, 51, 68, 85)), (150, (0, 5, 10, 15, 20, 25)),
    (243, (0, 8, 16, 24, 32, 40)), (51, (0, 2, 3, 5, 6, 8)),
    (20, (0, 1, 2, 3)), (4, (0, 1))])
def test_default_points(n_train, points):
    """To a sixth of the rows, of few rows too."""
    assert default_points(n_train) == points


@pytest.mark.parametrize('changes, words', [
    (dict(n_points=(0, 40), n_val=50), '`points` must be at most 37, so that '
     'training rows of all classes are left'),
    (dict(n_train=3, n_points=(0, 1), poison_mode='append'),
     '`train` must give each class at least 2 rows .*, got 1 of class'),
    (dict(n_train=8, n_points=(0, 7)),
     '`points` must be at most [3-6], so that .* --poison-mode append'),
    (dict(n_train=400), '`train` and `val` must be .* together'),
])
def test_a_plan_that_cannot_be_run(source, changes, words):
    with pytest.raises(ValueError, match=words):
        check_plan(dataclasses.replace(PLAN, **changes), source, ['clean-cv'])


@pytest.mark.parametrize('name', ['none', 'sphere-slab'])
def test_the_most_points_leave_rows_of_each_class(source, name):
    """That pass the filter, counted here in what the attack has left."""
    plan = dataclasses.replace(PLAN, filter=name)

    def is_left(seed, n_points):
        split = prepare_split(split_data(source, 40, 20, seed), plan, seed)
        y = split.train.Y.tondarray()
        return len(set(y[replacement_order(seed, len(y))[n_points:]])) == 2
    most = max(n for n in range(40) if is_left(0, n) and is_left(1, n))
    assert default_points(600, most_points(plan, source, 2))[-1] == most
    check_plan(dataclasses.replace(plan, n_points=(0, most)), source, [1.], 2)
    passing = 'classes are' if name == 'none' \
        else 'classes that pass the filter sphere-slab are'
    for n_points in (most + 1, 60):
        with pytest.raises(ValueError, match=f'`points` must be at most {most}'
                           f', so that training rows of all {passing}'):
            check_plan(dataclasses.replace(plan, n_points=(0, n_points)),
                       source, [1.], 2)


@pytest.mark.parametrize('policy, least', [(1., 1), ('learned-trust', 2)])
def test_the_attackers_rows_have_enough_of_each_class(tmp_path, policy, least):
    """Counted here in the rows that an evaluation would draw."""
    y = (np.arange(150) < 20).astype(int)
    np.savez(tmp_path / 'rows.npz', X=np.random.default_rng(0).normal(
        size=(150, 2)) + y[:, None], y=y)
    source, found = load_data(str(tmp_path / 'rows.npz')), set()
    for n_train, n_val in ((30, 10), (30, 12), (40, 16), (30, 40), (90, 57)):
        plan = dataclasses.replace(PLAN, n_train=n_train, n_val=n_val,
                                   attacker='grey')
        try:
            counts = [np.bincount(prepare_split(
                split_data(source, n_train, n_val, seed), plan, seed
            ).attacker.Y.tondarray(), minlength=2).min() for seed in (0, 1)]
            is_run = min(counts) >= least
        except ValueError:
            is_run = False
        found.add(is_run)
        try:
            check_plan(plan, source, [policy], 2)
            assert is_run
        except ValueError as error:
            assert not is_run and "`attacker` must be 'defender' or 'own' wi" \
                in str(error)
    assert found == {True, False}


def test_a_plan_at_its_limits_is_run(source):
    check_plan(dataclasses.replace(PLAN, n_points=(0, 20)), source,
               ['clean-cv'])
    check_plan(dataclasses.replace(PLAN, n_train=8), source, ['clean-cv'])


@pytest.mark.parametrize('policy, name', [
    ('learned', 'learned'), (-8., '-8'), (math.log(1000), '6.90775527898'),
    (.5, '0.5'), (-0., '0')])
def test_policy_name(policy, name):
    assert policy_name(policy) == name


def test_a_file_is_run_like_the_rest(tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(70) % 2
    np.savez(tmp_path / 'rows.npz', X=rng.normal(size=(70, 3)) + y[:, None],
             y=y)
    source = load_data(str(tmp_path / 'rows.npz'))
    split = split_data(source, 24, 8)
    plan = dataclasses.replace(PLAN, preprocess=source.preprocess)
    x = evaluate('', split, plan, 'learned', 0)[1]['x']
    assert (x >= split.lb.tondarray()).all()
    assert (x <= split.ub.tondarray()).all()


def test_standardisation_is_refitted_on_the_poisoned_rows():
    """scikit-learn's pipeline on the exported rows makes the same errors."""
    x, y = load_breast_cancer(return_X_y=True)
    split = split_data(Source({'pool': (x, y)}, {'y_original': (0, 1)}),
                       120, 40)
    plan = dataclasses.replace(PLAN, preprocess='mean-std', n_points=(0, 20))
    _, result = evaluate('', split, plan, 'learned', 0)
    attack = make_attack(split, plan, 'learned', 0)
    tr = attack.poisoned_data(CDataset(
        CArray(result['x']), CArray(result['y'])))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(
        C=math.exp(-result['lmbda'][-1]), max_iter=10000, tol=1e-8))
    pipeline.fit(tr.X.tondarray(), tr.Y.tondarray())
    assert 1 - pipeline.score(split.test.X.tondarray(), result['y_test']) \
        == pytest.approx(result['test_error'][-1], abs=1e-9)


def test_a_column_that_is_constant_beside_the_poison_stays_so(tmp_path):
    """Of sparse rows: what varied only in rows that poison replaces."""
    order = replacement_order(0, 40)
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    x = rng.normal(size=(100, 3)) + y[:, None] * [1, 0, 0]
    np.savez(tmp_path / 'rows.npz', X=x, y=y)
    plan = dataclasses.replace(PLAN, preprocess='mean-std', n_points=(0, 8))
    source = load_data(str(tmp_path / 'rows.npz'))
    _, rows = draw_rows(source, 40, 20, 0)['train']
    x[:, 2] = 0
    x[rows[order[:8]], 2] = 1
    np.savez(tmp_path / 'rows.npz', X=x, y=y)
    split = split_data(load_data(str(tmp_path / 'rows.npz')), 40, 20, 0)
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='the box leaves')
        _, result = evaluate('', split, plan, 'learned', 0)
    assert (result['x'][:, 2] == 0).all() and np.ptp(result['x'][:, 1]) > 0
    attack = make_attack(split, plan, 'learned', 0)
    assert attack.lb[:2].tolist() == split.lb[:2].tolist()
    assert attack.ub[2].item() == 0 and split.ub[2].item() == 1


@pytest.mark.parametrize('policy, before, changes, has_same_box', [
    (1., (0, 4), {}, True), (1., (0, 12), {}, False),
    ('learned-own', (0, 2, 4), {'expect': .05}, True)])
def test_a_cell_of_other_strengths_is_continued_or_computed_anew(
        policy, before, changes, has_same_box, tmp_path):
    """With the numbers of a fresh run. Beside 12 points a column is constant
    and stays so: its box is another."""
    rng, y = np.random.default_rng(0), np.arange(100) % 2
    x = rng.normal(size=(100, 3)) + y[:, None] * [1, 0, 0]
    np.savez(tmp_path / 'rows.npz', X=x, y=y)
    source = load_data(str(tmp_path / 'rows.npz'))
    rows = draw_rows(source, 40, 20, 0)['train'][1]
    x[:, 2] = 0
    x[rows[replacement_order(0, 40)[4:12]], 2] = 1
    np.savez(tmp_path / 'rows.npz', X=x, y=y)
    split = split_data(load_data(str(tmp_path / 'rows.npz')), 40, 20, 0)
    plan = dataclasses.replace(PLAN, solver_type='implicit', attack_params={
        'solver_params': {'n_outer': 2}})
    path = str(tmp_path / 'cell.npz')
    evaluate('', split, dataclasses.replace(plan, n_points=before, **changes),
             policy, 0, path)
    kept = load_arrays(path)['batches'].tolist()
    _, result = evaluate('', split, plan, policy, 0, path)
    assert_same(result, evaluate('', split, plan, policy, 0)[1])
    assert (set(kept) <= set(load_arrays(path)['batches'])) == has_same_box


def test_a_checkpoint_of_another_problem_is_never_removed(source, tmp_path):
    plan = dataclasses.replace(PLAN, n_points=(0, 4), attack_params={
        'solver_params': {'n_outer': 2}})
    path = tmp_path / 'cell.npz'
    for seed, ends in ((0, nullcontext()), (1, pytest.raises(
            RuntimeError, match='must be of the same problem, got .* of '
            'another: .*content of training_data is '))):
        split = split_data(source, PLAN.n_train, PLAN.n_val, seed)
        content = path.read_bytes() if seed else None
        with ends:
            evaluate('', split, plan, 1., 0, str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize('preprocess, n_held', [
    ('min-max', 'constant'), ('mean-std', 'constant'), ('unit-norm', 0),
    (None, 0)])
def test_pixels_that_are_constant_stay_so_under_a_fitted_scale(
        source, preprocess, n_held):
    """Whether or not the box is theirs: where they vary in the attacker's
    rows, a range next to nothing made the loss grow without bound. Without
    such a scale the box stays [0, 1]."""
    plan = dataclasses.replace(
        PLAN, n_points=(0, 4), preprocess=preprocess, attacker='own',
        classifier='ridge', solver_type='implicit')
    split = split_data(source, PLAN.n_train, PLAN.n_val, 0)
    x = split.train.X.tondarray()[replacement_order(0, 40)[4:]]
    is_constant = x.min(axis=0) == x.max(axis=0)
    assert (split.test.X.tondarray()[:, is_constant] != x[0, is_constant]
            ).any()
    if n_held == 'constant':
        n_held = is_constant.sum()
    lb, ub = (np.broadcast_to(CArray(bound).tondarray(), (64,)) for attack in [
        make_attack(split, plan, 1., 0)] for bound in (attack.lb, attack.ub))
    assert (lb == ub).sum() == n_held
    assert (lb[lb == ub] == x[0, lb == ub]).all()
    assert (lb[lb != ub] == 0).all() and (ub[lb != ub] == 1).all()
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='the box leaves')
        _, result = evaluate('', split, plan, 1., 0)
    tr = make_attack(split, plan, 1., 0).poisoned_data(CDataset(
        CArray(result['x']), CArray(result['y'])))
    scaler = {'min-max': MinMaxScaler(), 'mean-std': StandardScaler(),
              'unit-norm': Normalizer(), None: 'passthrough'}[preprocess]
    pipeline = make_pipeline(scaler, RidgeClassifier(alpha=math.e / 2))
    pipeline.fit(tr.X.tondarray(), tr.Y.tondarray())
    loss = np.square(2 * split.test.Y.tondarray() - 1 - (
        pipeline.decision_function(split.test.X.tondarray()))).mean()
    assert result['attacker_loss'][-1] == pytest.approx(loss, rel=1e-6)
    assert loss < 10


@pytest.mark.parametrize('solver, fit_short, cause', [
    ('rmd', 0, '--solver implicit attacks it'),
    ('implicit', 1, 'the classifier stops short of its optimum'),
    ('implicit', 0, "the defender's last answer is another than the one that "
     'the attack ended at, so that it may not be the worst')])
def test_a_solver_that_sees_another_model_is_said(solver, fit_short, cause):
    records = [{'solver_loss': seen, 'attacker_loss': loss, 'n_points': 2,
                'policy': 'learned', 'fit_short': fit_short}
               for seen, loss in ((.5, .501), (.0005, .001), (1.16, 9.9))]
    assert solver_verdict(records[:2], solver) == ''
    # points that were projected after the attack have no loss by its solver
    assert solver_verdict([{**records[2], 'solver_loss': np.nan}],
                          solver) == ''
    # no poison, and poison by another solver
    assert solver_verdict([{**records[2], 'n_points': 0}], solver) == ''
    for policy in ('learned-trust', 'learned-trust-own'):
        assert solver != 'rmd' or not solver_verdict(
            [{**records[2], 'policy': policy}], solver)
    assert solver_verdict(records[2:3], solver).startswith('In 1 of 1 attack ')
    assert solver_verdict(records, solver) == (
        f'In 1 of 3 attacks the loss by {solver} is not that of the trained '
        'classifier (at most 1.16 against 9.9). The table has the classifier; '
        f'{cause}.')


def test_plain_words_count_the_attacks_and_name_the_policies(cells):
    records = [record for (policy, repetition), (_, result) in cells.items()
               for record in make_records(result, policy=policy)]
    for record in records:
        record.update(dict.fromkeys(SENTENCES, 0))
    assert plain_words(records) == ''
    for record in records[:2] + records[-1:]:
        record['gave_up'] = 1
    assert (records[0]['policy'], records[-1]['policy']) == ('clean-cv', '-2')
    assert plain_words(records) == (
        f'In 3 of {len(records)} evaluations (clean-cv, lambda -2) '
        f"{SENTENCES['gave_up']}.")


def test_only_a_learned_trust_says_why_its_lambda_is_at_a_bound(cells):
    records = [record for (policy, repetition), (_, result) in cells.items()
               for record in make_records(result, policy=policy)]
    for record in records:
        record.update({**dict.fromkeys(SENTENCES, 0), 'lmbda_at_bound': 1,
                       'lmbda': -2.})
    said = plain_words(records)
    assert SENTENCES['lmbda_at_bound'] in said and 'trust' not in said
    for policy in ('learned-trust', 'learned-trust-own'):
        said = plain_words([*records, {**records[0], 'policy': policy}])
        assert said.endswith(SENTENCES['lmbda_at_bound'] + BOUND_OF_TRUST
                             + '.')


def test_verdicts_are_in_the_data(cells):
    """By the rules, from what the data hold themselves."""
    for _, result in cells.values():
        np.testing.assert_array_equal(
            result['gave_up'], result['validation_loss']
            >= .99 * result['constant_loss'])
        np.testing.assert_array_equal(
            result['one_class'],
            [len(np.unique(y)) == 1 for y in result['y_pred']])
        assert not result['budget_hit'][0]  # no points
    assert not cells['-2', 0][1]['lmbda_at_bound'].any()


@pytest.mark.parametrize('integer', ['auto', 'none'])
def test_poison_of_a_file_holds_what_the_file_could(tmp_path, integer):
    """Whole numbers, and one category; the numbers are those of the rows."""
    rng = np.random.default_rng(0)
    n = 90
    y = np.arange(n) % 2
    frame = pd.DataFrame({
        'count': rng.integers(0, 9, n) + y, 'town': rng.choice(
            ['Rome', 'Pisa', 'Bari'], n), 'width': rng.normal(size=n) + y,
        'kind': np.array(['ham', 'spam'])[y]})
    frame.to_csv(tmp_path / 'rows.csv', index=False)
    source = load_data(str(tmp_path / 'rows.csv'), categories=True)
    split = split_data(source, 40, 20)
    # joint=False: not at a vertex, whose numbers are whole
    plan = dataclasses.replace(PLAN, integer=integer, preprocess='mean-std',
                               attack_params={'joint': False})
    data, result = evaluate('file', split, plan, 'learned', 0)
    back = source.file.encoding.to_frame(result['x'], result['y'])
    assert set(back['town']) <= {'Rome', 'Pisa', 'Bari'}
    z = result['x']
    assert (z[:, 1:4].sum(axis=1) == 1).all()
    off = abs(z[:, 0] - np.rint(z[:, 0])).max()
    assert off == 0 if integer == 'auto' else off > 1e-3
    assert np.isnan(result['solver_loss']).tolist() == [False, True, True]
    attack = make_attack(split, plan, 'learned', 0)
    clf = attack.poisoned_classifier(data.adv_ds[-1])
    assert (clf.predict(split.test.X) != split.test.Y).mean() == result[
        'test_error'][-1]


def test_confusion_counts_rows_of_the_first_class_taken_for_the_second():
    y, y_pred = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 2])
    found = _predictions(SimpleNamespace(
        Y=CArray(y), Y_pred=[CArray(y_pred)], scores=[]), 3)
    assert [[found[f'confusion_{a}_{b}'] for b in range(3)]
            for a in range(3)] == [[[1], [2], [0]], [[0], [1], [0]],
                                   [[1], [0], [1]]]
    assert found['error_0'] == [2 / 3]
