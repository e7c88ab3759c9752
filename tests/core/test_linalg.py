"""Products that BLAS computes by half, and its threads."""
import math
import threading

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from core_problems import compare, make
from refusals import raises

from secml_regpoison.core import linalg, solve
from secml_regpoison.core.threads import one_blas_thread


@pytest.mark.parametrize('by_blas', [True, False])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_products_of_which_half_is_computed(dtype, by_blas, monkeypatch):
    """Of rows that are a slice, as the weights of signed rows are."""
    if not by_blas:
        monkeypatch.setattr(linalg, 'uses_blas', lambda x: False)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 6, generator=generator, dtype=dtype)[:, :-1]
    matrix = torch.randn(7, 7, generator=generator, dtype=dtype)
    rtol = 1e-5 if dtype == torch.float32 else 1e-13
    kept = x.clone(), matrix.clone()
    compare(linalg.row_products(x), torch.einsum('ij,kj->ik', x, x), rtol)
    compare(linalg.quadratic_forms(matrix, x),
            torch.einsum('ij,ik,kj->j', x, matrix, x), rtol)
    assert torch.equal(x, kept[0]) and torch.equal(matrix, kept[1])


def blas_threads():
    return {library['num_threads'] for library in threadpool_info()
            if library['user_api'] == 'blas'}


def test_an_attack_leaves_one_thread_to_blas():
    """And gives back what there was, whatever happens."""
    seen = []

    def stop(iterate):
        seen.append(blas_threads())
        if len(seen) > 2:
            raise KeyboardInterrupt
    problem, x_p, y_p = make()
    with threadpool_limits(2, 'blas'):
        with pytest.raises(KeyboardInterrupt):
            solve(problem, x_p, y_p, 0., callback=stop)
        assert blas_threads() == {2}
    assert seen == 3 * [{1}]


def test_one_blas_thread_in_two_threads():
    """The first to come sets the limit, and the last to go lifts it."""
    second_is_in, first_left = threading.Event(), threading.Event()
    seen = []

    @one_blas_thread
    def second():
        second_is_in.set()
        first_left.wait(60)
        seen.append(blas_threads())

    @one_blas_thread
    def first():
        thread.start()
        second_is_in.wait(60)
        return blas_threads()
    thread = threading.Thread(target=second)
    with threadpool_limits(2, 'blas'):
        assert first() == {1} == blas_threads()
        first_left.set()
        thread.join()
        assert seen == [{1}] and blas_threads() == {2}


def test_conjugate_gradients_say_whether_they_converged():
    """And carry along what is linear in the vectors."""
    rng = torch.Generator().manual_seed(0)
    a, other = (torch.randn(6, 6, generator=rng, dtype=torch.float64)
                for _ in range(2))
    a = a @ a.T + torch.eye(6)
    g = torch.arange(6.).double()

    def solve(max_iter):
        return linalg.conjugate_gradients(
            lambda v: a @ v[:6], g, 1e-12, max_iter,
            precondition=lambda r: torch.cat([r, other @ r]),
            dot=lambda u, v: u @ v[:6])
    found, converged = solve(20)
    assert converged
    compare(found[:6], torch.linalg.solve(a, g), 1e-10)
    compare(found[6:], other @ torch.linalg.solve(a, g), 1e-10)
    found, converged = solve(2)
    assert not converged and found[:6].any()


@pytest.mark.parametrize('dtype, rtol', [
    (torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize('n, d, by_products', [
    (1, 2, False), (40, 3, False), (9, 30, False), (2, 7, True),
    (9, 30, True)])
def test_lanczos_finds_the_largest_eigenvalue_to_rounding(
        n, d, by_products, dtype, rtol):
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(2),
                       dtype=torch.float64).to(dtype)
    value, v = linalg.lanczos(rows, rows @ rows.T if by_products else None)
    assert value == pytest.approx(float(torch.linalg.eigvalsh(
        rows.T @ rows)[-1]), rel=rtol)
    compare(rows.T @ (rows @ v), value * v, 30 * rtol)
    assert float(torch.linalg.vector_norm(v)) == pytest.approx(1., rel=rtol)


@pytest.mark.parametrize('dtype, scales', [
    (torch.float32, (1e10, 1e18)), (torch.float64, (1e78, 1e150))])
def test_an_eigenvalue_whose_square_is_no_number(dtype, scales):
    rows = torch.randn(9, 4, generator=torch.Generator().manual_seed(0)).to(
        dtype)
    for scale in scales:
        assert linalg.top_eigenvalue(scale * rows) == pytest.approx(
            scale ** 2 * linalg.top_eigenvalue(rows), rel=1e-5)


def test_lanczos_refuses_what_cannot_be_squared():
    rows = torch.full((2, 2), 1e20)
    with raises(FloatingPointError, 'have grown past what torch.float32'):
        linalg.lanczos(rows)


@pytest.mark.parametrize('values, said', [
    ((1.2e-3, 9.9e-3, 1e-2), '1e-02'), ((1.2, 7.), '1e+01'),
    ((math.inf,), 'inf'), ((math.nan,), 'nan')])
def test_values_alike_are_warned_of_in_one_text(values, said):
    """A run of hundreds of solves printed a line for each."""
    for value in values:
        with pytest.warns(RuntimeWarning) as warned:
            linalg.warn_imprecise('a residual', value, 2.5e-6, torch.float64)
        assert [str(one.message) for one in warned] == [
            f'a residual of up to {said}, asked for 2.5e-06: regularisation '
            'may be too weak for torch.float64.']
