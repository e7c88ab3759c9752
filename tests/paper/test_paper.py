"""Figures 2 and 3 and what goes beyond them, in their quick versions."""
import csv
import dataclasses
import glob
import os
import re
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from sklearn.linear_model import LogisticRegression

from secml_regpoison import cli
from secml_regpoison.data.sources import load_data
from secml_regpoison.storage import only_writer
from secml_regpoison.experiment import security_evaluation
from secml_regpoison.paper import (
    FIGURES, attacks, defence, inner, labels, models, run_figure)
from secml_regpoison.cli import paper as command
from secml_regpoison.paper import config as table
from secml_regpoison.experiment.cells import clear_cache, run_cells
from secml_regpoison.paper.sources import check_title, load_split, pair_title
from secml_regpoison.paper.transfer_cell import HashablePoison

NAMES = {'fig2': 'fig2_rmd', 'labels': 'labels_rmd',
         'defence': 'defence_rmd',
         'fig3': 'fig3_rmd', 'inner': 'inner',
         'limits': 'limits_rmd', 'models': 'models_rmd',
         'transfer': 'transfer_rmd'}


@pytest.fixture(scope='module')
def out(tmp_path_factory):
    """A folder that the tests of a finished run share."""
    return str(tmp_path_factory.mktemp('paper'))


@pytest.fixture(scope='module')
def finished(out):
    """Tables of each figure, quick, made one after the other."""
    return {name: run_figure(name, out, quick=True, resume=True)
            for name in NAMES}


