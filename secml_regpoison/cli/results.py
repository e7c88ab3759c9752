"""The folder of results: one run's, never beside those of another."""
import glob
import json
import os
import re
from dataclasses import asdict

from secml_regpoison.experiment.policies import is_own, policy_name
from secml_regpoison.experiment.tables import write_text
from secml_regpoison.paper import FIGURES, SOLVERS
from secml_regpoison.version import __version__

MANIFEST = 'sec_eval.json'
# of settings whose options have other names
OPTIONS = {'data': '--data with the rows', 'n_train': '--train',
           'n_val': '--val', 'solver_type': '--solver',
           'preprocess': '--scale', 'classifier': '--model (--classifier)',
           'version': 'secml_regpoison'}
# Whether a value has all that another has: more is the same work.
HAS_ALL = {
    'policies': lambda here, there: {*there.split(',')} <= {*here.split(',')},
    'attacker': lambda here, there: (there, here) == ('defender', 'both')}
# Plain names: a manifest may be another's, and what it lists is removed.
OURS = re.compile(r'sec_eval(_[^/\\]+)?\.(csv|png|json|npz|gz)'
                  r'|(poisoned|rows)_[^/\\]+\.csv')
# The table that each figure of the paper leaves.
OF_FIGURES = re.compile(r'({})\.txt'.format('|'.join(
    f"{name}_({'|'.join(SOLVERS)})" if entry.has_solver else name
    for name, entry in FIGURES.items())))


def result_names(policies, repetitions):
    """Names of all files that a run writes.

    Parameters
    ----------
    policies : iterable of str
    repetitions : int

    """
    policies = list(policies)
    names = [MANIFEST, 'sec_eval.csv', 'sec_eval.png']
    for repetition in range(repetitions):
        names.append(f'rows_{repetition}.csv')
        for policy in policies:
            names += [f'poisoned_{policy}_{repetition}.csv',
                      *(f'sec_eval_{policy}_{repetition}.{ending}'
                        for ending in ('npz', 'gz'))]
    return names


def check_folder(out, **inputs):
    """Raise ValueError if the folder has results that no run has listed, one
    that is read, by the name of its option, or figures of the paper.

    They may be of another version, or rows of the user that are named like
    results.
    """
    if not os.path.isdir(out):
        return
    listed = _listed(out)
    found = sorted(filter(OURS.fullmatch, os.listdir(out)))
    for option, path in inputs.items():
        if path and any(_is_same(path, os.path.join(out, name))
                        for name in found):
            raise ValueError(
                f'`--out` must not hold the file of --{option}, got {out!r} '
                f'with {path!r}: a run removes the results of the one before; '
                'choose another folder.')
    _refuse(out, [name for name in found if name not in listed
                  or os.path.isdir(os.path.join(out, name))]
            + sorted(filter(OF_FIGURES.fullmatch, os.listdir(out))))


def check_folder_of_figures(out):
    """Raise ValueError if the folder has results of `sec-eval`."""
    _refuse(out, sorted(name for name in os.listdir(out)
                        if name in (MANIFEST, 'sec_eval.csv')))


def _refuse(out, others):
    """Raise ValueError, with the names of results that are in the way."""
    if others:
        raise ValueError(
            '`--out` must be a folder without results of another program, '
            f'command or version, got {out!r} with {others[0]}'
            + (f' and {len(others) - 1} more' if len(others) > 1 else '')
            + ': choose another folder, or move them away.')


def _is_same(path, other):
    """Whether both are there, and one file."""
    return os.path.exists(path) and os.path.exists(other) \
        and os.path.samefile(path, other)


def begin(out, names):
    """Remove the results of the run before, and list those to come."""
    for name in _listed(out):
        path = os.path.join(out, name)
        if os.path.isfile(path) and name != MANIFEST:
            os.remove(path)
    write_summary(out, names, {})


class AnotherCommand(ValueError):
    """`--resume` with other options than those of the unfinished work."""


def check_same_command(folder, plan, data, policies):
    """Raise AnotherCommand where the folder of unfinished cells is of another
    plan, of other data, a text, or of policies that are left out now; else
    keep all of them there. More policies, and other numbers of repetitions
    and strengths, are the same work."""
    path = os.path.join(folder, 'plan.json')
    here = {'version': __version__, 'data': data,
            **json.loads(json.dumps(asdict(plan))),
            'policies': ','.join(policy_name(policy) for policy in policies
                                 if not is_own(policy))}
    if any(map(is_own, policies)):
        here['attacker'] = 'both'
    del here['n_points'], here['expect'], here['n_passing']
    if os.path.exists(path) or glob.glob(
            os.path.join(glob.escape(folder), '*.npz')):
        _check_options(_as_options(here), _options_of(path, here))
    write_text(path, json.dumps(here))


def _options_of(path, here):
    """The options that a file keeps; those that `here` has all of as here."""
    try:
        with open(path, encoding='utf-8') as stream:
            there = json.load(stream)
        return _as_options({**there, **{
            name: here[name] for name, has_all in HAS_ALL.items()
            if has_all(here[name], there[name])}})
    except (OSError, ValueError, TypeError, LookupError,
            AttributeError) as error:
        raise AnotherCommand(
            '`--resume` must find the command that was interrupted, got '
            f"'{path}' missing, damaged or of another version: leave out "
            '--resume to start anew.') from error


def _check_options(here, there):
    """Raise AnotherCommand, with the options that differ."""
    other = [option for option in {**here, **there}
             if there.get(option) != here.get(option)]
    if other:
        raise AnotherCommand(
            '`--resume` must be with the command that was interrupted, got '
            + ', '.join(f"{option} {here.get(option, 'left out')}, it had "
                        f"{there.get(option, 'none')}"
                        for option in other)
            + ': repeat that command, with more policies or other numbers of '
            'repetitions and strengths if you like, or leave out --resume to '
            'start anew.')


def _as_options(plan):
    """Settings of a plan, a dict, by the options that one types."""
    params = plan.get('attack_params', {})
    plan = {**plan, **params, **params.get('solver_params', {})}
    return {OPTIONS.get(name, f"--{name.replace('_', '-')}"):
            'none' if value is None else ','.join(f'{end:g}' for end in value)
            if isinstance(value, list) else value
            for name, value in plan.items()
            if name not in ('attack_params', 'solver_params')}


def write_summary(out, names, summary):
    """Write the summary and the names of the files; returns its text."""
    text = json.dumps({**summary, 'files': names}, indent=1, allow_nan=False)
    write_text(os.path.join(out, MANIFEST), text)
    return text


def _listed(out):
    """Names in the manifest of the folder, of files that a run may write."""
    try:
        with open(os.path.join(out, MANIFEST), encoding='utf-8') as stream:
            names = json.load(stream)['files']
        return {MANIFEST, *(name for name in names if OURS.fullmatch(name))}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
