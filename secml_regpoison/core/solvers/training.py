"""How the classifier is trained: settings, and the trained model."""
import math
import warnings
from dataclasses import dataclass
from typing import Callable, Optional

import torch

METHODS = ('fmd', 'implicit', 'rmd')


def check(name, value, ok, condition):
    """Raise ValueError unless `ok`."""
    if not ok:
        raise ValueError(f'`{name}` must be {condition}, got {value!r}.')


@dataclass(frozen=True)
class Inner:
    """How the classifier is trained, and differentiated.

    Parameters
    ----------
    method : {'rmd', 'fmd', 'implicit'}
        Reverse mode, forward mode, or at the optimum.
    n_inner : int
        T, the training steps of 'rmd' and 'fmd'.
    eta : float or None
        Step size; None for ``1 / L`` with the bound on the smoothness
        constant that `smoothness` computes. It moves with the poisoning
        points and with lambda, and the derivatives account for it.
    momentum : float
        Heavy-ball coefficient in [0, 1).
    form : {'auto', 'primal', 'gram'}
        Coordinates of the model; 'auto' takes the cheaper.
    inner_tol : float or None
        'implicit' stops at this norm of the training gradient, relative to
        that at ``u = 0``; None for 1e-8 in float64, 1e-4 in float32.
    truncate : int or None
        'rmd' reverses the last `truncate` steps only; None for all.

    Raises
    ------
    ValueError
        A setting that makes no sense.
    """

    method: str = 'rmd'
    n_inner: int = 150
    eta: Optional[float] = None
    momentum: float = 0.
    form: str = 'auto'
    inner_tol: Optional[float] = None
    truncate: Optional[int] = None

    def __post_init__(self):
        check('method', self.method, self.method in METHODS,
              f'one of {METHODS}')
        check('form', self.form, isinstance(self.form, str)
              and self.form in ('auto', 'primal', 'gram'),
              "'auto', 'primal' or 'gram'")
        check('n_inner', self.n_inner, isinstance(self.n_inner, int)
              and 1 <= self.n_inner < 2 ** 31,
              'an integer of at least 1 and below 2**31')
        check('eta', self.eta, self.eta is None
              or 0. < self.eta < math.inf, 'None or positive and finite')
        check('momentum', self.momentum, 0. <= self.momentum < 1.,
              'in [0, 1)')
        check('inner_tol', self.inner_tol,
              self.inner_tol is None or 0. < self.inner_tol < math.inf,
              'None or positive and finite')
        check('truncate', self.truncate, self.truncate is None
              or isinstance(self.truncate, int) and self.truncate >= 1,
              'None or an integer of at least 1')

    def warn_if_unstable(self, problem, rows_p, lmbda):
        """Warn of an `eta` above ``2 / L``: the steps may not contract."""
        if self.eta is None:
            return
        mu = math.exp(lmbda) / (problem.n_tr + len(rows_p))
        limit = 2. / smoothness(problem, rows_p, mu)[0]
        if self.eta > limit:
            warnings.warn(
                f'eta = {self.eta:g} is above 2 / L = {limit:.3g} of the '
                'training loss: gradient descent may not converge; eta=None '
                'takes 1 / L.', RuntimeWarning, stacklevel=3)


def smoothness(problem, rows_p, mu):
    """A bound on the largest eigenvalue of the training Hessian.

    ``L = (top(A_tr^T A_tr) + top(A_p A_p^T)) / (4 n) + mu``, with top the
    largest eigenvalue: the first is computed once, the second is p x p, and
    no position of the poisoning points is above the sum (Weyl).

    Returns
    -------
    (L, derivative of L by the weights of `rows_p`, (p, d))
    """
    n = problem.n_tr + len(rows_p)
    top, by_rows = 0., torch.zeros_like(rows_p[:, :-1])
    if len(rows_p):
        products = rows_p @ rows_p.T
        if not torch.isfinite(products).all():
            raise FloatingPointError(
                'poisoning points have grown past what '
                f'{rows_p.dtype} can square: bound them, or pass a smaller '
                'step.')
        values, vectors = torch.linalg.eigh(products)
        top, v = float(values[-1]), vectors[:, -1]
        by_rows = torch.outer(v, v @ rows_p[:, :-1]).mul_(2 / (4 * n))
    return (problem.curvature + top) / (4 * n) + mu, by_rows


@dataclass(frozen=True)
class Trained:
    """A trained model in the coordinates of its form.

    u : coordinates of the model. path, q : coordinates (k, n_coords) and
    sigmoids (k, n) at the states that the derivative passes through: the T
    training steps, or the optimum alone. eta : the step size taken, and
    eta_by_rows : its derivative by the weights of the poisoning rows where it
    is ``1 / L``. grad_norm : norm of the training gradient at `u` relative to
    that at 0, and solve : the last Newton step's solver, where the method
    has them.
    """

    form: object
    u: torch.Tensor
    path: torch.Tensor
    q: torch.Tensor
    eta: float = math.nan
    eta_by_rows: Optional[torch.Tensor] = None
    grad_norm: float = math.nan
    solve: Optional[Callable] = None

    @property
    def w(self):
        """Weights, (d,)."""
        return self.form.weights(self.u[None])[0]

    @property
    def b(self):
        """Bias, 0-d."""
        return self.form.biases(self.u)


def training_steps(model, momentum):
    """``-eta grad L(u_t)`` in coordinates, a row a step, read off the path:
    the part of a step that the velocity before it does not explain."""
    vel = torch.cat([model.path[1:], model.u[None]]) - model.path
    steps = vel.clone()
    steps[1:].sub_(vel[:-1], alpha=momentum)
    return steps


def pull_back(model, p, k, s, scale):
    """``scale sum_t d/d(rows, lmbda) (p_t . grad L(u_t))``, (p, d) and 0-d.

    `p` are the adjoints, `k` their scores, `s` the curvatures of the poisoning
    rows, a row a step; the sums are two products of (p, T) with (T, .)
    matrices, done once.
    """
    form, u, n_tr = model.form, model.path, model.form.n_tr
    coords = (model.q[:, n_tr:].T @ p).div_(form.n)
    coords.addmm_((s * k[:, n_tr:]).T, u)
    inner_w = form.inner(p, k, u) - form.biases(p) * form.biases(u)
    return (form.weights(coords).mul_(scale),
            inner_w.sum().mul_(scale * form.mu))
