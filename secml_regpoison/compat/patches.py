"""Patches of failures in secml 0.15.6 after its import, one for each cause.

Applied by `compat.apply`. Each patch tests for its cause, not for a version,
rebinds names in one of secml's own modules or classes, and is idempotent.
"""
import functools
import inspect
import warnings

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
import sklearn.linear_model
import sklearn.svm
from matplotlib.scale import LogScale
from secml.adv.attacks.poisoning import CAttackPoisoning
from secml.array import CArray, c_dense
from secml.array.c_dense import CDense
from secml.array.c_sparse import CSparse
from secml.core import type_utils
from secml.data import CDatasetHeader
from secml.figure._plots import CPlot
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.classifiers.sklearn import (
    c_classifier_logistic, c_classifier_sgd, c_classifier_svm)

from .normalizer_patches import (
    constant_columns, min_max_dtype, unit_norm, unit_norm_dtype)
from .patching import dropped_arguments, fails_or_warns, overlay


def text_type():
    """NumPy 2 dropped `np.unicode_`; it always was `np.str_`."""
    if not hasattr(np, 'unicode_'):
        overlay(type_utils, 'np', unicode_=np.str_)


def array_copy():
    """Since NumPy 2, `np.array(copy=False)` fails where a copy is needed.

    secml means "copy only if needed", which is now `copy=None`.
    """
    if fails_or_warns(np.array, [0.], copy=False):
        overlay(c_dense, 'np', array=_array)


def _array(data, copy=True, **kwargs):
    return np.array(data, copy=copy or None, **kwargs)


def unique_inverse():
    """NumPy 2 gives the inverse of `np.unique` the input's shape."""
    if np.unique([[0]], return_inverse=True)[1].ndim != 1:
        overlay(c_dense, 'np', unique=_unique)


def _unique(*args):
    found = np.unique(*args)
    return tuple(map(np.ravel, found)) if isinstance(found, tuple) else found


def sparse_division():
    """In SciPy 1.11 sparse / dense is sparse; secml expects dense."""
    quotient = scipy.sparse.csr_matrix([[1.]]) / np.ones((1, 1))
    if scipy.sparse.issparse(quotient):
        CSparse.__truediv__ = _truediv


_sparse_truediv = CSparse.__truediv__


@functools.wraps(_sparse_truediv)
def _truediv(self, other):
    return CDense(self.tondarray()) / other if isinstance(
        other, CDense) else _sparse_truediv(self, other)


def sparse_and():
    """NumPy 2.4 refuses `int` of an array of one element, which secml uses.

    With it secml's sparse `logical_and` drops the decimals of the second
    array: 0.5 counts as False. The patch keeps that result.
    """
    if fails_or_warns(int, np.ones(1)):
        CSparse.logical_and = _logical_and


def _logical_and(self, array):
    if self.shape != array.shape:
        raise ValueError(f'array to compare must have shape {self.shape}')
    first, second = self.tocsr(), array.tocsr().astype(int)
    both = first.astype(bool).multiply(second.astype(bool))
    both.eliminate_zeros()
    return CSparse(both)


def logistic_arguments():
    """scikit-learn 1.8 dropped `multi_class` and deprecates `penalty`.

    secml passes 'ovr' and 'l2', which are liblinear's defaults.
    """
    if dropped_arguments(sklearn.linear_model.LogisticRegression,
                         'multi_class', 'penalty'):
        c_classifier_logistic.LogisticRegression = _logistic_regression


def _logistic_regression(multi_class, penalty, **kwargs):
    return sklearn.linear_model.LogisticRegression(**kwargs)


def logistic_jobs():
    """scikit-learn 1.8 warns about any `n_jobs`; secml always sets it to 1."""
    model = sklearn.linear_model.LogisticRegression(
        solver='liblinear', n_jobs=1)
    if fails_or_warns(model.fit, [[0.], [1.]], [0, 1]):
        CClassifierLogistic._fit = _fit_without_jobs


_fit = CClassifierLogistic._fit


@functools.wraps(_fit)
def _fit_without_jobs(self, x, y):
    n_jobs = self.n_jobs
    self._sklearn_model.set_params(n_jobs=None)
    try:
        return _fit(self, x, y)
    finally:
        self._sklearn_model.set_params(n_jobs=n_jobs)