def read(path):
    with open(path, newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def without_times(path):
    return [{key: value for key, value in row.items()
             if not key.startswith('seconds')} for row in read(path)]


def stats():
    return dict.fromkeys(('test_error', 'lmbda', 'fraction'), (.1, .01))


@pytest.mark.parametrize('name', ['models', 'labels', 'defence'])
def test_the_legend_is_in_the_picture(name):
    """Quick versions have one panel, and it was cut off."""
    settings = FIGURES[name].quick
    if name == 'models':
        fig = models._draw({}, settings, 'implicit')
    elif name == 'labels':
        fig = labels._draw(
            {(data, policy, share): stats() for data in settings.data
             for policy in settings.policies for share in ('flip', '0')},
            settings.n_splits, 'implicit')
    else:
        fig = defence._draw(
            {(f'{data}, attacker: {attacker}', policy, 0): stats()
             for data in settings.data for attacker in settings.attackers
             for policy in settings.policies}, settings, 'implicit')
    FigureCanvasAgg(fig).draw()
    box = fig.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.x1 and box.y0 >= 0
    title = ' '.join(fig.legends[0].get_title().get_text().split())
    assert ('; of one split' if name == 'defence' else '; mean and standard '
            'deviation of 2 splits') in title


def test_equal_errors_of_models_are_side_by_side():
    settings = FIGURES['models'].quick
    fig = models._draw(
        {(pair, *names, policy, share): {'test_error': (0., 0.)}
         for pair in settings.data for names in settings.models
         for policy in settings.policies for share in ('clean', 'poison')},
        settings, 'implicit')
    places = [tuple(container.lines[0].get_xdata())
              for container in fig.axes[0].containers]
    # one place for a policy, with and without poison
    assert len({*places}) == len(settings.policies) == len(places) / 2


def test_the_axis_of_training_steps_says_that_it_is_logarithmic():
    fig = inner._draw(
        {('digits', policy, *way): stats() for policy in ('small', 'learned')
         for way in ((0., 50), (0., 200), ('', 'implicit'))}, 1)
    for ax in fig.axes:
        assert ax.get_xscale() == 'log'
        assert ax.get_xlabel().endswith(' (log scale)')


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_a_figure_leaves_csv_png_pdf_and_a_table(finished, out, name):
    path = os.path.join(out, NAMES[name])
    rows = read(f'{path}.csv')
    assert {'data', 'test_error', 'lmbda', 'n_hypergradients',
            'seconds'} <= set(rows[0])
    with open(f'{path}.png', 'rb') as stream:
        assert stream.read(4) == b'\x89PNG'
    with open(f'{path}.pdf', 'rb') as stream:
        assert stream.read(4) == b'%PDF'
    assert 'digits' in finished[name]
    with open(f'{path}.txt', encoding='utf-8') as stream:
        assert stream.read() == f'{finished[name]}\n'


@pytest.mark.slow
def test_run_time_and_hypergradients_are_in_every_csv(finished, out):
    paths = glob.glob(os.path.join(out, '*.csv'))
    assert len(paths) == len(NAMES) + 6  # five of means, one of verdicts
    for path in paths:
        columns = {name.removesuffix('_mean') for name in read(path)[0]}
        assert {'n_hypergradients', 'seconds', 'seconds_cpu'} <= columns, path


@pytest.mark.slow
def test_fig2_has_a_line_for_each_split_policy_and_strength(finished, out):
    rows = read(os.path.join(out, 'fig2_rmd.csv'))
    quick = table.FIGURE_2_QUICK
    assert [(row['policy'], int(row['repetition']), int(row['n_points']))
            for row in rows] == [
        (policy, repetition, n_points)
        for repetition in range(quick.n_splits)
        for policy in quick.policies for n_points in quick.n_points]
    for row in rows:
        assert float(row['w_norm_squared']) == float(row['w_norm']) ** 2
        assert int(row['n_hypergradients']) >= 1
        # wall time is coarser than a thread's
        assert 0 < float(row['seconds_cpu']) < float(row['seconds']) + .1


@pytest.mark.slow
def test_models_compares_the_penalties_split_by_split(finished, out):
    rows = read(os.path.join(out, 'models_rmd.csv'))
    quick = table.MODELS_QUICK
    assert {(row['model'], row['penalty'], row['policy'], row['repetition'],
             row['share']) for row in rows} == {
        (*names, policy, str(repetition), share) for names in quick.models
        for policy in (quick.policies if names[1] == 'l2'
                       else quick.policies_l1)
        for repetition in range(quick.n_splits)
        for share in ('clean', 'poison')}
    assert {row['lmbda'] for row in rows if row['policy'] == 'small'
            } == {'-8.0'}
    assert all((row['n_points'] == '0') is (row['share'] == 'clean')
               for row in rows)
    assert {row['data'] for row in rows if row['model'] == 'softmax'} == {
        'digits 0, 4, 8'}
    losses = {penalty: np.array([
        float(row['validation_loss']) for row in rows
        if (row['model'], row['penalty'], row['policy'], row['share'])
        == ('logistic', penalty, 'learned', 'poison')])
        for penalty in ('l1', 'l2')}
    change = losses['l1'] - losses['l2']
    assert change.size == quick.n_splits and (losses['l1'] > 0).all()
    line, = (line for line in finished['models'].splitlines()
             if line.startswith('digits 0 v 8  logistic     val. loss'))
    assert line.split()[-5:] == [
        f'{change.mean():+.4f}', f'{np.std(change, ddof=1) / 2 ** .5:.4f}',
        *f'{(change < 0).sum()} of 2'.split()]


@pytest.mark.slow
@pytest.mark.parametrize('name', ['fig2', 'labels', 'defence'])
def test_what_is_void_is_said_below_the_table(finished, out, name):
    rows = read(os.path.join(out, f'{name}_rmd.csv'))
    for verdict, words in (
            ('gave_up', 'the validation loss is no better than'),
            ('one_class', 'all test points are given one class')):
        n = sum(row[verdict] == '1' for row in rows)
        said = re.search(rf'In (\d+) of {len(rows)} evaluations \(.*\) '
                         + words, finished[name])
        assert n == (int(said[1]) if said else 0)
    assert name == 'defence' or 'In ' in finished[name]
    assert 'widen' not in finished[name]


def test_the_solver_is_that_of_the_attack(finished, out):
    """Learned trust is attacked at the optimum, whatever the others are."""
    solvers = {(row['policy'], row['solver'])
               for row in read(os.path.join(out, 'defence_rmd.csv'))}
    assert ('learned-trust', 'implicit') in solvers
    assert ('learned', 'rmd') in solvers
    assert len(dict(solvers)) == len(solvers)


def test_means_are_those_of_the_rows(finished, out):
    rows = read(os.path.join(out, 'fig2_rmd.csv'))
    means = read(os.path.join(out, 'fig2_rmd_means.csv'))
    assert means
    for mean in means:
        errors = [float(row['test_error']) for row in rows
                  if all(row[key] == mean[key]
                         for key in ('data', 'policy', 'n_points'))]
        assert len(errors) == table.FIGURE_2_QUICK.n_splits
        assert float(mean['test_error_mean']) == np.mean(errors)
        assert float(mean['test_error_std']) == np.std(errors)


@pytest.mark.slow
def test_a_finished_figure_resumes_to_the_same_bytes(finished, out):
    path = os.path.join(out, 'fig2_rmd.csv')
    with open(path, 'rb') as stream:
        before = stream.read()
    run_figure('fig2', out, quick=True, resume=True)
    with open(path, 'rb') as stream:
        assert stream.read() == before  # times too: nothing was run again


def test_a_quick_run_has_a_folder_of_its_own(monkeypatch, tmp_path):
    made = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, 'make_figure', lambda name, out, *_, **__:
                        made.append(out) or '')
    for options in ([], ['--quick'], ['--quick', '--out', 'here']):
        assert cli.main(['paper', 'fig3', *options]) == 0
    assert made == ['paper', 'paper-quick', 'here']


