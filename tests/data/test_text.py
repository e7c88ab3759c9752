"""What separates cells, the decimal sign, the encoding, the header."""
import bz2
import codecs
import contextlib
import lzma
import pickle
import sqlite3

import numpy as np
import pytest
import scipy.io

from refusals import raises

from secml_regpoison.data import load_data
from secml_regpoison.data.cells import to_numbers
from secml_regpoison.data.files import read_file, read_tables
from secml_regpoison.data.options import ReadOptions

ROWS = [(1.5, 20, 'yes'), (2.25, 30, 'no'), (-3, 1e-3, 'yes'), (4, 5, 'no')]


def table(tmp_path, content, name='rows.txt', **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(str(path), ReadOptions(**options), 'data')['pool']


def cells(raw):
    return [list(row) for row in raw.frame.to_numpy()]


def text_of(rows, sep, decimal='.'):
    return '\n'.join(sep.join(str(cell).replace('.', decimal) for cell in row)
                     for row in rows) + '\n'


@pytest.mark.parametrize('sep, name', [
    (',', 'comma'), (';', 'semicolon'), ('\t', 'tab'), ('|', 'bar'),
    (' ', 'space'), ('   ', 'space'), (', ', 'comma')])
@pytest.mark.parametrize('header', [(), [('width', 'height', 'kind')]])
@pytest.mark.parametrize('decimal', ['.', ','])
def test_separator_decimal_and_header(tmp_path, sep, name, header, decimal):
    if decimal == ',' and name == 'comma':
        pytest.skip('cannot be told apart without quotes')
    raw = table(tmp_path, text_of([*header, *ROWS], sep, decimal))
    assert cells(raw) == [[str(cell).replace('.', decimal) for cell in row]
                          for row in ROWS]
    assert raw.decimal == decimal and raw.has_names is bool(header)
    assert f'{name} between cells' in raw.found
    assert ('is a header' if header else 'no header') in raw.found
    assert ('decimal comma' in raw.found) is (decimal == ',')
    if header:
        assert list(raw.frame) == list(header[0])
    assert raw.lines.tolist() == list(range(1 + len(header),
                                            5 + len(header)))


@pytest.mark.parametrize('content, sep', [
    ('id,town,y\nuid 1,a,x\nuid 2,b,y\n', 'comma'),
    ('when,y\n2020-01-01 10:00,1\n2020-01-02 11:00,2\n', 'comma'),
    ('town;size\nRome, Italy;1,5\nBari, Italy;2,5\n', 'semicolon'),
    ('a b\n1,5 2,5\n0,1 3\n', 'space')])
def test_a_separator_within_cells_is_none(tmp_path, content, sep):
    assert f'{sep} between cells' in table(tmp_path, content).found


def test_what_the_user_says_is_taken(tmp_path):
    raw = table(tmp_path, '1;2,5\n3;4,5\n', sep='comma', decimal=',',
                header='yes')
    assert cells(raw) == [['3;4', '5']] and list(raw.frame) == ['1;2', '5']


@pytest.mark.parametrize('encoding, bom, name', [
    ('utf-8', b'', 'UTF-8'), ('utf-8', codecs.BOM_UTF8, 'UTF-8-SIG'),
    ('utf-16-le', codecs.BOM_UTF16_LE, 'UTF-16'),
    ('utf-16-be', codecs.BOM_UTF16_BE, 'UTF-16'),
    ('utf-16-le', b'', 'UTF-16-LE'),
    ('cp1252', b'', 'Windows-1252 (by default, --encoding names another)')])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_encodings_and_line_ends(tmp_path, encoding, bom, name, end):
    content = f'größe;preis €;art{end}1;2;ja{end}3;4;nein{end}5;6;ja{end}'
    raw = table(tmp_path, bom + content.encode(encoding))
    assert list(raw.frame) == ['größe', 'preis €', 'art']
    assert name in raw.found and raw.lines.tolist() == [2, 3, 4]


@pytest.mark.parametrize('content, names', [
    (',0,1,label\n0,5.,6.,a\n1,7.,8.,b\n', ['column 1', '0', '1', 'label']),
    ('0,1,2,3\n.5,1.5,2.5,1\n.7,8.,9.,0\n', ['0', '1', '2', '3']),
    ('x y\n1 2 a\n3 4 b\n', ['column 1', 'x', 'y']),
    ('"col a" "5 in"\n1 "two 2"\n3 ""\n', ['col a', '5 in']),
    ('x,y,\n1,2,\n3,4,\n', ['x', 'y']),
    ('"x","y",\n1,2\n3,4\n', ['x', 'y']),
    ('x,y,, \n1,2\n3,4\n', ['x', 'y']),
    ('x,y,x\n1,2,3\n3,4,5\n', ['x', 'y', 'x.2']),
    ('1,2,\n3,4,\n', ['column 1', 'column 2']),
    ('# made today\n# by hand\nx,y\n1,2\n3,4\n', ['x', 'y']),
    ('#x,y\n1,2\n3,4\n', ['x', 'y']),
    ('sep=;\nx;y\n1;2\n3;4\n', ['x', 'y']),
    ('colour,size\nred,big\nblue,small\nred,small\nblue,big\n',
     ['colour', 'size']),
    ('red,big\nred,big\nblue,small\nred,small\nblue,big\n',
     ['column 1', 'column 2']),
    ('-,S0,gatt\n-,S1,caag\n+,S2,gccc\n',
     ['column 1', 'column 2', 'column 3']),
    ('Ann,a@x.org,Old Road,basic,yes\nBob,b@x.org,New Road,gold,yes\n'
     'Eve,e@x.org,High Street,basic,no\n',
     [f'column {j}' for j in range(1, 6)]),
    ('sex,job,default\nF,x,paid\nM,y,default\nF,x,paid\nM,y,default\n',
     ['sex', 'job', 'default']),
    ('sex,smoker,class\nF,smoker,yes\nM,non,no\nF,smoker,no\nM,non,yes\n',
     ['sex', 'smoker', 'class']),
    (',name\n,Ann\n,Bob\nx,Eve\n', ['column 1', 'name']),
    ('x,"Income\n(k$)","a  b",\'c\t d \'\n1,2,3,4\n',
     ['x', 'Income (k$)', 'a b', 'c d']),
    ('land,1970,1971,1972,1973,1974\nA,1,.2,3,4,5\nB,4,5,.6,7,8\n',
     ['land', '1970', '1971', '1972', '1973', '1974']),
    ('90,80,70,60,50,kind\n1.5,2,3,4,5,0\n2.5,4,5,6,1,1\n',
     ['90', '80', '70', '60', '50', 'kind']),
    (',,label\n1,2,a\n3,4,b\n5,6,a\n', ['column 1', 'column 2', 'label']),
    ('1,?,a\n1,2,b\n', ['column 1', 'column 2', 'column 3'])])
def test_names_of_columns(tmp_path, content, names):
    raw = table(tmp_path, content)
    assert list(raw.frame) == names
    assert ('names that come again: `x.2`' in raw.found) == ('x.2' in names)


def test_lines_are_those_of_the_file(tmp_path):
    raw = table(tmp_path, '\nx,note,y\n\n1,"two\nlines",a\n2,b,b\n,,\n3,c,a\n')
    assert raw.lines.tolist() == [4, 6, 8]
    assert raw.frame['note'].tolist() == ['two\nlines', 'b', 'c']


APPENDED = ('Region A,,\n{0}\n1,2,x\n3,4,y\n5,6,x\n,,\n'
            'Region B,,\n  {0} \n7,8,y\n\n{0}\n9,9,x\n')


@pytest.mark.parametrize('text', [
    APPENDED, APPENDED.translate(str.maketrans('123456789', 'ABABABBAA'))])
def test_titles_and_headers_that_come_again_are_no_rows(tmp_path, text):
    """As in files that were appended; lines are those of the file."""
    raw = table(tmp_path, text.format('wide,high,kind'))
    assert list(raw.frame) == ['wide', 'high', 'kind']
    assert raw.lines.tolist() == [3, 4, 5, 9, 12]
    assert raw.frame['kind'].tolist() == [*'xyxyx']
    assert ('line 2 is a header, title lines left out: 2, headers that come '
            'again left out: 2, UTF-8') in raw.found
    raw = table(tmp_path, text.format('wide,high,kind'), header='no')
    assert raw.lines.tolist() == [1, 2, 3, 4, 5, 7, 8, 9, 11, 12]
    plain = text.format('wide,high,kind').partition('\n')[2]
    raw = table(tmp_path, plain.replace('Region B', ''), header='yes')
    assert raw.lines.tolist() == [2, 3, 4, 8, 11]
    assert ('first line is a header, headers that come again left out: 2, '
            'UTF-8') in raw.found


@pytest.mark.parametrize('text, lines', [
    ('0,1,2\n0,1,2\n.5,3,1\n', [2, 3]),  # numbers may be a row
    ('a,b,c\nx,,\n1,2,3\n4,5,6\n', [2, 3, 4]),
    ('a,b,c\na,2,3\na,5,6\n', [2, 3]),
    ('x,,\n1.5,2,3\n4,5,6\n', [2, 3]), ('7,,\na,b,c\n.5,2,3\n', [1, 2, 3])])
def test_rows_that_are_no_titles_and_no_headers(tmp_path, text, lines):
    raw = table(tmp_path, text)
    assert raw.lines.tolist() == lines and 'left out' not in raw.found


def test_single_quotes_round_all_labels_are_none_of_them(tmp_path):
    raw = table(tmp_path, "1,'-1'\n2,'1'\n3,'-1'\n")
    assert raw.frame['column 2'].tolist() == ['-1', '1', '-1']
    raw = table(tmp_path, "'x','y'\n'1','-1'\n'2','1'\n'3','-1'\n")
    assert list(raw.frame) == ['x', 'y']


def test_libsvm(tmp_path):
    raw = table(tmp_path, '# made\n+1 1:.5 3:2 # first\n\n-1 2:1\n-1\n')
    assert raw.frame['label'].tolist() == [1, -1, -1]
    assert raw.frame.iloc[:, 1:].to_numpy().tolist() == [
        [.5, 0, 2], [0, 1, 0], [0, 0, 0]]
    assert raw.lines.tolist() == [2, 4, 5]
    for line in ('0 1:x2 3;4', '1,2 1:2', 'spam 1:2', '0 2:1 1:1', '0 1:1,5',
                 '0 -1:2'):
        with pytest.raises(ValueError, match=r'LIBSVM text, .*\(line 2\)'):
            table(tmp_path, f'1 1:2\n{line}\n', 'a.svm')
    for index in 2 ** 31, 12345678901234, 10 ** 30:  # of hashed features
        with pytest.raises(ValueError, match=(
                rf"below 2\*\*31, got '0 1:2 {index}:3' \(line 3\)")):
            table(tmp_path, f'1 1:2\n\n0 1:2 {index}:3\n')
    assert 'qid is not used' in table(tmp_path, '1 qid:3 1:2\n0 2:1\n').found


def test_libsvm_counts_as_the_file_does(tmp_path):
    """A file of test rows may lack the first feature, or the last."""
    (tmp_path / 'train').write_text('1 0:1 1:2 2:3\n0 0:4 1:5\n')
    (tmp_path / 'test').write_text('1 1:7\n0 1:8\n')
    found = read_tables(str(tmp_path / 'train'), ReadOptions(
        test=str(tmp_path / 'test')))
    assert list(found['pool'].frame) == [
        'label', 'feature 0', 'feature 1', 'feature 2']
    assert found['test'].frame.to_numpy().tolist() == [
        [1, 0, 7, 0], [0, 0, 8, 0]]


def test_options_that_a_file_does_not_use(tmp_path):
    with pytest.raises(ValueError, match='`sep` must be left out with LIBSVM'):
        (tmp_path / 'a').write_text('1 1:2\n0 2:3\n')
        read_tables(str(tmp_path / 'a'), ReadOptions(sep='comma'))
    x = np.eye(4)
    np.savez(tmp_path / 'b.npz', X_train=x, y_train=x[0], X_test=x, y_test=x[
        0], X_valid=x)
    assert read_file(str(tmp_path / 'b.npz'), ReadOptions(), 'data')[
        'pool'].left_out == ('X_valid',)
    with pytest.raises(ValueError, match='`test` must be left out, as .*X_te'):
        read_tables(str(tmp_path / 'b.npz'), ReadOptions(test='a'))


def test_arrays_have_no_encoding(tmp_path):
    path, rows = str(tmp_path / 'a.npz'), tmp_path / 'rows.csv'
    np.savez(path, X=np.eye(4), y=[0, 1, 0, 1])
    with pytest.raises(ValueError, match="`encoding` must be left out with "
                       "arrays, got 'klingon'"):
        read_tables(path, ReadOptions(encoding='klingon'))
    rows.write_text('1,0,0,0,1\n', encoding='utf-16')
    assert len(read_tables(path, ReadOptions(
        encoding='utf-16', test=str(rows)))['test'].frame) == 1
    (tmp_path / 'b.svm').write_text('1 1:2\n0 2:3\n', encoding='utf-16')
    assert read_tables(str(tmp_path / 'b.svm'), ReadOptions(
        encoding='utf-16'))['pool'].found.startswith('LIBSVM')


def test_thousands_are_no_decimals(tmp_path):
    """A comma before three digits is no decimal sign, unless others are."""
    us = table(tmp_path, 'a,y\n"1,234",0\n"5,678",1\n999,0\n')
    assert us.decimal == '.'
    assert np.isnan(to_numbers(us.frame['a'], '.')).tolist() == [
        True, True, False]
    german = table(tmp_path, 'a;b;y\n1.234;1,5;0\n5.678;2,5;1\n', decimal=',')
    assert np.isnan(to_numbers(german.frame['a'], ',')).all()
    assert to_numbers(german.frame['b'], ',').tolist() == [1.5, 2.5]


@pytest.mark.parametrize('late, decimal', [
    ('2,5', ','), ('-,5', ','), ('2,5e3', ','), ('2.5', '.'), ('1,234', '.')])
@pytest.mark.parametrize('sep', [';', '\t', ' '])
def test_the_decimal_sign_may_come_late(tmp_path, late, decimal, sep):
    """After 600 lines of whole numbers."""
    rows = [(i, i % 7, i % 2) for i in range(600)]
    text = text_of([('a', 'b', 'y'), *rows, (late, 3, 1), (4, 5, 0)], sep)
    assert table(tmp_path, text).decimal == decimal
    first = text_of([('a', 'b', 'y'), ('.5', 2, 0)], sep)
    assert table(tmp_path, first + text).decimal == '.'


def test_test_rows_have_their_own_decimal_sign(tmp_path):
    (tmp_path / 'train').write_text('a,y\n1.5,no\n2.5,yes\n')
    (tmp_path / 'test').write_text('a;y\n1,25;no\n2,75;yes, no\n')
    found = read_tables(str(tmp_path / 'train'), ReadOptions(
        test=str(tmp_path / 'test')))['test']
    assert found.frame.to_numpy().tolist() == [
        ['1.25', 'no'], ['2.75', 'yes, no']]


def test_arff(tmp_path):
    raw = table(tmp_path, (
        "% note\n@RELATION 'a b'\n@attribute 'the width' NUMERIC\n"
        "@attribute size {small, 'very large'}\n@ATTRIBUTE class {yes,no}\n"
        "@DATA\n1.5,small,yes\n% note\n?,'very large',no\n\n2, ?,no\n"))
    assert list(raw.frame) == ['the width', 'size', 'class']
    assert cells(raw) == [['1.5', 'small', 'yes'], ['?', 'very large', 'no'],
                          ['2', '?', 'no']]
    assert raw.lines.tolist() == [7, 9, 11]
    raw = table(tmp_path, (
        '@relation x\n@attribute a string\n@attribute b real\n@data\n'
        '"it\'s, or \'not\'",1\n\'it\\\'s\',2\n'))
    assert cells(raw) == [["it's, or 'not'", '1'], ["it's", '2']]
    raw = table(tmp_path, (
        '@relation x\n@attribute a real\n@attribute kind{yes,no}\n@data\n'
        '1,yes\n2,no\n'))
    assert list(raw.frame) == ['a', 'kind']


def test_arff_names_in_quotes_and_comments_behind_rows(tmp_path):
    """As Weka writes and reads them."""
    raw = table(tmp_path, (
        "@relation x\n@attribute 'it\\'s' {1,2}\n@attribute \"a \\\"b\\\"\" "
        "real\n@attribute 'c''d' real\n@attribute e%f {'50 % of', p%q}\n"
        "@data % rows\n1,2,3,'50 % of' % one, with a comma\n2,3,4,p%q % it's\n"
        "1,4, 5 ,p%q\t% {6}\n2,?,6, % none\n"))
    assert list(raw.frame) == ["it's", 'a "b"', "c'd", 'e%f']
    assert cells(raw) == [
        ['1', '2', '3', '50 % of'], ['2', '3', '4', 'p%q'],
        ['1', '4', '5', 'p%q'], ['2', '?', '6', '']]


@pytest.mark.parametrize('line, place', [
    ('@outputs kind', 1), ('@Output  KIND', 1), ("@outputs 'the size'", 0),
    ('@inputs kind\n@output size', 2), ('@inputs kind', -1)])
def test_the_label_is_the_output_that_keel_names(tmp_path, line, place):
    text = ("@relation x\n@attribute 'the size' {1, 2}\n@attribute kind {a, b}"
            f'\n@attribute size {{1, 2}}\n{line}\n@data\n1, a, 1\n2, b, 2\n')
    assert table(tmp_path, text).label == place


@pytest.mark.parametrize('outputs', ['a, b', 'c'])
def test_one_known_output_is_the_label(tmp_path, outputs):
    text = ('@relation x\n@attribute a real\n@attribute b {0,1}\n@outputs '
            f'{outputs}\n@data\n1.5,0\n2,1\n')
    with pytest.raises(ValueError, match=(
            f'in @outputs, the label, got {outputs}: name it with --label')):
        table(tmp_path, text)
    assert table(tmp_path, text, label='b').frame.shape == (2, 2)


@pytest.mark.parametrize('content, words', [
    ('@relation x\n@attribute a real\n@attribute b {0,1}\n@data\n1,0\n1\n',
     "2 attributes in each row, got '1' in line 6"),
    ('@relation x\n@attribute a real\n@data\n{0 1}\n', 'Sparse rows'),
    ('@relation x\n@attribute a real\n@attribute b {0,1}\n@data\n1,0, {5}\n',
     'between two. Leave out weights of rows.$'),
    ('@relation x\n', 'got 0 attributes'),
    ('@relation x\n@attribute y {0,1}\n@attribute series relational\n'
     '@attribute a real\n@end series\n@data\n1,"2\\n3"\n',
     'got a relational one in line 3: write its values as attributes of'),
    (',,,\n,,,\n', 'must have rows, got empty cells alone'),
    (b'\x89PNG\r\n\x1a\n' + bytes(range(256)), 'got a PNG image: save a tab'),
    (b'\xff\xd8\xff\xe0\x00\x10JFIF', 'got a JPEG image: save a table'),
    (b'GIF89a\x01\x00\x01\x00', 'got a GIF image: save a table with the'),
    (b'PK\x03\x04 a spreadsheet', 'save a spreadsheet as CSV'),
    ('\n \n', 'must have rows, got an empty file'),
    (b'\x1f\x8b\x08\x00 packed', 'got gzip: unpack it'),
    (b'\x93NUMPY\x01\x00v\x00', 'got .npy, one array'),
    (b'%PDF-1.4\n1 0 obj\n', 'got a PDF: save it as CSV'),
    ('<table><tr>\n<td>1</td>', 'JSON or markup'),
    (b'\x80\x04]\x94K\x01a.', 'got a pickle, which is code: save CSV'),
    ('{"a": 1, "y": 0}\n{"a": 2, "y": 1}\n', r'got \'{"a": 1, .* CSV'),
    ('<!DOCTYPE html>\n<p>1,2', 'JSON or markup'),
    ('<?xml version="1.0"?>\n<a>1</a>', 'JSON or markup'),
    ('<rows>\n<row a="1"/>\n</rows>\n', 'JSON or markup'),
    ('[[1, 2],\n [3, 4]]\n', 'JSON or markup'),
    ('sep=;', 'rows.txt must have rows, got no line with cells.$'),
    ('\n# a note\n\nsep=,\n\n', 'must have rows, got no line with cells'),
    ('word\nword\n', 'lines of one cell'),
    ('"a,b,c"\n"1,2,0"\n"3,4,1"\n', 'quotes as a whole, remove these'),
    ('a,b,c\n1,2,0\n3\n3,4,1\n3,4,1\n', 'got 1 cell in line 3'),
    ('x,y,z\n1,2\n3,4\n', 'got 3 cells in line 1, 2 in most'),
    ('1,2\n1,"2\n3,4\n5,6\n', 'quote')])
def test_what_is_no_table(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        table(tmp_path, content)


@pytest.mark.parametrize('content', ['# only a comment', 'sep=;\n', '%\n#'])
def test_no_rows_between_given_separators(tmp_path, content):
    with pytest.raises(ValueError, match='must have rows, got no line with'):
        table(tmp_path, content, sep=',')


@pytest.mark.parametrize('content, words', [
    (b'PK\x05\x06' + bytes(18), 'got a zip file'),
    (b'PK\x07\x08PK\x03\x04', 'got a zip file'),
    (bz2.compress(b'1,2,0\n' * 9), 'got bzip2: unpack it'),
    (bz2.compress(b''), 'got bzip2: unpack it'),
    (lzma.compress(b'1,2,0\n'), 'got xz: unpack it'),
    *[(pickle.dumps([1.5, 'a'], protocol), 'got a pickle, which is code')
      for protocol in range(2, 6)],
    # as pyarrow 26 writes a table of one row, ORC also compressed
    (b'PAR1\x15\x04\x15\x10\x15\x14L\x15\x02\x15\x00\x12', 'got Parquet'),
    (b'ORC\n\x06\x12\x04\x08\x01P\x00\n&\n\x01\x00', 'got ORC: save it'),
    (b'ORC\x11\x00\x00\n\x06\x12\x04\x08\x01P\x006', 'got ORC: save it'),
    (b'ARROW1\x00\x00\xff\xff\xff\xff\xa0\x00\x00', 'got Feather'),
    (b'FEA1\x00\x00\x00\x00\x00\x00\xe0?', 'got Feather'),
    (b'\x89HDF\r\n\x1a\n\x00\x00', 'got HDF5'),
    (b'MATLAB 7.3 MAT-file, Platform: GLNXA64', 'got MATLAB'),
    (b'$FL2@(#) IBM SPSS STATISTICS', 'got SPSS'),
    (b'{\\rtf1\\ansi 1,2}', 'got RTF'), (b'Obj\x01\x04\x16', 'got Avro')])
def test_a_format_is_named_by_its_mark(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        table(tmp_path, content)


def test_files_of_other_programs_are_named(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / 'a.db')) as base:
        base.execute('create table rows (a, b)')
    scipy.io.savemat(tmp_path / 'a.mat', {'X': np.eye(3)})
    for name, what in ('a.db', 'a data base'), ('a.mat', 'MATLAB'):
        with pytest.raises(ValueError, match=f'got {what}: save it as CSV'):
            read_file(str(tmp_path / name), ReadOptions(), 'data')


@pytest.mark.parametrize('name', [
    'PK', 'PKW', 'BZh', 'BZh9', 'PAR1', 'ORC', 'ORCID', 'FEA1', 'ARROW1',
    'SQLite', 'SQLite format', 'MATLAB', 'MATLAB score', 'GIF89a', '€/m2',
    '€', '%PDF', '{\\rtf', '$FL2', '<lod', '<NA>', '<b>', '<tables',
    '[ "a" ]', '{"a"}'])
@pytest.mark.parametrize('ending', ['', '\0\0\x1a'])
def test_a_column_may_have_the_name_of_a_format(tmp_path, name, ending):
    text = f'{name},b,y\n1.5,2,no\n2.5,3,yes\n3,4,no\n4,5,yes\n{ending}'
    raw = table(tmp_path, text.encode('cp1252'))
    assert list(raw.frame)[0] == name and len(raw.frame) == 4


@pytest.mark.parametrize('first', ['<NA>', '<lod', '< 5', '["a"]', '[ "a" ]'])
def test_a_first_cell_is_no_markup(tmp_path, first):
    text = ''.join(f'{cell},{k}.5,no\n{k},2.5,yes\n' for k, cell in enumerate(
        [first, '1', '2']))
    assert table(tmp_path, text).frame.iloc[0, 0] == first


def test_one_cell_between_given_separators(tmp_path):
    with pytest.raises(ValueError, match=r'lines of one cell \(semicolon '
                       r'between cells\): --sep names another separator\.$'):
        table(tmp_path, '1,2\n3,4\n', sep='semicolon')


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'cp037'])
@pytest.mark.parametrize('options', [{}, {'sep': ','}])
def test_an_encoding_that_is_wrong_may_be_left_out(tmp_path, encoding,
                                                   options):
    text = 'a,b,y\n1,2,no\n3,4,yes\n5,6,no\n'
    text += ' ' * (len(text) % 2)  # two bytes a sign
    with pytest.raises(ValueError, match='lines of one cell.*Or leave out '
                       f"--encoding, got '{encoding}'"):
        table(tmp_path, text, encoding=encoding, **options)
    assert len(table(tmp_path, text).frame) == 3


