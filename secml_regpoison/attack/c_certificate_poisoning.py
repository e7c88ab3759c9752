"""
.. module:: CCertificatePoisoning
   :synopsis: Bounds of what any poison can do at a fixed lambda

"""
import time
from dataclasses import replace

import numpy as np
import torch

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

from secml_regpoison.convert import signs, to_carray, to_tensor
from secml_regpoison.core import Problem
from secml_regpoison.core.certificate import enclose
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.penalties import L2
from secml_regpoison.core.solvers import Training
from secml_regpoison.limits import MAX_LMBDA
from secml_regpoison.validation import (
    LARGEST, check, check_integer, check_number)
from . import settings
from .box import bound_tensors
from .certificate import Certificate
from .feasible import filter_of
from .targets import set_seed, target_of

# A training objective further above its least, relatively, is of another
# model than the bound.
EXCESS = 1e-3


def _check_attack(attack):
    """Raise where the classifier has no certificate."""
    clf = getattr(attack, 'classifier', None)
    target = target_of(clf)
    if target is None or target.by_class or not target.is_exact \
            or target.penalty is not L2:
        raise TypeError(
            '`attack` must be on a classifier of two classes that '
            'minimises a smooth loss with an L2 penalty, as '
            'CClassifierLogisticTorch, got '
            f'{type(attack if clf is None else clf).__name__}.')
    check('attack.classifier.preprocess', type(clf.preprocess).__name__,
          clf.preprocess is None, 'None',
          ' Standardise the rows beforehand: a bound holds for features that '
          'no poison changes.')
    solver = getattr(clf, 'solver', None)
    check('attack.classifier.solver', solver, solver != 'sgd', 'another',
          ' A bound holds for the optimum, and this solver stops early.')
    check('attack.learn_lmbda', attack.learn_lmbda, attack.learn_lmbda
          != 'trust', "True or False",
          ' A bound holds for rows that count alike.')


def _corners(feasible):
    """The corners of a box of up to five features, (2 ** d, d), else none."""
    d = feasible.x_0.shape[1]
    if not feasible.is_box or d > 5:
        return feasible.x_0[:0]
    return torch.cartesian_prod(*torch.stack([
        feasible.lb.expand(d), feasible.ub.expand(d)], 1)).view(-1, d)


