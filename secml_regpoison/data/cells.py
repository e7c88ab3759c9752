"""Cells of a table as numbers; what is no number is named by its line."""
import numpy as np
import pandas as pd

from secml_regpoison.limits import LARGEST, SMALLEST, is_rounding
from secml_regpoison.terminal import count_rows
from .codes import are_codes
from .cures import (
    CATEGORIES, INFINITE, column_of, drop_option, find_cure,
    list_names, refuse_text)
from .detect import MISSING, NUMBER
from .encoding import Column, kind_of


def to_numbers(cells, decimal):
    """Numbers of the cells, NaN where there is none."""
    if cells.dtype != object:
        return cells.to_numpy(dtype=float)
    cells = cells.astype(str)
    # beside a decimal comma a point is no decimal sign: '_' makes such a cell
    # no number
    if decimal == ',':
        cells = cells.str.replace('.', '_', regex=False).str.replace(
            ',', '.', regex=False)
    good = np.array(pd.to_numeric(cells, errors='coerce').notna())
    cells, numbers = cells.to_numpy(dtype=object), np.full(len(cells), np.nan)
    # 1e400 is infinite, and no number to pandas before 3
    good[~good] = [bool(NUMBER.match(cell)) and ',' not in cell
                   for cell in cells[~good]]
    # Python's conversion is exact, that of pandas may miss the last digit
    numbers[good] = cells[good].astype(float)
    return numbers


def _is_missing(cells):
    """Where a cell is empty or holds a word for missing."""
    if cells.dtype != object:
        return cells.isna().to_numpy()
    words = set(MISSING)
    return np.array([str(cell).lower() in words for cell in cells], dtype=bool)


def find_missing(frame, label, decimal, keeps_words):
    """Where cells are missing, a column of bool each; never in the label.
    `keeps_words`: in a column of text the words for missing are values."""
    gaps = {}
    for name in frame:
        cells = frame[name]
        gaps[name] = np.zeros(len(frame), dtype=bool) if name == label \
            else _is_missing(cells)
        if keeps_words and gaps[name].any() and is_text(
                cells, gaps[name], decimal):
            gaps[name] = (cells == '').to_numpy()
    return pd.DataFrame(gaps)


def is_text(cells, gap, decimal):
    """Whether a column holds text where nothing is missing."""
    return cells.dtype == object and bool((~gap).any()) and bool(
        np.isnan(to_numbers(cells[~gap], decimal)).all())


def _with_words(frame, gaps, decimal, without=('',)):
    """The columns of text in which words for missing, except some, are taken
    as gaps, and the first such word of each."""
    words = {name: cells[gaps[name].to_numpy() & ~cells.isin(without)]
             for name, cells in frame.items() if gaps[name].any()
             and is_text(cells, gaps[name].to_numpy(), decimal)}
    return {name: cells.iloc[0] for name, cells in words.items() if len(cells)}


def about_words(frame, gaps, decimal):
    """What a note about missing cells says of words in columns of text."""
    words = _with_words(frame, gaps, decimal, ('', '?'))
    return '' if not words else (
        f'; in {list_names(words)} a word such as '
        f'{next(iter(words.values()))!r} is taken as missing: write another '
        'if it is a value')


def refuse_missing(frame, gaps, where, decimal, every_row_is_dropped):
    """Raise ValueError that counts the missing cells and says the cure."""
    rows = gaps.to_numpy().any(axis=1)
    i = int(rows.argmax())
    name = gaps.columns[gaps.iloc[i].to_numpy()][0]
    empty = list(gaps.columns[gaps.mean().to_numpy() > .5])
    cure = (f'Mostly empty: {list_names(empty)}; leave them out with '
            f'{drop_option(empty)}.' if empty else
            'Type ' + '--missing drop to leave these rows out, or ' * (
                not every_row_is_dropped)
            + '--missing mean to fill in the mean of the column.')
    words = _with_words(frame, gaps, decimal)
    if words:
        cure += (f' Where such a word is a value of its own, as in '
                 f'{list_names(words)}, type --categories.')
    raise ValueError(
        f'{where(i)}: cells must not be missing, got '
        f'{str(frame[name].iloc[i])!r} in {column_of(name)}, and '
        f"{count_rows(gaps.to_numpy().sum(), 'such cell')} in {rows.sum()} of "
        f'{len(rows)} rows. {cure}')


