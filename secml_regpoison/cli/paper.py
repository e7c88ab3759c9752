"""The subcommand `secml-regpoison paper`."""
import argparse
import os

from secml_regpoison.paper import CELLS, FIGURES, SOLVERS, make_figure
from secml_regpoison.terminal import print_text, printable

DESCRIPTION = """\
Make the figures of arXiv 2105.10948 (fig1 to fig3), and this project's own:
CSV, PNG and PDF files in DIR, and a table on the screen and in DIR.

figures:
"""


def add_parser(commands, integer):
    """Add the subcommand to those of the command line.

    Parameters
    ----------
    commands : argparse subparsers
    integer : callable
        Type of argparse for integers of at least 1.

    """
    listed = '\n'.join(f'  {name:10} {entry.shows}'
                       for name, entry in FIGURES.items())
    command = commands.add_parser(
        'paper', help="figures of the paper, and this project's own",
        allow_abbrev=False,
        description=DESCRIPTION + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument(
        'figure', choices=(*FIGURES, 'all'), metavar='FIGURE',
        help=f"{', '.join(FIGURES)}, or all")
    command.add_argument(
        '--quick', action='store_true',
        help='a smoke version, under a minute: coarse, and no result')
    command.add_argument(
        '--jobs', type=integer, metavar='N',
        help='processes (default: one for each core)')
    command.add_argument(
        '--resume', action='store_true',
        help='reuse what an interrupted run, or another figure in the same '
             'folder, has finished')
    command.add_argument(
        '--solver', choices=SOLVERS,
        help='how the attacks of '
             + ', '.join(name for name, experiment in FIGURES.items()
                         if experiment.has_solver)
             + ' differentiate, see sec-eval --help (default rmd); it is part '
             'of the names of their files')
    command.add_argument(
        '--out', metavar='DIR',
        help='folder for the results, made if missing (default paper, or '
             'paper-quick with --quick); results of the same name are '
             'replaced')


def complete(args):
    """Fill in the folder; ValueError if the figure has no choice of a
    solver."""
    if args.out is None:
        args.out = 'paper-quick' if args.quick else 'paper'
    if args.solver and args.figure != 'all' \
            and not FIGURES[args.figure].has_solver:
        raise ValueError(
            f"`--solver` must be left out with {args.figure}, got "
            f"{args.solver}.")


def run_paper(args):
    """Make the figures asked for and print their tables."""
    import joblib
    from secml_regpoison.experiment.cells import cells_folder
    jobs = args.jobs or joblib.cpu_count()
    names, resume = (args.figure,), args.resume
    if args.figure == 'all':
        with cells_folder(args.out, CELLS, resume, keep=True):
            pass  # without --resume it begins empty
        # an attack that several figures show is computed once
        names, resume = FIGURES, True
    for name in names:
        options = {'solver': args.solver} \
            if args.solver and FIGURES[name].has_solver else {}
        print_text(make_figure(name, args.out, args.quick, jobs, resume,
                               **options))
    print_text(f'\nResults are in {printable(os.path.abspath(args.out))}')
