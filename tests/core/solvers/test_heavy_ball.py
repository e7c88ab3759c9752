"""The loop of T steps: in one go, as a CUDA graph, and where that fails."""
import math
import warnings

import pytest
import torch

from core_problems import FORMS, compare, make, on_gpu, to
from secml_regpoison.core import hypergradient, solve
from secml_regpoison.core.coordinates import (
    KernelCoordinates, PrimalCoordinates, kernel_steps, make_coordinates,
    primal_steps, proximal, signed_rows)
from secml_regpoison.core.linear_model import LOGISTIC
from secml_regpoison.core.losses import SquaredHinge
from secml_regpoison.core.penalties import L1, L2
from secml_regpoison.core.solvers.heavy_ball import heavy_ball


def assert_loops_agree(loops, args, first, rtol):
    """The two loops of a module give the same, and leave `first` alone."""
    before, by_blas = first.clone(), loops.blas_steps(*args)
    for found, expected in zip(by_blas, loops.torch_steps(*args)):
        compare(found, expected, rtol)
    assert torch.equal(first, before)
    return by_blas


def closed_form(rows, mu, beta, n_steps, eta, momentum):
    """The steps over u = (w, b), by the formula of the module."""
    u, vel, n = torch.zeros_like(rows[0]), torch.zeros_like(rows[0]), len(rows)
    iterates, scores = [u], []
    for _ in range(n_steps):
        h = rows @ u
        grad = rows.T @ torch.sigmoid(h) / n
        grad[:-1] += mu * u[:-1]
        grad[-1] += mu * beta * u[-1]
        vel = momentum * vel - eta * grad
        u = u + vel
        iterates.append(u)
        scores.append(h)
    return torch.stack(iterates), torch.stack(scores)


def coordinates_of(form, beta=0.):
    """Coordinates of the small problem with mu = 0.03."""
    problem, x_p, y_p = make()
    penalty = L2(math.log(.03 * 15), 15, beta)
    return problem, make_coordinates(problem, signed_rows(x_p, y_p), penalty,
                                     form)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('beta', (0., 1.))
def test_steps_are_those_of_the_formula(form, beta):
    problem, coordinates = coordinates_of(form, beta)
    eta, momentum = .4, .8
    iterates, scores = heavy_ball(
        coordinates, LOGISTIC, eta, momentum,
        coordinates.rows_p.new_zeros(2, coordinates.n_coords), 7)
    expected = closed_form(torch.cat([problem.rows_tr, coordinates.rows_p]),
                           .03, beta, 7, eta, momentum)
    found = torch.cat([coordinates.weights(iterates),
                       coordinates.biases(iterates)[:, None]], 1)
    torch.testing.assert_close(found, expected[0])
    torch.testing.assert_close(scores, expected[1])


@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-12),
                                         (torch.float32, 2e-6)])
@pytest.mark.parametrize('beta', (0., 1.))
@pytest.mark.parametrize('loss', (LOGISTIC, SquaredHinge()))
@pytest.mark.parametrize('reverse', (False, True))
def test_the_loop_on_a_cpu_is_that_in_torch(reverse, loss, beta, dtype, rtol):
    """From any state, with a direction g that is not 0."""
    problem, x_p, y_p = make(n=40, d=60, dtype=dtype)
    coordinates = KernelCoordinates(problem, signed_rows(x_p, y_p),
                                    L2(0., 43, beta))
    coordinates.val_rmatvec(problem.rows_val, problem.y_val)
    first = torch.linspace(-1, 1, 2 * 45, dtype=dtype).reshape(2, 45)
    if not reverse:
        first[:, -2] = 0.  # trained in the span of the rows
    curvature = torch.rand(9, 43, dtype=dtype) if reverse else None
    args = (9, loss, *coordinates.data,
            first.new_tensor([.8, -.02, -.01]), first, curvature)
    assert_loops_agree(kernel_steps, args, first, rtol)


@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-12),
                                         (torch.float32, 5e-6)])
@pytest.mark.parametrize('beta', (0., 1.))
@pytest.mark.parametrize('loss', (LOGISTIC, SquaredHinge()))
@pytest.mark.parametrize('reverse', (False, True))
@pytest.mark.parametrize('p', (0, 3))
def test_the_primal_loop_on_a_cpu_is_that_in_torch(p, reverse, loss, beta,
                                                   dtype, rtol):
    problem, x_p, y_p = make(n=40, d=6, p=p, dtype=dtype)
    coordinates = PrimalCoordinates(problem, signed_rows(x_p, y_p),
                                    L2(0., 40 + p, beta))
    first = torch.linspace(-1, 1, 2 * 7, dtype=dtype).reshape(2, 7)
    curvature = torch.rand(9, 40 + p, dtype=dtype) if reverse else None
    args = (9, loss, *coordinates.data,
            first.new_tensor([.8, -.02, -.01]), first, curvature)
    assert_loops_agree(primal_steps, args, first, rtol)


