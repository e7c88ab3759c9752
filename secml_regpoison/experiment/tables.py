"""Files and tables that the figures leave behind."""
import csv
import os

from secml_regpoison.storage import atomic_path

# A policy looks the same in each picture: Okabe and Ito's palette, and in grey
# the markers and lines tell. Hollow squares show what lies under them.
POLICY_STYLES = {
    'small': dict(color='#D55E00', marker='s', linestyle='--',
                  markerfacecolor='none', markersize=9),
    'large': dict(color='#CC79A7', marker='D', linestyle=':'),
    'clean-cv': dict(color='#0072B2', marker='o', linestyle='-.'),
    'learned': dict(color='#009E73', marker='^', linestyle='-')}
POLICY_LABELS = {
    'small': r'$\lambda$ small (no regularisation)',
    'large': r'$\lambda$ large',
    'clean-cv': r'$\lambda$ by clean cross-validation',
    'learned': r'$\lambda$ learned'}


def write_rows(path, rows):
    """Write dicts with the same keys as a CSV."""
    with atomic_path(path) as scratch:
        with open(scratch, 'w', newline='', encoding='utf-8') as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def write_text(path, text):
    """Write a printed table."""
    with atomic_path(path) as scratch:
        with open(scratch, 'w', encoding='utf-8') as stream:
            stream.write(f'{text}\n')


def save_picture(fig, out, name):
    """Write a matplotlib figure as PNG and PDF, the same bytes each time."""
    for extension, options in (('png', dict(dpi=150)),
                               ('pdf', dict(metadata={'CreationDate': None}))):
        with atomic_path(os.path.join(out, f'{name}.{extension}')) as scratch:
            fig.savefig(scratch, format=extension, **options)


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
    """Mean and standard deviation as text."""
    mean, std = (scale * value for value in mean_and_std)
    return f'{mean:.{decimals}f} ± {std:.{decimals}f}'
