"""What one poisoning point does at each place of the plane."""
import math

import numpy as np
from matplotlib import patheffects
from matplotlib.lines import Line2D

from secml.array import CArray
from secml.data import CDataset

from secml_regpoison.validation import (
    check, check_type, check_number, check_choice)
from .sec_eval import legend_below

# Okabe and Ito's palette; markers and dashes tell the same in grey.
BLUE, GREEN, RED, YELLOW = '#56B4E9', '#009E73', '#E51E10', '#F0E442'
# Luminance rises all along: readable in grey, and by the colour-blind.
CMAP = 'cividis'
BOUNDARIES = {'without the point': ('white', (0, (4, 2)), 'black'),
              'with the point': (RED, '-', 'white')}
# Places of the axes, a side, where the classifiers are evaluated.
N_SCORES = 100


class PoisoningMapMixin:
    """Method of `.CPlotRegPoison` that draws a plane."""

    def plot_poisoning_map(self, attack, value='error', n_grid_points=30,
                           vmin=None, vmax=None):
        """Plot what one poisoning point does at each place of its box.

        Also drawn are the training points, the box, the path of the point
        (the moves that the attack kept), and the boundaries of the attack's
        classifier, trained with lambda as the attack left it, with the
        point and without it. The legend is below the axes.

        Parameters
        ----------
        attack : CAttackPoisoningMinimaxLR
            Of two features and one poisoning point: call `run` first with
            ``n_points = 1``, or set its `xc` and `yc`.
        value : {'error', 'lmbda'}, optional
            Error on the validation set in per cent, lambda held at
            `attack.lmbda` (default), or the lambda that the defender learns,
            see `attack.learned_lmbda`.
        n_grid_points : int, optional
            Places on a side of the box. Default 30.
        vmin, vmax : float, optional
            Ends of the color scale, for several maps on one scale.

        Raises
        ------
        TypeError, ValueError
            Before any work, if it is not such an attack, or not of two
            features and one point, or another argument is wrong.

        """
        _check_map(attack, value, n_grid_points, vmin, vmax)
        lower, upper = _box(attack)
        sides = np.linspace(lower, upper, n_grid_points).T
        measure, label = {
            'error': (lambda x: 100 * attack.objective_function(x, acc=True),
                      'Validation error (%)'),
            'lmbda': (attack.learned_lmbda,
                      r'$\lambda$ learned (natural log)')}[value]
        values = [[measure(CArray([x, y])) for x in sides[0]]
                  for y in sides[1]]
        mesh = self._sp.pcolormesh(*sides, values, shading='nearest',
                                   cmap=CMAP, vmin=vmin, vmax=vmax, zorder=0)
        self.colorbar(mesh, ax=self._sp).set_label(
            label, size=self._params['font.size'])
        _draw_box(self, lower, upper)
        _draw_training_points(self, attack.training_data)
        lines = _draw_boundaries(self, attack)
        _draw_path(self, attack)
        self.xlabel('$x_1$')
        self.ylabel('$x_2$')
        legend_below(self, self.get_legend_handles_labels()[0] + lines,
                     frameon=True, facecolor='0.8', edgecolor='none')


def _check_map(attack, value, n_grid_points, vmin, vmax):
    """Raise on what has no map."""
    if not hasattr(attack, 'learned_lmbda'):
        raise TypeError('`attack` must be a CAttackPoisoningMinimaxLR, got '
                        f'{type(attack).__name__}.')
    d = attack.training_data.num_features
    check('attack', f'one of {d}', d == 2, 'an attack on two features')
    check_choice('value', value, ('error', 'lmbda'))
    check_type('n_grid_points', n_grid_points, int, 'a whole number')
    check('n_grid_points', n_grid_points, n_grid_points >= 2, 'at least 2')
    for name, end in (('vmin', vmin), ('vmax', vmax)):
        check_number(name, end, math.isfinite, 'None or a finite number',
                     or_none=True)
    n_points = 0 if attack.xc is None else CArray(attack.xc).atleast_2d(
        ).shape[0]
    check('attack', f'{n_points} of them', n_points == 1,
          'an attack of one poisoning point',
          ' Set n_points = 1 and call `run`.')


