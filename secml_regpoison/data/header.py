"""Lines of a text table that are no rows: titles, and names of the columns."""
import numpy as np

from .detect import MISSING, NUMBER, SAMPLE


def has_header(frame):
    """Whether the first line has names: it has no numbers where the columns
    below have; or it counts 0, 1, 2 ...; or, if all columns are text, most of
    its words do not occur again and the texts below do. Lines equal to it are
    left out."""
    first, rest = frame.iloc[0].tolist(), frame[1:SAMPLE]
    if rest.empty:
        return not any(map(NUMBER.match, first))
    others = rest[(rest != frame.iloc[0]).any(axis=1)]
    rest = rest if others.empty else others
    if _is_scale(first, rest):
        return True
    yes = no = new = again = n_varied = 0
    for j, cell in enumerate(first):
        column = rest.iloc[:, j].tolist()
        cells = [other for other in column if other.lower() not in MISSING]
        if not cells:
            continue
        if all(map(NUMBER.match, cells)):
            yes += not NUMBER.match(cell) and cell.lower() not in MISSING
            no += bool(NUMBER.match(cell))
        elif NUMBER.match(cell) or cell and cell in column:
            again += 1
        elif 2 * len(set(cells)) <= len(cells):
            new += 1
        else:
            n_varied += 1
    return yes > no if yes or no else (
        new > again if new or again else n_varied > 0)


def _is_scale(first, rest):
    """Whether names are 0, 1, 2 ... or, of five and more beside another name,
    in equal steps, as years and wavelengths."""
    counts = [int(cell) for cell in first if cell.isdecimal()]
    others = [(j, cell) for j, cell in enumerate(first)
              if not cell.isdecimal()]
    steps = set(np.diff(counts))
    is_count = (len(counts) > 2 or counts and not first[0]) \
        and counts[0] < 2 and steps <= {1}
    is_even = len(counts) > 4 and len(steps) == 1 and 0 not in steps \
        and any(cell for _, cell in others)
    return bool(is_count or is_even) and not any(
        NUMBER.match(cell) or cell and cell in rest.iloc[:, j].tolist()
        for j, cell in others)


def count_titles(frame):
    """How many lines before those of the names hold a title."""
    n = 0
    while n < len(frame) - 1 and _is_title(frame.iloc[n]):
        n += 1
    is_above_names = n and 2 * (frame.iloc[n] != '').sum() > frame.shape[1] \
        and has_header(frame[n:])
    return n if is_above_names else 0


def _is_title(row):
    """Whether one cell of three or more is filled, with text."""
    filled = [cell for cell in row if cell]
    return len(filled) == 1 and len(row) > 2 and not (
        NUMBER.match(filled[0]) or filled[0].lower() in MISSING)


def find_names_again(frame):
    """Where the names in the first line come again, as in files that were
    appended, and where titles stand above them; two masks. Numbers alone are
    a row."""
    names = frame.iloc[0]
    again, titles = np.zeros((2, len(frame)), dtype=bool)
    if any(cell and not NUMBER.match(cell) for cell in names):
        rows = np.flatnonzero(frame.iloc[:, 0] == names.iloc[0])
        again[rows] = (frame.iloc[rows] == names).all(axis=1)
    again[0] = False
    for i in np.flatnonzero(again):
        while i > 1 and _is_title(frame.iloc[i - 1]):
            i -= 1
            titles[i] = True
    return again, titles
