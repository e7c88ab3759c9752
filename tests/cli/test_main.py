"""The command line: results, messages and exit codes."""
import csv
import importlib
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import confusion_matrix
from sklearn.svm import LinearSVC

from sklearn_names import SKLEARN_L1
from secml_regpoison import cli, storage as files
from secml_regpoison.cli.arguments import join_values, make_parser
from secml_regpoison.cli.results import begin
from secml_regpoison.data import load_data
from secml_regpoison.data.splits import split_data
from secml_regpoison.experiment.conclusion import conclude
from secml_regpoison.experiment.filters import filter_split
from secml_regpoison.experiment.plan import (
    default_solver, expected_strength, shares)
from secml.adv.seceval import CSecEvalData

COLUMNS = ['policy', 'attacker', 'repetition', 'class_0', 'class_1',
           'n_points', 'fraction', 'test_error', 'majority_error', 'error_0',
           'error_1',
           'validation_loss', 'attacker_loss', 'solver_loss', 'lmbda', 'C',
           'w_norm',
           'share_predicted_1', 'n_poison_0', 'n_poison_1', 'n_train', 'n_val',
           'n_test', 'n_hypergradients', 'seconds', 'seconds_cpu',
           'constant_loss', 'trust', 'lmbda_at_bound', 'gave_up', 'one_class',
           'budget_hit', 'training_short', 'fit_short',
           'unseen', 'saturated',
           'trusted_better']
QUICK = ['--train', '40', '--val', '10', '--points', '0,2,4', '--jobs', '1',
         '--attacker', 'defender', '--y-poison', 'flip']
