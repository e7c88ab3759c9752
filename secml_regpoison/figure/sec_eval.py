"""Curves against the strength of an attack: error, lambda and ||w||."""
import numpy as np
from matplotlib import rcParams

from secml.array import CArray
from secml.figure._plots import CPlot

from secml_regpoison.core.verdicts import is_of_no_use
from secml_regpoison.validation import check_type
from .curves import draw_rings, mark_strengths
from .evaluations import in_order
from .style import (
    OTHER_STYLES, POLICY_STYLES, legend_below, on_background)


# Of axes; the names are also the `gid` of lines.
LABELS = {'test_error': 'Test error (%), solid',
          'lmbda': r'$\lambda$ (natural log)', 'w_norm': r'$\|w\|_2$'}


class SecEvalCurvesMixin:
    """Methods of `.CPlotRegPoison` that draw `.CSecEvalData`."""

    def plot_lmbda(self, sec_eval_data, label=None, linestyle=None,
                   color=None, marker=None):
        """Plot lambda, the natural log of the L2 strength (C = exp(-lambda)).

        A red square is around the points where lambda is at a bound of its
        interval, in any of the repetitions.

        Parameters
        ----------
        sec_eval_data : CSecEvalData or list
            A single CSecEvalData object, or a list with the repetitions of
            one experiment: then their mean is drawn, in a band of one
            standard deviation.
        label : str, optional
            Label of the curve. Default None, not in the legend.
        linestyle, color, marker : str, optional
            Style of the curve. Default None: the policy's if `label` is one,
            'learned' for instance, else a different one for each curve of
            the subplot, which also differ in grey.

        Raises
        ------
        TypeError
            If it is not a CSecEvalData, or the label no text.
        ValueError
            If the list is empty, the strengths differ between repetitions,
            or no lambda was stored.

        """
        sp = getattr(self, '_lmbda_sp', self)
        if sp is not self and linestyle is None:
            linestyle = '--'  # as its axis says
        _plot_header(sp, sec_eval_data, 'lmbda', label, linestyle=linestyle,
                     color=color, marker=marker)
        _finish(self)

    def plot_weight_norm(self, sec_eval_data, label=None, linestyle=None,
                         color=None, marker=None):
        """Plot ||w||, the Euclidean norm of the weights without the bias.

        Parameters and errors are those of `plot_lmbda`.
        """
        _plot_header(self, sec_eval_data, 'w_norm', label,
                     linestyle=linestyle, color=color, marker=marker)
        _finish(self)

    def plot_sec_eval_minimax(self, sec_eval_data, label=None, color=None,
                              marker=None):
        """Plot the test error in per cent, and lambda on a second axis.

        The error is a solid line with filled markers, lambda a dashed one
        with hollow markers, in the same color. The legend, below the axes,
        gathers the curves of all calls. A red circle is around the errors
        where the classifier has given up, in any of the repetitions: all test
        points are given one class, or its validation loss is no better than
        that of a constant answer and its error not clearly better. Red squares
        are as in `plot_lmbda`.

        Parameters
        ----------
        sec_eval_data : CSecEvalData or list
            As for `plot_lmbda`.
        label : str, optional
            Name of the pair of curves.
        color, marker : str, optional
            Style of both curves. Default None: see `plot_lmbda`.

        Raises
        ------
        TypeError, ValueError
            See `plot_lmbda`; and if no predictions were stored.

        """
        repetitions = in_order(sec_eval_data, 'lmbda')
        if any(data.Y_pred is None for data in repetitions):
            raise ValueError("`sec_eval_data` must have predictions, got "
                             "none: call `run_sec_eval` first.")
        style = _next_style(self, label, color=color, marker=marker)
        title, show_legend = self._sp.get_title(), self.show_legend
        if not hasattr(self, '_lmbda_sp'):
            self._lmbda_sp = CPlot(self._sp.twinx(), self._params)
            self._lmbda_sp.show_legend = False
            self._lmbda_sp.tick_params(labelsize=self._params['font.size'])
        name = '' if label is None else f', {label}'
        _label(self, 'test_error')
        if self._lmbda_sp._ylabel is None:
            self._lmbda_sp.ylabel(LABELS['lmbda'] + ', dashed')
        self.plot_sec_eval(repetitions, metric='test-error', mean=True,
                           percentage=True, label=f'test error{name}',
                           **{**style, 'linestyle': '-'})
        self.get_lines()[-1].set_gid('test_error')
        _draw_rings(self, repetitions, 'gave_up', _is_of_no_use)
        _plot_header(self._lmbda_sp, repetitions, 'lmbda',
                     rf'$\lambda${name}', **{**style, 'linestyle': '--'}
                     ).set_markerfacecolor(rcParams['axes.facecolor'])
        self._lmbda_sp.grid(grid_on=False)
        self.get_legend().remove()
        # secml's plot_sec_eval has set both
        self.title(title)
        self.show_legend = show_legend
        _finish(self)


