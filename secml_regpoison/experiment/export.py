"""The rows of an evaluation, for other programs: tables with the columns,
units and labels of the data."""
import numpy as np
import pandas as pd

from secml_regpoison.attack.replacement import replacement_order
from secml_regpoison.data.splits import draw_rows
from .filters import passing_of
from .grey_box import places_of_attacker
from .policies import TRUSTED


def poisoned_rows(source, plan, policy, repetition, result):
    """What the classifier was trained on at the last strength measured: the
    strongest attack, or under a policy with '-own' that of the verdict.

    Parameters
    ----------
    source : Source
    plan : Plan
    policy : str
    repetition : int
    result : dict
        See `security_evaluation.evaluate`.

    Returns
    -------
    DataFrame
        The clean rows that stay, in the order of the data, then the poison;
        the last column, 'poison' unless the data has one of that name, is 1
        for poison. Under 'trusted-only' the validation rows; under
        'learned-trust' the classifier is trained on these as well.

    """
    part, rows = _trained_on(source, plan, repetition, result['n_points'][-1])
    if policy == TRUSTED:
        part, rows = _drawn(source, plan, repetition)['val']
    rows = np.sort(rows)
    x, y = source.parts[part]
    x = np.vstack([x[rows], result['x']])
    y = np.concatenate([y[rows], result['y']]).astype(int)
    frame = _to_frame(source, x, [source.header['y_original'][k] for k in y])
    name = 'poison'
    while name in frame:
        name += '_'
    frame[name] = (np.arange(len(y)) >= len(rows)).astype(int)
    return frame


def parts_of_rows(source, plan, repetition):
    """The part that each row has in one repetition.

    Parameters
    ----------
    source, plan, repetition
        See `poisoned_rows`.

    Returns
    -------
    DataFrame
        `line`, the line of the file, or the number of the row from 1;
        `label`; `part`: 'train', 'replaced' (a training row in the place of
        which poison is), 'filtered' (one that the filter has dropped),
        'validation', 'attacker' (what it has in their place), 'test', or ''
        (no part has it: there are more rows than were asked for). 'train' and
        'replaced' are those at the strongest attack. Rows of other labels, or
        left out as --missing asks, are not in it. `rows`, the part of the data
        that has the row, if there are several: 'pool', 'val', 'test'.

    """
    tables = {part: pd.DataFrame({
        'line': _lines(source, part),
        'label': [source.header['y_original'][k] for k in y], 'part': ''})
        for part, (_, y) in source.parts.items()}
    drawn = _drawn(source, plan, repetition)
    for name, (part, rows) in (
            ('filtered', drawn['train']), ('validation', drawn['val']),
            ('test', drawn['test']), *_of_attacker(
                source, plan, drawn['test'], plan.seed + repetition),
            ('replaced', passing_of(source, plan, plan.seed + repetition)),
            ('train', _trained_on(source, plan, repetition,
                                  plan.n_points[-1]))):
        tables[part].loc[rows, 'part'] = name
    if len(tables) == 1:
        return tables['pool']
    return pd.concat([table.assign(rows=part) for part, table
                      in tables.items()], ignore_index=True)


def lines_of_test_rows(source, plan, repetition):
    """The `line` of each test row, see `parts_of_rows`, in the order in
    which they are drawn: that of the predictions."""
    part, rows = test = _drawn(source, plan, repetition)['test']
    for _, (_, taken) in _of_attacker(
            source, plan, test, plan.seed + repetition):
        rows = rows[~np.isin(rows, taken)]
    return _lines(source, part)[rows]


def _lines(source, part):
    """Of each row of a part, the line in the file, or the number from 1."""
    if source.file:
        return source.file.lines[part]
    return np.arange(1, len(source.parts[part][1]) + 1)


def _of_attacker(source, plan, test, seed):
    """The part that an attacker in the grey box has, if there is one."""
    if plan.attacker == 'grey':
        part, rows = test
        yield 'attacker', (part, rows[places_of_attacker(
            source.parts[part][1][rows], plan.n_val, seed)])


def _drawn(source, plan, repetition):
    return draw_rows(source, plan.n_train, plan.n_val, plan.seed + repetition)


def _trained_on(source, plan, repetition, n_points):
    """The training rows that stay beside so many points."""
    part, rows = passing_of(source, plan, plan.seed + repetition)
    if plan.poison_mode == 'append':
        return part, rows
    return part, rows[replacement_order(
        plan.seed + repetition, len(rows))[n_points:]]


def _to_frame(source, x, labels):
    """Rows in the columns of the file; of data with a name, numbered ones."""
    if source.file:
        return source.file.encoding.to_frame(x, labels)
    return pd.DataFrame(x, columns=[
        f'feature {j + 1}' for j in range(x.shape[1])]).assign(label=labels)
