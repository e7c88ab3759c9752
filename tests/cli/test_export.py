"""Rows taken out: scikit-learn, retrained on them, makes the printed error."""
import importlib

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import dump_svmlight_file, load_svmlight_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from secml_regpoison import cli
from secml_regpoison.data import load_data
from secml_regpoison.data.splits import split_data
from secml_regpoison.experiment import export
from secml_regpoison.experiment.plan import Plan
from secml_regpoison.experiment.policy_attack import CLASSIFIERS
from secml_regpoison.experiment.security_evaluation import prepare_split
from secml.array import CArray

N = 260
SIZES = ['--train', '60', '--val', '30', '--points', '0,6', '--repetitions',
         '1', '--seed', '3', '--jobs', '1', '--y-poison', 'flip']


def rows(seed=0):
    """Features of different sizes, and classes that overlap."""
    rng = np.random.default_rng(seed)
    y = (rng.random(N) < .4).astype(int)
    x = rng.normal(size=(N, 4)) + y[:, None] * [1., .7, 0, .3]
    return x * [1, 1000, .01, 1] + [0, 5000, 0, -3], y


def numeric(path):
    """A header, commas, the label last."""
    x, y = rows()
    frame = pd.DataFrame(x, columns=list('abcd')).assign(
        kind=np.array(['ham', 'spam'])[y])
    frame.to_csv(path, index=False)
    return [], 'kind', 'spam', frame, np.arange(2, N + 2)


def semicolons(path):
    """Decimal commas, the label first, an empty line."""
    x, y = rows(1)
    frame = pd.DataFrame({'Klasse': y + 1, **{
        f'w{j}': column.round(3) for j, column in enumerate(x.T)}})
    text = frame.to_csv(index=False, sep=';', decimal=',').splitlines()
    path.write_text('\n'.join([text[0], '', *text[1:]]), encoding='cp1252')
    return ['--label', 'Klasse'], 'Klasse', '2', frame, np.arange(3, N + 3)


def categories(path):
    """Columns of text, and an id that is left out."""
    x, y = rows(2)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        'id': np.arange(N) + 1000, 'town': np.where(
            y * rng.random(N) > .5, 'Rome', rng.choice(['Pisa', 'Bari'], N)),
        'width': x[:, 0], 'colour': rng.choice(['red', 'blue'], N),
        'sold': np.array(['no', 'yes'])[y]})
    frame.to_csv(path, index=False)
    return (['--categories', '--drop', 'id'], 'sold', 'yes',
            frame.drop(columns='id'), np.arange(2, N + 2))


def integers(path):
    """No header, whole numbers and 0/1, missing cells, one against the rest.
    """
    x, y = rows(3)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({
        'column 1': np.rint(5 * x[:, 0]).astype(int),
        'column 2': (x[:, 3] > -3).astype(int), 'column 3': np.rint(x[:, 1]),
        'column 4': np.where(y == 1, 0, rng.integers(1, 4, N))})
    text = [','.join('?' if i % 37 == 5 and j == 1 else f'{cell:g}'
                     for j, cell in enumerate(cells))
            for i, cells in enumerate(frame.to_numpy())]
    path.write_text('\n'.join(text))
    frame['column 4'] = np.where(y == 1, '0', 'not 0')
    return (['--missing', 'drop', '--positive', '0'], 'column 4', '0', frame,
            np.arange(1, N + 1))


def libsvm(path):
    """Sparse text, the label first."""
    x, y = rows(4)
    x[:, 3] += 4
    x[x < 0] = 0
    dump_svmlight_file(x, 2 * y - 1, str(path), zero_based=False)
    x, y = load_svmlight_file(str(path))
    frame = pd.DataFrame(x.toarray(), columns=[
        f'feature {j}' for j in range(1, 5)])
    frame.insert(0, 'label', y.astype(int))
    return [], 'label', '1', frame, np.arange(1, N + 1)


@pytest.mark.slow
@pytest.mark.parametrize('write, filtered', [
    (numeric, 0), (semicolons, 0), (categories, 0), (integers, 0),
    (libsvm, 0), (categories, 3), (integers, 4)])