def test_unknown_encoding(tmp_path):
    with pytest.raises(ValueError, match='text in klingon.* --encoding'):
        table(tmp_path, '1,2\n', encoding='klingon')


def test_large_numbers_of_rows_are_read_fast(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 20))
    raw = table(tmp_path, '\n'.join(','.join(map(repr, row))
                                    for row in x.tolist()))
    assert (raw.frame.to_numpy().astype(float) == x).all()


@pytest.mark.parametrize('text', [
    '2021-01-01 00:00:00,-1.18,-1.77,0\n2021-01-02 01:30:00,1.2,3.4,1\n',
    '-1.18, 0:00, -1.77, 0\n1.2, 1:30, 3.4, 1\n',
    '-1.18\t0:00\t-1.77\t0\n1.2\t1:30\t3.4\t1\n',
    'a,b,label,when\n1.5,2,no,2020-01-01 12:30\n2.5,3,yes,2020-01-02 1:45\n',
    'a,b,label,odds\n1.5,2,no,about 1:3\n2.5,3,yes,about 2:5\n',
    '1.5\t2\tno\tabout 1:3\n2.5\t3\tyes\tabout 2:5\n'])
def test_a_time_makes_no_libsvm(tmp_path, text):
    raw = table(tmp_path, text)
    assert raw.found.startswith(('comma', 'tab')) and len(raw.frame) == 2
    assert raw.frame.shape[1] == 4