def sgd_loss():
    """scikit-learn 1.3 renamed SGDClassifier's loss 'log' to 'log_loss'."""
    if 'log' not in sklearn.linear_model.SGDClassifier.loss_functions:
        overlay(c_classifier_sgd, 'linear_model',
                SGDClassifier=_sgd_classifier)


def _sgd_classifier(loss, **kwargs):
    return sklearn.linear_model.SGDClassifier(
        loss='log_loss' if loss == 'log' else loss, **kwargs)


def svm_seed():
    """secml's SVM has no seed: scikit-learn draws one from NumPy's global
    generator, and libsvm does not use it."""
    if c_classifier_svm.SVC is sklearn.svm.SVC:
        c_classifier_svm.SVC = functools.partial(
            sklearn.svm.SVC, random_state=0)


def poisoning_solve():
    """SciPy 1.11 dropped `linalg.solve(sym_pos=)` for `assume_a=`."""
    if dropped_arguments(scipy.linalg.solve, 'sym_pos'):
        CAttackPoisoning._compute_grad_solve = _compute_grad_solve


def _compute_grad_solve(self, G, H, grad_loss_params, sym_pos=True):
    v = scipy.linalg.solve(H.tondarray(), grad_loss_params.tondarray(),
                           assume_a='pos' if sym_pos else 'gen')
    return -G.dot(CArray(v)).ravel()


def poisoning_iterative_solve():
    """SciPy 1.12 renamed `cg`'s `tol` to `rtol`."""
    if 'rtol' in inspect.signature(scipy.sparse.linalg.cg).parameters:
        CAttackPoisoning._compute_grad_solve_iterative = \
            _compute_grad_solve_iterative


def _compute_grad_solve_iterative(self, G, H, grad_loss_params, tol=1e-6):
    x_0 = None if self._warm_start is None else self._warm_start.tondarray()
    v, not_converged = scipy.sparse.linalg.cg(
        H.tondarray(), grad_loss_params.tondarray(), rtol=tol, x0=x_0)
    if not_converged:
        warnings.warn('Convergence of poisoning algorithm not reached!')
    self._warm_start = CArray(v.ravel())
    return -G.dot(self._warm_start.T).ravel()


def log_scales():
    """Matplotlib 3.5 dropped `nonposx` and `basex` from its axis scales."""
    if dropped_arguments(LogScale, 'nonposx'):
        CPlot.xscale = _xscale
        CPlot.yscale = _yscale


def _xscale(self, scale_type, nonposx='mask', basex=10, **kwargs):
    self._sp.set_xscale(
        scale_type, **_scale_arguments(scale_type, nonposx, basex), **kwargs)


def _yscale(self, scale_type, nonposy='mask', basey=10, **kwargs):
    self._sp.set_yscale(
        scale_type, **_scale_arguments(scale_type, nonposy, basey), **kwargs)


def _scale_arguments(scale_type, nonpositive, base):
    known = {'log': {'nonpositive': nonpositive, 'base': base},
             'symlog': {'base': base}, 'logit': {'nonpositive': nonpositive}}
    return known.get(scale_type, {})


def ticks_of_one_value():
    """secml looks the ticks up by a bisection, whose answer for one tick is a
    number without `tolist`, and which needs values in order."""
    if CPlot.get_xticks_idx is _get_xticks_idx:
        CPlot.get_xticks_idx = _nearest_to_ticks


_get_xticks_idx = CPlot.get_xticks_idx


@functools.wraps(_get_xticks_idx)
def _nearest_to_ticks(self, xticks):
    values = CArray(xticks).tondarray().ravel()
    return [int(np.abs(values - tick).argmin())
            for tick in self._sp.get_xticks()]


def header_append():
    """secml asks only the first of two headers how they are joined.

    A header with a method `append_to` answers also where it is the second, as
    the right operand of a subclass does in Python.
    """
    if CDatasetHeader.append is _header_append:
        CDatasetHeader.append = _append_header


_header_append = CDatasetHeader.append


@functools.wraps(_header_append)
def _append_header(self, header):
    append_to = getattr(type(header), 'append_to', None)
    return _header_append(self, header) if append_to is None \
        else append_to(header, self)


PATCHES = (
    text_type, array_copy, unique_inverse, sparse_division, sparse_and,
    logistic_arguments, logistic_jobs, sgd_loss, svm_seed,
    poisoning_solve, poisoning_iterative_solve, log_scales, constant_columns,
    unit_norm, min_max_dtype, unit_norm_dtype, ticks_of_one_value,
    header_append)
