"""What the core is given is checked before any work."""
import inspect
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from secml_regpoison.core import Problem, hypergradient, solve
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.solvers import Training

NOT_A_TENSOR = [1.]
# name: values of a wrong kind, wrong values
ONE_NUMBER = torch.tensor([.5]), torch.tensor(.5), np.array([.5]), np.array(.5)
SHARED = {
    'problem': ((None, (1, 2)), ()),
    'x_p': ((None, NOT_A_TENSOR), ()),
    'y_p': ((None, NOT_A_TENSOR), ()),
    'lmbda': ((None, '0', True), (math.nan, 1e3)),
    'method': ((), ('RMD', 3)),
    'n_inner': ((), (True, 1.5, 0, 'a')),
    'eta': (('0.1', [1, 2], True, *ONE_NUMBER), (0., -1, math.inf, math.nan)),
    'momentum': ((None, 'a', *ONE_NUMBER), (1., -.1, math.nan)),
    'form': ((), ('kernel', 1)),
    'inner_tol': (('a', *ONE_NUMBER), (0., math.nan)),
    'truncate': ((), (0, 'a', True)),
    'model': ((None, 3), ()),
    'typo': ((1,), ())}
OF_SOLVE = {
    'lb': (('a', True, 1j, [True], ['a', 'b']), (
        math.nan, torch.zeros(3), torch.zeros(1, requires_grad=True))),
    'ub': (('a', {}, True, 1j), (math.nan, torch.zeros(1, 1, 4))),
    'dmax': (('a', True, *ONE_NUMBER), (-1., math.nan)),
    'distance': ((), ('l3', 3)),
    'learn_lmbda': (('trust', 1, None), ()),
    'lmbda_bounds': ((3, (0,), None, ('a', 'b')), ((2, 1), (0, math.inf))),
    'n_outer': ((), (True, -1, 2.5)),
    'step': (('a', *ONE_NUMBER), (0., math.inf)),
    'min_step': (('a', None, *ONE_NUMBER), (-1., math.nan)),
    'max_step': (('a', None, *ONE_NUMBER), (0., math.nan)),
    'tol': (('a', None, *ONE_NUMBER), (-1., math.nan)),
    'atol': (('a', None, *ONE_NUMBER), (-1., math.nan)),
    'patience': ((), (0, 1.5, 'a', True)),
    'feasible': ((3, FeasibleSet), (
        FeasibleSet(*torch.zeros(3, 3, 4)),
        FeasibleSet(*torch.zeros(3, 2, 4).double()))),
    'callback': ((3,), ()),
    'quasi_newton': ((None, 'a'), ()), 'try_vertices': (('a', 1), ()),
    'camouflage': (('a', None, *ONE_NUMBER), (-1., 2.)),
    'moves': ((None, 'a', ((0, 1),)), ())}
# Of another kind; of other dimensions or dtype, open to autograd, with a NaN.
NO_TENSOR = (3., 'a', NOT_A_TENSOR)
WRONG = (torch.zeros(3, 5, 4).double(), torch.zeros(3, 4).long(),
         torch.zeros(3, 4).double().requires_grad_(),
         torch.full((3, 4), math.nan).double())
NO_LABELS = (torch.zeros(20).double(), torch.ones(3).double())
OF_SET = {
    'x_0': ((None, *NO_TENSOR), WRONG),
    'lb': ((None, *NO_TENSOR), (*WRONG, torch.full((3, 4), 2.).double())),
    'ub': ((None, *NO_TENSOR), (*WRONG, torch.zeros(2, 4).double())),
    'dmax': OF_SOLVE['dmax'], 'distance': ((), (None, 3, 'l3', ['l1'])),
    'filter': ((3, 'a', MeanStd()), ()),
    'integers': (([0], 'a', 3), (torch.ones(4), torch.ones(3).bool()))}
