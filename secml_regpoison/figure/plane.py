"""What the maps of one poisoning point share: box, boundaries and marks."""
from matplotlib import patheffects

from .style import RED, YELLOW

# Luminance increases monotonically: readable in grey, and if colour-blind.
CMAP = 'cividis'
# Colour, line and casing of the boundary without the point, and with it.
BOUNDARIES = ('white', (0, (4, 2)), 'black'), (RED, '-', 'white')
# How training points and those of the attack look.
TRAINING = dict(s=32, edgecolors='white', linewidths=.7, zorder=4)
POINT = dict(color=YELLOW, markeredgecolor='black', linestyle='none')
START = dict(marker='P', markersize=9, zorder=6, **POINT)
END = dict(marker='*', markersize=17, zorder=7, clip_on=False, **POINT)


def draw_box(ax, lower, upper, label='box of the point'):
    """The outline of a box, by its lower and its upper corner."""
    (left, bottom), (right, top) = lower, upper
    ax.plot([left, right, right, left, left],
            [bottom, bottom, top, top, bottom],
            color='black', linewidth=1.2, label=label)


def casing(color):
    """Path effects: a line of this colour around a boundary."""
    return [patheffects.Stroke(linewidth=3.4, foreground=color),
            patheffects.Normal()]
