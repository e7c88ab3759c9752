"""The command line, `secml-regpoison`.

Its help and its refusals come before torch and secml are imported, which
takes some seconds.
"""
import glob
import os
import signal
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial

from secml_regpoison.data.labels import is_same
from secml_regpoison.data.sources import NEED_SECML, load_data
from secml_regpoison.data.splits import split_sizes
from secml_regpoison.experiment.plan import (
    Plan, check_plan, default_points, default_policies, default_solver,
    expected_strength, largest_shares, most_points, shares)
from secml_regpoison.experiment.policies import DEFAULT_POLICIES, with_own
from secml_regpoison.storage import only_writer
from secml_regpoison.terminal import one_line, print_error, progress_bar
from . import process
from .arguments import FILE_OPTIONS, join_values, make_parser
from .attack_arguments import check_scale
from .paper import complete, run_paper
from .results import (
    AnotherCommand, check_folder, check_folder_of_figures)

# Errors of bad data and of failed runs. Any other error is a defect of this
# program: its traceback is shown.
ERRORS = (ValueError, ArithmeticError, OSError, RuntimeError, MemoryError)
# Of these, those that the same command may well end with again.
CERTAIN = ValueError, ArithmeticError, RuntimeError


def main(argv=None):
    """Run the command `secml-regpoison` with `argv`, a list of str; default:
    what was typed. Returns the exit code: 0 done, 1 failed on the way, 2
    wrong usage or input, 130 Ctrl-C, 143 SIGTERM.
    """
    args = make_parser().parse_args(
        join_values(sys.argv[1:] if argv is None else argv))
    code, out = 2, None
    with process.interruptible() as signals:
        try:
            work = _prepare(args)
            with only_writer(args.out, '--out'):
                _check_out(args)  # a refusal comes before the imports
            n_cells = 0 if args.command == 'paper' \
                else len(args.policies) * args.repetitions
            with progress_bar(n_cells, is_first=True):
                _register()
            with only_writer(args.out, '--out'):
                code, out = 1, args.out
                work()
            return 0
        except KeyboardInterrupt:
            pass
        except Exception as error:
            # not if it is a worker that the signal has ended
            if not signals:
                if isinstance(error, (AnotherCommand, NotADirectoryError)):
                    return _fail(2, error)
                if isinstance(error, ERRORS):
                    return _fail(code, error, out)
                raise
    code = 128 + (signals or [signal.SIGINT])[0]
    process.set_exit_code(code)
    return _fail(code, 'interrupted.', out)


def _prepare(args):
    """Check all input, and make the folder; returns the work to do."""
    if args.command == 'paper':
        complete(args)
    if not args.out or os.path.lexists(args.out) and not os.path.isdir(
            args.out):
        raise ValueError('`--out` must be a folder, or the name of one to '
                         f'make, got {args.out!r}.')
    work = partial(run_paper, args) if args.command == 'paper' \
        else partial(_sec_eval, args, *_load(args))
    try:
        os.makedirs(args.out, exist_ok=True)
    except OSError as error:
        raise ValueError(
            '`--out` must be a folder that can be made, got '
            f'{args.out!r}: {error.strerror}; choose another.') from error
    return work


def _check_out(args):
    """Raise ValueError where results would be left beside others."""
    if args.command == 'paper':
        check_folder_of_figures(args.out)
    else:
        check_folder(args.out, data=args.data, test=args.test)


def _load(args):
    """Read the data, and check the plan before any work."""
    if args.data in NEED_SECML:
        _register()
    source = load_data(
        args.data, args.classes, several=args.model == 'softmax',
        **{name: getattr(args, name) for name in FILE_OPTIONS})
    # secml's name of what the classifier does to the features, or None
    scaler = {None: source.preprocess, 'none': None}.get(args.scale,
                                                         args.scale)
    classifier = _classifier(args, source, scaler)
    n_train, n_val = split_sizes(source, args.train, args.val)
    check_scale(scaler, source.parts)
    n_features = source.parts['pool'][0].shape[1]
    solver = default_solver(n_train, n_features) if args.solver == 'auto' \
        else args.solver
    plan = Plan(n_points=args.points, n_train=n_train, n_val=n_val,
                seed=args.seed, lmbda_bounds=args.lmbda_bounds,
                poison_mode=args.poison_mode, solver_type=solver,
                preprocess=scaler, classifier=classifier,
                penalty=args.penalty, expect=args.expect,
                integer=args.integer, filter=args.filter,
                attacker='defender' if args.attacker == 'both'
                else args.attacker, attack_params={
                    'y_poison': _y_poison(args.y_poison, source),
                    **({'solver_params': {'n_outer': args.n_outer}}
                       if args.n_outer else {})})
    return source, _with_defaults(args, source, plan)


