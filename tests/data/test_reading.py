"""Label, classes, missing cells, text columns, suspicious columns."""
import shlex
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from refusals import raises

from secml_regpoison.cli.arguments import join_values, make_parser
from secml_regpoison.data import load_data
from secml_regpoison.data.copies import repeated
from secml_regpoison.data.encoding import Column
from secml_regpoison.data.options import ReadOptions
from secml_regpoison.data.reading import read_classes
from secml_regpoison.data.splits import draw_rows, split_sizes
from secml_regpoison.data.suspects import mostly_zero
from secml_regpoison.terminal import one_line

N = 60
rng = np.random.default_rng(0)
FRAME = pd.DataFrame({
    'width': rng.normal(size=N).round(3), 'count': rng.integers(5, 9, N),
    'smokes': rng.integers(0, 2, N),
    'town': np.array(['Rome', 'Pisa', 'Bari'])[rng.integers(0, 3, N)],
    'kind': np.array(['ham', 'spam'])[np.arange(N) % 2]})


def read(tmp_path, frame, name='rows.csv', **options):
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return read_classes(str(path), ReadOptions(**options))


def test_the_label_is_chosen_and_printed(tmp_path):
    data = read(tmp_path, FRAME.drop(columns='town'))
    assert data.classes == ('ham', 'spam')
    assert any('label: `kind`, column 4 (by default); class 0 is ham (30 '
               'rows), class 1 is spam (30 rows)' in note
               for note in data.notes)
    assert '0 or 1: `smokes`' in data.notes
    assert 'whole numbers: `count`' in data.notes
    data = read(tmp_path, FRAME.drop(columns=['town', 'kind']),
                label='smokes')
    assert data.classes == (0, 1) and data.parts['pool'][0].shape == (N, 2)


def test_one_row_is_no_rows(tmp_path):
    kinds = FRAME['kind'].where(FRAME.index > 0, 'eggs')
    notes = read(tmp_path, FRAME[['width']].assign(kind=kinds),
                 classes=('eggs', 'spam')).notes
    assert ('label: `kind`, column 2 (by default); class 0 is eggs (1 row), '
            'class 1 is spam (30 rows)') in notes
    assert 'all labels: eggs (1 row), ham (29 rows), spam (30 rows)' in notes


@pytest.mark.parametrize('label', ['kind', '1', '-3'])
def test_a_label_by_name_or_number(tmp_path, label):
    frame = FRAME[['kind', 'width', 'smokes']]
    data = read(tmp_path, frame, label=label)
    assert data.encoding.label == 'kind' and data.encoding.position == 0
    assert not data.warnings


