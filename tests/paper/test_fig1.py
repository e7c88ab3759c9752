"""Figure 1: batched training, published boundaries, and what it shows."""
import csv
import functools
import math
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from secml_regpoison.cli import main
from secml_regpoison.cli.results import check_folder_of_figures
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.solvers import Training
from secml_regpoison.paper import (
    FIGURES, fig1, fig1_claims, make_figure, synthetic)
from secml_regpoison.paper.config import FIGURE_1, FIGURE_1_QUICK

# How near the boundaries of the published figure must come.
OFFSET, SLOPE = .1, .03
FILES = ['fig1.csv', 'fig1.pdf', 'fig1.png', 'fig1.txt', 'fig1_draws.csv',
         'fig1_maps.csv']
TINY = replace(FIGURE_1_QUICK, n_places=4, lmbda_step=7., n_starts=1,
               n_outer=3, n_draws=2, draw_places=3)


@pytest.fixture(scope='module')
def problem():
    return synthetic.make_problem(FIGURE_1)


def _read(path):
    with open(path, newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope='module')
def quick(tmp_path_factory):
    """The command as users start it, and its table."""
    out = tmp_path_factory.mktemp('paper')
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr('builtins.print', lambda *text, **_: printed.append(
            ' '.join(map(str, text))))
        assert main(['paper', 'fig1', '--quick', '--jobs', '2',
                     '--out', str(out)]) == 0
    return out, '\n'.join(printed)


@pytest.mark.slow
def test_other_figures_may_be_in_the_folder_and_sec_eval_not(quick, capsys):
    out = str(quick[0])
    before = sorted(os.listdir(out))
    assert main(['sec-eval', '--out', out]) == 2
    assert (f"got '{out}' with fig1.txt: choose another folder, or move"
            ) in capsys.readouterr().err
    check_folder_of_figures(out)  # raises nothing
    assert sorted(os.listdir(out)) == before


@pytest.mark.parametrize('lmbda', [-8., 0., math.log(20), 6.])
def test_batched_training_is_the_core_s(problem, lmbda):
    places = torch.tensor([[-9.5, 5.82], [9.5, -9.5], [0., 0.], [-9.5, 9.5],
                           [2.3, -1.]], dtype=torch.float64)
    models = synthetic.train_many(problem.x_tr, problem.y_tr, places, 1.,
                                  lmbda, FIGURE_1.eta, FIGURE_1.n_inner)
    for training, batched in zip((
            Training('rmd', FIGURE_1.n_inner, FIGURE_1.eta),
            Training('implicit', inner_tol=1e-12)), models):
        for place, u in zip(places, batched):
            model = LinearModel(problem, place.new_ones(1), training).train(
                place[None], lmbda)
            torch.testing.assert_close(
                u, torch.cat([model.w, model.b[None]]), rtol=0, atol=1e-10)


def test_batches_do_not_meet(monkeypatch, problem):
    places = synthetic.grid(FIGURE_1, 6)
    arguments = (problem.x_tr, problem.y_tr, places, 1., 1., FIGURE_1.eta, 9)
    whole = synthetic.train_many(*arguments)
    monkeypatch.setattr(synthetic, 'CHUNK', 7)
    for parts, at_once in zip(synthetic.train_many(*arguments), whole):
        torch.testing.assert_close(parts, at_once, rtol=0, atol=1e-12)


def test_newton_says_when_it_ends_short(monkeypatch, problem):
    monkeypatch.setattr(synthetic, 'TOL', -1.)  # rounding never gets there
    with pytest.raises(FloatingPointError, match='asked for -1'):
        synthetic.train_many(problem.x_tr, problem.y_tr, problem.x_tr[:1],
                             1., 0., FIGURE_1.eta, 1)


def _line(problem, x_p, lmbda):
    x_p = torch.tensor(x_p, dtype=torch.float64).reshape(-1, 2)
    return np.array(synthetic.boundary(
        fig1.core_models(FIGURE_1, problem, x_p, lmbda)[0]))


