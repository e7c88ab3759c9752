"""The data of a problem: what is refused, by name."""
import math
from dataclasses import replace

import pytest
import torch

from core_problems import make

from secml_regpoison.core import Problem
from secml_regpoison.core.preprocessing import MeanStd, MinMax


def _problem_with(**changes):
    problem = make()[0]
    fields = {name: getattr(problem, name)
              for name in ('x_tr', 'y_tr', 'x_val', 'y_val')}
    return Problem(**{**fields, **changes})


@pytest.mark.parametrize('changes, error, words', [
    ({'x_tr': [[1.]]}, TypeError, '`x_tr` must be a Tensor, got list'),
    ({'x_tr': torch.zeros(12, 5).long()}, ValueError, '`x_tr` must be a fl'),
    ({'x_tr': torch.zeros(12, 5, 1)}, ValueError, '`x_tr`'),
    ({'x_val': torch.zeros(9, 5).double().requires_grad_()}, ValueError,
     '`x_val` must be a tensor without `requires_grad`'),
    ({'y_tr': torch.ones(12).long()}, ValueError, '`y_tr` must be a floating'),
    ({'y_tr': torch.zeros(12).double()}, ValueError, 'labels -1 and'),
    ({'y_tr': torch.ones(11).double()}, ValueError, 'one label a row'),
    ({'x_val': torch.zeros(9, 4).double()}, ValueError, '`x_val` must have 5'),
    ({'x_val': torch.zeros(9, 5)}, ValueError, '`x_val` must have the dtype'),
    ({'x_val': torch.full((9, 5), math.nan).double()}, ValueError,
     '`x_val` must be finite'),
    ({'x_val': torch.zeros(0, 5).double(), 'y_val': torch.zeros(0).double()},
     ValueError, '`x_val` must have at least one row'),
    ({'x_tr': torch.zeros(0, 5).double(), 'y_tr': torch.zeros(0).double()},
     ValueError, '`x_tr` must have at least one row'),
    ({'y_target': torch.ones(3).double()}, ValueError, '`y_target`'),
])
def test_bad_problems(changes, error, words):
    with pytest.raises(error, match=words):
        _problem_with(**changes)


@pytest.mark.parametrize('preprocess', [MeanStd(), MinMax()])
def test_a_column_whose_squares_vanish_is_no_unit_of_the_others(preprocess):
    """Its deviation is 0 by rounding, and counts as that of a constant."""
    problem, x_p, _ = make(preprocess=preprocess)
    x = torch.cat([problem.x_tr, x_p]) * .01
    x[:, 2] = 1e-170 * x[:, 2]
    scale = x.std(0, correction=0) if preprocess == MeanStd() \
        else x.amax(0) - x.amin(0)
    scale[2] = 0.
    expected = scale / scale[scale > 0].square().mean().sqrt()
    expected[2] = 1.
    found = replace(problem, x_tr=x[:12]).column_scale(x[12:])
    assert torch.allclose(found, expected, rtol=1e-12)
