"""Columns that tell a row from the others, or the label from itself."""
import re

import numpy as np

from .cells import column_of, drop_option

# fewer rows can be in order, or apart, by chance
MIN_ROWS = 20
ID_NAME = re.compile(r'(.*[ _.-])?(id|index|row|nr|no|number)|unnamed: \d+',
                     re.IGNORECASE)


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
    found = []
    for i, column in enumerate(columns):
        if column.kind == 'text' or len(y) < MIN_ROWS:
            continue
        fault = _fault(column, frame[column.name].to_numpy(), y)
        if i == 0 and column.name in unnamed and not fault:
            fault = 'has no name, as the index of a data frame'
        if fault:
            found.append(f'{column_of(column.name)} {fault}: if it is no '
                         f'feature, type {drop_option([column.name])}')
        found += _marks(column_of(column.name), frame[column.name].to_numpy())
    return tuple(found)


def _marks(name, x):
    """A warning where the least or the greatest value, of nines as in -999,
    is far from the others and may mark missing cells."""
    for value in (x.min(), x.max()):
        others = x[x != value]
        if others.size < len(x) - 1 and re.fullmatch(
                r'-?99+', f'{value:g}') and others.size and np.abs(
                    others - value).min() > np.ptp(others):
            yield (f'{name} is {value:g} in {len(x) - len(others)} rows, far '
                   'from its other values: if that marks missing cells, empty '
                   'them and type --missing drop')


def _fault(column, x, y):
    """What is wrong with the column, in words, or None."""
    steps, n_values = np.diff(x), len(np.unique(x))
    is_whole = column.kind == 'whole'
    if is_whole and (steps == steps[0]).all() and abs(steps[0]) == 1:
        return 'is a row number'
    if (steps >= 0).all() or (steps <= 0).all():
        if n_values > 2 and (np.diff(y) != 0).sum() == 1:
            return 'is sorted along with the label'
        if is_whole and n_values == len(x):
            return 'is sorted and different in every row'
    if is_whole and n_values == len(x):
        return 'is different in every row'
    if is_whole and (n_values > .9 * len(x) or n_values > .5 * len(x)
                     and ID_NAME.fullmatch(column.name)):
        return f'has {n_values} different whole numbers in {len(x)} rows'
    if n_values > 2:
        ranges = sorted((x[y == k].min(), x[y == k].max())
                        for k in np.unique(y))
        if all(below[1] < above[0]
               for below, above in zip(ranges, ranges[1:])):
            return 'alone tells the classes apart, as one made of the label'
    return None
