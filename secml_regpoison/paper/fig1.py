"""Figure 1: one poisoning point against a synthetic problem.

Left and centre: the validation error as a function of the poisoning point's
place, without regularisation and at a fixed lambda. Right: the lambda of the
smallest validation error for each place. See `config.Figure1`.
"""
import time
from dataclasses import fields

import numpy as np
import pandas as pd
import torch

from secml_regpoison.core import solve
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.solvers import Training
from . import fig1_picture, synthetic
from .fig1_claims import (
    HOLDS, TRAININGS, Claims, best_lmbda, make_claims, other_validation_sets,
    panel_lmbdas)

PANELS = {'no_reg': 'lmbda_none', 'lambda_log20': 'lmbda_fixed'}


def make(settings, compute):
    """Make the figure, see `paper`.

    fig1.csv has boundaries and optima, fig1_maps.csv a line for each place,
    fig1_draws.csv a line for each validation set of `fig1_claims`.
    """
    problem = synthetic.make_problem(settings)
    attacks, maps, draws = _compute(settings, problem, compute)
    rows = _rows(settings, problem, attacks)
    places = synthetic.grid(settings, settings.n_places)
    claims = {training: make_claims(
        settings, places.numpy(), rows[0][f'error_{training}'],
        maps[f'error_{training}'], maps[f'loss_{training}'])
        for training in TRAININGS}
    return ({'': rows, '_maps': _map_rows(settings, places, maps),
             '_draws': pd.DataFrame(draws).to_dict('records')},
            _draw(settings, problem, rows, attacks, maps),
            (_table(rows), _verdict(settings, claims, draws)))


def _compute(settings, problem, compute):
    """Results of the attacks, the maps (stacked by lambda) and the draws."""
    lmbdas = panel_lmbdas(settings).tolist()
    panels = [getattr(settings, name) for name in PANELS.values()]
    clean = tuple(tuple(u.tolist()) for u in core_models(
        settings, problem, problem.x_tr[:0], settings.lmbda_none))
    results = compute(
        [(attack_cell, settings, lmbda) for lmbda in panels]
        + [(other_validation_sets, settings, clean)]
        + [(map_cell, settings, lmbda)
           for lmbda in (*lmbdas, settings.lmbda_fixed)])
    *attacks, draws = results[:3]
    maps = {name: np.stack([part[name] for part in results[3:]])
            for name in results[3]}
    return attacks, maps, draws


def map_cell(settings, lmbda):
    """Error, loss and run time at each place of the point, one lambda."""
    began = time.perf_counter()
    x_val, y_val = synthetic.validation_rows(
        settings.n_val_per_class, settings.val_seed)
    models = synthetic.train_many(
        *synthetic.training_rows(),
        synthetic.grid(settings, settings.n_places), 1., lmbda, settings.eta,
        settings.n_inner)
    measures = {}
    for training, u in zip(TRAININGS, models):
        measures[f'error_{training}'], measures[f'loss_{training}'] = (
            synthetic.evaluate(u, x_val, y_val))
    seconds = time.perf_counter() - began
    return {**measures,
            'seconds': np.full(len(u), seconds / len(u))}


def attack_cell(settings, lmbda):
    """The best of several ascents of the point, lambda held.

    They start from the first validation points of the blue class, with the
    label flipped, and follow the gradient through the same training steps
    that the maps are drawn with.
    """
    problem = synthetic.make_problem(settings)
    starts = problem.x_val[problem.y_val < 0][:settings.n_starts]
    began = time.perf_counter()
    solutions = [
        solve(problem, start[None], problem.y_tr.new_ones(1), lmbda,
              *settings.box, learn_lmbda=False, n_outer=settings.n_outer,
              tol=settings.tol, method='rmd', n_inner=settings.n_inner,
              eta=settings.eta, momentum=0.) for start in starts]
    values = [solution.value for solution in solutions]
    best = int(np.argmax(values))
    return dict(start=starts[best], optimum=solutions[best].x_p[0],
                value=values[best], values=values,
                n_hypergradients=sum(
                    solution.n_evaluations for solution in solutions),
                seconds=time.perf_counter() - began)


def core_models(settings, problem, x_p, lmbda):
    """``(w, b)`` by the core, after `n_inner` steps and at the optimum."""
    y_p = x_p.new_ones(len(x_p))
    return [torch.cat([model.w, model.b[None]]) for training in (
        Training('rmd', settings.n_inner, settings.eta),
        Training('implicit', inner_tol=1e-11))
        for model in [LinearModel(problem, y_p, training).train(x_p, lmbda)]]


def _rows(settings, problem, attacks):
    """Lines of fig1.csv: two lambdas, without the point and with it at the
    published optimum and at ours."""
    read_off = synthetic.published()
    rows = []
    for (name, field), attack in zip(PANELS.items(), attacks):
        optimum = 'optimum_' + name.replace('no_reg', 'no_regularisation')
        for point, x_p in (('none', []),
                           ('published', [read_off['poison'][optimum]]),
                           ('optimised', [attack['optimum'].tolist()])):
            kind = 'clean' if point == 'none' else 'poisoned'
            a, b = read_off['boundaries_x_equals_a_plus_b_y'][
                f'{kind}_{name}']
            own = point == 'optimised'
            rows.append({
                'lmbda': getattr(settings, field), 'poisoning_point': point,
                **dict(zip(('x_1', 'x_2'), x_p[0] if x_p else ('', ''))),
                'a_published': a, 'b_published': b,
                **_evaluate(settings, problem, x_p, getattr(settings, field)),
                'n_hypergradients':
                    int(attack['n_hypergradients']) if own else 0,
                'seconds': float(attack['seconds']) if own else 0.})
    return rows


