"""From a file to rows of classes, and what to say about the choices made."""
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secml_regpoison.terminal import count_rows, is_or_are
from .cells import (
    about_words, encode_columns, fill_missing, find_missing, refuse_missing)
from .codes import coded
from .cures import list_names
from .encoding import Encoding
from .files import find_column, find_dropped, read_tables
from .label_column import pick_labels, warn_of_other_label
from .labels import count_labels, counted
from .rows import PARTS, Rows, keep_by_mean
from .suspects import grouped, suspects, unseen_texts


@dataclass(frozen=True)
class FileData:
    """Rows of a file, of two classes or more.

    Attributes
    ----------
    parts : dict of str to (ndarray, ndarray)
        Features (n, d) and classes (n,), from 0, of 'pool', 'val', 'test'.
    lines : dict of str to ndarray
        Line of the file of each row, or its number where rows have no lines.
    classes : tuple
        Labels of class 0, of class 1, ...
    encoding : Encoding
    notes, warnings : tuple of str
        What was detected and chosen; what looks wrong.
    n_values : dict of Column to int
        How many different values each column has.
    left_out : dict of str to ndarray
        How many rows of each class of a part have missing cells and were
        left out.

    """

    parts: dict
    lines: dict
    classes: tuple
    encoding: Encoding
    notes: tuple
    warnings: tuple
    n_values: dict
    left_out: dict


def read_classes(path, options):
    """Read a file, and the one with the test rows.

    Parameters
    ----------
    path : str
    options : ReadOptions

    Returns
    -------
    FileData

    """
    tables = read_tables(path, options)
    table = tables['pool']
    label = list(table.frame)[table.label] if options.label is None \
        else find_column(table, options.label, 'label')
    dropped = find_dropped(table, options.drop)
    if label in dropped:
        raise ValueError(f'`drop` must leave the label, got {label!r}.')
    frame = pd.concat([part.frame for part in tables.values()],
                      ignore_index=True).drop(columns=dropped)
    if frame.shape[1] < 2 or not len(frame):
        raise ValueError(f'{path} must have at least one row and one feature '
                         f'beside the label, got {count_rows(len(frame))} of '
                         f"{count_rows(frame.shape[1] - 1, 'feature')}.")
    return _choose(tables, frame, label, dropped, options)


def _choose(tables, frame, label, dropped, options):
    """Rows of the classes, their features as numbers."""
    table, rows = tables['pool'], Rows.of_tables(tables)
    labels, classes, y = pick_labels(rows, frame[label], options)
    position, chosen = list(frame).index(label), y >= 0
    rows, y = rows.select(chosen), y[chosen]
    frame, gaps, keep, about_missing = _handle_missing(
        frame[chosen], label, rows, options, table)
    left_out = {part: np.bincount(gone, minlength=len(classes))
                for part, gone in zip(
                    tables, rows.select(~keep).split(y[~keep]))}
    rows, y = rows.select(keep), y[keep]
    in_pool, doubt = rows.part == 'pool', ''
    if options.label is None and table.label == -1:
        doubt = warn_of_other_label(
            table, label, dropped, options.categories and not options.missing)
    columns, cells = encode_columns(
        frame, gaps, label, rows.where, options.categories, table.decimal,
        in_pool, doubt, table.codes)
    encoding = Encoding(columns, label, position)
    data = dict(zip(tables, zip(rows.split(encoding.encode(cells)),
                                rows.split(y))))
    _check_all_classes(tables, data, classes, left_out)
    n_values = {column: cells[column.name].nunique() for column in columns}
    warnings = (
        *_misaligned(tables), *unseen_texts(cells, columns, rows.part),
        doubt,
        *grouped(table),
        *suspects(cells[in_pool], columns, y[in_pool], table.unnamed),
        *coded(frame, gaps, columns, table.codes))
    notes = [*_about_file(tables),
             *_about_label(table, label, options, classes, y, labels),
             about_missing, *_about_columns(n_values, dropped)]
    return FileData(data, dict(zip(tables, rows.split(rows.lines))), classes,
                    encoding, tuple(filter(None, notes)),
                    tuple(filter(None, warnings)), n_values, left_out)


def _misaligned(tables):
    """A warning where one of two LIBSVM files has a feature 0."""
    table, *others = tables.values()
    for other in others:
        if table.found.startswith('LIBSVM') and 'feature 0' in (
                *other.left_out, *other.filled):
            has, lacks = (table, other) if 'feature 0' in other.filled \
                else (other, table)
            yield (f'{has.path} has a feature 0, {lacks.path} has none: if '
                   'one counts from 0 and the other from 1, all features are '
                   'moved by one; write both alike')


