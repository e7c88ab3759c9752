"""Tensors of two devices never meet; the default device plays no part."""
from dataclasses import replace

import pytest
import torch

from core_problems import FORMS, compare, make, to
from pretended_gpu import pretend
from secml_regpoison.core import hypergradient, solve


@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-10),
                                         (torch.float32, 1e-3)])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'fmd', 'implicit'))
def test_no_devices_are_mixed(monkeypatch, method, form, dtype, rtol):
    arguments = make(n=30, d=8, dtype=dtype)
    expected = hypergradient(*arguments, 1., method, 5, form=form)
    with pretend(monkeypatch):
        found = hypergradient(*to('cuda', *arguments), 1., method, 5,
                              form=form)
        for part, value in zip(found, expected):
            assert part.is_cuda and part.dtype == dtype
            compare(part.cpu(), value, rtol)


@pytest.mark.parametrize('work', [
    lambda cpu, gpu: cpu + gpu, lambda cpu, gpu: torch.cat([gpu, cpu]),
    lambda cpu, gpu: cpu[gpu > 0], lambda cpu, gpu: gpu.copy_(cpu) + cpu,
    lambda cpu, gpu: cpu.__setitem__(gpu > 0, 1.),
    lambda cpu, gpu: gpu.__setitem__(slice(2), cpu[:2])])
def test_a_pretended_gpu_refuses_what_a_gpu_does(monkeypatch, work):
    with pretend(monkeypatch):
        with pytest.raises(RuntimeError, match='device|cuda'):
            work(torch.ones(3), torch.ones(3, device='cuda'))
        with pytest.raises(TypeError, match='numpy'):
            torch.ones(3).to('cuda').numpy()


def test_a_pretended_gpu_does_what_a_gpu_does(monkeypatch):
    with pretend(monkeypatch):
        x = torch.arange(3.).to('cuda')
        x[torch.tensor([True, False, True])] = 4.
        assert (x * torch.tensor(2.)).tolist() == [8, 2, 8]
        assert x.new_zeros(2).is_cuda and not x.cpu().is_cuda
        x.requires_grad_()
        grad, = torch.autograd.grad(x.square().sum(), x)
        assert grad.is_cuda and grad.numpy(force=True).tolist() == [8, 2, 8]


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
