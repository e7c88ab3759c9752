"""Small real and synthetic data for the tests of the attack, and oracles."""
import functools

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from secml_regpoison import CAttackPoisoningMinimaxLR

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

# Enough for tests of behaviour, too little for a strong attack.
QUICK = {'n_outer': 4, 'n_inner': 15}

# The paper's scheme: points that are placed stay where they are.
BATCHES = {'joint': False, 'batch_size': 4}


def clouds(n_rows, seed, d=2, labels=(0, 1), spread=.25):
    """Two overlapping clouds in the unit cube, rows of the two in turn: the
    second has more of the even features and less of the odd ones."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    centre = .5 + .15 * np.outer(2 * y - 1, (-1) ** np.arange(d))
    x = np.clip(rng.normal(centre, spread), 0, 1)
    return CDataset(CArray(x), CArray(np.array(labels)[y]))


def small(**kwargs):
    """Training, validation and test set of clouds: 40, 24 and 60 rows."""
    return tuple(clouds(n_rows, seed, **kwargs)
                 for seed, n_rows in enumerate((40, 24, 60), 1))


@functools.lru_cache(None)
def _digits(classes):
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(
        np.flatnonzero(np.isin(y, classes)))
    return x[rows] / 16, y[rows]


def digits(classes=None):
    """The same of digits 0 v 8, labels 0 and 1, or of `classes`, labels as
    they are; pixels in [0, 1]: 100, 50 and at least 202 rows."""
    x, y = _digits(classes or (0, 8))
    if classes is None:
        y = (y == 8).astype(int)
    return tuple(CDataset(CArray(x[rows]), CArray(y[rows])) for rows in (
        slice(0, 100), slice(100, 150), slice(150, None)))


def make(data, n_points=None, clf=None, **kwargs):
    """An attack on `data`; by default quick, on a classifier with C = 1."""
    kwargs.setdefault('solver_params', QUICK)
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogistic() if clf is None else clf, data[0], data[1],
        **kwargs)
    attack.n_points = n_points
    return attack


def run(attack, data, n_points=None, **kwargs):
    """`attack.run` on the test set of `data`, at `n_points` if given."""
    if n_points is not None:
        attack.n_points = n_points
    return attack.run(data[2].X, data[2].Y, **kwargs)


def fit_optimum(dataset, lmbda, kind=CClassifierLogistic, scaler=None):
    """Weights and bias at the optimum of a class of classifiers, by
    scikit-learn: its C multiplies the sum of the losses.

    liblinear penalises the bias, as in `CClassifierLogistic`; Newton does
    not. With a `scaler` of scikit-learn, one fitted on the rows comes third.
    """
    x, y = dataset.X.tondarray(), dataset.Y.tondarray()
    fitted = [] if scaler is None else [clone(scaler).fit(x)]
    clf = LogisticRegression(
        C=np.exp(-lmbda), tol=1e-10, max_iter=10000, random_state=0,
        solver='liblinear' if issubclass(kind, CClassifierLogistic)
        else 'newton-cholesky')
    clf.fit(fitted[0].transform(x) if fitted else x, y)
    return (clf.coef_[0], clf.intercept_[0], *fitted)


def fit_gradient_descent(dataset, lmbda, n_inner, eta, momentum, beta=1.):
    """Weights and bias after steps of gradient descent from zero; `beta` is
    the bias's share of the penalty, 1 as in `CClassifierLogistic`."""
    x = np.c_[dataset.X.tondarray(), np.ones(dataset.num_samples)]
    y = 2. * (dataset.Y.tondarray() == dataset.Y.max()) - 1
    u = velocity = np.zeros(x.shape[1])
    penalty = np.exp(lmbda) / len(y) * np.r_[np.ones(len(u) - 1), beta]
    for _ in range(n_inner):
        grad = x.T @ (-y / (1 + np.exp(y * (x @ u)))) / len(y) + penalty * u
        velocity = momentum * velocity - eta * grad
        u = u + velocity
    return u[:-1], u[-1]


def scores_of(model, dataset):
    """Scores ``phi(x_j) . w + b`` by a model of `fit_optimum`."""
    w, b, *scaler = model
    x = dataset.X.tondarray()
    return (scaler[0].transform(x) if scaler else x) @ w + b


def loss(model, dataset, target=None):
    """``(1/m) sum_j log(1 + exp(-y_j (x_j . w + b)))``, in natural log."""
    y = 2. * (dataset.Y.tondarray() == dataset.Y.max()) - 1
    y = y if target is None else np.full_like(y, target)
    return np.logaddexp(0, -y * scores_of(model, dataset)).mean()


def kept_iterate(attack):
    """Index of the iterate that the last batch kept, with its lambda."""
    n_last = attack.x0.shape[0]
    kept = attack.xc.tondarray()[attack.xc.shape[0] - n_last:].ravel()
    same = (attack.x_seq.tondarray() == kept).all(axis=1)
    same &= (attack.lmbda_seq.tondarray().ravel()
             == attack.adv_ds.header.search_lmbda)
    return int(np.flatnonzero(same)[-1])


def solver_value(attack):
    """The attacker's loss by the solver's model, which the attack raises."""
    return attack.f_seq[kept_iterate(attack)].item()
