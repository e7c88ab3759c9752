"""The effect of one poisoning point at each place of the plane."""
import itertools
import math

import numpy as np
from matplotlib.lines import Line2D

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

from secml_regpoison.validation import (
    check, check_choice, check_integer, check_minimax_attack, check_number)
from .plane import (
    BOUNDARIES, CMAP, END, START, TRAINING, casing, draw_box)
from .style import BLUE, GREEN, ORANGE, PURPLE, YELLOW, legend_below

# Points on each axis where the classifiers are evaluated.
N_SCORES = 100


class PoisoningMapMixin:
    """Method of `.CPlotRegPoison` that draws a plane."""

    def plot_poisoning_map(self, attack, value='error', n_grid_points=30,
                           vmin=None, vmax=None):
        """Plot the effect of one poisoning point at each place of its box.

        The plot also has the training points, the box, the path of the point
        (the accepted steps of the attack), and the decision boundaries of the
        attack's classifier, trained with the attack's final lambda, with and
        without the point; a defender who learns lambda has another without.
        The legend is below the axes, and says so of the box where it is open
        and the map ends before it, or where `dmax` or `feasible` hold the
        point, too, and the map has places that it cannot reach.

        Parameters
        ----------
        attack : CAttackPoisoningMinimax
            An attack on two features with one poisoning point: call `run`
            with ``n_points = 1`` first, or set its `xc` and `yc`.
        value : {'error', 'lmbda'}, optional
            What the attacker counts, in per cent, lambda fixed at
            `attack.lmbda` (default): the error on the validation rows, or on
            its `attacker_set`; with `y_target` the share of these rows that
            do not get this class. Or the lambda that the defender learns, see
            the attack's `learned_lmbda`.
        n_grid_points : int, optional
            Places on each side of the box. Default 30.
        vmin, vmax : float, optional
            Limits of the color scale, to share one between several maps.

        Raises
        ------
        TypeError, ValueError
            Before any work: if `attack` is of another class, has other than
            two features or one point, or another argument is wrong.

        """
        _check_map(attack, value, n_grid_points, vmin, vmax)
        lower, upper = _box(attack)
        sides = np.linspace(lower, upper, n_grid_points).T
        measure, label = {
            'error': (lambda x: 100 * attack.objective_function(x, acc=True),
                      _error_label(attack)),
            'lmbda': (attack.learned_lmbda,
                      r'$\lambda$ learned (natural log)')}[value]
        values = [[measure(CArray([x, y])) for x in sides[0]]
                  for y in sides[1]]
        mesh = self._sp.pcolormesh(*sides, values, shading='nearest',
                                   cmap=CMAP, vmin=vmin, vmax=vmax, zorder=0)
        self.colorbar(mesh, ax=self._sp).set_label(
            label, size=self._params['font.size'])
        draw_box(self, lower, upper, _box_label(attack))
        _draw_training_points(self, attack.training_data)
        lines = _draw_boundaries(self, attack)
        _draw_path(self, attack)
        self.xlabel('$x_1$')
        self.ylabel('$x_2$')
        legend_below(self, self.get_legend_handles_labels()[0] + lines,
                     frameon=True, facecolor='0.8', edgecolor='none',
                     labelcolor='black')


def _check_map(attack, value, n_grid_points, vmin, vmax):
    """Raise if the arguments have no map."""
    check_minimax_attack(attack)
    d = attack.training_data.num_features
    check('attack', f'one of {d}', d == 2, 'an attack on two features')
    check_choice('value', value, ('error', 'lmbda'))
    check_integer('n_grid_points', n_grid_points, 2)
    for name, end in (('vmin', vmin), ('vmax', vmax)):
        check_number(name, end, math.isfinite, 'None or a finite number',
                     or_none=True)
    n_points = 0 if attack.xc is None else CArray(attack.xc).atleast_2d(
        ).shape[0]
    check('attack', f'{n_points} of them', n_points == 1,
          'an attack of one poisoning point',
          ' Set n_points = 1 and call `run`.')


def _error_label(attack):
    """What ``objective_function(acc=True)`` is, in words."""
    if attack.y_target is not None:
        rows = 'Validation' if attack.attacker_set is None else "Attacker's"
        return f'{rows} rows not classified as {attack.y_target} (%)'
    return 'Validation error (%)' if attack.attacker_set is None \
        else "Error on the attacker's rows (%)"