def test_scikit_learn_on_the_exported_rows_makes_the_printed_error(
        write, filtered, tmp_path, capsys):
    path = tmp_path / 'file.txt'
    options, label, positive, frame, lines = write(path)
    out = tmp_path / 'out'
    assert cli.main(['sec-eval', '--data', str(path), *SIZES, *options,
                     *(['--y-poison', 'worst'] if write is numeric else ()),
                     '--out', str(out), '--filter',
                     'sphere-slab' if filtered else 'none']) == 0
    frame = frame.set_index(lines)
    parts = pd.read_csv(out / 'rows_0.csv')
    counts = parts['part'].value_counts()
    assert counts.loc[['train', 'replaced', 'validation']].tolist() == [
        54 - filtered, 6, 30]
    assert counts.get('filtered', 0) == filtered
    test = frame.loc[parts.loc[parts['part'] == 'test', 'line']]
    measured = pd.read_csv(out / 'sec_eval.csv')
    for policy in ('clean-cv', 'clean-cv-own', 'learned', 'learned-own',
                   'trusted-only'):
        poisoned = pd.read_csv(out / f'poisoned_{policy}_0.csv')
        assert list(poisoned) == [*frame, 'poison']
        assert poisoned['poison'].sum() == 6 * (policy != 'trusted-only')
        part = 'train' if policy != 'trusted-only' else 'validation'
        clean = frame.loc[parts.loc[parts['part'] == part, 'line']]
        pd.testing.assert_frame_equal(
            poisoned.loc[poisoned['poison'] == 0, list(frame)].astype(str)
            .reset_index(drop=True),
            clean.astype(poisoned.dtypes[list(frame)]).astype(str)
            .reset_index(drop=True))
        both = pd.get_dummies(pd.concat([poisoned, test]).drop(
            columns=[label, 'poison']))
        y = pd.concat([poisoned, test])[label].astype(str) == positive
        last = measured[(measured['policy'] == policy)
                        & (measured['n_points'] == 6)].iloc[0]
        # of whole numbers a row may lie at the boundary, see --help
        model = make_pipeline(StandardScaler(), LogisticRegression(
            C=last.C, tol=1e-8))
        model.fit(both[:len(poisoned)], y[:len(poisoned)])
        error = 1 - model.score(both[len(poisoned):], y[len(poisoned):])
        assert error == pytest.approx(last.test_error, abs=1e-9)
        assert last.n_test == len(test)


def test_liblinear_in_scikit_learn_has_the_default_tol(capsys):
    """As --help says: at another it is another classifier."""
    with pytest.raises(SystemExit):
        cli.main(['sec-eval', '--help'])
    assert ("with --classifier liblinear and the L2 penalty solver='liblinear'"
            ' and the default tol') in ' '.join(
                capsys.readouterr().out.split())
    x, y = rows()
    tested = CLASSIFIERS['liblinear'][0](C=3000., preprocess='mean-std')
    tested.fit(CArray(x), CArray(y))
    scores = tested.decision_function(CArray(x), 1).tondarray()
    for tol, is_same in ({}, True), ({'tol': 1e-8}, False):
        model = make_pipeline(StandardScaler(), LogisticRegression(
            C=3000., solver='liblinear', **tol)).fit(x, y)
        assert np.allclose(model.decision_function(x), scores, rtol=1e-12,
                           atol=1e-12) == is_same


@pytest.mark.slow
def test_rows_of_the_attacker_are_no_test_rows(tmp_path, capsys):
    """In the grey box; the error is of those that are left."""
    options, label, positive, frame, lines = numeric(tmp_path / 'file.txt')
    assert cli.main(['sec-eval', '--data', str(tmp_path / 'file.txt'), *SIZES,
                     '--attacker', 'grey', '--policies', 'learned',
                     '--out', str(tmp_path / 'out')]) == 0
    assert "140 test rows, 30 of the attacker's" in capsys.readouterr().out
    parts = pd.read_csv(tmp_path / 'out' / 'rows_0.csv').set_index('line')
    assert parts['part'].value_counts().loc[['attacker', 'test']].tolist() \
        == [30, 140]
    test = frame.set_index(lines).loc[parts.index[parts['part'] == 'test']]
    poisoned = pd.read_csv(tmp_path / 'out' / 'poisoned_learned_0.csv')
    last = pd.read_csv(tmp_path / 'out' / 'sec_eval.csv').iloc[-1]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=last.C))
    model.fit(poisoned[list('abcd')], poisoned[label] == positive)
    assert 1 - model.score(test[list('abcd')], test[label] == positive) \
        == pytest.approx(last.test_error, abs=1e-9)


