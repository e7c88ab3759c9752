"""Patches of secml's normalisers, where rounding becomes a feature, or where
their arithmetic is that of the rows' whole numbers or truth values."""
import functools

import numpy as np
from secml.array import CArray
from secml.ml.features import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerUnitNorm)


def constant_columns():
    """Rounding often gives equal numbers a deviation of 1e-17, not 0."""
    if CNormalizerMeanStd().fit(CArray([[.1]] * 3)).std.any():
        CNormalizerMeanStd._fit = _fit_mean_std


_mean_std_fit = CNormalizerMeanStd._fit


@functools.wraps(_mean_std_fit)
def _fit_mean_std(self, x, y=None):
    _mean_std_fit(self, x, y)
    if self.with_std and self._in_std is None:
        self._std[(x.max(axis=0) == x.min(axis=0)).ravel()] = 0.
        self._compute_w_and_b()
    return self


def unit_norm():
    """`1 / norm * x` may round a feature that is its row's norm to less than
    1: with norm='max' such a column varies by rounding, and a scaler after it
    makes that its scale. scikit-learn's is `x / norm`."""
    if CNormalizerUnitNorm('max').fit_transform(CArray([[49.]])).item() != 1.:
        CNormalizerUnitNorm._forward = _divide_by_norm


def _divide_by_norm(self, x):
    x_norm = self._compute_x_norm(x)
    if x.isdense:
        return x / x_norm
    rows = x.tocsr().astype(float)
    rows.data /= np.repeat(x_norm.tondarray().ravel(), np.diff(rows.indptr))
    return CArray(rows)


def min_max_dtype():
    """`max - min` and `-min` of whole numbers wrap, of bools they fail."""
    if CNormalizerMinMax().fit(CArray(np.array([[1]], 'u1'))).b.item() != -1:
        CNormalizerMinMax._fit = _fit_min_max


_min_max_fit = CNormalizerMinMax._fit


@functools.wraps(_min_max_fit)
def _fit_min_max(self, x, y=None):
    return _min_max_fit(self, _as_float64(x), y)


def unit_norm_dtype():
    """SciPy's norm of sparse rows squares small whole numbers, which wrap."""
    row = CArray(np.array([[16]], 'u1'), tosparse=True)
    if CNormalizerUnitNorm().fit_transform(row).todense().item() != 1.:
        CNormalizerUnitNorm._compute_x_norm = _norm_of_floats


_compute_x_norm = CNormalizerUnitNorm._compute_x_norm


@functools.wraps(_compute_x_norm)
def _norm_of_floats(self, x):
    return _compute_x_norm(self, _as_float64(x))


def _as_float64(x):
    """`x` in at least the precision that the attack works in."""
    return x.astype(np.promote_types(x.dtype, float))
