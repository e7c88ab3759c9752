"""Poison as images, and histograms of weights."""
import math
import numbers
from collections.abc import Sized

import numpy as np

from secml.array import CArray
from secml.ml.classifiers import CClassifier
from secml.ml.classifiers.multiclass import CClassifierMulticlass

from secml_regpoison.quiet import ignoring
from secml_regpoison.terminal import printable
from secml_regpoison.validation import (
    check, check_finite, check_integer, check_minimax_attack, check_type)
from .style import (
    STYLES, labels_touch, legend_below, make_room, on_background)

# Odd, so that 0 is the middle of a bin.
N_BINS = 61
# Gap between images, as a share of their width.
GAP = .15


class PoisonPicturesMixin:
    """Methods of `.CPlotRegPoison` that draw poison and weights."""

    def plot_weight_histogram(self, weights, label=None):
        """Plot histograms of weights, the number on a logarithmic scale.

        The first is filled, the others are outlines of different line
        styles. All have the same bins, symmetric about 0. Training without
        regularisation, or on poison, makes them wide.

        Parameters
        ----------
        weights : CClassifier, CArray or list
            A trained linear classifier (its weights without the bias),
            weights of any shape, or a list of these to compare.
        label : str, or list or tuple of str, optional
            A name for each, for the legend below the axes.

        Raises
        ------
        TypeError, ValueError
            If there are no weights (the classifier is not linear, or not
            trained), they are not finite, or labels are missing.

        """
        several = isinstance(weights, list)
        weights = [_as_weights(w) for w in (weights if several else [weights])]
        check('weights', [], bool(weights),
              'one classifier or CArray, or more')
        labels = [*label] if isinstance(label, (list, tuple)) \
            else [label] * len(weights)
        check('label', label, len(labels) == len(weights)
              and not (several and isinstance(label, str)),
              f'a list of {len(weights)} names')
        draw_weights(self._sp, weights, labels)
        self.xlabel('Weight')
        self.ylabel('Number of weights (log scale)')
        make_room(self._sp.figure)
        handles, labels = self.get_legend_handles_labels()
        if labels:
            legend_below(self, handles)

    def plot_poisoning_images(self, attack, adv_ds, n_images=8, shape=None):
        """Plot poisoning points as images: start, optimised, difference.

        Each point is a column, in the order in which they were added, above
        its label in the training data. A point starts as a validation row of
        another class. Images are black at `attack.lb` and white at
        `attack.ub` if these are numbers, else at the minimum and the maximum
        of the values shown. The difference is optimised minus start: bright
        where a pixel was raised, dark where it was lowered.

        Parameters
        ----------
        attack : CAttackPoisoningMinimax
            The attack that made the poison.
        adv_ds : CDataset
            The poison as `run` returns it, or a `CSecEval` keeps it.
        n_images : int, optional
            Maximum number of points shown. Default 8.
        shape : (int, int), optional
            Height and width. Default None: from the header of the training
            data (`img_h`, `img_w`), else square.

        Raises
        ------
        TypeError, ValueError
            If the poison has no points or belongs to another attack, or the
            features are no image of this shape.

        """
        check_minimax_attack(attack)
        check_integer('n_images', n_images, 1)
        shape = _image_shape(attack.training_data, shape)
        start = attack.starting_points(adv_ds)
        n_images = min(n_images, adv_ds.num_samples)
        check('adv_ds', '0 points', n_images > 0, 'poison of at least 1 point')
        _draw_images(self, *(
            x[:n_images, :].tondarray().reshape(-1, *shape)
            for x in (start, adv_ds.X)), (attack.lb, attack.ub))
        names = _names(attack.training_data, adv_ds.Y[:n_images].tolist())
        self.xticklabels([*map(printable, names)], parse_math=False)
        self.xlabel('Label of the poisoning point')
        with ignoring('Glyph ', UserWarning):
            _turn_labels(self._sp)


