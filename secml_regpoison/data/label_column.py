"""The label's column: the labels in it, their classes, and doubts about it."""
import re
import shlex

import numpy as np

from secml_regpoison.terminal import shorten
from .cells import to_numbers
from .cures import column_of
from .detect import MISSING, NUMBER
from .labels import count_labels, counted, exact_number, pick_classes

NO_LABEL = '', '?', 'nan'
NAMES = {'class', 'classes', 'label', 'labels', 'target', 'y', 'outcome',
         'diagnosis', 'response'}
ANSWERS = {'0', '1'}, {'no', 'yes'}, {'n', 'y'}, {'false', 'true'}, {'f', 't'}


def pick_labels(rows, cells, options):
    """The label of each row, None where it is missing, the labels of the
    classes, and the class of each row, -1 for none."""
    table, column = rows.tables['pool'], column_of(cells.name)
    other = '' if options.label is not None else (
        ' If another column is the label, --label names it.')
    words = _doubtful_words(cells) if options.classes is None else ()
    if words and options.missing is None:
        is_word = cells.astype(str).str.lower().isin(words).to_numpy()
        raise ValueError(
            f'{rows.where(is_word.argmax())}: the label must be a class, and '
            f'not a word for missing, got {cells[is_word].iloc[0]!r} in '
            f'{column} (such rows: {is_word.sum()}). '
            + ('Name all classes with --classes' if options.positive is None
               else 'Write another word if it is a class')
            + f', or type --missing drop to leave these rows out.{other}')
    labels = _label_values(cells, table.decimal, (*NO_LABEL, *words))
    if options.classes is None and options.header is None:
        _refuse_names(labels, rows)
    name = f'{column} of {table.path}' + (
        f' and {options.test}' if options.test else '')
    _refuse_other_labels(labels, rows)
    classes, y = pick_classes(name, labels, options.classes, options.positive,
                              options.several, rows.where)
    without = np.array([value is None for value in labels])
    if without.any() and options.classes is None and options.missing is None:
        raise ValueError(
            f'{rows.where(without.argmax())}: the label must not be missing, '
            f'got none in {column} (such rows: {without.sum()}). Type '
            f'--missing drop to leave them out.{other}')
    return labels, classes, y


def _doubtful_words(cells):
    """Words for missing among the labels, beside two labels or more."""
    if cells.dtype != object:
        return ()
    values = set(cells.astype(str).str.lower()) - set(NO_LABEL)
    words = values & set(MISSING)
    return tuple(sorted(words)) if len(values - words) > 1 else ()


def _refuse_names(labels, rows):
    """Raise ValueError where the label in the first line of a file is a word
    that no other row has, as the name of the column is, and others repeat."""
    first = [np.argmax(rows.part == part)
             for part, table in rows.tables.items() if not table.has_names]
    others = set(np.delete(labels.astype(str), first))
    for i in first:
        label = str(labels[i])
        if labels[i] is not None and label not in others \
                and not NUMBER.match(label) and 2 * len(others) < len(labels):
            raise ValueError(
                f'{rows.where(i)}: the first line must have a label that '
                f'comes again, got {shorten(label)!r} there alone. If that '
                'line has names, type --header yes; if it is a row, type '
                '--header no.')


def _refuse_other_labels(labels, rows):
    """Raise ValueError where the validation or the test rows share no label
    with the rows before."""
    pool, *others = map(count_labels, rows.split(labels))
    for part, other in zip([*rows.tables][1:], others):
        if len(other[0]) and len(pool[0]) and not {
                *map(str, other[0])} & {*map(str, pool[0])}:
            start = rows.where(np.argmax(rows.part == part))
            raise ValueError(
                f'{start} and after: the labels must be those of the '
                f'training rows, {counted(*pool, other[0][:10])}, got '
                f'{counted(*other, pool[0][:10])}: write them alike in both.')


