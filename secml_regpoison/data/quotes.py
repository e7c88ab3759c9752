"""Quotes that open or close where none should."""
import numpy as np

from .detect import MISSING, NUMBER, split_lines

ANY = '\ue000'  # in the place of a quote: the cell may be anything
FEW = 10  # so many rows for each value: no others are expected


def refuse_open_quotes(path, text, sep, rows, lines):
    """Raise ValueError where a quote is not closed, or closes lines later
    and one of these lines looks like a row of its own.

    Parameters
    ----------
    path, text, sep : str
    rows : list of list of str
        Records of `text`.
    lines : ndarray of int
        Line where each begins.

    """
    texts = text.removesuffix('\n').split('\n')
    sizes = np.diff([*lines, len(texts) + 1])
    if len(split_lines('\n'.join(texts[lines[-1] - 1:]) + '\n|', sep)[0]) < 2:
        raise ValueError(
            f'{path} must have quotes in pairs, got one in line {lines[-1]} '
            'that no line closes: double or remove it.')
    spans = [i for i in np.flatnonzero(sizes > 1) if rows[i]]
    is_row = _row_test([row for row, size in zip(rows, sizes) if row and (
        size == 1)], sep) if spans else None
    for i in spans:
        start, end = lines[i], lines[i] + sizes[i] - 1
        first, *others = texts[start - 1:end]
        first = ANY.join(first.rsplit('"', first.count('"') % 2))
        others[-1] = ANY.join(others[-1].split('"', others[-1].count('"') % 2))
        found = sum(map(is_row, others))
        if found and is_row(first):
            raise ValueError(
                f'{path} must have quotes in pairs, got one in line {start} '
                f'that line {end} closes, and {found} of the {len(others)} '
                'lines after it look like rows: double or remove the quotes.')


def _row_test(rows, sep):
    """A function that tells whether a line alone has the cells of a row:
    numbers in columns of numbers, known values in columns of few."""
    widths, tests = [len(row) for row in rows], []
    width = max(set(widths), key=widths.count, default=0)
    rows = [row for row in rows if len(row) == width > 1]
    for column in zip(*(rows[1:] or rows)):
        known = {cell.strip() for cell in column}
        is_numeric = 2 * sum(map(_is_number, known)) > len(known)
        is_few = len(known) <= len(column) / FEW or not is_numeric and (
            2 * len(known) <= len(column) + 1)
        tests.append(known.__contains__ if is_few else
                     _is_number if is_numeric else None)

    def is_row(line):
        cells = next(iter(split_lines(line, sep)[0]), [])
        return len(cells) == len(tests) and any(tests) and all(
            test is None or ANY in cell or test(cell.strip())
            for test, cell in zip(tests, cells))
    return is_row


def _is_number(cell):
    return bool(NUMBER.match(cell)) or cell.lower() in MISSING
