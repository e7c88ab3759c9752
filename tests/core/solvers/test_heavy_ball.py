"""The loop of T steps: in one go, as a CUDA graph, and where that fails."""
import warnings

import pytest
import torch

from core_problems import FORMS, make, on_gpu
from secml_regpoison.core import hypergradient, solve
from secml_regpoison.core.coordinates.kernel import choose_form
from secml_regpoison.core.coordinates.margins import fold
from secml_regpoison.core.solvers.heavy_ball import _graph, heavy_ball


def to(device, problem, *tensors):
    """A problem and tensors on a device."""
    moved = type(problem)(*(getattr(problem, name).to(device) for name in (
        'x_tr', 'y_tr', 'x_val', 'y_val')))
    return moved, *(tensor.to(device) for tensor in tensors)


def closed_form(rows, mu, n_steps, eta, momentum):
    """The steps over u = (w, b), by the formula of the module."""
    u, vel, n = torch.zeros_like(rows[0]), torch.zeros_like(rows[0]), len(rows)
    states, sigmoids = [u], []
    for _ in range(n_steps):
        q = torch.sigmoid(rows @ u)
        grad = rows.T @ q / n
        grad[:-1] += mu * u[:-1]
        vel = momentum * vel - eta * grad
        u = u + vel
        states.append(u)
        sigmoids.append(q)
    return torch.stack(states), torch.stack(sigmoids)


@pytest.mark.parametrize('form', FORMS)
def test_steps_are_those_of_the_formula(form):
    problem, x_p, y_p = make()
    form = choose_form(problem, fold(x_p, y_p), .03, form)
    eta, momentum = .4, .8
    states, q = heavy_ball(
        form, eta, momentum, form.rows_p.new_zeros(2, form.n_coords), 7)
    expected = closed_form(torch.cat([problem.rows_tr, form.rows_p]), form.mu,
                           7, eta, momentum)
    found = torch.cat([form.weights(states), form.biases(states)[:, None]], 1)
    torch.testing.assert_close(found, expected[0])
    torch.testing.assert_close(q, expected[1])


@pytest.mark.parametrize('form', FORMS)
def test_steps_that_no_graph_holds_are_launched_one_by_one(form):
    problem, x_p, y_p = make()
    form = choose_form(problem, fold(x_p, y_p), .03, form)
    tensors = (*form.operands, x_p.new_tensor([.8, -.01, -.02]),
               x_p.new_zeros(2, form.n_coords))
    shapes = [tensor.shape for tensor in tensors]
    with pytest.warns(RuntimeWarning, match='no CUDA graph of 7 steps'):
        # there is no graph of a computation on the CPU
        steps = _graph(form.steps, 7, x_p.dtype, x_p.device, *shapes)
    for found, expected in zip(steps(*tensors), form.steps(7, *tensors)):
        assert torch.equal(found, expected)


@on_gpu
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('momentum', (0., .9))
def test_gpu_agrees_with_cpu(form, momentum):
    problem, x_p, y_p = make(n=60, m=40, d=20, p=6, dtype=torch.float32)
    settings = {'form': form, 'momentum': momentum, 'n_inner': 50}
    for lmbda in (-2., 2.):  # the second replays the graph of the first
        cpu = hypergradient(problem, x_p, y_p, lmbda, **settings)
        moved = to('cuda', problem, x_p, y_p)
        gpu = hypergradient(*moved, lmbda, **settings)
        for found, expected in zip(gpu, cpu):
            torch.testing.assert_close(found.cpu(), expected, rtol=1e-5,
                                       atol=1e-5 * float(cpu[1].abs().max()))


@on_gpu
def test_a_replay_leaves_earlier_results_alone():
    problem, x_p, y_p = to('cuda', *make())
    form = choose_form(problem, fold(x_p, y_p), .03, 'gram')
    start = x_p.new_zeros(2, form.n_coords)
    first = heavy_ball(form, .4, .8, start, 7)
    kept = [part.clone() for part in first]
    heavy_ball(form, .9, .1, start, 7)
    assert all(map(torch.equal, first, kept))


@on_gpu
def test_graphs_are_captured_on_a_gpu():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        hypergradient(*to('cuda', *make(seed=3)), 0., n_inner=11)


@on_gpu
@pytest.mark.parametrize('method', ('rmd', 'fmd', 'implicit'))
def test_attacks_on_gpu_and_cpu_end_alike(method):
    problem, x_p, y_p = make(n=60, m=40, d=8, p=4)
    ends = [solve(*to(device, problem, x_p, y_p), 0., method=method,
                  n_outer=5) for device in ('cpu', 'cuda')]
    assert ends[1].value == pytest.approx(ends[0].value, rel=1e-6)
    assert ends[1].lmbda == pytest.approx(ends[0].lmbda, abs=1e-4)
