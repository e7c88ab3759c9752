"""Features of all rows of a problem, as its poisoning points move."""
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import torch
from torch import Tensor

from .preprocessing import Affine, MeanStd

if TYPE_CHECKING:
    from .problem import Problem


class Features(NamedTuple):
    """Features of poisoning points and of the rows beside them.

    phi : features (p, d) of the points. vjp : takes derivatives with respect
    to features to one with respect to the points: those of the points, or
    with `all_move` of all training rows and, by keyword, of `x_val` or of
    `x_attacker`. problem : the problem in features. all_move : whether the
    features of all rows move with the points. by_columns : whether they are
    an affine function of each column; `vjp` then takes what is enough for
    that: derivatives with respect to the features of the points (p, d), those
    of all rows summed, and their products with the features, summed.
    """

    phi: Tensor
    vjp: Callable[..., Tensor]
    problem: 'Problem'
    all_move: bool = False
    by_columns: bool = False


def name_of_rows(problem: 'Problem', is_attacker: bool) -> str:
    """Name of the rows on which a player's loss is measured."""
    return 'x_attacker' if is_attacker and problem.x_attacker is not None \
        else 'x_val'


def features_of(problem: 'Problem', x_p: Tensor) -> Features:
    """See `Problem.features`."""
    if problem.preprocess is not None:
        return features_of(problem.in_features, x_p) \
            if problem.preprocess.by_row else _refitted(problem, x_p)
    if problem.transform is None:
        return Features(x_p, lambda grad: grad, problem)
    if not len(x_p):
        return Features(x_p.new_empty(0, problem.x_tr.shape[1]),
                        lambda grad: x_p, problem)
    phi, vjp = problem.transform(x_p)
    return Features(phi, vjp, problem)


def leaf(x: Tensor) -> Tensor:
    """The same values, with respect to which autograd differentiates."""
    if torch.is_inference_mode_enabled():
        raise RuntimeError(
            'no derivative can be had within `torch.inference_mode()`: call '
            'this outside it, or within `torch.no_grad()`.')
    return x.detach().requires_grad_()


def _refitted(problem: 'Problem', x_p: Tensor) -> Features:
    """`Features` by a preprocess that is fitted on all training rows."""
    preprocess: Any = problem.preprocess
    x, n_tr = leaf(x_p), problem.n_tr
    with torch.enable_grad():
        if isinstance(preprocess, MeanStd):
            return _affine(problem, x, preprocess.fit_moments(
                problem.moments.with_rows(x)))
        rows = torch.cat([problem.x_tr, x])
        transform = preprocess.fit(rows)
        if isinstance(transform, Affine):
            return _affine(problem, x, transform)
        phi = {**{name: transform(given)
                  for name, given in problem.rows.items() if name != 'x_tr'},
               'x_tr': transform(rows)}

    def vjp(grad: Tensor, **grads: Tensor) -> Tensor:
        grads['x_tr'] = grad
        return torch.autograd.grad(
            [phi[name] for name in grads], x, list(grads.values()),
            retain_graph=True)[0]
    fixed = {name: features.detach() for name, features in phi.items()}
    in_features = replace(problem, preprocess=None, rows_move=True, **{
        **fixed, 'x_tr': fixed['x_tr'][:n_tr]})
    return Features(fixed['x_tr'][n_tr:], vjp, in_features,
                    all_move=True)


def _affine(problem: 'Problem', x: Tensor, transform: Affine) -> Features:
    """`_refitted`, where each column is ``phi = slope x + shift``.

    The derivative with respect to slope is ``sum x dA/dphi``, and so ``(sum
    phi dA/dphi - shift sum dA/dphi) / slope``.
    """
    slope, shift = transform.slope.detach(), transform.shift.detach()
    apart = Affine(slope, shift)

    def vjp(grad_p: Tensor, sums: Tensor, products: Tensor) -> Tensor:
        if not len(x):  # slope and shift depend on no point
            return grad_p
        grad_slope = (products - shift * sums) / torch.where(
            slope == 0, 1., slope)
        parts, grads = zip(*(
            (part, grad) for part, grad in ((transform.slope, grad_slope),
                                            (transform.shift, sums))
            if part.requires_grad))
        return slope * grad_p + torch.autograd.grad(
            parts, x, grads, retain_graph=True)[0]
    fixed: dict[str, Any] = {
        name: apart(given) for name, given in problem.rows.items()}
    in_features = replace(problem, preprocess=None, rows_move=True, **fixed)
    return Features(apart(x.detach()), vjp, in_features,
                    all_move=True, by_columns=True)


def in_features_of(problem: 'Problem', rows: Tensor) -> 'Problem':
    """The problem in features by its preprocess as `rows` fit it, (n, d),
    which no point changes."""
    preprocess: Any = problem.preprocess
    if preprocess is None:
        return problem
    transform = preprocess.fit(rows)

    def of_points(x_p: Tensor) -> tuple[Tensor, Callable]:
        x = leaf(x_p)
        with torch.enable_grad():
            phi = transform(x)
        return phi.detach(), lambda grad: torch.autograd.grad(
            phi, x, grad, retain_graph=True)[0]
    return replace(problem, preprocess=None, transform=of_points, **{
        name: transform(x) for name, x in problem.rows.items()})
