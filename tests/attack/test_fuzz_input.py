"""Any input at all: a correct result, or an error that says what is wrong."""
import re
import warnings
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attack_invariants import assert_sound
from attack_problems import make, run
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic
from secml_regpoison import CClassifierLogisticTorch

NAN, INF = float('nan'), float('inf')
BRIEF = {'n_outer': 2, 'n_inner': 8}

# What an error of ours looks like: of an argument, or of the numbers.
CLEAR = re.compile(r'`[\w.]+` must |^poisoning points have grown|'
                   r'^training diverged|^the training Hessian is singular|'
                   r'^the hypergradient is not finite')
DTYPES = ['f8', 'f4', 'f2', 'i8', 'i1', 'u1']


def mostly(good, bad, times=12):
    """A strategy that draws from `bad` now and then."""
    return st.integers(0, times).flatmap(
        lambda k: st.sampled_from(good if k else bad))


LOWER = st.one_of(
    mostly([None, 'x0', -INF, -1e8, -2, -.5, 0, np.float32(-1)],
           [NAN, INF, 'far', True, 1e31, CArray([0] * 7)]),
    st.floats(-1e8, 0))
UPPER = st.one_of(
    mostly([None, 'x0', INF, 1e8, 2, .5, 0, np.int8(1)],
           [NAN, -INF, 'far', [1], -1e31, -1e9, CArray([[1, 1], [1, 1]])]),
    st.floats(0, 1e8))


@st.composite
def datasets(draw, d, labels, n_rows, spoilt):
    """Rows of any dtype and scale, in two classes or, spoilt, in others."""
    rng = np.random.default_rng(draw(st.integers(0, 10 ** 6)))
    x = rng.normal(size=(n_rows, d)) * 10. ** draw(st.integers(-8, 8))
    kinds = draw(st.sets(st.sampled_from(
        ['duplicated', 'constant', 'columns', 'zero'])))
    if 'duplicated' in kinds:
        x = x[rng.integers(0, max(1, n_rows // 3), n_rows)]
    if 'constant' in kinds and d:
        x[:, -1] = x[0, -1]
    if 'columns' in kinds and d:
        x[:, 0] = x[:, -1]
    if 'zero' in kinds:
        x[rng.random(x.shape) < .8] = 0
    with np.errstate(over='ignore', invalid='ignore'):
        x = x.astype(draw(st.sampled_from(DTYPES + ['?'] * spoilt)))
    if spoilt and x.dtype.kind == 'f' and x.size:
        x.flat[0] = draw(st.sampled_from([NAN, INF, 1., 1e4]))
    # one row a class at least, unless it is spoilt
    y = np.r_[0, 1, rng.integers(0, 2, max(0, n_rows - 2))][:n_rows]
    sparse = draw(st.booleans()) and x.dtype != np.float16  # SciPy has none
    return CDataset(CArray(x, tosparse=sparse),
                    CArray(np.array(labels)[y]))


@st.composite
def problems(draw):
    """Training, validation and test set; now and then what cannot be."""
    spoilt = draw(st.integers(0, 8)) == 0
    d = draw(st.integers(0 if spoilt else 1, 5))
    labels = draw(st.sampled_from(
        [(0, 0), (.5, 1), (0, 1)] if spoilt else
        [(0, 1), (-1, 1), (8, 3), (0., 1.), (False, True)]))
    least = 1 if spoilt else 2
    return [draw(datasets(d, labels, draw(st.integers(least, most)), spoilt))
            for most in (20, 12, 5)]


@pytest.mark.slow
@settings(max_examples=150, deadline=timedelta(seconds=20), derandomize=True,
          suppress_health_check=list(HealthCheck))
@given(data=problems(), lb=LOWER, ub=UPPER, share=st.floats(0, 1),
       more=mostly([0], [1, 9, -20, .5]),
       c=mostly([1e-20, 1e-6, 1., 1e6, 1e20], [0., NAN]),
       dmax=mostly([None, 0, 1e-8, 1., 1e8, INF], [-1, NAN]),
       clf=st.sampled_from([CClassifierLogistic, CClassifierLogisticTorch]),
       preprocess=st.sampled_from([None, None, 'min-max', 'unit-norm']),
       options=st.fixed_dictionaries({
           'solver_type': st.sampled_from(['rmd', 'implicit', 'fmd']),
           'poison_mode': st.sampled_from(['append', 'replace']),
           'learn_lmbda': st.booleans(),
           'lmbda_bounds': mostly(
               [(-8, 11.5), (-46, 46), (-46, -46), (46, 46)], [(3, -3)]),
           'distance': st.sampled_from(['l1', 'l2']),
           'batch_size': st.integers(1, 30),
           'y_target': st.sampled_from([None, None, 'low', 'high']),
           'random_seed': st.integers(0, 99)}))
def test_any_input(data, lb, ub, share, more, c, dmax, clf, preprocess,
                   options):
    before = [ds.deepcopy() for ds in data]
    if options['y_target'] in ('low', 'high'):
        options['y_target'] = getattr(data[0].Y, {
            'low': 'min', 'high': 'max'}[options['y_target']])()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of training that stops early
        try:
            attack = make(data, None, clf(C=1., preprocess=preprocess), lb=lb,
                          ub=ub, dmax=dmax, solver_params=BRIEF, **options)
            attack.classifier.C = c
            n_points = int(share * data[1].num_samples) + more
            result = run(attack, data, n_points)
        except (TypeError, ValueError, FloatingPointError) as error:
            assert CLEAR.search(str(error)), error
        else:
            assert_sound(attack, data, result)
    for ds, was in zip(data, before):  # NaN and all
        np.testing.assert_array_equal(ds.X.tondarray(), was.X.tondarray())
        np.testing.assert_array_equal(ds.Y.tondarray(), was.Y.tondarray())