@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-12),
                                         (torch.float32, 5e-6)])
@pytest.mark.parametrize('beta', (0., 1.))
@pytest.mark.parametrize('reverse', (False, True))
def test_the_proximal_loop_on_a_cpu_is_that_in_torch(reverse, beta, dtype,
                                                     rtol):
    problem, x_p, y_p = make(n=40, d=6, dtype=dtype)
    coordinates = proximal.ProximalCoordinates(
        problem, signed_rows(x_p, y_p), L1(0., 43, beta))
    first = torch.linspace(-1, 1, 2 * 7, dtype=dtype).reshape(2, 7)
    in_reverse = ()
    if reverse:
        in_reverse = (torch.rand(9, 43, dtype=dtype),
                      torch.randint(2, (9, 7)).to(dtype))
    args = (9, LOGISTIC, *coordinates.data,
            first.new_tensor([.8, -.1, -.01]), first, *in_reverse)
    iterates, _ = assert_loops_agree(proximal, args, first, rtol)
    # the threshold is at work: weights are 0, and others are not
    assert (iterates == 0).any() and (iterates[-1] != 0).any()


@pytest.mark.parametrize('threads, values, by_blas', [
    (1, 3_999_990, True), (1, 4_000_000, False), (2, 499_990, True),
    (2, 500_000, False)])
def test_which_primal_loop_a_cpu_takes(monkeypatch, threads, values, by_blas):
    taken = []
    for name in ('blas_steps', 'torch_steps'):
        monkeypatch.setattr(primal_steps, name,
                            lambda *args, name=name: taken.append(name))
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    primal_steps.primal_steps(1, LOGISTIC, torch.empty(values // 10, 10))
    assert taken == ['blas_steps' if by_blas else 'torch_steps']


def test_other_dtypes_take_the_loop_in_torch():
    problem, x_p, y_p = make(dtype=torch.bfloat16)
    coordinates = KernelCoordinates(problem, signed_rows(x_p, y_p),
                                    L2(0., 15))
    iterates, _ = heavy_ball(coordinates, LOGISTIC, .1, 0.,
                             x_p.new_zeros(2, 17), 3)
    assert iterates.dtype == torch.bfloat16 and iterates[-1].any()


@on_gpu
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'fmd', 'implicit'))
@pytest.mark.parametrize('dtype, rtol', [(torch.float64, 1e-10),
                                         (torch.float32, 1e-5)])
def test_gpu_agrees_with_cpu(form, method, dtype, rtol):
    """Relative to the largest entry; the derivative by lambda, a difference
    that nearly cancels here, relative to the loss that it is a change of."""
    problem, x_p, y_p = make(n=60, m=40, d=20, p=6, dtype=dtype)
    settings = {'form': form, 'method': method, 'momentum': .9, 'n_inner': 50,
                'inner_tol': 1e-12 if dtype == torch.float64 else None}
    for lmbda in (-2., 2.):  # the second replays the graph of the first
        cpu = hypergradient(problem, x_p, y_p, lmbda, **settings)
        moved = to('cuda', problem, x_p, y_p)
        gpu = hypergradient(*moved, lmbda, **settings)
        scales = (cpu.value, cpu.grad_x_p.abs().max(), cpu.value)
        for found, expected, scale in zip(gpu, cpu, scales):
            torch.testing.assert_close(found.cpu(), expected, rtol=rtol,
                                       atol=rtol * float(scale))


@on_gpu
@pytest.mark.parametrize('form', FORMS)
def test_a_graph_is_the_plain_loop(monkeypatch, form):
    arguments = to('cuda', *make())
    graph = hypergradient(*arguments, 0., form=form)
    monkeypatch.setattr(
        'secml_regpoison.core.solvers.heavy_ball.run_as_graph',
        lambda steps, n_steps, loss, tensors: steps(n_steps, loss, *tensors))
    for found, expected in zip(graph, hypergradient(*arguments, 0.,
                                                    form=form)):
        compare(found, expected, 1e-12)


@on_gpu
def test_a_replay_leaves_earlier_results_alone():
    problem, x_p, y_p = to('cuda', *make())
    coordinates = make_coordinates(problem, signed_rows(x_p, y_p), L2(0., 15),
                                   'gram')
    start = x_p.new_zeros(2, coordinates.n_coords)
    first = heavy_ball(coordinates, LOGISTIC, .4, .8, start, 7)
    kept = [part.clone() for part in first]
    heavy_ball(coordinates, LOGISTIC, .9, .1, start, 7)
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
