"""secml's arrays, labels and preprocesses to tensors and back."""
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from secml_regpoison.convert import (
    as_refitted, feature_map, labels, signs, to_carray, to_tensor)

from secml.array import CArray
from secml.ml.features.normalization import (
    CNormalizerMeanStd, CNormalizerMinMax, CNormalizerTFIDF,
    CNormalizerUnitNorm)

X = np.array([[0., .25, 3.], [-1., 0., 2.]])


@pytest.mark.parametrize('sparse', [False, True])
@pytest.mark.parametrize('dtype', [
    np.longdouble, np.float64, np.float32, np.int64, np.int32, bool])
def test_any_array_becomes_a_dense_float64_tensor(sparse, dtype):
    x = X.astype(dtype)
    tensor = to_tensor(CArray(x, tosparse=sparse))
    assert tensor.dtype == torch.float64 and tensor.layout == torch.strided
    assert_array_equal(tensor.numpy(), x.astype(float))


@pytest.mark.parametrize('shape', [(0, 3), (1, 3), (2, 1), (3,)])
@pytest.mark.parametrize('sparse', [False, True])
def test_round_trip_keeps_shape_and_bits(shape, sparse):
    x = torch.rand(shape, dtype=torch.float64,
                   generator=torch.Generator().manual_seed(0))
    array = to_carray(x, sparse)
    assert array.issparse is sparse
    assert array.shape == ((1, 3) if sparse and len(shape) == 1 else shape)
    assert_array_equal(to_tensor(array).reshape(shape).numpy(), x.numpy())


@pytest.mark.filterwarnings('error')
def test_tensor_is_a_copy():
    """Writing to it leaves the array, and a read-only array is no trouble,
    nor a warning."""
    x = X.copy()
    x.flags.writeable = False
    tensor = to_tensor(CArray(x))
    tensor.zero_()
    assert_array_equal(x, X)


def test_carray_of_a_tensor_with_a_graph():
    x = torch.ones(2, 2, requires_grad=True) * 3
    assert_array_equal(to_carray(x).tondarray(), np.full((2, 2), 3.))


def test_a_column_of_a_transposed_tensor():
    """Not contiguous, and still in the right order."""
    x = torch.arange(6.).reshape(2, 3).T
    assert_array_equal(to_carray(x).tondarray(), [[0, 3], [1, 4], [2, 5]])


@pytest.mark.parametrize('classes', [
    (0, 1), (-1, 1), (3, 8), (8, 12), (-2., .5), (False, True)])
def test_labels_are_signs_inside(classes):
    """The smaller is -1, whatever comes first."""
    y = CArray([classes[1], classes[0], classes[0], classes[1]])
    inside = signs(y, CArray(classes))
    assert inside.dtype == torch.float64
    assert inside.tolist() == [1, -1, -1, 1]
    back = labels(inside, CArray(classes))
    assert back.tolist() == y.tolist() and back.dtype == y.dtype


def test_no_labels():
    none = signs(CArray([]), CArray([0, 1]))
    assert none.shape == (0,) and none.dtype == torch.float64
    assert labels(none, CArray([0, 1])).size == 0


@pytest.mark.parametrize('preprocess', [
    CNormalizerMinMax(feature_range=(-1., 4.)), CNormalizerMeanStd(),
    CNormalizerUnitNorm(), CNormalizerTFIDF(),
    CNormalizerMinMax(preprocess=CNormalizerUnitNorm())],
    ids=['min-max', 'mean-std', 'unit-norm', 'tf-idf', 'chain'])
def test_feature_map_and_its_chain_rule(preprocess):
    """``vjp`` against central differences, row by row."""
    rng = np.random.default_rng(0)
    preprocess.fit(CArray(rng.random((20, 3))))
    x = torch.as_tensor(.1 + rng.random((4, 3)))
    grad = torch.as_tensor(rng.normal(size=(4, 3)))
    transform = feature_map(preprocess)
    phi, vjp = transform(x)
    assert phi.dtype == torch.float64
    assert_array_equal(phi.numpy(), preprocess.transform(
        CArray(x.numpy())).tondarray())
    pulled = vjp(grad)
    assert pulled.shape == (4, 3)
    h = 1e-5
    for j in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[j] = h
        slope = (transform(x + step)[0] - transform(x - step)[0]) / (2 * h)
        assert_allclose(pulled[:, j].numpy(), (slope * grad).sum(1).numpy(),
                        rtol=1e-6, atol=1e-9)


def test_chain_rule_of_one_point_with_one_feature():
    preprocess = CNormalizerMinMax(feature_range=(0., 2.)).fit(
        CArray([[1.], [5.]]))
    phi, vjp = feature_map(preprocess)(torch.full(
        (1, 1), 2., dtype=torch.float64))
    assert phi.tolist() == [[.5]]
    assert vjp(torch.ones(1, 1, dtype=torch.float64)).tolist() == [[.5]]


PIPELINES = {
    'mean-std': CNormalizerMeanStd(),
    'mean': CNormalizerMeanStd(with_std=False),
    'given': CNormalizerMeanStd((.5, .1), (.2, .4)),
    'given scalar': CNormalizerMeanStd(.5, .2),
    'min-max': CNormalizerMinMax(),
    'min-max to (-1, 2)': CNormalizerMinMax((-1, 2)),
    'l1': CNormalizerUnitNorm('l1'), 'l2': CNormalizerUnitNorm('l2'),
    'max': CNormalizerUnitNorm('max'),
    'mean-std, l2': CNormalizerUnitNorm(preprocess=CNormalizerMeanStd()),
    'l1, min-max': CNormalizerMinMax(
        preprocess=CNormalizerUnitNorm('l1')),
    'min-max, mean-std': CNormalizerMeanStd(preprocess='min-max'),
    'three': CNormalizerUnitNorm('max', preprocess=CNormalizerMeanStd(
        preprocess=CNormalizerMinMax((-3, 1))))}


@pytest.mark.parametrize('name', PIPELINES)
def test_refitted_pipelines_are_those_of_secml(name):
    """With ends that are tied, and a row of zeros."""
    rng = np.random.default_rng(1)
    x, other = rng.normal(3., 2., (30, 6)), rng.normal(size=(8, 6))
    x[:, 1], x[4] = np.sign(x[:, 1]) + 1, 0.
    preprocess = PIPELINES[name].deepcopy()
    transform = as_refitted(preprocess).fit(torch.as_tensor(x))
    preprocess.fit(CArray(x), CArray(np.arange(30) % 2))
    for rows in (x, other):
        assert_allclose(transform(torch.as_tensor(rows)).numpy(),
                        preprocess.transform(CArray(rows)).tondarray(),
                        rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('name, fits_std, fits_scale', [
    ('mean-std', True, True), ('min-max', False, True),
    ('unit-norm', False, False), (None, False, False)])
def test_secmls_names_of_preprocesses_will_do(name, fits_std, fits_scale):
    found = as_refitted(name)
    assert (found.fits_std, found.fits_scale) == (fits_std, fits_scale)


def test_another_preprocess_has_no_refitted_version():
    assert as_refitted(CNormalizerTFIDF()) is None
    assert as_refitted(CNormalizerMinMax(
        preprocess=CNormalizerTFIDF())) is None
