"""Problems side by side: a batch gives what each problem gives alone."""
import pytest
import torch

from secml_regpoison.core import Problem, hypergradient, solve

B, N, M, D, P = 3, 20, 9, 6, 4


@pytest.fixture(params=[False, True], ids=['indiscriminate', 'target'])
def batch(request):
    """Tensors of B problems, and points, with a leading dimension."""
    rng = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(B, *shape, generator=rng, dtype=torch.float64)
    data = draw(N, D), draw(N).sign(), draw(M, D), draw(M).sign()
    if request.param:
        data += (torch.ones(B, M, dtype=torch.float64),)
    return data, draw(P, D), draw(P).sign()


@pytest.mark.parametrize('method', ['rmd', 'fmd', 'implicit'])
@pytest.mark.parametrize('lmbda', [1., torch.tensor([-2., 0., 3.])])
def test_hypergradient(batch, method, lmbda):
    data, x_p, y_p = batch
    got = hypergradient(Problem(*data), x_p, y_p, lmbda, method)
    assert got.value.shape == got.grad_lmbda.shape == (B,)
    assert got.grad_x_p.shape == (B, P, D)
    for i in range(B):
        alone = hypergradient(
            Problem(*(part[i] for part in data)), x_p[i], y_p[i],
            float(torch.as_tensor(lmbda).expand(B)[i]), method)
        for of_batch, of_one in zip(got, alone):
            assert torch.equal(of_batch[i], of_one)


def test_solve(batch):
    data, x_p, y_p = batch
    settings = {'lb': -2., 'ub': 2., 'n_outer': 3}
    solutions = solve(Problem(*data), x_p, y_p, 0., **settings)
    assert len(solutions) == B
    for i, solution in enumerate(solutions):
        alone = solve(Problem(*(part[i] for part in data)), x_p[i], y_p[i],
                      0., **settings)
        assert torch.equal(solution.x_p, alone.x_p)
        assert solution.lmbda == alone.lmbda
        assert solution.f_seq == alone.f_seq


@pytest.mark.parametrize('name, wrong', [
    ('y_tr', torch.ones(B - 1, N, dtype=torch.float64)),
    ('x_val', torch.ones((), dtype=torch.float64)),
    ('y_val', None)])
def test_unequal_batches_are_refused(batch, name, wrong):
    data = dict(zip(('x_tr', 'y_tr', 'x_val', 'y_val'), batch[0]))
    with pytest.raises(ValueError, match=f'`{name}` must have {B} problems'):
        Problem(**{**data, name: wrong})


@pytest.mark.parametrize('call', [hypergradient, solve])
@pytest.mark.parametrize('name', ['x_p', 'y_p', 'lmbda'])
def test_unequal_points_are_refused(batch, call, name):
    data, x_p, y_p = batch
    right = {'x_p': x_p, 'y_p': y_p, 'lmbda': torch.zeros(B)}
    right[name] = right[name][:-1]
    with pytest.raises(ValueError, match=f'`{name}` must have {B} problems'):
        call(Problem(*data), **right)


def test_a_problem_of_a_batch_checks_its_data(batch):
    data = list(batch[0])
    data[1] = data[1].clone()
    data[1][1, 0] = 7.
    with pytest.raises(ValueError, match='`y_tr` must hold labels'):
        Problem(*data)
