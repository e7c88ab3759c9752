"""Columns that are constant in the clean rows, under a refitted scaler."""
import warnings

import numpy as np
import pytest

from attack_problems import digits, make, run
from secml_regpoison import CClassifierLogisticTorch

from secml.array import CArray
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import CNormalizerMeanStd, CNormalizerUnitNorm


def attack_on(data, preprocess='mean-std', **kwargs):
    return make(data, 5, CClassifierLogistic(preprocess=preprocess),
                **{'solver_params': {'n_outer': 1}, **kwargs})


def n_constant(data):
    x = data[0].X.tondarray()
    return int((x.max(0) == x.min(0)).sum())


def n_warned(attack, data):
    """How many open columns a warning names."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        run(attack, data)
    said = [str(warning.message) for warning in found
            if 'the box leaves' in str(warning.message)]
    assert len(said) <= 1
    return int(said[0].split()[3]) if said else 0


@pytest.mark.parametrize('preprocess', [
    'mean-std', CNormalizerUnitNorm(preprocess=CNormalizerMeanStd())])
def test_open_columns_are_warned_of(preprocess):
    data = digits()
    assert n_constant(data) > 5
    assert n_warned(attack_on(data, preprocess), data) == n_constant(data)


def test_a_range_is_harmless_where_validation_rows_are_constant_too():
    data = digits()
    x, x_val = (rows.X.tondarray() for rows in data[:2])
    is_constant = (x.max(0) == x.min(0))
    varies = is_constant & (x_val != x[0]).any(0)
    assert 0 < varies.sum() < is_constant.sum()
    assert n_warned(attack_on(data, 'min-max'), data) == varies.sum()


def test_a_range_is_not_harmless_where_the_attackers_rows_vary():
    """Their scores are divided by it, as those of the validation rows are."""
    data = digits()
    x, x_val, x_own = (rows.X.tondarray() for rows in data)
    is_constant = x.max(0) == x.min(0)
    in_val, in_own = (is_constant & (rows != x[0]).any(0)
                      for rows in (x_val, x_own))
    assert (in_own & ~in_val).sum() > 0
    assert n_warned(attack_on(data, 'min-max', attacker_set=data[2]), data) \
        == (in_val | in_own).sum()


def test_columns_that_the_box_closes_are_not():
    data = digits()
    x = data[0].X.tondarray()
    constant = np.flatnonzero(x.max(0) == x.min(0))
    upper = np.ones(x.shape[1])
    upper[constant[2:]] = 0
    assert n_warned(attack_on(data, ub=CArray(upper)), data) == 2
    upper[constant] = 0
    assert n_warned(attack_on(data, ub=CArray(upper)), data) == 0


def test_trusted_rows_alone_are_divided_by():
    """Where trust is learned: clean rows and poison fit no scaler."""
    data = digits()
    attack = make(data, 5, CClassifierLogisticTorch(preprocess='mean-std'),
                  learn_lmbda='trust', solver_params={'n_outer': 0})
    assert n_warned(attack, data) == 0


@pytest.mark.parametrize('preprocess, n_points', [
    (None, 5), ('min-max', 0), ('mean-std', 0)])
def test_nothing_to_warn_of(preprocess, n_points):
    data = digits()
    attack = attack_on(data, preprocess)
    attack.n_points = n_points
    assert n_warned(attack, data) == 0
