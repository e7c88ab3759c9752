"""Columns and rows that look wrong: what to warn of, and the cure."""
import re

import numpy as np

from secml_regpoison.terminal import shorten_all
from .cures import column_of, drop_option
from .ids import ROW_NAMES, are_ids, is_number, looks_dated
from .marks import missing_marks
from .rows import PARTS

# fewer rows can be in order, or apart, by chance
MIN_ROWS = 20
# columns of counts or TF-IDF are more
MANY = 100
LEAK = 'alone tells the classes apart, as one made of the label'
SPLIT = {'train', 'training', 'test', 'val', 'valid', 'validation', 'dev'}
# a number with a point that may separate thousands, and one without
POINT, SHORT = r'[+-]?[1-9]\d{0,2}\.\d{3}', r'[+-]?\d{1,3}|'


def suspects(frame, columns, y, unnamed):
    """A warning for each suspicious column; names it and the cure.

    Parameters
    ----------
    frame : DataFrame
        Encoded columns, rows in the order of the file.
    columns : tuple of Column
    y : ndarray of int
        Classes.
    unnamed : tuple of str
        Columns without a name in the file's header.

    Returns
    -------
    tuple of str

    """
    if len(y) < MIN_ROWS:
        return ()
    found = []
    for i, column in enumerate(columns):
        cells, is_text = frame[column.name], column.kind == 'text'
        fault = _fault_of_text(column.name, cells, y) if is_text \
            else _fault(column, cells.to_numpy(), y)
        if i == 0 and not (fault or is_text):
            if column.name in unnamed:
                fault = 'has no name, as the index of a data frame'
            elif ROW_NAMES.fullmatch(column.name) and (
                    cells.nunique() > .5 * len(y)):  # 1.1 may be 1.10, too
                fault = 'has the name that names of rows have'
        if fault:
            found.append(f'{column_of(column.name)} {fault}: if it is no '
                         f'feature, type {drop_option([column.name])}')
    return (*found, *missing_marks({
        column.name: frame[column.name].to_numpy() for column in columns
        if column.kind != 'text'}))


def _fault_of_text(name, cells, y):
    """What is wrong with a column of text, in words, or None."""
    if SPLIT.issuperset(cells.str.lower()):
        return ('says how the rows were split, which is not done here (test '
                'rows of your own: --test FILE)')
    is_leak = cells.nunique() > 1 \
        and cells.groupby(y).unique().explode().is_unique
    if is_leak:
        return LEAK
    if cells.str.contains(r'\d').all() and are_ids(name, cells):
        return (f'has {cells.nunique()} different texts in {len(cells)} rows, '
                'as ids')
    return None


def grouped(table):
    """A warning for each column where points may separate thousands: each
    number has up to three digits, or three more after a point; with
    semicolons between cells, or whole numbers among them."""
    for name, cells in table.frame.items():
        if cells.dtype != object or table.decimal != '.' or not all(
                re.fullmatch(f'{POINT}|{SHORT}', cell) for cell in cells):
            continue
        has_point = cells.str.fullmatch(POINT)
        if has_point.any() and (
                not has_point.all() or 'semicolon' in table.found):
            yield (f'{column_of(name)} has numbers such as '
                   f'{cells[has_point].iloc[0]}, each of up to three digits '
                   'or with three after the point: if it separates '
                   'thousands, write them without it')


def unseen_texts(cells, columns, part):
    """Texts that no training row has, and those that differ only in case."""
    for column in columns:
        if column.kind != 'text':
            continue
        texts, name = cells[column.name].astype(str), column_of(column.name)
        alike = texts.drop_duplicates().groupby(
            texts.drop_duplicates().str.casefold()).agg(list)
        twice = next((group for group in alike if len(group) > 1), None)
        if twice:
            yield (f'{name} has texts that differ only in case, '
                   f'{_listed(twice)}: if they mean the same, write them '
                   'alike')
        is_new = ~texts.isin(set(texts[part == 'pool']))
        for other in dict.fromkeys(part[is_new]):
            of_part = part == other
            yield (f'{name} has text in {(is_new & of_part).sum()} of '
                   f'{of_part.sum()} {PARTS[other]} rows that no training row '
                   f'has ({_listed(texts[is_new & of_part].unique())}): write '
                   'it alike, or it counts for nothing')


def _listed(texts):
    """The first three, in quotes."""
    return ', '.join(map(repr, shorten_all(texts[:3]))) \
        + ', ...' * (len(texts) > 3)


def mostly_zero(data):
    """A warning where nearly all cells of all parts are 0, as of counts or
    TF-IDF: for classifiers that standardise them."""
    n_cells = sum(x.size for x, _ in data.values())
    n_zeros = n_cells - sum(np.count_nonzero(x) for x, _ in data.values())
    if n_zeros > .9 * n_cells and data['pool'][0].shape[1] >= MANY:
        yield (f'{100 * n_zeros // n_cells} % of the cells are 0, as of '
               'counts or TF-IDF: standardised, rare features weigh as much '
               'as others. If the model of your choice has no scaler, type '
               '--scale none')


def _fault(column, x, y):
    """What is wrong with the column, in words, or None."""
    steps, n_values = np.diff(x), len(np.unique(x))
    is_whole = column.kind == 'whole'
    if not is_whole and n_values > .9 * len(x) and abs(x).max() >= 2 ** 53 \
            and (x == np.rint(x)).all():
        return ('has whole numbers beyond 2**53, which are rounded, as ids '
                'have')
    if is_whole and (steps == steps[0]).all() and abs(steps[0]) == 1:
        return 'is a row number'
    is_sorted = (steps >= 0).all() or (steps <= 0).all()
    if is_sorted:
        if n_values > 2 and (np.diff(y) != 0).sum() == 1:
            return 'is sorted along with the label'
        if is_whole and n_values == len(x):
            return 'is sorted and different in every row'
    if is_whole and n_values == len(x):
        return 'is different in every row'
    if is_whole and (n_values > .9 * len(x) or n_values > .5 * len(x)
                     and is_number(column.name)):
        return f'has {n_values} different whole numbers in {len(x)} rows'
    if n_values > 1:
        ranges = sorted((x[y == k].min(), x[y == k].max())
                        for k in np.unique(y))
        if all(below[1] < above[0]
               for below, above in zip(ranges, ranges[1:])):
            return LEAK
    if is_whole and (are_ids(column.name, x) or is_sorted
                     and n_values > max(2, len(x) / 10)
                     and column.name.lower() in ('nr', 'no', 'number')):
        return (f'has {n_values} different whole numbers in {len(x)} rows, '
                + ('sorted as ids are' if is_sorted else 'as ids'))
    if looks_dated(column.name, x):
        return f'has dates or times as numbers, such as {x[0]:.0f}'
    return None
