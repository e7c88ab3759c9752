"""Policies, strengths and rows of a security evaluation, cell by cell."""
import dataclasses
import math

import joblib
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from secml_regpoison.data.sources import load_data
from secml_regpoison.experiment.security_evaluation import (
    Plan, check_plan, default_points, run_cell, run_cells)
from secml_regpoison.experiment.policies import clean_cv_lmbda, policy_name
from secml_regpoison.data.splits import split_data
from secml_regpoison.experiment.parallel import parallel_map
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
    return {cell[:2]: cell for cell in run_cells(
        source, PLAN, ('clean-cv', 'learned', -2.), 2)}


def test_every_policy_and_repetition_is_run_once(cells):
    assert sorted(cells, key=str) == sorted(
        [(policy, repetition) for policy in ('clean-cv', 'learned', -2.)
         for repetition in (0, 1)], key=str)


def test_rows_say_what_the_sec_eval_data_holds(cells):
    for (policy, repetition), (_, _, data, rows) in cells.items():
        assert [row.n_points for row in rows] == [0, 2, 4]
        assert [row.fraction for row in rows] == [0, 2 / 40, 4 / 40]
        for k, row in enumerate(rows):
            assert row.policy == policy_name(policy)
            assert row.repetition == repetition
            wrong = data.Y_pred[k].tondarray() != data.Y.tondarray()
            assert row.test_error == wrong.mean()
            assert row.validation_loss == data.fobj.tondarray()[k] > 0
            assert row.seconds == data.time.tondarray()[k] > 0
            header = data.adv_ds[k].header
            assert (row.lmbda, row.w_norm) == (header.lmbda, header.w_norm)
            assert data.adv_ds[k].num_samples == row.n_points


def test_the_rows_hold_plain_numbers(cells):
    """So that the CSV reads 1.5 and not np.float64(1.5)."""
    kinds = {field.name: field.type
             for field in dataclasses.fields(cells['learned', 0][3][0])}
    for row in cells['learned', 0][3] + cells[-2., 1][3]:
        for name, kind in kinds.items():
            assert type(getattr(row, name)) is kind, name


def test_lambda_is_fixed_where_it_should_be(cells, source):
    for repetition in (0, 1):
        split = split_data(source, PLAN.n_train, PLAN.n_val, repetition)
        chosen = clean_cv_lmbda(split.train, PLAN.lmbda_bounds, repetition)
        for policy, lmbda in (('clean-cv', chosen), (-2., -2.)):
            assert [row.lmbda for row in cells[policy, repetition][3]] == \
                pytest.approx([lmbda] * 3, abs=1e-12)


def test_lambda_grows_with_the_poison_where_it_is_learned(cells):
    for repetition in (0, 1):
        lmbdas = [row.lmbda for row in cells['learned', repetition][3]]
        assert lmbdas[0] < min(lmbdas[1:])
        assert all(-8 <= lmbda <= 11.5 for lmbda in lmbdas)


def test_without_poison_the_error_is_that_of_the_clean_classifier(
        cells, split):
    classifier = CClassifierLogistic(C=math.exp(2))
    classifier.fit(split.train.X, split.train.Y)
    wrong = classifier.predict(split.test.X) != split.test.Y
    assert cells[-2., 0][3][0].test_error == wrong.mean()


def test_poison_is_optimised_within_the_box(cells):
    for _, _, data, _ in cells.values():
        x = data.adv_ds[-1].X.tondarray()
        assert ((0 <= x) & (x <= 1)).all()


@pytest.mark.parametrize('policy', ['clean-cv', 'learned', -2.])
def test_poison_raises_the_validation_loss(cells, policy):
    for repetition in (0, 1):
        losses = [row.validation_loss for row in cells[policy, repetition][3]]
        assert losses[2] > losses[0]


def _without_times(rows):
    return [dataclasses.replace(row, seconds=0.) for row in rows]


def test_the_numbers_do_not_depend_on_jobs(cells, source):
    parallel = list(run_cells(source, PLAN, ('learned',), 2, jobs=2))
    for policy, repetition, data, rows in parallel:
        _, _, expected, expected_rows = cells[policy, repetition]
        assert _without_times(rows) == _without_times(expected_rows)
        np.testing.assert_array_equal(
            data.adv_ds[-1].X.tondarray(), expected.adv_ds[-1].X.tondarray())


def test_any_joblib_backend_will_do(cells, source):
    with joblib.parallel_config(backend='threading', n_jobs=2):
        (*_, rows), = run_cells(source, PLAN, (-2.,), 1, jobs=None)
    assert _without_times(rows) == _without_times(cells[-2., 0][3])


