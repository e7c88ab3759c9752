"""Settings of the paper's figures, one table: a setting a line.

'published': stated by the paper or read off its figure. 'ours': the paper
gives no number.
"""
import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Figure1:
    """One poisoning point against two Gaussians.

    The penalty is that of the whole package, ``exp(lmbda)/(2 n) ||w||^2``. It
    reproduces the published boundaries; the same without ``1/n`` or without
    ``1/2`` does not: at lambda = log 20 the poisoned one has slope -0.10 as
    published, but 0.02 and -0.05 with those.

    `val_seed` is picked, not typical. The published validation points are not
    known, and what the maps show depends on them. Of the seeds 0 to 1499, on
    maps of 39 x 39 places, 16 have all that `fig1_claims.HOLDS` asks for with
    T steps, none with training to convergence, and this one has the two
    optima furthest apart but one. `n_draws` others, not picked, are reported
    beside it.

    On the left edge of the centre map, from -5 to 6, the loss changes by 0.1
    % only: where an ascent ends there depends on `tol`.
    """

    box: tuple = (-9.5, 9.5)           # published, in both coordinates
    lmbda_none: float = -8.            # published, left panel
    lmbda_fixed: float = math.log(20)  # published, centre panel
    lmbda_bounds: tuple = (-8., 6.)    # published, right panel
    lmbda_step: float = .25            # ours, grid of the right panel
    eta: float = .0492                 # eta * n_inner = 4.92, from the
    n_inner: int = 100                 # published boundaries; split: ours
    n_val_per_class: int = 32          # published
    val_seed: int = 395                # ours, see above
    n_places: int = 100                # ours, places of the point a side
    n_starts: int = 8                  # ours, the best of 8 ascents is drawn
    n_outer: int = 100                 # ours, moves of an ascent at most
    tol: float = 1e-9                  # ours, see above
    n_draws: int = 100                 # ours, validation sets beside it,
    draw_places: int = 20              # on a grid of so many places a side


FIGURE_1 = Figure1()
FIGURE_1_QUICK = replace(FIGURE_1, lmbda_step=2., n_places=20, n_starts=2,
                         n_draws=10, draw_places=10)


@dataclass(frozen=True)
class Pair:
    """Two classes to tell apart, and the lambdas held fixed on them.

    `large` is log 1000 on the images of 28 x 28 pixels, which underfits them.
    Elsewhere it is chosen so that the validation loss without poison is about
    ten times that of `clean-cv`.
    """

    name: str
    source: str                        # see `sources.load_pair`
    classes: tuple = None              # None: the two that the data has
    small: float = -8.                 # published
    large: float = math.log(1000)      # ours
    three: str = None                  # three classes of the same data


PAIRS = {
    'mnist': Pair('MNIST 0 v 8', 'mnist', (0, 8), three='mnist-0-4-8'),
    'fashion-mnist': Pair('Fashion-MNIST T-shirt v pullover',
                          'fashion-mnist', (0, 2),
                          three='fashion-mnist-0-2-4'),
    'dogfish': Pair('ImageNet dog v fish', 'dogfish', large=9.),
    'digits': Pair('digits 0 v 8', 'digits', (0, 8), large=5.,
                   three='digits-0-4-8'),
    'digits-3-8': Pair('digits 3 v 8', 'digits', (3, 8), large=5.),
    'breast-cancer': Pair('breast cancer', 'breast-cancer', large=6.),
    'mnist-4-9': Pair('MNIST 4 v 9', 'mnist', (4, 9)),
    'mnist-1-7': Pair('MNIST 1 v 7', 'mnist', (1, 7)),
    'fashion-mnist-0-6': Pair('Fashion-MNIST T-shirt v shirt',
                              'fashion-mnist', (0, 6)),
    'fashion-mnist-7-9': Pair('Fashion-MNIST sneaker v ankle boot',
                              'fashion-mnist', (7, 9)),
    'mnist-0-4-8': Pair('MNIST 0, 4, 8', 'mnist', (0, 4, 8)),
    'fashion-mnist-0-2-4': Pair('Fashion-MNIST T-shirt, pullover, coat',
                                'fashion-mnist', (0, 2, 4)),
    'digits-0-4-8': Pair('digits 0, 4, 8', 'digits', (0, 4, 8)),
}


@dataclass(frozen=True)
class Poisoning:
    """Poisoning of real data: what Figures 2 and 3 and the others share.

    `quick` versions hold the same on a few rows of scikit-learn's digits.
    """

    data: tuple = ('mnist', 'fashion-mnist', 'dogfish')     # published
    policies: tuple = ('small', 'large', 'clean-cv', 'learned')
    n_points: tuple = (0, 17, 34, 51, 68, 85)               # published
    n_train: int = 512                                      # published
    n_val: int = 171                                        # published
    n_splits: int = 10                                      # published
    lmbda_bounds: tuple = (-8., 11.5)  # ours: beyond, all weights vanish
    joint: bool = False  # published: points that are placed stay
    solver_params: tuple = (('n_outer', 40),)  # ours, moves of a batch