@pytest.mark.parametrize('sep', list(',;|\t ~'))
def test_cells_with_colons_at_the_end_are_no_libsvm(tmp_path, sep):
    """Also where all but the first have one, if the separator is typed."""
    rows = [(k, f'{k}:30', f'{k + 1}:45') for k in range(5)]
    raw = table(tmp_path, text_of(rows, sep), sep=sep)
    assert cells(raw) == [list(map(str, row)) for row in rows]
    rows = [(k, 'x', f'1/2 {k}:30') for k in range(5)]
    if sep in ',;|':
        assert cells(table(tmp_path, text_of(rows, sep))) == [
            list(map(str, row)) for row in rows]


@pytest.mark.parametrize('text', [
    ',-1.77,0\n1.2,3.4,1\n2.5,.1,0\n', '|-1.2|-1.8|0|\n|1.2|3.4|1|\n',
    '1,2,3,no\n4,2,5,yes\n2,2,1,no\n', '0,1,2,a\n5,5,5,b\n7,1,3,a\n',
    '5,6,7,8,9,a\n5,5,5,2,1,b\n7,1,3,2,8,a\n', '2,4,6,8,10\n.5,1,1,0,1\n'])
def test_a_first_line_of_numbers_is_a_row(tmp_path, text):
    """Also where a cell is missing, or where it counts."""
    raw = table(tmp_path, text)
    assert 'no header' in raw.found and len(raw.frame) == text.count('\n')


