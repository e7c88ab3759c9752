"""The work of ``secml-regpoison sec-eval``, once its input is checked."""
import os

import joblib

from secml_regpoison.experiment.cells import cells_folder
from secml_regpoison.experiment.measures import make_records
from secml_regpoison.experiment.policies import policy_name
from secml_regpoison.experiment.report import (
    CSV_COLUMNS, draw, plain_words, save_evaluation, solver_verdict,
    table, verdict)
from secml_regpoison.experiment.security_evaluation import run_policies
from secml_regpoison.experiment.statistics import mean_and_std
from secml_regpoison.experiment.tables import write_rows
from secml_regpoison.figure.style import save_picture
from secml_regpoison.terminal import (
    one_line, print_error, print_text, printable, progress_bar)


def run_sec_eval(args, source, plan):
    """Run all, and write the results; checkpoints are kept until then."""
    name = printable(source.title(os.path.basename(args.data)))
    if source.file:
        print_text('\n'.join(map(printable, source.file.notes)))
        for warning in source.file.warnings:
            print_error(f'secml-regpoison: warning: {one_line(warning)}')
    with cells_folder(args.out, 'sec_eval', args.resume) as folder:
        results = _run(args, source, plan, folder)
        _report(args, plan, name, [
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


def _report(args, plan, name, records):
    """Write the CSV and the picture, print the table and the sentences."""
    path = os.path.join(args.out, 'sec_eval')
    write_rows(f'{path}.csv', records, CSV_COLUMNS)
    means = mean_and_std(records)
    title = f'{name}: logistic regression under poison'
    if args.repetitions > 1:
        title += f' (mean and standard deviation of {args.repetitions} splits)'
    save_picture(draw(means, title), path, ('png',), dpi=120)
    print_text('\n\n'.join(filter(None, (
        name, table(means), verdict(means), plain_words(records),
        solver_verdict(records, plan.solver_type),
        f'Results are in {printable(os.path.abspath(args.out))}'))))
