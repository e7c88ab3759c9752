"""Tables as text: what separates the cells, whether there is a header.

pandas reads the cells. What is decided here is decided from the first lines,
is said to the user, and can be overridden.
"""
import csv
import io
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

SAMPLE = 500  # lines that decide
SEPARATORS = {'comma': ',', 'semicolon': ';', 'tab': '\t', 'bar': '|',
              'space': ' '}
MISSING = ('', '?', 'na', 'n/a', '#n/a', 'nan', '-nan', 'null', 'none', '<na>',
           '-', '.', '*')
NUMBER = re.compile(r'[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?$')
GROUPED = re.compile(r'[+-]?\d{1,3}([.,]\d{3})+([.,]\d+)?$')


@dataclass(frozen=True)
class RawTable:
    """Cells of a file, as text or numbers.

    Attributes
    ----------
    path : str
    frame : DataFrame
        A column of the file each; names are unique.
    lines : ndarray
        Line of the file of each row; row number where it has no lines.
    found : str
        What was detected, in words.
    label : int
        Column of the label by default.
    decimal : str
    has_names : bool
        Whether the names are those of the file.
    unnamed : tuple of str
        Columns that a header leaves without a name.

    """

    path: str
    frame: pd.DataFrame
    lines: np.ndarray
    found: str
    label: int = -1
    decimal: str = '.'
    has_names: bool = True
    unnamed: tuple = ()


def read_text(path, text, coding, options):
    """The cells of a text whose lines are rows.

    Parameters
    ----------
    path : str
    text : str
        With newlines as line ends.
    coding : str
        Name of the encoding, for `found`.
    options : ReadOptions

    Returns
    -------
    RawTable

    """
    text, sep = _skip_prefix(text, options.sep)
    sep = sep or _detect_separator(path, text)
    rows, lines = split_lines(text, sep)
    widths = np.array([len(row) for row in rows])
    n_columns, short_header = _width(path, widths, lines, sep)
    frame = _parse(path, text, sep, n_columns, lines)[widths > 0]
    lines = lines[widths > 0]
    if short_header:
        _shift_header(frame)
    is_full = (frame != '').any(axis=1)
    frame, lines = frame[is_full], lines[is_full.to_numpy()]
    decimal = options.decimal or _detect_decimal(frame)
    has_header = {'yes': True, 'no': False}.get(
        options.header, _has_header(frame))
    found = ', '.join((
        f'{_name(sep)} between cells',
        *(['decimal comma'] if decimal == ',' else []),
        'first line is a header' if has_header else 'no header', coding))
    names = frame.iloc[0].tolist() if has_header else [''] * n_columns
    if has_header:
        frame, lines = frame[1:], lines[1:]
    return finish(path, frame, lines, names, found, decimal, has_header)


def finish(path, frame, lines, names, found, decimal='.', has_header=True):
    """The `RawTable` of cells: columns without a name get a number, those
    without a name and without a cell go."""
    keep = [j for j, name in enumerate(names)
            if name.strip('# ') or not has_header
            or (frame.iloc[:, j] != '').any()]
    frame, used = frame.iloc[:, keep].reset_index(drop=True), set()
    unnamed, final = [], []
    for j in keep:
        base = name = names[j].strip().lstrip('#').strip() \
            or f'column {j + 1}'
        k = 1
        while name in used:
            k += 1
            name = f'{base}.{k}'
        used.add(name)
        final.append(name)
        if has_header and re.fullmatch(r'column \d+|Unnamed: \d+', name):
            unnamed.append(name)
    frame.columns = final
    for name in final:  # quotes that are no CSV quotes
        cells = frame[name]
        if len(cells) and cells.str.fullmatch(r"'.*'|").all():
            frame[name] = cells.str.strip("'").str.strip()
    return RawTable(path, frame, lines, found, decimal=decimal,
                    has_names=has_header, unnamed=tuple(unnamed))


def _skip_prefix(text, sep):
    """Blank what stands before the table: comments, Excel's ``sep=;``."""
    sep = SEPARATORS.get(sep, '\t' if sep == '\\t' else sep)
    lines = text.split('\n')
    for i, line in enumerate(lines[:SAMPLE]):
        given = re.fullmatch(r'"?sep=(.)"?', line.strip('\r'))
        if given:
            lines[i], sep = '', sep or given[1]
        elif line[:1] in '#%' and line and not _is_header(line, lines[i + 1:]):
            lines[i] = ''
        elif line.strip():
            break
    return '\n'.join(lines), sep


def _is_header(line, after):
    """Whether a comment has the cells of the line after it: a header."""
    after = next((other for other in after if other.strip()), '')
    return any(line.count(sep) == after.count(sep) > 0
               for sep in (',', ';', '\t', '|')) and after[:1] not in '#%'