def _label_values(cells, decimal, without):
    """Labels as numbers, if all are (of 01 the zero would be lost) and none
    is beyond floats, else as text; None where missing: a word of `without`.
    """
    if cells.dtype != object:
        values = cells.to_numpy()
        if values.dtype.kind != 'f':
            return values
        gone = ~np.isfinite(values)
    else:
        values = cells.astype(str).to_numpy(dtype=object)
        gone = np.isin(cells.astype(str).str.lower(), without)
        numbers = to_numbers(cells, decimal)
        if np.isfinite(numbers[~gone]).all() \
                and not cells.astype(str).str.match(r'0\d').any() \
                and all(exact_number(text.replace(',', '.'))
                        == exact_number(number) for text, number in set(
                            zip(values[~gone], numbers[~gone]))):
            values = numbers
    if values.dtype.kind == 'f':
        whole = (values[~gone] == np.rint(values[~gone])).all()
        values = np.array([
            None if missing else int(value)
            if whole and abs(value) < 2 ** 63 else float(value)
            for value, missing in zip(values, gone)], dtype=object)
    return np.where(gone, None, values)


def warn_of_other_label(table, label, dropped, keeps_words):
    """A warning where another column may be the label, a feature or one that
    was dropped, else none. `keeps_words`: see `.cells.find_missing`."""
    names = [name for name in table.frame if name not in {label, *dropped}]

    def values(name):
        return _values(table, name, keeps_words and name != label)
    n_ids = _count_ids(table, names)
    first, is_named = names[n_ids], label.lower() in NAMES
    is_like = is_named or _is_like_label(label)
    named = [name for name in (*names, *dropped) if name.lower() in NAMES]
    if not named and not is_like:  # a part of its name, as isFraud
        named = [name for name in names if (
            name == first and _is_like_label(name)
            or _words(name) < _words(label))
                 and len(values(name)) == 2]
    advice = f'type --label {shlex.quote(first)}'
    place = 'the first' + (f' after `{names[n_ids - 1]}`' if n_ids else '')
    taken = f'the last column, `{label}`, is taken as the label: '
    is_two = not is_like and table.found != 'arrays' and _are_alike(
        values(first), values(label), map(values, names[n_ids:]))
    by_place = (f'{place}, `{first}`, has two values, too; if it is the '
                f'label, {advice}') if is_two else ''
    if named and not is_named:
        keep = ' and leave it out of --drop' * (named[0] in dropped)
        others = f'{by_place}; ' if by_place and len(
            values(named[0])) > 2 else ''
        return (f'{taken}{others}if it is `{named[0]}`, type --label '
                f'{shlex.quote(named[0])}{keep}')
    if table.found != 'arrays' and all(
            len(values(name)) < 3 for name in (*names[n_ids:], label)):
        if is_named and (n_ids or not set().union(
                *map(values, names)) <= {0, 1}):
            return None
        return ('all columns have two values, so that any may be the label; '
                f'the last, `{label}`, is taken: if it is {place}, '
                f'`{first}`, {advice}')
    return taken + by_place if by_place else None


def _are_alike(first, last, others):
    """Whether both have two values, of one type, or the first yes and no and
    the last, if it has text, is not the only one."""
    def has_text(values):
        return any(isinstance(value, str) for value in values)
    return len(first) == len(last) == 2 and (
        has_text(first) == has_text(last)
        or {str(value).lower() for value in first} in ANSWERS
        and (not has_text(last) or any(map(has_text, others))))


def _count_ids(table, names):
    """How many columns at the start name or number the rows: those without a
    name, and whole numbers or texts that differ in every row."""
    for n_ids, name in enumerate(names):
        if name not in table.unnamed and not (
                table.frame[name].is_unique and not any(
                    isinstance(value, float)
                    for value in _values(table, name, True))):
            return n_ids
    return 0


def _is_like_label(name):
    """Whether a word of the name is that of a label; y may be a position."""
    return not NAMES.isdisjoint(_words(name) - {'y'})


def _words(name):
    """The words of a name, also of one such as targetClass."""
    return {*re.split(r'[\W_]+', re.sub(
        r'(?<=[a-z\d])(?=[A-Z])', ' ', name).lower())} - {''}


def _values(table, name, keeps_words):
    """The values of a column, without those that are missing; the words for
    missing among texts are values where they are kept."""
    cells = table.frame[name].drop_duplicates()
    found = set(_label_values(cells, table.decimal, MISSING)) - {None}
    if keeps_words and any(isinstance(value, str) for value in found):
        return set(cells.astype(str)) - {''}
    return found
