"""Labels -1 and +1."""
from torch import Tensor


def share_of_positive(y: Tensor) -> float:
    """``q``, the share of +1 among labels (n,)."""
    return float((y > 0).double().mean())
