"""Curves of lambda and ||w|| against the strength of a poisoning attack."""
from secml.array import CArray
from secml.figure._plots import CPlot


class CPlotRegPoison(CPlot):
    """Plots what `.CAttackPoisoningMinimaxLR` did to the regularisation.

    Once this module is imported every `fig.sp` has these methods. They read
    lambda and ||w|| from the headers of the poisoning points, which a
    `.CSecEval` keeps if created with ``save_adv_ds=True``.

    See Also
    --------
    .CPlotSecEval : the error of the classifier against the same strength.
    .CPlot : basic subplot functions.
    .CFigure : creates and handle figures.

    """

    def plot_lmbda(self, sec_eval_data, label=None, linestyle='-',
                   color=None, marker=None):
        """Plot lambda, the natural log of the L2 strength (C = exp(-lambda)).

        Parameters
        ----------
        sec_eval_data : CSecEvalData or list
            A single CSecEvalData object, or a list with the repetitions of
            one experiment: then their mean is drawn, in a band of one
            standard deviation.
        label : str, optional
            Label of the curve. Default None, not in the legend.
        linestyle : str, optional
            Style of the curve. Default '-'.
        color : str or None, optional
            Color of the curve. If None (default) the plot engine will chose.
        marker : str or None, optional
            Style of the markers. Default None.

        Raises
        ------
        ValueError
            If the list is empty, the strengths differ between repetitions,
            or no lambda was stored.

        """
        _plot_header(self, sec_eval_data, 'lmbda', r'$\lambda$ (natural log)',
                     label, linestyle, color, marker)

    def plot_weight_norm(self, sec_eval_data, label=None, linestyle='-',
                         color=None, marker=None):
        """Plot ||w||, the Euclidean norm of the weights without the bias.

        Parameters and errors are those of `plot_lmbda`.
        """
        _plot_header(self, sec_eval_data, 'w_norm', r'$\|w\|_2$',
                     label, linestyle, color, marker)


# A function and no method: each method of a CPlot subclass becomes one of
# every subplot and could replace another's.
def _plot_header(sp, sec_eval_data, name, ylabel, label, linestyle, color,
                 marker):
    """Draw one scalar of the headers against the attack strength."""
    repetitions = sec_eval_data if isinstance(sec_eval_data, list) \
        else [sec_eval_data]
    if not repetitions:
        raise ValueError("`sec_eval_data` must have at least one CSecEvalData,"
                         " got an empty list.")
    strengths = repetitions[0].param_values
    curves = CArray([_header_curve(data, name, strengths)
                     for data in repetitions])
    mean = curves.mean(axis=0, keepdims=False).ravel()
    std = curves.std(axis=0, keepdims=False).ravel()
    low = mean - std
    if name == 'w_norm':
        low[low < 0] = 0

    # ticks first, for 'markevery' picks the points that are next to a tick
    sp.xticks(strengths)
    sp.plot(strengths, mean, label=label, linestyle=linestyle, color=color,
            marker=marker, markevery=sp.get_xticks_idx(strengths))
    if len(repetitions) > 1:
        sp.fill_between(strengths, mean + std, low, alpha=0.2,
                        interpolate=False, linestyle='None',
                        facecolor=sp.get_lines()[-1].get_color())
    if sp._xlabel is None:
        sp.xlabel(repetitions[0].param_name)
    if sp._ylabel is None:
        sp.ylabel(ylabel)
    if label is not None:
        sp.legend(loc='best', labelspacing=0.4, handletextpad=0.3,
                  edgecolor='k')
    sp.grid(grid_on=True)


def _header_curve(sec_eval_data, name, strengths):
    """Value in the header of each strength's poisoning points, as a list."""
    values = sec_eval_data.param_values
    if values.size != strengths.size or (values != strengths).any():
        raise ValueError(
            "`sec_eval_data` must have the same strengths in each repetition, "
            f"got {values.tolist()} beside {strengths.tolist()}.")
    if sec_eval_data.adv_ds is None or not all(
            hasattr(ds.header, name) for ds in sec_eval_data.adv_ds):
        raise ValueError(
            f"`sec_eval_data` must have `{name}` in the header of each of its "
            "adv_ds, got none: create the CSecEval with save_adv_ds=True and "
            "a CAttackPoisoningMinimaxLR.")
    return [getattr(ds.header, name) for ds in sec_eval_data.adv_ds]
