"""The user's classifier on the poisoned data, and where poison started."""
import math

from secml.array import CArray
from secml.data import CDataset

from secml_regpoison.convert import to_carray, to_float64
from secml_regpoison.validation import check, check_number, check_poison
from . import settings


def poisoned_data(attack, data, adv_ds):
    """The clean rows that stay beside the points of `adv_ds`, then those."""
    rows = CArray(data.clean_rows(adv_ds.num_samples))
    tr = attack.training_data
    clean = CDataset(to_float64(tr.X[rows, :]), tr.Y[rows])
    return clean.append(CDataset(adv_ds.X, adv_ds.Y)) \
        if adv_ds.num_samples else clean


def fit_classifier(attack, data, adv_ds):
    """A copy of the user's classifier, trained on the poisoned data."""
    clf = attack.classifier.deepcopy()
    if attack.learn_lmbda:
        lmbda = getattr(adv_ds.header, 'lmbda', None)
        check_number('adv_ds.header.lmbda', lmbda, math.isfinite,
                     'a finite number')
        clf.C = math.exp(-lmbda)
    if clf.random_state is None:
        # liblinear's solver for this loss draws nothing, but scikit-learn
        # would still draw a seed for it from NumPy's global generator
        clf.random_state = 0
    tr = poisoned_data(attack, data, adv_ds)
    return clf.fit(tr.X, tr.Y)


def starting_points(attack, data, adv_ds):
    """The validation points of ``adv_ds.header.starts``, clipped."""
    starts = getattr(adv_ds.header, 'starts', ())
    check('adv_ds.header.starts', starts, len(starts) == adv_ds.num_samples,
          f'a row for each of {adv_ds.num_samples} points',
          ' Pass the whole poison, as `run` returned it.')
    x = data.x_val[list(starts)]
    return to_carray(x.clamp(*data.bounds(attack.lb, attack.ub, x)),
                     attack.training_data.issparse)


def check_adv_ds(attack, data, adv_ds):
    """Poison that clean rows of both classes can stay beside."""
    check_poison('adv_ds', adv_ds, attack)
    settings.check_clean_rows_left('adv_ds', adv_ds.num_samples, data)
