"""LIBSVM text, ARFF text and .npz files."""
import io
import os
import re
from dataclasses import replace

import numpy as np
import pandas as pd

from secml_regpoison.limits import LARGEST_DENSE
from secml_regpoison.npz import NpzReader
from secml_regpoison.terminal import count_rows
from .detect import NUMBER
from .text import RawTable, finish

QUOTED = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\""""
ATTRIBUTE = re.compile(rf'\s*@(\w+)\s*({QUOTED}|[^\s{{]*)')
# the values of an ARFF row, in quotes of either kind or bare; a comment
VALUE = re.compile(rf'\s*({QUOTED}|[^,]*?)\s*(,|(?<=\s)%.*|$)')
# a number and two of name:value, of |name (Vowpal Wabbit), or of 1:0,5
PAIRS = re.compile(r'\s*[+-]?[\d.]+(\s+(\|\S*|[^\s:|,;]+:[+-]?\d*[.,]?\d+'
                   r'(e[+-]?\d+)?)){2,}\s*', re.IGNORECASE)


def refuse_pairs(path, lines):
    """Raise ValueError where most lines hold name:value, or index:value with
    decimal commas: no LIBSVM text and no table."""
    found = [line for line in lines if PAIRS.fullmatch(line) and ':' in line]
    if 2 * len(found) <= len(lines):
        return
    kind = 'Vowpal Wabbit text' if '|' in found[0] else 'other pairs'
    raise ValueError(
        f'{path} must be a table or LIBSVM text, a number as label and '
        'index:value with whole numbers as indices and decimal points, got '
        f'{kind}, {found[0].strip()[:40]!r}. Write the lines so.')


def read_libsvm(path, text):
    """LIBSVM text, by scikit-learn; the label comes first.

    Features have the numbers of the file; there is a feature 0 if a row
    writes one.
    """
    from sklearn.datasets import load_svmlight_file
    lines = re.sub(r'#.*', '', text).split('\n')
    try:
        x, y = load_svmlight_file(
            io.BytesIO('\n'.join(lines).encode()), zero_based=True)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f'{path} must be LIBSVM text, a number as label and index:value '
            'with rising indices from 0 or 1, below 2**31, got '
            f'{_first_bad_line(lines) or error}.') from error
    if x.shape[0] * x.shape[1] > LARGEST_DENSE:
        raise ValueError(
            f'{path} must be at most {LARGEST_DENSE:g} cells when zeros are '
            f'written out, got {x.shape[0]} x {x.shape[1]}: select columns.')
    first = int(not (x.indices == 0).any())
    frame = pd.DataFrame(x.toarray()[:, first:], columns=[
        f'feature {j}' for j in range(first, x.shape[1])])
    if not frame.size:
        raise ValueError(f'{path} must have a feature, got labels alone.')
    if (abs(y) >= 2 ** 53).any():  # several labels may be one float
        y = [line.split()[0] for line in lines if line.strip()]
    frame.insert(0, 'label', y)
    found = 'LIBSVM' + ', qid is not used' * bool(re.search(r'\sqid:', text))
    return RawTable(path, frame, np.array([
        i for i, line in enumerate(lines, 1) if line.strip()]), found, label=0)


def _first_bad_line(lines):
    """The first line that is none of LIBSVM, in words, or None."""
    for i, line in enumerate(lines, 1):
        try:
            label, *pairs = line.split() or ['0']
            last = -1
            for pair in pairs:
                index, value = pair.split(':')
                if index != 'qid' and not last < int(index) < 2 ** 31:
                    raise ValueError
                last = last if index == 'qid' else int(index)
                float(value)
            float(label)
        except ValueError:
            return f'{line.strip()[:40]!r} (line {i})'
    return None


def read_arff(path, text, label=None):
    """ARFF: the names from the header, the rows as text. KEEL's ``@outputs``
    names the label unless the user does, `label`."""
    lines = text.split('\n')
    names, codes, outputs, i = [], [], [], 0
    for i, line in enumerate(lines):
        word = ATTRIBUTE.match(line)
        if word and word[1].lower() == 'attribute':
            _refuse_relational(path, line[word.end():], i)
            names.append(_unquote(word[2]))
            codes.append(_are_codes(line[word.end(2):].strip()))
        elif word and word[1].lower() in ('output', 'outputs'):
            outputs += filter(None, _values(line[word.end(1):]))
        elif word and word[1].lower() == 'data':
            break
    rows = {k: line for k, line in enumerate(lines[i + 1:], i + 2)
            if line.strip() and line.lstrip()[0] != '%'}
    if not names or not rows:
        raise ValueError(f'{path} must have @attribute lines, @data and rows '
                         f'after it, got {len(names)} attributes.')
    cells = [_values(line.strip()) for line in rows.values()]
    for k, row in zip(rows, cells):
        if len(row) == len(names) + 1 and not row[-1]:
            row.pop()  # the row ends with a comma
        if len(row) != len(names) or row[0].startswith('{'):
            raise ValueError(
                f'{path} must have a value for each of {len(names)} '
                f'attributes in each row, got {rows[k][:40]!r} in line {k}: '
                'a comma stands between two.'
                + (' Sparse rows must be written out.'
                   if row[0].startswith('{') else ' Leave out weights of rows.'
                   if row[-1].startswith('{') else ''))
    table = finish(path, pd.DataFrame(cells, dtype=object),
                   np.array(list(rows)), names, 'ARFF')
    table = replace(table, codes=tuple(
        name for name, are_codes in zip(table.frame, codes) if are_codes))
    if label is None and outputs:
        table = replace(table, label=_find_output(path, names, outputs))
    return table


def _refuse_relational(path, kind, i):
    """Raise ValueError where the value of an attribute is a table."""
    if kind.strip().lower() == 'relational':
        raise ValueError(
            f'{path} must have attributes of one value in each row, got a '
            f'relational one in line {i + 1}: write its values as attributes '
            'of their own.')


def _are_codes(declared):
    """Whether three numbers or more, {1,2,3}, are declared as categories."""
    match = re.match(r'{([^}]*)}', declared)
    found = set(_values(match[1]) if match else ()) - {'?'}
    return len(found) > 2 and all(map(NUMBER.match, found))


def _find_output(path, names, outputs):
    """The position of the one output, in other case if need be."""
    found = [j for j, name in enumerate(names) if name == outputs[0]] or [
        j for j, name in enumerate(names)
        if name.casefold() == outputs[0].casefold()]
    if len(outputs) > 1 or len(found) != 1:
        raise ValueError(
            f'{path} must have one of its attributes in @outputs, the label, '
            f'got {", ".join(outputs)}: name it with --label, and leave out '
            'other labels with --drop.')
    return found[0]


def _values(line):
    """The values of a row, without their quotes."""
    values, comma, end = [], ',', 0
    while comma == ',':
        match = VALUE.match(line, end)
        value, comma, end = match[1], match[2], match.end()
        values.append(_unquote(value))
    return values


def _unquote(value):
    """A value or a name without its quotes."""
    if value[:1] in ('"', "'") and value[-1:] == value[:1] != value:
        value = re.sub(r'\\(.)', r'\1', value[1:-1].replace(
            2 * value[0], value[0]))
    return value.strip()


def read_npz(path):
    """Parts X, y or X_train, y_train; X_val, y_val and X_test, y_test."""
    is_empty = not os.path.getsize(path)
    if is_empty or not path.lower().endswith('.npz'):
        raise ValueError(f'{path} must be a file that numpy.savez wrote, or '
                         f"text, got {'an empty' if is_empty else 'a zip'} "
                         'file: save a spreadsheet as CSV, and unpack a zip '
                         'archive.')
    with NpzReader(path) as arrays:
        first = ('X', 'y') if 'X' in arrays.names else ('X_train', 'y_train')
        pairs = {'pool': first, 'val': ('X_val', 'y_val'),
                 'test': ('X_test', 'y_test')}
        has = {part: [name in arrays.names for name in pair]
               for part, pair in pairs.items()}
        if not all(has['pool']) or any(
                any(found) and not all(found) for found in has.values()):
            raise ValueError(
                f"{path} must hold X and y, or X_train and y_train, and may "
                "hold X_val and y_val, X_test and y_test, got "
                f"{', '.join(arrays.names) or 'nothing'}.")
        pairs = {part: pair for part, pair in pairs.items() if all(has[part])}
        for x, y in pairs.values():
            _check_headers(path, x, arrays.header(x), y, arrays.header(y))
        tables = {part: _of_arrays(path, arrays.read(x, float), arrays.read(y))
                  for part, (x, y) in pairs.items()}
        unused = tuple(name for name in arrays.names
                       if name not in sum(pairs.values(), ()))
    tables['pool'] = replace(tables['pool'], left_out=unused)
    for part, table in tables.items():
        width = tables['pool'].frame.shape[1] - 1
        if table.frame.shape[1] - 1 != width:
            raise ValueError(
                f"`{pairs[part][0]}` of {path} must have "
                f"{count_rows(width, 'column')} as `{first[0]}` has, got "
                f'{table.frame.shape[1] - 1}.')
    return tables


def _check_headers(path, x, header_x, y, header_y):
    """Raise ValueError unless it is a matrix of numbers, and its labels."""
    (shape_x, dtype_x), (shape_y, dtype_y) = header_x, header_y
    if len(shape_x) != 2 or dtype_x.kind not in 'biuf':
        cure = f': save {x}.reshape(len({x}), -1)' if len(shape_x) > 2 else (
            f': save {x}.astype(float)' if dtype_x.kind in 'US' else '')
        raise ValueError(
            f"`{x}` of {path} must be a matrix of numbers, got shape "
            f"{shape_x} of {dtype_x}{cure}.")
    if shape_y not in (shape_x[:1], (*shape_x[:1], 1)):
        raise ValueError(
            f"`{y}` of {path} must have one label for each of the "
            f"{shape_x[0]} rows, got shape {shape_y}" + (
                f': save {y}.argmax(axis=1) if it has a column for each '
                'class.' if len(shape_y) == 2 else '.'))
    if dtype_y.kind not in 'biufU':
        raise ValueError(f"`{y}` of {path} must be numbers or text, got "
                         f"{dtype_y}: save {y}.astype(str).")


def _of_arrays(path, x, y):
    """A table of the features and, last, the label."""
    if not x.size:
        raise ValueError(
            f'{path} must have at least one row and one feature, got '
            f"{count_rows(len(x))} of {count_rows(x.shape[1], 'feature')}.")
    frame = pd.DataFrame(x, columns=[
        f'feature {j + 1}' for j in range(x.shape[1])])
    y = np.char.strip(y.ravel()) if y.dtype.kind == 'U' else y.ravel()
    frame['label'] = pd.Series(  # pandas 3 has a type of its own for text
        y, dtype=object if y.dtype.kind == 'U' else y.dtype)
    return RawTable(path, frame, np.arange(1, len(y) + 1), 'arrays')