def test_repetition_r_is_the_first_of_seed_plus_r(cells, source):
    plan = dataclasses.replace(PLAN, seed=1)
    (*_, rows), = run_cells(source, plan, ('learned',), 1)
    expected = [dataclasses.replace(row, repetition=0)
                for row in cells['learned', 1][3]]
    assert _without_times(rows) == _without_times(expected)


def test_appended_poison_is_a_share_of_all_rows(split):
    plan = dataclasses.replace(PLAN, poison_mode='append', n_points=(0, 6))
    *_, rows = run_cell(split, plan, 0., 0)
    assert [row.fraction for row in rows] == [0, 6 / 46]


def test_each_strength_is_reported(split):
    reports = []
    run_cell(split, PLAN, 0., 0, report=lambda: reports.append(None))
    assert len(reports) == 3


def test_a_cell_runs_on_one_thread_and_gives_the_others_back(split):
    within = []
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        list(parallel_map([(
            run_cell, split, PLAN, 0., 0,
            lambda: within.append(torch.get_num_threads()))], jobs=1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert within == [1, 1, 1]


def test_global_random_state_is_left_alone(split):
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    run_cell(split, PLAN, 'clean-cv', 0)
    run_cell(split, PLAN, 'learned', 0)
    assert before == (np.random.get_state()[1].tolist(),
                      torch.get_rng_state().tolist())


def test_a_failure_says_in_which_cell(split):
    plan = dataclasses.replace(PLAN, n_points=(0, 21))
    with pytest.raises(RuntimeError, match='Policy learned, repetition 7: '):
        run_cell(split, plan, 'learned', 7)


def test_clean_cv_finds_the_least_loss():
    """Against folds by hand: the loss at the choice is the least."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 10)) + .3 * y[:, None]
    lmbda = clean_cv_lmbda(CDataset(CArray(x), CArray(y)), (-3, 5), seed=0)
    assert -3 < lmbda < 5
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))

    def loss(candidate):
        total = 0
        for fit, held_out in folds:
            model = LogisticRegression(
                solver='liblinear', C=math.exp(-candidate)).fit(x[fit], y[fit])
            p = model.predict_proba(x[held_out])[:, 1]
            right = np.where(y[held_out] == 1, p, 1 - p)
            total -= np.log(right).mean()
        return total
    grid = np.arange(-3, 5.1, .5)
    assert lmbda == grid[np.argmin([loss(candidate) for candidate in grid])]


@pytest.mark.parametrize('n_train, n_val, points', [
    (512, 171, (0, 17, 34, 51, 68, 85)), (150, 50, (0, 5, 10, 15, 20, 25)),
    (20, 5, (0, 1, 2, 3, 4, 5)), (512, 20, (0, 4, 8, 12, 16, 20))])
def test_default_points(n_train, n_val, points):
    assert default_points(n_train, n_val) == points


@pytest.mark.parametrize('changes, words', [
    (dict(n_points=(0, 21)), '`points` must be at most 20 .* got 21'),
    (dict(n_points=(0, 40), n_val=50), '`points` must be at most 39'),
    (dict(n_train=8, n_points=(0, 2)), '`train` .* 5 rows .* got 4'),
    (dict(n_train=400), '`train` must leave class 0'),
])
def test_a_plan_that_cannot_be_run(source, changes, words):
    with pytest.raises(ValueError, match=words):
        check_plan(dataclasses.replace(PLAN, **changes), source, ['clean-cv'])


def test_a_plan_at_its_limits_is_run(source):
    check_plan(dataclasses.replace(PLAN, n_points=(0, 20)), source,
               ['clean-cv'])
    check_plan(dataclasses.replace(PLAN, n_train=8), source, ['learned'])


@pytest.mark.parametrize('policy, name', [
    ('learned', 'learned'), (-8., '-8'), (math.log(1000), '6.90775527898'),
    (.5, '0.5')])
def test_policy_name(policy, name):
    assert policy_name(policy) == name


def test_a_file_is_run_like_the_rest(tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(70) % 2
    np.savez(tmp_path / 'rows.npz', X=rng.normal(size=(70, 3)) + y[:, None],
             y=y)
    source = load_data(str(tmp_path / 'rows.npz'))
    split = split_data(source, 24, 8)
    *_, data, _ = run_cell(split, PLAN, 'learned', 0)
    x = data.adv_ds[-1].X.tondarray()
    assert (x >= split.lb.tondarray()).all()
    assert (x <= split.ub.tondarray()).all()