def test_a_cell_may_be_a_document(tmp_path):
    raw = table(tmp_path, f'text,y\n"{"word " * 40000}",0\nshort,1\n')
    assert len(raw.frame['text'][0]) == 5 * 40000 - 1


def test_a_separator_is_one_character(tmp_path):
    with pytest.raises(ValueError, match="`sep` must be one character .*'::'"):
        table(tmp_path, '1::2::0\n3::4::1\n', sep='::')


def test_a_dropped_column_need_not_be_in_the_test_file(tmp_path):
    (tmp_path / 'train').write_text('id,a,y\n7,1.5,no\n8,2.5,yes\n')
    (tmp_path / 'test').write_text('a,y\n1.25,no\n2.75,yes\n')
    found = read_tables(str(tmp_path / 'train'), ReadOptions(
        test=str(tmp_path / 'test'), drop=('id',)))['test']
    assert found.frame['a'].tolist() == ['1.25', '2.75']
    with pytest.raises(ValueError, match='got none with the name `id`'):
        read_tables(str(tmp_path / 'train'), ReadOptions(
            test=str(tmp_path / 'test')))


@pytest.mark.parametrize('line, kind', [
    ('{y} 1:0,{a} 2:-0,{b} 3:1,5', 'other pairs'),
    ('{y} a:0.{a} b:-0.{b}', 'other pairs'), ('{y} ab:{a} c_d:{b}e-3', 'o'),
    ('{y} |f a:0.{a} b:-0.{b}', 'Vowpal Wabbit text'),
    ('{y} | a:0.{a} b:-0.{b} |g c:{a}', 'Vowpal Wabbit text')])