def test_without_resume_cells_are_run_again_and_others_kept(tmp_path):
    cells = attacks.attack_cells(dataclasses.replace(
        table.FIGURE_3_QUICK, n_splits=1), 'rmd')
    run_cells(cells, str(tmp_path))
    paths = sorted(glob.glob(str(tmp_path / '*.npz')))
    assert len(paths) == len(cells) == 2
    stamps = [os.stat(path).st_mtime_ns for path in paths]
    clear_cache(cells[:1], str(tmp_path))
    run_cells(cells, str(tmp_path))
    again = [os.stat(path).st_mtime_ns for path in paths]
    assert sum(a != b for a, b in zip(stamps, again)) == 1
    clear_cache(cells, str(tmp_path))
    assert not os.listdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('resume', [False, True])
def test_a_figure_recomputes_its_own_cells_unless_resumed(
        tmp_path, monkeypatch, resume):
    tiny = dataclasses.replace(FIGURES['fig3'], quick=dataclasses.replace(
        table.FIGURE_3_QUICK, n_splits=1))
    monkeypatch.setitem(FIGURES, 'fig3', tiny)
    run_figure('fig3', tmp_path, quick=True)
    other = tmp_path / 'attacks.cells' / 'other.npz'
    other.touch()
    before = {path: path.stat().st_mtime_ns
              for path in tmp_path.glob('attacks.cells/*')}
    run_figure('fig3', tmp_path, quick=True, resume=resume)
    changed = {path for path, stamp in before.items()
               if path.stat().st_mtime_ns != stamp}
    assert len(before) == 3
    assert changed == (set() if resume else {*before} - {other})


