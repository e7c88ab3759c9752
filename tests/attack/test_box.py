"""A box that most clean values lie outside is warned of, and what numbers
bounds and other settings may be."""
import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from attack_problems import clouds, make, run, small
from refusals import raises
from secml_regpoison import CClassifierLogisticTorch
from secml_regpoison.attack.box import bound_tensors

from secml.array import CArray
from secml.data import CDataset, CDatasetHeader

WORDS = 'lie outside the box'


def standardised():
    return [CDataset((part.X - part.X.mean(axis=0)) / part.X.std(axis=0),
                     part.Y) for part in small(d=3)]


def test_warnings_name_the_line_that_runs():
    data = standardised()
    attack = make(data, 1)
    with pytest.warns(RuntimeWarning, match=WORDS) as found:
        attack.run(data[2].X, data[2].Y)
    assert {warning.filename for warning in found if WORDS in str(
        warning.message)} == {__file__}


def is_warned(data, **settings):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        run(make(data, 1, **settings), data)
    return any(WORDS in str(warning.message) for warning in found)


@pytest.mark.parametrize('box, warned', [
    ({'lb': 0, 'ub': 1}, True), ({'lb': -3, 'ub': 3}, False),
    ({'lb': 0, 'ub': None}, False), ({'lb': 1, 'ub': None}, True),
    ({'lb': 'x0', 'ub': None}, False),
    ({'lb': CArray([0, -3, -3]), 'ub': CArray([1, 3, 3])}, False)])
def test_unit_box_on_standardised_rows(box, warned):
    assert is_warned(standardised(), **box) is warned


def test_the_cure_is_what_it_says():
    data = standardised()
    x = data[0].X
    assert not is_warned(data, lb=x.min(axis=0).ravel(),
                         ub=x.max(axis=0).ravel())
    assert np.all(x.min(axis=0).tondarray() < 0)


def test_a_start_as_bound_is_clipped_to_the_other():
    start = torch.tensor([[.5, .2]], dtype=torch.float64)
    for lb, ub, low, high in (('x0', .3, [[.3, .2]], [.3]),
                              (.3, 'x0', [.3], [[.5, .3]])):
        found = bound_tensors(lb, ub, start)
        assert [bound.tolist() for bound in found] == [low, high]


def test_poison_is_held_to_the_box_in_the_units_of_its_columns():
    """1e-9 beyond is 1,000 times too much in a box of 1e-12, and ten digits
    of a million are not as near."""
    unit, ub = [1e-12, 1e6], CArray([2e-12, 1234567.89996])
    data = [CDataset(rows.X * CArray(unit), rows.Y) for rows in small()]
    attack = make(data, 1, CClassifierLogisticTorch(preprocess='mean-std'),
                  lb=0, ub=ub, learn_lmbda=False)

    def poison(*row):
        return CDataset(CArray([row]), CArray([0]))
    written = poison(*(float(f'{bound:.10g}') for bound in ub.tolist()))
    assert written.X[0, 1].item() > ub[1].item()
    attack.poisoned_classifier(written)
    with raises(ValueError, '`adv_ds.X` must be inside', '3.98e-10 beyond'):
        attack.poisoned_classifier(poison(4e-10, 1e6))


HALF = Fraction(1, 2), np.float16(.5), np.longdouble(.5), np.array(.5), \
    np.array([Fraction(1, 2)]), CArray([.5])


@pytest.mark.parametrize('settings', [
    [{name: value} for value in (.5, *HALF)]
    for name in ('lb', 'ub', 'dmax')] + [
    [{'solver_params': {'n_outer': 2, name: value}} for value in (.5, *HALF)]
    for name in ('momentum', 'eta')] + [
    [{name: value} for value in (1, Fraction(1), np.float16(1), np.array(1))]
    for name in ('y_target', 'y_poison')] + [
    [{'lb': .5}, {'lb': np.full(2, .5, np.longdouble)}],
    [{'lb': None}, {'lb': -10 ** 40}, {'lb': -10 ** 400}],
    [{'ub': None}, {'ub': 10 ** 40}, {'ub': Fraction(10 ** 400)}],
    [{}, {'dmax': 10 ** 400}]])
def test_any_real_number(settings):
    """The first is the same number as Python has it, or none that counts."""
    data = small()
    first, *others = (
        run(make(data, 2, learn_lmbda=False, **kwargs), data)
        for kwargs in settings)
    for other in others:
        assert_array_equal(other[2].X.tondarray(), first[2].X.tondarray())
        assert other[2].Y.tolist() == first[2].Y.tolist()
        assert other[3] == first[3]
        # and once more from there, where poison is compared with the box
        attack = make(data, 2, learn_lmbda=False, **settings[1])
        assert run(attack, data, ds_init=other[2])[2].num_samples == 2


@pytest.mark.parametrize('name', ['lb', 'ub', 'y_poison'])
def test_arrays_of_other_than_numbers_are_refused_by_name(name):
    data = small()
    for value in (np.array([Fraction(1, 2)] * 2), np.array([None, 1])):
        with raises(TypeError, f'`{name}` must be numbers, got ndarray'):
            run(make(data, 2, **{name: value}), data)
    with raises(TypeError, '`y` must be numbers, got list'):
        make(data, 2).run(data[2].X, [Fraction(1)] * data[2].num_samples)


@pytest.mark.parametrize('joint', [True, False])
@pytest.mark.parametrize('name, move', [('lb', -.04), ('ub', .04)])
def test_points_beyond_their_starts_are_refused(joint, name, move):
    """Where a bound is 'x0', also without `dmax`."""
    data = small()
    x = CArray(data[1].X[:3, :].tondarray().clip(.1, .9))
    data[1].X[:3, :] = x
    box = {**{'lb': 0, 'ub': 1}, name: 'x0'}
    attack = make(data, 3, joint=joint, **box)
    inside, outside = (CDataset(x + step, CArray([0, 1, 0]), CDatasetHeader(
        starts=(0, 1, 2))) for step in (-move, move))
    with raises(ValueError, "`ds_init.X` must be points inside the box, with "
                "'x0' for the validation rows", 'got', '0, 1, 2'):
        run(attack, data, ds_init=outside)
    poison = run(attack, data, ds_init=inside)[2]
    beyond = poison.X - attack.starting_points(poison)
    assert (beyond.tondarray() * np.sign(move) <= 1e-9).all()


@pytest.mark.parametrize('joint', [True, False])
@pytest.mark.parametrize('bound', ['lb', 'ub'])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_points_of_an_attack_are_taken_as_others_hold_them(seed, bound, joint):
    """Where a bound is 'x0': without the rows where they started, a part of
    them, in single precision, and for other validation rows."""
    data = [clouds(n, seed + n) for n in (40, 20, 30)]
    box = {**{'lb': -9, 'ub': 9}, bound: 'x0'}
    found = run(make(data, 3, joint=joint, **box), data)[2]
    again = make(data, 3, joint=joint, **box)
    for ds_init in (
            CDataset(found.X, found.Y), found[[0, 2], :],
            CDataset(found.X.astype(np.float32), found.Y, found.header)):
        run(again, data, ds_init=ds_init)
    other = [data[0], clouds(20, seed + 7), data[2]]
    run(make(other, 3, joint=joint, **box), other, ds_init=found)
