"""The picture of Figure 1."""
import numpy as np
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from secml_regpoison.figure.plane import (
    BOUNDARIES, CMAP, END, START, TRAINING, casing, draw_box)
from secml_regpoison.figure.style import BLUE, GREEN

AXES = -10, 10


def draw(settings, maps, lines, points, x_tr, y_tr):
    """The picture, a matplotlib figure.

    Parameters
    ----------
    settings : config.Figure1
    maps : list of three ndarray, (n_places, n_places)
        Errors twice, lambda; rows are places from below.
    lines : list of two dict of str to (float, float)
        Boundaries ``x = a + b y`` of the left and of the centre panel,
        'clean' and 'poisoned'.
    points : list of two dict of str to (float, float)
        'start' and 'optimum' of the point in these panels.
    x_tr, y_tr : ndarray, shapes (n, 2) and (n,)

    """
    fig = Figure(figsize=(13.5, 5.3), layout='constrained')
    axes = fig.subplots(1, 3, sharex=True, sharey=True)
    for ax in axes:
        _frame(ax, settings.box, x_tr, y_tr)
    errors = _draw_errors(axes[:2], settings, maps[:2])
    bar = fig.colorbar(errors, ax=axes[:2], pad=.01, aspect=25, shrink=.86,
                       ticks=errors.norm.boundaries[:-1] + .5, format='%d')
    bar.minorticks_off()
    bar.set_label(f'Validation errors, of {2 * settings.n_val_per_class} '
                  'points')
    image = _draw_map(axes[2], settings.box, maps[2],
                      vmin=settings.lmbda_bounds[0],
                      vmax=settings.lmbda_bounds[1])
    fig.colorbar(
        image, ax=axes[2], pad=.02, aspect=25, shrink=.86).set_label(
        r'$\lambda$ of the smallest validation error')
    for ax, line, point in zip(axes, lines, points):
        _draw_models(ax, line, point)
    titles = (f'No regularisation ($\\lambda = {settings.lmbda_none:g}$)',
              r'Fixed, $\lambda = \log 20$', r'Best $\lambda$')
    for ax, title in zip(axes, titles):
        ax.set_title(title)
    axes[0].set_ylabel('$x_2$ of the poisoning point')
    _legend(fig, axes[0])
    return fig


def _frame(ax, box, x_tr, y_tr):
    """Axes, the box, and the training points above all else."""
    ax.set(xlim=AXES, ylim=AXES, aspect='equal',
           xlabel='$x_1$ of the poisoning point', xticks=range(-8, 9, 4),
           yticks=range(-8, 9, 4))
    draw_box(ax, *zip(box, box))
    for sign, color, marker, name in ((-1, BLUE, 'o', 'blue'),
                                      (1, GREEN, '^', 'green')):
        ax.scatter(*x_tr[y_tr == sign].T, c=color, marker=marker, **TRAINING,
                   label=f'training points, {name} class')


def _draw_map(ax, box, values, **scale):
    side = np.linspace(*box, len(values))
    # rasterized: ten thousand squares make a PDF slow
    return ax.pcolormesh(side, side, values, cmap=CMAP, zorder=0,
                         shading='nearest', rasterized=True, **scale)


def _draw_errors(axes, settings, maps):
    """Both maps on one scale, a colour for each number of errors."""
    counts = [np.rint(2 * settings.n_val_per_class * values)
              for values in maps]
    norm = BoundaryNorm(np.arange(np.min(counts), np.max(counts) + 2) - .5,
                        256)
    for ax, values in zip(axes, counts):
        image = _draw_map(ax, settings.box, values, norm=norm)
    return image


def _draw_models(ax, line, point):
    """Boundaries, and where the poisoning point started and ended."""
    x_2 = np.array(AXES)
    for name, (color, style, around) in zip(('clean', 'poisoned'), BOUNDARIES):
        a, b = line[name]
        ax.plot(a + b * x_2, x_2, linewidth=2, color=color, linestyle=style,
                zorder=3, label=f'boundary, {name}',
                path_effects=casing(around))
    ax.plot(*point['start'], label='poisoning point, start', **START)
    ax.plot(*point['optimum'], label='poisoning point, optimised', **END)


def _legend(fig, ax):
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc='outside lower center', ncol=4,
               frameon=True, facecolor='0.75', edgecolor='none')
