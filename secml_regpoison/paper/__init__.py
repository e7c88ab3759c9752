"""The figures of arXiv 2105.10948 as runnable experiments.

Each figure is a module with a function ``run(out, quick, jobs, resume)`` that
writes its CSV, PNG and PDF files to the folder `out` and returns the text of
its table, which is kept beside them. A figure is added by a line here, and
its settings in `settings`.
"""
import os
from importlib import import_module
from inspect import signature

from secml_regpoison.validation import check, check_type
from secml_regpoison.storage import only_writer
from secml_regpoison.experiment.tables import write_text

# Name on the command line: the module of the figure, and what it shows.
FIGURES = {
    'fig1': ('fig1', 'one poisoning point against a synthetic problem'),
    'fig2': ('fig2', 'test error, lambda and ||w|| against the poison'),
    'fig3': ('fig3', 'histograms of the weights, with and without poison'),
    'transfer': ('transfer', 'poison made for one policy, tried on others'),
    'limits': ('limits', "other data: where a learned lambda does not help"),
    'inner': ('inner', 'what the training steps that the attack sees do'),
}
SOLVERS = 'rmd', 'implicit'


def run_figure(name, out, quick=False, jobs=1, resume=False, **options):
    """Make one figure.

    Parameters
    ----------
    name : str
        Any of `FIGURES`.
    out : str
        Folder for the results, made if missing.
    quick : bool, optional
        A smoke version, under a minute.
    jobs : int, optional
        Number of processes; the numbers do not depend on it.
    resume : bool, optional
        Take up a run that was interrupted, with the same numbers.
    **options
        Those that this figure has beside; see `has_solver`.

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
    check('name', name, isinstance(name, str) and name in FIGURES,
          f"one of {', '.join(FIGURES)}")
    check_type('out', out, (str, os.PathLike), 'the path of a folder')
    check_type('jobs', jobs, int, 'an integer')
    check('jobs', jobs, jobs != 0, 'an integer other than 0')
    for flag, value in (('quick', quick), ('resume', resume)):
        check_type(flag, value, bool, 'True or False')
    for option, value in options.items():
        if option not in signature(_run_of(name)).parameters:
            raise TypeError(
                f'`{option}` must be left out with {name}, got {value!r}.')
    if 'solver' in options:
        check('solver', options['solver'], options['solver'] in SOLVERS,
              ' or '.join(SOLVERS))
    out = os.fspath(out)
    check('out', out, os.path.isdir(out) or out and not os.path.exists(out),
          'the path of a folder')
    os.makedirs(out, exist_ok=True)
    with only_writer(out, 'out'):
        return make_figure(name, out, quick, jobs, resume, **options)


def make_figure(name, out, quick, jobs, resume, **options):
    """`run_figure` for who has checked its input and holds `out`."""
    text = _run_of(name)(out, quick=quick, jobs=jobs, resume=resume,
                         **options)
    solver = f"_{options.get('solver', 'rmd')}" if has_solver(name) else ''
    write_text(os.path.join(out, f'{name}{solver}.txt'), text)
    return text


def _run_of(name):
    # imported here: a command that draws one figure loads one
    return import_module(f'{__name__}.{FIGURES[name][0]}').run


def has_solver(name):
    """True if the figure can be made with another `solver` than rmd."""
    return 'solver' in signature(_run_of(name)).parameters
