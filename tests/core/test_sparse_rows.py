"""Sparse fixed rows: the numbers of dense ones, memory of the non-zeros."""
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core_problems import FORMS, compare, make
from secml_regpoison.core import Problem, hypergradient, solve
from secml_regpoison.core.coordinates import (
    KernelCoordinates, PrimalCoordinates, make_coordinates, signed_rows)
from secml_regpoison.core.coordinates.rows import bias_column
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.softmax_model import SoftmaxModel

pytestmark = pytest.mark.filterwarnings('ignore:Sparse CSR tensor support')


def pair(**sizes):
    """A problem with three fifths of its features 0, one row all 0, dense
    and sparse, points and labels."""
    dense, x_p, y_p = make(**sizes)
    for x in (dense.x_tr, dense.x_val):
        x[x.abs() < .8] = 0.
        x[1] = 0.
    dense = Problem(dense.x_tr, dense.y_tr, dense.x_val, dense.y_val)
    sparse = Problem(dense.x_tr.to_sparse_csr(), dense.y_tr,
                     dense.x_val.to_sparse_csr(), dense.y_val)
    return dense, sparse, x_p, y_p


def test_signed_rows():
    dense, sparse, _, _ = pair()
    assert torch.equal(sparse.rows_tr.to_dense(), dense.rows_tr)
    assert torch.equal(bias_column(sparse.rows_tr), -dense.y_tr)
    torch.testing.assert_close(sparse.gram, dense.gram)
    assert sparse.top_eigenvalue == pytest.approx(dense.top_eigenvalue)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'implicit'))
@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-8),
                                         (torch.float32, 1e-4)])
def test_hypergradients_are_those_of_dense_rows(form, method, dtype, rtol):
    # 'implicit' ends at 1e-8 or 1e-5 of the first gradient
    dense, sparse, x_p, y_p = pair(n=30, d=20, dtype=dtype)
    expected = hypergradient(dense, x_p, y_p, 1., method, form=form)
    found = hypergradient(sparse, x_p, y_p, 1., method, form=form)
    for got, want in zip(found, expected):
        compare(got, want, rtol)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'implicit'))
@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-8),
                                         (torch.float32, 1e-4)])
def test_those_of_several_classes_too(form, method, dtype, rtol):
    """Ended in an error; float32 by 'implicit' would not have ended."""
    problems = pair(n=30, d=20, dtype=dtype)[:2]
    y, x_p = torch.arange(30).to(dtype) % 4, make(d=20, dtype=dtype)[1]
    dense, sparse = (replace(
        problem, y_tr=y, y_val=y[:len(problem.y_val)], n_classes=4)
        for problem in problems)
    expected, found = (hypergradient(
        problem, x_p, y[:len(x_p)], 1., method, form=form, model=SoftmaxModel)
        for problem in (dense, sparse))
    for got, want in zip(found, expected):
        compare(got, want, rtol)


def test_attacks_are_those_of_dense_rows():
    dense, sparse, x_p, y_p = pair(n=30, d=20)
    ends = [solve(problem, x_p, y_p, 0., n_outer=4)
            for problem in (dense, sparse)]
    compare(ends[1].x_p, ends[0].x_p, 1e-8)
    assert ends[1].value == pytest.approx(ends[0].value, rel=1e-8)


def test_the_cheaper_coordinates_are_counted_in_non_zeros():
    for d, kind in ((2000, PrimalCoordinates), (40000, KernelCoordinates)):
        x = torch.eye(200, d, dtype=torch.float64)
        y = torch.ones(200, dtype=torch.float64)
        x[:, ::100] += 1.
        problem = Problem(x.to_sparse_csr(), y, x[:9], y[:9])
        assert isinstance(make_coordinates(
            problem, signed_rows(x[:1], y[:1]), L2(0., 201)), kind)


@pytest.mark.parametrize('arguments, match', [
    ({'preprocess': MeanStd()}, '`preprocess` must be None with sparse rows'),
    ({'x_val': torch.eye(5, dtype=torch.float64).to_sparse_coo()},
     '`x_val` must be dense or torch.sparse_csr, got torch.sparse_coo')])
def test_refusals(arguments, match):
    x, y = torch.eye(5, dtype=torch.float64), torch.ones(
        5, dtype=torch.float64)
    arguments = {'x_tr': x.to_sparse_csr(), 'y_tr': y, 'x_val': x,
                 'y_val': y, **arguments}
    with pytest.raises(ValueError, match=match):
        Problem(**arguments)


def test_sparse_points_and_fmd_are_refused():
    dense, sparse, x_p, y_p = pair()
    with pytest.raises(ValueError, match='`x_p` must be dense'):
        hypergradient(sparse, x_p.to_sparse_csr(), y_p, 0.)
    refused = pytest.raises(ValueError, match="'implicit' with sparse rows")
    with refused:
        hypergradient(sparse, x_p, y_p, 0., 'fmd')
    trained = []
    with refused:  # before the first derivative is read
        solve(sparse, x_p, y_p, 0., method='fmd', learn_lmbda=False,
              callback=trained.append)
    assert not trained
    # of the validation rows no tangent is taken
    half = Problem(dense.x_tr, dense.y_tr, sparse.x_val, sparse.y_val)
    for got, expected in zip(*(hypergradient(problem, x_p, y_p, 0., 'fmd')
                               for problem in (half, dense))):
        compare(got, expected, 1e-12)


def _peak_of_large_rows():
    """MB that hypergradients with 800 rows of 100,000 columns take."""
    d, n, m, per_row = 100_000, 800, 200, 1000
    rng = torch.Generator().manual_seed(0)

    def rows(k):
        columns = torch.randint(d // per_row, (k, per_row), generator=rng) \
            + torch.arange(0, d, d // per_row)
        return torch.sparse_csr_tensor(
            torch.arange(0, k * per_row + 1, per_row), columns.ravel(),
            torch.rand(k * per_row, generator=rng), (k, d),
            check_invariants=False)

    def labels(k):
        return torch.randint(2, (k,), generator=rng) * 2. - 1
    problem = Problem(rows(n), labels(n), rows(m), labels(m))
    x_p, y_p = torch.rand(5, d, generator=rng), labels(5)
    before = _peak_mb()
    for method in ('rmd', 'implicit'):
        grad = hypergradient(problem, x_p, y_p, 0., method).grad_x_p
        assert torch.isfinite(grad).all() and grad.any()
    return _peak_mb() - before


def _peak_mb():
    status = Path('/proc/self/status').read_text()
    return float(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) / 1e3


@pytest.mark.skipif(not Path('/proc/self/status').exists(),
                    reason='needs Linux')
def test_memory_is_that_of_the_non_zeros():
    """In a process of its own; the rows written out would be 400 MB, and
    what the first calls load is 100."""
    output = subprocess.run(
        [sys.executable, __file__], check=True, capture_output=True,
        text=True, env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    # a warning may stand before it
    assert 0. < float(output.stdout.split()[-1]) < 200.


if __name__ == '__main__':
    print(_peak_of_large_rows())
