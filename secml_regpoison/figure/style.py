"""The one palette: a policy has the same colour and marker in every picture.

The colours are Okabe and Ito's, which the colour-blind tell apart; markers
and line styles tell the curves apart in grey.
"""
import os
import textwrap
from itertools import chain, cycle

from matplotlib import rcParams
from matplotlib.colors import to_hex

from secml_regpoison.quiet import ignoring
from secml_regpoison.storage import atomic_path
from secml_regpoison.terminal import print_error

STYLES = tuple(
    dict(color=color, marker=marker, linestyle=linestyle)
    for color, marker, linestyle in (
        ('#0072B2', 'o', '-'), ('#D55E00', 's', '--'), ('#009E73', '^', ':'),
        ('#CC79A7', 'D', '-.'), ('#000000', 'v', '-'), ('#E69F00', 'P', '--'),
        ('#56B4E9', 'X', ':'), ('#999999', '*', '-.')))
#: Looks of curves without a policy: no policy has one of these. The first 20
#: differ in grey, too.
OTHER_STYLES = tuple(
    {**(STYLES[5:] + STYLES[:5])[k % 8], 'marker': '<>hd8'[k % 5]}
    for k in range(40))
SHARE = 'Poison among the training rows (%)'
# Of maps: two classes and more, what the poison has moved, and the poison.
BLUE, GREEN, RED, YELLOW = '#56B4E9', '#009E73', '#E51E10', '#F0E442'
PURPLE, ORANGE = '#CC79A7', '#E69F00'

# 'small' and 'large' are lambdas held fixed. Hollow squares let the curve
# below them be seen.
#: Colour, marker and line of each policy, as matplotlib's `plot` takes them.
POLICY_STYLES = {
    'small': {**STYLES[1], 'markerfacecolor': 'none', 'markersize': 9},
    'large': {**STYLES[3], 'linestyle': ':'},
    'clean-cv': {**STYLES[0], 'linestyle': '-.'},
    'learned': {**STYLES[2], 'linestyle': '-'},
    'trusted-only': {**STYLES[4], 'linestyle': (0, (1, 1))},
    'learned-trust': {**STYLES[5], 'linestyle': '-'},
    'l1': dict(color='#882255', marker='p', linestyle='--'),
    'filter': {**STYLES[6], 'linestyle': ':'},
    'filter-learned': {**STYLES[7], 'linestyle': '-'}}
OWN = '-own'  # of an attacker who knows the test rows
STARS = '*', (4, 1, 0), (8, 1, 0), (3, 1, 0)  # of 5, 4, 8 and 3 points
POLICY_LABELS = {
    'small': r'$\lambda$ small (no regularisation)',
    'large': r'$\lambda$ large',
    'clean-cv': r'$\lambda$ by clean cross-validation',
    'learned': r'$\lambda$ learned',
    'trusted-only': 'trusted rows alone',
    'learned-trust': 'learned trust',
    'l1': r'L1, $\lambda$ learned, at least -2',
    'filter': r'filter, $\lambda$ by clean cross-validation',
    'filter-learned': r'filter, $\lambda$ learned'}


# Share of a figure's height below which a legend leaves its axes room.
LARGEST_LEGEND = .6


def policy_styles(policies):
    """Style of each policy of one picture.

    A policy in `POLICY_STYLES` has its own. Of the lambdas held fixed, the
    most negative one looks like 'small' and the largest positive one like
    'large', unless these are shown too; the others take the styles that no
    policy of the picture has. With '-own' after it a policy has its colour and
    a star, with fewer or more points where another one of that colour is a
    star.

    Parameters
    ----------
    policies : sequence of str or float
        Names of policies, or lambdas held fixed.

    Returns
    -------
    dict of policy to dict
        What `matplotlib.pyplot.plot` takes: color, marker, linestyle.
    """
    named = {str(policy): policy for policy in policies}
    hidden = {policy: named.get(policy.removesuffix(OWN),
                                policy.removesuffix(OWN))
              for policy in named if policy.endswith(OWN)}
    shown = {*policies, *hidden.values()} - {*hidden}
    fixed = sorted(shown - {*POLICY_STYLES},
                   key=lambda policy: (-abs(float(policy)), str(policy)))
    styles = {**POLICY_STYLES}
    taken = {styles[policy]['color'] for policy in policies
             if policy in styles}
    taken |= {POLICY_STYLES[name]['color'] for name in ('small', 'large')}
    free = [style for style in STYLES[5:] + STYLES[:5]
            if style['color'] not in taken]
    # more than there are: the same colours with other markers
    spare = chain(free, cycle(sorted(
        OTHER_STYLES, key=lambda style: style['color'] in taken)))
    for policy in fixed:
        like = 'small' if float(policy) < 0 else 'large'
        is_free = float(policy) and like not in shown
        own = styles.pop(like, None) if is_free else None
        styles[policy] = own or next(spare)
    for policy, of in hidden.items():  # a point, often beside that of `of`
        style = styles[of]
        looks = {(other['color'], other['marker'])
                 for other in styles.values()}
        star = next((star for star in STARS
                     if (style['color'], star) not in looks), '*')
        styles[policy] = {**style, 'marker': star, 'markersize': 15,
                          'markerfacecolor': 'none', 'linestyle': 'none'}
    return {policy: on_background(styles[policy]) for policy in policies}


