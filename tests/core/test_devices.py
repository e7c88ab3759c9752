"""Tensors of two devices never meet: seen without a GPU, on fake tensors.

A fake tensor has a shape, a dtype and a device, and no numbers: each operation
checks that the devices agree. Where the code asks for a number it gets one
that halves each time, so that loops end.
The device is torch's "meta": without a GPU torch refuses "cuda" even here.
"""
from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from core_problems import FORMS, make
from secml_regpoison.core import Problem, hypergradient, solve

NUMBERS = torch.ops.aten._local_scalar_dense.default


class HalvingNumbers(TorchDispatchMode):
    """Gives a number where a fake tensor has none."""

    number = 1.

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is not NUMBERS:
            return func(*args, **(kwargs or {}))
        if not args[0].is_floating_point():
            # each condition holds, and no LAPACK call failed
            return args[0].dtype == torch.bool
        self.number /= 2
        return self.number


def fake_problem(fake, dtype):
    """A problem, points and labels on a device that is not the CPU."""
    problem, x_p, y_p = make(n=30, d=8, dtype=dtype)
    *rows, x_p, y_p = (
        fake.from_tensor(x.to('meta')) for x in (
            problem.x_tr, problem.y_tr, problem.x_val, problem.y_val, x_p,
            y_p))
    return Problem(*rows), x_p, y_p


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('dtype', (torch.float32, torch.float64))
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'fmd', 'implicit'))
def test_no_devices_are_mixed(method, form, dtype):
    if method == 'implicit':  # makes numbers of tensors of two entries
        pytest.importorskip('torch', '2.5')
    with FakeTensorMode(allow_non_fake_inputs=True) as fake, HalvingNumbers():
        problem, x_p, y_p = fake_problem(fake, dtype)
        found = hypergradient(problem, x_p, y_p, 1., method, 5, momentum=.9,
                              form=form)
        for part in found:
            assert part.device.type == 'meta' and part.dtype == dtype
        assert found.grad_x_p.shape == x_p.shape


def test_mixed_devices_are_caught():
    with FakeTensorMode(allow_non_fake_inputs=True) as fake, HalvingNumbers():
        problem, x_p, _ = fake_problem(fake, torch.float64)
        with pytest.raises(RuntimeError, match='device'):
            problem.rows_tr[:, :-1] @ torch.empty(x_p.shape[1],
                                                  dtype=x_p.dtype)


@pytest.mark.parametrize('method', ('rmd', 'fmd', 'implicit'))
def test_the_default_device_of_torch_plays_no_part(method):
    """That of `torch.set_default_device`, which this context sets, too."""
    problem, x_p, y_p = make()

    def found():
        solution = solve(problem, x_p, y_p, 0., -9., 9., n_outer=2,
                         method=method)
        sparse = () if method == 'fmd' else hypergradient(replace(
            problem, x_tr=problem.x_tr.to_sparse_csr()), x_p, y_p, 0., method)
        return (*hypergradient(problem, x_p, y_p, 0., method), solution.x_p,
                *sparse)
    expected = found()
    with torch.device('meta'):
        assert all(map(torch.equal, found(), expected))