def test_rows_of_each_part_of_an_npz(tmp_path):
    """They are numbered in the arrays that hold them."""
    x, y = rows()
    np.savez(tmp_path / 'rows.npz', X_train=x[:100], y_train=y[:100],
             X_val=x[100:140], y_val=y[100:140], X_test=x[140:],
             y_test=y[140:])
    main = importlib.import_module('secml_regpoison.cli.main')
    args = main.make_parser().parse_args([
        'sec-eval', '--data', str(tmp_path / 'rows.npz'), '--train', '60',
        '--points', '0,6', '--poison-mode', 'append'])
    source, plan = main._load(args)
    parts = export.parts_of_rows(source, plan, 0)
    assert parts.groupby(['rows', 'part']).size().to_dict() == {
        ('pool', ''): 40, ('pool', 'train'): 60, ('val', 'validation'): 40,
        ('test', 'test'): 120}
    assert parts['line'].tolist() == [
        *range(1, 101), *range(1, 41), *range(1, 121)]
    assert parts['label'].tolist() == y.tolist()
    poison = {'x': x[:2], 'y': np.array([1, 0]), 'n_points': [0, 6]}
    frame = export.poisoned_rows(source, plan, 'learned', 0, poison)
    assert frame['poison'].tolist() == [0] * 60 + [1, 1]
    assert (frame.iloc[60:, :4].to_numpy() == x[:2]).all()
    alone = export.poisoned_rows(source, plan, 'trusted-only', 0, {
        'x': x[:0], 'y': y[:0], 'n_points': [0, 6]})
    assert (alone.iloc[:, :4].to_numpy() == x[100:140]).all()


def test_rows_of_data_with_a_name_are_numbered_from_1():
    parts = export.parts_of_rows(
        load_data('digits'), Plan((0, 2), 40, 20), 0)
    assert parts['line'].tolist() == [*range(1, len(parts) + 1)]


@pytest.mark.parametrize('attacker', ['defender', 'grey'])
def test_lines_of_the_test_rows_are_in_the_order_of_the_predictions(attacker):
    source = load_data('digits')
    plan = Plan((0, 2), 40, 20, seed=1, attacker=attacker)
    split = prepare_split(split_data(source, 40, 20, 3), plan, 3)
    lines = export.lines_of_test_rows(source, plan, 2)
    assert np.array_equal(source.parts['pool'][0][lines - 1],
                          split.test.X.tondarray())
    parts = export.parts_of_rows(source, plan, 2)
    assert sorted(lines) == parts['line'][parts['part'] == 'test'].tolist()


def test_poisoned_rows_are_in_order_and_the_last_column_is_of_no_feature(
        tmp_path):
    x, y = rows()
    names = ['a', 'poison', 'poison_', 'b']
    frame = pd.DataFrame(x, columns=names).assign(kind=y)
    frame.to_csv(tmp_path / 'rows.csv', index=False)
    source = load_data(str(tmp_path / 'rows.csv'))
    plan = Plan((0, 6), 60, 30)
    found = export.poisoned_rows(source, plan, 'learned', 0, {
        'x': x[:6], 'y': y[:6], 'n_points': [0, 6]})
    assert list(found) == [*names, 'kind', 'poison__']
    assert found['poison__'].tolist() == [0] * 54 + [1] * 6
    parts = export.parts_of_rows(source, plan, 0)
    kept = frame[(parts['part'] == 'train').to_numpy()]
    np.testing.assert_array_equal(found[names][:54], kept[names])


def test_rows_left_out_at_reading_have_no_line(tmp_path):
    """As --help says: of other labels, without one, with missing cells."""
    x, y = rows()
    frame = pd.DataFrame(x.round(3)).assign(
        kind=np.array(['a', 'b'])[y]).astype(object)
    frame.iloc[3, 0] = frame.iloc[5, -1] = ''
    frame.iloc[7, -1] = 'c'
    for name, part in (('all', frame[:200]), ('test', frame[200:])):
        part.to_csv(tmp_path / name, index=False)
    main = importlib.import_module('secml_regpoison.cli.main')
    source, plan = main._load(main.make_parser().parse_args([
        'sec-eval', '--data', str(tmp_path / 'all'), '--test',
        str(tmp_path / 'test'), '--missing', 'drop', '--classes', 'a', 'b']))
    parts = export.parts_of_rows(source, plan, 0)
    lines = parts.groupby('rows')['line'].agg(set)
    assert lines['pool'] == {*range(2, 202)} - {5, 7, 9}
    assert lines['test'] == {*range(2, len(y) - 198)}
    assert set(parts['part'][parts['rows'] == 'test']) == {'test'}