def fill_missing(frame, gaps, in_pool, decimal, categories, codes):
    """Missing cells filled with the mean of the column, or its most frequent
    text or code, among the rows `in_pool`."""
    filled = {}
    for name in frame:
        gap, cells = gaps[name].to_numpy(), frame[name]
        if gap.any():
            known = cells[in_pool & ~gap]
            numbers = to_numbers(known, decimal)
            cells = cells.astype(object).copy()
            # an infinite cell is refused later, not the mean of it
            usual = numbers[abs(numbers) <= LARGEST]
            cells[gap] = known.mode()[0] if np.isnan(numbers).any() \
                or categories and are_codes(known, name in codes) \
                else repr(float(usual.mean()) if usual.size else 0.).replace(
                    '.', decimal)
        filled[name] = cells
    return pd.DataFrame(filled)


def encode_columns(
        frame, gaps, label, where, categories, decimal, in_pool, doubt, codes):
    """Each feature as numbers, or, if asked for, as text.

    Parameters
    ----------
    frame : DataFrame
    gaps : DataFrame of bool
        Cells that were filled in: they do not decide what a column holds.
    label : str
    where : callable
        Text 'FILE, line N' of a row.
    categories : bool
    decimal : str
    in_pool : ndarray of bool
        Rows that decide whether a column holds whole numbers.
    doubt : str
        A sentence for who has text in a column: it may be the label. Or ''.
    codes : tuple of str
        Columns of numbers that the file declares as categories.

    Returns
    -------
    tuple of Column
    DataFrame
        Columns of numbers, and of text.

    """
    columns, cells, refused = [], {}, {}
    for name in frame:
        if name == label:
            continue
        truth = _truth_values(frame[name])
        if truth is not None:
            columns.append(Column(name, 'boolean'))
            cells[name] = truth
            continue
        numbers = to_numbers(frame[name], decimal)
        bad = np.isnan(numbers)
        if not bad.any() and not (
                categories and are_codes(frame[name], name in codes)):
            _check_size(name, numbers, where)
            columns.append(Column(
                name, kind_of(numbers[in_pool & ~gaps[name].to_numpy()])))
            cells[name] = numbers
            continue
        texts = frame[name].astype(str)
        values = tuple(sorted(texts.unique()))
        cure = find_cure(bad, texts, values, categories, decimal) \
            if bad.any() else CATEGORIES
        if not categories or cure != CATEGORIES:
            refused[name] = bad, texts, cure
        columns.append(Column(name, 'text', values))
        cells[name] = texts.to_numpy(dtype=object)
    if refused:
        refuse_text(refused, where, doubt)
    return tuple(columns), pd.DataFrame(cells)


def _check_size(name, numbers, where):
    """Raise ValueError for infinite numbers, those beyond 1e30, and where
    all are too small for squares or the same up to rounding."""
    bad = ~(abs(numbers) <= LARGEST)
    if bad.any():
        i = int(bad.argmax())
        cure = INFINITE if np.isinf(numbers[i]) else 'rescale the column'
        raise ValueError(
            f'{where(i)}: {column_of(name)} must hold finite numbers, none '
            f'beyond {LARGEST:g}, got {numbers[i]} (such cells: {bad.sum()}). '
            f'Correct them, {cure}, or type {drop_option([name])}.')
    largest = abs(numbers).max()
    if 0 < largest < SMALLEST:
        i = int(abs(numbers).argmax())
        raise ValueError(
            f'{where(i)}: {column_of(name)} must hold numbers whose largest '
            f'is 0 or at least {SMALLEST:g}, got {largest:g}. Rescale the '
            f'column, or type {drop_option([name])}.')
    if is_rounding(numbers):
        raise ValueError(
            f'{where(0)}: {column_of(name)} must vary by more than rounding, '
            f'got a deviation of {numbers.std():.3g} around '
            f'{numbers.mean():.3g}. Subtract the mean, or type '
            f'{drop_option([name])}.')


def _truth_values(cells):
    """1 for true and 0 for false, or None if there are other cells."""
    if cells.dtype != object or not all(
            str(cell).lower() in ('true', 'false') for cell in cells):
        return None
    return (cells.astype(str).str.lower() == 'true').to_numpy(dtype=float)
