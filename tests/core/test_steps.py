"""What a step promises."""
from types import SimpleNamespace

import pytest
import torch

from secml_regpoison.core import Problem, hypergradient
from secml_regpoison.core.feasible import FeasibleSet
from secml_regpoison.core.steps import ascend, promises


@pytest.mark.parametrize('is_targeted', [False, True])
def test_a_step_promises_a_gain_of_the_attacker(is_targeted):
    """A loss that rises, or with target labels falls, as the model trained
    after the step confirms."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=rng, dtype=torch.float64)
    y = (x[:, 0] > 0).double() * 2 - 1
    problem = Problem(x[:20], y[:20], x[20:], y[20:],
                      y_target=-y[20:] if is_targeted else None)
    y_p, bound = -y[:2], torch.full_like(x[0], 3.)

    def at(x_p):
        found = hypergradient(problem, x_p, y_p, 0.)
        return SimpleNamespace(x_p=x_p, grad_x_p=found.grad_x_p,
                               value=float(found.value))
    here = at(x[:2])
    box = FeasibleSet(here.x_p, -bound, bound)
    after = at(ascend(problem, here, .5, box))
    assert (after.value < here.value) == is_targeted
    assert promises(problem, here, box, .5)
    assert not promises(problem, here, box, 1e-9)