OF_PROBLEM = {
    'x_tr': ((None, *NO_TENSOR), WRONG),
    'y_tr': ((None, *NO_TENSOR), NO_LABELS),
    'x_val': ((None, *NO_TENSOR), WRONG),
    'y_val': ((None, *NO_TENSOR), NO_LABELS),
    'y_target': (NO_TENSOR, NO_LABELS), 'transform': ((3, 'a'), ()),
    'preprocess': ((3, 'a'), (MeanStd,)),
    'n_classes': ((), ('a', True, 0, 1, 2.5)),
    'x_attacker': (NO_TENSOR, WRONG),
    'y_attacker': ((), (3, 'a', torch.ones(3).double())),
    'spread': (('a', *ONE_NUMBER), (-1., math.inf, math.nan)),
    'rows_move': (('a', 1, None), ())}
OF_TRAINING = {name: SHARED[name] for name in (
    'n_inner', 'eta', 'momentum', 'form', 'inner_tol', 'truncate')}
TABLE = {hypergradient: SHARED, solve: {**SHARED, **OF_SOLVE},
         FeasibleSet: OF_SET, Problem: OF_PROBLEM, Training: OF_TRAINING}
CASES = [(function, name, value, error)
         for function, arguments in TABLE.items()
         for name, kinds in arguments.items()
         for values, error in zip(kinds, (TypeError, ValueError))
         for value in values]


def data(dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(32, 4, generator=draw).to(dtype)
    y = torch.where(x[:, 0] > 0, 1., -1.).to(dtype)
    return Problem(x[:20], y[:20], x[20:29], y[20:29]), x[29:], -y[29:]


@pytest.mark.parametrize('function, name, value, error', CASES)
def test_each_argument_is_named(function, name, value, error):
    problem, x_p, y_p = data()
    arguments = {
        FeasibleSet: dict(x_0=x_p, lb=x_p - 1, ub=x_p + 1),
        Problem: {part: getattr(problem, part)
                  for part in ('x_tr', 'y_tr', 'x_val', 'y_val')},
        Training: {}}.get(function, dict(
            problem=problem, x_p=x_p, y_p=y_p, lmbda=0.))
    with pytest.raises(error, match=f'^`{name}` must ') as caught:
        function(**{**arguments, name: value})
    shown = value if isinstance(value, (int, float, str)) else ''
    assert re.search(rf'got .*({shown}|{type(value).__name__})',
                     str(caught.value))


def test_numbers_of_numpy_are_numbers():
    found, expected = (hypergradient(*data(), kind(.5), eta=kind(.25),
                                     momentum=kind(.5), n_inner=int(kind(5)))
                       for kind in (np.float64, float))
    assert all(map(torch.equal, found, expected))


def test_each_argument_is_tried():
    for function, arguments in TABLE.items():
        names = set(inspect.signature(function).parameters)
        assert names - {'training', 'method'} <= set(arguments)


def test_a_whole_number_has_the_bound_that_is_said():
    problem = data()[0]
    with pytest.raises(ValueError, match='^`truncate` must be None or an '
                       r'integer of at least 1 and below 2\*\*31, got 2147'):
        Training(truncate=2 ** 31)
    with pytest.raises(ValueError, match='^`n_classes` must be None or an '
                       r'integer of at least 2 and below 2\*\*31, got 2147'):
        replace(problem, n_classes=2 ** 31)


def test_a_lambda_with_a_graph_is_refused():
    lmbda = torch.tensor(0., requires_grad=True)
    with pytest.raises(ValueError, match='^`lmbda` must be without `requires'):
        hypergradient(*data(), lmbda)


@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype, method):
    half = data(dtype)
    single = half[0].to(torch.float32), *(t.float() for t in half[1:])
    found, expected = (hypergradient(*arguments, 0., method, momentum=.9)
                       for arguments in (half, single))
    for ours, other in zip(found, expected):
        assert ours.dtype == dtype and torch.equal(ours, other.to(dtype))
    found, expected = (
        solve(*arguments, 0., lb=-2, ub=2, n_outer=3, learn_lmbda=False,
              method=method) for arguments in (half, single))
    for name in ('x_p', 'w', 'b'):
        ours = getattr(found, name)
        assert torch.equal(ours, getattr(expected, name).to(dtype))
        assert ours.dtype == dtype
    assert (found.lmbda, found.value) == (expected.lmbda, expected.value)
    feasible = FeasibleSet(half[1], half[1] - 1, half[1] + 1)
    found = solve(*half, 0., feasible=feasible, n_outer=2, method=method)
    assert found.x_p.dtype == dtype and feasible.contains(found.x_p).all()