def _handle_missing(frame, label, rows, options, table):
    """The frame, what was filled in, a mask of the rows that stay, a note."""
    missing, in_pool = options.missing, rows.part == 'pool'
    decimal = table.decimal
    gaps = find_missing(frame, label, decimal,
                        options.categories and missing is None)
    n_cells, lack = gaps.to_numpy().sum(), gaps.to_numpy().any(axis=1)
    if not n_cells:
        return frame, gaps, ~lack, ''
    if missing is None or lack.all() and missing == 'drop' \
            or gaps[in_pool].all().any():
        refuse_missing(frame, gaps, rows.where, decimal,
                       missing == 'drop' or bool(lack.all()))
    words = about_words(frame, gaps, decimal)
    if missing == 'drop':
        return frame[~lack], gaps[~lack], ~lack, (
            f"{_left_out(lack.sum(), len(lack), 'missing cells')}{words}")
    return fill_missing(frame, gaps, in_pool, decimal, options.categories,
                        table.codes), \
        gaps, lack | True, (
        f"{count_rows(n_cells, 'missing cell')} "
        f'{is_or_are(n_cells)} filled with the mean of '
        f"{'its' if n_cells == 1 else 'their'} column (of text, the most "
        f'frequent){words}')


def _left_out(n, n_all, why):
    """So many rows are left out, and why."""
    have = 'has' if n == 1 else 'have'
    return f'{n} of {n_all} rows {have} {why} and {is_or_are(n)} left out'


def _check_all_classes(tables, data, classes, left_out):
    """Raise ValueError if a part lacks rows of a class."""
    for part, (_, y) in data.items():
        counts = np.bincount(y, minlength=len(classes))
        if not counts.all():
            rarest = int(counts.argmin())
            n = left_out[part].sum() * (left_out[part][rarest] > 0)
            raise ValueError(
                f'{tables[part].path} must have rows of '
                f'{"both" if len(classes) == 2 else "all"} classes {classes} '
                f'in each part, got none of {classes[rarest]!r} '
                f"among the {len(y)} rows of '{part}'."
                + keep_by_mean(n, len(y)))


def _about_file(tables):
    """Notes on the file as a whole."""
    sizes = ', '.join(
        f'{len(table.frame)} {what}' for what, table in zip(
            ['rows', *(f'{PARTS[part]} rows' for part in list(tables)[1:])],
            tables.values()))
    table = tables['pool']
    yield (f'{os.path.basename(table.path)}: {sizes}, '
           f'{table.frame.shape[1]} columns; {table.found}')
    if table.left_out:
        yield f'not used: {list_names(table.left_out)}'
    for other in list(tables.values())[1:]:
        if other.path != table.path:
            yield (f'{os.path.basename(other.path)}: {other.found}'
                   + '; columns taken by their position, for one file has no '
                   'names' * (table.has_names != other.has_names))
        if other.left_out:
            yield (f'not in {os.path.basename(table.path)} and left out: '
                   f'{list_names(other.left_out)}')


def _about_label(table, label, options, classes, y, labels):
    """The label's column, the classes, and the rows that have none."""
    why = '' if options.label is not None else ' (by default)'
    number = list(table.frame).index(label) + 1
    if table.found == 'arrays':
        label, why = 'y', ''
    elif label != f'column {number}':
        label = f'`{label}`, column {number}'
    yield f'label: {label}{why}; ' + ', '.join(
        f'class {k} is {name} ({count_rows((y == k).sum())})'
        for k, name in enumerate(classes))
    everything = count_labels(labels)
    if len(everything[0]) > len(classes):
        yield f'all labels: {counted(*everything)}'
    n_without = len(labels) - everything[1].sum()
    if n_without:
        yield _left_out(n_without, len(labels), 'no label')


def _about_columns(n_values, dropped):
    """The kinds of the features, and those of one value."""
    constant = [column.name for column, n in n_values.items() if n < 2]
    for kind, words in (('binary', '0 or 1'), ('boolean', 'true or false'),
                        ('whole', 'whole numbers'),
                        ('text', 'text, a 0/1 column for each value')):
        names = [column.name for column, n in n_values.items()
                 if column.kind == kind and n > 1]
        if names:
            yield f'{words}: {list_names(names)}'
    if constant:
        yield f'constant: {list_names(constant)}'
    if dropped:
        yield f'left out: {list_names(dropped)}'
