"""Sets of poisoning points: projections and supports against solvers."""
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from secml_regpoison.core import Problem, solve
from secml_regpoison.core.feasible import FeasibleSet, check_box
from secml_regpoison.core.sphere_slab import SphereSlab

D, UB = 5, 1.2


def clouds(seed, unequal=False):
    """Rows, labels and units of two clouds in the box [0, 1.2]^5."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(60) % 2, 1., -1.)
    x = rng.random((60, D))
    x[y > 0, 0] += .7
    scale = rng.uniform(.5, 2, D) if unequal else np.ones(D)
    return (torch.as_tensor(part)
            for part in (x.clip(0, UB), y, scale))


def make(seed, quantile, dmax=None, unequal=False):
    """The set of a point of each label, and the points where they start."""
    x, y, scale = clouds(seed, unequal)
    labels = torch.tensor([1., -1.], dtype=torch.float64)
    passes = SphereSlab.fit(x, y, quantile, scale).for_labels(labels)
    bounds = torch.zeros(1).double(), torch.full((1,), UB).double()
    start = passes.project(x[1:3], *bounds)
    return FeasibleSet(start, *bounds, dmax, filter=passes)


def rooms(feasible, i):
    """The constraints of point `i` beside the box, as SLSQP takes them."""
    c, a = (getattr(feasible.filter, name)[i].numpy()
            for name in ('centre', 'normal'))
    s, x_0 = feasible.filter.scale.numpy(), feasible.x_0[i].numpy()
    r, t = (getattr(feasible.filter, name)[i].item()
            for name in ('radius', 'width'))
    found = [lambda z: r ** 2 - ((s * (z - c)) ** 2).sum(),
             lambda z: t - a @ (z - c), lambda z: t + a @ (z - c)]
    if feasible.dmax is not None:
        found.append(lambda z: feasible.dmax ** 2 - ((z - x_0) ** 2).sum())
    return [{'type': 'ineq', 'fun': fun} for fun in found]


def minimum(fun, feasible, i):
    return optimize.minimize(
        fun, feasible.x_0[i].numpy(), method='SLSQP', bounds=[(0, UB)] * D,
        constraints=rooms(feasible, i),
        options={'ftol': 1e-14, 'maxiter': 500}).fun


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10 ** 6), st.floats(.3, 1.), st.booleans(),
       st.none() | st.floats(.05, 1.))
def test_projection_is_the_nearest_point(seed, quantile, unequal, dmax):
    feasible = make(seed, quantile, dmax, unequal=unequal)
    x = torch.as_tensor(np.random.default_rng(seed).normal(0, 1.5, (2, D)))
    found = feasible.project(x)
    assert feasible.contains(found).all()
    for i in range(2):
        target = x[i].numpy()
        best = minimum(lambda z: .5 * ((z - target) ** 2).sum(), feasible, i)
        assert .5 * ((found[i] - x[i]) ** 2).sum() == pytest.approx(
            best, abs=2e-6)  # SLSQP is good to about 1e-6 here


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10 ** 6), st.floats(.3, 1.), st.booleans())
def test_support_is_the_largest_linear_function(seed, quantile, unequal):
    feasible = make(seed, quantile, unequal=unequal)
    v = torch.as_tensor(np.random.default_rng(seed).normal(0, 1, (2, D)))
    values, places = feasible.support(v)
    assert feasible.contains(places).all()
    # the value bounds that of the place, which is found
    assert (values >= (v * places).sum(1) - 1e-12).all()
    assert (values <= (v * places).sum(1) + 1e-6).all()
    for i in range(2):
        best = -minimum(lambda z: -(z @ v[i].numpy()), feasible, i)
        assert values[i] == pytest.approx(best, abs=2e-6)


@pytest.mark.parametrize('distance', ['l1', 'l2'])
def test_support_of_box_and_ball(distance):
    """Against projections of points that are far out along v."""
    feasible = replace(make(0, .9), filter=None, dmax=.4, distance=distance)
    v = torch.as_tensor(np.random.default_rng(1).normal(0, 1, (2, D)))
    values, places = feasible.support(v)
    assert feasible.contains(places).all()
    far = feasible.project(feasible.x_0 + 1e6 * v)
    assert torch.allclose(values, (v * far).sum(1), rtol=0, atol=1e-5)
    box = replace(feasible, dmax=None)
    assert torch.allclose(box.support(v)[0], UB * v.relu().sum(1))
    with pytest.raises(ValueError, match='`dmax` must be None for the supp'):
        make(0, .9, .4).support(v)


def test_the_filter_holds_its_share_of_the_clean_rows():
    x, y, scale = clouds(3)
    passes = SphereSlab.fit(x, y, .8, scale)
    inside = passes.for_labels(y).violation(x) <= 0
    assert .6 <= inside.double().mean() < 1  # 20 % by each of the two
    whole = SphereSlab.fit(x, y, 1., scale)
    assert (whole.for_labels(y).violation(x) <= 1e-12).all()
    with pytest.raises(ValueError, match='centroids that differ'):
        SphereSlab.fit(x[:2].repeat(2, 1), torch.tensor([-1., -1., 1., 1.]),
                       .8, scale)


@pytest.mark.parametrize('n, d', [(13, 8), (21, 13), (43, 13)])
@pytest.mark.parametrize('layout', ['C', 'F'])
def test_the_rows_that_radius_and_width_are_of_pass(n, d, layout):
    """Of whole numbers, where rounding dropped one in a class of four; in
    sphere and slab each its share, and all with a quantile of 1."""
    y = torch.arange(2 * n).double() % 2
    everywhere = torch.full((2, 1), torch.inf).double()
    for seed in range(60):
        x = torch.as_tensor(np.asarray(np.rint(3 * np.random.default_rng(
            seed).normal(size=(2 * n, d))), order=layout))
        scale = 1 / x.std(0) if seed % 2 else torch.ones(d).double()
        found = SphereSlab.fit(x, y, .95, scale)
        for part in (replace(found, width=everywhere),
                     replace(found, radius=everywhere)):
            inside = part.for_labels(y).passes(x)
            assert all(inside[y == label].double().mean() >= .95
                       for label in (0, 1))
        assert found.for_labels(y).passes(x).sum() >= .9 * 2 * n
        assert SphereSlab.fit(x, y, 1., scale).for_labels(y).passes(x).all()


def test_a_class_is_told_from_the_mean_of_the_others():
    """Of three classes, rows within and beyond their own slab."""
    x = torch.tensor([[0., 0.], [4., 0.], [0., 4.]]).double()
    jitter = torch.tensor([[0., 0.], [.5, .5], [-.5, -.5]]).double()
    rows = (x[:, None] + jitter).flatten(0, 1)
    y = torch.arange(3).repeat_interleave(3).double()
    passes = SphereSlab.fit(rows, y, 1., torch.ones(2).double())
    assert torch.equal(passes.labels, torch.arange(3).double())
    # of class 0 the others' mean is (2, 2): the slab is across its diagonal
    found = passes.for_labels(torch.zeros(2).double())
    assert torch.allclose(found.normal.abs(), torch.tensor(.5).double().sqrt())
    assert torch.allclose(found.width, torch.tensor(.5).double().sqrt())
    # of class 1 it is (0, 2)
    aslant = torch.tensor([4., -2.]).double() / 20 ** .5
    assert torch.allclose(passes.for_labels(y[3:4]).normal[0], aslant)
    assert torch.allclose(passes.for_labels(y[3:4]).width,
                          .5 * aslant.sum().abs())


def test_whole_numbers_stay_in_the_filter():
    """Rounding alone leads out of it; then the way back to the start."""
    rng = np.random.default_rng(0)
    x = torch.as_tensor(rng.integers(0, 4, (80, D)).astype(float))
    y = torch.where(torch.arange(80) % 2 == 0, -1., 1.).double()
    x[y > 0] = (x[y > 0] + 1).clamp(0, 4)
    passes = SphereSlab.fit(
        x, y, .7, torch.ones(D).double()).for_labels(y[:20])
    typical = torch.stack([rows[(rows - rows.mean(0)).norm(dim=1).argmin()]
                           for rows in (x[y < 0], x[y > 0])])
    feasible = FeasibleSet(
        typical[(y[:20] > 0).long()], torch.zeros(1).double(),
        torch.full((1,), 4.).double(), filter=passes,
        integers=torch.ones(D, dtype=torch.bool))
    points = torch.as_tensor(rng.normal(2, 3, (20, D)))
    rounded = passes.project(points, feasible.lb, feasible.ub).round()
    assert (passes.violation(rounded) > 1e-9).any()
    found = feasible.project(points)
    assert feasible.contains(found).all()
    assert torch.equal(found, found.round())
    assert not torch.equal(found, feasible.x_0)
    # a box without a whole number leaves the column as it is
    narrow = FeasibleSet(x[:2], torch.tensor([.2] + [0.] * 4).double(),
                         torch.tensor([.8] + [4.] * 4).double(),
                         integers=feasible.integers)
    assert torch.equal(narrow.project(x[:2] + .3)[:, 0],
                       (x[:2, 0] + .3).clamp(narrow.lb[0], narrow.ub[0]))


@pytest.mark.parametrize('x, nearest', [
    ((5., 5.), (1., 1.)), ((-5., 5.), (-1., 1.)), ((0., 9.), (0., 2.))])
def test_whole_numbers_that_leave_the_ball_come_back_to_it(x, nearest):
    """The nearest of all whole points in the ball; (2, 2) is outside."""
    whole = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 2), -1).reshape(-1, 2)
    whole = whole[np.linalg.norm(whole, axis=1) <= 2.2]
    distances = np.linalg.norm(whole - x, axis=1)
    assert tuple(whole[distances.argmin()]) == nearest
    x_0, x = torch.zeros(1, 2).double(), torch.tensor([x]).double()
    feasible = FeasibleSet(x_0, x_0 - 9, x_0 + 9, 2.2,
                           integers=torch.ones(2, dtype=torch.bool))
    assert tuple(feasible.project(x)[0].tolist()) == nearest


@pytest.mark.parametrize('step', [1e-9, -1e-9])
def test_the_least_step_of_whole_numbers_leads_to_the_next(step):
    """Of the steepest feature that is free; of none, nowhere."""
    direction = torch.tensor([[.6, .8], [.6, .8], [.6, 0.]]).double()
    x = torch.tensor([[2., 2.], [2., 4.], [4., 2.]]).double()
    x = x if step > 0 else 4 - x
    feasible = FeasibleSet(
        x, torch.zeros(2).double(), torch.full((2,), 4.).double(),
        integers=torch.ones(2, dtype=torch.bool))
    moved = feasible.project(
        x + feasible.step_of(x, step, direction) * direction) - x
    expected = torch.tensor([[0., 1.], [1., 0.], [0., 0.]]).double()
    assert torch.equal(moved, expected if step > 0 else -expected)


def test_points_stay_in_the_set_and_gain():
    """In both precisions, and for an infeasible start that would be better."""
    x, y, scale = clouds(5)
    problem = Problem(x[:40], y[:40], x[40:], y[40:])
    passes = SphereSlab.fit(x[:40], y[:40], .6, scale)
    start, labels = x[40:46], -y[40:46]
    assert (passes.for_labels(labels).violation(start) > 0).any()
    bounds = torch.zeros(1).double(), torch.full((1,), UB).double()
    feasible = FeasibleSet(start, *bounds, filter=passes.for_labels(labels))
    for dtype in (torch.float64, torch.float32):
        seen = []
        found = solve(
            problem.to(dtype), start.to(dtype), labels.to(dtype), 0.,
            feasible=feasible.to(dtype), learn_lmbda=False, n_outer=15,
            callback=lambda iterate: seen.append(iterate))
        assert found.x_p.dtype == dtype
        assert all(feasible.to(dtype).contains(at.x_p).all() for at in seen)
        assert found.value == max(found.f_seq) > found.f_seq[0]
        # the start would win if it were kept
        loose = solve(problem.to(dtype), start.to(dtype), labels.to(dtype),
                      0., learn_lmbda=False, n_outer=0)
        assert loose.value > found.f_seq[0]
    with pytest.raises(ValueError, match='`quasi_newton` must be False where'):
        solve(problem, start, labels, 0., feasible=feasible,
              learn_lmbda=False, quasi_newton=True)


def test_an_empty_set_is_refused():
    x, y, scale = clouds(5)
    labels = -y[40:46]
    passes = SphereSlab.fit(x, y, .6, scale).for_labels(labels)
    fixed = FeasibleSet(x[40:46], x[40:46], x[40:46], filter=passes)
    with pytest.raises(ValueError, match='`feasible` must leave each point a '
                       r'place, got none for the points \['):
        solve(Problem(x[:40], y[:40], x[40:], y[40:]), x[40:46], labels, 0.,
              feasible=fixed)
    assert not fixed.contains(x[40:46]).all()


@pytest.mark.parametrize('spread', [1e7, 1.])
def test_a_column_of_large_numbers_opens_neither_filter_nor_box(spread):
    """Seconds since 1970 beside a column of 0 to 3: a point outside by a
    deviation, or by half a unit of the other column, is outside."""
    rng = np.random.default_rng(0)
    y = torch.arange(100).double() % 2
    x = torch.as_tensor(rng.normal(size=(100, 2))) * torch.tensor(
        [spread, 1.]) + torch.stack([1.7e9 + 0 * y, 3 * y], 1)
    std = x.std(0)
    passes = SphereSlab.fit(x, y, .95, 1 / std).for_labels(y[:1])
    far = torch.full((1, 2), 1e30).double()
    feasible = FeasibleSet(x[:1], -far, far, filter=passes)
    point = passes.centre + torch.stack(
        [std[0] * (passes.radius[0, 0] + 1), 0 * std[1]])
    assert torch.allclose(passes.violation(point), torch.ones(1).double(),
                          rtol=1e-6)
    assert not feasible.contains(point)
    assert feasible.contains(feasible.project(point))
    box = FeasibleSet(x[:1], x.amin(0), x.amax(0))
    outside = torch.stack([x[0, 0], x[:, 1].max() + .5])[None]
    assert not box.contains(outside) and box.contains(x).all()


def test_a_box_is_held_to_the_rounding_of_its_own_columns():
    """Ten digits of the largest bound, in any units; without any but
    0, 1e-9."""
    x = torch.zeros(1, 5).double()
    ub = torch.tensor([1e-12, 1234567.89996, 0., math.inf, 1e30]).double()
    box = FeasibleSet(x, x[0], ub)
    inside = x + torch.tensor([1e-12, 1234567.9, 1e-17, 1e9, 1e9]).double()
    assert box.contains(inside) and box.contains(x - 1e-22)
    for j, size in enumerate((5e-10, .1, 1e-8)):
        outside = inside.clone()
        outside[0, j] += size
        assert not box.contains(outside)
    # a point at 0 is rounded as the others of its column are
    fixed = torch.tensor([[0.], [1e-12]]).double()
    held = FeasibleSet(fixed, fixed, fixed)
    assert held.contains(fixed + 1e-22).all()
    assert not held.contains(fixed + 5e-10).any()


@pytest.mark.parametrize('ub', [UB, np.inf])
@pytest.mark.parametrize('end', [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_in_no_set(ub, end):
    x = torch.full((2, D), .5, dtype=torch.float64)
    feasible = FeasibleSet(x.clone(), torch.zeros(1).double(),
                           torch.full((1,), ub).double())
    x[0, 1] = end
    assert feasible.contains(x).tolist() == [False, True]


@pytest.mark.parametrize('default', [torch.float16, torch.float32])
@pytest.mark.parametrize('bound', [
    .1, [.1, .1], [torch.tensor(.1, dtype=torch.float64, requires_grad=True),
                   .1]], ids=str)
def test_a_bound_of_python_is_taken_in_float64(bound, default):
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        low, high = check_box(torch.zeros(3, 2, dtype=torch.float64),
                              None, bound)
    finally:
        torch.set_default_dtype(before)
    assert (high == .1).all() and (low == -math.inf).all()
