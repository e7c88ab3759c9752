"""Tables as text.

What is detected is said to the user, and can be overridden.
"""
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secml_regpoison.terminal import count_rows, one_line
from .detect import (
    cure_of_one_cell, detect_decimal, detect_separator, sep_name, split_lines)
from .header import count_titles, find_names_again, has_header
from .quotes import refuse_open_quotes

# JSON to the end; XML or HTML by its first tag, or to the same one at the end
MARKUP = re.compile(
    r'\s*([{\[]\s*["{\[].*[}\]]\s*\Z|<(\?xml|!--|!doctype|(html|head|body'
    r'|table|svg)\b|([\w:.-]+)\b.*</\4>\s*\Z))', re.IGNORECASE | re.DOTALL)


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
    left_out : tuple of str
        Columns of a file of test rows that the other file has not; arrays of
        a .npz file that are not used.
    filled : tuple of str
        Features of LIBSVM test rows that the file writes nowhere: all are 0.
    codes : tuple of str
        Columns of numbers that ARFF declares as categories, three or more.

    """

    path: str
    frame: pd.DataFrame
    lines: np.ndarray
    found: str
    label: int = -1
    decimal: str = '.'
    has_names: bool = True
    unnamed: tuple = ()
    left_out: tuple = ()
    filled: tuple = ()
    codes: tuple = ()


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
    if MARKUP.match(text):
        raise ValueError(
            f'{path} must be a table with a row in each line, got '
            f'{text.strip()[:30]!r}, JSON or markup: save it as CSV.')
    is_empty = not text.strip()
    text, sep, n_comments = _skip_prefix(text, options.sep)
    if not text.strip():
        raise ValueError(f'{path} must have rows, got '
                         + ('an empty file.' if is_empty
                            else 'no line with cells.'))
    sep = sep or detect_separator(path, text)
    rows, lines = split_lines(text, sep)
    refuse_open_quotes(path, text, sep, rows, lines)
    cells = [row for row in rows if row]
    _trim_header(cells)
    widths = np.array([len(row) for row in rows])
    n_columns, short_header = _width(path, text, widths, lines, sep)
    if short_header:
        cells[0].append('')
    frame = pd.DataFrame([[cell.strip() for cell in row] for row in cells],
                         dtype=object)
    lines = lines[widths > 0]
    if short_header:
        _shift_header(frame)
    is_full = (frame != '').any(axis=1)
    frame, lines = frame[is_full], lines[is_full.to_numpy()]
    if frame.empty:
        raise ValueError(f'{path} must have rows, got empty cells alone.')
    decimal = options.decimal or detect_decimal(frame)
    frame, lines, names, header = _take_names(frame, lines, options.header)
    found = ', '.join((
        f'{sep_name(sep)} between cells',
        *(['decimal comma'] if decimal == ',' else []), header, coding,
        *([f'comment lines left out: {n_comments}'] if n_comments else [])))
    return finish(path, frame, lines, names or [''] * n_columns, found,
                  decimal, names is not None)


def _take_names(frame, lines, header):
    """The rows, their lines, the names, None if there are none, and what was
    found, in words."""
    n_titles = 0 if header == 'no' else count_titles(frame)
    frame, lines = frame[n_titles:], lines[n_titles:]
    if header == 'no' or header != 'yes' and not has_header(frame):
        return frame, lines, None, 'no header'
    names = frame.iloc[0].tolist()
    again, titles = find_names_again(frame)
    n_again, n_titles = int(again.sum()), n_titles + int(titles.sum())
    words = [f'line {lines[0]} is a header' if n_titles
             else 'first line is a header',
             *[f'title lines left out: {n_titles}'] * (n_titles > 0),
             *[f'headers that come again left out: {n_again}'] * (n_again > 0)]
    is_row = ~(again | titles)
    is_row[0] = False
    return frame[is_row], lines[is_row], names, ', '.join(words)


def finish(path, frame, lines, names, found, decimal='.', has_names=True):
    """The `RawTable` of cells: columns without a name get a number, those
    without a name and without a cell go (of a table without names, the last
    ones)."""
    is_used = (frame != '').any().to_numpy()
    n_used = 1 + max(np.flatnonzero(is_used), default=-1)
    keep = [j for j, name in enumerate(names) if name.strip('# ')
            or is_used[j] or not has_names and j < n_used]
    frame, used = frame.iloc[:, keep].reset_index(drop=True), set()
    unnamed, final, renamed = [], [], []
    for j in keep:
        base = name = re.sub(r"^' ?(.*?) ?'$", r'\1', one_line(
            names[j]).lstrip('#').strip()) or f'column {j + 1}'
        k = 1
        while name in used:
            k += 1
            name = f'{base}.{k}'
        renamed += [f'`{name}`'] * (name != base)
        used.add(name)
        final.append(name)
        if has_names and re.fullmatch(r'column \d+|Unnamed: \d+', name):
            unnamed.append(name)
    frame.columns = final
    for name in final:  # quotes that are no CSV quotes
        cells = frame[name]
        if len(cells) and all(re.fullmatch(r"'.*'|", cell) for cell in cells):
            frame[name] = cells.str.strip("'").str.strip()
    if renamed:
        found += f'; names that come again: {", ".join(renamed)}'
    return RawTable(path, frame, lines, found, decimal=decimal,
                    has_names=has_names, unnamed=tuple(unnamed))


def _skip_prefix(text, sep):
    """Blank what stands before the table: comments, Excel's ``sep=;``.

    Lines with # or % that have the cells of the line after them, down to the
    table, are rows or a header.

    Returns
    -------
    text : str
    sep : str or None
    n_comments : int

    """
    lines, marked, table = text.split('\n'), [], None
    for i, line in enumerate(lines):
        given = re.fullmatch(r'"?sep=(.)"?', line.strip('\r'))
        if given:
            lines[i], sep = '', sep or given[1]
        elif line.startswith(('#', '%')):
            marked.append(i)
        elif line.strip():
            table = line
            break
    if marked and table is None:
        table = lines[marked[-1]]
    while marked and _is_alike(lines[marked[-1]], table, sep):
        marked.pop()
    for i in marked:
        lines[i] = ''
    return '\n'.join(lines), sep, len(marked)


def _is_alike(line, table, sep):
    """Whether two lines have as many cells, two or more."""
    widths = ([len(row) for row in split_lines(f'{line}\n{table}', sep)[0]]
              for sep in ([sep] if sep else ',;\t|'))
    return any(len(both) == 2 and both[0] == both[1] > 1 for both in widths)


def _trim_header(cells):
    """Take from the end of the first line empty cells that no other has."""
    width = max(map(len, cells[1:]), default=len(cells[0]) if cells else 0)
    while cells and len(cells[0]) > width and not cells[0][-1].strip():
        cells[0].pop()


def _width(path, text, widths, lines, sep):
    """Number of cells of each row; True if the header has one fewer."""
    full = widths[widths > 0]
    if not full.size or full.max() < 2:
        raise ValueError(
            f'{path} must have features and a label in each line, got lines '
            f'of one cell ({sep_name(sep)} between cells): '
            f'{cure_of_one_cell(text, sep)}.')
    width = int(np.bincount(full[1:] if full.size > 1 else full).argmax())
    bad = (widths > 0) & (widths != width)
    first = int(np.argmax(widths > 0))
    short_header = full.size > 1 and widths[first] == width - 1
    bad[first] &= not short_header
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f'{path} must have rows of one length, got '
            f"{count_rows(widths[i], 'cell')} in line {lines[i]}, {width} in "
            f'most lines (lines of another length: {bad.sum()}; between '
            f'cells: {sep_name(sep)}). Correct them, or name the separator '
            'with --sep.')
    return width, short_header


def _shift_header(frame):
    """A header of one name fewer: row names come first, or the lines end
    with a separator."""
    if (frame.iloc[1:, -1] != '').any():
        frame.iloc[0] = ['', *frame.iloc[0, :-1]]
