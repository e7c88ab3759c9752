"""The user's classifier on the poisoned data, and where poison started."""
import math

from secml.array import CArray
from secml.data import CDataset

from secml_regpoison import validation as checks
from . import settings
from secml_regpoison.convert import to_carray, to_float64


class RetrainingMixin:
    """What the attack's classifier is trained on, and a trained copy."""

    def poisoned_data(self, adv_ds):
        """What the classifier is trained on: clean rows, then the poison.

        Parameters
        ----------
        adv_ds : CDataset
            Poison as `run` returns it.

        Returns
        -------
        CDataset

        """
        data = self._prepare()
        checks.check_poison('adv_ds', adv_ds, self)
        settings.check_clean_rows_left('adv_ds', adv_ds.num_samples, data)
        kept = data.clean_rows(adv_ds.num_samples)
        return self._append(kept, adv_ds.X, adv_ds.Y)

    def starting_points(self, adv_ds):
        """Where the points of `adv_ds` started, shape (p, d).

        Parameters
        ----------
        adv_ds : CDataset
            Poison as `run` returns it, whole.

        Returns
        -------
        CArray
            Validation points, clipped to the box.

        Raises
        ------
        TypeError, ValueError
            If it is not the poison of such an attack.

        """
        data = self._prepare()
        checks.check_poison('adv_ds', adv_ds, self)
        starts = getattr(adv_ds.header, 'starts', ())
        checks.check('adv_ds.header.starts', starts,
                     len(starts) == adv_ds.num_samples,
                     f'a row for each of {adv_ds.num_samples} points',
                     ' Pass the whole poison, as `run` returned it.')
        x = data.x_val[list(starts)]
        return to_carray(x.clamp(*data.bounds(self.lb, self.ub, x)),
                         self.training_data.issparse)

    def _append(self, kept, xc, yc):
        tr = self.training_data
        clean = CDataset(to_float64(tr.X[CArray(kept), :]),
                         tr.Y[CArray(kept)])
        return clean.append(CDataset(xc, yc)) if xc.shape[0] else clean

    def _retrained(self, data):
        """A copy of the user's classifier, trained on the poisoned data."""
        clf = self.classifier.deepcopy()
        if self.learn_lmbda:
            clf.C = math.exp(-self.lmbda)
        if clf.random_state is None:
            # liblinear's solver for this loss draws nothing, but scikit-learn
            # would still draw a seed for it from NumPy's global generator
            clf.random_state = 0
        tr = self._append(data.clean_rows(self.xc.shape[0]), self.xc, self.yc)
        return clf.fit(tr.X, tr.Y)
