"""Training by mini-batches, as the paper does it to test an attack."""
from typing import Optional

import torch
from torch import Tensor

from ..losses import Loss
from ..penalties import L2
from ..problem import Problem
from .step_size import smoothness


def sgd(problem: Problem, loss: Loss, penalty: L2, eta: Optional[float],
        batch_size: int, epochs: int, seed: int) -> tuple[Tensor, Tensor]:
    """Mini-batch gradient descent on the training objective from 0.

    A batch B stands for all rows: the step is along the derivative of
    ``(1/|B|) sum_B l(h_i) + mu/2 (||w||^2 + beta b^2)``.

    Parameters
    ----------
    problem : Problem
        Its training rows are all that is read.
    loss : Loss
    penalty : L2
    eta : float or None
        Constant learning rate; None for ``1 / L`` of the whole objective,
        falling linearly to 0: at a constant rate the noise of the batches
        keeps the iterates from the optimum.
    batch_size, epochs : int
        The last batch of an epoch may be smaller.
    seed : int
        Of the order of the rows, which is new in each epoch.

    Returns
    -------
    (w, b) : Tensor, shapes (d,) and ()

    Raises
    ------
    FloatingPointError
        If training diverged.
    """
    rows, mu = problem.rows_tr, penalty.strength
    first = eta or 1. / smoothness(problem, rows[:0], penalty, loss)[0]
    # on the CPU whatever the device: one order of the rows for all of them
    generator = torch.Generator().manual_seed(int(seed))
    u = rows.new_zeros(rows.shape[1])
    for epoch in range(epochs):
        rate = eta or first * (1 - epoch / epochs)
        order = torch.randperm(len(rows), generator=generator,
                               device='cpu')
        for batch in order.to(rows.device).split(batch_size):
            a = rows[batch]
            q = loss.slope(a @ u)
            u[:-1].mul_(1 - rate * mu)
            u[-1].mul_(1 - rate * mu * penalty.beta)
            u.addmv_(a.T, q, alpha=-rate / len(batch))
    if not torch.isfinite(u).all():
        raise FloatingPointError(
            f'training diverged with learning rate eta = {first:g} at lmbda ='
            f' {penalty.lmbda:g}: pass a smaller eta, or None for 1 / L.')
    return u[:-1], u[-1]
