"""Options of reading a file."""
from dataclasses import dataclass


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about a file; None and empty: to be detected.

    Attributes
    ----------
    label : str or int or None
        Name of the label's column, or its number, from 1. Default: the last
        column; the first one of LIBSVM text.
    drop : tuple of str or int
        Columns to leave out, by name or number.
    classes : tuple or None
        Labels to keep, two or more; the first becomes 0, the second 1.
    several : bool
        Whether all labels of a file are kept, if there are more than two.
    positive : str or None
        Label that becomes 1, and all others 0; not beside `classes`.
    missing : {'drop', 'mean'} or None
        Leave out rows with missing cells, or fill in the column's mean (the
        most frequent value of text). None: refuse them.
    sep, decimal, encoding : str or None
        Of text.
    header : {'yes', 'no'} or None
        Whether the first line of text has the names of the columns.
    categories : bool
        Whether a column of text becomes a 0/1 column for each of its values.
    test : str or None
        A second file, with the test rows.

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
        if self.classes is not None and self.positive is not None:
            raise ValueError(
                f'`classes` must be left out with `positive`, got '
                f"{', '.join(map(str, self.classes))} beside "
                f'{self.positive}: --positive takes one label against all '
                'others, --classes takes the rows of the labels that it '
                'names. Type one of them.')
