"""What curves over the strength of an attack share: ticks, rings, a line."""
import numpy as np

from .style import RED, labels_touch

# Of rings around the points of a curve for which a verdict is true: the
# marker, and the words with the place where it is so.
RINGS = {'gave_up': ('o', 'gave up{}: no better than a constant answer'),
         'lmbda_at_bound': ('s', r'$\lambda$ at a bound{}')}


def mark_strengths(ax, strengths, form='{:.1f}'):
    """Ticks where something was measured: nine at most, equally many left out
    between two of them, and no label runs into the next.

    Parameters
    ----------
    ax : matplotlib Axes
    strengths : sequence of float
        In order.
    form : str, optional
        Format of a label.

    """
    for step in range(1 + len(strengths) // 9, len(strengths) + 1):
        ticks = strengths[::step]
        ax.set_xticks(ticks, [form.format(value) for value in ticks])
        if not labels_touch(ax):
            break


def draw_rings(ax, verdict, lines, found, where=''):
    """Rings around points of curves for which a verdict is true.

    Parameters
    ----------
    ax : matplotlib Axes
    verdict : {'gave_up', 'lmbda_at_bound'}
    lines : list of matplotlib Line2D
    found : list of sequence of bool
        For each line, at which of its points the verdict is true.
    where : str, optional
        In the legend, where there is such a point: ' in a split'.

    """
    points = [point for line, marked in zip(lines, found)
              for point, is_true in zip(line.get_xydata(), marked) if is_true]
    if points:
        marker, words = RINGS[verdict]
        words = words.format(where)
        known = {line.get_label() for line in ax.get_lines()}
        ax.plot(*zip(*points), marker, markersize=15, markerfacecolor='none',
                color=RED, markeredgewidth=1.2,
                label='_' if words in known else words)


def draw_majority(ax, errors):
    """A dashed line, which is returned, at the mean error of one class for
    all rows."""
    return ax.axhline(100 * np.mean(errors), color='gray', linestyle='--',
                      linewidth=1, label='always the more frequent class')
