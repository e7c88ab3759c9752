"""The one form of errors about a value."""
import math

import torch


def check(name: str, value: object, ok: object, condition: str,
          advice: str = '') -> None:
    """Raise ValueError unless `ok`: the name, the condition, the value."""
    if not ok:
        raise ValueError(
            f'`{name}` must be {condition}, got {value!r}.{advice}')


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
