"""The figures of arXiv 2105.10948, fig1 to fig3, and this project's own.

Each figure is a module with ``make(settings, compute[, solver])``. `compute`
takes a list of cells, see `experiment.cells`, and returns their results.
`make` returns

- the tables that become CSV files, a dict: the end of the file's name to a
  list of dicts;
- the picture, a matplotlib figure;
- the paragraphs of the text that is printed, and kept beside them.

A figure is added by a line in `FIGURES`, and its settings in `config`. The
finished cells are kept in the folder `CELLS`, for other figures and for the
same one with `resume`.
"""
import os
import time
from dataclasses import dataclass
from importlib import import_module
from numbers import Integral

from secml_regpoison.experiment.tables import write_rows, write_text
from secml_regpoison.figure.style import save_picture
from secml_regpoison.storage import only_writer
from . import config


@dataclass(frozen=True)
class FigureEntry:
    """A line of `FIGURES`: the module of the same name makes the figure.

    shows : for the help of the command line. settings, quick : what `make`
    gets, and what it gets for the smoke version. has_solver : whether `make`
    takes a solver, which is then a part of the names of the files.
    """

    shows: str
    settings: object
    quick: object
    has_solver: bool = True


FIGURES = {
    'fig1': FigureEntry('one poisoning point against a synthetic problem',
                        config.FIGURE_1, config.FIGURE_1_QUICK,
                        has_solver=False),
    'fig2': FigureEntry('test error, lambda and ||w|| against the poison',
                        config.FIGURE_2, config.FIGURE_2_QUICK),
    'fig3': FigureEntry('histograms of the weights, with and without poison',
                        config.FIGURE_3, config.FIGURE_3_QUICK),
    'labels': FigureEntry('error and lambda by the labels of the poison',
                          config.LABELS, config.LABELS_QUICK),
    'defence': FigureEntry('defences against two attackers',
                           config.DEFENCE, config.DEFENCE_QUICK),
    'models': FigureEntry('four models and two penalties under the attack',
                          config.MODELS, config.MODELS_QUICK),
    'transfer': FigureEntry('poison made for one policy, tried on others',
                            config.TRANSFER, config.TRANSFER_QUICK),
    'limits': FigureEntry('other data: where a learned lambda does not help',
                          config.LIMITS, config.LIMITS_QUICK),
    'inner': FigureEntry('what the training steps that the attack sees do',
                         config.INNER, config.INNER_QUICK, has_solver=False),
}
SOLVERS = 'rmd', 'implicit'
CELLS = 'attacks'
# Verdicts that make a number of a figure void, said below its table.
VOID = 'gave_up', 'one_class', 'lmbda_at_bound'


def run_figure(name, out, quick=False, jobs=1, resume=False, **options):
    """Make one figure.

    Parameters
    ----------
    name : str
        'fig1', 'fig2', 'fig3', 'labels', 'defence', 'models', 'transfer',
        'limits' or 'inner'.
    out : str
        Folder for the results, made if missing.
    quick : bool, optional
        A smoke version, under a minute.
    jobs : int, optional
        Number of processes; the numbers do not depend on it.
    resume : bool, optional
        Continue a run that was interrupted, with the same numbers.
    solver : {'rmd', 'implicit'}, optional
        How the attacks differentiate, for figures that have a choice.
        Default 'rmd'.

    Returns
    -------
    str
        The table that goes with the figure.

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the argument.
    OSError
        `out` cannot be written to, or another process writes to it.

    """
    from secml_regpoison.validation import check, check_type
    check('name', name, isinstance(name, str) and name in FIGURES,
          f"one of {', '.join(FIGURES)}")
    check_type('out', out, (str, os.PathLike), 'the path of a folder')
    check_type('jobs', jobs, Integral, 'an integer')
    check('jobs', jobs, jobs != 0, 'an integer other than 0')
    for flag, value in (('quick', quick), ('resume', resume)):
        check_type(flag, value, bool, 'True or False')
    for option, value in options.items():
        if option != 'solver' or not FIGURES[name].has_solver:
            raise TypeError(
                f'`{option}` must be left out with {name}, got {value!r}.')
        check('solver', value, value in SOLVERS, ' or '.join(SOLVERS))
    out = os.fspath(out)
    check('out', out, os.path.isdir(out) or out and not os.path.lexists(out),
          'the path of a folder')
    os.makedirs(out, exist_ok=True)
    with only_writer(out, 'out'):
        return make_figure(name, out, quick, jobs, resume, **options)


def make_figure(name, out, quick, jobs, resume, solver='rmd'):
    """`run_figure`, once its input is checked and `out` is held."""
    # imports secml and torch, which the list of figures does not need
    from secml_regpoison.core.verdicts import AT_BOUND
    from secml_regpoison.experiment.cells import (
        cells_folder, clear_cache, run_cells)
    from secml_regpoison.experiment.report import plain_words
    began, entry, n_cells = time.perf_counter(), FIGURES[name], 0
    # a command that makes one figure imports one
    make = import_module(f'{__name__}.{name}').make
    options, stem = ({'solver': solver}, f'{name}_{solver}') \
        if entry.has_solver else ({}, name)
    with cells_folder(out, CELLS, resume=True, keep=True) as folder:
        def compute(cells):
            nonlocal n_cells
            n_cells += len(cells)
            if not resume:
                clear_cache(cells, folder)
            return run_cells(cells, folder, jobs)

        tables, picture, paragraphs = make(
            entry.quick if quick else entry.settings, compute, **options)
        path = os.path.join(out, stem)
        for suffix, rows in tables.items():
            write_rows(f'{path}{suffix}.csv', rows)
        save_picture(picture, path)
    void = plain_words([row for row in tables.get('', ()) if VOID[0] in row],
                       {'lmbda_at_bound': AT_BOUND}, VOID)
    text = '\n\n'.join(filter(None, (
        *paragraphs, void, f'{stem}: {n_cells} cells; this run took '
                           f'{time.perf_counter() - began:.0f} s')))
    write_text(f'{path}.txt', text)
    return text
