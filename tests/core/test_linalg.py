"""Products that BLAS computes by half."""
import pytest
import torch

from core_problems import compare

from secml_regpoison.core import linalg


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
