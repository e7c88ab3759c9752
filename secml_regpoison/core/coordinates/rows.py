"""Signed rows ``a_i = -y_i (x_i, 1)``, dense or sparse, and their products.

Sparse rows are `torch.sparse_csr` tensors and stay so: no function here needs
memory for more than their non-zeros and its own result. In each the bias is
the last entry of a row. ``A`` are rows (n, d + 1), ``X`` their weights (n, d).
"""
from typing import Iterator, Optional

import torch
from torch import Tensor

from ..checks import is_sparse


def n_stored(x: Tensor) -> int:
    """Entries of `x` that are in memory."""
    return x.values().numel() if is_sparse(x) else x.numel()


def signed_rows(x: Tensor, y: Tensor,
                n_classes: Optional[int] = None) -> Tensor:
    """Signed rows ``-y_i (x_i, 1)``: (n, d) and (n,) give (n, d + 1). With
    `n_classes` ``(x_i, 1)``, whatever the labels."""
    n, d = x.shape
    if n_classes is not None:
        y = -torch.ones_like(y)
    if is_sparse(x):
        begins, counts = x.crow_indices(), x.crow_indices().diff()
        kept = torch.ones(x.values().numel() + n, dtype=torch.bool,
                          device=x.device)
        kept[begins[1:] + torch.arange(n, device=x.device)] = False
        values = torch.repeat_interleave(-y, counts + 1)
        values[kept] *= x.values()
        columns = torch.full_like(kept, d, dtype=begins.dtype)
        columns[kept] = x.col_indices().to(begins.dtype)
        return torch.sparse_csr_tensor(
            begins + torch.arange(n + 1, device=x.device), columns, values,
            (n, d + 1), device=x.device, check_invariants=False)
    rows = x.new_empty(n, d + 1)
    torch.mul(x, -y[:, None], out=rows[:, :-1])
    rows[:, -1] = -y
    return rows


def bias_column(rows: Tensor) -> Tensor:
    """Last entry of each row, (n,)."""
    if is_sparse(rows):
        return rows.values()[rows.crow_indices()[1:] - 1]
    return rows[:, -1]


def add_rmatvec(out: Tensor, rows: Tensor, r: Tensor,
                alpha: float = 1.) -> None:
    """``out += alpha A^T r`` in place, (d + 1,)."""
    if is_sparse(rows):
        out.add_(r @ rows, alpha=alpha)
    else:
        out.addmv_(rows.T, r, alpha=alpha)


def weight_scores(rows: Tensor, w: Tensor) -> Tensor:
    """``X w`` of weights (d,), or (d, k)."""
    if is_sparse(rows):
        return rows @ torch.cat([w, w.new_zeros(1, *w.shape[1:])])
    return rows[:, :-1] @ w


def weight_sum(r: Tensor, rows: Tensor) -> Tensor:
    """``r X`` of (n,), or (k, n)."""
    if is_sparse(rows):
        return (r @ rows)[..., :-1]
    return r @ rows[:, :-1]


def weight_products(rows: Tensor, others: Tensor) -> Tensor:
    """``X X'^T`` of two sets of rows, (n, n')."""
    if not is_sparse(others):
        return weight_scores(rows, others[:, :-1].T)
    if not is_sparse(rows):
        return weight_products(others, rows).T
    # as many rows at a time, written out, as there are non-zeros
    size = max(1, n_stored(others) // others.shape[1])
    return torch.cat([weight_products(rows, block)
                      for block in _dense_blocks(others, size)], 1)


def _dense_blocks(rows: Tensor, size: int) -> Iterator[Tensor]:
    begins = rows.crow_indices()
    for i in range(0, len(rows), size):
        part = begins[i:i + size + 1]
        here = slice(int(part[0]), int(part[-1]))
        yield torch.sparse_csr_tensor(
            part - part[0], rows.col_indices()[here], rows.values()[here],
            (len(part) - 1, rows.shape[1]), device=rows.device,
            check_invariants=False).to_dense()


def columns(rows: Tensor, places: Tensor) -> Tensor:
    """Some columns of `rows`, dense, (n, k)."""
    if is_sparse(rows):
        return rows.to_sparse_coo().index_select(1, places).to_dense()
    return rows[:, places]
