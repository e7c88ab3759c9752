"""Text tables and CSV files."""
import csv
import math

from secml_regpoison.storage import atomic_path


def write_rows(path, rows, columns=None):
    """Write dicts as a CSV.

    Parameters
    ----------
    path : str
    rows : list of dict
    columns : iterable of str, optional
        Keys to write, in this order. Default: those of the first row.

    """
    with atomic_path(path) as scratch:
        with open(scratch, 'w', newline='', encoding='utf-8') as stream:
            writer = csv.DictWriter(stream, columns or rows[0],
                                    extrasaction='ignore')
            writer.writeheader()
            writer.writerows(rows)


def write_text(path, text):
    """Write a text, such as a table or JSON, and the end of its line."""
    with atomic_path(path) as scratch:
        with open(scratch, 'w', encoding='utf-8') as stream:
            stream.write(f'{text}\n')


def as_text(header, lines):
    """Align columns: the first to the left, the others to the right."""
    table = [header, *lines]
    widths = [max(map(len, column)) for column in zip(*table)]
    return '\n'.join(
        '  '.join([line[0].ljust(widths[0]),
                   *(cell.rjust(width)
                     for cell, width in zip(line[1:], widths[1:]))])
        for line in table)


def format_mean_std(mean_and_std, decimals, scale=1):
    """Mean and standard deviation as text; the mean where that is NaN, as of
    one value."""
    mean, std = (scale * value for value in mean_and_std)
    return f'{mean:.{decimals}f}' + (
        '' if math.isnan(std) else f' ± {std:.{decimals}f}')


def of_splits(n_splits, what='mean and standard deviation '):
    """What the numbers of a figure are, in words."""
    return 'of one split' if n_splits == 1 else f'{what}of {n_splits} splits'