def _with_defaults(args, source, plan):
    """The plan with strengths, and `args` with policies; both checked."""
    if plan.filter != 'none' or plan.attacker == 'grey':
        _register()
    if not plan.n_points:
        plan = replace(plan, n_points=default_points(
            plan.n_train, most_points(plan, source, args.repetitions)))
    if plan.expect is not None and plan.filter != 'none':
        from secml_regpoison.experiment.filters import n_passing
        plan = replace(plan, n_passing=n_passing(
            source, plan, args.repetitions))
    _check_share(plan)
    args.left_out = ()
    if not args.policies:
        args.policies = default_policies(plan, source)
        args.left_out = [policy for policy in DEFAULT_POLICIES
                         if policy not in args.policies]
    check_plan(plan, source, args.policies, args.repetitions)
    args.is_own_untried = False
    if args.attacker == 'both' and plan.n_points[expected_strength(plan)]:
        policies = with_own(args.policies)
        # a small lambda, where hiding leads, leaves next to no curvature
        args.is_own_untried = plan.penalty == 'l1' and len(policies) > len(
            args.policies)
        if not args.is_own_untried:
            args.policies = policies
    return plan


def _classifier(args, source, scaler):
    """The plan's classifier, by the model and the number of classes."""
    n_classes = len(source.header['y_original'])
    model = args.model or ('logistic' if n_classes == 2 else 'softmax')
    if model != 'softmax' and n_classes > 2:
        raise ValueError(
            f'`--model` must be softmax for {n_classes} classes, got {model}: '
            'type --model softmax, or --classes with two of them.')
    if model != 'logistic' and args.classifier != 'logistic':
        raise ValueError(
            f'`--classifier` must be left out with --model {model}, got '
            f'{args.classifier}: it is a logistic regression.')
    if args.penalty == 'l1' and model not in ('logistic', 'svm'):
        raise ValueError('`--penalty` must be l2 with --model '
                         f'{model}, got l1: it is for logistic and svm.')
    if args.penalty == 'l1' and args.solver == 'fmd':
        raise ValueError('`--solver` must be rmd, implicit or auto with '
                         '--penalty l1, got fmd.')
    if args.solver == 'fmd' and scaler in ('mean-std', 'min-max'):
        raise ValueError(
            '`--solver` must be rmd, implicit or auto with a scaler that is '
            f'fitted on the poison, got fmd with {scaler}: or type --scale '
            'none.')
    return args.classifier if model == 'logistic' else model


def _check_share(plan):
    """The expected share of poison, in whole rows, is one that is measured."""
    most, share = shares(plan)[-1], plan.expect
    if share is not None and share > largest_shares(plan)[-1]:
        raise ValueError(
            f'`--expect` must be at most {most:.3g}, the largest share that '
            f'is measured, got {share:g}: ask for more with --points.')


def _y_poison(text, source):
    """The attack's `y_poison`: a word, or the number of a class."""
    classes = source.header['y_original']
    if text in ('worst', 'flip'):  # also where a class has that name
        return text
    named = next((k for k, label in enumerate(classes)
                  if is_same(text, label)), None)
    if named is None:
        raise ValueError(
            '`--y-poison` must be worst, flip, or one of the labels '
            f"{', '.join(map(str, classes[:-1]))} and {classes[-1]}, got "
            f'{text!r}.')
    return named


def _sec_eval(args, source, plan):
    """Run the evaluations."""
    from .sec_eval import run_sec_eval
    run_sec_eval(args, source, plan)


def _register():
    """Make secml ready for this package, see `secml_regpoison`.

    secml logs to the stdout that it finds when it is imported.
    """
    try:
        with process.importing(), redirect_stdout(sys.stderr):
            from secml_regpoison import registration  # noqa: F401
            from . import sec_eval  # noqa: F401
    except ImportError as error:  # says what to type
        raise RuntimeError(error) from error


def _fail(code, error, out=None):
    """Say what went wrong, and what was finished in `out`, in one line, and
    return the exit code."""
    text = one_line(error) or 'there is not enough memory.'
    if out and glob.glob(os.path.join(
            glob.escape(out), '*.cells', '[!.]*.npz')):
        text = f"{text.rstrip('.')}; what was finished is in {out}, " + (
            'kept for --resume.' if isinstance(error, CERTAIN) else
            'and the same command with --resume continues.')
    print_error(f'secml-regpoison: error: {text}')
    return code