def _next_style(sp, label, **given):
    """The style of the policy `label`, or one that `sp` has not used yet,
    with the given values."""
    check_type('label', label, (str, type(None)), 'a text or None, as a list '
               'of data is the repetitions of one curve')
    taken = {line.get_color() for line in sp.get_lines()}
    others = [*map(on_background, OTHER_STYLES)]
    other = next((style for style in others if style['color'] not in taken),
                 others[sp.n_lines % len(others)])
    style = on_background(POLICY_STYLES.get(label, other))
    return {name: style[name] if given.get(name) is None else given[name]
            for name in ('color', 'marker', 'linestyle')}


# Functions, not methods: each method of a CPlot subclass becomes a method of
# every subplot and could replace another one.
def _plot_header(sp, sec_eval_data, name, label, **style):
    """Draw one scalar of the headers against the attack strength; returns the
    line."""
    repetitions = in_order(sec_eval_data, name)
    strengths = repetitions[0].param_values
    curves = CArray([[getattr(ds.header, name) for ds in data.adv_ds]
                     for data in repetitions])
    mean = curves.mean(axis=0, keepdims=False).ravel()
    std = curves.std(axis=0, keepdims=False).ravel()
    low = mean - std
    if name == 'w_norm':
        low[low < 0] = 0

    style = _next_style(sp, label, **style)
    _label(sp, name, repetitions[0].param_name)
    sp.plot(strengths, mean, label=label, gid=name, **style)
    line = sp.get_lines()[-1]
    if name == 'lmbda':
        _draw_rings(sp, repetitions, 'lmbda_at_bound', lambda data, k:
                    'lmbda_at_bound' in _verdicts(data, k))
    if len(repetitions) > 1:
        sp.fill_between(strengths, mean + std, low, alpha=0.2,
                        interpolate=False, linestyle='None',
                        facecolor=style['color'])
    return line


def _finish(sp):
    """Ticks at the strengths of all curves, and one legend of both axes."""
    axes = [sp, sp._lmbda_sp] if hasattr(sp, '_lmbda_sp') else [sp]
    mark_strengths(sp._sp, np.unique(np.concatenate(
        [line.get_xdata() for part in axes for line in part.get_lines()
         if line.get_gid() in LABELS])), '{:g}')
    handles = [handle for part in axes
               for handle in part.get_legend_handles_labels()[0]]
    if handles:
        legend_below(sp, handles)
    sp.grid(grid_on=True)


def _draw_rings(sp, repetitions, kind, is_true):
    """Rings around the points of the last line where a verdict is true in a
    repetition."""
    found = [any(is_true(data, k) for data in repetitions)
             for k in range(len(repetitions[0].adv_ds))]
    draw_rings(sp._sp, kind, sp.get_lines()[-1:], [found],
               ' in a repetition' if len(repetitions) > 1 else '')


def _verdicts(sec_eval_data, k):
    """Names of those that are true at a strength."""
    return getattr(sec_eval_data.adv_ds[k].header, 'verdicts', ())


def _is_of_no_use(sec_eval_data, k):
    """Whether the classifier has given up, as the command sees it."""
    y, y_pred = sec_eval_data.Y, sec_eval_data.Y_pred[k]
    counts = np.unique(y.tondarray(), return_counts=True)[1]
    return is_of_no_use({
        **{name: name in _verdicts(sec_eval_data, k)
           for name in ('gave_up', 'one_class')},
        'n_test': y.size, 'test_error': float((y_pred != y).mean()),
        'majority_error': 1 - counts.max() / y.size})


def _label(sp, name, xlabel=None):
    """Label axes that the user has not labelled, with all that is drawn on
    them, and with what is drawn next."""
    if sp._xlabel is None and xlabel is not None:
        sp.xlabel(xlabel)
    drawn = [LABELS[line.get_gid()] for line in sp.get_lines()
             if line.get_gid() in LABELS]
    before, now = ('; '.join(dict.fromkeys(labels))
                   for labels in (drawn, [*drawn, LABELS[name]]))
    if sp._ylabel is None or drawn and sp._ylabel == before:
        sp.ylabel(now)
