"""Options of reading a file."""
import os
from dataclasses import dataclass
from numbers import Integral, Number

from .detect import SEPARATORS

# of each option the types that it may have, None excepted, in words too
KINDS = {
    'label': ((str, Integral), 'a name or a whole number'),
    'positive': ((str, Number), 'a label, text or a number'),
    'missing': (str, 'text'), 'sep': (str, 'text'), 'decimal': (str, 'text'),
    'encoding': (str, 'text'), 'header': (str, 'text'),
    'several': (bool, 'True or False'), 'categories': (bool, 'True or False')}
WORDS = {'missing': ('drop', 'mean'), 'decimal': ('.', ','),
         'header': ('yes', 'no')}
EXAMPLES = {'drop': "('id', 3)", 'classes': "('no', 'yes')"}


@dataclass(frozen=True)
class ReadOptions:
    """The user's options of a file; None and empty: to be detected.

    Attributes
    ----------
    label : str or int or None
        Name of the label's column, or its number, from 1. Default: the last
        column; the first one of LIBSVM text, KEEL's ``@outputs``.
    drop : tuple of str or int, or one of them
        Columns to leave out, by name or number. None is none.
    classes : tuple or None
        Labels to keep, two or more; the first becomes 0, the second 1.
    several : bool
        Whether all labels of a file are kept, if there are more than two.
    positive : str, number or None
        Label that becomes 1, and all others 0; not beside `classes`.
    missing : {'drop', 'mean'} or None
        Leave out rows with missing cells, or fill in the column's mean (the
        most frequent value of text). None: refuse them.
    sep : str or None
        What separates the cells of text: a character, or 'comma',
        'semicolon', 'tab', 'bar' or 'space'.
    decimal : {'.', ','} or None
    encoding : str or None
        Of text.
    header : {'yes', 'no'} or None
        Whether the first line of text has the names of the columns.
    categories : bool
        Whether a column of text, of codes such as 02134, or of numbers that
        ARFF declares as three categories or more, becomes a 0/1 column for
        each of its values, at most 100.
    test : str or path or None
        A second file, with the test rows.

    Raises
    ------
    TypeError, ValueError
        Naming the option, the condition and the value.

    """

    label: object = None
    drop: tuple = ()
    classes: tuple = None
    several: bool = False
    positive: object = None
    missing: str = None
    sep: str = None
    decimal: str = None
    encoding: str = None
    header: str = None
    categories: bool = False
    test: str = None

    def __post_init__(self):
        for name, (kinds, condition) in KINDS.items():
            value = getattr(self, name)
            if value is not None and (
                    not isinstance(value, kinds)
                    or isinstance(value, bool) and kinds is not bool):
                raise TypeError(f'`{name}` must be {condition}, got '
                                f'{value!r}.')
        for name, words in WORDS.items():
            value = getattr(self, name)
            if value is not None and value not in words:
                raise ValueError(
                    f"`{name}` must be {' or '.join(map(repr, words))}, or "
                    f'None, got {value!r}.')
        for name, value in (
                ('drop', _several('drop', self.drop, (str, Integral)) or ()),
                ('classes', _several('classes', self.classes)),
                ('sep', _separator(self.sep)),
                ('test', None if self.test is None
                 else as_path('test', self.test))):
            object.__setattr__(self, name, value)
        if self.classes is not None and self.positive is not None:
            raise ValueError(
                f'`classes` must be left out with `positive`, got '
                f"{', '.join(map(str, self.classes))} beside "
                f'{self.positive}: --positive takes one label against all '
                'others, --classes takes the rows of the labels that it '
                'names. Type one of them.')


def as_path(name, path):
    """A path of any type as text."""
    is_path = isinstance(path, (str, bytes, os.PathLike))
    if not is_path or not path:
        raise (ValueError if is_path else TypeError)(
            f'`{name}` must be the path of a file, got {path!r}.')
    return os.fsdecode(path)


def _several(name, values, one=()):
    """Several values as a tuple; of type `one` a single one, too."""
    if values is None:
        return None
    if isinstance(values, one) and not isinstance(values, bool):
        return (values,)
    try:
        found = None if isinstance(values, (str, bytes)) else tuple(values)
    except TypeError:
        found = None
    if found is None or one and not all(
            isinstance(value, one) and not isinstance(value, bool)
            for value in found):
        what = 'names or numbers of columns' if one else 'two labels or more'
        raise TypeError(f'`{name}` must be {what}, as in {EXAMPLES[name]}, '
                        f'got {values!r}.')
    return found


def _separator(sep):
    """The character of a separator, which may have a name."""
    found = SEPARATORS.get(sep, '\t' if sep == '\\t' else sep)
    if found is not None and (len(found) != 1 or found in '"\r\n'):
        raise ValueError(
            f'`sep` must be one character or one of {", ".join(SEPARATORS)}, '
            f'got {sep!r}: replace it in the file.')
    return found
