"""The command line, `secml-regpoison`.

Its help and its refusals come before torch and secml are imported, which
takes some seconds.
"""
import os
import sys
from contextlib import redirect_stdout
from functools import partial

from secml_regpoison.data.sources import NEED_SECML, load_data
from secml_regpoison.data.splits import split_sizes
from secml_regpoison.experiment.plan import Plan, check_plan, default_points
from secml_regpoison.storage import only_writer
from .arguments import FILE_OPTIONS, join_policies, make_parser, one_line
from .paper import complete, run_paper

# Errors of bad data and of failed runs. Any other error is a defect of this
# program: its traceback is shown.
ERRORS = (ValueError, ArithmeticError, OSError, RuntimeError, MemoryError)


def main(argv=None):
    """Run the command line; returns its exit code."""
    args = make_parser().parse_args(
        join_policies(sys.argv[1:] if argv is None else argv))
    code = 2
    try:
        if args.command == 'paper':
            complete(args)
            work = partial(_paper, args)
        else:
            work = partial(_sec_eval, args, *_prepare(args))
        os.makedirs(args.out, exist_ok=True)
        with only_writer(args.out, '--out'):
            code = 1
            work()
    except ERRORS as error:
        return _fail(code, error)
    except KeyboardInterrupt:
        return _fail(130, f'interrupted; what was finished is in {args.out}, '
                          f'and the same command with --resume goes on.')
    return 0


def _prepare(args):
    """Read the data, and check the plan before any work."""
    if args.data in NEED_SECML:
        _register()
    source = load_data(args.data, args.classes, **{
        name: getattr(args, name) for name in FILE_OPTIONS})
    n_train, n_val = split_sizes(source, args.train, args.val)
    plan = Plan(n_points=args.points or default_points(n_train, n_val),
                n_train=n_train, n_val=n_val, seed=args.seed,
                poison_mode=args.poison_mode, solver_type=args.solver)
    check_plan(plan, source, args.policies)
    return source, plan


def _sec_eval(args, source, plan):
    """Run the evaluations."""
    _register()
    from .sec_eval import run_sec_eval
    run_sec_eval(args, source, plan)


def _paper(args):
    """Make the figures."""
    _register()
    run_paper(args)


def _register():
    """Make secml ready for this package, see `secml_regpoison`.

    secml logs to the stdout that it finds when it is imported.
    """
    try:
        with redirect_stdout(sys.stderr):
            from secml_regpoison import registration  # noqa: F401
    except ImportError as error:  # says what to type
        raise RuntimeError(error) from error


def _fail(code, error):
    """Say what went wrong, in one line, and return the exit code."""
    print(f'secml-regpoison: error: {one_line(error)}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main())
