"""What the options of a file may be."""
import os
import pathlib

import numpy as np
import pytest

from secml_regpoison.data import load_data

ROWS = 'id,a,b,12,label\n' + ''.join(
    f'{7 * k % 41},{k}.5,{k % 5},{k % 3},{"no" if k % 2 else "yes"}\n'
    for k in range(40))


@pytest.fixture
def path(tmp_path):
    (tmp_path / 'rows.csv').write_text(ROWS)
    return str(tmp_path / 'rows.csv')


@pytest.mark.parametrize('options, words', [
    (dict(missing='dropna'), "`missing` must be 'drop' or 'mean', or None, "
                             "got 'dropna'"),
    (dict(missing='DROP'), '`missing`'), (dict(missing=''), '`missing`'),
    (dict(missing=True), '`missing` must be text, got True'),
    (dict(header=True), '`header` must be text, got True'),
    (dict(header=0), '`header`'), (dict(header='YES'), '`header` must be '
                                   "'yes' or 'no', or None, got 'YES'"),
    (dict(header='none'), '`header`'), (dict(header=[]), '`header`'),
    (dict(decimal=';'), "`decimal` must be '.' or ',', or None, got ';'"),
    (dict(decimal='comma'), '`decimal`'), (dict(decimal=b','), '`decimal`'),
    (dict(categories='yes'), '`categories` must be True or False, got .yes.'),
    (dict(categories=1), '`categories`'), (dict(several='no'), '`several`'),
    (dict(sep=''), "`sep` must be one character or one of .*, got ''"),
    (dict(sep='\n'), '`sep`'), (dict(sep='"'), '`sep`'),
    (dict(sep=1), '`sep`'),
    (dict(encoding=8), '`encoding` must be text, got 8'),
    (dict(label=1.5), '`label` must be a name or a whole number, got 1.5'),
    (dict(label=True), '`label`'), (dict(label=['label']), '`label`'),
    (dict(label='--5'), "`label` must be a column of .*, got '--5'"),
    (dict(drop=True), "`drop` must be names or numbers of columns, as in "
                      r"\('id', 3\), got True"),
    (dict(drop=1.), '`drop` must be names'), (dict(drop=(1., 2)), '`drop`'),
    (dict(drop=('--5',)), "`drop` must be a column of .*, got '--5'"),
    (dict(drop='label'), "`drop` must leave the label, got 'label'"),
    (dict(drop=0), "`drop` must be a column of .* got '0'"),
    (dict(classes=0), '`classes` must be two labels or more, as in '
                      r"\('no', 'yes'\), got 0"),
    (dict(classes='no'), '`classes`'), (dict(positive=['yes']), '`positive`'),
    (dict(test=1), '`test` must be the path of a file, got 1'),
    (dict(test=''), "`test` must be the path of a file, got ''")])
def test_values_that_mean_nothing_are_refused(path, options, words):
    """They were ignored, or taken for others."""
    with pytest.raises((TypeError, ValueError), match=words):
        load_data(path, **options)


@pytest.mark.parametrize('name', [None, 3, ['rows.csv'], ''])
def test_a_path_is_one(name):
    with pytest.raises((TypeError, ValueError), match='`data` must be'):
        load_data(name)


@pytest.mark.parametrize('drop, left', [
    ('id', 'a b 12'), ('12', 'id a b'), (1, 'a b 12'),
    (np.int64(-5), 'a b 12'),
    (None, 'id a b 12'), ((), 'id a b 12'), (['id', 3], 'a 12'),
    ({'a': 1}, 'id b 12'), (np.array([1, 2]), 'b 12')])
def test_columns_to_drop(path, drop, left):
    columns = load_data(path, drop=drop).file.encoding.columns
    assert ' '.join(column.name for column in columns) == left


@pytest.mark.parametrize('kind', [str, pathlib.Path, os.fsencode])
def test_paths_may_be_of_any_type(path, kind):
    source = load_data(kind(path), ['no', 'yes'], test=kind(path), sep='comma')
    assert {part: y.tolist() for part, (_, y) in source.parts.items()} == {
        part: [1 - k % 2 for k in range(40)] for part in ('pool', 'test')}
    y = load_data(pathlib.Path(path), np.array(['yes', 'no'])).parts['pool'][1]
    assert y.tolist() == [k % 2 for k in range(40)]
