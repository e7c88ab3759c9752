"""Numbers that are codes: 02134, or what ARFF declares as categories."""
import re

from .cures import are_few, column_of, drop_option, list_names


def are_codes(cells, is_declared):
    """Whether the numbers of a column are codes, declared or by how they are
    written, and so few different ones that they may be categories."""
    values = cells.unique()
    return (is_declared or _find_code(values) is not None) and are_few(
        values, len(cells))


def _find_code(values):
    """The first whole number that begins with 0, as 02134, or None."""
    if values.dtype != object:
        return None
    return next((value for value in values
                 if re.fullmatch(r'0\d+', str(value))), None)


def coded(frame, gaps, columns, declared):
    """A warning for each column of numbers whose cells, as 02134, begin with
    a 0 that is lost, and for those that are `declared` as codes, of three or
    more; `gaps` were filled."""
    names = {True: [], False: []}  # by whether --categories takes them
    for column in columns:
        if column.kind == 'text':
            continue
        values = frame[column.name][~gaps[column.name].to_numpy()].unique()
        is_few, code = are_few(values, len(frame)), _find_code(values)
        drop = drop_option([column.name])
        if code is not None:
            advice = f'--categories or {drop}' if is_few else (
                f'{drop} ({len(values)} different ones are too many '
                'for --categories)')
            yield (f'{column_of(column.name)} has numbers such as {code}, '
                   f'read as {int(code)}: if they are codes, type {advice}')
        elif column.name in declared and len(values) > 2:
            names[is_few].append(column.name)
    for is_few, group in names.items():
        advice = '--categories' if is_few else (
            f'{drop_option(group)} (too many different ones for '
            '--categories)')
        if group:
            yield ('the file declares numbers as categories in '
                   f'{list_names(group)}, and they are read as quantities: '
                   f'type {advice}, or leave it so if their order means '
                   'something')
