"""The labels of a file, where they are easily misread."""
import numpy as np
import pytest

from refusals import raises

from secml_regpoison.data import load_data

X = np.random.default_rng(0).normal(size=(60, 2)).round(3)


def write(tmp_path, labels, header=None, name='rows.csv', sep=','):
    """A file of X and these labels, repeated; its path."""
    rows = [[*row, labels[i % len(labels)]] for i, row in enumerate(X)]
    path = tmp_path / name
    path.write_text('\n'.join(sep.join(map(str, row)) for row in (
        [header] * (header is not None) + rows)) + '\n')
    return str(path)


@pytest.mark.parametrize('labels', [(0, 1, 2), ('low', 'mid', 'high')])
@pytest.mark.parametrize('options', [
    {}, {'positive': True}, {'several': True}])
def test_a_header_of_numbers_makes_no_row(tmp_path, labels, options):
    """Names such as 400.5: only that of the label is a word."""
    path = write(tmp_path, labels, ['400.0', '400.5', 'grade'])
    if 'positive' in options:
        options = {'positive': str(labels[2])}
    with pytest.raises(ValueError, match=(
            r"rows.csv, line 1: .* comes again, got 'grade' there alone. If "
            'that line has names, type --header yes; if it is a row, type '
            '--header no')):
        load_data(path, **options)
    with pytest.raises(ValueError, match="line 1: .* got 'grade'"):
        load_data(path, test=path, **options)
    if options:
        y = load_data(path, header='yes', **options).parts['pool'][1]
        assert np.bincount(y).tolist() == (
            [40, 20] if 'positive' in options else [20, 20, 20])
        assert load_data(path, header='no', **options).parts['pool'][1].size \
            == 61


@pytest.mark.parametrize('labels, options', [
    ([f'{k}.5' for k in range(45)], {'positive': '1.5'}),
    (['a', *'bc' * 29, 'a'], {'positive': 'c'}),
    (['a', *[f'b{k}' for k in range(30)] * 2][:60], {'positive': 'b1'})])
def test_a_first_row_is_no_header(tmp_path, labels, options):
    """One whose label is a number, or comes again."""
    source = load_data(write(tmp_path, labels), **options)
    assert source.parts['pool'][1].size == 60


def test_classes_and_positive_exclude_each_other(tmp_path):
    """Together they took the rows of all labels, missing ones too."""
    path = write(tmp_path, ['no', 'yes', 'no', 'yes', '-'])
    for path in path, 'digits', 'nowhere.csv':  # before any work
        with pytest.raises(ValueError, match=(
                '`classes` must be left out with `positive`, got no, yes '
                'beside yes: .* Type one of them')):
            load_data(path, ('no', 'yes'), positive='yes')


LARGE = '20000000000000001', '20000000000000002'


@pytest.mark.parametrize('other', ['5', '-1.5', '1e3'])
def test_large_labels_that_are_one_float_are_two(tmp_path, other):
    path = write(tmp_path, [*LARGE, other], ['a', 'b', 'id'])
    for options in ({'several': True}, {'classes': LARGE},
                    {'classes': (int(LARGE[0]), LARGE[1])}):
        source = load_data(path, **options)
        assert set(LARGE) <= set(source.header['y_original'])
        assert np.bincount(source.parts['pool'][1]).tolist() == [20] * len(
            source.header['y_original'])
    source = load_data(path, positive=LARGE[1])
    assert np.bincount(source.parts['pool'][1]).tolist() == [40, 20]


@pytest.mark.parametrize('base, step', [
    (2 ** 53, 1), (10 ** 17, 1), (2 ** 63 - 2, 1), (2 ** 53, 2),
    (10 ** 17, 16)])
@pytest.mark.parametrize('kind', ['csv', 'arff', 'npz', 'libsvm'])
def test_large_labels_of_each_format(tmp_path, base, step, kind):
    """They are written as they are, also those that are floats."""
    y = base + step * (np.arange(60) % 2)
    path = str(tmp_path / f'rows.{kind}')
    if kind == 'csv':
        path = write(tmp_path, [str(label) for label in y])
    elif kind == 'arff':
        with open(write(tmp_path, y.tolist())) as rows, \
                open(path, 'w') as arff:
            arff.write('@relation a\n' + ''.join(
                f'@attribute {name} real\n' for name in 'abc')
                + '@data\n' + rows.read())
    elif kind == 'npz':
        np.savez(path, X=X, y=y if step == 1 else y.astype(float))
    else:
        (tmp_path / 'rows.libsvm').write_text(''.join(
            f'{label} 1:{a} 2:{b}\n' for label, (a, b) in zip(y, X)))
    source = load_data(path)
    labels = [str(base), str(base + step)]
    assert list(map(str, source.header['y_original'])) == labels
    assert (source.parts['pool'][1] == np.arange(60) % 2).all()
    note, = [note for note in source.file.notes if note.startswith('label')]
    assert all(f'class {k} is {label} (30' in note
               for k, label in enumerate(labels))
    frame = source.file.encoding.to_frame(X[:2], source.header['y_original'])
    column = 0 if kind == 'libsvm' else 2
    assert [line.split(',')[column] for line in frame.to_csv(
        index=False).splitlines()[1:]] == labels


def test_floats_that_are_no_whole_numbers_of_a_file(tmp_path):
    """They are asked for as Python writes them."""
    path = str(tmp_path / 'rows.npz')
    np.savez(path, X=X, y=np.array([1e23, 2e23])[np.arange(60) % 2])
    for asked in ('1e23', '2e23'), (1e23, '2e+23'):
        source = load_data(path, asked)
        assert source.header['y_original'] == (1e23, 2e23)
        assert (source.parts['pool'][1] == np.arange(60) % 2).all()


