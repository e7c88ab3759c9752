"""Filter by the class centroids: a sphere and a slab for each class.

    ||s (x - c_y)|| <= r_y,   |a_y . (x - c_y)| <= t_y,
    a_y = s^2 (c_y - c_o) / ||s (c_y - c_o)||

with ``c_y`` the centroid of class y among clean rows, ``c_o`` the mean of the
other centroids, ``s`` the inverse unit of each column, and ``r_y``, ``t_y``
quantiles of the clean rows' own distances (Steinhardt, Koh, Liang 2017; Koh,
Steinhardt, Liang 2022; of more than two classes one against the others).
"""
from dataclasses import dataclass, replace
from typing import Callable, Optional

import torch
from torch import Tensor

# A multiplier is found when its constraint is active to this, relatively.
ACTIVE_RTOL = 1e-9


@dataclass(frozen=True, eq=False)
class SphereSlab:
    """A sphere and a slab for each row; together with a box.

    centre, normal : ``c`` and ``a``, (p, d). radius, width : (p, 1), inf for
    none. scale : ``s``, (d,). labels : of what `fit` returns, those of its
    rows, in increasing order.
    """

    centre: Tensor
    radius: Tensor
    normal: Tensor
    width: Tensor
    scale: Tensor
    labels: Optional[Tensor] = None

    @classmethod
    def fit(cls, x: Tensor, y: Tensor, quantile: float,
            scale: Tensor) -> 'SphereSlab':
        """Of rows (n, d) with labels (n,): one row a label. At least the
        share `quantile` of a class is in its sphere, and in its slab, see
        `passes`."""
        labels = y.unique()
        centres = torch.stack([x[y == label].mean(0) for label in labels])
        others = (centres.sum(0) - centres) / (len(labels) - 1)
        apart = scale * (centres - others)
        length = torch.linalg.vector_norm(apart, dim=1, keepdim=True)
        if not (length > 0).all():
            raise ValueError('`training_data` must have classes with '
                             'centroids that differ, got equal ones: they '
                             'leave the slab without a direction.')
        normals, parts = scale * apart / length, []
        for label, centre, normal in zip(labels, centres, normals):
            rows = x[y == label] - centre
            parts.append([
                torch.quantile(value, quantile, interpolation='higher')[None]
                for value in (torch.linalg.vector_norm(scale * rows, dim=1),
                              (rows @ normal).abs())])
        radii, widths = map(torch.stack, zip(*parts))
        return cls(centres, radii, normals, widths, scale, labels)

    def for_labels(self, y: Tensor) -> 'SphereSlab':
        """Of what `fit` returned, one row for each of the labels (p,)."""
        assert self.labels is not None
        return self._rows(torch.searchsorted(self.labels, y))

    def to(self, dtype: torch.dtype) -> 'SphereSlab':
        """In another precision."""
        return replace(self, **{
            name: value.to(dtype) for name, value in vars(self).items()
            if value is not None})

    def violation(self, x: Tensor) -> Tensor:
        """How far rows are outside sphere or slab, (p,), in units of the
        scale; at most 0 inside."""
        z = x - self.centre
        return torch.maximum(
            torch.linalg.vector_norm(self.scale * z, dim=1)
            - self.radius[:, 0], self._along(z).abs() - self.width[:, 0])

    def passes(self, x: Tensor, rtol: float = ACTIVE_RTOL) -> Tensor:
        """Whether rows are in sphere and slab, (p,), to rounding: radius and
        width are distances of some of the rows themselves."""
        far, size = (torch.linalg.vector_norm(self.scale * z, dim=1)
                     for z in (x - self.centre, x))
        return self.violation(x) <= rtol * far + 8 * torch.finfo(
            x.dtype).eps * size

    def project(self, x: Tensor, lb: Tensor, ub: Tensor) -> Tensor:
        """Nearest rows in box, sphere and slab; exact.

        By duality ``clip(c + (x - c - nu a) / (1 + mu s^2))``, with the
        multipliers ``mu`` of the sphere and ``nu`` of the slab.
        """
        z = x.clamp(lb, ub)
        out = self.violation(z) > 0
        if out.any():
            z[out] = self._rows(out)._solve(
                (x - self.centre)[out], 1., lb.expand_as(x)[out],
                ub.expand_as(x)[out])[0]
        return z

    def support(self, v: Tensor, lb: Tensor,
                ub: Tensor) -> tuple[Tensor, Tensor]:
        """Largest ``v . x`` row by row, (p,), and where it is, (p, d).

        The value is that of the dual: never below the true one, and above the
        place's by rounding and the search's tolerance alone.
        """
        x, mu, nu = self._solve(v, 0., lb.expand_as(v), ub.expand_as(v))
        z = x - self.centre
        dual = (v * x).sum(1, keepdim=True) - nu * self._along(z)[
            :, None] + (nu.abs() * self.width).nan_to_num(0.)
        room = (self.scale * z).square().sum(1, keepdim=True) \
            - self.radius ** 2
        return (dual - (mu / 2 * room).nan_to_num(0.))[:, 0], x

    def _rows(self, rows: Tensor) -> 'SphereSlab':
        return SphereSlab(self.centre[rows], self.radius[rows],
                          self.normal[rows], self.width[rows], self.scale)

    def _along(self, z: Tensor) -> Tensor:
        """``a . z``, row by row."""
        return (self.normal * z).sum(1)

    def _solve(self, v: Tensor, base: float, lb: Tensor,
               ub: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``z = clip(c + (v - nu a) / (base + mu s^2))`` with the least
        multipliers for which it is in sphere and slab; z, mu and nu."""
        square = self.scale ** 2

        def at(mu: Tensor, nu: Tensor) -> Tensor:
            return (self.centre + (v - nu * self.normal)
                    / (base + mu * square)).clamp(lb, ub)

        def in_slab(mu: Tensor) -> Tensor:
            def beyond(nu: Tensor) -> Tensor:
                return self._along(at(mu, nu) - self.centre)[:, None]
            side = beyond(torch.zeros_like(mu)).sign()
            unit = v.abs().amax(1, keepdim=True) / self.normal.abs().amax(
                1, keepdim=True)
            return side * least_root(
                lambda nu: side * beyond(side * nu) - self.width,
                torch.zeros_like(mu), unit, self.width)

        def outside(mu: Tensor) -> Tensor:
            return torch.linalg.vector_norm(self.scale * (
                at(mu, in_slab(mu)) - self.centre), dim=1,
                keepdim=True) - self.radius
        # without a clip ``||v / s|| / mu`` is the distance from the centre
        unit = torch.linalg.vector_norm(
            v / self.scale, dim=1, keepdim=True) / self.radius
        low = torch.zeros_like(unit) if base else 1e-8 * unit + torch.finfo(
            unit.dtype).tiny
        mu = least_root(outside, low, unit.clamp_min(1e-8), self.radius)
        nu = in_slab(mu)
        return at(mu, nu), mu, nu


def least_root(f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor,
               size: Tensor) -> Tensor:
    """Row by row about the least t >= `low` with ``f(t) <= 0``, from above.

    f does not increase. `high` is where the search for an upper end begins.
    False position (Illinois), each third step a bisection. `size` is that of
    numbers in f. Where f stays positive, a large t.
    """
    tol = ACTIVE_RTOL * torch.where(torch.isfinite(size), size, 1.)
    if low.dtype == torch.float32:
        tol = 1e4 * tol
    f_low = f(low)
    done = f_low <= 0
    high, f_high = torch.maximum(high, low), f_low
    for _ in range(60):
        f_high = torch.where(done, f_high, f(high))
        above = ~done & (f_high > 0)
        if not above.any():
            break
        low, f_low = (torch.where(above, new, old) for new, old in (
            (high, low), (f_high, f_low)))
        high = torch.where(above, 4 * high, high)
    high = torch.where(done, low, high)
    weight_low, weight_high, last = f_low, f_high, torch.zeros_like(low)
    for k in range(100):
        width = high - low
        done = done | (f_high >= -tol) | (
            width <= torch.finfo(low.dtype).eps * high)
        if done.all():
            break
        share = weight_low / (weight_low - weight_high) if k % 3 < 2 \
            else torch.full_like(low, .5)
        middle = low + share.nan_to_num(.5).clamp(.001, .999) * width
        value = f(middle)
        here = torch.where(done, 0., torch.where(value > 0, 1., -1.))
        # Illinois: the end that stays a second time loses half its weight
        stays = torch.where((here == last) & (here != 0), .5, 1.)
        weight_low = torch.where(here > 0, value, weight_low * stays)
        weight_high = torch.where(here < 0, value, weight_high * stays)
        f_high = torch.where(here < 0, value, f_high)
        low, high, last = (torch.where(here > 0, middle, low),
                           torch.where(here < 0, middle, high), here)
    return high