@pytest.mark.parametrize('options, words', [
    (dict(label='knid'), "`label` must be a column .* Did you mean 'kind'"),
    (dict(label='9'), 'a number from 1 to 5'),
    (dict(drop=('town', 'x')), "`drop` must be a column .*'x'"),
    (dict(drop=('town', 'kind')), '`drop` must leave the label'),
    (dict(), r"line 2: column `town` must hold numbers, got '\w+', and text "
             r'in 60 of 60 cells. Type --categories .* --drop town'),
    (dict(label='width'), 'Is it the label'),
    (dict(label='kind', drop=('width', 'count')),
     'Type --categories to make a 0/1 column of each text of `town`, or leave '
     'it out with --drop town.$'),
    (dict(label='count', drop=('town', 'kind')),
     r'got 4: 5 \(\d+ rows\), .*--classes A B\), one against the rest'),
    (dict(drop=('town',), classes=('ham', 'eggs')),
     r'`classes` must be two .* ham, eggs: it has ham \(30 rows\)'),
    (dict(drop=('town',), positive='eggs'), '`positive` must be one of'),
])
def test_wrong_columns_and_labels(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        read(tmp_path, FRAME, **options)


def test_one_against_the_rest(tmp_path):
    data = read(tmp_path, FRAME[['width', 'count']], positive='6')
    assert data.classes == ('not 6', 6)
    assert (data.parts['pool'][1] == (FRAME['count'] == 6)).all()
    assert any('all labels: 5 (' in note for note in data.notes)


def labels_of(data, part='pool'):
    """The label of each row, as the file has it."""
    return [data.classes[k] for k in data.parts[part][1]]


@pytest.mark.parametrize('order', [
    ['width', 'count', 'smokes', 'town', 'kind'],
    ['kind', 'town', 'width', 'count', 'smokes'],
    ['town', 'kind', 'smokes', 'count', 'width']])
def test_the_matrix_turns_back_into_the_file(tmp_path, order):
    data = read(tmp_path, FRAME[order], label='kind', categories=True)
    x, _ = data.parts['pool']
    assert x.shape == (N, 6)
    back = data.encoding.to_frame(x, labels_of(data))
    pd.testing.assert_frame_equal(back, FRAME[order], check_dtype=False)
    assert back['count'].dtype == int
    for group in data.encoding.groups:
        assert (x[:, group].sum(axis=1) == 1).all()
    assert len(data.encoding.groups) == 1
    assert len(data.encoding.integers) == 2
    assert data.lines['pool'].tolist() == list(range(2, N + 2))


@pytest.mark.parametrize('cells, options, words', [
    (['2020-01-%02d' % (i % 31) for i in range(N)], {},
     'got .2020-01-00., .* Too many different texts for 0/1 columns: `day`; '
     'write numbers, or leave it out with --drop day.$'),
    ([f'uid {i}' for i in range(N)], dict(categories=True), 'Too many diff'),
    ([f'{i},{i + 100}' for i in range(1, N + 1)], dict(categories=True),
     'Write the numbers of `day` without units and separators'),
    ([f'${i}.50' for i in range(N)], {}, 'without units'),
    (['12 %'] * N, {}, 'without units'),
    (['none said'] + ['1.5'] * (N - 1), dict(categories=True),
     'Correct these cells of `day`, or empty them and type --missing drop')])
def test_text_that_is_no_category(tmp_path, cells, options, words):
    """No advice that the next call would refuse."""
    with pytest.raises(ValueError, match=words):
        read(tmp_path, FRAME[['width', 'kind']].assign(day=cells),
             label='kind', **options)


FORMS = {
    'India': lambda x: f'{x // 100 % 9 + 1},{x % 90 + 10},{x % 900 + 100}.5',
    'Switzerland': lambda x: f"{x % 9 + 1}'{x % 900 + 100}.00",
    'typographic apostrophe': lambda x: f'{x % 9 + 1}\u2019{x % 900 + 100}',
    'unit': lambda x: f'{x / 100} kg', 'units': lambda x: f'{x}{"gt"[x % 2]}',
    'minus': lambda x: f'\u2212{x / 100}', 'dash': lambda x: f'\u2013{x}',
    'accounting': lambda x: f'({x / 100})', 'dollars': lambda x: f'(${x}.50)',
    'Fortran': lambda x: f'{x / 100}D-01', 'grouped': lambda x: f'({x},001.5)',
}


@pytest.mark.parametrize('form', FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize('share', [1, 2, 4])
def test_numbers_in_another_form_are_no_text(tmp_path, form, share):
    """Nor are they to be emptied, in all rows or in some."""
    cells = [form(7 * i + 1) if i % share == 0 else f'{i}.5'
             for i in range(N)]
    frame = FRAME[['width', 'kind']].assign(sum=cells)[
        ['width', 'sum', 'kind']]
    for options in {}, {'categories': True}, {'missing': 'drop'}:
        with pytest.raises(ValueError, match=(
                r'column `sum` must hold numbers, got .* cells\. They are '
                'numbers in another form. Write the numbers of `sum` without '
                r'units .*, as -1234\.5 or 1\.2e-3 \(a decimal comma: '
                r'--decimal ,\), or leave it out with --drop sum\.$')):
            read(tmp_path, frame, **options)


@pytest.mark.parametrize('texts, advice', [
    (['3 doors', '5 doors'], 'Type --categories'),
    (['1A', '2A', '3B'], 'Type --categories'),
    (['12D4', '7D2'], 'Type --categories'), (['(a)', '(b)'], 'Type --categ'),
    (['12-05', '10:30', '1,22,3'], 'Type --categories'),
    ([f'{i} {"ABCDEFG"[i % 7]}street' for i in range(N)], 'Too many diff'),
    (['1.5'] * 19 + ['-'], '--missing drop'),
    (['1.5'] * 19 + ['(none)'], 'Correct these cells')])
def test_codes_are_no_numbers_in_another_form(tmp_path, texts, advice):
    frame = FRAME[['width', 'kind']].assign(
        code=[texts[i % len(texts)] for i in range(N)])
    with pytest.raises(ValueError, match=advice):
        read(tmp_path, frame, label='kind')
    if advice.startswith('Type --categ'):
        assert read(tmp_path, frame, label='kind', categories=True).parts


@pytest.mark.parametrize('case', [str, str.upper])
def test_true_and_false_are_a_column_of_one_and_zero(tmp_path, case):
    frame = FRAME[['smokes', 'width', 'kind']].astype({'smokes': bool})
    written = frame.assign(smokes=frame['smokes'].astype(str).map(case))
    data = read(tmp_path, written)
    x = data.parts['pool'][0]
    assert x[:, 0].tolist() == FRAME['smokes'].tolist()
    assert 'true or false: `smokes`' in data.notes
    assert data.encoding.integers == (0,)
    pd.testing.assert_frame_equal(
        data.encoding.to_frame(x, labels_of(data)), frame)
    broken = data.encoding.to_frame(x / 2, labels_of(data))
    assert (broken['smokes'] == FRAME['smokes'] / 2).all()


@pytest.mark.parametrize('mark', [
    -999, 9999, 999.9, 99.9, -9999.99, 9999999, 1e20, -1e20, -1e30, 1e12,
    -32768, 32767, 65535, 2147483647, -2147483647, -2147483648, 4294967295,
    float(np.float32(-9999.99)), float(np.float32(1e20))])
def test_codes_far_from_the_other_values_may_be_missing(tmp_path, mark):
    frame = FRAME[['width', 'count', 'kind']].copy()
    frame.loc[[3, 8, 40], 'width'] = mark
    warning, = read(tmp_path, frame).warnings
    assert warning.startswith(
        f'column `width` is {mark:.10g} in 3 rows, far from')
    frame.loc[0, 'width'] = .6 * mark  # not far from all others
    assert not read(tmp_path, frame).warnings
    frame['width'] = FRAME['width'].where(np.arange(N) != 3, mark)  # once
    assert not read(tmp_path, frame).warnings


@pytest.mark.parametrize('least, mark, is_said', [
    (150, -9, True), (0, -9, True), (-3, -9, False), (150, -90, False),
    (0, 9, False), (150, 1e3, False), (150, 1234567, False), (0, -8, False),
    (0, -99.5, False), (0, 65536, False)])
def test_which_numbers_are_codes(tmp_path, least, mark, is_said):
    frame = FRAME[['width', 'kind']].assign(
        sugar=least + FRAME['smokes'].astype(float))
    frame.loc[[3, 8, 40], 'sugar'] = mark
    warnings = read(tmp_path, frame, label='kind').warnings
    assert warnings == (
        'column `sugar` is -9 in 3 rows, far from its other values: if that '
        'marks missing cells, empty them and type --missing drop',) * is_said


@pytest.mark.parametrize('mark, least, most, share, is_said', [
    (-999, 9, 1192, .3, True), (-999, 0, 1000, .02, True),
    (-9999, 0, 12000, .02, True), (-9, 0, 300, .1, True),
    (9999, 0, 9000, .3, True), (99999, 0, 60000, .02, True),
    (-999, 0, 1000, .005, False), (9999, 0, 9000, .005, False),
    (-999, -50, 1100, .02, True), (-999, -1020, 1000, .02, False),
    (-99, -98, 400, .1, False), (99, 0, 98, .1, False),
    (-1, 0, 10000, .3, False), (9000, 0, 8000, .3, False)])
def test_codes_among_columns_of_wide_range(tmp_path, mark, least, most, share,
                                           is_said):
    x = np.random.default_rng(0).uniform(least, most, 1000)
    x[:2], x[2:2 + int(1000 * share)] = (least, most), mark
    frame = pd.DataFrame({'width': x[::-1].round(1),
                          'kind': np.arange(1000) % 2})
    assert read(tmp_path, frame).warnings == (
        f'column `width` is {mark} in {1000 * share:.0f} rows, apart from its '
        'other values: if that marks missing cells, empty them and type '
        '--missing drop',) * is_said


def test_a_code_of_many_columns_is_said_once(tmp_path):
    frame = FRAME[['width', 'count', 'kind']].assign(other=FRAME['width'])
    frame.loc[[3, 8], 'width'] = frame.loc[[4, 5, 6], 'other'] = -999
    frame.loc[[1, 2], 'count'] = 9999
    assert read(tmp_path, frame, label='kind').warnings == (
        'columns `width`, `other` are -999 in 2 to 3 rows, far from their '
        'other values: if that marks missing cells, empty them and type '
        '--missing drop',
        'column `count` is 9999 in 2 rows, far from its other values: if that '
        'marks missing cells, empty them and type --missing drop')


@pytest.mark.parametrize('mark, names', [
    (-200, 'is_far is_wide below_0'), (-1, 'is_far is_dense')])
def test_the_only_negative_number_of_several_columns_may_be_a_code(
        tmp_path, mark, names):
    """Not one of -1, 0, 1, nor of a single column."""
    x, names = np.random.default_rng(0), names.split()
    frame = pd.DataFrame({
        'is_far': x.uniform(5, 9, N), 'is_wide': x.permutation(N) * 20.,
        'is_dense': x.uniform(0, 1, N), 'below_0': x.normal(size=N),
        'sign': x.integers(-1, 2, N), 'sides': 2 * FRAME['smokes'] - 1
    }).round(2)
    frame['is_wide'] += .5
    frame.loc[:4, names] = mark
    columns = ', '.join(f'`{name}`' for name in names)
    how = 'far' if mark == -1 else 'apart'
    assert read(tmp_path, frame.assign(kind=FRAME['kind'])).warnings == (
        f'columns {columns} are {mark} in 5 rows, {how} from their other '
        'values: if that marks missing cells, empty them and type --missing '
        'drop',)
    frame = frame[[names[0]]].assign(kind=FRAME['kind'])
    assert read(tmp_path, frame).warnings == ()


@pytest.mark.parametrize('step, share, is_said', [
    (1, .3, True), (1, .005, False), (.5, .3, False)])
def test_minus_one_among_counts_may_be_a_code(tmp_path, step, share, is_said):
    x = np.random.default_rng(0).integers(0, 300, 1000) * step
    x[:int(1000 * share)] = -1
    frame = pd.DataFrame({'days': x[::-1], 'kind': np.arange(1000) % 2})
    assert len(read(tmp_path, frame).warnings) == is_said


def test_missing_cells(tmp_path):
    frame = FRAME[['width', 'count', 'kind']].astype(object)
    frame.loc[4, 'count'], frame.loc[[7, 9], 'width'] = '?', 'NA'
    with pytest.raises(ValueError, match=(
            r"line 6: .* got '\?' in column `count`, and 3 such cells in 3 of "
            '60 rows. Type --missing drop')):
        read(tmp_path, frame)
    data = read(tmp_path, frame, missing='drop')
    assert data.parts['pool'][0].shape == (N - 3, 2)
    assert 6 not in data.lines['pool']
    assert '3 of 60 rows have missing cells and are left out' in data.notes
    data = read(tmp_path, frame, missing='mean')
    x, known = data.parts['pool'][0], np.arange(N) != 4
    assert x[4, 1] == pytest.approx(FRAME['count'][known].mean())
    # the filled cells do not make it a column of broken numbers
    assert 'whole numbers: `count`' in data.notes


def test_empty_columns_are_named(tmp_path):
    frame = FRAME.drop(columns='town').assign(note='', other='')
    with pytest.raises(ValueError, match='Mostly empty: `note`, `other`; .* '
                                         '--drop note,other'):
        read(tmp_path, frame, label='kind')
    assert read(tmp_path, frame, label='kind', drop=('note', 'other')).parts


def test_a_label_may_be_missing(tmp_path):
    frame = FRAME[['width', 'count', 'kind']].astype(object)
    frame.loc[3, 'kind'] = ''
    words = 'line 5: the label must not be missing, got none in column `kind`'
    with pytest.raises(ValueError, match=f'{words}.*, --label names it\\.$'):
        read(tmp_path, frame)
    with pytest.raises(ValueError, match=f'{words}.* to leave them out\\.$'):
        read(tmp_path, frame, label='kind')
    for options in ({'missing': 'drop'}, {'missing': 'mean'},
                    {'classes': ('ham', 'spam')}):
        data = read(tmp_path, frame, **options)
        assert data.parts['pool'][1].size == 59
        assert '1 of 60 rows has no label and is left out' in data.notes


def test_texts_that_no_training_row_has_are_said(tmp_path):
    """They count for nothing, and the error is about something else."""
    frame, test = FRAME[['width', 'town', 'kind']], tmp_path / 'test.csv'

    def said(rows):
        rows.to_csv(test, index=False)
        return read(tmp_path, frame, test=str(test), categories=True).warnings
    assert 'text' not in ' '.join(said(frame[:20]))
    other = frame[:20].assign(town='Nowhere')
    assert ("column `town` has text in 20 of 20 test rows that no training "
            "row has ('Nowhere'): write it alike") in ' '.join(said(other))
    other = frame[:20].assign(town=frame['town'].str.upper())
    words = ' '.join(said(other))
    assert 'column `town` has texts that differ only in case' in words
    assert 'text in 20 of 20 test rows that no training row' in words


def test_what_the_test_file_is_and_columns_by_position_are_said(tmp_path):
    frame, test = FRAME[['width', 'count', 'kind']], tmp_path / 'test.txt'
    frame.to_csv(test, index=False, sep=';')
    data = read(tmp_path, frame, test=str(test))
    assert ('test.txt: semicolon between cells, first line is a header, UTF-8'
            in data.notes)
    frame.to_csv(test, index=False, header=False)
    data = read(tmp_path, frame, test=str(test))
    assert ('test.txt: comma between cells, no header, UTF-8; columns taken '
            'by their position, for one file has no names') in data.notes


def test_missing_text_is_filled_with_the_most_frequent(tmp_path):
    frame = FRAME.assign(town=['Rome'] * 30 + [''] + ['Pisa'] * 29)
    data = read(tmp_path, frame, categories=True, missing='mean')
    back = data.encoding.to_frame(data.parts['pool'][0], labels_of(data))
    assert back['town'].tolist() == ['Rome'] * 31 + ['Pisa'] * 29


@pytest.mark.parametrize('column, words', [
    (np.arange(N), 'is a row number'), (np.arange(N)[::-1], 'is a row number'),
    (1000 + 7 * np.arange(N), 'is sorted '),
    (1000 - 7 * np.arange(N), 'is sorted '),
    (np.random.default_rng(1).permutation(N) * 3, 'different in every row'),
    (np.r_[0, 0, np.arange(N - 2) * 31 % 97], 'different whole numbers in'),
    (np.r_[np.linspace(0, 1, 30), np.linspace(1, 3, 30)],
     'sorted along with the label'),
    (np.random.default_rng(1).random(N) + 2 * (np.arange(N) >= 30),
     'alone tells the classes apart')])
def test_suspicious_columns_are_named(tmp_path, column, words):
    frame = FRAME[['width', 'count']].assign(
        patient=column, kind=np.repeat(['ham', 'spam'], N // 2))
    warning, = read(tmp_path, frame).warnings
    assert words in warning and '`patient`' in warning
    assert warning.endswith('--drop patient')


@pytest.mark.parametrize('name, is_said', [
    ('id', True), ('patient_id', True), ('famID', True), ('patientId', True),
    ('Subject', True), ('SUBJID', True), ('patients', True), ('nr', True),
    ('patient no', True), ('pair_nr', True), ('acid', False), ('year', False),
    ('subject#', True), ('townid', True), ('SITEID', True), ('ID#', True),
    ('thyroid', False), ('Solid', False), ('unpaid', False), ('BID', False),
    ('impatient', False), ('pregnancies no', False), ('room nr', False)])
def test_ids_that_come_in_several_rows_are_named(tmp_path, name, is_said):
    frame = FRAME[['width', 'count', 'kind']]
    for order in 1, -1:
        frame = frame.assign(**{name: order * (np.arange(N) // 3 * 7)})[
            [name, 'width', 'count', 'kind']]
        assert read(tmp_path, frame).warnings == (
            f'column `{name}` has 20 different whole numbers in 60 rows, '
            'sorted as ids are: if it is no feature, type --drop '
            + shlex.quote(name),) * is_said
    few = frame.assign(**{name: np.arange(N) // 15})  # as a count
    assert len(read(tmp_path, few).warnings) == (is_said and name != 'nr')
    for other in (FRAME['smokes'].sort_values().to_numpy(),
                  FRAME['count'] * 1, np.arange(N) // 3 / 7):
        assert read(tmp_path, frame.assign(**{name: other})).warnings == ()
    made = frame.assign(**{name: np.arange(N) // 2, 'kind': np.repeat(
        ['a', 'b', 'c'], N // 3)})  # a leak is said first
    said, = read(tmp_path, made, several=True).warnings
    assert 'alone tells the classes apart' in said


@pytest.mark.parametrize('name, n_values, is_block, is_said', [
    ('id', 20, False, True), ('Subject', 20, False, True),
    ('subject', 10, False, False), ('patient_id', 20, False, False),
    ('patient_id', 150, False, True), ('patient', 20, True, True),
    ('patient', 150, False, False), ('count', 20, True, False)])
@pytest.mark.parametrize('prefix', ['', 's'])
def test_ids_need_not_be_sorted(tmp_path, name, n_values, is_block, is_said,
                                prefix):
    n_rows = 5 * n_values
    ids = np.arange(n_rows) * 7 % n_values
    if is_block:
        ids = np.arange(n_rows) // 5 * 7 % n_values
    frame = pd.DataFrame({'width': np.arange(n_rows) * 7 % 31 / 10,
                          name: [f'{prefix}{i + 10}' for i in ids],
                          'kind': np.arange(n_rows) // 3 % 2})
    if prefix and n_values > 100:  # too many for categories
        return
    what = 'texts' if prefix else 'whole numbers'
    assert read(tmp_path, frame, categories=True).warnings == (
        f'column `{name}` has {n_values} different {what} in {n_rows} rows, '
        f'as ids: if it is no feature, type --drop {name}',) * is_said


def test_names_of_families_are_no_ids(tmp_path):
    frame = FRAME[['width', 'kind']].assign(
        family=np.repeat(['Rosaceae', 'Fabaceae', 'Poaceae'], N // 3))
    assert read(tmp_path, frame, label='kind', categories=True).warnings == ()


@pytest.mark.parametrize('name, is_said', [
    ('rownames', True), ('row.names', True), ('index', True), ('...1', True),
    ('X', False), ('score', False)])
def test_names_of_rows_that_are_numbers_with_a_point_are_named(
        tmp_path, name, is_said):
    """As R writes them; of 1.1 and 1.10 the numbers are the same."""
    frame = FRAME[['width', 'count', 'kind']]
    frame.insert(0, name, [f'{i // 15 + 1}.{i % 15 + 1}' for i in range(N)])
    assert read(tmp_path, frame).warnings == (
        f'column `{name}` has the name that names of rows have: if it is no '
        f'feature, type --drop {name}',) * is_said
    few = frame.assign(**{name: frame['count'] / 2})
    assert read(tmp_path, few).warnings == ()


@pytest.mark.parametrize('name, least, step, is_said', [
    ('x', '2019-02-13', '1D', True), ('x', '1899-11-30', '90D', True),
    ('x', 201902, 1, True), ('x', 20190200, 1, False), ('x', 1990, 1, False),
    ('ts', 1550016000, 86400, True), ('x', 1550016000, 86400, False),
    ('updated', 1550016000123, 86400, True), ('time', 300, 60, False),
    ('epoch', 1550016000.25, 86400, True), ('date', 17000, 1, False)])
def test_dates_as_numbers_are_named(tmp_path, name, least, step, is_said):
    order = np.arange(N) * 7 % 10
    x = least + order * step if not isinstance(least, str) else pd.Index(
        pd.to_datetime(least) + order * pd.Timedelta(step)).strftime('%Y%m%d')
    frame = FRAME[['width', 'kind']].assign(**{name: x})
    warnings = read(tmp_path, frame, label='kind').warnings
    assert len(warnings) == is_said
    if is_said:
        assert warnings[0].startswith(
            f'column `{name}` has dates or times as numbers, such as '
            f'{float(frame[name].iloc[0]):.0f}: ')


@pytest.mark.parametrize('texts, is_said', [
    (['train', 'test'], True), (['Training', 'VALID', 'dev'], True),
    (['test', 'control'], False)])
def test_a_column_that_says_how_rows_were_split_is_named(tmp_path, texts,
                                                         is_said):
    frame = FRAME.assign(town=np.array(texts)[np.arange(N) // 2 % len(texts)])
    assert read(tmp_path, frame, categories=True).warnings == (
        'column `town` says how the rows were split, which is not done here '
        '(test rows of your own: --test FILE): if it is no feature, type '
        '--drop town',) * is_said


def test_a_column_that_tells_two_of_three_classes_apart_is_none(tmp_path):
    kinds = np.array(['a', 'b', 'c'])[np.arange(N) % 3]
    frame = FRAME[['width']].assign(x=np.arange(N) / 100, kind=kinds)
    frame['x'] += frame['kind'].map({'a': 0, 'b': 5, 'c': 5})
    assert read(tmp_path, frame, several=True).warnings == ()
    frame['x'] += frame['kind'].map({'a': 0, 'b': 0, 'c': -9})
    assert 'tells' in read(tmp_path, frame, several=True).warnings[0]


def test_the_index_of_a_data_frame_is_named(tmp_path):
    path = tmp_path / 'rows.csv'
    frame = FRAME.drop(columns='town')
    frame.sample(frac=1, random_state=0).to_csv(path)
    warning, = read_classes(str(path), ReadOptions()).warnings
    assert 'column 1' in warning and "--drop 'column 1'" in warning


def test_plain_features_are_no_suspects(tmp_path):
    assert read(tmp_path, FRAME, categories=True).warnings == ()


@pytest.mark.parametrize('frame, words', [
    (FRAME[['smokes', 'kind', 'width']].assign(kind=0, last=FRAME['smokes'])
     .rename(columns={'smokes': 'diagnosis'}), '--label'),
    (FRAME[['smokes']].assign(b=(FRAME['count'] > 6) * 1,
                              c=(FRAME['width'] > 0) * 1),
     '--label smokes')])
def test_another_label_is_suggested(tmp_path, frame, words):
    warnings = read(tmp_path, frame).warnings
    assert any(words in warning for warning in warnings)
    assert not any('--label' in warning for warning in read(
        tmp_path, frame, label=list(frame)[-1]).warnings)


IDS = {'row number': np.arange(N) + 1, 'number': np.arange(N) * 7 % 997,
       '': np.arange(N) // 2, 'model': [f'car {i}' for i in range(N)]}


@pytest.mark.parametrize('name', IDS)
@pytest.mark.parametrize('is_binary', [False, True])
def test_ids_do_not_hide_that_the_label_may_come_first(tmp_path, name,
                                                       is_binary):
    """As in tables that R wrote, with the names of its rows."""
    frame = FRAME[['smokes', 'count', 'kind']].assign(last=np.arange(N) % 2)
    frame = frame.drop(columns='kind' if not is_binary else 'count')
    frame.insert(0, name, IDS[name])
    place = f'the first after `{name or "column 1"}`'
    words = ('all columns have two values, so that any may be the label; the '
             f'last, `last`, is taken: if it is {place}, `smokes`, type '
             '--label smokes' if is_binary else
             f'the last column, `last`, is taken as the label: {place}, '
             '`smokes`, has two values, too; if it is the label, type --label '
             'smokes')
    if name == 'model':
        words = words[0].upper() + words[1:]
        with pytest.raises(ValueError) as refused:
            read(tmp_path, frame, categories=True)
        assert words in str(refused.value)
        return
    assert words in read(tmp_path, frame, categories=True).warnings
    plain = frame.rename(columns={'last': 'class'})
    assert not any('--label' in said for said in read(
        tmp_path, plain, categories=True).warnings)


@pytest.mark.parametrize('first, last, is_said', [
    ((0, 1), ('big', 'small'), True), ((0, 1), (True, False), True),
    (('no', 'yes'), (0, 1), True), (('F', 'M'), (0, 1), False),
    ((1, 2), ('big', 'small'), False)])
@pytest.mark.parametrize('has_text', [True, False])
def test_a_first_column_of_another_kind_may_be_the_label(
        tmp_path, first, last, is_said, has_text):
    """Of yes and no; not where the last column alone has text."""
    frame = pd.DataFrame({
        'event': np.array(first)[FRAME['smokes']], 'width': FRAME['width'],
        'note': FRAME['town'] if has_text else FRAME['count'],
        'last': np.array(last)[np.arange(N) % 2]})
    warnings = read(tmp_path, frame, categories=True).warnings
    assert warnings == (
        'the last column, `last`, is taken as the label: the first, `event`, '
        'has two values, too; if it is the label, type --label event',) * (
            is_said and (has_text or last == (0, 1)))


def test_a_first_column_of_two_values_comes_before_a_named_one(tmp_path):
    frame = FRAME[['smokes', 'width', 'town']].assign(last=np.arange(N) % 2)
    frame = frame.rename(columns={'town': 'class'})
    said, = read(tmp_path, frame, categories=True).warnings
    assert said == (
        'the last column, `last`, is taken as the label: the first, `smokes`, '
        'has two values, too; if it is the label, type --label smokes; if it '
        'is `class`, type --label class')
    frame['class'] = np.array(['ham', 'spam'])[FRAME['count'] // 7]
    said, = read(tmp_path, frame, categories=True).warnings
    assert said == ('the last column, `last`, is taken as the label: if it is '
                    '`class`, type --label class')


@pytest.mark.parametrize('name, n_before, column, is_said', [
    ('target', 0, 'town', True), ('class', 1, 'town', True),
    ('isTarget', 0, 'kind', True), ('isTarget', 1, 'kind', False),
    ('place', 0, 'kind', False)])
def test_text_that_may_be_the_label_is_not_only_left_out(
        tmp_path, name, n_before, column, is_said):
    """To drop it, as advised, would lead to an attack on another label."""
    frame = FRAME[['width', 'count']].assign(smoker=FRAME['smokes'])
    frame.insert(n_before, name, FRAME[column])
    advice = (f'cells. The last column, `smoker`, is taken as the label: if '
              f'it is `{name}`, type --label {name}. Type --categories')
    with pytest.raises(ValueError, match='must hold numbers') as refused:
        read(tmp_path, frame)
    assert (advice in str(refused.value)) == is_said
    with pytest.raises(ValueError, match='text in 60 of 60 cells. Type --ca'):
        read(tmp_path, frame, label='smoker')
    warnings = read(tmp_path, frame, drop=(name,)).warnings
    assert [*warnings] == [
        'the last column, `smoker`, is taken as the label: if it is '
        f'`{name}`, type --label {name} and leave it out of --drop'
    ] * (name in ('target', 'class'))
    assert not read(tmp_path, frame, drop=(name,), label='smoker').warnings


def test_words_for_missing_that_are_categories_count_as_values(tmp_path):
    first = np.array(['a', 'b', 'None', 'NA'])[np.arange(N) // 2 % 4]
    frame = pd.DataFrame({'first': first, 'width': FRAME['width'],
                          'last': FRAME['kind']})
    assert not read(tmp_path, frame, categories=True).warnings
    warning, = read(tmp_path, frame, categories=True, missing='drop').warnings
    assert 'the first, `first`, has two values, too' in warning


@pytest.mark.parametrize('two', [
    (-1, 1), (1, 2), ('0.0', '1.0'), (False, True), ('n', 'y'), ('M', 'F')])
@pytest.mark.parametrize('gap', [None, '?', ''])
def test_any_of_columns_of_two_values_may_be_the_label(tmp_path, two, gap):
    drawn = np.random.default_rng(4).integers(0, 2, (N, 4))
    frame = pd.DataFrame(np.array(two)[drawn], columns=list('abcd'))
    frame = frame.astype(object)
    if gap is not None:
        frame.loc[3, 'b'] = gap
    options = dict(categories=True, missing='drop')
    warning, = read(tmp_path, frame, **options).warnings
    assert warning == (
        'all columns have two values, so that any may be the label; the '
        'last, `d`, is taken: if it is the first, `a`, type --label a')
    id_first = frame.assign(id=FRAME['width'])[['id', *frame]]
    assert not read(tmp_path, id_first, **options).warnings
    warning, = read(tmp_path, id_first, drop=('id',), **options).warnings
    assert warning.endswith('the first, `a`, type --label a')
    changed = frame.assign(c=FRAME['count'])
    if two != ('0.0', '1.0'):
        warning, = read(tmp_path, changed, **options).warnings
        assert warning == (
            'the last column, `d`, is taken as the label: the first, `a`, '
            'has two values, too; if it is the label, type --label a')
    for changed, more in ((frame, {'label': 'd'}), (frame.rename(
            columns={'d': 'class'}), {}), (changed, {'label': 'd'}),
            (changed.rename(columns={'d': 'class'}), {}),
            (changed.assign(a=['x', 'z'] * (N // 2), d=FRAME['smokes']), {}),
            (frame.assign(d=FRAME['count']), {'positive': '6'})):
        if two != ('0.0', '1.0'):
            assert not read(tmp_path, changed, **options, **more).warnings


@pytest.mark.parametrize('name, is_said', [
    ('outcome_group', True), ('Class (0/1)', True), ('groupTarget', True),
    ('y_side', False), ('outcomes_of', False)])
def test_a_first_column_like_a_label_is_said(tmp_path, name, is_said):
    frame = pd.DataFrame({name: FRAME['smokes'] + 1, 'width': FRAME['width'],
                          'smoker': np.arange(N) % 2})
    said, = read(tmp_path, frame).warnings
    assert said == 'the last column, `smoker`, is taken as the label: ' + (
        f"if it is `{name}`, type --label {shlex.quote(name)}" if is_said else
        f'the first, `{name}`, has two values, too; if it is the label, type '
        f'--label {name}')
    for other in (frame.rename(columns={'smoker': 'target_1'}),
                  frame.assign(**{name: FRAME['count']}),
                  frame[['width', name, 'smoker']]):
        assert not read(tmp_path, other).warnings


def test_a_label_that_is_part_of_the_last_columns_name_is_said(tmp_path):
    frame = FRAME[['width', 'smokes']].assign(last=np.arange(N) % 2)
    for name, last, is_said in (
            ('isFraud', 'isFlaggedFraud', True), ('isIll', 'illType', False),
            ('smokes', 'smokes next year', True), ('a', 'a_class', False)):
        frame.columns = ['width', name, last]
        assert read(tmp_path, frame).warnings == (
            f'the last column, `{last}`, is taken as the label: if it is '
            f"`{name}`, type --label {shlex.quote(name)}",) * is_said
        other = frame[['width', name, last]].assign(**{name: FRAME['count']})
        assert not read(tmp_path, other).warnings


def test_the_output_that_keel_names_is_not_doubted(tmp_path):
    """Beside a first and a last column that may be the label, too."""
    path = tmp_path / 'rows.dat'
    path.write_text(
        '@relation x\n@attribute class {0,1}\n@attribute f {0,1}\n@attribute '
        'y {0,1}\n@outputs f\n@data\n' + '0,1,1\n1,0,1\n0,0,0\n1,1,0\n' * 9)
    data = read_classes(str(path), ReadOptions())
    assert not any('--label' in said for said in data.warnings)
    assert any(note.startswith('label: `f`, column 2') for note in data.notes)
    path.write_text(path.read_text().replace('@outputs f\n', ''))
    warned = read_classes(str(path), ReadOptions()).warnings
    assert any('--label' in said for said in warned)


def test_a_file_of_test_rows(tmp_path):
    train, test = FRAME[:40], FRAME[40:]
    test[list(test)[::-1]].assign(more=1).to_csv(tmp_path / 'test.csv',
                                                 index=False)
    data = read(tmp_path, train, categories=True,
                test=str(tmp_path / 'test.csv'), label='kind')
    back = data.encoding.to_frame(data.parts['test'][0],
                                  labels_of(data, 'test'))
    pd.testing.assert_frame_equal(back, test.reset_index(drop=True),
                                  check_dtype=False)
    assert 'not in rows.csv and left out: `more`' in data.notes
    test.assign(kind='eggs').to_csv(tmp_path / 'test.csv', index=False)
    with pytest.raises(ValueError, match=r'test.csv, line 2 and after: the '
                       r'labels must be .* got eggs \(20 rows\): write them'):
        read(tmp_path, train, categories=True, label='kind',
             test=str(tmp_path / 'test.csv'))
    test.drop(columns='count').to_csv(tmp_path / 'test.csv', index=False)
    with pytest.raises(ValueError, match='none with the name `count`'):
        read(tmp_path, train, test=str(tmp_path / 'test.csv'))


@pytest.mark.parametrize('value', [.5, 1e20])
@pytest.mark.parametrize('part', ['test', 'val'])
@pytest.mark.parametrize('column, kind', [('count', 'whole'),
                                          ('smokes', 'binary')])
def test_only_rows_to_train_on_decide_what_a_column_holds(
        tmp_path, value, part, column, kind):
    """The others keep their values, also back in the file's columns."""
    names = ['width', 'count', 'smokes']
    rows, y = FRAME[names].to_numpy(), np.arange(N) % 2
    other = rows.copy()
    other[3, names.index(column)] = value
    np.savez(tmp_path / 'a.npz', X=rows, y=y,
             **{f'X_{part}': other, f'y_{part}': y})
    data = read_classes(str(tmp_path / 'a.npz'), ReadOptions())
    assert [found.kind for found in data.encoding.columns] == [
        'number', 'whole', 'binary']
    assert data.encoding.columns[names.index(column)].kind == kind
    assert data.encoding.integers == (1, 2)
    x = data.parts[part][0]
    assert (x == other).all()
    back = data.encoding.to_frame(x, labels_of(data, part))
    assert (back.to_numpy()[:, :3] == other).all()


def test_validation_rows_of_an_npz_are_used(tmp_path):
    rows = np.random.default_rng(0).normal(size=(90, 3))
    y = np.arange(90) % 2
    np.savez(tmp_path / 'a.npz', X=rows[:50], y=y[:50], X_val=rows[50:70],
             y_val=y[50:70], X_test=rows[70:], y_test=y[70:])
    source = load_data(str(tmp_path / 'a.npz'))
    assert split_sizes(source) == (50, 20)
    drawn = draw_rows(source)
    assert drawn['val'][0] == 'val' and len(drawn['val'][1]) == 20
    assert drawn['test'][0] == 'test'
    assert drawn['test'][1].tolist() == list(range(20))
    assert len(set(drawn['train'][1])) == 50


@pytest.mark.parametrize('n_rows', range(12, 60, 7))
@pytest.mark.parametrize('n_rare', [3, 4, 5, 8])
@pytest.mark.parametrize('parts', ['', 'test', 'val test'])
def test_default_sizes_fit_small_and_uneven_data(tmp_path, n_rows, n_rare,
                                                 parts):
    y = np.zeros(n_rows, dtype=int)
    y[:n_rare] = 1
    arrays = {'X': np.random.default_rng(0).normal(size=(n_rows, 2)), 'y': y}
    for part in parts.split():
        arrays[f'X_{part}'], arrays[f'y_{part}'] = arrays['X'], y
    np.savez(tmp_path / 'a.npz', **arrays)
    source = load_data(str(tmp_path / 'a.npz'))
    for seed in range(3):
        rows = draw_rows(source, seed=seed)
        for part, chosen in rows.values():
            assert set(source.parts[part][1][chosen]) == {0, 1}
        pool = np.concatenate([chosen for part, chosen in rows.values()
                               if part == 'pool'])
        assert len(set(pool)) == len(pool)


@pytest.mark.parametrize('counts', [(90, 10), (200, 10, 4), (120, 14, 10, 9)])
@pytest.mark.parametrize('has_test', [False, True])
def test_a_rare_class_has_five_training_and_five_validation_rows(
        tmp_path, counts, has_test):
    """If it has ten, and one for the test rows that are drawn: beside rows to
    test on 7 of 10 were training rows."""
    drawn = np.repeat(np.arange(len(counts)), counts)
    y = np.append(drawn, np.arange(len(counts)))
    arrays = {'X': np.random.default_rng(0).normal(size=(y.size, 2)), 'y': y}
    if has_test:
        arrays |= {'X': arrays['X'][:drawn.size], 'y': drawn,
                   'X_test': arrays['X'], 'y_test': y}
    np.savez(tmp_path / 'a.npz', **arrays)
    source = load_data(str(tmp_path / 'a.npz'), tuple(range(len(counts))))
    for seed in range(3):
        rows = draw_rows(source, seed=seed)
        for part in 'train', 'val':
            found = np.bincount(arrays['y'][rows[part][1]])
            for label, count in enumerate(counts):
                if count >= 10:
                    assert found[label] >= 5, (part, label)


def test_a_rare_class_is_named(tmp_path):
    frame = FRAME[['width', 'count']].assign(kind=['rare'] * 2 + ['x'] * 58)
    frame.to_csv(tmp_path / 'a.csv', index=False)
    source = load_data(str(tmp_path / 'a.csv'))
    with pytest.raises(ValueError, match="Class 'rare' must have at least 3 "
                                         'rows, one in each part, got 2'):
        draw_rows(source)


@pytest.mark.parametrize('n_left, options, words', [
    (1, {}, "got none of 'spam' among the 1 rows of 'pool'."),
    (5, {}, "Class 'spam' must have at least 3 rows"),
    (6, dict(n_train=50), 'Sizes that work: --train 2 --val 2.')])
def test_rows_that_missing_drop_leaves_out_are_named_where_few_are_left(
        tmp_path, n_left, options, words):
    frame = FRAME[['width', 'kind']].assign(
        gap=['7'] * n_left + [''] * (N - n_left))
    frame.to_csv(tmp_path / 'a.csv', index=False)
    with pytest.raises(ValueError) as refused:
        draw_rows(load_data(str(tmp_path / 'a.csv'), label='kind',
                            missing='drop'), **options)
    assert str(refused.value).endswith(
        f' --missing drop left out {N - n_left} of {N} rows; --missing mean '
        'keeps them.')
    assert words in str(refused.value)


@pytest.mark.parametrize('changes, sizes, end', [
    ({}, (5000, 10), r'--val \d+'),  # more than with those left out
    ({}, (40, 1), r'--val \d+'),
    ({'width': 7, 'gap': ['', *[7] * (N - 1)]}, (), 'the classes apart'),
    ({'kind': ['ham'] * (N - 1) + ['spam']}, (), 'choose other classes')])
def test_rows_left_out_are_not_named_where_they_are_no_help(
        tmp_path, changes, sizes, end):
    frame = FRAME[['width', 'kind']].assign(gap=['', *range(1, N)])
    path = str(tmp_path / 'a.csv')
    frame.assign(**changes).to_csv(path, index=False)
    with pytest.raises(ValueError, match=rf'{end}\.$'):
        draw_rows(load_data(path, label='kind', missing='drop'), *sizes)


def test_rows_left_out_are_those_of_the_part_concerned(tmp_path):
    path, test = str(tmp_path / 'a.csv'), str(tmp_path / 'test.csv')
    frame = FRAME[['width', 'kind']].assign(gap=range(N))
    frame.to_csv(path, index=False)
    frame.assign(gap=['', *range(1, N)]).to_csv(test, index=False)
    source = load_data(path, label='kind', missing='drop', test=test)
    assert source.file.left_out['test'].sum() == 1
    with pytest.raises(ValueError, match=r'--val \d+\.$'):
        draw_rows(source, N, 2)  # one row too many
    frame.assign(gap=['' if kind == 'ham' else 7 for kind in frame['kind']]
                 ).to_csv(test, index=False)
    n = (frame['kind'] == 'ham').sum()
    with pytest.raises(ValueError, match=f"'test'. --missing drop left out "
                       f'{n} of {N} rows; '):
        load_data(path, label='kind', missing='drop', test=test)


def test_long_cells_are_not_printed_whole(tmp_path):
    text = 'A review of many words. ' * 70
    short = f'{text[:22]}...{text[-14:]}'
    frame = FRAME[['width', 'kind']].assign(
        review=[f'{text}{i}' for i in range(N)])
    for options, words in (
            ({'label': 'kind'}, f'got {short + "0"!r}, and text in 60'),
            ({}, f'{short}0, {short}1, ')):
        with pytest.raises(ValueError) as refused:
            read(tmp_path, frame, **options)
        assert words in str(refused.value)
        assert len(str(refused.value)) < 900


START, END = 'a customer with a long contract', 'and more of such words'


@pytest.mark.parametrize('name', ['{}{}{}', '{0}{2}{1}'])
def test_long_texts_that_look_alike_are_told_apart(tmp_path, name):
    """Also those that differ between the ends alone, and in two lists."""
    def texts(*marks):
        return [name.format(START, END, marks[i % len(marks)])
                for i in range(N)]

    def shown(mark):
        text = name.format(START, END, mark)
        return text if name != '{}{}{}' else f'{text[:22]}...{text[-15:]}'
    frame = FRAME[['width']].assign(kind=texts('1', '2', '3'))
    with pytest.raises(ValueError, match=', '.join(
            rf'{shown(mark)} \(20 rows\)' for mark in '123')):
        read(tmp_path, frame)
    with pytest.raises(ValueError, match=repr(name.format(
            START, END, 'A')) + ' and ' + repr(name.format(START, END, 'a'))):
        read(tmp_path, frame.assign(kind=texts('a', 'A')))
    test = str(tmp_path / 'test.csv')
    frame.assign(kind=texts('3')).to_csv(test, index=False)
    with pytest.raises(ValueError, match=(
            rf'{shown("4")} \(60 rows\), got {shown("3")} \(60 rows\)')):
        read(tmp_path, frame.assign(kind=texts('4')), test=test)
    frame = FRAME[['width', 'kind']]
    frame.assign(text=texts('A', 'c'))[['width', 'text', 'kind']].to_csv(
        test, index=False)
    case, new = read(
        tmp_path, frame.assign(text=texts('a', 'b'))[[
            'width', 'text', 'kind']], test=test, categories=True).warnings[:2]
    assert f'in case, {shown("a")!r}, {shown("A")!r}: if' in case
    assert f'({shown("A")!r}, {shown("c")!r})' in new


def other(tmp_path, **columns):
    """Warnings of a file with these columns beside two that are harmless."""
    frame = FRAME[['width', 'kind']].assign(**columns)
    return ' '.join(read(tmp_path, frame[[*columns, 'width', 'kind']],
                         categories=True).warnings)


def test_columns_made_of_the_label(tmp_path):
    is_spam = FRAME['kind'] == 'spam'
    for leak in is_spam.astype(int), is_spam, np.where(is_spam, 'x', 'z'):
        assert 'column `leak` alone tells the classes apart' in other(
            tmp_path, leak=leak)
    assert not other(tmp_path, town=FRAME['town'], smokes=FRAME['smokes'])


def test_points_that_may_separate_thousands(tmp_path):
    money = np.where(np.arange(N) % 3, '1.234', '999')
    assert 'column `money` has numbers such as 1.234' in other(
        tmp_path, money=money)
    for values in np.where(np.arange(N) % 3, '0.234', '999'), 2.5:
        assert 'thousands' not in other(tmp_path, money=values)


def test_rows_that_come_again(tmp_path):
    frame = FRAME[['width', 'count', 'kind']]
    assert not read(tmp_path, frame).warnings
    path = tmp_path / 'twice.csv'
    pd.concat([frame[:20]] * 3).to_csv(path, index=False)
    assert '40 of 60 rows are copies of others' in copies(path)
    assert '60 of 60 test rows are also among the training rows' in copies(
        tmp_path / 'rows.csv', test=str(tmp_path / 'rows.csv'))


def copies(path, n_train=None, **options):
    """What is said of copies with so many training rows."""
    return ' '.join(load_data(str(path), **options).warnings(None, n_train))


@pytest.mark.parametrize('n_copies, is_said', [(30, False), (40, True)])
def test_many_copies_in_one_column_are_said(n_copies, is_said):
    """Beyond 40 % also where chance may make them."""
    x = np.arange(80.)[:, None] % (80 - n_copies) / 8
    said = [*repeated({'pool': (x, np.zeros(80))},
                      {Column('a', 'number'): 80 - n_copies}, 3 / 7)]
    assert len(said) == is_said
    assert not said or said[0].startswith('40 of 80 rows are copies of ot')


def test_one_row_that_comes_again(tmp_path):
    frame, test = FRAME[['width', 'count', 'kind']][:12], tmp_path / 'test.csv'
    frame.iloc[[*range(12), 0]].to_csv(tmp_path / 'rows.csv', index=False)
    twice = copies(tmp_path / 'rows.csv')
    assert twice.startswith('1 of 13 rows is a copy of another: ')
    frame[8:].assign(width=[*frame['width'][8:9], 7, 8, 9]).to_csv(
        test, index=False)
    frame.to_csv(tmp_path / 'rows.csv', index=False)
    shared = copies(tmp_path / 'rows.csv', test=str(test))
    assert shared.startswith('1 of 4 test rows is also among the training ')


@pytest.mark.parametrize('n, n_copies, n_train, is_said', [
    (600, 400, None, True), (900, 100, None, True), (990, 10, None, False),
    (200, 0, None, False), (1000, 1000, None, True), (1000, 1000, 1500, True),
    (900, 100, 100, False), (3800, 200, None, False),
    (3800, 200, 3000, True)])
def test_copies_in_one_file_are_said(tmp_path, n, n_copies, n_train, is_said):
    """Where more than 5 % of the test rows are also among the training rows
    that are drawn, as many as are asked for."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 3))).assign(
        kind=np.arange(n) % 2)
    frame = pd.concat([frame, frame[:n_copies]]).sample(
        frac=1, random_state=0)
    frame.to_csv(tmp_path / 'rows.csv', index=False)
    source = load_data(str(tmp_path / 'rows.csv'))
    warnings = source.warnings(None, n_train)
    x, drawn = source.parts['pool'][0], draw_rows(source, n_train)
    known = {tuple(row) for row in x[drawn['train'][1]]}
    share = np.mean([tuple(row) in known for row in x[drawn['test'][1]]])
    assert (share > .05) == is_said
    if is_said:
        warning, = warnings
        start, percent = warning.split(' % ')[0].rsplit(' ', 1)
        assert start.startswith(f'{n_copies} of {n + n_copies} rows are co')
        assert float(percent) == pytest.approx(100 * share, abs=4)
    else:
        assert not warnings


@pytest.mark.parametrize('columns', [
    {'a': (0, 3), 'b': (0, 4), 'c': (0, 2)}, {'a': (0, 3), 'b': (0, 400)},
    {'a': (0, 1500)}, {'a': (0, 30), 'b': (0, 30)}])
@pytest.mark.parametrize('unit', [1, .1])
def test_copies_by_chance_are_not_said(tmp_path, columns, unit):
    """But for more than 40 % of rows that are not whole numbers."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(*ends, 1000) * unit
                          for name, ends in columns.items()})
    frame = frame.assign(kind=rng.integers(0, 2, 1000))
    frame.round(1).to_csv(tmp_path / 'rows.csv', index=False)
    assert ('copies' in copies(tmp_path / 'rows.csv')) == (
        frame.duplicated().mean() > .4 and unit < 1)


def parts(tmp_path, n_shared, names):
    """An npz whose parts `names` share rows; its warnings."""
    x = np.random.default_rng(0).normal(size=(150, 3))
    y = np.arange(50) % 2
    arrays = dict(zip(('train', 'val', 'test'), np.split(x, 3)))
    of, into = names
    arrays[into][:n_shared] = arrays[of][:n_shared]
    np.savez(tmp_path / 'parts.npz', **{
        f'{name}_{part}': values for part, rows in arrays.items()
        for name, values in (('X', rows), ('y', y))})
    return ' '.join(load_data(
        str(tmp_path / 'parts.npz')).warnings(None))


@pytest.mark.parametrize('names, words', [
    (('train', 'val'), '4 of 50 validation rows are also among the training'),
    (('train', 'test'), '4 of 50 test rows are also among the training rows'),
    (('val', 'test'), '4 of 50 test rows are also among the validation rows')])
def test_rows_in_two_parts_are_said(tmp_path, names, words):
    assert words in parts(tmp_path, 4, names)
    assert 'also among' not in parts(tmp_path, 2, names)


def test_a_column_of_one_value_is_constant(tmp_path):
    found = read(tmp_path, FRAME[['width', 'smokes', 'kind']].assign(
        none=0)[['none', 'width', 'smokes', 'kind']])
    assert 'constant: `none`' in found.notes
    assert '0 or 1: `smokes`' in found.notes


def test_a_table_of_zeros_may_need_no_scaler(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((60, 120)) * (rng.random((60, 120)) < .05)
    np.savez(tmp_path / 'counts.npz', X=x, y=np.arange(60) % 2)
    source = load_data(str(tmp_path / 'counts.npz'))
    assert source.file.warnings == ()
    said, = source.warnings('mean-std')
    assert '94 % of the cells are 0' in said and '--scale none' in said
    for scaler in None, 'min-max', 'unit-norm':
        assert source.warnings(scaler) == ()
    np.savez(tmp_path / 'few.npz', X=x[:, :20], y=np.arange(60) % 2)
    assert load_data(str(tmp_path / 'few.npz')).warnings('mean-std') == ()
    for n_zeros, is_said in ((108, False), (109, True)):
        few = {'pool': (np.ones((9, 120)) * (np.arange(120) >= n_zeros), 0)}
        assert len([*mostly_zero(few)]) == is_said
    x[:, 1:] = 0
    np.savez(tmp_path / 'counts.npz', X=np.hstack([x, x * 0, x * 0]),
             y=np.arange(60) % 2)
    source = load_data(str(tmp_path / 'counts.npz'))
    said = source.warnings('mean-std')[-1]
    assert 0 < np.count_nonzero(source.parts['pool'][0]) < 36
    assert said.startswith('99 % of the cells are 0')


@pytest.mark.parametrize('change, options, words', [
    ({'count': '', 'width': ''}, dict(missing='drop'),
     'Mostly empty: `width`, `count`'),
    ({'width': FRAME['width'].where(np.arange(N) % 2 == 0),
      'count': FRAME['count'].where(np.arange(N) % 2 == 1)},
     dict(missing='drop'), r'60 rows\. Type --missing mean to fill'),
    ({'kind': ['eggs', *FRAME['kind'][1:]]}, {},
     r'eggs \(1 row\).*rows.csv, line 2 alone has eggs\.$'),
    ({}, dict(header='no', label='4'),
     'line 1 alone has kind: if that line has names, type --header yes'),
    ({'width': 4e15 + FRAME['count']}, {},
     'column `width` must vary by more than rounding, got a deviation of 1.*'
     'around 4e[+]15. Subtract the mean, or type --drop width'),
    ({'width': FRAME['width'].where(FRAME['width'] < 1, np.inf)}, {},
     'got inf .*Correct them, write nan there and type --missing drop, or '),
    ({'width': FRAME['width'] * 1e40}, {},
     'Correct them, rescale the column, or type --drop width'),
    ({'width': FRAME['width'] * 1e-200}, {},
     'column `width` must hold numbers whose largest is 0 or at least 1e-150'),
    ({'width': np.where(np.arange(N) % 2, '1,234', '5')}, {},
     r'without units and separators of thousands.*--decimal ,\)')])
def test_what_a_refusal_says(tmp_path, change, options, words):
    frame = FRAME[['width', 'count', 'smokes', 'kind']].assign(**change)
    with pytest.raises(ValueError, match=words):
        read(tmp_path, frame, **options)


def test_codes_of_digits_and_letters_are_categories(tmp_path):
    code = np.array(['1', '2', 'A'])[np.arange(N) % 3]
    frame = FRAME[['width', 'kind']].assign(code=code)
    with pytest.raises(ValueError, match=(
            'If they are codes, type --categories to make a 0/1 column of each'
            '; if not, correct these cells of `code`')):
        read(tmp_path, frame, label='kind')
    data = read(tmp_path, frame, label='kind', categories=True)
    assert data.encoding.columns[1].values == ('1', '2', 'A')


@pytest.mark.parametrize('word', ['NA', 'None', 'null', 'N/A', '#N/A', '-'])
@pytest.mark.parametrize('kind', [('ham', 'spam'), (0, 1)])
def test_a_word_for_missing_is_no_class_unasked(tmp_path, word, kind):
    """Beside two labels: alone with another it is one, as in - and +."""
    frame = FRAME[['width', 'count']].assign(
        kind=np.array(kind, dtype=object)[np.arange(N) % 2])
    frame.loc[[3, 8, 11], 'kind'] = word
    positive = str(kind[1])
    for options in ({}, {'positive': positive}, {'several': True}):
        with pytest.raises(ValueError, match=(
                r'line 5: the label must be a class, .* in column `kind` '
                r'\(such rows: 3\)\. '
                + ('Write another word if it is a class' if 'positive'
                   in options else 'Name all classes with --classes')
                + ', or type --missing drop .* If another column is')):
            read(tmp_path, frame, **options)
        data = read(tmp_path, frame, missing='drop', **options)
        assert data.parts['pool'][1].size == N - 3 and len(data.classes) == 2
        assert '3 of 60 rows have no label and are left out' in data.notes
    named = read(tmp_path, frame, classes=(*map(str, kind), word))
    assert np.bincount(named.parts['pool'][1])[2] == 3
    frame['kind'] = np.array(['other', word])[np.arange(N) % 2]
    assert read(tmp_path, frame).parts['pool'][1].size == N


def test_a_word_for_missing_may_be_a_value_of_text(tmp_path):
    """As NA, Namibia: with --categories, unless missing cells are left out."""
    frame = FRAME[['width', 'kind']].assign(
        land=np.array(['NA', 'EU', 'US'])[np.arange(N) % 3],
        test=np.array(['+', '-'])[np.arange(N) // 2 % 2])
    with pytest.raises(ValueError, match=(
            'a value of its own, as in `land`, `test`, type --categories')):
        read(tmp_path, frame, label='kind')
    data = read(tmp_path, frame, label='kind', categories=True)
    assert [column.values for column in data.encoding.columns][1:] == [
        ('EU', 'NA', 'US'), ('+', '-')]
    dropped = read(tmp_path, frame, label='kind', categories=True,
                   missing='drop')
    assert len(dropped.parts['pool'][1]) == N / 3
    frame.loc[4, 'width'] = np.nan  # an empty cell is missing all the same
    with pytest.raises(ValueError, match='got .* in column `width`, and 1 su'):
        read(tmp_path, frame, label='kind', categories=True)


def test_the_zeros_before_a_label_stay(tmp_path):
    frame = FRAME[['width', 'count']].assign(
        kind=np.array(['01', '02'])[np.arange(N) % 2])
    data = read(tmp_path, frame)
    assert data.classes == ('01', '02')


@pytest.mark.parametrize('ids', [
    10 ** 16 + 2 ** 44 * np.arange(N) ** 2,
    5_000_000_000_000_000_000 + np.arange(N) ** 3 * 7919])
def test_ids_beyond_whole_numbers_of_floats_are_said(tmp_path, ids):
    warning, = read(tmp_path, FRAME[['width', 'kind']].assign(
        tweet=np.random.default_rng(2).permutation(ids)),
        label='kind').warnings
    assert 'column `tweet` has whole numbers beyond 2**53' in warning


def test_copies_among_whole_numbers_are_said(tmp_path):
    """Of many values: few make rows that are alike by chance."""
    rng = np.random.default_rng(3)
    many, few = (pd.DataFrame(rng.integers(0, high, (400, 3))).assign(
        kind=np.arange(400) % 2) for high in (10 ** 4, 4))
    for frame, is_said in ((many, True), (few, False)):
        pd.concat([frame, frame, frame]).to_csv(
            tmp_path / 'rows.csv', index=False)
        said = copies(tmp_path / 'rows.csv')
        assert ('rows are copies of others' in said) == is_said


@pytest.mark.parametrize('first', [{'train': 1, 'test': 0},
                                   {'train': 0, 'test': 1},
                                   {'train': 0, 'test': 0},
                                   {'train': 1, 'test': 1}])
@pytest.mark.parametrize('n_test', [1, 2, 3])
def test_libsvm_files_that_count_differently_are_said(tmp_path, first,
                                                      n_test):
    for name, n in (('train', 2), ('test', n_test)):
        (tmp_path / name).write_text('\n'.join(
            f'{k % 2} ' + ' '.join(
                f'{first[name] + j}:{(k + 1) % (5 + j)}.5' for j in range(n))
            for k in range(40)))
    warnings = read_classes(str(tmp_path / 'train'), ReadOptions(
        test=str(tmp_path / 'test'))).warnings
    said = [text for text in warnings if 'moved by one' in text]
    lacks, has = sorted(first, key=first.get, reverse=True)
    assert len(said) == (first[lacks] != first[has])
    for text in said:
        assert text.startswith(f'{tmp_path / has} has a feature 0, '
                               f'{tmp_path / lacks} has none: ')


def test_the_file_that_lacks_a_class_is_named(tmp_path):
    FRAME[['width', 'kind']].to_csv(tmp_path / 'train', index=False)
    FRAME[['width', 'kind']][::2].to_csv(tmp_path / 'one', index=False)
    with pytest.raises(ValueError, match='one must have rows of both classes'):
        read_classes(str(tmp_path / 'train'), ReadOptions(
            test=str(tmp_path / 'one')))


def test_a_name_with_a_comma_can_be_dropped(tmp_path):
    frame = FRAME[['width', 'count', 'kind']].rename(
        columns={'count': 'row, no'})
    data = read(tmp_path, frame, drop=tuple('row, no'.split(',')))
    assert data.parts['pool'][0].shape == (N, 1)


def test_columns_of_any_name_are_left_out_as_advised(tmp_path):
    """What a shell makes of the advice is the names."""
    names = ['model(2020)', 'R&D', 'price$HOME', "driver's no", '*', 'a, b,c',
             '-x', '"q" `ls`', 'a', '#5', 'c;d', '1,2', 'plain',
             'Income\n(k$)', 'two,  spaces']
    frame = FRAME[['width', 'kind']].assign(**{
        name: [f'uid {i}' for i in range(N)] for name in names})
    with pytest.raises(ValueError, match='leave them out') as refused:
        read(tmp_path, frame, label='kind')
    advice = one_line(refused.value).rpartition('leave them out with ')[2]
    argv = shlex.split(advice.rstrip('.'))
    assert len(argv) == 2
    drop = make_parser().parse_args(['sec-eval', *join_values(argv)]).drop
    data = read(tmp_path, frame, label='kind', drop=drop)
    assert [column.name for column in data.encoding.columns] == ['width']


@pytest.mark.parametrize('name', ["driver's class", '2', '\n\n-1  x'])
def test_a_label_of_any_name_is_chosen_as_advised(tmp_path, name):
    """A number is a name first, as 0, 1, 2 of a frame without names."""
    frame = FRAME[['smokes', 'kind', 'width']].assign(last=FRAME['smokes'])
    frame.columns = [name, 'kind', '1', 'last']
    options = {'drop': ('kind',), 'header': 'yes'}
    warning = read(tmp_path, frame, **options).warnings[0]
    typed = shlex.split(one_line(warning).partition(', type ')[2])
    option, = join_values(typed)
    label = make_parser().parse_args(['sec-eval', option]).label
    notes = read(tmp_path, frame, **options, label=label).notes
    assert f'label: `{one_line(name)}`, column 1; ' in notes[1]


@pytest.mark.parametrize('options', [
    {'label': 'drug'}, {'drop': ('wide  as',)}, {'label': '10.5'}])
def test_a_name_in_a_first_line_that_is_taken_as_a_row(tmp_path, options):
    path = tmp_path / 'rows.csv'
    path.write_text('10.5,11.5,wide as,drug\n1,2,3,x\n4,5,6,y\n')
    option, = options
    with raises(ValueError, f'`{option}` must be a column of {path}, got',
                'in the first line, taken as a row: type --header yes.'):
        read_classes(str(path), ReadOptions(header='no', **options))
    with pytest.raises(ValueError, match='Its columns are') as refused:
        read_classes(str(path), ReadOptions(header='yes', label='x'))
    assert '--header' not in str(refused.value)


def test_a_missing_label_of_arrays_is_one_of_a_file(tmp_path):
    y = np.array(['ham', 'spam'])[np.arange(N) % 2]
    y[[2, 5, 6]] = 'nan'
    np.savez(tmp_path / 'a.npz', X=FRAME[['width', 'count']], y=y)
    path = str(tmp_path / 'a.npz')
    with pytest.raises(ValueError, match='the label must not be missing'):
        read_classes(path, ReadOptions(positive='spam'))
    data = read_classes(path, ReadOptions(positive='spam', missing='drop'))
    assert data.parts['pool'][1].size == N - 3


@pytest.mark.parametrize('codes, options, kind', [
    (['02134', '10001', '90210'], dict(categories=True), 'text'),
    (['02134', '10001', ''], dict(categories=True, missing='mean'), 'text'),
    ([f'{k:05}' for k in range(N)], dict(categories=True), 'whole'),
    ([f'{k:05}' for k in range(N)], {}, 'whole'),
    ([f'{k % 45:05}' for k in range(N)], dict(categories=True), 'whole'),
    (['02134', '10001', '90210'], {}, 'whole'), (['00', '0'], {}, 'binary'),
    (['0', '10'], dict(categories=True), 'whole'),
    (['0.5', '01.5', '0e1'], dict(categories=True), 'number'),
    (['01', '02', '1.5'], dict(categories=True), 'text')])
def test_codes_that_begin_with_zero_may_be_categories(tmp_path, codes,
                                                      options, kind):
    """Of so few values; where they are read as numbers, that is said."""
    cells = [codes[i % len(codes)] for i in range(N)]
    data = read(tmp_path, FRAME[['width', 'kind']].assign(
        zip=cells)[['width', 'zip', 'kind']], **options)
    column = data.encoding.columns[1]
    assert column.kind == kind
    assert column.values == (tuple(sorted(
        {*codes} - {''})) if kind == 'text' else ())
    lost = [code for code in codes if code[0] == '0' and code.isdecimal()
            and code != '0'] if kind != 'text' else []
    advice = '--categories or --drop zip' if len(codes) < N / 2 else (
        f'--drop zip ({len({*codes})} different ones are too many for '
        '--categories)')
    assert [warning for warning in data.warnings if 'read as' in warning] == [
        f'column `zip` has numbers such as {code}, read as {int(code)}: if '
        f'they are codes, type {advice}' for code in lost[:1]]


CODES = ('@relation x\n@attribute width real\n@attribute zone {1, 2,3} % of 3'
         "\n@attribute 'the tax' {'10','20',?,'30'}\n@attribute flag {0,1}\n"
         '@attribute size {1,2,x}\n@attribute kind {ham,spam}\n@data\n')


def test_numbers_that_arff_declares_as_categories(tmp_path):
    path = tmp_path / 'a.arff'
    path.write_text(CODES + ''.join(
        f"{i * i % 97},{i % 3 + 1 if i else '?'},'{i % 5 % 3 + 1}0',"
        f'{i % 7 % 2},{i % 2 + 1},{"hs"[i // 2 % 2]}\n' for i in range(60)))
    read = load_data(str(path), missing='mean')
    assert read.file.warnings == (
        'the file declares numbers as categories in `zone`, `the tax`, and '
        'they are read as quantities: type --categories, or leave it so if '
        'their order means something',)
    read = load_data(str(path), missing='mean', categories=True)
    assert read.file.warnings == ()
    assert [column.values for column in read.file.encoding.columns] == [
        (), ('1', '2', '3'), ('10', '20', '30'), (), ()]
    assert read.parts['pool'][0].shape == (60, 9)


@pytest.mark.parametrize('declared, values, words', [
    ('{1,2,3}', [2], []), ('{1,2,3}', [1, '?', 3], []),
    ('{01,02,03}', ['01', '02', '03'], ['numbers such as 01, read as 1: if']),
    ('{%s}' % ','.join(map(str, range(45))), range(45), [
        'type --drop zone (too many different ones for --categories), or'])])
def test_codes_of_arff_are_named_once_and_where_there_is_a_cure(
        tmp_path, declared, values, words):
    path = tmp_path / 'a.arff'
    path.write_text(
        f'@relation x\n@attribute zone {declared}\n@attribute width real\n'
        '@attribute kind {h,s}\n@data\n' + ''.join(
            f'{values[i % len(values)]},{i * i % 97},{"hs"[i // 2 % 2]}\n'
            for i in range(N)))
    warnings = load_data(str(path), missing='mean').file.warnings
    assert len(warnings) == len(words)
    assert all(map(str.__contains__, warnings, words))
    assert load_data(str(path), missing='mean', categories=True
                     ).file.warnings == warnings * (len(values) > 40)


def test_a_row_of_arff_may_end_with_a_comma(tmp_path):
    path = tmp_path / 'a.arff'
    path.write_text('@relation x\n@attribute a real\n@attribute b {h,s}\n'
                    '@data\n1,h,\n2,s\n3,h, % note\n4,s,,\n')
    with pytest.raises(ValueError, match="got '4,s,,' in line 8: a comma"):
        load_data(str(path))
    path.write_text(path.read_text().replace('4,s,,', '4,s,'))
    assert load_data(str(path)).parts['pool'][0].tolist() == [
        [1], [2], [3], [4]]


def test_codes_count_in_both_files(tmp_path):
    """Beside a few codes here and more in the test rows --categories is no
    advice: the 0/1 columns are of both files."""
    frames = [pd.DataFrame({
        'width': np.random.default_rng(seed).normal(size=150),
        'zip': [f'{start + k % 60:05}' for k in range(150)],
        'kind': np.arange(150) % 2}) for seed, start in ((0, 10), (1, 70))]
    frames[1].to_csv(tmp_path / 'test.csv', index=False)
    test = str(tmp_path / 'test.csv')
    for categories in False, True:
        data = read(tmp_path, frames[0], test=test, categories=categories)
        assert data.encoding.columns[1].kind == 'whole'
        assert any('type --drop zip (120 different ones are too many for '
                   '--categories)' in warning for warning in data.warnings)


def test_a_note_says_which_words_are_taken_as_missing(tmp_path):
    frame = FRAME[['width', 'kind']].assign(
        land=np.array(['NA', 'EU', 'US'])[np.arange(N) % 3],
        town=np.array(['', 'Rome', '?', 'Rome'])[np.arange(N) // 3 % 4])
    frame.loc[0, 'kind'] = ''  # its row goes first
    said = "; in `land` a word such as 'NA' is taken as missing: write another"
    for missing in 'drop', 'mean':
        notes = ' '.join(read(tmp_path, frame, label='kind', categories=True,
                              missing=missing).notes)
        assert said in notes
        notes = ' '.join(read(
            tmp_path, frame, label='kind', categories=True, missing=missing,
            drop='land').notes)
        assert 'missing cells' in notes and 'a word such as' not in notes


@pytest.mark.parametrize('word', [
    '\\N', '#DIV/0!', '#VALUE!', '#REF!', '#NUM!', '#NAME?',
    '<null>'])
def test_words_of_other_programs_are_missing_cells(tmp_path, word):
    frame = FRAME[['width', 'count', 'kind']].astype(object)
    frame.loc[[4, 7], 'width'] = word
    with pytest.raises(ValueError, match='and 2 such cells in 2 of 60 rows'):
        read(tmp_path, frame)
    data = read(tmp_path, frame, missing='drop')
    assert '2 of 60 rows have missing cells and are left out' in data.notes
    frame = FRAME[['width', 'kind']].assign(
        kind=np.array(['ham', 'spam', word])[np.arange(N) % 3])
    with pytest.raises(ValueError, match='not a word for missing'):
        read(tmp_path, frame)


def test_memory_of_a_wide_table(tmp_path):
    """In tables of numbers; pandas, the file and the checks hold some, pandas
    before 3 more: it copies where nothing is written."""
    most = 4 if int(pd.__version__.split('.')[0]) >= 3 else 9
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2000))
    np.savez(tmp_path / 'wide.npz', X=x, y=np.arange(500) % 2)
    read_classes(str(tmp_path / 'wide.npz'), ReadOptions())  # imports
    tracemalloc.start()
    try:
        read_classes(str(tmp_path / 'wide.npz'), ReadOptions())
        assert tracemalloc.get_traced_memory()[1] < most * x.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('n_copies, n_shared, is_said', [
    (0, 4, False), (0, 6, True), (4, 6, False), (4, 17, True),
    (10, 30, False), (10, 45, True), (20, 45, True)])
def test_test_rows_may_come_again_as_often_as_the_others(
        n_copies, n_shared, is_said):
    """Up to four times the share of copies, from 5 to 40 %."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 2)), np.zeros(100)
    x[:n_copies] = x[100 - n_copies:]
    test = rng.normal(size=(100, 2))
    test[:n_shared] = x[100 - n_shared:]
    said = [*repeated({'pool': (x, y), 'test': (test, y)},
                      {Column('a', 'number'): 80}, .5)]
    assert len(said) == is_said
    assert not said or said[0].startswith(
        f'{n_shared} of 100 test rows are also among the training')


def test_zeros_of_either_sign_make_copies():
    x = np.random.default_rng(0).normal(size=(40, 2))
    x[20:, 0], x[20:, 1] = -0., np.repeat(np.arange(10) + .5, 2)
    x[20::2, 0] = 0.
    data = {'pool': (x, np.zeros(40)), 'test': (x[20:], np.zeros(20))}
    n_values = {Column('a', 'number'): 40}
    said, = repeated(data, n_values, 3 / 7)
    assert said.startswith('20 of 20 test rows are also among the training')
    x[20::2, 0] = 1.
    assert not list(repeated(
        {'pool': (x, np.zeros(40))}, n_values, 3 / 7))


@pytest.mark.parametrize('cells', [
    ['', 'inf', '1.5', '2.5'], ['', '-inf', 'inf', '2'], ['', '1e300', '1'],
    ['', 'inf']])
def test_the_mean_is_of_the_finite_cells(tmp_path, cells):
    """What is refused is the cell of the file, not the one that is filled."""
    path = tmp_path / 'rows.csv'
    path.write_text('a,b,kind\n' + ''.join(
        f'{cells[i % len(cells)]},{i * i % 7},{i // 2 % 2}\n'
        for i in range(60)))
    n = sum('inf' in cell or cell == '1e300' for cell in cells)
    with raises(ValueError, 'rows.csv, line 3: column `a` must hold finite '
                'numbers', f'got {float(cells[1])} (such cells: '
                f'{n * 60 // len(cells)})'):
        load_data(str(path), missing='mean')
