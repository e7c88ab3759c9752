"""Certificates over lambda, or over the share of poison."""
import numpy as np
from matplotlib import rcParams

from secml_regpoison.validation import check, check_type
from .style import SHARE, STYLES, legend_below

# Curves: attribute of a certificate, words, index of the style.
CURVES = (('bound', 'at most, by any poison', 3),
          ('found', 'found by an attack', 1),
          ('clean', 'without poison', 2))


class CertificateMixin:
    """Method of `.CPlotRegPoison` that draws certificates."""

    def plot_certificate(self, certificates):
        """Plot the clean rows' loss: its bound, the largest found, and clean.

        Between the upper two curves lies the truth: the band is filled. Where
        the bound is vacuous as an error rate its markers are hollow.

        Parameters
        ----------
        certificates : list of Certificate
            Of one attack, of different lambdas or of different `n_points`;
            that is the axis.

        Raises
        ------
        TypeError, ValueError
            If it is no such list.

        """
        check_type('certificates', certificates, (list, tuple),
                   'a list of what CCertificatePoisoning.run returns')
        check('certificates', [type(one).__name__ for one in certificates],
              certificates and all(hasattr(one, 'objective_bound')
                                   for one in certificates),
              'a list of what CCertificatePoisoning.run returns')
        lmbdas = np.array([one.lmbda for one in certificates])
        shares = np.array([100 * one.n_points / (one.n_points + one.n_clean)
                           for one in certificates])
        over_lmbda = np.ptp(lmbdas) > 0
        check('certificates', f'lambdas {lmbdas.tolist()} and '
              f'{shares.round(1).tolist()} % of poison',
              not (over_lmbda and np.ptp(shares) > 0),
              'of one lambda, or of one number of points')
        places = lmbdas if over_lmbda else shares
        order = np.argsort(places)
        _draw(self, places[order], [certificates[k] for k in order])
        self.xlabel(r'$\lambda$ (natural log)' if over_lmbda
                    else SHARE)
        self.ylabel('Mean loss of the clean training rows')
        legend_below(self, self.get_legend_handles_labels()[0])


def _draw(sp, places, certificates):
    """The three curves, and the band between the upper two."""
    values = {name: [getattr(one, name) for one in certificates]
              for name, _, _ in CURVES}
    sp.fill_between(places, values['found'], values['bound'], alpha=.15,
                    facecolor=STYLES[CURVES[0][2]]['color'])
    for name, words, k in CURVES:
        sp.plot(places, values[name], label=words, **STYLES[k])
    vacuous = [one.is_vacuous for one in certificates]
    if any(vacuous):
        style = STYLES[CURVES[0][2]]
        sp.plot(places[vacuous], np.array(values['bound'])[vacuous],
                label='vacuous as an error rate', linestyle='none',
                color=style['color'], marker=style['marker'],
                markerfacecolor=rcParams['axes.facecolor'])
    sp.grid(grid_on=True)