def test_pairs_that_are_no_libsvm_are_named(tmp_path, line, kind):
    text = ''.join(line.format(y=k % 2, a=k + 1, b=k % 7) + '\n'
                   for k in range(40))
    with pytest.raises(ValueError, match=(
            r'rows.txt must be a table or LIBSVM text, .* index:value .*, got '
            f"{kind}.*, '0 ")):
        table(tmp_path, text)
    assert len(table(tmp_path, text, sep='space').frame) == 40


@pytest.mark.parametrize('line', [
    '2020-01-01 10:3{a},5,{y}', '20200101 10:3{a},{y}', 'Mo 10:30 11:4{a},{y}',
    '{a} | 10:30 | {y}', '{a} |{y}', '{a};b:{a};{y}', '{a} 10:30:00 {y}',
    '{a} b:{a} {y}', '{a}\tb:{a} c:{a}\t{y}'])
def test_tables_with_colons_are_no_pairs(tmp_path, line):
    raw = table(tmp_path, ''.join(
        line.format(y=k % 2, a=k % 10) + '\n' for k in range(40)))
    assert raw.frame.iloc[:, -1].tolist() == ['0', '1'] * 20


@pytest.mark.parametrize('said', [
    'He said "yes, {}', 'so, {} times, or more', '5" by {}", flat',
    'a; b, {}'])
