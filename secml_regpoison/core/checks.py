"""The one form of errors about a value, and the checks of tensors."""
import math
from typing import Optional

import torch
from torch import Tensor


def check(name: str, value: object, ok: object, condition: str,
          advice: str = '') -> None:
    """Raise ValueError unless `ok`: the name, the condition, the value."""
    if not ok:
        raise ValueError(
            f'`{name}` must be {condition}, got {value!r}.{advice}')


def is_finite(x: Tensor) -> bool:
    """Whether all entries are. A finite sum proves it, sooner."""
    return bool(torch.isfinite(x.sum())) or bool(torch.isfinite(x).all())


def check_lmbda(lmbda: float, dtype: torch.dtype,
                name: str = 'lmbda') -> float:
    """`lmbda` as a float; ValueError unless ``exp(2 lmbda)`` and its inverse
    are numbers of this precision."""
    limit = math.floor(math.log(torch.finfo(dtype).max) / 2)
    try:
        value = float(lmbda)
    except (TypeError, ValueError):
        raise TypeError(f'`{name}` must be a number, got '
                        f'{type(lmbda).__name__}.') from None
    check(name, value, abs(value) <= limit,
          f'between {-limit} and {limit} in {dtype}',
          ' It is the natural log of the L2 strength.')
    return value


def check_rows(x_name: str, y_name: str, x: Tensor, y: Tensor, like: Tensor,
               may_be_sparse: bool = True,
               n_classes: Optional[int] = None) -> None:
    """Raise unless `x` (n, d) are rows and `y` (n,) their labels, of the dtype
    and on the device of `like`, which is called ``x_tr``. Labels are -1 and
    +1, with `n_classes` 0, 1, ..., `n_classes` - 1."""
    _check_tensor(x_name, x, 2, like, may_be_sparse)
    _check_tensor(y_name, y, 1, like, False)
    if x.shape[0] != y.shape[0]:
        raise ValueError(f'`{y_name}` must have one label a row of '
                         f'`{x_name}`, {x.shape[0]}, got {y.shape[0]}.')
    known = [-1, 1] if n_classes is None else list(range(n_classes))
    if not torch.isin(y, y.new_tensor(known)).all():
        words = '-1 and +1' if n_classes is None else \
            f'0 to {n_classes - 1}'
        raise ValueError(f'`{y_name}` must hold labels {words}, got '
                         f'{y.unique().tolist()[:5]}.')


def _check_tensor(name: str, value: Tensor, n_dim: int, like: Tensor,
                  may_be_sparse: bool) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f'`{name}` must be a Tensor, got '
                        f'{type(value).__name__}.')
    if value.dim() != n_dim or not value.is_floating_point():
        raise ValueError(
            f'`{name}` must be a floating-point tensor of {n_dim} '
            f'dimensions, got {value.dtype} of shape '
            f'{tuple(value.shape)}. Convert it with `.to(dtype)`.')
    if value.requires_grad:
        raise ValueError(
            f'`{name}` must be a tensor without `requires_grad`, got one with '
            'it. The derivatives here are computed without autograd: pass '
            f'`{name}.detach()`.')
    if (value.dtype, value.device) != (like.dtype, like.device):
        raise ValueError(
            f'`{name}` must have the dtype and device of `x_tr`, '
            f'{like.dtype} on {like.device}, got {value.dtype} on '
            f'{value.device}.')
    is_csr = value.layout == torch.sparse_csr
    if value.layout != torch.strided and not (is_csr and may_be_sparse):
        advice = (f' Pass `{name}.to_sparse_csr()`.' if may_be_sparse
                  else f' Pass `{name}.to_dense()`.')
        check(name, value.layout, False, 'dense or torch.sparse_csr'
              if may_be_sparse else 'dense', advice)
    if not is_finite(value.values() if is_csr else value):
        raise ValueError(f'`{name}` must be finite, got NaN or inf.')
