"""The place that each row comes from."""
from dataclasses import dataclass, replace

import numpy as np

PARTS = {'val': 'validation', 'test': 'test'}  # in words


def keep_by_mean(n, n_left):
    """A sentence for errors where too few rows are left, after --missing
    drop left out `n`; '' if none."""
    return '' if not n else (
        f' --missing drop left out {n} of {n + n_left} rows; --missing mean '
        'keeps them.')


@dataclass(frozen=True)
class Rows:
    """Rows of several tables, those of a table one after the other.

    Attributes
    ----------
    tables : dict of str to RawTable
    part : ndarray
        Key in `tables` of each row.
    lines : ndarray
        Line of the file of each row, or its number where rows have no lines.

    """

    tables: dict
    part: np.ndarray
    lines: np.ndarray

    @classmethod
    def of_tables(cls, tables):
        """All rows of the tables."""
        return cls(
            tables, np.repeat(list(tables), [len(t.frame)
                                             for t in tables.values()]),
            np.concatenate([t.lines for t in tables.values()]))

    def select(self, mask):
        """The rows where `mask` is True."""
        return replace(self, part=self.part[mask], lines=self.lines[mask])

    def split(self, values):
        """The values of each table's rows: views, where masks copy."""
        ends = np.cumsum([(self.part == name).sum() for name in self.tables])
        return np.split(values, ends[:-1])

    def where(self, i):
        """Path and line of row `i`, in words."""
        source = self.tables[self.part[i]]
        word = 'row' if source.found == 'arrays' else 'line'
        return f'{source.path}, {word} {self.lines[i]}'