@pytest.mark.parametrize('panel, lmbda, optimum', [
    ('no_reg', FIGURE_1.lmbda_none, 'optimum_no_regularisation'),
    ('lambda_log20', FIGURE_1.lmbda_fixed, 'optimum_lambda_log20')])
def test_boundaries_are_the_published_ones(problem, panel, lmbda, optimum):
    read_off = synthetic.published()
    lines = read_off['boundaries_x_equals_a_plus_b_y']
    for kind, x_p in (('clean', []), ('poisoned', read_off['poison'][
            optimum])):
        error = np.abs(_line(problem, x_p, lmbda) - lines[f'{kind}_{panel}'])
        assert (error < [OFFSET, SLOPE]).all()


@pytest.mark.parametrize('factor', [33., 2.])
def test_no_other_scaling_of_the_penalty_is(problem, factor):
    """exp(lmbda)/2 ||w||^2 without 1/n, and exp(lmbda)/n ||w||^2."""
    read_off = synthetic.published()
    line = _line(problem, read_off['poison']['optimum_lambda_log20'],
                 FIGURE_1.lmbda_fixed + math.log(factor))
    slope = read_off['boundaries_x_equals_a_plus_b_y'][
        'poisoned_lambda_log20'][1]
    assert abs(line[1] - slope) > SLOPE


def test_the_data(problem):
    assert synthetic.published()['source'].count('2105.10948') == 1
    assert torch.bincount((problem.y_tr > 0).long()).tolist() == [16, 16]
    assert torch.bincount((problem.y_val > 0).long()).tolist() == [32, 32]
    other = synthetic.validation_rows(32, FIGURE_1.val_seed + 1)[0]
    assert not torch.equal(problem.x_val, other)
    # one Gaussian a class, fitted to the training points: a large sample
    # has their moments
    x_val, y_val = synthetic.validation_rows(200000, 0)
    for sign in (-1, 1):
        x_tr = problem.x_tr[problem.y_tr == sign].numpy()
        x = x_val[y_val == sign].numpy()
        np.testing.assert_allclose(x.mean(0), x_tr.mean(0), atol=.02)
        np.testing.assert_allclose(np.cov(x.T), np.cov(x_tr.T), atol=.05)


def test_ties_go_to_the_smallest_lambda():
    error = np.array([[.1, .3, .1], [.1, .2, .1], [.1, .2, 0.]])
    assert fig1_claims.best_lmbda(np.array([-8., 1., 6.]),
                                  error).tolist() == [-8., 1., 6.]


@pytest.mark.slow
def test_files_and_table(quick):
    out, text = quick
    assert sorted(os.listdir(out)) == ['attacks.cells', *FILES]
    assert (out / 'fig1.png').read_bytes().startswith(b'\x89PNG')
    assert (out / 'fig1.pdf').read_bytes().startswith(b'%PDF')
    for word in ('published', 'optimised', 'converged', '-0.0755',
                 'error range in the centre', str(out), 'T steps: 0.007 in a'):
        assert word in text


@pytest.mark.slow
def test_run_time_and_hypergradients_are_in_every_csv(quick):
    for name in FILES:
        if name.endswith('.csv'):
            rows = _read(quick[0] / name)
            assert sum(float(row['seconds']) for row in rows) > 0
            assert sum(int(row['n_hypergradients']) for row in rows) >= (
                name == 'fig1.csv')


@pytest.mark.slow
def test_optimised_points(quick):
    """On the left edge, higher up without regularisation, and no place of
    the grid is better for the attacker."""
    rows = _read(quick[0] / 'fig1.csv')
    places = _read(quick[0] / 'fig1_maps.csv')
    optima = [row for row in rows if row['poisoning_point'] == 'optimised']
    for row, panel in zip(optima, fig1.PANELS):
        assert float(row['x_1']) == FIGURE_1.box[0]
        assert int(row['n_hypergradients']) > 0 < float(row['seconds'])
        assert float(row['loss_gd']) > max(
            float(place[f'loss_gd_{panel}']) for place in places) - 1e-9
    assert float(optima[0]['x_2']) > float(optima[1]['x_2'])