@pytest.mark.slow
def test_killed_and_resumed_is_the_same_table(finished, out, tmp_path):
    command_line = [sys.executable, '-m', 'secml_regpoison.cli', 'paper',
                    'fig2', '--quick', '--jobs', '1', '--out', str(tmp_path)]
    pattern = str(tmp_path / 'attacks.cells' / '*.npz')
    process = subprocess.Popen(
        command_line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(glob.glob(pattern)) < 2 and process.poll() is None:
        assert time.monotonic() < deadline, 'no cell was finished'
        time.sleep(.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: os.stat(path).st_mtime_ns for path in glob.glob(pattern)}
    assert 2 <= len(kept) < 8
    assert not (tmp_path / 'fig2_rmd.csv').exists()
    subprocess.run([*command_line, '--resume'], check=True,
                   capture_output=True)
    assert kept.items() <= {path: os.stat(path).st_mtime_ns
                            for path in glob.glob(pattern)}.items()
    assert (without_times(tmp_path / 'fig2_rmd.csv')
            == without_times(os.path.join(out, 'fig2_rmd.csv')))


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_table(finished, out, tmp_path):
    distributed = pytest.importorskip(
        'distributed', reason='needs dask and distributed')
    with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster, distributed.Client(cluster) as client, \
            joblib.parallel_config(backend='dask'), \
            distributed.get_task_stream(client=client) as stream:
        run_figure('fig2', str(tmp_path), quick=True, jobs=np.int64(-1))
    # each cell was computed there, by one worker or the other
    quick = table.FIGURE_2_QUICK
    assert len(stream.data) == quick.n_splits * len(quick.policies)
    assert len({task['worker'] for task in stream.data}) == 2
    assert (without_times(tmp_path / 'fig2_rmd.csv')
            == without_times(os.path.join(out, 'fig2_rmd.csv')))


def test_weights_are_those_of_the_classifier_that_was_tested():
    quick = table.FIGURE_2_QUICK
    plan = attacks.make_plan(quick, 'rmd', 'digits')
    result = attacks.attack_cell('digits', pair_title('digits'), plan,
                                 'small', 0)
    train = load_split('digits', plan, 0).train
    clean = LogisticRegression(
        C=np.exp(8.), solver='newton-cholesky', tol=1e-10).fit(
        train.X.tondarray(), train.Y.tondarray())
    np.testing.assert_allclose(result['weights'][0], clean.coef_[0],
                               rtol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(result['weights'], axis=1),
        result['w_norm'][[0, -1]])
    assert result['x'].shape == (quick.n_points[-1], 64)
    assert 0 <= result['x'].min() <= result['x'].max() <= 1


@pytest.mark.slow
def test_transfer_repeats_the_errors_of_fig2_where_lambda_is_fixed(
        finished, out):
    found = {(row['repetition'], row['policy']): row['test_error']
             for row in read(os.path.join(out, 'fig2_rmd.csv'))
             if int(row['n_points']) == table.FIGURE_2_QUICK.n_points[-1]}
    rows = [row for row in read(os.path.join(out, 'transfer_rmd.csv'))
            if row['poison_for'] == row['victim'] != 'learned']
    assert len(rows) == 3 * table.TRANSFER_QUICK.n_splits
    for row in rows:
        assert row['test_error'] == found[row['repetition'], row['victim']]


def test_poison_is_told_apart_by_content():
    x, y = np.zeros((2, 3)), np.ones(2)
    assert repr(HashablePoison(x, y)) == repr(
        HashablePoison(x.copy(), y.copy()))
    assert repr(HashablePoison(x, y)) != repr(HashablePoison(x + 1e-16, y))


def test_other_data_on_a_worker_is_refused():
    with pytest.raises(RuntimeError, match='same data'):
        check_title('digits', 'digits 0 v 8 (stand-in)')


def test_a_failing_attack_is_named_in_one_line(capsys, tmp_path,
                                               monkeypatch):
    def diverge(*_):
        raise FloatingPointError('diverged')

    monkeypatch.setattr(security_evaluation, 'make_attack', diverge)
    assert cli.main(['paper', 'fig3', '--quick', '--jobs', '1', '--out',
                     str(tmp_path)]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert 'digits 0 v 8, rmd, small, repetition 0: diverged' in error


@pytest.mark.parametrize('resume', [False, True])
def test_all_makes_each_figure_and_shares_attacks(
        monkeypatch, tmp_path, resume):
    asked = []
    monkeypatch.setattr(
        command, 'make_figure', lambda name, out, quick, jobs, resume, **more:
        asked.append((name, resume, more)) or '')
    # the last one is of another command
    for name in ('attacks.cells', 'sec_eval.cells'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'one.npz').touch()
    assert cli.main(['paper', 'all', '--solver', 'implicit', '--out',
                     str(tmp_path), *['--resume'] * resume]) == 0
    assert asked == [
        (name, True, {} if name in ('fig1', 'inner')
         else {'solver': 'implicit'}) for name in FIGURES]
    left = {path.parent.name for path in tmp_path.glob('*.cells/*')}
    assert left == {'sec_eval.cells', *['attacks.cells'] * resume}


def test_a_folder_that_another_process_writes_to_is_refused(tmp_path):
    with only_writer(tmp_path, 'out'):
        before = os.listdir(tmp_path)
        with pytest.raises(OSError, match='`out` must be a place that no '):
            run_figure('fig3', tmp_path, quick=True)
        assert os.listdir(tmp_path) == before


def test_a_solver_where_there_is_no_choice_is_refused(capsys, tmp_path):
    assert cli.main(['paper', 'inner', '--solver', 'rmd', '--out',
                     str(tmp_path)]) == 2
    assert '`--solver` must be left out with inner' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('data', ['mnist', 'fashion-mnist', 'dogfish'])
def test_the_real_data_of_fig2_can_be_attacked(data):
    """A fortieth of the figure: few steps, moves, rows and one split."""
    try:
        load_data(table.PAIRS[data].source, table.PAIRS[data].classes)
    except RuntimeError as error:
        pytest.skip(f'no data: {error}')
    plan = attacks.make_plan(dataclasses.replace(
        table.FIGURE_2, n_points=(0, 17), n_train=102, n_val=40,
        solver_params=table.QUICK['solver_params']), 'rmd', data)
    result = attacks.attack_cell(data, pair_title(data), plan, 'small', 0)
    assert result['test_error'][1] > result['test_error'][0]
    assert result['validation_loss'][1] > result['validation_loss'][0]