def test_texts_between_tabs_keep_their_spaces(tmp_path, said):
    rows = [(said.format(k), k / 8, k % 2) for k in range(40)]
    raw = table(tmp_path, text_of([('text', 'a', 'y'), *rows], '\t'))
    assert cells(raw) == [list(map(str, row)) for row in rows]
    mixed = table(tmp_path, ''.join(
        f'{k} {k}.5\t{k % 2}\n' for k in range(40)))
    assert mixed.frame.shape == (40, 3)  # a tab among spaces


OPEN = [('a', 'size', 'label'), (0, 's', 0), (1, '"5{}in', 1), (2, 's', 1),
        (3, 's', 1), (4, '7"{}in', 0), (5, 's', 1), (6, 's', 0)]


@pytest.mark.parametrize('sep', [',', ';', '\t', '|', ' '])
@pytest.mark.parametrize('order', [[0, 1, 2], [1, 0, 2], [0, 2, 1]])
@pytest.mark.parametrize('rows', [OPEN, [*OPEN[:3], *OPEN[5:]], OPEN[2:]])
def test_rows_between_two_quotes_are_not_swallowed(tmp_path, sep, order,
                                                   rows):
    """The merged row would have the features of one line and the label of
    another."""
    text = text_of([[row[j] for j in order] for row in rows], sep).replace(
        '{}', '' if sep == ' ' else ' ')
    lines = [i + 1 for i, row in enumerate(rows) if '"' in str(row[1])]
    n = lines[1] - lines[0]
    with pytest.raises(ValueError, match=(
            f'quotes in pairs, got one in line {lines[0]} that line '
            f'{lines[1]} closes, and {n} of the {n} lines after it look')):
        table(tmp_path, text, sep=sep)
    closed = text[:text.rindex('"')] + text[text.rindex('"') + 1:]
    with pytest.raises(ValueError, match=(
            f'quotes in pairs, got .* line {lines[0]}')):
        table(tmp_path, closed, sep=sep)


