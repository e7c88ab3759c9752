"""Where poisoning points may go: a box, and a ball around their start."""
import math

import torch


def check_box(x_p, lb, ub):
    """Bounds as tensors that broadcast against the points."""
    lb, ub = (torch.as_tensor(inf if bound is None else bound).to(x_p)
              for bound, inf in ((lb, -math.inf), (ub, math.inf)))
    for name, bound in (('lb', lb), ('ub', ub)):
        if bound.dim() > 2 or any(
                size not in (1, full) for size, full in
                zip(bound.shape[::-1], x_p.shape[::-1])):
            raise ValueError(
                f'`{name}` must be a number, one a feature or one a point '
                f'and feature, {tuple(x_p.shape)}, got shape '
                f'{tuple(bound.shape)}.')
    if not (lb <= ub).all():
        raise ValueError('`lb` must be at most `ub` (and neither NaN), got '
                         f'lb - ub up to {float((lb - ub).max()):g}.')
    return lb, ub


def project(x, x_0, lb, ub, dmax=None, distance='l2'):
    """Nearest points to `x` in the box and within `dmax` of `x_0`, row-wise.

    For `x_0` in the box the projection on box and ball together is the box's
    clip of ``x_0 + shrink(x - x_0)``, with ``shrink`` a scaling for 'l2' and
    a soft threshold for 'l1'; its one parameter is found by bisection.
    """
    clipped = x.clamp(lb, ub)
    if dmax is None:
        return clipped
    order = {'l1': 1, 'l2': 2}[distance]
    delta = x - x_0

    def shrink(t):
        if order == 2:
            return (x_0 + t * delta).clamp(lb, ub)
        cut = (1 - t) * delta.abs().amax(1, keepdim=True)
        return (x_0 + delta.sign() * (delta.abs() - cut).relu()).clamp(lb, ub)

    low, high = (torch.full_like(x[:, :1], t) for t in (0., 1.))
    for _ in range(60):
        t = (low + high) / 2
        inside = torch.linalg.vector_norm(
            shrink(t) - x_0, order, 1, keepdim=True) <= dmax
        low, high = torch.where(inside, t, low), torch.where(inside, high, t)
    radius = torch.linalg.vector_norm(clipped - x_0, order, 1, keepdim=True)
    return torch.where(radius <= dmax, clipped, shrink(low))
