"""Any small problem: a correct result, whatever the data and the settings."""
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attack_invariants import assert_sound
from attack_problems import make, run
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

# Short, but with all that a long attack does.
BRIEF = {'n_outer': 2, 'n_inner': 8}


@st.composite
def problems(draw):
    """Training, validation and test set, and the scale of their features."""
    rng = np.random.default_rng(draw(st.integers(0, 10 ** 6)))
    d = draw(st.integers(1, 6))
    scale = 10. ** draw(st.integers(-8, 8))
    labels = np.array(draw(st.sampled_from([(0, 1), (-1, 1), (3, 8)])))
    kind = draw(st.sampled_from(
        ['clouds', 'apart', 'noise', 'duplicated', 'constant column']))
    sparse = draw(st.booleans())
    data = []
    for n_rows in (draw(st.integers(3, 20)), draw(st.integers(2, 12)), 5):
        # one row of a class at least
        y = np.r_[0, 1, rng.random(n_rows - 2) < draw(st.floats(0, 1))]
        gap = {'apart': 6., 'noise': 0.}.get(kind, 1.)
        x = rng.normal(gap * y[:, None], 1., (n_rows, d))
        if kind == 'duplicated':
            x = x[rng.integers(0, 2, n_rows)]
        if kind == 'constant column':
            x[:, 0] = 1.
        data.append(CDataset(CArray(x * scale, tosparse=sparse),
                             CArray(labels[y.astype(int)])))
    return data, scale


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems(), solver_type=st.sampled_from(['rmd', 'implicit']),
       poison_mode=st.sampled_from(['append', 'replace']),
       learn_lmbda=st.booleans(), log_c=st.floats(-6, 6),
       box=st.sampled_from(['open', 'range', 'x0']),
       dmax=st.sampled_from([None, 0., .5, 5.]),
       distance=st.sampled_from(['l1', 'l2']),
       batch_size=st.integers(1, 20), seed=st.integers(0, 99),
       share=st.floats(0, 1), target=st.sampled_from([None, 0, 1]))
def test_any_problem(problem, solver_type, poison_mode, learn_lmbda, log_c,
                     box, dmax, distance, batch_size, seed, share, target):
    data, scale = problem
    classes = data[0].classes
    lb, ub = {'open': (None, None), 'x0': ('x0', None), 'range': (
        data[0].X.todense().min(axis=0).ravel(),
        data[0].X.todense().max(axis=0).ravel())}[box]
    attack = make(
        data, None, CClassifierLogistic(C=10. ** log_c), lb=lb, ub=ub,
        dmax=None if dmax is None else dmax * scale, distance=distance,
        solver_type=solver_type, poison_mode=poison_mode,
        learn_lmbda=learn_lmbda, batch_size=batch_size, random_seed=seed,
        y_target=None if target is None else classes[target].item(),
        solver_params=BRIEF)
    n_points = int(share * data[1].num_samples)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of training that stops early
        try:
            result = run(attack, data, n_points)
        except ValueError as refused:
            assert poison_mode == 'replace'
            assert '`n_points` must be few enough' in str(refused)
            return
        except FloatingPointError as stopped:
            # the features' scale squared, beside 1 for the bias; lambda
            # is tuned at the optimum, whatever the attack's solver
            assert scale >= 1e6 and (solver_type == 'implicit' or learn_lmbda)
            assert 'Hessian' in str(stopped)
            return

    assert_sound(attack, data, result)