SEC_EVAL = importlib.import_module('secml_regpoison.cli.sec_eval')
COMMAND = [sys.executable, '-m', 'secml_regpoison.cli', 'sec-eval']


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """One run of the command as a user starts it, on two cores."""
    folder = tmp_path_factory.mktemp('finished')
    process = subprocess.run(
        COMMAND + QUICK + ['--jobs', '2', '--repetitions', '2', '--policies',
                           '-2,clean-cv,learned', '--out', 'results'],
        cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process, folder / 'results'


def _rows(path):
    with open(path, newline='') as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_the_csv(finished):
    rows = _rows(finished[1] / 'sec_eval.csv')
    assert list(rows[0]) == COLUMNS
    assert [(row['policy'], row['repetition'], row['n_points'])
            for row in rows] == [
        (policy, repetition, n_points)
        for policy in ('-2', 'clean-cv', 'learned') for repetition in '01'
        for n_points in '024']
    for row in rows:
        numbers = [float(row[name]) for name in COLUMNS[2:-1]]
        assert np.isfinite(numbers).all()
        assert (row['class_0'], row['class_1']) == ('0', '8')
        assert float(row['fraction']) == int(row['n_points']) / 40
    assert {row['lmbda'] for row in rows[:6]} == {'-2.0'}
    assert float(rows[12]['lmbda']) < float(rows[14]['lmbda'])


@pytest.mark.slow
def test_the_sec_eval_data_is_readable_by_secml(finished):
    rows = _rows(finished[1] / 'sec_eval.csv')
    for i, name in enumerate(('-2_0', '-2_1', 'clean-cv_0', 'clean-cv_1',
                              'learned_0', 'learned_1')):
        data = CSecEvalData.load(
            str(finished[1] / f'sec_eval_{name}.gz'))
        of_cell = rows[3 * i:3 * i + 3]
        assert data.param_values.tolist() == [0, 2, 4]
        assert [ds.header.lmbda for ds in data.adv_ds] == [
            float(row['lmbda']) for row in of_cell]
        assert data.fobj.tolist() == [
            float(row['validation_loss']) for row in of_cell]


@pytest.mark.slow
def test_the_npz_holds_the_same_without_pickle(finished):
    rows = _rows(finished[1] / 'sec_eval.csv')
    for i, name in enumerate(('-2_0', '-2_1', 'clean-cv_0', 'clean-cv_1',
                              'learned_0', 'learned_1')):
        path = finished[1] / f'sec_eval_{name}'
        data = CSecEvalData.load(f'{path}.gz')
        with np.load(f'{path}.npz', allow_pickle=False) as arrays:
            for column in ('n_points', 'test_error', 'validation_loss',
                           'lmbda', 'w_norm'):
                assert arrays[column].tolist() == [
                    float(row[column]) for row in rows[3 * i:3 * i + 3]]
            assert (arrays['x'] == data.adv_ds[-1].X.tondarray()).all()
            assert (arrays['y'] == data.adv_ds[-1].Y.tondarray()).all()
            for k in range(len(arrays['n_points'])):
                wrong = arrays['y_pred'][k] != arrays['y_test']
                assert wrong.mean() == arrays['test_error'][k]
                assert (arrays['scores'][k].argmax(1)
                        == arrays['y_pred'][k]).all()


@pytest.mark.slow
def test_the_picture_is_a_png_of_some_size(finished):
    picture = (finished[1] / 'sec_eval.png').read_bytes()
    assert picture[:8] == b'\x89PNG\r\n\x1a\n'
    assert len(picture) > 20_000


@pytest.mark.slow
def test_nothing_else_is_left_in_the_folder(finished):
    names = os.listdir(finished[1])
    assert len(names) == 3 + 2 * 6 + 6 + 2
    assert sorted(json.loads(
        (finished[1] / 'sec_eval.json').read_text())['files']) == sorted(names)


@pytest.mark.slow
def test_the_table_and_the_words_are_those_of_the_csv(finished):
    process, folder = finished
    rows = _rows(folder / 'sec_eval.csv')
    lines = process.stdout.splitlines()
    assert sum(bool(re.match(r' *(-2|clean-cv|learned) ', line))
               for line in lines) == 9
    assert lines[0:2] == [
        'digits', '0 (178 rows) v 8 (174 rows); 40 training, 10 validation, '
        '302 test rows']
    for policy, words in (('-2', 'lambda -2 (fixed)'), ('clean-cv', 'clean-cv '
                          '(fixed by clean'), ('learned', 'learned:')):
        clean, poisoned = (
            [100 * float(row['test_error']) for row in rows
             if (row['policy'], row['n_points']) == (policy, n_points)]
            for n_points in '04')
        sentence, = (line for line in lines if line.startswith(f'- {words}'))
        assert f'test error {np.mean(poisoned):.2f} % (' in sentence
        assert f'without poison {np.mean(clean):.2f} %' in sentence
        cell = re.compile(rf' *{policy} +4 +10.0 +{np.mean(poisoned):.2f} ± '
                          f'{np.std(poisoned):.2f} ')
        assert any(cell.match(line) for line in lines)
    assert lines[-1] == f'Results are in {folder}'


@pytest.mark.slow
def test_progress_and_nothing_else_on_stderr(finished):
    process, _ = finished
    *_, last = re.split('[\r\n]+', process.stderr.strip())
    assert '6/6' in last and '100%' in last
    assert all('cell' in line for line in
               re.split('[\r\n]+', process.stderr.strip()))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_csv_whatever_jobs_is(
        finished, tmp_path, capsys):
    for seed, same in (('0', True), ('1', False)):
        assert cli.main(['sec-eval', *QUICK, '--policies', 'learned',
                         '--repetitions', '1', '--seed', seed,
                         '--out', str(tmp_path)]) == 0
        rows = _rows(tmp_path / 'sec_eval.csv')
        expected = _rows(finished[1] / 'sec_eval.csv')[12:15]
        for row in rows + expected:
            del row['seconds'], row['seconds_cpu']
        assert (rows == expected) is same


def test_a_file_of_ones_own(tmp_path, capsys):
    rng = np.random.default_rng(0)
    lines = [f'{a:.3f},{b:.3f},{("ham", "spam", "eggs")[i % 3]}'
             for i, (a, b) in enumerate(rng.normal(size=(90, 2)))]
    (tmp_path / 'mail.csv').write_text('\n'.join(['a,b,kind', *lines]))
    code = cli.main(['sec-eval', *QUICK[2:], '--train', '20', '--data',
                     str(tmp_path / 'mail.csv'), '--classes', 'ham', 'spam',
                     '--policies', 'learned', '--repetitions', '1', '--solver',
                     'implicit', '--poison-mode', 'append',
                     '--out', str(tmp_path / 'deep' / 'down')])
    assert code == 0
    out = tmp_path / 'deep' / 'down'
    rows = _rows(out / 'sec_eval.csv')
    assert float(rows[2]['fraction']) == pytest.approx(4 / 24)
    parts = pd.read_csv(out / 'rows_0.csv', index_col='line')
    with np.load(out / 'sec_eval_learned_0.npz') as arrays:
        tested = parts.loc[arrays['line_test']]
        assert np.array_equal(tested['label'] == 'spam', arrays['y_test'])
    assert set(tested.index) == set(parts.index[parts['part'] == 'test'])


def test_a_terminal_without_our_signs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(
        io.BytesIO(), encoding='ascii'))
    assert cli.main(['sec-eval', *QUICK, '--policies', '-2', '--repetitions',
                     '1', '--out', str(tmp_path)]) == 0
    sys.stdout.flush()
    assert b'lambda -2 (fixed): test error' in sys.stdout.buffer.getvalue()


def test_json_for_programs(tmp_path, capsys):
    assert cli.main(['sec-eval', *QUICK, '--repetitions', '1', '--expect',
                     '.05', '--json', '--out', str(tmp_path)]) == 0
    text = capsys.readouterr().out
    found = json.loads(text)
    assert text == (tmp_path / 'sec_eval.json').read_text()
    assert (found['classes'], found['n_train']) == ([0, 8], 40)
    rows = _rows(tmp_path / 'sec_eval.csv')
    for policy, strengths in found['policies'].items():
        assert [strength['test_error']['mean'] for strength in strengths] == [
            float(row['test_error']) for row in rows
            if row['policy'] == policy]
    assert list(found['policies']) == ['clean-cv', 'learned', 'trusted-only']
    assert found['conclusion']['n_points'] == 2
    errors = {policy: strengths[1]['test_error']['mean']
              for policy, strengths in found['policies'].items()}
    assert errors[found['conclusion']['best']] == min(errors.values())
    assert {row['trusted_better'] for row in rows} <= {'0', '1'}


