"""The command line, `secml-regpoison`."""
import os
import sys
from functools import partial

import joblib

from .arguments import join_policies, make_parser, one_line
from secml_regpoison.data.sources import load_data
from secml_regpoison.experiment.security_evaluation import (
    Plan, check_plan, default_points, run_cells)
from secml_regpoison.storage import only_writer
from secml_regpoison.experiment.cells import cells_folder
from .paper import complete, run_paper
from secml_regpoison.experiment.policies import policy_name
from secml_regpoison.experiment.progress import progress_bar
from secml_regpoison.experiment.report import (
    draw, save_result, save_sec_eval, print_text, summarise, table, verdict,
    write_csv)
from secml_regpoison.data.splits import split_sizes

# What bad data and a failed run raise. Anything else is a defect of this
# program, and then the traceback is worth more than a tidy line.
ERRORS = (ValueError, ArithmeticError, OSError, RuntimeError, MemoryError)


def main(argv=None):
    """Run the command line; returns its exit code."""
    args = make_parser().parse_args(
        join_policies(sys.argv[1:] if argv is None else argv))
    code = 2
    try:
        if args.command == 'paper':
            complete(args)
            work = partial(run_paper, args)
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
    """Read the data and check all that could fail, before any work."""
    source = load_data(args.data, args.classes)
    n_train, n_val = split_sizes(source, args.train, args.val)
    plan = Plan(n_points=args.points or default_points(n_train, n_val),
                n_train=n_train, n_val=n_val, seed=args.seed,
                poison_mode=args.poison_mode, solver_type=args.solver)
    check_plan(plan, source, args.policies)
    return source, plan


def _sec_eval(args, source, plan):
    """Run all, and write what comes of it; checkpoints last until then."""
    with cells_folder(args.out, 'sec_eval', args.resume) as folder:
        _report(args, plan, _run(args, source, plan, folder), source)


def _run(args, source, plan, folder):
    """Run and save each evaluation; they come back in the order asked for.

    Returns
    -------
    dict of (str, int) to (CSecEvalData, list of Row)
        By policy and repetition.

    """
    order = [(policy_name(policy), repetition) for policy in args.policies
             for repetition in range(args.repetitions)]
    jobs = min(len(order), args.jobs or joblib.cpu_count())
    cells = {}
    with progress_bar(len(order) * len(plan.n_points), ' strength',
                      folder) as report:
        for policy, repetition, data, rows in run_cells(
                source, plan, args.policies, args.repetitions, jobs, report,
                folder):
            name = policy_name(policy)
            path = os.path.join(args.out, f'sec_eval_{name}_{repetition}')
            save_result(f'{path}.npz', data)
            save_sec_eval(f'{path}.gz', data)
            cells[name, repetition] = data, rows
    return {key: cells[key] for key in order}


def _report(args, plan, cells, source):
    """Write the CSV and the picture, print the table and what it says."""
    rows = [row for _, rows in cells.values() for row in rows]
    write_csv(os.path.join(args.out, 'sec_eval.csv'), rows)
    curves = {}
    for (name, _), (data, _) in cells.items():
        curves.setdefault(name, []).append(data)
    name = source.title(os.path.basename(args.data))
    title = f'{name}: logistic regression under poison'
    if args.repetitions > 1:
        title += f' (mean and standard deviation of {args.repetitions} splits)'
    fractions = [row.fraction for row in rows[:len(plan.n_points)]]
    draw(os.path.join(args.out, 'sec_eval.png'), curves, fractions, title)
    summary = summarise(rows)
    print_text('\n\n'.join((
        name, table(summary), verdict(summary),
        f'Results are in {os.path.abspath(args.out)}')))


def _fail(code, error):
    """Say what went wrong, in one line, and return the exit code."""
    print(f'secml-regpoison: error: {one_line(error)}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main())