@pytest.mark.parametrize('labels, asked', [
    (('1.000000000000000056e-01', '9.000000000000000222e-01'), (.1, '0.9')),
    (('1e0', '2'), ('1', '2.0'))])
def test_labels_within_floats_are_numbers(tmp_path, labels, asked):
    source = load_data(write(tmp_path, labels), asked)
    assert np.bincount(source.parts['pool'][1]).tolist() == [30, 30]
    assert source.header['y_original'] == tuple(map(float, asked))


@pytest.mark.parametrize('cell', ['', 'nan', '?', 'NaN'])
@pytest.mark.parametrize('options', [{}, {'missing': 'drop'}])
def test_a_class_that_has_no_label_is_said(tmp_path, cell, options):
    """Of one label alone nothing is left to tell apart."""
    path = write(tmp_path, [cell, cell, cell, '1', '1'], ['a', 'b', 'y'])
    with pytest.raises(ValueError, match=(
            r'got 1: 1 \(24 rows\), and no label in 36 of 60 rows\. Write a '
            'label into those rows if they are a class, or name another '
            'column with --label')):
        load_data(path, **options)
    with pytest.raises(ValueError, match='and no label in 36 of 60 rows'):
        load_data(path, positive='1', **options)
    np.savez(tmp_path / 'a.npz', X=X, y=np.where(np.arange(60) % 5 < 3,
                                                 np.nan, 1))
    with pytest.raises(ValueError, match='no label in 36 of 60 rows'):
        load_data(str(tmp_path / 'a.npz'), **options)


def test_a_column_without_a_label_is_said(tmp_path):
    with pytest.raises(ValueError, match='got 0: no label in 60 of 60 rows'):
        load_data(write(tmp_path, [''], ['a', 'b', 'y']), header='yes')


@pytest.mark.parametrize('labels', [
    ('Yes', 'no', 'YES'), ('>50K', '<=50K', '<=50K.'), ('Yes', 'yes'),
    ('a b', 'c', 'a  b'), ('x', 'z', 'X . ')])
@pytest.mark.parametrize('options', [
    {}, {'several': True}, {'positive': 0}])
def test_labels_that_differ_in_case_or_a_dot_are_no_classes(tmp_path, labels,
                                                            options):
    if 'positive' in options:
        options = {'positive': labels[0]}
    path = write(tmp_path, labels)
    with pytest.raises(ValueError, match=(
            'must hold labels that differ in more than case, spaces and a dot '
            'at the end, got .* and .*: write them alike, or name all classes '
            'with --classes')):
        load_data(path, **options)
    named = load_data(path, [label.strip() for label in labels])
    assert named.parts['pool'][1].tolist() == [
        i % len(labels) for i in range(60)]


def test_the_labels_of_two_files_are_written_alike(tmp_path):
    train = write(tmp_path, ('no', 'yes'))
    with pytest.raises(ValueError, match="got 'no' and 'no.': write them al"):
        load_data(train, test=write(tmp_path, ('no.', 'yes'), name='test'))
    with pytest.raises(ValueError, match='training rows, no .*, got no. .*: wr'
                                         'ite them alike'):
        load_data(train, test=write(tmp_path, ('no.', 'yes.'), name='test'))


def test_spaces_round_labels_of_arrays_are_none_of_them(tmp_path):
    y = np.array([' ham', 'spam ', 'ham'])[np.arange(60) % 3]
    np.savez(tmp_path / 'a.npz', X=X, y=y)
    source = load_data(str(tmp_path / 'a.npz'), ('spam', 'ham'))
    assert source.header['y_original'] == ('spam', 'ham')
    assert source.parts['pool'][1].tolist() == [1, 0, 1] * 20


def test_another_column_may_be_the_label(tmp_path):
    with pytest.raises(ValueError, match='got 3: .* --model softmax. If anot'
                                         'her column is the label, --label'):
        load_data(write(tmp_path, ('a', 'b', 'c')))


@pytest.mark.parametrize('part, options', [
    ('test', {}), ('test', dict(positive='yes')),
    ('test', dict(classes=('no', 'yes'))), ('val', {})])
def test_labels_of_other_rows_that_are_none_of_the_training_rows(
        tmp_path, part, options):
    """Are not advised to be picked."""
    y, path = np.array(['no', 'yes'])[np.arange(40) % 2], tmp_path / 'a.npz'
    x = np.random.default_rng(0).normal(size=(40, 2))
    np.savez(path, **{'X_train': x, 'y_train': y, f'X_{part}': x,
                      f'y_{part}': (np.arange(40) % 2).astype(str)})
    with pytest.raises(ValueError) as error:
        load_data(str(path), **options)
    assert str(error.value) == (
        f'{path}, row 1 and after: the labels must be those of the training '
        'rows, no (20 rows), yes (20 rows), got 0 (20 rows), 1 (20 rows): '
        'write them alike in both.')


@pytest.mark.parametrize('n_labels, words', [
    (60, 'must hold 2 to 50 classes, got 60: l0, l1, '),
    (1, 'must hold 2 to 50 classes, got 1: l0 (60 rows). Is it ')])
def test_as_many_classes_as_a_softmax_takes(tmp_path, n_labels, words):
    path = write(tmp_path, [f'l{k}' for k in range(n_labels)])
    with raises(ValueError, words, 'Is it the label? --label names another '
                'column.') as found:
        load_data(path, several=True)
    assert str(found.value).endswith(
        ' If it is, keep the rows of some labels with `classes` (--classes A '
        'B ...).') is (n_labels > 1)
