"""The paper's synthetic problem, and trainings for many places at once.

Training minimises the objective of `core.coordinates.margins` on the 32
training rows and one poisoning point, for a batch of places of that point:

    L(u) = (1/n) sum_i l(a_i . u) + mu/2 ||w||^2,  mu = exp(lmbda)/n

with ``n = 33``, signed rows ``a_i = -y_i (x_i, 1)`` and ``u = (w, b)``; the
bias is not penalised. All rows but the last are the same for each place, so
that a step for all places is two products with one small matrix.
"""
import json
import math
from importlib import resources

import numpy as np
import torch

from secml_regpoison.core import Problem
from secml_regpoison.core.coordinates import signed_rows
from secml_regpoison.core.linear_model import LOGISTIC

# Places trained together: their scores stay in a core's cache.
CHUNK = 1000
# Gradient norm at which Newton stops, relative to that at zero weights.
TOL = 1e-10


def published():
    """What was read off the published figure, as a dict."""
    path = resources.files(__package__) / 'data' / 'points.json'
    return json.loads(path.read_text(encoding='utf-8'))


def training_rows():
    """Training points (32, 2) and labels, -1 blue and +1 green, (32,)."""
    points = published()
    classes = [torch.tensor(points[name], dtype=torch.float64)
               for name in ('class_0_blue', 'class_1_green')]
    return torch.cat(classes), _signs(*map(len, classes))


def _signs(n_blue, n_green):
    return torch.cat([-torch.ones(n_blue, dtype=torch.float64),
                      torch.ones(n_green, dtype=torch.float64)])


def validation_rows(n_per_class, seed):
    """Validation points (2 n, 2) and labels, blue first.

    Drawn from one Gaussian a class, with the mean and the unbiased covariance
    of the class's training points: the paper's are not known.
    """
    x_tr, y_tr = training_rows()
    rng = np.random.default_rng(seed)
    drawn = []
    for sign in (-1, 1):
        x = x_tr[y_tr == sign].numpy()
        drawn.append(rng.multivariate_normal(
            x.mean(0), np.cov(x.T), n_per_class))
    return (torch.from_numpy(np.concatenate(drawn)),
            _signs(n_per_class, n_per_class))


def make_problem(settings):
    """The core's `Problem` of `settings`."""
    return Problem(*training_rows(), *validation_rows(
        settings.n_val_per_class, settings.val_seed))


def grid(settings, n_places):
    """Places of the poisoning point, (n_places^2, 2), by columns."""
    side = torch.linspace(*settings.box, n_places, dtype=torch.float64)
    return torch.cartesian_prod(side, side)


class Rows:
    """Fixed signed rows (n_tr, 3), and one row of its own for each place."""

    def __init__(self, rows_tr, rows_p):
        self.tr, self.p = rows_tr, rows_p
        self.n = len(rows_tr) + 1
        # products of a row's entries: a Hessian is a weighted sum of them
        self.outer_tr, self.outer_p = (
            (rows[:, :, None] * rows[:, None]).flatten(1)
            for rows in (rows_tr, rows_p))

    def matvec(self, u):
        """``a_i . u`` for each place, (G, n)."""
        return torch.cat([u @ self.tr.T, (u * self.p).sum(1, keepdim=True)],
                         1)

    def rmatvec(self, q):
        """``sum_i q_i a_i`` for each place, (G, 3)."""
        return q[:, :-1] @ self.tr + q[:, -1:] * self.p

    def hessian(self, s):
        """``sum_i s_i a_i a_i^T`` for each place, (G, 3, 3)."""
        return (s[:, :-1] @ self.outer_tr
                + s[:, -1:] * self.outer_p).view(-1, 3, 3)


def train_many(x_tr, y_tr, places, y_p, lmbda, eta, n_inner):
    """Models for each place of the poisoning point.

    Parameters
    ----------
    x_tr, y_tr : Tensor, shapes (n, 2) and (n,)
    places : Tensor, shape (G, 2)
    y_p : float
        Label of the poisoning point.
    lmbda, eta : float
    n_inner : int
        Steps of plain gradient descent from zero.

    Returns
    -------
    descended, converged : Tensor, shape (G, 3)
        ``(w, b)`` after `n_inner` steps, and at the optimum.

    Raises
    ------
    FloatingPointError
        If Newton's method ends short of the optimum.

    """
    rows_tr = signed_rows(x_tr, y_tr)
    models = []
    for part in places.split(CHUNK):
        rows = Rows(rows_tr, signed_rows(
            part, torch.full_like(part[:, 0], y_p)))
        mu = math.exp(lmbda) / rows.n * part.new_tensor([1., 1., 0.])
        descended = _descend(rows, mu, eta, n_inner)
        models.append((descended, _newton(rows, mu, descended)))
    return tuple(torch.cat(parts) for parts in zip(*models))


def _descend(rows, mu, eta, n_inner):
    """Plain gradient descent from 0."""
    u = torch.zeros_like(rows.p)
    for _ in range(n_inner):
        q = LOGISTIC.slope(rows.matvec(u))
        u = u - eta * (rows.rmatvec(q) / rows.n + mu * u)
    return u


def _newton(rows, mu, u):
    """Newton's method, each place on its own; whole steps do from `u`."""
    half = torch.full_like(u[:, :1], .5).expand(-1, rows.n)
    scale = torch.linalg.vector_norm(rows.rmatvec(half) / rows.n, dim=1)
    for _ in range(100):
        q = LOGISTIC.slope(rows.matvec(u))
        grad = rows.rmatvec(q) / rows.n + mu * u
        left = torch.linalg.vector_norm(grad, dim=1) / scale
        if (left <= TOL).all():
            return u
        hess = rows.hessian(q * (1 - q) / rows.n) + torch.diag(mu)
        u = u - torch.linalg.solve(hess, grad)
    raise FloatingPointError(
        f'training stopped at a relative gradient norm of '
        f'{float(left.max()):.1e}, asked for {TOL:g}: lambda is too small '
        'for these points.')


def evaluate(u, x_val, y_val):
    """Share of validation points classified wrongly and mean loss, (G,)."""
    h = u @ signed_rows(x_val, y_val).T
    wrong = (h > 0).sum(1).double() / len(y_val)
    return wrong, LOGISTIC.value(h).mean(1)


def boundary(u):
    """``(a, b)`` of the line ``x = a + b y`` where the scores are 0."""
    w_x, w_y, bias = u.tolist()
    return -bias / w_x, -w_y / w_x
