"""The T steps of training with momentum, and those of its reverse.

    vel_{t+1} = momentum vel_t - eta (A^T r_t / n + mu (u_w, beta u_b)),
    u_{t+1}   = u_t + vel_{t+1},

with ``r = l'(A u)`` in training. In reverse u is the adjoint, time runs
backwards and ``r = c * (A u)``, c being the `curvature` ``l''`` of each time.

Nearly all the time of this package is spent here, in products so small that
the calls count too: a call of torch costs about a tenth of a product. A GPU
would wait for calls longer than it computes: it is given all T steps at once,
as a CUDA graph.
"""
import functools
import warnings
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from ..coordinates import Coordinates
from ..losses import Loss


def heavy_ball(coordinates: Coordinates, loss: Loss, eta: float,
               momentum: float, first: Tensor, n_steps: int,
               curvature: Optional[Tensor] = None) -> tuple[Tensor, Tensor]:
    """`n_steps` steps in coordinates.

    Parameters
    ----------
    coordinates : KernelCoordinates or PrimalCoordinates
        Coordinates and data.
    loss : Loss
        Of training; not read in reverse.
    eta, momentum : float
        Step size and heavy-ball coefficient.
    first : Tensor, shape (2, n_coords)
        Velocity and iterate that the steps start from.
    n_steps : int
        T.
    curvature : Tensor, shape (T, n), optional
        Given, the steps are those of the reverse pass, from T to 0.

    Returns
    -------
    (iterates, scores)
        Tensors (T + 1, n_coords) and (T, n), in time's order: ``u_t`` and
        ``A u_t``.
    """
    coefficients = first.new_tensor([
        momentum, -eta * coordinates.penalty.strength, -eta / coordinates.n])
    tensors = (*coordinates.operands, coefficients, first)
    if curvature is not None:
        tensors += (curvature,)
    if first.is_cuda:
        kind: Any = loss, first.dtype, first.device
        graph = _graph(coordinates.steps, n_steps, *kind,
                       *(tensor.shape for tensor in tensors))
        # the next replay writes to the same memory
        iterates, scores = graph(*tensors)
        return iterates.clone(), scores.clone()
    return coordinates.steps(n_steps, loss, *tensors)


@functools.lru_cache(maxsize=8)
def _graph(steps: Callable[..., Any], n_steps: int, loss: Any,
           dtype: torch.dtype, device: torch.device, *shapes: Any) -> Any:
    """`steps` as a CUDA graph for tensors of these shapes; if capture fails:
    `steps` itself, with a warning."""
    loop = functools.partial(steps, n_steps, loss)
    samples = tuple(torch.zeros(shape, dtype=dtype, device=device)
                    for shape in shapes)
    try:
        return torch.cuda.make_graphed_callables(loop, samples)
    except RuntimeError as error:
        warnings.warn(
            f'no CUDA graph of {n_steps:d} steps could be captured, they are '
            f'launched one by one: {error}', RuntimeWarning, stacklevel=5)
        return loop
