"""Numbers that are codes: 02134, or what ARFF declares as categories."""
import re

from .cures import are_few, column_of, drop_option, list_names


def are_codes(cells, is_declared):
    """Whether the numbers of a column are codes, declared or by how they are
    written, and so few different ones that they may be categories."""
    return (is_declared or _find_code(cells) is not None) and are_few(
        cells.unique(), len(cells))


def _find_code(cells):
    """The first whole number that begins with 0, as 02134, or None."""
    if cells.dtype != object:
        return None
    return next((cell for cell in cells if re.fullmatch(r'0\d+', str(cell))),
                None)


def coded(frame, columns, declared):
    """A warning for each column of numbers whose cells, as 02134, begin with
    a 0 that is lost, and one for those that are `declared` as codes."""
    columns = [column for column in columns if column.kind != 'text']
    for column in columns:
        cells = frame[column.name]
        code = _find_code(cells)
        if code is not None:
            drop = drop_option([column.name])
            advice = f'--categories or {drop}' \
                if are_few(cells.unique(), len(cells)) else (
                    f'{drop} ({cells.nunique()} different ones are too many '
                    'for --categories)')
            yield (f'{column_of(column.name)} has numbers such as {code}, '
                   f'read as {int(code)}: if they are codes, type {advice}')
    names = [column.name for column in columns if column.name in declared
             and are_codes(frame[column.name], True)]
    if names:
        yield (f'the file declares numbers as categories in '
               f'{list_names(names)}, and they are read as quantities: type '
               '--categories, or leave it so if their order means something')
