"""The training objective of the squared hinge, and its derivatives."""
import numpy as np
import pytest

from attack_problems import clouds
from secml_regpoison import (
    CClassifierLogisticTorch, CClassifierSoftmaxTorch, CClassifierSVMTorch)
from secml.array import CArray

D = 5


def objective(u, x, y, lmbda):
    """``mean max(0, 1 - m)^2 + exp(lmbda)/(2 n) ||u||^2``, bias included."""
    hinge = np.maximum(0, 1 - (2 * y - 1) * (x @ u[:-1] + u[-1]))
    return (hinge ** 2).mean() + np.exp(lmbda) / (2 * len(y)) * (u @ u)


def differences(fun, u, step=1e-6):
    """Central differences of a function of `u`."""
    return np.array([(fun(u + e) - fun(u - e)) / (2 * step)
                     for e in step * np.eye(len(u))])


@pytest.mark.parametrize('preprocess', [None, 'min-max'])
def test_objective_and_derivatives(preprocess):
    data = clouds(60, 1, d=D, labels=(3, 8))
    clf = CClassifierSVMTorch(lmbda=2., preprocess=preprocess).fit(
        data.X, data.Y)
    x = (data.X if preprocess is None
         else clf.preprocess.transform(data.X)).tondarray()
    y = (data.Y.tondarray() == 8).astype(int)
    clf._w, clf._b = CArray(np.linspace(-1, 1, D)), .3  # not at the optimum
    u = np.r_[clf.w.tondarray().ravel(), clf.b]
    assert clf.objective(data.X, data.Y) == pytest.approx(
        objective(u, x, y, 2.), rel=1e-12)

    def gradient(v):
        clf._w, clf._b = CArray(v[:-1]), float(v[-1])
        return clf.grad_tr_params(data.X, data.Y).tondarray().sum(1)
    np.testing.assert_allclose(gradient(u), differences(
        lambda v: objective(v, x, y, 2.), u), atol=1e-8)
    expected = differences(gradient, u)
    gradient(u)  # back to u
    np.testing.assert_allclose(clf.hessian_tr_params(
        data.X, data.Y).tondarray(), expected, atol=1e-6)
    np.testing.assert_allclose(
        clf.grad_loss_params(data.X, data.Y).tondarray().sum(1),
        differences(lambda v: objective(v, x, y, -np.inf), u), atol=1e-8)
    assert clf.loss.class_type == 'hinge-squared'


@pytest.mark.parametrize('kind', [
    CClassifierLogisticTorch, CClassifierSoftmaxTorch, CClassifierSVMTorch])
def test_each_kind_takes_all_settings(kind):
    settings = {'lmbda': 2., 'device': 'cpu', 'dtype': 'float32'}
    clf = kind(preprocess='min-max', **settings)
    assert {name: getattr(clf, name) for name in settings} == settings
    assert clf.preprocess.class_type == 'min-max'
