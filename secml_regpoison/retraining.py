"""The user's classifier on the poisoned data."""
import math

from secml.array import CArray
from secml.data import CDataset

from . import checks, settings


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
        settings.check_kept('adv_ds', adv_ds.num_samples, data)
        kept = data.kept_rows(adv_ds.num_samples)
        return self._append(kept, adv_ds.X, adv_ds.Y)

    def _append(self, kept, xc, yc):
        tr = self.training_data
        clean = CDataset(tr.X[CArray(kept), :], tr.Y[CArray(kept)])
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
        tr = self._append(data.kept_rows(self.xc.shape[0]), self.xc, self.yc)
        return clf.fit(tr.X, tr.Y)
