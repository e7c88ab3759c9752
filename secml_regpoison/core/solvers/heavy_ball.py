"""The T steps of training with momentum, and those of its reverse.

    vel_{t+1} = momentum vel_t - eta (A^T r_t / n + mu (u_w, beta u_b)),
    u_{t+1}   = u_t + vel_{t+1},

with ``r = l'(A u)`` in training. In reverse u is the adjoint, time runs
backwards and ``r = c * (A u)``, c being the `curvature` ``l''`` of each time.

Nearly all the time of this package is spent here, in products so small that
the calls count too: a CPU calls SciPy's BLAS, see `..coordinates.kernel_steps`
and `..coordinates.primal_steps`. A GPU would wait for calls longer than it
computes: it is given all T steps at once, as a CUDA graph, see `.cuda_graphs`.
"""
from torch import Tensor

from ..checks import is_sparse
from ..coordinates import Coordinates
from ..losses import Loss
from .cuda_graphs import run_as_graph


def heavy_ball(coordinates: Coordinates, loss: Loss, eta: float,
               momentum: float, first: Tensor, n_steps: int,
               *in_reverse: Tensor) -> tuple[Tensor, Tensor]:
    """`n_steps` steps in coordinates.

    Parameters
    ----------
    coordinates : Coordinates
        Coordinates and data.
    loss : Loss
        Of training; not read in reverse.
    eta, momentum : float
        Step size and heavy-ball coefficient.
    first : Tensor, shape (2, n_coords)
        Velocity and iterate that the steps start from.
    n_steps : int
        T.
    *in_reverse : Tensor
        Given, the steps are those of the reverse pass, from T to 0: the
        `curvature` (T, n), and with the L1 penalty the `support` (T, d + 1),
        see `..coordinates.proximal`.

    Returns
    -------
    (iterates, scores)
        Tensors (T + 1, n_coords) and (T, n), in time's order: ``u_t`` and
        ``A u_t``.
    """
    data = coordinates.data
    coefficients = first.new_tensor([
        momentum, -eta * coordinates.penalty.strength, -eta / coordinates.n])
    tensors = (*data, coefficients, first, *in_reverse)
    # only steps of tensors can be captured, and of dense ones
    if first.is_cuda and data and not any(map(is_sparse, data)):
        iterates, scores = run_as_graph(
            coordinates.steps, n_steps, None if in_reverse else loss, tensors)
        return iterates, scores
    return coordinates.steps(n_steps, loss, *tensors)
