"""What a `CCertificatePoisoning` finds: bounds of the harm, in words too."""
import math
from dataclasses import dataclass, field

from secml.data import CDataset


@dataclass(frozen=True)
class Certificate:
    """Bounds of the harm of any poison at a lambda, above and below.

    Attributes
    ----------
    n_points, n_clean : int
        Poison rows and clean rows.
    lmbda : float
        Natural log, C = exp(-lmbda).
    bound : float
        No poison in the set makes a model with a larger mean loss on the
        clean training rows.
    found : float
        The largest one that was found: of the certificate's own attack, of
        all points at one place of it, or at one corner of a box of up to five
        features, or of those that the attack has. Below `clean` none of them
        does harm.
    clean : float
        That of the model without poison.
    gap : float
        Of the training objective, poison included: from its bound down to
        what points that may count in parts make of it, relative. Near 0 no
        attack can make it much larger.
    error_bound : float
        No poison makes a model with a larger error on the clean training
        rows; 1 where the bound says nothing.
    is_vacuous : bool
        Whether `error_bound` is at least the error of always predicting the
        more frequent class.
    objective_bound, objective_found : float
        The two ends of `gap`.
    adv_ds : CDataset
        Poison that makes `found`.
    n_iter : int
        Rounds of the search.
    seconds_cpu : float
    """

    n_points: int
    n_clean: int
    lmbda: float
    bound: float
    found: float
    clean: float
    gap: float
    error_bound: float
    is_vacuous: bool
    objective_bound: float
    objective_found: float
    adv_ds: CDataset = field(compare=False)
    n_iter: int
    seconds_cpu: float = field(compare=False)

    def __str__(self):
        return (
            f'{self.n_points} points beside {self.n_clean} clean rows, lambda '
            f'{self.lmbda:.3f}\nmean loss of the clean training rows: '
            f'{self.clean:.4f} without poison, {self.found:.4f} found, at '
            f'most {_rounded_up(self.bound, 4)} by any poison\n'
            + self.words())

    def words(self):
        """The worth of the certificate, in a sentence or two."""
        open_ = '' if self.gap <= .02 else (
            ', wide open: the truth may be far from either end')
        error = f'{_rounded_up(100 * self.error_bound, 1)}%'
        says = (f'; as an error rate it is vacuous: it allows {error}, no '
                'better than one class for all' if self.is_vacuous else
                f'; at most {error} of the clean rows are classified wrongly')
        harmless = '' if self.found > self.clean else (
            ' None of the poison that was tried does harm.')
        return (f'the bound of the training objective is within '
                f'{_rounded_up(max(0., 100 * self.gap), 1)}% of an attack by '
                f'weighted points{open_}{says}.{harmless}')


def _rounded_up(bound, decimals):
    """Text of an upper bound that is one itself."""
    return f'{math.ceil(bound * 10 ** decimals) / 10 ** decimals:.{decimals}f}'