@pytest.mark.slow
def test_the_maps(quick):
    """The centre is at most half as steep as the left; on the right, the
    lower bound where the point is harmless and 3 to 6 where it harms."""
    rows = _read(quick[0] / 'fig1.csv')
    columns = {name: np.array([float(place[name]) for place in places])
               for places in [_read(quick[0] / 'fig1_maps.csv')]
               for name in places[0]}
    for training in fig1_claims.TRAININGS:
        none, fixed = (columns[f'error_{training}_{panel}']
                       for panel in fig1.PANELS)
        assert np.ptp(fixed) <= .5 * np.ptp(none)
        clean = float(rows[0][f'error_{training}'])
        best = columns[f'best_lmbda_by_error_{training}']
        harmful = none >= clean + 2 / 64
        assert harmful.any() and (best[harmful] <= 6).all()
        assert (best[harmful] >= 3).mean() > .9
        assert (columns['x_1'][harmful] < 0).all()
        # where training ends at T steps, as in the paper; at convergence
        # regularisation helps without poison too
        if training == 'gd':
            assert (best[none <= clean] == -8).mean() > .95


@pytest.mark.slow
def test_a_line_of_the_maps_is_what_it_says(quick, problem):
    place = _read(quick[0] / 'fig1_maps.csv')[37]
    x_p = [float(place['x_1']), float(place['x_2'])]
    for panel, lmbda in ((panel, getattr(FIGURE_1, name))
                         for panel, name in fig1.PANELS.items()):
        columns = fig1._evaluate(FIGURE_1, problem, [x_p], lmbda)
        for measure in ('error_gd', 'loss_gd', 'error_converged',
                        'loss_converged'):
            assert float(place[f'{measure}_{panel}']) == pytest.approx(
                columns[measure], abs=1e-8)


def _numbers(out):
    """All that is written, times excepted."""
    return [[{name: value for name, value in row.items() if name != 'seconds'}
             for row in _read(out / name)]
            for name in FILES if name.endswith('.csv')]


def _interrupt(patch, *names):
    """Let cells of these functions be called only to be interrupted."""
    for name in names:
        @functools.wraps(getattr(fig1, name))
        def interrupted(*arguments):
            raise KeyboardInterrupt
        patch.setattr(fig1, name, interrupted)


@pytest.fixture
def make_tiny(monkeypatch):
    """Makes the figure, smaller than quick, in a folder."""
    monkeypatch.setitem(FIGURES, 'fig1', replace(FIGURES['fig1'], quick=TINY))

    def make_tiny(out, jobs=1, resume=False):
        return make_figure('fig1', str(out), True, jobs, resume)
    return make_tiny


def test_resumed_or_in_two_processes_the_numbers_are_the_same(
        tmp_path, monkeypatch, make_tiny):
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    make_tiny(whole, jobs=2)
    with monkeypatch.context() as patch:
        _interrupt(patch, 'map_cell')
        with pytest.raises(KeyboardInterrupt):
            make_tiny(resumed)
    # two attacks and the draws are finished, and not done again
    assert len(list(resumed.glob('attacks.cells/*.npz'))) == 3
    with monkeypatch.context() as patch:
        _interrupt(patch, 'attack_cell', 'other_validation_sets')
        make_tiny(resumed, resume=True)
        with pytest.raises(KeyboardInterrupt):
            make_tiny(resumed)
    assert _numbers(whole) == _numbers(resumed)
    assert sorted(os.listdir(whole)) == ['attacks.cells', *FILES]


def test_cells_outlast_a_picture_that_fails(tmp_path, monkeypatch, make_tiny):
    (tmp_path / 'fig1.pdf').mkdir()
    with pytest.raises(OSError):
        make_tiny(tmp_path)
    (tmp_path / 'fig1.pdf').rmdir()
    _interrupt(monkeypatch, 'attack_cell', 'other_validation_sets', 'map_cell')
    make_tiny(tmp_path, resume=True)
    assert sorted(os.listdir(tmp_path)) == ['attacks.cells', *FILES]
