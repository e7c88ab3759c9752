"""Labels and the classes that are made of them."""
from decimal import Decimal, InvalidOperation

import numpy as np

from secml_regpoison.terminal import count_rows, shorten, shorten_all

MAX_CLASSES = 50  # of a column that is taken as the label


def count_labels(labels):
    """The labels and their counts, sorted, without the missing ones."""
    there = np.array([label for label in labels if label is not None],
                     dtype=object)
    try:
        return np.unique(there, return_counts=True)
    except TypeError:  # numbers and text
        return np.unique(there.astype(str), return_counts=True)


def counted(values, counts, beside=()):
    """Labels and counts in words; none looks like one of those `beside`."""
    words = [text if max(counts) == 1 else f'{text} ({count_rows(count)})'
             for text, count in zip(
                 shorten_all([*values[:10], *beside]), counts[:10])]
    more = len(values) - len(words)
    return ', '.join(words) + (f' and {more} more' if more else '')


def pick_classes(name, labels, classes=None, positive=None, several=False,
                 where=None):
    """The labels of class 0, of class 1, ... and the class of each row.

    Parameters
    ----------
    name : str
        Of the data or the column, for errors.
    labels : ndarray
    classes, positive, several
        See `ReadOptions`.
    where : callable, optional
        Text 'FILE, line N' of a row, for errors.

    Returns
    -------
    tuple
        Two labels or more; 'not A' is the first with `positive`.
    ndarray of int
        0, 1, ..., or -1 for rows of other labels.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or more that were not asked for.

    """
    values, counts = count_labels(labels)
    gone = len(labels) - sum(counts)
    listed = ', and '.join(filter(None, (
        counted(values, counts),
        f'no label in {gone} of {len(labels)} rows' if gone else '')))
    _check_distinct(name, values)
    if classes is None:
        _check_spelling(name, values)
    if positive is not None:
        picked = [value for value in values if is_same(positive, value)]
        if not picked or len(values) < 2:
            raise ValueError(
                f'`positive` must be one of the labels of {name}, beside '
                f'others, got {positive}: it has {listed}.')
        y = np.array([-1 if label is None else int(label == picked[0])
                      for label in labels])
        return (f'not {picked[0]}', picked[0]), y
    too_many = MAX_CLASSES if several else 2
    if classes is None and not 2 <= len(values) <= too_many:
        raise ValueError(
            f"{name} must hold {f'2 to {too_many}' if several else 'two'} "
            f'classes, got {len(values)}: {listed}. '
            + _advice(len(values), gone, several)
            + _lonely(labels, values, counts, where))
    picked = list(values) if classes is None else sum(
        ([value for value in values if is_same(asked, value)]
         for asked in classes), [])
    if classes is not None and not (
            len(picked) == len(set(picked)) == len(classes) >= 2):
        raise ValueError(
            f"`classes` must be two or more of the labels of {name}, got "
            f"{', '.join(map(str, classes))}: it has {listed}.")
    numbers = {label: k for k, label in enumerate(picked)}
    y = np.array([numbers.get(label, -1) for label in labels])
    return tuple(value.item() if isinstance(value, np.generic) else value
                 for value in picked), y


def _advice(n_labels, gone, several):
    """What to do where there are not two classes, or not `several`."""
    if n_labels == 1 and gone:
        return ('Write a label into those rows if they are a class, or name '
                'another column with --label.')
    if not 2 <= n_labels <= 20:
        return 'Is it the label? --label names another column.' + (
            ' If it is, keep the rows of some labels with `classes` '
            '(--classes A B ...).' if n_labels > 2 and several else '')
    return ('Pick two or more with `classes` (--classes A B), one against the '
            'rest with `positive` (--positive A), or all with --model '
            'softmax. If another column is the label, --label names it.')


def _lonely(labels, values, counts, where):
    """Where a label stands that comes once, as that of a header does."""
    if where is None or len(values) > 20 or set(counts) <= {1} \
            or 1 not in counts:
        return ''
    label = values[counts == 1][0]
    i = [str(other) for other in labels].index(str(label))
    is_first = where(i).endswith(', line 1')
    return f' {where(i)} alone has {shorten(label)}' + (
        ': if that line has names, type --header yes.' if is_first else '.')


def _check_distinct(name, values):
    """Raise ValueError if two labels are one number."""
    seen = {}
    for value in values:
        number = exact_number(value)
        if number is not None and number in seen:
            raise ValueError(
                f'{name} must hold labels that differ as numbers, got '
                f'{seen[number]}, {value}.')
        seen[number] = value


def _check_spelling(name, values):
    """Raise ValueError if two labels differ in case, spaces and a dot at the
    end alone."""
    seen = {}
    for value in map(str, values):
        plain = ' '.join(value.casefold().split()).rstrip('. ')
        if plain in seen and exact_number(value) is None:
            raise ValueError(
                f'{name} must hold labels that differ in more than case, '
                f'spaces and a dot at the end, got {seen[plain]!r} and '
                f'{value!r}: write them alike, or name all classes with '
                '--classes.')
        seen[plain] = value


def exact_number(label):
    """The number that a label is or that it writes, or None. Beyond 2**53
    the floats of two labels may be one."""
    try:
        number = float(label)
        return number if abs(number) < 2 ** 53 else Decimal(
            label if isinstance(label, float) else str(label))
    except (ValueError, InvalidOperation):
        return None


def is_same(asked, label):
    """Whether both are the same text or the same number (1 and 1.0), of a
    float as Python reads it (1e23)."""
    number = exact_number(asked)
    return number is not None and (
        number == exact_number(label)
        or isinstance(label, float) and float(asked) == label) \
        or str(asked).strip() == str(label)