def test_wider_bounds_are_asked_for_below_a_lower_bound(tmp_path, capsys):
    assert cli.main(['sec-eval', *QUICK, '--points', '0,2', '--policies',
                     'learned', '--repetitions', '1', '--lmbda-bounds', '9,11',
                     '--out', str(tmp_path)]) == 0
    said = ('In 2 of 2 evaluations (learned) '
            f"{SEC_EVAL.TYPED['lmbda_at_bound']}.")
    rows = _rows(tmp_path / 'sec_eval.csv')
    assert [(row['lmbda'], row['gave_up']) for row in rows] == [
        ('9.0', '1')] * 2
    assert said in capsys.readouterr().out.splitlines()
    assert said in json.loads(
        (tmp_path / 'sec_eval.json').read_text())['words']


def test_results_of_another_command_are_removed(tmp_path, capsys):
    command = ['sec-eval', *QUICK, '--repetitions', '1', '--out',
               str(tmp_path)]
    (tmp_path / 'notes.txt').touch()
    assert cli.main([*command, '--policies', '-2']) == 0
    assert cli.main([*command, '--policies', '3']) == 0
    assert sorted(os.listdir(tmp_path)) == sorted([
        'notes.txt', 'poisoned_3_0.csv', 'rows_0.csv', 'sec_eval.csv',
        'sec_eval.json', 'sec_eval.png', 'sec_eval_3_0.gz',
        'sec_eval_3_0.npz'])


