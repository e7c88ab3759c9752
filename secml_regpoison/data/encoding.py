"""A file's columns as a matrix of numbers, and the way back."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Column:
    """A feature of the file.

    Attributes
    ----------
    name : str
    kind : {'number', 'whole', 'binary', 'boolean', 'text'}
        'binary' is 0 and 1; 'boolean' is false and true in the file; 'text'
        has one 0/1 column for each value.
    values : tuple of str
        Of text.

    """

    name: str
    kind: str
    values: tuple = ()

    @property
    def width(self):
        """Columns of the matrix."""
        return len(self.values) or 1


@dataclass(frozen=True)
class Encoding:
    """Columns of a file and of the matrix made of them.

    Attributes
    ----------
    columns : tuple of Column
        In the order of the file.
    label : str
        Name of the label's column.
    position : int
        Columns that stand before the label.

    """

    columns: tuple
    label: str
    position: int

    @cached_property
    def _starts(self):
        return np.cumsum([0] + [column.width for column in self.columns])

    @property
    def groups(self):
        """Columns of the matrix that hold one text column: a tuple each."""
        return tuple(
            tuple(range(start, start + column.width))
            for start, column in zip(self._starts.tolist(), self.columns)
            if column.kind == 'text')

    @property
    def integers(self):
        """Columns of the matrix that hold whole numbers, text excepted."""
        return tuple(
            start for start, column in zip(self._starts.tolist(), self.columns)
            if column.kind in ('whole', 'binary', 'boolean'))

    def encode(self, frame):
        """Matrix (n, d) of a frame whose columns are numbers and text."""
        return np.column_stack([
            np.equal.outer(frame[column.name].to_numpy(),
                           np.array(column.values, dtype=object))
            if column.kind == 'text' else frame[column.name].to_numpy()
            for column in self.columns]).astype(float, copy=False)

    def to_frame(self, x, labels):
        """Rows in the file's own columns: the inverse of `encode`.

        Parameters
        ----------
        x : ndarray, shape (n, d)
            In the file's units. Of a text column the value with the largest
            entry is taken, the first of equals.
        labels : iterable
            The file's labels, one for each row.

        Returns
        -------
        DataFrame

        """
        frame = pd.DataFrame({
            column.name: _decode(column, x[:, start:start + column.width])
            for start, column in zip(self._starts, self.columns)})
        frame.insert(self.position, self.label,
                     pd.Series(list(labels), dtype=object).infer_objects())
        return frame


def _decode(column, x):
    """Cells of one column of the file."""
    if column.kind == 'text':
        return np.array(column.values, dtype=object)[x.argmax(axis=1)]
    cells = x[:, 0]
    # test rows may hold other numbers than whole ones
    if column.kind != 'number' and kind_of(cells) != 'number':
        return cells.astype(bool if column.kind == 'boolean' else np.int64)
    return cells


def kind_of(numbers):
    """'binary', 'whole' or 'number', of an array without NaN."""
    if np.isin(numbers, (0, 1)).all():
        return 'binary'
    is_whole = (numbers == np.rint(numbers)) & (abs(numbers) < 2 ** 53)
    return 'whole' if is_whole.all() else 'number'