def _box(attack):
    """Lower and upper corner of the map, (2,) each: the attack's box; on an
    open side the range of the training points."""
    x = attack.training_data.X.tondarray()
    return [np.broadcast_to(
        end(x, axis=0) if bound is None or isinstance(bound, str)
        else CArray(bound).tondarray().ravel(), 2)
        for bound, end in ((attack.lb, np.min), (attack.ub, np.max))]


def _box_label(attack):
    """What the outline of the map is, in words."""
    is_open = attack.lb is None or attack.ub is None
    is_smaller = attack.dmax is not None or bool(attack.feasible)
    return ('box of the point' + '; its set is smaller' * is_smaller
            + '; open, drawn as far as the training points' * is_open)


def _draw_training_points(sp, dataset):
    """A color and a marker for each class, which 20 classes do not share."""
    x, y = dataset.X.tondarray(), dataset.Y.tondarray()
    colors = itertools.cycle((BLUE, GREEN, PURPLE, ORANGE))
    for label, color, marker in zip(dataset.classes.tolist(), colors,
                                    itertools.cycle('o^sDv')):
        sp.scatter(*x[y == label].T, c=color, marker=marker, **TRAINING,
                   label=f'training point, label {label}')


def _draw_boundaries(sp, attack):
    """Boundaries without and with the point; returns lines for the legend."""
    x, y = (np.linspace(*limits, N_SCORES)
            for limits in (sp._sp.get_xlim(), sp._sp.get_ylim()))
    places = CArray(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    header = CDatasetHeader(lmbda=attack.lmbda)
    without = CArray(np.empty((0, 2))), CArray([])
    poison = attack.xc.atleast_2d(), CArray(attack.yc).ravel()
    lines = []
    for (color, style, around), name, (x_p, y_p) in zip(
            BOUNDARIES, ('without the point', 'with the point'),
            (without, poison)):
        clf = attack.poisoned_classifier(CDataset(x_p, y_p, header))
        effects = casing(around)
        for margins in _margins(clf.decision_function(places).tondarray()):
            sp._sp.contour(x, y, margins.reshape(N_SCORES, N_SCORES), [0.],
                           colors=[color], linestyles=[style], linewidths=2,
                           zorder=3).set(path_effects=effects)
        if attack.learn_lmbda and not y_p.size:
            name = r'without it, same $\lambda$'
        lines.append(Line2D([], [], color=color, linestyle=style, linewidth=2,
                            label=f'boundary {name}', path_effects=effects))
    return lines


def _margins(scores):
    """Of scores (n, k), by how much each class but the last is above all
    others, (n,); NaN where an earlier one is next, whose edge it is then."""
    n, k = scores.shape
    for c in range(k - 1):
        others = scores.copy()
        others[:, c] = -np.inf
        rival = others.argmax(axis=1)
        yield np.where(rival > c, scores[:, c] - others[np.arange(n), rival],
                       np.nan)


def _draw_path(sp, attack):
    """The start of the point, its path and its end."""
    end = CArray(attack.xc).tondarray().reshape(1, 2)
    path = _accepted_iterates(attack, end)
    if len(path):
        sp.plot(*path.T, color='black', linewidth=2.6, zorder=5)
        sp.plot(*path.T, color=YELLOW, linewidth=1.2, marker='.', zorder=5,
                markersize=5, label='path of the point')
        sp.plot(*path[0], label='poisoning point, start', **START)
    label = CArray(attack.yc).ravel()[0].item()
    sp.plot(*end[0], label=f'poisoning point, label {label}', **END)


def _accepted_iterates(attack, end):
    """Places of the accepted iterates, (n, 2); none if they do not lead to
    `end`, because the point was set by hand, or a checkpoint has not kept
    them."""
    if attack.x_seq is None or attack.x_seq.shape != (attack.f_seq.size, 2):
        return end[:0]
    upward = 1 if attack.y_target is None else -1
    f_seq = upward * attack.f_seq.tondarray()
    best = np.maximum.accumulate(f_seq)
    path = attack.x_seq.tondarray()[np.r_[True, f_seq[1:] > best[:-1]]]
    return path if np.allclose(path[-1], end) else end[:0]
