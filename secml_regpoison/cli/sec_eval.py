"""The work of ``secml-regpoison sec-eval``, once its input is checked."""
import math
import os

import joblib
import numpy as np

from secml_regpoison.attack.digests import array_digest
from secml_regpoison.core.verdicts import AT_BOUND
from secml_regpoison.data.splits import has_one_split
from secml_regpoison.experiment.advice import is_hard_to_fit
from secml_regpoison.experiment.cells import cells_folder
from secml_regpoison.experiment.conclusion import conclude
from secml_regpoison.experiment.export import (
    lines_of_test_rows, parts_of_rows, poisoned_rows)
from secml_regpoison.experiment.grey_box import n_of_attacker
from secml_regpoison.experiment.measures import make_records
from secml_regpoison.experiment.picture import draw
from secml_regpoison.experiment.policies import is_own, policy_name
from secml_regpoison.experiment.report import (
    csv_columns, csv_lines, plain_words, save_evaluation, solver_verdict,
    table)
from secml_regpoison.experiment.security_evaluation import run_policies
from secml_regpoison.experiment.summary import summarise
from secml_regpoison.experiment.tables import write_rows
from secml_regpoison.figure.style import save_picture
from secml_regpoison.storage import atomic_path
from secml_regpoison.terminal import (
    count_rows, one_line, print_error, print_text, printable, progress_bar)
from .results import (
    begin, check_same_command, result_names, write_summary)


# the advice as one types it here
TYPED = {
    'lmbda_at_bound': f'{AT_BOUND}, and a better one may lie outside: widen '
                      '--lmbda-bounds',
    'budget_hit': 'the attack was stopped by its budget and may not be the '
                  'worst: a larger --n-outer lets it continue',
    'training_short': "the attack's training stops before the optimum: "
                      '--solver implicit or a larger lambda lets it continue'}
NAMES = {'logistic': 'logistic regression', 'liblinear': 'logistic regression',
         'softmax': 'softmax regression', 'svm': 'linear SVM',
         'ridge': 'ridge classifier'}


def run_sec_eval(args, source, plan):
    """Run all, and write the results; checkpoints are kept until then."""
    name = printable(source.title(os.path.basename(args.data)))
    if source.file and not args.json:
        print_text('\n'.join(map(printable, source.file.notes)))
    warnings = source.warnings(plan.preprocess, plan.n_train)
    for warning in warnings:
        print_error(f'secml-regpoison: warning: {one_line(warning)}')
    if args.left_out:
        print_error(f"secml-regpoison: warning: {', '.join(args.left_out)} "
                    'left out: fewer than two rows of a class to '
                    'cross-validate on')
    names = result_names(map(policy_name, args.policies), args.repetitions)
    with cells_folder(args.out, 'sec_eval', args.resume) as folder:
        check_same_command(folder, plan, _rows_of(source), args.policies)
        begin(args.out, names)
        results = _run(args, source, plan, folder)
        classes = map(str, source.header['y_original'])
        labels = {f'class_{k}': label for k, label in enumerate(classes)}
        _report(args, source, plan, name, warnings, [
            record for (policy, repetition), result in results.items()
            for record in make_records(
                result, policy=policy, repetition=repetition, attacker='own'
                if is_own(policy) else plan.attacker, **labels)])


def _rows_of(source):
    """The rows in short: classes and a digest of the content."""
    classes = ' v '.join(map(str, source.header['y_original']))
    digest = array_digest(*(array for part in source.parts.values()
                            for array in part))
    return f'{classes} ({digest})'


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
    for repetition in range(args.repetitions):
        _export(args.out, f'rows_{repetition}',
                parts_of_rows(source, plan, repetition))
    with progress_bar(len(results)) as bar:
        for policy, repetition, data, result in run_policies(
                source, plan, args.policies, args.repetitions, jobs, folder):
            save_evaluation(os.path.join(
                args.out, f'sec_eval_{policy}_{repetition}'), data, {
                    **result, 'line_test': lines_of_test_rows(
                        source, plan, repetition)})
            _export(args.out, f'poisoned_{policy}_{repetition}', poisoned_rows(
                source, plan, policy, repetition, result))
            results[policy, repetition] = result
            bar.update()
    return results


def _export(out, name, frame):
    """Write a table of rows as a CSV file."""
    with atomic_path(os.path.join(out, f'{name}.csv')) as scratch:
        frame.to_csv(scratch, index=False)


def _report(args, source, plan, name, warnings, records):
    """Write CSV, picture and JSON; print the text or the JSON."""
    path = os.path.join(args.out, 'sec_eval')
    write_rows(f'{path}.csv', csv_lines(records),
               csv_columns(len(source.header['y_original'])))
    summary = summarise(records)
    same_rows = has_one_split(source, plan.n_train, plan.n_val)
    labels = parts_of_rows(source, plan, 0).groupby('part')['label']
    conclusion = conclude(summary, plan, same_rows, labels.agg(
        lambda of_part: of_part.value_counts().min()).to_dict(),
        args.is_own_untried, is_hard_to_fit(source.parts['pool'][0]))
    words = [plain_words(records, TYPED, lmbda_bounds=plan.lmbda_bounds),
             solver_verdict(records, plan.solver_type)]
    lines = _describe(source, plan)
    model = NAMES[plan.classifier] + (', L1' if plan.penalty == 'l1' else '')
    title = f'{name}: {model} under poison\n{lines}'
    if args.repetitions > 1:
        runs = 'runs on the same rows' if same_rows else 'splits'
        title += f'; thick: mean of {args.repetitions} {runs}, thin: each'
    below = '\n'.join([conclusion['words'][0], *words[0].splitlines()])
    save_picture(draw(summary, title, below), path, ('png',), dpi=120)
    text = write_summary(
        args.out, result_names(summary, args.repetitions), _as_json({
            'data': name, 'classes': source.header['y_original'],
            'n_train': plan.n_train, 'n_val': plan.n_val,
            'solver': plan.solver_type, 'classifier': plan.classifier,
            'penalty': plan.penalty,
            'preprocess': plan.preprocess, 'filter': plan.filter,
            'y_poison': plan.attack_params['y_poison'],
            'notes': source.file.notes if source.file else (),
            'warnings': warnings,
            'policies': summary, 'conclusion': conclusion,
            'words': [line for part in words for line in part.splitlines()]}))
    print_text(text if args.json else '\n\n'.join(filter(None, (
        f'{name}\n{lines}', table(summary, source.header['y_original']),
        '\n'.join(conclusion['words']), *words,
        f'Results are in {printable(os.path.abspath(args.out))}'))))


def _describe(source, plan):
    """Classes, counts and sizes, in one line."""
    y = np.concatenate([y for _, y in source.parts.values()])
    classes = ' v '.join(
        f'{printable(str(label))} ({count_rows((y == k).sum())})'
        for k, label in enumerate(source.header['y_original']))
    n_test = len(source.parts['test'][1]) if 'test' in source.parts \
        else len(source.parts['pool'][1]) - plan.n_train - (
            0 if 'val' in source.parts else plan.n_val)
    rows = f'{n_test} test rows'
    if plan.attacker == 'grey':
        n = n_of_attacker(plan.n_val, n_test)
        rows = f"{n_test - n} test rows, {n} of the attacker's"
    filtered = '' if plan.filter == 'none' \
        else f' before the filter {plan.filter}'
    return (f'{classes}; {plan.n_train} training{filtered}, {plan.n_val} '
            f'validation, {rows}')


def _as_json(value):
    """Plain values; a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) \
        else value
