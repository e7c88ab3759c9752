"""What stock secml does on a stack that it supports: a probe for each patch.

A module of its own, because test_compat.py runs the probes in fresh
interpreters, before and after each patch. Each probe is named after its patch,
needs only the patches before its own, and fails by raising.
"""
import warnings

import numpy as np


def text_type():
    from secml.core.type_utils import is_str, to_builtin
    assert is_str(np.str_('a')) and not is_str(1.)
    assert type(to_builtin(np.str_('a'))) is str


def array_copy():
    from secml.array import CArray
    data = np.zeros(2)
    shared, copied = CArray(data), CArray(data, copy=True)
    data[0] = 7
    assert shared[0] == 7 and copied[0] == 0
    assert CArray([1, 2], dtype=float).dtype == float


def unique_inverse():
    from secml.array import CArray
    values, inverse = CArray([[2, 1], [2, 3]]).unique(return_inverse=True)
    assert values.tolist() == [1, 2, 3]
    assert inverse.tolist() == [1, 0, 1, 2]
    assert CArray([[2, 1], [2, 3]]).unique().tolist() == [1, 2, 3]


def sparse_division():
    from secml.array import CArray
    with np.errstate(invalid='ignore'):
        ratio = CArray([[2., 0.]], tosparse=True) / CArray([[4., 0.]])
    assert ratio.isdense
    np.testing.assert_array_equal(ratio.tondarray(), [[0.5, np.nan]])
    by_sparse = CArray([[2., 3.]]).tosparse() / CArray([[4., 6.]]).tosparse()
    assert by_sparse.tolist() == [[0.5, 0.5]]


def sparse_and():
    from secml.array import CArray
    a = CArray([[1, 0, 2, 0.5]], tosparse=True)
    b = CArray([[3, 4, 0, 0.5]], tosparse=True)
    assert a.logical_and(b).tolist() == [[True, False, False, False]]
    assert a.logical_and(b).issparse


def logistic_arguments():
    # scikit-learn warns of a deprecated argument when it fits.
    warnings.filterwarnings('ignore', "'n_jobs' has no effect")
    assert _fitted_logistic().C == 2.


def logistic_jobs():
    assert _fitted_logistic().n_jobs == 1


def _fitted_logistic():
    from secml.array import CArray
    from secml.ml.classifiers import CClassifierLogistic
    return CClassifierLogistic(C=2.).fit(
        CArray([[0.], [1.], [2.]]), CArray([0, 1, 1]))


def sgd_loss():
    from secml.array import CArray
    from secml.ml.classifiers import CClassifierSGD
    x, y = CArray([[0.], [1.]]), CArray([0, 1])
    for loss in ('log', 'hinge'):
        clf = CClassifierSGD(loss, 'l2', alpha=1e-3, random_state=0)
        assert clf.fit(x, y).predict(x).tolist() == [0, 1]


def _linear_system(solve, **kwargs):
    """-G H^-1 g by one of secml's solvers; H = diag(2, 4), not a multiple."""
    from secml.array import CArray
    got = solve(CArray([[1., 2.], [3., 4.]]), CArray([[2., 0.], [0., 4.]]),
                CArray([[1.], [2.]]), **kwargs)
    np.testing.assert_allclose(got.tondarray().ravel(), [-1.5, -3.5])


def _attack():
    from secml.adv.attacks.poisoning import CAttackPoisoningRidge
    attack = object.__new__(CAttackPoisoningRidge)
    attack._warm_start = None
    return attack


def poisoning_solve():
    _linear_system(_attack()._compute_grad_solve)
    _linear_system(_attack()._compute_grad_solve, sym_pos=False)


def poisoning_iterative_solve():
    attack = _attack()
    _linear_system(attack._compute_grad_solve_iterative, tol=1e-12)
    assert attack._warm_start.tolist() == [0.5, 0.5]
    _linear_system(attack._compute_grad_solve_iterative, tol=1e-12)


def log_scales():
    from secml.figure import CFigure
    figure = CFigure()
    figure.sp.xscale('log', basex=2)
    figure.sp.yscale('symlog')
    axes = figure.sp._sp
    assert (axes.get_xscale(), axes.get_yscale()) == ('log', 'symlog')
    assert axes.xaxis.get_transform().base == 2
    figure.sp.xscale('linear')
    figure.close()


def svm_seed():
    from secml.array import CArray
    from secml.ml.classifiers import CClassifierSVM
    before = np.random.get_state()
    clf = CClassifierSVM().fit(CArray([[0.], [2.]]), CArray([0, 1]))
    assert [clf.w.item(), clf.b] == [1, -1]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert np.random.get_state()[2] == before[2]