class CCertificatePoisoning:
    r"""Certificates of a classifier against poison in its feasible set.

    .. math::

        U(\lambda) = \min_{w, b} \frac{1}{n} \left( \sum_{clean} l(y_i f(x_i))
        + p \max_{(x, y) \in F} l(y f(x)) \right) + \frac{e^\lambda}{2 n}
        (\|w\|^2 + \beta b^2)

    with the loss l of the attack's class, a function of the margin. No p of n
    rows in F make a larger training objective; points that count in parts, p
    rows together, reach it. n U is at least the clean rows' sum of losses. It
    is computed from above and, by such points, from below. F is the box of the
    attack and the filter of its `feasible`; `dmax`, masks and whole numbers
    are left out, which makes the bound larger than it need be, never wrong.
    The labels are any. Steinhardt, Koh, Liang 2017, arXiv 1706.03691.

    Parameters
    ----------
    attack : CAttackPoisoningMinimax
        Its classifier, data, box, `feasible` and `poison_mode` are used. The
        classifier has no preprocess: a bound holds for features that no
        poison changes. Standardise the rows beforehand.
    rtol : float, optional
        Relative gap at which the search ends. Default 0.01.
    max_iter : int, optional
        Rounds of the search at most. Default 60.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, the condition and the value.
    """

    def __init__(self, attack, rtol=.01, max_iter=60):
        _check_attack(attack)
        check_number('rtol', rtol, lambda tol: 0 < tol < 1,
                     'between 0 and 1')
        check_integer('max_iter', max_iter, 1)
        self.attack, self.rtol, self.max_iter = attack, rtol, max_iter

    def run(self, n_points, lmbda=None):
        """Certify the classifier against that many points.

        Parameters
        ----------
        n_points : int
            Poison rows, at least 1.
        lmbda : float or None, optional
            Natural log. Default None: the attack's `lmbda`, which is learned
            or the classifier's own.

        Returns
        -------
        Certificate
            ``print`` it.

        Raises
        ------
        TypeError, ValueError
            Naming the parameter, the condition and the value; also where the
            classifier's own training stops so short of its optimum that the
            bound does not hold for it.
        """
        began, attack = time.thread_time(), self.attack
        _check_attack(attack)  # it may have changed since
        data = attack._prepare()
        check_integer('n_points', n_points, 1)
        lmbda = attack.lmbda if lmbda is None else lmbda
        check_number('lmbda', lmbda, lambda value: abs(value) <= MAX_LMBDA,
                     f'between {-MAX_LMBDA:g} and {MAX_LMBDA:g}')
        settings.check_clean_rows_left('n_points', n_points, data)
        rows = torch.from_numpy(data.clean_rows(n_points))
        target, y = target_of(attack.classifier), data.y_tr[rows]
        feasible = self._feasible(data)
        found = enclose(
            data.x_tr[rows], y, feasible, n_points, float(lmbda),
            target.loss, target.beta, self.rtol, self.max_iter)
        scale = (len(rows) + n_points) / len(rows)
        rows_clean = CDataset(to_carray(data.x_tr[rows]), data.decode(y))
        clean, *attacked = (
            (self._clean_loss(rows_clean, y, poison, lmbda), poison)
            for poison in self._attacks(data, feasible, found, n_points,
                                        lmbda))
        worst = max(attacked, key=lambda one: one[0])
        share = float((y > 0).double().mean())
        error = min(1., scale * found.upper / float(
            target.loss.value(data.x_tr.new_zeros(1))))
        return Certificate(
            n_points, len(rows), float(lmbda), scale * found.upper, worst[0],
            clean[0], found.gap, error, error >= min(share, 1 - share),
            found.upper, found.lower, worst[1], found.n_iter,
            time.thread_time() - began)

    def _feasible(self, data):
        """F, for a point of each label."""
        attack, clean = self.attack, filter_of(self.attack, data)
        lb, ub = (None if isinstance(bound, str) else bound
                  for bound in (attack.lb, attack.ub))
        lb, ub = bound_tensors(lb, ub, data.x_val)
        check('attack.lb', (attack.lb, attack.ub), clean is not None or (
            (lb > -LARGEST).all() and (ub < LARGEST).all()),
            'numbers, as `attack.ub`, or the attack with a '
            'CFeasibleSphereSlab',
            ' Without limits any loss is possible.')
        return FeasibleSet(torch.zeros_like(data.x_tr[:2]), lb, ub,
                           filter=clean)

    def _attacks(self, data, feasible, found, n_points, lmbda):
        """Yield no poison, that of the lower bound, all of it where most of
        that of a label stands, or at a corner of a box of few features, and
        the attack's own if it is in F: bounds may have been set since."""
        header = CDatasetHeader(lmbda=float(lmbda))
        # whole points: the largest remainders are rounded up
        shares = n_points * found.weights.numpy(force=True)
        counts = np.floor(shares).astype(int)
        first = np.argsort(counts - shares)[:n_points - counts.sum()]
        counts[first] += 1
        places, labels = np.arange(len(counts)), found.labels.numpy(force=True)
        for chosen in (0 * counts, counts, *(
                n_points * (places == (shares * (labels == label)).argmax())
                for label in np.unique(labels))):
            rows = torch.from_numpy(np.repeat(places, chosen))
            yield CDataset(to_carray(found.points[rows]),
                           data.decode(found.labels[rows]), header)
        for corner in _corners(feasible):
            x = corner.expand(n_points, -1)
            for y in data.y_tr.new_tensor([-1., 1.]):
                yield CDataset(to_carray(x), data.decode(y.expand(n_points)),
                               header)
        own = self.attack.adv_ds
        if own is not None and own.num_samples == n_points:
            clean = feasible.filter and feasible.filter.for_labels(
                data.encode(own.Y))
            if replace(feasible, filter=clean).contains(
                    to_tensor(own.X, data.device)).all():
                yield CDataset(own.X, own.Y, header)

    def _excess(self, clf, rows, lmbda):
        """By how much the classifier's training objective is above the least,
        relative."""
        target, device = target_of(clf), self.attack._prepare().x_tr.device
        x, y = to_tensor(rows.X, device), signs(rows.Y, rows.classes, device)
        model = target.model(Problem(x, y, x, y), y[:0],
                             Training('implicit'), target.loss, target.beta)
        best = model.train(x[:0], lmbda)
        penalty = L2(lmbda, len(x), target.beta)

        def objective(w, b):
            return float(target.loss.value(-y * (x @ w + b)).mean()
                         + penalty.value(w, b))
        least = objective(best.w, best.b)
        w, b = (to_tensor(CArray(part), device).ravel()
                for part in (clf.w, clf.b))
        return objective(w, b[0]) / least - 1

    def _clean_loss(self, clean, y, poison, lmbda):
        """Mean loss on the clean rows of the user's classifier, retrained."""
        clf = set_seed(self.attack.classifier.deepcopy())
        target = target_of(clf)
        target.set_lmbda(clf, lmbda)
        both = clean.append(poison) if poison.num_samples else clean
        clf.fit(both.X, both.Y)
        excess = self._excess(clf, both, lmbda)
        check('attack.classifier', f'{type(clf).__name__}, whose objective is '
              f'{excess:.1%} above its least', excess <= EXCESS,
              'trained to its optimum, for which the bound is',
              ' Take CClassifierLogisticTorch, or standardised features, a '
              'larger lambda, a smaller tolerance or more iterations.')
        scores = to_tensor(clf.decision_function(clean.X, y=1),
                           y.device).ravel()
        return float(target.loss.value(-y * scores).mean())
