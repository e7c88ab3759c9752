"""Small random problems for the tests of the core; those on a GPU need no
scikit-learn."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from secml_regpoison.core import Problem

FORMS = ('primal', 'gram')
ETA = .1


def make(n=12, m=9, d=5, p=3, seed=0, dtype=torch.float64, **kwargs):
    """A small problem, poisoning points and labels."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64).to(
            dtype)
    problem = Problem(draw(n, d), draw(n).sign(), draw(m, d),
                      draw(m).sign(), **kwargs)
    return problem, draw(p, d), draw(p).sign()


def clouds(seed, n=30, d=3, m=30, n_classes=None):
    """Overlapping clouds: training and validation rows, (n, d), (m, d)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes or 2, n + m)
    y[:n_classes or 2] = y[n:n + (n_classes or 2)] = range(n_classes or 2)
    x = torch.as_tensor(rng.normal(size=(n + m, d)) + 1.5 * y[:, None])
    y = torch.as_tensor(y if n_classes else 2. * y - 1).double()
    return Problem(x[:n], y[:n], x[n:], y[n:], n_classes=n_classes)


def to(device, problem, *tensors):
    """A problem and tensors on a device."""
    return replace(problem, **{
        name: getattr(problem, name).to(device)
        for name in ('x_tr', 'y_tr', 'x_val', 'y_val')}), *(
            tensor.to(device) for tensor in tensors)


def on_gpu(test):
    return pytest.mark.gpu(pytest.mark.skipif(
        not torch.cuda.is_available(), reason='no CUDA device')(test))


def compare(got, expected, rtol):
    """Assert equality relative to the largest entry of `expected`."""
    got, expected = torch.as_tensor(got), torch.as_tensor(expected)
    assert got.shape == expected.shape
    scale = expected.abs().max()
    assert scale > 0, 'nothing to compare with'
    assert (got - expected).abs().max() <= rtol * scale