@pytest.mark.parametrize('sep', [',', ';', '\t', '|', ' '])
@pytest.mark.parametrize('said', [
    'Hello{0}you\nBye{0}Bob', 'so\n\n1{0}2\n3{0}4\n5', 'He said ""yes""\nand',
    '{0}\n{0}{0}\n', 'on the 1st{0} 7\nlines\n2{0} x{0} 9'])
@pytest.mark.parametrize('order', [[0, 1], [1, 0], [0, 2, 1], [1, 2, 0],
                                   [2, 0, 1], [0, 1, 3], [1, 3, 0]])
def test_a_cell_may_have_several_lines(tmp_path, sep, said, order):
    rows = [(f'"{said.format(sep)} {k}"', 'ham' if k % 3 else 'spam', k / 8,
             f'"{k}\nth"') for k in range(30)]
    raw = table(tmp_path, text_of(
        [[row[j] for j in order] for row in rows], sep), sep=sep, header='no')
    plain = [[row[0][1:-1].replace('""', '"').strip(), row[1], str(row[2]),
              row[3][1:-1]] for row in rows]
    assert cells(raw) == [[row[j] for j in order] for row in plain]
    size = 1 + said.count('\n') * (0 in order) + (3 in order)
    assert raw.lines.tolist() == list(range(1, 30 * size, size))


def test_cells_between_spaces_may_have_several_lines(tmp_path):
    raw = table(tmp_path, 'a text y\n1 "two\nlines"\t0 \n2 one   1\n 3 "" 0\n')
    assert cells(raw) == [['1', 'two\nlines', '0'], ['2', 'one', '1'],
                          ['3', '', '0']]
    assert raw.lines.tolist() == [2, 4, 5]


