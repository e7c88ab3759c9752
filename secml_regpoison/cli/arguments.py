"""Options of the command line."""
import argparse

from secml_regpoison.version import __version__
from secml_regpoison.terminal import one_line
from . import paper
from .attack_arguments import add_attack_options
from .option_types import integer

FILE_OPTIONS = ('label', 'positive', 'drop', 'test', 'missing', 'categories',
                'sep', 'decimal', 'encoding', 'header')
# whose value may begin with a minus
ONE_VALUE = ('--policies', '--positive', '--y-poison', '--lmbda-bounds',
             '--label', '--drop')

DESCRIPTION = """\
Measure how a linear classifier (by default a logistic regression) degrades as
part of its training data is poisoned, once with its regularisation lambda held
fixed and once with lambda re-learned on trusted validation data while the
attack goes on.

lambda is a natural log: scikit-learn's and secml's C is exp(-lambda), so a
larger lambda is a stronger regularisation.
"""

EPILOG = """\
examples:
  secml-regpoison sec-eval
      handwritten digits 0 v 8, about a minute, no download
  secml-regpoison sec-eval --data mnist --policies=-8,clean-cv,learned
      the paper's sizes: 512 training rows, of which up to 85 are poison
  secml-regpoison sec-eval --data my.csv --classes spam ham --out results
      your own rows, the label in the last column
  secml-regpoison sec-eval --data heart.csv --label diagnosis --positive 0 \\
      --drop id --missing drop
      the label by its name, 0 against the rest
  secml-regpoison paper fig1
      a figure of the paper; see secml-regpoison paper --help

DIR then holds
  sec_eval.csv, sec_eval.png, sec_eval.json    what was measured
  poisoned_POLICY_REP.csv    the training rows at the strongest attack, in the
      columns, units and labels of the file; the column poison marks the
      poison; with --positive A all other labels are 'not A'
  rows_REP.csv               the part of each row of the file: train, replaced
      (by poison, at the strongest attack), filtered, validation, attacker (in
      their place) or test; empty: no part has it, as fewer were asked for.
      Rows of labels that --classes does not name, without a label, or left out
      by --missing drop have no line. Where the data have test rows of their
      own, as with --test, the column rows tells those (test) from the others
      (pool; val: the validation rows of a .npz file)
  sec_eval_POLICY_REP.npz    poison, predictions and weights; the predictions,
      scores and labels of the test rows are in the order in which these were
      drawn, here and in the .gz: line_test is the line of each in rows_REP.csv
  sec_eval_POLICY_REP.gz     for secml's CSecEvalData.load: a pickle, and
      loading a pickle runs its code, so load only your own
POLICY ends with -own where the attacker knows the test rows and hides the harm
from what is learned on trusted rows (--attacker both). Its files are of
the strength of the verdict: where that is not the largest, poison takes the
place of fewer rows than rows_REP.csv says.
For a file, scikit-learn's make_pipeline(StandardScaler(),
LogisticRegression(C=C)) on the rows of poisoned_POLICY_REP.csv alone makes the
printed test error on the test rows of rows_REP.csv (with tol=1e-8 also where a
row lies so near the boundary that the default tol decides about it, with
solver='newton-cg' and tol=1e-9 where so large a lambda leaves all scores near
0, with the L1 penalty tol=1e-9 and max_iter=1000000; with --classifier
liblinear and the L2 penalty solver='liblinear' and the default tol, as secml
has it); that of trusted-only and of learned-trust takes the validation rows of
that file: the scaler of learned-trust is fitted on these alone, and the rows
of poisoned_POLICY_REP.csv have the column trust of sec_eval.csv as
sample_weight.
With --model softmax of two classes it is LogisticRegression(C=2*C).

exit codes: 0 done, 1 failed on the way, 2 wrong usage or input, 130 Ctrl-C,
143 SIGTERM. After 1, 130 and 143 --resume continues from what was finished,
if the message names it: the same command, if it says so.
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {one_line(message)} "
                     f"(see {self.prog} --help)\n")


def make_parser():
    """All options, their defaults and their help."""
    parser = _Parser(
        prog='secml-regpoison', description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--version', action='version', version=f'%(prog)s {__version__}')
    commands = parser.add_subparsers(
        dest='command', required=True, metavar='COMMAND')
    command = commands.add_parser(
        'sec-eval', help='security evaluation under several lambda policies',
        description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_data_options(command)
    add_attack_options(command)
    command.add_argument(
        '--repetitions', type=integer(1), default=3, metavar='R',
        help='random splits to average over (default 3)')
    command.add_argument(
        '--seed', type=integer(0), default=0, metavar='N',
        help='repetition r uses seed + r; the same seed gives the same '
             'numbers whatever --jobs is (default 0)')
    command.add_argument(
        '--jobs', type=integer(1), metavar='N',
        help='evaluations that run at a time (default: one for each core)')
    command.add_argument(
        '--resume', action='store_true',
        help='continue where the same command was interrupted, with the same '
             'numbers; without it, that work is deleted')
    command.add_argument(
        '--out', default='sec_eval', metavar='DIR',
        help='folder for the results, made if missing (default sec_eval); '
             'results of an earlier run are removed from it')
    command.add_argument(
        '--json', action='store_true',
        help='print the summary as JSON, for programs, instead of the text; '
             'sec_eval.json in DIR holds the same. In its conclusion '
             'test_error is of the one attack at that strength, worst_errors '
             'of the worst that was tried')
    paper.add_parser(commands, integer(1))
    return parser


def _add_data_options(command):
    """Options that choose the rows."""
    command.add_argument(
        '--data', default='digits', metavar='NAME|FILE',
        help='digits (default; ships with scikit-learn), mnist, '
             'fashion-mnist, dogfish, or a file: text with a row a line, with '
             'a header line or without, ARFF, LIBSVM, or .npz (arrays X and '
             'y, or X_train and y_train, and X_val, y_val, X_test and y_test '
             'if there are such rows). What was detected is printed. mnist, '
             'fashion-mnist and dogfish are looked for in the dataset folder '
             'of secml, SECML_DS_DIR, and downloaded if missing. For '
             'dogfish and for a file the classifier standardises the '
             'features, by the training rows with their poison; poison stays '
             "within the range of the clean training rows, in the file's own "
             'units')
    command.add_argument(
        '--classes', nargs='+', metavar='A', type=str.strip,
        help='the labels to tell apart, two or more (default: 0 8 for digits '
             'and mnist, 0 2 - T-shirt, pullover - for fashion-mnist, 0 1 - '
             'dog, fish - for dogfish, those of the file if it has just two, '
             'and with --model softmax all those of the file); one that '
             "begins with two minus signs takes a space before them, ' --a'")
    command.add_argument(
        '--train', type=integer(2), metavar='N',
        help='training rows (default: 512, or fewer if the data is small)')
    command.add_argument(
        '--val', type=integer(2), metavar='N',
        help='trusted validation rows, on which lambda is learned and from '
             'which poison starts (default: 171, or fewer if '
             'the data is small)')
    _add_file_options(command.add_argument_group('options of a file'))


def _add_file_options(group):
    """How a file is read, `FILE_OPTIONS`, and --integer."""
    group.add_argument(
        '--label', metavar='NAME|NUMBER',
        help="the label's column (default: the last column)")
    group.add_argument(
        '--positive', metavar='A', help='this label against all others, '
        "which the results call 'not A'; not with --classes")
    group.add_argument(
        '--drop', type=lambda text: tuple(text.split(',')), default=(),
        metavar='COL,...', help='columns to leave out, by name or number')
    group.add_argument(
        '--test', metavar='FILE', help='a second file, with the test rows')
    group.add_argument(
        '--missing', choices=('drop', 'mean'),
        help='leave out rows with missing cells, or fill in the mean of the '
             'column (of text the most frequent value); rows without a label '
             'are left out by both')
    group.add_argument(
        '--categories', action='store_true',
        help='make a 0/1 column of each text in columns of text, and of each '
             'code in columns of numbers that begin with 0, as 02134, or that '
             'ARFF declares as categories, {1,2,3}, if there are at most 100 '
             'different ones; NA, none and - are such texts unless --missing '
             'is given')
    group.add_argument(
        '--integer', choices=('auto', 'none'), default='auto',
        help='auto (default): in columns of whole numbers poison is projected '
             'to whole numbers at the end, moves on by these, and is '
             'evaluated again; none: any number in the range. Columns made of '
             'text always hold one category')
    group.add_argument(
        '--sep', metavar='CHAR',
        help='what separates cells: a character, or comma, semicolon, tab, '
             'bar or space (default: detected, as are the next three)')
    group.add_argument('--decimal', choices=('.', ','),
                       help='the decimal sign')
    group.add_argument('--encoding', metavar='NAME',
                       help='encoding of the text, as Python names it')
    group.add_argument('--header', choices=('yes', 'no'),
                       help='whether the first line has names')


def join_values(argv):
    """Let a value begin with a minus, as an option does; those of --classes
    are told apart by a space, which goes when they are parsed."""
    joined, option = [], None
    for text in argv:
        if option in ONE_VALUE:
            joined[-1], option = f'{option}={text}', None
            continue
        if text.startswith('--'):
            option = text
        elif option == '--classes' and text[:1] == '-' and text != '-h':
            text = f' {text}'
        joined.append(text)
    return joined
