"""Columns that name, number or date the rows, by name and content."""
import re

import numpy as np

# what R, readr and pandas call the names of rows that are written as cells
ROW_NAMES = re.compile(r'(?i:row[._ ]?names?|index|level_0)|\.\.\.1')
ID = re.compile(r'(?i:(.*[ _.-])?id#?)|.*[a-z]I[Dd]')
# as townid; not the words with the same end
JOINED_ID = re.compile(
    r'(?!(.*(acid|covid|fluid|grid|humid|hybrid|lipid|liquid|oid|paid|plasmid'
    r'|rapid|rigid|solid|valid)|.?[abdklmr]id|.?aid)$)[a-z]+id', re.IGNORECASE)
NUMBER_NAME = re.compile(r'(.*[ _.-])?(index|row|nr|no|number)|unnamed: \d+',
                         re.IGNORECASE)
# of panels and pairs: each comes in several rows; `rooms no` is a count
UNIT = re.compile(
    '(subject|subj|patient|participant|person|individual|student|respondent'
    '|family|household|pair|firm|school|case|customer|client|user|record)'
    '(s|[ _.-]?(id|nr|no|number|#))?', re.IGNORECASE)
PLAIN = ('id', 'subject')
# yyyymm, yyyymmdd, with hours, minutes and seconds
DATE = re.compile(r'(18|19|20)\d\d(0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])'
                  r'(([01]\d|2[0-3])([0-5]\d){0,2})?)?')
TIME_NAME = re.compile(r'.*(date|time|epoch|unix).*|(.*[ _.-])?ts',
                       re.IGNORECASE)


def is_id(name):
    """Whether a column has the name of an id."""
    return bool(ID.fullmatch(name) or JOINED_ID.fullmatch(name))


def is_number(name):
    """Whether a column has the name of an id or of a running number."""
    return bool(is_id(name) or NUMBER_NAME.fullmatch(name))


def are_ids(name, cells):
    """Whether a column identifies what comes in several rows: by its name
    and, unless there are too many for codes, as each value has its rows in
    one block."""
    if not (is_id(name) or UNIT.fullmatch(name)):
        return False
    cells = np.asarray(cells)
    n_values, n_blocks = len(np.unique(cells)), 1 + (
        cells[1:] != cells[:-1]).sum()
    return n_values == n_blocks > 2 or n_values > 100 and is_id(name) \
        or n_values > 10 and name.lower().strip('#') in PLAIN


def looks_dated(name, x):
    """Whether numbers are dates as 20190213, or, by their name and size,
    times since 1970 in seconds to nanoseconds."""
    values = np.unique(x)
    if len(values) < 3:
        return False
    if all(DATE.fullmatch(f'{value:.0f}') for value in values):
        return True
    return bool(TIME_NAME.fullmatch(name)) and any(
        5e8 * unit <= values[0] and values[-1] < 5e9 * unit
        for unit in (1, 1e3, 1e6, 1e9))
