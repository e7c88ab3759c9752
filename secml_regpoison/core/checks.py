"""The one form of errors about a value, and the checks of tensors."""
import math
from numbers import Integral, Real
from typing import Any, Callable, Optional

import numpy as np
import torch
from torch import Tensor

from .features import name_of_rows
from .preprocessing import Preprocess

# Norms of a ball, and their orders.
NORMS = {'l1': 1, 'l2': 2}


def check(name: str, value: object, ok: object, condition: str,
          advice: str = '') -> None:
    """Raise ValueError unless `ok`: the name, the condition, the value."""
    if not ok:
        raise ValueError(
            f'`{name}` must be {condition}, got {value!r}.{advice}')


def check_number(name: str, value: Any, ok: Callable[[float], object],
                 condition: str, or_none: bool = False) -> None:
    """Raise TypeError unless `value` is a number, and no tensor or array of
    one, ValueError unless `ok` of it. With `or_none` it may be None."""
    if value is None and or_none:
        return
    check_type(name, value, Real, condition)
    check(name, value, ok(value), condition)


def check_type(name: str, value: object, kinds: Any,
               condition: Optional[str] = None) -> None:
    """Raise TypeError unless `value` is of this type, or of one of these:
    the `condition` in words, or their names. True is no number."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds) or (
            isinstance(value, bool) and bool not in kinds):
        condition = condition or ' or '.join(
            'None' if kind is type(None) else kind.__name__ for kind in kinds)
        raise TypeError(
            f'`{name}` must be {condition}, got {type(value).__name__}.')


def check_flags(**flags: object) -> None:
    """Raise TypeError unless each is True or False."""
    for name, value in flags.items():
        check_type(name, value, (bool, np.bool_), 'True or False')


def is_integer(value: object, minimum: int) -> bool:
    """Whether it is a whole number, of at least `minimum`; True is none."""
    return (isinstance(value, Integral) and not isinstance(value, bool)
            and minimum <= int(value) < 2 ** 31)


def _as_float(name: str, value: Any) -> float:
    if not isinstance(value, (bool, np.bool_, str, bytes)):
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            pass
    raise TypeError(
        f'`{name}` must be a number, got {type(value).__name__}.')


def is_sparse(x: Tensor) -> bool:
    """Whether `x` holds non-zeros alone."""
    return x.layout == torch.sparse_csr


def is_finite(x: Tensor) -> bool:
    """Whether all entries are. A finite sum proves it, sooner."""
    return math.isfinite(float(x.sum())) or bool(torch.isfinite(x).all())


def max_lmbda(dtype: torch.dtype) -> int:
    """Largest whole lambda of which ``exp(2 lmbda)`` and its inverse are
    numbers of this precision."""
    return math.floor(math.log(torch.finfo(dtype).max) / 2)


def check_lmbda(lmbda: float, dtype: torch.dtype,
                name: str = 'lmbda') -> float:
    """`lmbda` as a float; ValueError if it is beyond +-`max_lmbda`."""
    limit = max_lmbda(dtype)
    if isinstance(lmbda, Tensor):
        check(name, lmbda, not lmbda.requires_grad,
              'without `requires_grad`', ' Pass its `item()`.')
    value = _as_float(name, lmbda)
    check(name, value, abs(value) <= limit,
          f'between {-limit} and {limit} in {dtype}',
          ' It is the natural log of the L2 strength.')
    return value


def check_lmbda_bounds(lmbda_bounds: Any, dtype: torch.dtype
                       ) -> tuple[float, float]:
    """Two numbers in order, each a `check_lmbda`, as floats."""
    try:
        low, high = lmbda_bounds
    except (TypeError, ValueError):
        raise TypeError('`lmbda_bounds` must be two numbers, got '
                        f'{lmbda_bounds!r}.') from None
    low, high = (check_lmbda(bound, dtype, 'lmbda_bounds')
                 for bound in (low, high))
    check('lmbda_bounds', lmbda_bounds, low <= high, 'finite and in order')
    return low, high


def check_ball(dmax: Optional[float], distance: str) -> None:
    """Raise unless these are radius, or None, and norm of a ball."""
    check_number('dmax', dmax, lambda radius: radius >= 0.,
                 'None or at least 0', or_none=True)
    check('distance', distance, isinstance(distance, str)
          and distance in NORMS, "'l1' or 'l2'")


def check_bounds(lb: Tensor, ub: Tensor, like: Tensor, of: str) -> None:
    """Raise unless these are a box of the points `like`, (p, d)."""
    for name, bound in (('lb', lb), ('ub', ub)):
        check_type(name, bound, (Tensor,))
        _check_no_grad(name, bound)
        _check_like(name, bound, like, of)
        check(name, tuple(bound.shape), _broadcasts(bound, like), 'a number, '
              f'one a feature or one a point and feature, {tuple(like.shape)}')
        check(name, bound, not bound.isnan().any(), 'free of NaN')
    if not (lb <= ub).all():
        raise ValueError('`lb` must be at most `ub`, got lb - ub up to '
                         f'{float((lb - ub).max()):g}.')


def check_feasible(x_0: Tensor, integers: Optional[Tensor]) -> None:
    """Raise unless these are starts and mask of a `.FeasibleSet`."""
    _check_tensor('x_0', x_0, 2, x_0, False)
    check_type('integers', integers, (type(None), Tensor))
    check('integers', integers, integers is None
          or integers.dtype == torch.bool and integers.shape == x_0.shape[1:],
          f'a mask of the {x_0.shape[1]} features')


def check_set_of(x_p: Tensor, x_0: Tensor) -> None:
    """Raise unless `x_p` can be points of the set whose starts are `x_0`."""
    points, starts = ((tuple(x.shape), x.dtype, x.device) for x in (x_p, x_0))
    check('feasible', starts, _broadcasts(x_0, x_p)
          and starts[1:] == points[1:], f'a set of points as `x_p`, {points}')


def _broadcasts(x: Tensor, like: Tensor) -> bool:
    return x.dim() <= 2 and all(size in (1, full) for size, full in zip(
        x.shape[::-1], like.shape[::-1]))


def check_problem(problem: Any) -> None:
    """Raise unless these are data of a `.Problem`."""
    n_classes, rows = problem.n_classes, problem.rows
    check('n_classes', n_classes, n_classes is None
          or is_integer(n_classes, 2),
          'None or an integer of at least 2 and below 2**31')
    check_type('transform', problem.transform, (type(None), Callable))
    check_type('preprocess', problem.preprocess, (type(None), Preprocess))
    check('preprocess', problem.preprocess,
          not isinstance(problem.preprocess, type), 'an object, not a class')
    check_number('spread', problem.spread, lambda value: 0. <= value < (
        math.inf), 'None or at least 0 and finite', or_none=True)
    check_flags(rows_move=problem.rows_move)
    check('y_attacker', problem.y_attacker, problem.y_attacker is None
          or problem.x_attacker is not None, 'None without `x_attacker`')
    names = [('x_tr', 'y_tr'), ('x_val', 'y_val')]
    if not problem.is_zero_sum:
        names.append((
            name_of_rows(problem, True),
            'y_attacker' if problem.y_target is None else 'y_target'))
    for name, labels in names:
        check_rows(name, labels, getattr(problem, name),
                   getattr(problem, labels), problem.x_tr,
                   True, n_classes)
    if problem.preprocess is not None and any(map(is_sparse, rows.values())):
        raise ValueError(
            '`preprocess` must be None with sparse rows, got '
            f'{type(problem.preprocess).__name__}. Pass `x.to_dense()`.')
    for name, x in rows.items():
        if not len(x):
            raise ValueError(f'`{name}` must have at least one row, got none.')
        if x.shape[1] != problem.x_tr.shape[1]:
            raise ValueError(
                f'`{name}` must have {problem.x_tr.shape[1]} columns like '
                f'`x_tr`, got {x.shape[1]}.')


def check_rows(x_name: str, y_name: str, x: Tensor, y: Tensor, like: Tensor,
               may_be_sparse: bool, n_classes: Optional[int]) -> None:
    """Raise unless `x` (n, d) are rows and `y` (n,) their labels, of the dtype
    and on the device of `like`, which is called ``x_tr``. Labels are -1 and
    +1, with `n_classes` 0, 1, ..., `n_classes` - 1."""
    _check_tensor(x_name, x, 2, like, may_be_sparse)
    _check_tensor(y_name, y, 1, like, False)
    if x.shape[0] != y.shape[0]:
        raise ValueError(f'`{y_name}` must have one label a row of '
                         f'`{x_name}`, {x.shape[0]}, got {y.shape[0]}.')
    known = [-1, 1] if n_classes is None else list(range(n_classes))
    # `isin` takes no numbers of half precision before torch 2.6
    if not torch.isin(y.double(), torch.tensor(known, device=y.device)).all():
        words = '-1 and +1' if n_classes is None else f'0 to {known[-1]}'
        raise ValueError(f'`{y_name}` must hold labels {words}, got '
                         f'{y.unique().tolist()[:5]}.')


def _check_no_grad(name: str, value: Tensor) -> None:
    if value.requires_grad:
        raise ValueError(
            f'`{name}` must be a tensor without `requires_grad`, got one with '
            'it. The derivatives here are computed without autograd: pass '
            f'`{name}.detach()`.')


def _check_like(name: str, value: Tensor, like: Tensor, of: str) -> None:
    if (value.dtype, value.device) != (like.dtype, like.device):
        raise ValueError(
            f'`{name}` must have the dtype and device of `{of}`, '
            f'{like.dtype} on {like.device}, got {value.dtype} on '
            f'{value.device}.')


def _check_tensor(name: str, value: Tensor, n_dim: int, like: Tensor,
                  may_be_sparse: bool) -> None:
    check_type(name, value, Tensor, 'a Tensor')
    if value.dim() != n_dim or not value.is_floating_point():
        advice = ('Convert it with `.to(dtype)`' if value.dim() == n_dim
                  else 'Pass one row each: (n, d)' if n_dim == 2
                  else 'Pass one number each: (n,)')
        raise ValueError(
            f'`{name}` must be a floating-point tensor of {n_dim} '
            f'dimension{"s" * (n_dim > 1)}, got {value.dtype} of shape '
            f'{tuple(value.shape)}. {advice}.')
    _check_no_grad(name, value)
    _check_like(name, value, like, 'x_tr')
    is_csr = is_sparse(value)
    if value.layout != torch.strided and not (is_csr and may_be_sparse):
        advice = (f' Pass `{name}.to_sparse_csr()`.' if may_be_sparse
                  else f' Pass `{name}.to_dense()`.')
        check(name, value.layout, False, 'dense or torch.sparse_csr'
              if may_be_sparse else 'dense', advice)
    if not is_finite(value.values() if is_csr else value):
        raise ValueError(f'`{name}` must be finite, got NaN or inf.')
