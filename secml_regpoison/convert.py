"""Between secml's arrays and datasets and the tensors of the core.

Labels are secml's outside, in increasing order. Inside they are -1 and +1, or
0, 1, ..., k - 1 for a classifier with a score for each of k classes.
"""
import numpy as np
import torch

from secml.array import CArray
from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerUnitNorm, CPreProcess)

from .core.preprocessing import Chain, MeanStd, MinMax, UnitNorm


def to_tensor(x, device='cpu'):
    """Dense float64 tensor of a `CArray`, dense or sparse.

    Sparse input becomes dense: after one step of the attack a poisoning
    point has no zero left. Always a copy: the array is the user's, and may
    be read-only, as joblib hands it to its workers. Row by row, whatever the
    order there: sums over another order differ in the last digit.
    """
    # torch has no long double
    return torch.tensor(np.ascontiguousarray(
        x.tondarray(), dtype=float), device=device)


def take_rows(x, rows):
    """Rows of a `CArray`, whose own format stays: secml's indexing by rows
    turns a sparse array from rows to columns, in place."""
    return (x.deepcopy() if x.issparse else x)[rows, :]


def to_float64(x):
    """A `CArray` in float64, itself if it is.

    secml's normalizers compute in the dtype of their input, where the squares
    of whole numbers of 8 bits, or of large float16, overflow without a word.
    """
    return x if x.dtype == float else x.astype(float)


def to_carray(x, sparse=False):
    """`CArray` of a tensor on any device."""
    x = CArray(x.detach().cpu().numpy())
    return x.tosparse() if sparse else x


def signs(y, classes, device='cpu'):
    """Labels among the two `classes`, as -1 and +1; shape (n,)."""
    high = torch.from_numpy(y.tondarray() == classes[1].item())
    return high.to(device, torch.float64).ravel().mul_(2).sub_(1)


def labels(y, classes):
    """The inverse of `signs`."""
    return labels_of_indices(y > 0, classes)


def indices(y, classes, device='cpu'):
    """Labels among the `classes`, as their numbers from 0; shape (n,)."""
    found = np.searchsorted(classes.tondarray(), y.tondarray().ravel())
    return torch.as_tensor(found, dtype=torch.float64, device=device)


def labels_of_indices(y, classes):
    """The inverse of `indices`."""
    return CArray([classes[int(index)].item() for index in y],
                  dtype=classes.dtype)


def feature_map(preprocess):
    """A fitted preprocess as the `transform` of a core `Problem`.

    It is ``x -> (phi(x), vjp)``, where ``vjp(g)`` is the chain rule
    ``J_phi(x_i)^T g_i``, row by row.
    """
    def transform(x):
        points = to_carray(x)

        def vjp(grad):
            rows = [preprocess.gradient(points[i, :], w=CArray(g))
                    for i, g in enumerate(grad.cpu().numpy())]
            return torch.cat([to_tensor(row, x.device).reshape(1, -1)
                              for row in rows])

        return to_tensor(preprocess.transform(points), x.device), vjp
    return transform


def as_refitted(preprocess):
    """The core's version of an unfitted preprocess of secml.

    Parameters
    ----------
    preprocess : CPreProcess, str or None
        `CNormalizerMeanStd`, `CNormalizerMinMax`, `CNormalizerUnitNorm`, or a
        chain of them; of a chain the innermost comes first. Or secml's name
        of one. None: nothing is done to the rows.

    Returns
    -------
    MeanStd, MinMax, UnitNorm, Chain or None
        None for another preprocess: only its class knows how it is fitted.
    """
    if isinstance(preprocess, str):
        preprocess = CPreProcess.create(preprocess)
    steps = []
    while preprocess is not None:
        make = _NORMALISERS.get(type(preprocess))
        if make is None:
            return None
        steps.insert(0, make(preprocess))
        preprocess = preprocess.preprocess
    return steps[0] if len(steps) == 1 else Chain(tuple(steps))


def _mean_std(normaliser):
    """`MeanStd`; given values are one, or one a channel of the features."""
    mean, std = normaliser._in_mean, normaliser._in_std
    return MeanStd(mean and torch.from_numpy(np.array(mean, dtype=float)),
                   std and torch.from_numpy(np.array(std, dtype=float)),
                   normaliser.with_std)


_NORMALISERS = {
    CNormalizerMeanStd: _mean_std,
    CNormalizerMinMax: lambda normaliser: MinMax(*normaliser.feature_range),
    CNormalizerUnitNorm: lambda normaliser: UnitNorm(normaliser.norm)}
