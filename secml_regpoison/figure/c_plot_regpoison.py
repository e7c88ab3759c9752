"""
.. module:: CPlotRegPoison
   :synopsis: Plots of poisoning and of the best response of lambda

"""
from secml.figure._plots import CPlot

from .certificates import CertificateMixin
from .images_and_weights import PoisonPicturesMixin
from .poisoning_map import PoisoningMapMixin
from .sec_eval import SecEvalCurvesMixin


class CPlotRegPoison(SecEvalCurvesMixin, PoisonPicturesMixin,
                     PoisoningMapMixin, CertificateMixin, CPlot):
    """Plots of `.CAttackPoisoningMinimax` and of the defender's response.

    Once this module is imported every `fig.sp` has these methods:

    - `plot_lmbda`, `plot_weight_norm`, `plot_sec_eval_minimax`: curves
      against the strength of the attack. They read lambda and ||w|| from the
      headers of the poisoning points, which a `CSecEval` keeps if created
      with ``save_adv_ds=True``.
    - `plot_weight_histogram`: the weights of classifiers.
    - `plot_poisoning_map`: the effect of one poisoning point at each place
      of the plane.
    - `plot_poisoning_images`: poison as images.
    - `plot_certificate`: the clean rows' loss that any poison can make, over
      lambda or over the share of poison.

    As for secml's own methods, set ``fig.sp.show_legend = False`` before a
    call to leave out its legend.

    See Also
    --------
    .CPlotSecEval : the error of the classifier against the same strength.
    .CPlot : basic subplot functions.
    .CFigure : creates and handles figures.

    """