QUICK = dict(data=('digits',), n_points=(0, 4, 8, 12), n_train=72, n_val=40,
             n_splits=2, solver_params=(('n_inner', 40), ('n_outer', 6)))

FIGURE_2 = Poisoning()
FIGURE_2_QUICK = replace(FIGURE_2, **QUICK)


# The same attacks as in Figure 2.
FIGURE_3 = replace(FIGURE_2, policies=('small', 'learned'))
FIGURE_3_QUICK = replace(FIGURE_3, **QUICK)


@dataclass(frozen=True)
class Labels(Poisoning):
    """The strongest attack of Figure 2, by the labels of the points. Ours.

    All points move together: with batches, the first ones would decide.
    """

    policies: tuple = ('large', 'clean-cv', 'learned')
    n_points: tuple = (85,)
    n_splits: int = 5
    joint: bool = True
    solver_params: tuple = ()  # the attack's defaults


LABELS = Labels()
LABELS_QUICK = replace(LABELS, **{**QUICK, 'n_points': (12,)})


@dataclass(frozen=True)
class Defence(Poisoning):
    """Defences against an attacker who raises the loss on the trusted rows,
    and against one who hides from them. Ours."""

    data: tuple = ('mnist', 'mnist-4-9', 'fashion-mnist')
    policies: tuple = ('small', 'clean-cv', 'learned', 'l1', 'filter',
                       'filter-learned', 'trusted-only', 'learned-trust')
    attackers: tuple = ('defender', 'own')
    n_points: tuple = (0, 28, 57, 85)
    n_splits: int = 5
    joint: bool = True
    solver_params: tuple = ()  # the attack's defaults


DEFENCE = Defence()
DEFENCE_QUICK = replace(DEFENCE, **{
    **QUICK, 'n_points': (0, 12), 'n_splits': 1})


@dataclass(frozen=True)
class Models(Poisoning):
    """Four models and two penalties, without poison and with the most of
    `sec-eval`, whose sizes are taken. Ours."""

    data: tuple = ('mnist', 'fashion-mnist', 'digits')
    models: tuple = (('logistic', 'l2'), ('logistic', 'l1'), ('svm', 'l2'),
                     ('svm', 'l1'), ('ridge', 'l2'), ('softmax', 'l2'))
    policies: tuple = ('small', 'learned')
    # at lambda -8 one attack on L1 takes minutes
    policies_l1: tuple = ('learned',)
    n_points: tuple = None
    n_train: int = None
    n_val: int = None
    n_splits: int = 5
    joint: bool = True


MODELS = Models()
MODELS_QUICK = replace(MODELS, **QUICK, models=(
    ('logistic', 'l2'), ('logistic', 'l1'), ('softmax', 'l2')))


@dataclass(frozen=True)
class Transfer(Poisoning):
    """The poison of Figure 2's first splits, on other victims. Ours.

    `stock_lmbdas` are tried for secml's own classifiers on clean rows, from
    the strongest: secml picks the first of those equally accurate.
    """

    n_splits: int = 5
    stock_lmbdas: tuple = tuple(k * math.log(10) for k in range(3, -4, -1))


TRANSFER = Transfer()
TRANSFER_QUICK = replace(TRANSFER, **QUICK)

# Ours: whether the figures' verdict holds on other data. Sizes and strengths
# None are those of `sec-eval`: as in Figure 2, or less of small data.
LIMITS = replace(
    FIGURE_2, policies=('small', 'clean-cv', 'learned'), n_splits=5,
    data=('breast-cancer', 'digits', 'mnist-4-9', 'mnist-1-7',
          'fashion-mnist-0-6', 'fashion-mnist-7-9'),
    n_points=None, n_train=None, n_val=None)
LIMITS_QUICK = replace(LIMITS, **{
    **QUICK, 'data': ('breast-cancer', 'digits-3-8')})


@dataclass(frozen=True)
class InnerAccuracy(Poisoning):
    """Effect of the accuracy of the attack's training. Ours."""

    data: tuple = ('mnist',)
    policies: tuple = ('small', 'learned')
    n_splits: int = 3
    n_inner: tuple = (50, 100, 200, 500, 1000, 2000)
    momentum: tuple = (0., .9)


INNER = InnerAccuracy()
INNER_QUICK = replace(INNER, **QUICK, n_inner=(20, 80))
