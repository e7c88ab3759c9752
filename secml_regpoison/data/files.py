"""Tables in files of any common format, read as data, never as code.

The format is found from the content: .npz by the first bytes, ARFF by
``@relation``, LIBSVM by ``index:value``; any other text has rows in lines.
"""
import difflib
import re
from dataclasses import replace
from itertools import islice

import numpy as np

from secml_regpoison.terminal import one_line
from .cells import to_numbers
from .cures import list_names
from .decoding import ZIP, decode
from .formats import read_arff, read_libsvm, read_npz, refuse_pairs
from .text import read_text

PAIR = re.compile(r'\s(qid|-?\d+):[^\s,;|:]+(?=\s|$)')


def read_tables(path, options):
    """The parts of a file, and of the one with the test rows; see
    `read_file`."""
    tables = read_file(path, options, 'data')
    _check_options(tables['pool'], 'test' in tables, options)
    if options.test:
        tables['test'] = _like(
            tables['pool'], read_file(options.test, options, 'test')['pool'],
            find_dropped(tables['pool'], options.drop))
    return tables


def _check_options(table, has_test, options):
    """Raise ValueError for options that this file does not use."""
    if options.test and has_test:
        raise ValueError(f'`test` must be left out, as {table.path} has '
                         f'X_test, got {options.test}.')
    kind = table.found.split(',')[0]
    for name in ('sep', 'decimal', 'header',
                 *['encoding'] * (kind == 'arrays')):
        value = getattr(options, name)
        if value and not options.test and kind in ('arrays', 'LIBSVM', 'ARFF'):
            raise ValueError(
                f'`{name}` must be left out with {kind}, got {value!r}: it is '
                f'for other text (--{name}).')


def _like(table, other, dropped):
    """The table `other` with the columns of `table`, in that order, and its
    decimal sign. LIBSVM leaves out what is 0, the last features too; it need
    not have the columns that are dropped."""
    if table.found.startswith('LIBSVM') and other.found.startswith('LIBSVM'):
        other = replace(other, filled=tuple(
            set(table.frame) - set(other.frame)))
        for name in other.filled:
            other.frame[name] = 0.
    if table.decimal != other.decimal:
        for name in other.frame:
            cells = other.frame[name]
            other.frame[name] = cells.where(
                np.isnan(to_numbers(cells, other.decimal)), cells.str.replace(
                    other.decimal, table.decimal, regex=False))
    names, found = list(table.frame), list(other.frame)
    if not (table.has_names and other.has_names):
        if len(names) != len(found):
            raise ValueError(
                f'{other.path} must have {len(names)} columns as {table.path} '
                f'has, got {len(found)}.')
        other.frame.columns = names
        dropped = ()
    for name in set(dropped) - set(other.frame):
        other.frame[name] = ''
    missing = [name for name in names if name not in set(other.frame)]
    if missing:
        raise ValueError(
            f'{other.path} must have the columns of {table.path}, got none '
            f'with the name {list_names(missing)}.')
    return replace(other, frame=other.frame[names], left_out=tuple(
        name for name in other.frame if name not in names))


def find_column(table, asked, option):
    """Name of the column that `asked` names or numbers, from 1.

    Raises
    ------
    ValueError
        If there is none; lists the columns.

    """
    names, text = list(table.frame), one_line(asked)
    if text in names:
        return text
    number = int(text) if re.fullmatch(r'-?\d+', text) else 0
    if 0 < abs(number) <= len(names):
        return names[number - (number > 0)]
    if not table.has_names and text in map(one_line, table.frame.iloc[0]):
        raise ValueError(
            f'`{option}` must be a column of {table.path}, got {text!r}, '
            'which is in the first line, taken as a row: type --header yes.')
    close = difflib.get_close_matches(text, names, 1)
    raise ValueError(
        f'`{option}` must be a column of {table.path}, its name or a number '
        f'from 1 to {len(names)}, got {text!r}. '
        + (f'Did you mean {close[0]!r}? ' if close else '')
        + f'Its columns are {list_names(names, 20)}.')


def find_dropped(table, asked):
    """Names of the columns of `drop`, see `find_column`; names with commas
    may come in parts."""
    names, parts, found = set(table.frame), list(map(str, asked)), []
    most = max(name.count(',') for name in names) + 1
    while parts:
        n = next((n for n in range(most, 1, -1)
                  if one_line(','.join(parts[:n])) in names), 1)
        found.append(find_column(table, ','.join(parts[:n]), 'drop'))
        parts = parts[n:]
    return found


def read_file(path, options, name):
    """The parts of a file.

    Parameters
    ----------
    path : str
    options : ReadOptions
    name : str
        Of the option that gives the path, for errors.

    Returns
    -------
    dict of str to RawTable
        'pool', the rows to draw from, and 'val' and 'test' where a .npz file
        has them.

    Raises
    ------
    ValueError
        If the file is malformed; names the line.
    OSError
        If the file cannot be read.

    """
    try:
        with open(path, 'rb') as stream:
            start = stream.read(8)
            is_npz = path.lower().endswith('.npz') or start.startswith(ZIP)
            content = start if is_npz else start + stream.read()
    except OSError as error:
        raise OSError(error.errno, f'`{name}` (--{name}) cannot be read: '
                      f'{error.strerror}', path) from error
    if is_npz:
        return read_npz(path)
    text, coding = decode(path, content, options.encoding)
    lines = list(islice((line for line in text.split('\n') if line.strip()
                         and line.lstrip()[0] not in '#%'), 300))
    if lines and lines[0].lower().lstrip().startswith('@relation'):
        return {'pool': read_arff(path, text, options.label)}
    if any(map(PAIR.search, lines)) and 2 * sum(
            _is_libsvm(line, options.sep)
            for line in lines) >= len(lines):  # a bad line is named
        return {'pool': read_libsvm(path, text)}
    if not options.sep:
        refuse_pairs(path, lines)
    try:
        return {'pool': read_text(path, text, coding, options)}
    except ValueError as error:
        if options.encoding is None:
            raise
        raise ValueError(f'{error} Or leave out --encoding, got '
                         f'{options.encoding!r}.') from error


def _is_libsvm(line, sep):
    """Whether a line is a label and, for the most part, index:value; none is
    that holds the separator of the user, or one before the first space."""
    line = line.split('#')[0]
    label, *pairs = line.split()
    if sep and sep in line or re.search('[,;|]', label):
        return False
    return 2 * len(PAIR.findall(line)) > len(pairs) or not pairs and bool(
        re.fullmatch(r'[+-]?[\d.]+', label))