def draw_weights(ax, weights, labels):
    """Histograms on the same bins: the first filled, the others outlined.

    Parameters
    ----------
    ax : Axes
    weights : list of ndarray
    labels : list of str or None

    """
    limit = max(np.abs(w).max() for w in weights)
    bins = np.linspace(-limit, limit, N_BINS + 1) if limit else N_BINS
    for k, (w, label) in enumerate(zip(weights, labels)):
        style = on_background(STYLES[k % len(STYLES)])
        look = dict(histtype='step', linewidth=1.8,
                    linestyle=STYLES[k - 1]['linestyle']) \
            if k else dict(alpha=.45)
        ax.hist(w, bins, color=style['color'], label=label, **look)
    ax.set_yscale('log')
    ax.set_ylim(bottom=.7)
    ax.grid(alpha=.3)


def _as_weights(weights):
    """Weights of a trained classifier, of all its binary classifiers, or an
    array, (d,); checked."""
    if isinstance(weights, CClassifierMulticlass):
        return np.concatenate(
            [_as_weights(part) for part in weights._binary_classifiers])
    if isinstance(weights, CClassifier):
        name = type(weights).__name__
        weights = getattr(weights, 'w', None)
        if weights is None:
            raise ValueError(f'`weights` must be a trained linear classifier, '
                             f'got {name} without weights: call `fit` first.')
    check_type('weights', weights, CArray,
               'a trained linear classifier, a CArray or a list of them')
    check('weights', weights, weights.size > 0, 'at least one number')
    check_finite('weights', weights)
    return weights.tondarray().ravel().astype(float)


def _image_shape(dataset, shape):
    """Height and width of the rows of `dataset`."""
    d = dataset.num_features
    side = math.isqrt(d)
    if shape is None:
        # loaders of image folders keep an array here
        shape = [size if isinstance(size, numbers.Integral) else side
                 for size in (getattr(dataset.header, name, side)
                              for name in ('img_h', 'img_w'))]
    check('shape', shape, np.shape(shape) == (2,) and all(
        isinstance(size, numbers.Integral) and size > 0 for size in shape)
        and math.prod(shape) == d,
        f'height and width, whole numbers with a product of {d} features')
    return tuple(shape)


def _names(dataset, labels):
    """The labels before a loader renumbered them."""
    original = getattr(dataset.header, 'y_original', ())
    if isinstance(original, Sized) \
            and dataset.classes.tolist() == list(range(len(original))):
        return [original[int(label)] for label in labels]
    return labels


def _turn_labels(ax):
    """Long names below images slope, as they would run into each other."""
    make_room(ax.figure)
    ax.figure.draw_without_rendering()  # sizes are known then
    if labels_touch(ax):
        for label in ax.get_xticklabels():
            label.set(rotation=45, rotation_mode='anchor', ha='right')
        ax.figure.draw_without_rendering()


def _draw_images(sp, start, optimised, bounds):
    """Two rows of images and their difference, a column a point."""
    if not all(isinstance(bound, numbers.Real) for bound in bounds):
        bounds = np.min([start, optimised]), np.max([start, optimised])
    difference = optimised - start
    limit = np.abs(difference).max() or 1.
    pixels = dict(cmap='gray', vmin=bounds[0], vmax=bounds[1])
    # not a diverging map, whose two ends look the same in grey
    change = dict(cmap='cividis', vmin=-limit, vmax=limit)
    height = start.shape[1] / start.shape[2]
    lefts = np.arange(len(start)) * (1 + GAP)
    bottoms = -np.arange(3) * (height + GAP)
    for images, bottom, look in zip((difference, optimised, start),
                                    bottoms[::-1], (change, pixels, pixels)):
        shown = [sp.imshow(image, extent=(left, left + 1, bottom,
                                          bottom + height), **look)
                 for image, left in zip(images, lefts)]
        if images is not start:  # a bar for two rows, and one for the third
            bar = [lefts[-1] + 1 + GAP, bottom, .8 * GAP, .88 * height]
            if images is optimised:  # space for labels is between the two
                bar[1] += .12 * height
                bar[3] += height + GAP
            sp._sp.figure.colorbar(shown[0], cax=sp._sp.inset_axes(
                bar, transform=sp._sp.transData))
    sp.xlim(lefts[0], lefts[-1] + 1)
    sp.ylim(bottoms[-1], height)
    sp.xticks(lefts + .5)
    sp.yticks(bottoms + height / 2)
    sp.yticklabels(['start', 'optimised', 'difference'])
    sp.tick_params(length=0)
    sp._sp.spines[:].set_visible(False)
