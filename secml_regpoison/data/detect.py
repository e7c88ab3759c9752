"""Detection of the format of a text table from its first lines: separator of
the cells, decimal sign."""
import csv
import io
import re
from itertools import islice

import numpy as np

SAMPLE = 500  # lines that decide
SEPARATORS = {'comma': ',', 'semicolon': ';', 'tab': '\t', 'bar': '|',
              'space': ' '}
MISSING = ('', '?', 'na', 'n/a', '#n/a', 'nan', '-nan', 'null', 'none', '<na>',
           '<null>', '-', '.', '*', '\\n', '#div/0!', '#value!', '#ref!',
           '#num!', '#name?')
NUMBER = re.compile(r'[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?$')
GROUPED = re.compile(r'[+-]?\d{1,3}([.,]\d{3})+([.,]\d+)?$')


def split_lines(text, sep):
    """Cells of each record, and the line of the file where it begins.

    A cell in quotes may hold separators and line ends. Between spaces tabs
    are spaces, and those at the end of a line are none.
    """
    if sep == ' ':
        text = re.sub(r'[ \t]+(?=\n|$)', '', text).replace('\t', ' ')
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=sep,
                        skipinitialspace=sep != '\t')
    rows, lines, end = [], [], 0
    limit = csv.field_size_limit()
    csv.field_size_limit(max(limit, len(text)))
    try:
        for row in reader:
            rows.append([] if not ''.join(row).strip() and len(row) < 2
                        else row)
            lines.append(end + 1)
            end = reader.line_num
    finally:
        csv.field_size_limit(limit)
    return rows, np.array(lines, dtype=int)


def detect_separator(path, text):
    """The separator that gives rows of one length, cells that hold no other
    separator, and most numbers."""
    sample = '\n'.join(islice(
        (line for line in text.split('\n') if line.strip(' ')), SAMPLE))
    scores, has_tabs = [], False
    for sep in SEPARATORS.values():
        rows = [row for row in split_lines(sample, sep)[0] if row]
        widths = [len(row) for row in rows]
        width = max(set(widths), key=widths.count, default=0)
        if width < 2 or sep == ' ' and has_tabs:
            continue
        cells = [cell.strip() for row in rows[1:] or rows for cell in row]
        numbers = [bool(NUMBER.match(cell) or GROUPED.match(cell)
                        or cell.lower() in MISSING) for cell in cells]
        single = sum(is_number or not _is_several(cell)
                     for cell, is_number in zip(cells, numbers))
        even, n_cells = widths.count(width) / len(widths), max(len(cells), 1)
        # spaces are then those of texts
        has_tabs |= sep == '\t' and even > .9 and not any(
            map(_is_numbers, cells))
        scores.append((even > .9, single / n_cells, sum(numbers) / n_cells,
                       width, sep))
    if not scores and text.count('"') % 2:
        line = text[:text.rindex('"')].count('\n') + 1
        raise ValueError(f'{path} must have quotes in pairs, got an odd '
                         f'number, the last in line {line}.')
    if not scores:
        raise ValueError(
            f'{path} must have features and a label in each line, separated '
            f'by {", ".join(SEPARATORS)}, got lines of one cell: '
            f'{cure_of_one_cell(sample, *SEPARATORS.values())}.')
    return max(scores, key=lambda score: score[:4])[4]


def cure_of_one_cell(text, *seps):
    """What to do where each line is one cell with these separators: in quotes
    it may hold them."""
    cells = {sep: [row[0] for row in split_lines(text, sep)[0] if row]
             for sep in seps}
    is_quoted = any(sum(sep in cell for cell in found) > .9 * len(found)
                    for sep, found in cells.items())
    return 'each line is in quotes as a whole, remove these' if is_quoted \
        else '--sep names another separator'


def _is_several(cell):
    """Whether a cell looks like several: of 'a,b' and '1 2', not 'New York'.
    """
    return any(sep in cell for sep in ',;\t|') or _is_numbers(cell)


def _is_numbers(cell):
    """Whether a cell holds several numbers with spaces between them."""
    parts = cell.split()
    return len(parts) > 1 and all(map(NUMBER.match, parts))


def detect_decimal(frame):
    """A comma if numbers have one, and none has a point: in the first lines,
    or in all where these have whole numbers only. Where all are like 1,234 it
    may separate thousands, and the numbers are refused."""
    for rows in frame[:SAMPLE], frame[SAMPLE:]:
        cells = [cell for name in rows for cell in rows[name].unique()
                 if ',' in cell or '.' in cell]
        comma = any(re.fullmatch(r'[+-]?\d*,\d+([eE][+-]?\d+)?', cell)
                    and not re.fullmatch(r'[+-]?[1-9]\d{0,2},\d{3}', cell)
                    for cell in cells)
        point = any(re.fullmatch(r'[+-]?\d*\.\d+([eE][+-]?\d+)?', cell)
                    for cell in cells)
        if comma or point:
            return '.' if point else ','
    return '.'


def sep_name(sep):
    """The separator in words."""
    return {value: name for name, value in SEPARATORS.items()}.get(
        sep, repr(sep))