def constant_columns():
    from secml.array import CArray
    from secml.ml.features import CNormalizerMeanStd
    x = np.c_[np.full(3, .1), np.zeros(3), np.full(3, -1 / 3), [0., 1., 2.]]
    for rows in (CArray(x), CArray(x).tosparse()):
        fitted = CNormalizerMeanStd().fit(rows)
        assert fitted.std[:3].tolist() == [0, 0, 0]
        np.testing.assert_allclose(fitted.std[3].item(), np.sqrt(2 / 3))
        np.testing.assert_allclose(
            fitted.transform(rows + CArray([1., 0., 0., 0.])).tondarray()
            if rows.isdense else fitted.transform(rows).tondarray(),
            np.c_[np.full(3, float(rows.isdense)), np.zeros((3, 2)),
                  np.array([-1, 0, 1]) * np.sqrt(1.5)], atol=1e-15)
    assert CNormalizerMeanStd(.5, .2).fit(CArray(x)).std.tolist() == [.2] * 4
    assert CNormalizerMeanStd(with_std=False).fit(CArray(x)).std.size == 1


def unit_norm():
    from secml.array import CArray
    from secml.ml.features import CNormalizerUnitNorm
    from sklearn.preprocessing import Normalizer
    x = np.random.default_rng(0).normal(size=(60, 4)) * [1., 2., 99., 0.]
    x[0] = 0.
    for norm in ('max', 'l1', 'l2'):
        expected = Normalizer(norm).transform(x)
        for rows in (CArray(x), CArray(x).tosparse()):
            before = rows.deepcopy()
            found = CNormalizerUnitNorm(norm).fit_transform(rows)
            assert found.issparse is rows.issparse
            np.testing.assert_allclose(found.tondarray(), expected,
                                       rtol=1e-15)
            # the largest is 1, exactly
            assert norm != 'max' or (abs(
                found.tondarray()[1:]).max(axis=1) == 1).all()
            assert (rows.tondarray() == before.tondarray()).all()


def min_max_dtype():
    from secml.array import CArray
    from secml.ml.features import CNormalizerMinMax
    for dtype, x in (('u1', [[3, 0], [5, 0]]), ('i1', [[-100, 7], [100, 8]]),
                     (bool, [[0, 1], [1, 1]]), (float, [[-.5, 1], [.5, 1]])):
        for sparse in (False, True):
            rows = CArray(np.array(x, dtype), tosparse=sparse)
            found = CNormalizerMinMax((-1, 1)).fit_transform(rows)
            expected = np.interp(np.array(x, float)[:, 0], *zip(
                (x[0][0], -1), (x[1][0], 1)))
            np.testing.assert_allclose(found.tondarray()[:, 0], expected)
            assert found.max() <= 1 and found.min() >= -1
            assert rows.dtype == dtype and rows.issparse is sparse


def unit_norm_dtype():
    from secml.array import CArray
    from secml.ml.features import CNormalizerUnitNorm
    x = np.array([[16, 0, 100], [-100, 30, 0], [-128, 1, 0]])
    for dtype in ('i1', 'i2', 'i8', float):
        for sparse in (False, True):
            rows = CArray(x.astype(dtype), tosparse=sparse)
            for norm, order in (('l2', 2), ('l1', 1), ('max', np.inf)):
                found = CNormalizerUnitNorm(norm).fit_transform(rows)
                np.testing.assert_allclose(found.tondarray(), x / (
                    np.linalg.norm(x, order, axis=1, keepdims=True)))


def passes(name):
    """Whether a probe passes without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        # secml itself leaves files open, on every stack.
        warnings.simplefilter('ignore', ResourceWarning)
        try:
            globals()[name]()
        except Exception:
            return False
    return True


def ticks_of_one_value():
    from secml.array import CArray
    from secml.figure import CFigure
    figure = CFigure()
    for values, ticks, places in (([5], [5], [0]), ([6, 3, 0], [0, 3], [2, 1]),
                                  ([0., .4, 1.], [.3, 1.], [1, 2])):
        figure.sp.xticks(CArray(ticks))
        assert figure.sp.get_xticks_idx(CArray(values)) == places
    figure.close()


def header_append():
    from secml.data import CDatasetHeader

    class Second(CDatasetHeader):
        def append_to(self, header):
            return CDatasetHeader(ids=(header.ids, self.ids))

    first, second = CDatasetHeader(ids=1), Second(ids=2)
    assert first.append(second).ids == (1, 2)
    assert first.append(CDatasetHeader(ids=1, more=3)).more == 3
