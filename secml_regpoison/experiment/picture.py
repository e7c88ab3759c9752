"""The picture of `sec-eval`: error, lambda and ||w|| against the poison."""
import textwrap

import numpy as np
from matplotlib.figure import Figure

from secml_regpoison.figure.curves import (
    draw_majority, draw_rings, mark_strengths)
from secml_regpoison.figure.style import (
    SHARE, fitting_legend, policy_label, policy_styles)
from .statistics import set_log_scale

PANELS = (('Test error (%)', 'test_error', 100),
          (r'$\lambda$ (natural log)', 'lmbda', 1),
          # from 0.1 to 1000, and small changes are visible, too
          (r'$\|w\|_2$ (log scale)', 'w_norm', 1))
# Rings around the means: their kind, and the count of `summarise`.
RINGS = {'test_error': ('gave_up', 'given_up'),
         'lmbda': ('lmbda_at_bound', 'lmbda_at_bound')}


def draw(summary, title, words=''):
    """Means over the splits with markers, each split a thin line.

    Parameters
    ----------
    summary : dict
        See `summarise`.
    title : str
    words : str, optional
        Goes below, in small letters.

    Returns
    -------
    matplotlib.figure.Figure

    """
    fig = Figure(figsize=(14, 5.4), layout='constrained')
    fig.suptitle(_wrapped(title, 150), parse_math=False, fontsize=11)
    axes = fig.subplots(1, len(PANELS))
    for ax, (label, column, factor) in zip(axes, PANELS):
        ax.set(xlabel=SHARE, ylabel=label)
        if column == 'w_norm':
            set_log_scale(ax, [value for strengths in summary.values()
                               for strength in strengths
                               for value in strength[column]['each']])
        lines = [_draw_policy(ax, summary[policy], column, factor,
                              dict(label=policy_label(policy), **style))
                 for policy, style in policy_styles(summary).items()]
        if column in RINGS:
            verdict, count = RINGS[column]
            draw_rings(ax, verdict, lines, [
                [strength[count] for strength in strengths]
                for strengths in summary.values()], ' in a split')
        mark_strengths(ax, _shares(next(iter(summary.values()))))
        ax.grid(alpha=.3)
    first, *_ = next(iter(summary.values()))
    draw_majority(axes[0], first['majority_error']['mean'])
    axes[0].set_ylim(bottom=0)
    handles = {label: handle for ax in axes for handle, label in zip(
        *ax.get_legend_handles_labels())}
    # the words are the legend's title: of two texts below the axes each would
    # be laid over the other
    legend = fitting_legend(fig, handles.values(), handles, title=_wrapped(
        words, 210) or None, title_fontsize=8)
    legend.get_title().set_parse_math(False)
    return fig


def _wrapped(text, width):
    """As few lines of at most so many letters as can be, and about equally
    long: no word stands alone."""
    def even(line):
        n_lines = len(textwrap.wrap(line, width))
        return textwrap.fill(line, next(
            least for least in range(1, width + 1)
            if len(textwrap.wrap(line, least)) <= n_lines))
    return '\n'.join(map(even, text.splitlines()))


def _draw_policy(ax, strengths, column, factor, style):
    """The mean of one policy, the line that is returned, and a thin line for
    each split."""
    x = _shares(strengths)
    if strengths[0]['n_splits'] > 1:
        each = factor * np.array([strength[column]['each']
                                  for strength in strengths])
        ax.plot(x, each, color=style['color'], linewidth=.6, alpha=.5)
    return ax.plot(x, [factor * strength[column]['mean']
                       for strength in strengths],
                   linewidth=1.8, zorder=3, **style)[0]


def _shares(strengths):
    return [100 * strength['fraction'] for strength in strengths]