def test_a_refusal_leaves_the_results_of_the_run_before(
        tmp_path, tmp_path_factory, capsys):
    """Also where it takes secml to find that the rows are too few."""
    data = tmp_path_factory.mktemp('data')
    x, y = np.arange(160) // 2 % 2, np.arange(160) % 2
    for name, feature in ('one', x + y), ('same', np.arange(160) // 159):
        pd.DataFrame({'a': feature, 'kind': y}).to_csv(
            data / f'{name}.csv', index=False)
    quick = ['sec-eval', *QUICK, '--policies=-2', '--repetitions', '1',
             '--y-poison', 'flip', '--out', str(tmp_path)]
    assert cli.main(quick) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for more, words in (
            (['--attacker', 'grey', '--train', '300', '--val', '46'],
             "`attacker` must be 'defender' or 'own' with 6 test rows"),
            (['--filter', 'sphere-slab', '--points', '0,39'],
             '`points` must be at most '),
            (['--data', str(data / 'one.csv'), '--scale', 'unit-norm'],
             '`--scale` must be another than unit-norm for a single column'),
            (['--data', str(data / 'same.csv'), '--filter',
              'sphere-slab', '--poison-mode', 'append'],
             '`filter` must be none for training rows whose classes have '
             'equal means, got sphere-slab')):
        capsys.readouterr()
        assert cli.main([*quick, *more]) == 2
        assert words in capsys.readouterr().err
        assert before == {path: path.read_bytes()
                          for path in tmp_path.iterdir()}


@pytest.mark.parametrize('manifest', [
    None, 'no JSON', '[]', '{"files": [3]}',
    '{"files": ["../rows_1.csv", "other.txt"]}'])
def test_files_that_no_run_has_listed_are_never_removed(
        manifest, tmp_path, capsys):
    """Of another version, or the user's own rows."""
    out = tmp_path / 'out'
    out.mkdir()
    for path in (tmp_path / 'rows_1.csv', out / 'rows_1.csv',
                 out / 'other.txt'):
        path.write_text('mine')
    if manifest is not None:
        (out / 'sec_eval.json').write_text(manifest)
    before = sorted(os.listdir(out))
    assert cli.main(['sec-eval', *QUICK, '--out', str(out)]) == 2
    assert 'rows_1.csv' in capsys.readouterr().err
    assert sorted(os.listdir(out)) == before
    assert (tmp_path / 'rows_1.csv').exists()


@pytest.mark.parametrize('name', [
    'rows_a/../../victim.csv', 'poisoned_/../../victim.csv',
    'sec_eval_a/../../victim.csv', 'rows_a/link.csv', r'rows_a\b.csv',
    'rows_b.csv/../../victim.csv'])
def test_a_manifest_of_another_removes_nothing_elsewhere(name, tmp_path):
    """It lists plain names in its folder alone."""
    out = tmp_path / 'out'
    for folder in ('rows_a', 'poisoned_', 'sec_eval_a', 'rows_b.csv'):
        (out / folder).mkdir(parents=True)
    victims = [tmp_path / 'victim.csv', out / 'rows_a' / 'link.csv',
               out / r'rows_a\b.csv']
    for path in victims:
        path.write_text('mine')
    manifest = {'files': ['sec_eval.json', 'rows_0.csv', name]}
    (out / 'sec_eval.json').write_text(json.dumps(manifest))
    (out / 'rows_0.csv').symlink_to(victims[0])
    begin(str(out), [])
    assert all(path.read_text() == 'mine' for path in victims)
    assert not (out / 'rows_0.csv').is_symlink()  # the link alone


@pytest.mark.parametrize('argv, name', [
    (['sec-eval', *QUICK], 'fig1.txt'),
    (['sec-eval', *QUICK], 'fig2_rmd.txt'),
    (['sec-eval', *QUICK], 'labels_implicit.txt'),
    (['paper', 'fig1', '--quick'], 'sec_eval.json'),
    (['paper', 'all', '--quick', '--resume'], 'sec_eval.csv')])
def test_results_of_the_other_command_are_refused(
        argv, name, tmp_path, capsys):
    (tmp_path / name).write_text('{}')
    assert cli.main([*argv, '--out', str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        'secml-regpoison: error: `--out` must be a folder without results of '
        f"another program, command or version, got '{tmp_path}' with {name}: "
        'choose another folder, or move them away.\n')
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize('option', ['--data', '--test'])
@pytest.mark.parametrize('link', [False, True])
def test_a_file_that_is_read_is_no_result_of_the_run_before(
        option, link, tmp_path, capsys):
    """A run would remove it."""
    out, other = tmp_path / 'out', tmp_path / 'other.csv'
    out.mkdir()
    text = ''.join(f'{k % 7},{k % 3},{k % 2}\n' for k in range(60))
    path = out / 'poisoned_0_0.csv'
    path.write_text(text)
    other.write_text(text)
    (out / 'sec_eval.json').write_text('{"files": ["poisoned_0_0.csv"]}')
    if link:
        (tmp_path / 'link.csv').symlink_to(path)
        path = tmp_path / 'link.csv'
    before = sorted(os.listdir(out))
    options = {'--data': str(other), option: str(path)}
    assert cli.main(['sec-eval', *sum(options.items(), ()),
                     '--out', str(out)]) == 2
    assert f'`--out` must not hold the file of {option}, got' \
        in capsys.readouterr().err
    assert sorted(os.listdir(out)) == before


@pytest.mark.parametrize('n_train, n_features, solver', [
    (4000, 20, 'implicit'), (512, 784, 'implicit'), (1000, 784, 'rmd')])
def test_the_exact_solver_where_a_factorisation_is_cheap(
        n_train, n_features, solver):
    assert default_solver(n_train, n_features) == solver


MODELS = {
    'softmax': (lambda c: LogisticRegression(C=c, tol=1e-10, max_iter=9999),
                ['--classes', '1', '4', '8']),
    'svm': (lambda c: LinearSVC(C=c, loss='squared_hinge', tol=1e-10,
                                dual=False, max_iter=99999), []),
    'ridge': (lambda c: RidgeClassifier(alpha=.5 / c), []),
    'l1': (lambda c: LogisticRegression(
        C=c, tol=1e-10, max_iter=99999, solver='liblinear', random_state=0,
        **SKLEARN_L1), ['--penalty', 'l1', '--classifier', 'liblinear'])}


@pytest.mark.slow
@pytest.mark.parametrize('model', MODELS)
def test_models_and_classes(model, tmp_path, capsys):
    """What is exported, and retrained by scikit-learn, has the errors and the
    confusion of classes of the CSV."""
    oracle, options = MODELS[model]
    options = options or ['--model', model]  # softmax by the classes
    assert cli.main(['sec-eval', *QUICK, *options, '--policies', 'learned',
                     '--repetitions', '1', '--y-poison', 'flip', '--solver',
                     'implicit', '--out', str(tmp_path)]) == 0
    row = _rows(tmp_path / 'sec_eval.csv')[-1]
    x, y = load_digits(return_X_y=True)
    classes = [1, 4, 8] if model == 'softmax' else [0, 8]
    keep = np.isin(y, classes)
    parts = pd.read_csv(tmp_path / 'rows_0.csv')['part']
    test = (parts == 'test').to_numpy()
    rows = pd.read_csv(tmp_path / 'poisoned_learned_0.csv')
    assert rows['poison'].sum() == int(row['n_points']) == 4
    clf = oracle(float(row['C'])).fit(
        rows.filter(like='feature').to_numpy(), rows['label'])
    y_test, y_pred = y[keep][test], clf.predict(x[keep][test] / 16)
    assert float(row['test_error']) == (y_pred != y_test).mean()
    for k, label in enumerate(classes):
        assert row[f'class_{k}'] == str(label)
        assert float(row[f'error_{k}']) == (
            y_pred[y_test == label] != label).mean()
        assert int(row[f'n_poison_{k}']) == (
            rows.loc[rows['poison'] == 1, 'label'] == label).sum()
    confusion = confusion_matrix(y_test, y_pred)
    for a, b in np.ndindex(*confusion.shape):
        if model == 'softmax':
            assert int(row[f'confusion_{a}_{b}']) == confusion[a, b]
        else:
            assert f'confusion_{a}_{b}' not in row
    assert 'of 8 %' in capsys.readouterr().out


def test_all_classes_of_a_file(tmp_path):
    main = importlib.import_module('secml_regpoison.cli.main')
    rng = np.random.default_rng(0)
    np.savez(tmp_path / 'rows.npz', X=rng.normal(size=(90, 2)),
             y=np.arange(90) % 3)
    argv = ['sec-eval', '--data', str(tmp_path / 'rows.npz')]
    with pytest.raises(ValueError, match='two classes, got 3.*or all with '
                                         '--model softmax'):
        main._load(main.make_parser().parse_args(argv))
    source, plan = main._load(main.make_parser().parse_args(
        [*argv, '--model', 'softmax']))
    assert source.header['y_original'] == (0, 1, 2)
    assert plan.classifier == 'softmax'


@pytest.mark.parametrize('mode', ['replace', 'append'])
def test_the_expected_share_is_of_the_rows_that_pass_the_filter(mode):
    """In the mean over the splits; of all rows it would be a twentieth
    less."""
    main = importlib.import_module('secml_regpoison.cli.main')

    def load(expected, *more):
        return main._load(main.make_parser().parse_args([
            'sec-eval', '--train', '60', '--val', '40', '--points', '0,5,6,7',
            '--repetitions', '3', '--poison-mode', mode, '--expect', expected,
            *more]))
    source, plan = load('.08', '--filter', 'sphere-slab')
    n_clean = np.mean([filter_split(
        split_data(source, 60, 40, seed), 'sphere-slab', None
    ).train.num_samples for seed in range(3)])
    assert 50 < n_clean < 58
    n_points = np.array([0, 5, 6, 7])

    def share(k, more=0.):
        n = n_points[k] + more
        return n / (n_clean + n * (mode == 'append'))
    for k in (1, 2, 3):
        for more, strength in ((-.1, k), (.49, k), (.51, k + 1)):
            if strength < 4:
                plan = load(f'{share(k, more)}', '--filter',
                            'sphere-slab')[1]
                assert expected_strength(plan) == strength
    with pytest.raises(ValueError, match='`--expect` must be at most '
                                         f'{share(-1):.3g}, the largest'):
        load(f'{share(-1, .51)}', '--filter', 'sphere-slab')
    assert load('.1')[1].n_passing is None


@pytest.mark.parametrize('n_points', ['0,500', '0,250,500,700'])
def test_a_share_is_expected_as_it_is_printed(tmp_path, n_points):
    """With 3,000 rows three digits are more than half a row away."""
    main = importlib.import_module('secml_regpoison.cli.main')
    x = np.random.default_rng(0).normal(size=(4000, 2))
    np.savez(tmp_path / 'rows.npz', X=x, y=np.arange(4000) % 2)

    def load(*more):
        return main._load(main.make_parser().parse_args([
            'sec-eval', '--data', str(tmp_path / 'rows.npz'), '--train',
            '3000', '--val', '200', '--points', n_points, *more]))[1]
    for k, share in enumerate(shares(load())[1:], 1):
        assert expected_strength(load('--expect', f'{share:.3g}')) == k


def test_options_of_the_attack_reach_the_plan():
    main = importlib.import_module('secml_regpoison.cli.main')

    def plan_of(*options):
        args = main.make_parser().parse_args(['sec-eval', *options])
        return main._load(args)[1], args.policies
    plan, policies = plan_of()
    assert (plan.classifier, plan.solver_type, plan.attack_params) == (
        'logistic', 'implicit', {'y_poison': 'worst'})
    assert policies == ('clean-cv', 'learned', 'trusted-only',
                        'clean-cv-own', 'learned-own')
    plan, policies = plan_of(
        '--classifier', 'liblinear', '--solver', 'rmd', '--y-poison', '8',
        '--policies', 'learned', '--lmbda-bounds', '0,5', '--n-outer', '7')
    assert plan.lmbda_bounds == (0, 5)
    assert (plan.classifier, plan.solver_type, plan.attack_params) == (
        'liblinear', 'rmd',
        {'y_poison': 1, 'solver_params': {'n_outer': 7}})
    assert policies == ('learned', 'learned-own')
    plan, policies = plan_of('--policies=46,-46', '--lmbda-bounds=-40,45',
                             '--attacker', 'defender')
    assert (plan.lmbda_bounds, policies) == ((-40, 45), [46., -46.])
    plan, policies = plan_of('--policies=-2,trusted-only', '--expect',
                             '.05', '--scale', 'min-max')
    assert policies == (-2., 'trusted-only', '-2-own')
    assert (plan.expect, plan.preprocess) == (.05, 'min-max')
    assert plan_of('--penalty', 'l1')[1] == (
        'clean-cv', 'learned', 'trusted-only')
    for attacker in ('defender', 'own', 'grey'):
        plan, policies = plan_of('--attacker', attacker)
        assert plan.attacker == attacker
        assert policies == ('clean-cv', 'learned', 'trusted-only')


@pytest.mark.parametrize('options, is_untried', [
    ([], True), (['--attacker', 'both'], True),
    (['--attacker', 'defender'], False), (['--attacker', 'own'], False),
    (['--attacker', 'grey'], False), (['--policies', 'trusted-only'], False),
    (['--expect', '0'], False), (['--penalty', 'l2'], False)])
def test_an_attacker_is_left_out_for_l1_alone(options, is_untried):
    main = importlib.import_module('secml_regpoison.cli.main')
    args = make_parser().parse_args(
        ['sec-eval', '--penalty', 'l1', *options])
    main._load(args)
    assert args.is_own_untried == is_untried


@pytest.mark.parametrize('attacker, n_said', [('both', 1), ('defender', 0)])
def test_an_attacker_that_was_left_out_is_said(
        attacker, n_said, tmp_path, capsys):
    """With the largest error of those that were tried."""
    assert cli.main(['sec-eval', *QUICK, '--points', '0,1', '--penalty', 'l1',
                     '--policies', '3', '--repetitions', '1', '--y-poison',
                     '8', '--attacker', attacker, '--n-outer', '1', '--out',
                     str(tmp_path)]) == 0
    words = ('With --penalty l1 the attacker who knows the test rows was not '
             'tried, and may do more harm: --attacker own tries that one.')
    kept = json.loads((tmp_path / 'sec_eval.json').read_text())
    assert kept['conclusion']['words'].count(words) == n_said
    assert capsys.readouterr().out.splitlines().count(words) == n_said


BAD_CALLS = {
    'no command': ([], 'COMMAND'),
    'unknown command': (['attack'], "invalid choice: 'attack'"),
    'unknown option': (['sec-eval', '--point', '3'], '--point'),
    'unknown data': (['sec-eval', '--data', 'letters'],
                     "`data` must be digits, mnist, fashion-mnist, dogfish, "
                     "or the path of a file, got 'letters'"),
    'missing file': (['sec-eval', '--data', 'no.csv'], 'no.csv'),
    'one class': (['sec-eval', '--classes', '3'],
                  '`classes` must be two or more of the labels of digits, '
                  'got 3'),
    'unknown class': (['sec-eval', '--classes', '3', 'x'],
                      '`classes` must be two or more of the labels of digits, '
                      'got 3'),
    'another model of three classes': (
        ['sec-eval', '--classes', '3', '5', '8', '--model', 'svm'],
        '`--model` must be softmax for 3 classes, got svm: type --model '
        'softmax, or --classes with two of them.'),
    'another penalty': (
        ['sec-eval', '--model', 'ridge', '--penalty', 'l1'],
        '`--penalty` must be l2 with --model ridge, got l1'),
    'trust of another model': (
        ['sec-eval', '--model', 'ridge', '--policies', 'learned-trust'],
        '`policies` must not name learned-trust with the classifier ridge '
        'and the penalty l2: it needs --model logistic or svm, and '
        '--penalty l2.'),
    'no fmd with L1': (
        ['sec-eval', '--penalty', 'l1', '--solver', 'fmd'],
        'must be rmd, implicit or auto with --penalty l1, got fmd'),
    'unknown model': (['sec-eval', '--model', 'tree'], "'tree'"),
    'a logistic regression and another model': (
        ['sec-eval', '--model', 'ridge', '--classifier', 'liblinear'],
        '`--classifier` must be left out with --model ridge'),
    'points: word': (['sec-eval', '--points', '0,many'],
                     "--points: must be an integer, at least 0, got 'many'"),
    'points: negative': (['sec-eval', '--points=-3,0'], "got '-3'"),
    'points: fraction': (['sec-eval', '--points', '0,1.5'], "got '1.5'"),
    'points: order': (['sec-eval', '--points', '0,5,5'], 'must increase'),
    'points: empty': (['sec-eval', '--points', ''], "got ''"),
    'points: too many': (['sec-eval', '--points', '0,151'],
                         '`points` must be at most 146, so that training rows '
                         'of all classes are left'),
    'points: more than pass the filter': (
        ['sec-eval', '--train', '40', '--points', '0,38', '--filter',
         'sphere-slab'],
        'so that training rows of all classes that pass the filter '
        'sphere-slab are left, whose place they take, got 38: ask for fewer '
        'with --points'),
    'unknown policy': (['sec-eval', '--policies', 'cv'],
                       "--policies: must be of clean-cv, learned, "
                       "trusted-only, learned-trust, or a lambda between "
                       "-46 and 46, got 'cv'"),
    'policy: nan': (['sec-eval', '--policies', 'nan'], "got 'nan'"),
    'policy: huge': (['sec-eval', '--policies', '46.1'], "got '46.1'"),
    'policy: twice': (['sec-eval', '--policies', '-8,-8.0'], 'once'),
    'policy: two of one name': (
        ['sec-eval', '--policies', '1,1.0000000000000002'],
        '--policies: must name each policy once, got 1,1.0000000000000002'),
    'policy: two zeros': (['sec-eval', '--policies', '0,-0'], 'once'),
    'bounds: one': (['sec-eval', '--lmbda-bounds', '-2'], 'two lambdas'),
    'bounds: order': (['sec-eval', '--lmbda-bounds', '-2,-3'],
                      'must be two lambdas, the lower first, as -8,11.5, got '
                      '-2,-3'),
    'bounds: word': (['sec-eval', '--lmbda-bounds', '0,high'],
                     "must be a lambda between -46 and 46, got 'high'"),
    'unknown label of poison': (
        ['sec-eval', '--y-poison', '3'],
        '`--y-poison` must be worst, flip, or one of the labels 0 and 8, got '
        "'3'"),
    'unknown classifier': (['sec-eval', '--classifier', 'svm'], "'svm'"),
    'expected: a count': (['sec-eval', '--expect', '20'],
                          "must be a share, at least 0 and below 1, as 0.05, "
                          "got '20'"),
    'expected: too much': (
        ['sec-eval', '--points', '0,15', '--expect', '.2'],
        '`--expect` must be at most 0.1, the largest share'),
    'unknown solver': (['sec-eval', '--solver', 'adam'], "'adam'"),
    'unknown mode': (['sec-eval', '--poison-mode', 'add'], "'add'"),
    'no repetition': (['sec-eval', '--repetitions', '0'],
                      "must be an integer, at least 1, got '0'"),
    'negative seed': (['sec-eval', '--seed', '-1'], '--seed'),
    'no jobs': (['sec-eval', '--jobs', '0'], '--jobs'),
    'no jobs of a figure': (['paper', 'fig1', '--jobs', '0'], '--jobs'),
    'no folder': (['sec-eval', '--out', ''],
                  "`--out` must be a folder, or the name of one to make, got "
                  "''"),
    'a file for a folder': (['paper', 'fig1', '--out', os.devnull],
                            f"one to make, got '{os.devnull}'"),
    'an escape': (['sec-eval', '--classes', '0', '\x1b[2J'],
                  r'got 0, \x1b[2J'),
    'too many rows': (['sec-eval', '--train', '400'],
                      '`train` and `val` must'),
    'too many rows, and nothing to cross-validate': (
        ['sec-eval', '--train', '400', '--poison-mode', 'append',
         '--policies', '0'], '`train` and `val` must'),
    'no rows left': (['sec-eval', '--val', '198'], 'a test row of each'),
}


@pytest.mark.parametrize('argv, words', BAD_CALLS.values(),
                         ids=BAD_CALLS.keys())
def test_bad_calls_say_so_in_one_line(
        argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = cli.main(argv)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert words in err
    assert out == '' and err.count('\n') == 1 and err.endswith('\n')
    assert re.match('secml-regpoison( sec-eval| paper)?: error: ', err)
    # nothing was begun
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(tmp_path, capsys):
    (tmp_path / 'file').touch()
    (tmp_path / 'link').symlink_to(tmp_path / 'nowhere')
    for command in (['sec-eval'], ['paper', 'fig1']):
        for out in (tmp_path / 'file', tmp_path / 'file' / 'below',
                    tmp_path / 'link'):
            assert cli.main([*command, '--out', str(out)]) == 2
            err = capsys.readouterr().err
            assert 'error: `--out` must be a folder' in err
            assert str(out) in err and 'Errno' not in err


def test_a_folder_in_the_place_of_a_result(tmp_path, capsys):
    (tmp_path / 'sec_eval.csv').mkdir()
    assert cli.main(['sec-eval', *QUICK, '--out', str(tmp_path)]) == 2
    assert 'with sec_eval.csv: choose another' in capsys.readouterr().err


def test_a_link_in_the_place_of_unfinished_work(tmp_path, capsys):
    """It is refused as wrong usage, before any work."""
    (tmp_path / 'there').mkdir()
    (tmp_path / 'there' / 'a.npz').touch()
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'sec_eval.cells').symlink_to(tmp_path / 'there')
    for resume in ([], ['--resume']):
        assert cli.main(['sec-eval', *QUICK, *resume, '--out',
                         str(tmp_path / 'out')]) == 2
        assert capsys.readouterr().err.endswith(
            "sec_eval.cells', a link or a file: remove it, or choose another "
            '`out` (--out).\n')
    assert os.listdir(tmp_path / 'there') == ['a.npz']
    assert os.listdir(tmp_path / 'out') == ['sec_eval.cells']


def test_a_run_that_fails(tmp_path, capsys, monkeypatch):
    def fail(*args):
        raise FloatingPointError('diverged\nat eta = 1e9')
        yield
    monkeypatch.setattr(SEC_EVAL, 'run_policies', fail)
    assert cli.main(['sec-eval', *QUICK, '--out', str(tmp_path)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == 'secml-regpoison: error: diverged at eta = 1e9'


def test_a_defect_is_not_hidden(tmp_path, monkeypatch):
    def fail(*args):
        raise TypeError('a defect')
        yield
    monkeypatch.setattr(SEC_EVAL, 'run_policies', fail)
    with pytest.raises(TypeError, match='a defect'):
        cli.main(['sec-eval', *QUICK, '--out', str(tmp_path)])


def test_the_advice_on_the_screen_can_be_typed(tmp_path, capsys):
    assert cli.main(['sec-eval', '--out', str(tmp_path), *QUICK,
                     '--repetitions', '1', '--policies', 'learned',
                     '--lmbda-bounds', '3,5', '--n-outer', '1']) == 0
    out = capsys.readouterr().out
    assert 'widen --lmbda-bounds' in out
    assert 'a larger --n-outer lets it continue' in out
    assert '`' not in out and "'n_outer'" not in out


def test_no_advice_to_widen_where_the_answer_is_constant(tmp_path, capsys):
    rng, y = np.random.default_rng(0), np.arange(90) % 2
    np.savez(tmp_path / 'noise.npz', X=rng.normal(size=(90, 3)), y=y)
    assert cli.main([
        'sec-eval', '--data', str(tmp_path / 'noise.npz'), *QUICK, '--val',
        '20', '--points', '0,30', '--poison-mode', 'append', '--repetitions',
        '1', '--policies', 'learned', '--n-outer', '3', '--y-poison', '1',
        '--out', str(tmp_path / 'out')]) == 0
    out = capsys.readouterr().out
    assert 'lambda is at a bound in 1 of 1 split' in out
    assert 'all test points are given one class' in out
    assert 'widen --lmbda-bounds' not in out


def test_lambdas_as_far_as_the_library_takes_them(tmp_path, capsys):
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = rng.normal(size=(80, 2)) + y[:, None]
    np.savetxt(tmp_path / 'rows.csv', np.c_[x, y], delimiter=',', fmt='%.3f',
               header='a,b,label', comments='')
    assert cli.main([
        'sec-eval', '--data', str(tmp_path / 'rows.csv'), '--points', '0,2',
        '--repetitions', '1', '--policies=40,-40', '--lmbda-bounds=-40,45',
        '--attacker', 'defender', '--y-poison', 'flip', '--jobs', '1',
        '--out', str(tmp_path / 'out')]) == 0
    out = capsys.readouterr().out
    assert 'lambda 40 (fixed): ' in out and 'lambda -40 (fixed): ' in out
    # it cannot be told from rounding, also with the solver that is taken
    assert '--solver implicit or a larger lambda lets it continue' in out


@pytest.mark.parametrize('argv', [['--help'], ['sec-eval', '--help']])
def test_help_names_all_that_matters(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 0
    text = ' '.join(capsys.readouterr().out.split())
    for words in ('sec-eval', 'C is exp(-lambda)', 'examples', 'exit codes',
                  'sec_eval.csv'):
        assert words in text
    if argv[0] == 'sec-eval':
        for option in ('--data', '--classes', '--points', '--policies',
                       '--solver', '--repetitions', '--seed', '--out',
                       '--train', '--val', '--jobs', '--poison-mode',
                       '--resume', 'last column', 'header', "'not A'",
                       "a space before them, ' --a'"):
            assert option in text


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'sec_eval.csv'
    path.write_text('old')
    with pytest.raises(OSError, match='disk full'):
        with files.atomic_path(str(path)) as scratch:
            with open(scratch, 'w') as stream:
                stream.write('half')
            raise OSError('disk full')
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['sec_eval.csv']


def test_names_and_numbers_of_columns_may_begin_with_a_minus():
    args = make_parser().parse_args(join_values([
        'sec-eval', '--label', '-y', '--drop', '-1,-a']))
    assert (args.label, args.drop) == ('-y', ('-1', '-a'))
    args = make_parser().parse_args(join_values([
        'sec-eval', '--label', 'a', '--label', '-y']))
    assert args.label == '-y'


@pytest.mark.parametrize('typed, classes', [
    (['-a', '-b'], ['-a', '-b']), (['-1e3', '2'], ['-1e3', '2']),
    (['x', '-x', '-', '-1'], ['x', '-x', '-', '-1']),
    ([' --a', 'b'], ['--a', 'b'])])
def test_labels_may_begin_with_a_minus(typed, classes):
    args = make_parser().parse_args(join_values([
        'sec-eval', '--classes', *typed, '--label', '-y', '--seed', '1']))
    assert (args.classes, args.label, args.seed) == (classes, '-y', 1)
    assert make_parser().parse_args(join_values([
        'sec-eval', '--classes=1', '--classes', *typed])).classes == classes
    with pytest.raises(SystemExit) as stop:
        make_parser().parse_args(join_values(['sec-eval', '--classes', '-h']))
    assert stop.value.code == 2


def test_labels_with_a_minus_are_those_of_the_file(tmp_path, capsys):
    path = tmp_path / 'rows.csv'
    path.write_text('a,kind\n' + ''.join(
        f'{k % 7},{("-a", "-1e3", "c")[k % 3]}\n' for k in range(60)))
    assert cli.main(['sec-eval', '--data', str(path), '--classes', '-1000',
                     '-b', '--out', str(tmp_path / 'out')]) == 2
    assert ('labels of column `kind` of rows.csv, got -1000, -b: it has '
            in capsys.readouterr().err.replace(str(tmp_path) + os.sep, ''))
    args = make_parser().parse_args(join_values([
        'sec-eval', '--classes', '-1000', '-a']))
    assert load_data(str(path), args.classes).header['y_original'] == (
        '-1e3', '-a')


@pytest.mark.parametrize('scale, is_said', [('mean-std', True),
                                            ('none', False)])
def test_scale_none_is_advised_where_features_are_standardised(
        tmp_path, capsys, monkeypatch, scale, is_said):
    rng, calls = np.random.default_rng(0), []
    np.savez(tmp_path / 'counts.npz', y=np.arange(80) % 2, X=rng.random(
        (80, 120)) * (rng.random((80, 120)) < .05) * [1e8, *[1.] * 119])
    monkeypatch.setattr(SEC_EVAL, 'conclude', lambda *args: calls.append(
        args) or conclude(*args))
    assert cli.main(['sec-eval', *QUICK, '--data', str(
        tmp_path / 'counts.npz'), '--out', str(tmp_path), '--repetitions', '1',
        '--policies=-2', '--scale', scale, '--points', '0,1']) == 0
    summary = json.loads((tmp_path / 'sec_eval.json').read_text())
    for said in capsys.readouterr().err, ' '.join(summary['warnings']):
        assert ('95 % of the cells are 0' in said) == is_said
        assert ('type --scale none' in said) == is_said
    assert calls[0][-1] is True  # the closing words know the large column
