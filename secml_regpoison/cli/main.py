"""The command line, `secml-regpoison`."""
import os
import sys
from functools import partial

import joblib

from secml_regpoison.data.sources import load_data
from secml_regpoison.data.splits import split_sizes
from secml_regpoison.experiment.cells import cells_folder
from secml_regpoison.experiment.parallel import progress_bar
from secml_regpoison.experiment.policies import policy_name
from secml_regpoison.experiment.report import (
    CSV_COLUMNS, draw, save_evaluation, solver_verdict, table, verdict)
from secml_regpoison.experiment.security_evaluation import (
    Plan, check_plan, default_points, make_records, run_policies)
from secml_regpoison.experiment.statistics import mean_and_std
from secml_regpoison.experiment.tables import print_text, write_rows
from secml_regpoison.figure.style import save_picture
from secml_regpoison.storage import only_writer
from .arguments import join_policies, make_parser, one_line
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
    """Read the data, and check the plan before any work."""
    source = load_data(args.data, args.classes)
    n_train, n_val = split_sizes(source, args.train, args.val)
    plan = Plan(n_points=args.points or default_points(n_train, n_val),
                n_train=n_train, n_val=n_val, seed=args.seed,
                poison_mode=args.poison_mode, solver_type=args.solver)
    check_plan(plan, source, args.policies)
    return source, plan


def _sec_eval(args, source, plan):
    """Run all, and write the results; checkpoints are kept until then."""
    name = source.title(os.path.basename(args.data))
    with cells_folder(args.out, 'sec_eval', args.resume) as folder:
        results = _run(args, source, plan, folder)
        _report(args, name, [
            record for (policy, repetition), result in results.items()
            for record in make_records(result, data=name, policy=policy,
                                       repetition=repetition)])


def _run(args, source, plan, folder):
    """Run and save each evaluation.

    Returns
    -------
    dict of (str, int) to dict
        Results by policy and repetition, in the order asked for.

    """
    results = {(policy_name(policy), repetition): None
               for policy in args.policies
               for repetition in range(args.repetitions)}
    jobs = min(len(results), args.jobs or joblib.cpu_count())
    with progress_bar(len(results)) as bar:
        for policy, repetition, data, result in run_policies(
                source, plan, args.policies, args.repetitions, jobs, folder):
            save_evaluation(os.path.join(
                args.out, f'sec_eval_{policy}_{repetition}'), data, result)
            results[policy, repetition] = result
            bar.update()
    return results


def _report(args, name, records):
    """Write the CSV and the picture, print the table and the sentences."""
    path = os.path.join(args.out, 'sec_eval')
    write_rows(f'{path}.csv', records, CSV_COLUMNS)
    means = mean_and_std(records)
    title = f'{name}: logistic regression under poison'
    if args.repetitions > 1:
        title += f' (mean and standard deviation of {args.repetitions} splits)'
    save_picture(draw(means, title), path, ('png',), dpi=120)
    print_text('\n\n'.join(filter(None, (
        name, table(means), verdict(means),
        solver_verdict(records, args.solver),
        f'Results are in {os.path.abspath(args.out)}'))))


def _fail(code, error):
    """Say what went wrong, in one line, and return the exit code."""
    print(f'secml-regpoison: error: {one_line(error)}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main())