@pytest.mark.parametrize('first, has_names', [
    ('a,b,kind,4', True), ('a,b,3,4', False), ('a,2,3,4', False)])
def test_more_words_than_numbers_over_numbers_are_names(tmp_path, first,
                                                        has_names):
    """A line with as many of both is a row with a word for missing."""
    raw = table(tmp_path, f'{first}\n' + '1.5,3.5,4.5,0\n' * 6)
    assert raw.has_names is has_names


@pytest.mark.parametrize('sep', [',', '\t'])
@pytest.mark.parametrize('mark', ['#', '%'])
@pytest.mark.parametrize('marked', [range(3), range(40), [0, 9], []])
@pytest.mark.parametrize('header', [None, 'tag', '#tag', '%tag'])
@pytest.mark.parametrize('comments', [0, 2])
def test_rows_that_begin_as_comments_are_read(tmp_path, sep, mark, marked,
                                              header, comments):
    """A line with # or % is a comment if it has other cells than the table."""
    rows = [(f'{mark if k in marked else ""}{k % 7}x', k / 8, k % 2)
            for k in range(40)]
    head = [] if header is None else [(header, 'a', 'label')]
    text = f'{mark} made by hand{sep} today\n{mark}\n' * (comments // 2)
    raw = table(tmp_path, text + text_of([*head, *rows], sep))
    assert cells(raw) == [list(map(str, row)) for row in rows]
    assert list(raw.frame)[0] == (header or 'column 1').lstrip('#')
    first = comments + len(head) + 1
    assert raw.lines.tolist() == list(range(first, first + 40))
    said = f', comment lines left out: {comments}'
    assert (said in raw.found) if comments else ('comment' not in raw.found)


@pytest.mark.parametrize('n', [3, 299, 301, 501, 2000])
@pytest.mark.parametrize('first, row, found', [
    ('@relation x\n@attribute a real\n@attribute y {0,1}\n@data', '{},{}',
     'ARFF'), ('', '{1} 1:{0}.5', 'LIBSVM'), ('a;y', '{};{}', 'semicolon'),
    ('', '{}  {}', 'space'), ('', '{} {} 2', 'space')])
@pytest.mark.parametrize('line', [
    '% by: hand; 1;2\n', '# x 1:2 y 2:3\n', '\n'])
def test_any_number_of_comments_may_come_first(tmp_path, n, first, row, found,
                                               line):
    line = line.replace('#', '%') if found == 'ARFF' else line.replace(
        '%', '#') if found == 'LIBSVM' else line
    rows = '\n'.join(row.format(k, k % 2) for k in range(20))
    raw = table(tmp_path, line * n + f'{first}\n{rows}\n')
    assert raw.found.startswith(found) and len(raw.frame) == 20


@pytest.mark.parametrize('padding', ['\n\x1a', '\0\0\0', '\r\n\x1a\0\n', '\n'])
@pytest.mark.parametrize('content, found', [
    ('a,b,y\n1,2,0\n3,4,1', 'comma'), ('a\tb\ty\n1\t2\tno\n3\t4\t', 'tab'),
    ('1 1:2\n0 1:3', 'LIBSVM')])
def test_padding_at_the_end_is_no_row(tmp_path, padding, content, found):
    plain = table(tmp_path, content)
    raw = table(tmp_path, content + padding)
    assert raw.found == plain.found and found in raw.found
    assert cells(raw) == cells(plain) and len(raw.frame) == 2
    with pytest.raises(ValueError, match='bytes of another format'):
        table(tmp_path, content.replace('2', '2\0'))


@pytest.mark.parametrize('typed, sign, other', [(',', '.', ','),
                                                ('.', ',', '.')])
def test_the_other_decimal_sign_is_advised(tmp_path, typed, sign, other):
    path = tmp_path / 'rows.csv'
    path.write_text('a;b;kind\n' + ''.join(
        f'{k}{sign}25;{k};{k % 2}\n' for k in range(30)))
    with raises(ValueError, f"column `a` must hold numbers, got '0{sign}25'",
                f'as -1234{other}5 or 1{other}2e-3 (a decimal ',
                f': --decimal {sign})'):
        load_data(str(path), sep=';', decimal=typed)


@pytest.mark.parametrize('make, error', [
    (lambda path: path.mkdir(), IsADirectoryError),
    (lambda path: None, FileNotFoundError)])
@pytest.mark.parametrize('ending', ['csv', 'npz'])
def test_a_path_that_cannot_be_read_is_of_an_option(tmp_path, make, error,
                                                    ending):
    good, bad = tmp_path / 'rows.csv', tmp_path / f'bad.{ending}'
    good.write_text('a,kind\n' + ''.join(f'{k},{k % 2}\n' for k in range(30)))
    make(bad)
    with raises(error, '`data` (--data) cannot be read: ', f"'{bad}'"):
        load_data(str(bad))
    with raises(error, '`test` (--test) cannot be read: ', f"'{bad}'"):
        load_data(str(good), test=str(bad))