def _box(attack):
    """Lower and upper corner of the map, (2,) each: the attack's box; on an
    open side the range of the training points."""
    x = attack.training_data.X.tondarray()
    return [np.broadcast_to(
        end(x, axis=0) if bound is None or isinstance(bound, str)
        else CArray(bound).tondarray().ravel(), 2)
        for bound, end in ((attack.lb, np.min), (attack.ub, np.max))]


def _draw_box(sp, lower, upper):
    """The box, and room around it and around what is drawn later."""
    (left, bottom), (right, top) = lower, upper
    sp.plot([left, right, right, left, left],
            [bottom, bottom, top, top, bottom], color='black', linewidth=1.2,
            label='box of the point')


def _draw_training_points(sp, dataset):
    """A color and a marker for each class."""
    x, y = dataset.X.tondarray(), dataset.Y.tondarray()
    for label, color, marker in zip(dataset.classes.tolist(), (BLUE, GREEN),
                                    'o^'):
        sp.scatter(*x[y == label].T, s=32, c=color, marker=marker,
                   edgecolors='white', linewidths=.7, zorder=4,
                   label=f'training point, label {label}')


def _draw_boundaries(sp, attack):
    """The boundaries of both trainings; lines for the legend."""
    x, y = (np.linspace(*limits, N_SCORES)
            for limits in (sp._sp.get_xlim(), sp._sp.get_ylim()))
    places = CArray(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    poison = CDataset(attack.xc.atleast_2d(), CArray(attack.yc).ravel())
    lines = []
    for (name, (color, style, casing)), dataset in zip(
            BOUNDARIES.items(),
            (attack.training_data, attack.poisoned_data(poison))):
        clf = attack.classifier.deepcopy()
        clf.C = math.exp(-attack.lmbda)
        clf.fit(dataset.X, dataset.Y)
        scores = clf.decision_function(places, y=1).tondarray()
        effects = [patheffects.Stroke(linewidth=3.4, foreground=casing),
                   patheffects.Normal()]
        sp._sp.contour(x, y, scores.reshape(N_SCORES, N_SCORES), [0.],
                       colors=[color], linestyles=[style], linewidths=2,
                       zorder=3).set(path_effects=effects)
        lines.append(Line2D([], [], color=color, linestyle=style, linewidth=2,
                            label=f'boundary {name}', path_effects=effects))
    return lines


def _draw_path(sp, attack):
    """Where the point started, the moves that were kept, where it ended."""
    end = CArray(attack.xc).tondarray().reshape(1, 2)
    path = _kept_moves(attack, end)
    look = dict(color=YELLOW, markeredgecolor='black', linestyle='none')
    if len(path):
        sp.plot(*path.T, color='black', linewidth=2.6, zorder=5)
        sp.plot(*path.T, color=YELLOW, linewidth=1.2, marker='.', zorder=5,
                markersize=5, label='path of the point')
        sp.plot(*path[0], marker='P', markersize=9, zorder=6,
                label='poisoning point, start', **look)
    label = CArray(attack.yc).ravel()[0].item()
    sp.plot(*end[0], marker='*', markersize=17, zorder=7, clip_on=False,
            label=f'poisoning point, label {label}', **look)


def _kept_moves(attack, end):
    """Places of the iterates that gained, (n, 2); none if they do not lead
    to `end`, for then it was set by hand."""
    if attack.x_seq is None or attack.x_seq.shape[1] != 2:
        return end[:0]
    upward = 1 if attack.y_target is None else -1
    f_seq = upward * attack.f_seq.tondarray()
    best = np.maximum.accumulate(f_seq)
    path = attack.x_seq.tondarray()[np.r_[True, f_seq[1:] > best[:-1]]]
    return path if np.allclose(path[-1], end) else end[:0]
