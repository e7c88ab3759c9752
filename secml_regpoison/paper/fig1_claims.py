"""Claims of Figure 1 in numbers, on this validation set and on others."""
import time
from dataclasses import asdict, dataclass

import numpy as np
import torch

from . import synthetic

# Two ways of training: T steps of gradient descent, and to the optimum.
TRAININGS = 'gd', 'converged'


@dataclass(frozen=True)
class Claims:
    """Numbers read off the three maps of one validation set.

    The point is *harmless* where, without regularisation, no more validation
    points are classified wrongly than without it, and *harmful* where at
    least two more are.

    none_x, none_y, fixed_x, fixed_y : place of the largest loss in the left
        and in the centre map. none_range, fixed_range : largest less smallest
        error there. clean_error : without the point and regularisation.
    harmless_at_bound : share of the harmless places where the best lambda is
        the lower bound; share_ties : where no lambda has a smaller error
        than the upper bound (ties: the smallest is best);
        harmful_share : of all places; harmful_from_3 : of the harmful ones,
        where it is 3 or more. NaN where there are none.
    largest_by_error, largest_by_loss : of the best lambdas, by the error and
        by the loss.
    """

    none_x: float
    none_y: float
    fixed_x: float
    fixed_y: float
    none_range: float
    fixed_range: float
    clean_error: float
    harmless_at_bound: float
    share_ties: float
    harmful_share: float
    harmful_from_3: float
    largest_by_error: float
    largest_by_loss: float


# The claims of the figure; each holds or not for a `Claims`.
HOLDS = {
    'optimum on the left edge in both maps':
        lambda c, low: c.none_x == low and c.fixed_x == low,
    'optimum higher up without regularisation':
        lambda c, low: c.none_y > c.fixed_y,
    'error range in the centre at most half':
        lambda c, low: c.fixed_range <= .5 * c.none_range,
    'lower bound at 9 of 10 harmless places':
        lambda c, low: c.harmless_at_bound >= .9,
    'lambda of 3 to 6 at 9 of 10 harmful places':
        lambda c, low: c.harmful_from_3 >= .9}


def panel_lmbdas(settings):
    """Lambdas of the right panel, in increasing order."""
    low, high = settings.lmbda_bounds
    return np.linspace(low, high, 1 + round((high - low)
                                            / settings.lmbda_step))


def best_lmbda(lmbdas, measure):
    """The lambda of the smallest `measure` (L, G) at each place, (G,).

    The error is a step function: of lambdas that tie, the smallest.
    """
    return lmbdas[np.argmin(measure, axis=0)]


def make_claims(settings, places, clean_error, error, loss):
    """`Claims` of the errors and losses, both (L + 1, G).

    A row each for the lambdas of `panel_lmbdas`, the first of which is the
    left panel's, and then one for the centre panel's.
    """
    lmbdas = panel_lmbdas(settings)
    by_error, by_loss = (best_lmbda(lmbdas, measure[:-1])
                         for measure in (error, loss))
    harmless = error[0] <= clean_error
    harmful = error[0] >= clean_error + 2 / (2 * settings.n_val_per_class)
    none, fixed = (places[int(np.argmax(row))] for row in (loss[0], loss[-1]))
    return Claims(
        *map(float, (*none, *fixed)), float(np.ptp(error[0])),
        float(np.ptp(error[-1])), float(clean_error),
        _share(by_error[harmless] == lmbdas[0]),
        _share((error[-2] <= error[:-1].min(axis=0))[harmless]),
        float(harmful.mean()),
        _share(by_error[harmful] >= 3), float(by_error.max()),
        float(by_loss.max()))


def _share(hits):
    return float(hits.mean()) if hits.size else float('nan')


def other_validation_sets(settings, clean):
    """Claims on `n_draws` validation sets that were not picked.

    `clean` are the clean models, a tuple of three numbers for each of
    `TRAININGS`. One row for each seed from 0 and each training.
    """
    began = time.perf_counter()
    places = synthetic.grid(settings, settings.draw_places)
    x_tr, y_tr = synthetic.training_rows()
    models = [synthetic.train_many(x_tr, y_tr, places, 1., lmbda,
                                   settings.eta, settings.n_inner)
              for lmbda in (*panel_lmbdas(settings), settings.lmbda_fixed)]
    rows = []
    for seed in range(settings.n_draws):
        x_val, y_val = synthetic.validation_rows(
            settings.n_val_per_class, seed)
        for training, u_clean, *models_of in zip(
                TRAININGS, clean, *models):
            u = torch.cat([*models_of, torch.tensor([u_clean])])
            error, loss = (
                measure.numpy() for measure in
                synthetic.evaluate(u, x_val, y_val))
            rows.append(dict(seed=seed, training=training, **asdict(
                make_claims(settings, places.numpy(), error[-1],
                            *(measure[:-1].reshape(len(models), -1)
                              for measure in (error, loss))))))
    seconds = (time.perf_counter() - began) / len(rows)
    return {**{name: np.array([row[name] for row in rows])
               for name in rows[0]},
            'n_hypergradients': np.zeros(len(rows), int),
            'seconds': np.full(len(rows), seconds)}