def on_background(style):
    """A look that is seen on any background: black is the colour of text."""
    return {**style, 'color': to_hex(rcParams['text.color'])} \
        if style['color'] == STYLES[4]['color'] else style


def policy_label(policy):
    """Name of a policy in a legend."""
    if str(policy).endswith(OWN):
        return (policy_label(policy.removesuffix(OWN))
                + ', attacker knows test rows')
    return POLICY_LABELS.get(policy, rf'$\lambda = {policy}$')


def legend_below(sp, handles, ncol=2, **options):
    """A legend below the axes, their ticks and label, where it hides nothing.
    Of a secml plot or of matplotlib Axes.

    It has one column where `ncol` of them would leave the figure, or would be
    wider than a subplot beside others has room, if the figure is high enough.
    Its distance is in letters, for labels grow with the font and not with the
    axes. The figure makes room for it when it is drawn, unless the user has
    chosen a layout.
    """
    if getattr(sp, 'show_legend', None) is False:
        return
    axes = getattr(sp, '_sp', sp)
    make_room(axes.figure)

    def draw(n_columns):
        sp.legend(handles=handles, ncol=n_columns, loc='upper center',
                  bbox_to_anchor=(.5, 0.), borderaxespad=3.6,
                  **{'frameon': False, **options})
        return axes.get_legend().get_window_extent()
    box, whole = draw(ncol), axes.figure.bbox
    spec = axes.get_subplotspec()
    room = whole.width if spec is None else \
        whole.width * len(spec.colspan) / spec.get_gridspec().ncols
    if (box.x0 < 0 or box.x1 > whole.x1 or box.width > room) \
            and draw(1).height > LARGEST_LEGEND * whole.height:
        draw(ncol)


def make_room(fig):
    """Let a figure find room for its labels when it is drawn, unless the user
    has chosen a layout."""
    if fig.get_layout_engine() is None:
        fig.set_layout_engine('tight')


def labels_touch(ax):
    """Whether a label of the x axis runs into the next."""
    boxes = sorted(tuple(label.get_window_extent().intervalx)
                   for label in ax.get_xticklabels())
    return any(end >= start for (_, end), (start, _) in zip(boxes, boxes[1:]))


def figure_legend(fig, ax, title, ncol=4):
    """The legend of `ax` below all axes, see `fitting_legend`; its title has
    several lines where the figure is narrow."""
    fitting_legend(fig, *ax.get_legend_handles_labels(), ncol=ncol,
                   title=textwrap.fill(title, int(11 * fig.get_figwidth())))


def fitting_legend(fig, handles, labels, ncol=4, **options):
    """A legend below all axes, with fewer columns than `ncol` where the
    figure is narrow."""
    for n_columns in range(ncol, 0, -1):
        legend = fig.legend(handles, labels, frameon=False, ncol=n_columns,
                            loc='outside lower center', **options)
        if n_columns == 1 or legend.get_window_extent().width < fig.bbox.width:
            return legend
        legend.remove()


def save_picture(fig, path, formats=('png', 'pdf'), dpi=150):
    """Write a matplotlib figure in each format, the same bytes each time, and
    say which signs its font does not have.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
    path : str
        Path of the files, without the extension.
    formats : tuple of {'png', 'pdf'}, optional
    dpi : int, optional
        Resolution of the PNG.

    """
    options = {'png': dict(dpi=dpi),
               'pdf': dict(metadata={'CreationDate': None})}
    for extension in formats:
        # two lines for each sign
        with atomic_path(f'{path}.{extension}') as scratch, ignoring(
                'Glyph ', UserWarning):
            fig.savefig(scratch, format=extension, **options[extension])
    signs = _unknown_signs(fig)
    if signs:
        print_error(
            'secml-regpoison: warning: the font of the picture '
            f"{os.path.basename(path)} has no {', '.join(signs[:5])}"
            f"{' and others' * (len(signs) > 5)}: in a file matplotlibrc in "
            'this folder name one that has, as in "font.family: Noto Sans CJK '
            'JP, DejaVu Sans" (matplotlib\'s rcParams).')


def _unknown_signs(fig):
    """The signs in the texts of a figure that its fonts do not have."""
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.text import Text
    known = {code for family in rcParams['font.family'] for code in get_font(
        findfont(FontProperties(family=[family]))).get_charmap()}
    return sorted({sign for text in fig.findobj(Text)
                   for sign in text.get_text()
                   if sign.isprintable() and ord(sign) not in known})