def split_lines(text, sep):
    """Cells of each record, and the line of the file where it begins."""
    if sep == ' ':
        rows = [line.split() for line in text.split('\n')]
        return rows, np.arange(1, len(rows) + 1)
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=sep,
                        skipinitialspace=sep != '\t')
    rows, lines, end = [], [], 0
    for row in reader:
        rows.append([] if not ''.join(row).strip() and len(row) < 2 else row)
        lines.append(end + 1)
        end = reader.line_num
    return rows, np.array(lines, dtype=int)


def _detect_separator(path, text):
    """The separator that gives rows of one length, of most numbers."""
    sample = '\n'.join(text.split('\n', SAMPLE + 1)[:SAMPLE])
    scores = []
    for sep in SEPARATORS.values():
        rows = [row for row in split_lines(sample, sep)[0] if row]
        widths = [len(row) for row in rows]
        width = max(set(widths), key=widths.count, default=0)
        if width < 2:
            continue
        cells = [cell.strip() for row in rows[1:] or rows for cell in row]
        numbers = sum(bool(NUMBER.match(cell) or GROUPED.match(cell)
                           or cell.lower() in MISSING) for cell in cells)
        even = widths.count(width) / len(widths)
        scores.append((even > .9, numbers / max(len(cells), 1), width, sep))
    if not scores and text.count('"') % 2:
        line = text[:text.rindex('"')].count('\n') + 1
        raise ValueError(f'{path} must have quotes in pairs, got an odd '
                         f'number, the last in line {line}.')
    if not scores:
        raise ValueError(
            f'{path} must have features and a label in each line, separated '
            f'by {", ".join(SEPARATORS)}, got lines of one cell: --sep names '
            'another separator.')
    return max(scores, key=lambda score: score[:3])[3]


def _width(path, widths, lines, sep):
    """Number of cells of each row; True if the header has one fewer."""
    full = widths[widths > 0]
    if not full.size or full.max() < 2:
        raise ValueError(
            f'{path} must have features and a label in each line, got lines '
            f'of one cell between {_name(sep)}: --sep names the separator.')
    width = int(np.bincount(full[1:] if full.size > 1 else full).argmax())
    bad = (widths > 0) & (widths != width)
    first = int(np.argmax(widths > 0))
    short_header = full.size > 1 and widths[first] == width - 1
    bad[first] &= not short_header
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f'{path} must have rows of one length, got {widths[i]} cells in '
            f'line {lines[i]}, {width} in most lines (lines of another '
            f'length: {bad.sum()}; between cells: {_name(sep)}). Correct '
            'them, or name the separator with --sep.')
    return width, short_header


def _parse(path, text, sep, n_columns, lines):
    """All cells as text, by pandas; a row for each record."""
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=r'\s+' if sep == ' ' else sep, header=None,
            names=range(n_columns), index_col=False, dtype=object,
            keep_default_na=False, skip_blank_lines=False,
            skipinitialspace=sep != '\t')
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(
            f'{path} must be a table of text, got: {error} The last record '
            f'begins in line {lines[-1]}: is a quote not closed?') from error
    # pandas counts no blank line at the end
    frame = frame.reindex(range(len(lines)), fill_value='').fillna('')
    return frame.apply(lambda column: column.str.strip())


def _shift_header(frame):
    """A header of one name fewer: row names come first, or the lines end
    with a separator."""
    if (frame.iloc[1:, -1] != '').any():
        frame.iloc[0] = ['', *frame.iloc[0, :-1]]


def _detect_decimal(frame):
    """A comma if numbers have one, and none has a point."""
    cells = frame[:SAMPLE].to_numpy().ravel().tolist()
    comma = any(re.fullmatch(r'[+-]?\d*,\d+([eE][+-]?\d+)?', cell)
                for cell in cells)
    point = any(re.fullmatch(r'[+-]?\d*\.\d+([eE][+-]?\d+)?', cell)
                for cell in cells)
    return ',' if comma and not point else '.'


def _has_header(frame):
    """Whether the first line has names: no numbers over columns of numbers,
    0, 1, 2 ..., or in columns of text words that do not come again."""
    first, rest = frame.iloc[0].tolist(), frame[1:SAMPLE]
    counts = [int(cell) for cell in first if cell.isdecimal()]
    if (len(counts) > 2 or counts and not first[0]) and counts[0] < 2 \
            and all(np.diff(counts) == 1):
        return True
    yes = no = new = words = 0
    for j, cell in enumerate(first):
        cells = [other for other in rest.iloc[:, j].tolist()
                 if other.lower() not in MISSING]
        if cells and all(map(NUMBER.match, cells)):
            yes += not NUMBER.match(cell) and cell.lower() not in MISSING
            no += bool(NUMBER.match(cell))
        elif cells:
            words += 1
            new += cell not in cells and not NUMBER.match(cell)
    return yes > no if yes or no else 2 * new > words


def _name(sep):
    """The separator in words."""
    return {value: name for name, value in SEPARATORS.items()}.get(
        sep, repr(sep))