def _evaluate(settings, problem, x_p, lmbda):
    """Boundary, error and loss for each training, as columns."""
    x_p = torch.tensor(x_p, dtype=torch.float64).reshape(-1, 2)
    columns = {}
    for training, u in zip(TRAININGS, core_models(
            settings, problem, x_p, lmbda)):
        error, loss = synthetic.evaluate(
            u[None], problem.x_val, problem.y_val)
        values = (*synthetic.boundary(u), float(error), float(loss))
        columns.update(zip((f'{name}_{training}' for name in (
            'a', 'b', 'error', 'loss')), values))
    return columns


def _map_rows(settings, places, maps):
    """Lines of fig1_maps.csv, a place each; no hypergradient is needed."""
    measured = {name: values for name, values in maps.items()
                if name != 'seconds'}
    columns = {'x_1': places[:, 0].numpy(), 'x_2': places[:, 1].numpy()}
    for name, row in (('no_reg', 0), ('lambda_log20', -1)):
        columns.update((f'{measure}_{name}', values[row])
                       for measure, values in measured.items())
    columns.update((f'best_lmbda_by_{measure}',
                    best_lmbda(panel_lmbdas(settings), values[:-1]))
                   for measure, values in measured.items())
    columns.update(n_hypergradients=np.zeros(len(places), int),
                   seconds=maps['seconds'].sum(0))
    return pd.DataFrame(columns).to_dict('records')


def _draw(settings, problem, rows, attacks, maps):
    """The picture, of the training that the paper's boundaries show."""
    shape = settings.n_places, settings.n_places
    best = best_lmbda(panel_lmbdas(settings), maps['error_gd'][:-1])
    lines = [{'clean': (clean['a_gd'], clean['b_gd']),
              'poisoned': (poisoned['a_gd'], poisoned['b_gd'])}
             for clean, poisoned in zip(rows[::3], rows[2::3])]
    return fig1_picture.draw(
        settings,
        # `grid` runs by columns, pictures by rows
        [values.reshape(shape).T for values in (
            maps['error_gd'][0], maps['error_gd'][-1], best)],
        lines, attacks, problem.x_tr.numpy(), problem.y_tr.numpy())


def _table(rows):
    """Text of fig1.csv: boundaries beside the published ones, and errors."""
    lines = [f"{'lambda':>6} {'poison':>9} {'x_1':>6} {'x_2':>6}  "
             f"{'published x = a + b y':>22}  {'T steps':>16}  "
             f"{'converged':>16}  {'error % (T, conv.)':>18}"]
    for row in rows:
        place = ''.join(f'{row[name]:7.2f}' if row[name] != '' else ' ' * 7
                        for name in ('x_1', 'x_2'))
        line = '  '.join(
            f"{row[f'a_{source}']:>{width}.3f} {row[f'b_{source}']:8.4f}"
            for source, width in (('published', 13), ('gd', 7),
                                  ('converged', 7)))
        lines.append(
            f"{row['lmbda']:6.2f} {row['poisoning_point']:>9}{place}  {line}"
            f"  {100 * row['error_gd']:10.2f} "
            f"{100 * row['error_converged']:6.2f}")
    a, b = (max(abs(row[f'{name}_gd'] - row[f'{name}_published'])
                for row in rows if row['poisoning_point'] != 'optimised')
            for name in 'ab')
    return '\n'.join((*lines, 'largest distance from the published '
                      f'boundaries, T steps: {a:.3f} in a, {b:.4f} in b'))


def _verdict(settings, claims, draws):
    """Whether the claims hold here, and in which share of the draws."""
    low = settings.box[0]
    names = [field.name for field in fields(Claims)]
    lines = [f"{'claim':44} {'T steps':>8} {'converged':>10}   "
             f'share of {settings.n_draws} other draws']
    for text, holds in HOLDS.items():
        here = ['yes' if holds(claims[name], low) else 'no'
                for name in TRAININGS]
        shares = [100 * np.mean([
            holds(Claims(*row), low) for row in zip(
                *(draws[name][draws['training'] == training]
                  for name in names))]) for training in TRAININGS]
        lines.append(f'{text:44} {here[0]:>8} {here[1]:>10}   '
                     f'{shares[0]:4.0f} %{shares[1]:8.0f} %')
    here, high = claims[TRAININGS[0]], settings.lmbda_bounds[1]
    lines.append(
        f'T steps: at {100 * here.share_ties:.0f} % of the harmless places '
        f'no lambda has a smaller error than {high:g}; by the loss, the best '
        f'lambda is at most {here.largest_by_loss:g} at any place')
    return '\n'.join(lines)
