"""The options of `sec-eval` that choose the attack and the defence."""
from secml_regpoison.experiment.plan import ATTACKERS, FILTERS, Plan
from secml_regpoison.limits import LEAST_SCALE, least_scale
from .option_types import bounds, integer, points, policies, share

# those of `core.solvers`, which imports torch; a test compares them
SOLVERS = 'rmd', 'fmd', 'implicit'
# those of `experiment.policy_attack`, which does so, too: logistic regressions
# and the other models
CLASSIFIERS = 'logistic', 'liblinear'
MODELS = 'logistic', 'softmax', 'svm', 'ridge'
PENALTIES = 'l2', 'l1'
# secml's normalizers, and none
SCALERS = 'mean-std', 'min-max', 'unit-norm', 'none'

OPTIONS = {
    '--points': dict(
        type=points, metavar='N,N,...',
        help='poison rows at each strength of the attack (default: up to six '
             'strengths from none to a sixth of the training rows)'),
    '--expect': dict(
        type=share, metavar='SHARE',
        help='share of poison among the training rows that you expect, as in '
             '0.05: the closing words are about the least strength with it, '
             'rounded to whole rows (default: the largest strength)'),
    '--poison-mode': dict(
        choices=('replace', 'append'), default='replace',
        help='poison takes the place of clean training rows (default, as in '
             'the paper) or is added to them'),
    '--filter': dict(
        choices=FILTERS, default='none',
        help='sphere-slab: training rows that are far from the centroid of '
             'their class are dropped first; the filter is fitted on the '
             'clean rows, as if it knew them, and the attacker knows the '
             'filter and stays inside'),
    '--policies': dict(
        type=policies, metavar='P,P,...',
        help='how lambda is chosen. clean-cv: by 5-fold cross-validation on '
             'clean rows, then fixed. learned: re-learned on the validation '
             'rows at each strength. A number: fixed at it. trusted-only: a '
             'classifier of the validation rows alone, which no poison '
             'reaches; lambda by 5-fold cross-validation on them. '
             'learned-trust: these and the others with a weight s; lambda and '
             's by cross-validation on the validation rows. Default: '
             'clean-cv,learned,trusted-only'),
    '--lmbda-bounds': dict(
        type=bounds, default=Plan.lmbda_bounds, metavar='LOW,HIGH',
        help='interval of the lambda that is learned or cross-validated '
             '(default {0:g},{1:g}); that of learned-trust is at least -2 '
             'unless s is 0'.format(*Plan.lmbda_bounds)),
    '--model': dict(
        choices=MODELS,
        help='logistic regression, softmax regression, a linear SVM with the '
             'squared hinge loss, or a ridge classifier; each is attacked by '
             'its own loss (default: logistic, and softmax, the only one of '
             'them that takes more than two classes, where --classes names '
             'more)'),
    '--classifier': dict(
        choices=CLASSIFIERS, default='logistic',
        help="which logistic regression: logistic (default; the paper's and "
             "scikit-learn's, whose bias is not penalised) or liblinear "
             "(secml's CClassifierLogistic, whose bias is)"),
    '--attacker': dict(
        choices=('both', *ATTACKERS), default='both',
        help='whose loss the poison raises. defender: the loss on the trusted '
             'rows, as in the paper; the defender sees it. own: the loss on '
             'the test rows, while that on the trusted rows is kept low where '
             'lambda is learned; alone it may do less harm than defender. '
             'grey: the loss on other rows, taken from the test rows, half of '
             'them at most. both (default): defender, and, at the strength of '
             'the closing words, own (not with --penalty l1)'),
    '--scale': dict(
        choices=SCALERS,
        help='scaler of the features, before the classifier and fitted on '
             'the poisoned rows, as StandardScaler, MinMaxScaler or '
             'Normalizer of scikit-learn; default: mean-std for a file and '
             'dogfish, none for images of pixels from 0 to 1'),
    '--penalty': dict(
        choices=PENALTIES, default='l2',
        help='penalty on the weights: l2 (default) or l1, of logistic '
             'regression and svm; most weights are then zero'),
    '--y-poison': dict(
        default='worst', metavar='L',
        help='labels of the poison: worst (default; tries five shares of the '
             'two labels, or of softmax up to twelve pairs of labels, for a '
             'few steps, and keeps what makes the most errors on the rows '
             'whose loss the poison raises), flip (each another than that of '
             'the row where it starts, as in the paper: about a third of the '
             'time), or one of the labels'),
    '--n-outer': dict(
        type=integer(1), metavar='N',
        help='most steps of the points in each search (default 60; each '
             'choice of labels by --y-poison worst has at most 12 before)'),
    '--solver': dict(
        choices=('auto', *SOLVERS), default='auto',
        help='how the attack differentiates through training: implicit (at '
             'the optimum: exact, and the strongest where lambda is small), '
             'rmd (reverse mode through 150 steps, as in the paper), fmd '
             '(forward mode: the numbers of rmd, slower) or auto (default: '
             'implicit where the training rows or the features are at most '
             '512, else rmd). With 500 to 4000 rows implicit takes less CPU '
             'time than rmd, but for 784 features and a lambda held small: '
             'there it takes half to twice as much')}


def add_attack_options(command):
    """Options that choose the attack and the defence."""
    for name, settings in OPTIONS.items():
        command.add_argument(name, **settings)


def check_scale(kind, parts):
    """Raise ValueError where a scaler leaves nothing that can be attacked, or
    scikit-learn would not divide by so little; `parts` as in `Source`."""
    for x, _ in parts.values():
        if kind == 'unit-norm' and x.shape[1] == 1:
            raise ValueError(
                '`--scale` must be another than unit-norm for a single column '
                f'of features, got {kind}: of a number alone it leaves the '
                'sign, which has no derivative.')
        least = least_scale(kind, x)
        if least < LEAST_SCALE:
            raise ValueError(
                f'`--scale` must be another than {kind} for '
                f"{'rows' if kind == 'unit-norm' else 'columns'} whose size "
                f'is not 0 and below {LEAST_SCALE:.2g}, got {least:.3g}: '
                'rescale them.')
