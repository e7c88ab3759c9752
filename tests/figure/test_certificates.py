"""Certificates as curves."""
import matplotlib
import numpy as np
import pytest

from attack_problems import make, small
from secml_regpoison import CCertificatePoisoning, CClassifierLogisticTorch
from secml.figure import CFigure

matplotlib.use('Agg')


@pytest.fixture(scope='module')
def certify():
    attack = make(small(d=3), clf=CClassifierLogisticTorch(),
                  learn_lmbda=False)
    return CCertificatePoisoning(attack, max_iter=10).run


@pytest.mark.parametrize('axis', ['lmbda', 'n_points'])
def test_three_curves_in_order(certify, axis):
    ones = [certify(8, lmbda) for lmbda in (4., 0., 2.)] if axis == 'lmbda' \
        else [certify(n, 2.) for n in (20, 2, 8)]
    fig = CFigure()
    fig.sp.plot_certificate(ones)
    bound, found, clean, *vacuous = fig.sp.get_lines()
    places = {'lmbda': [0, 2, 4],
              'n_points': [100 * n / (40 + n) for n in (2, 8, 20)]}[axis]
    ones = sorted(ones, key=lambda one: getattr(one, axis))
    for line, name in ((bound, 'bound'), (found, 'found'), (clean, 'clean')):
        np.testing.assert_allclose(line.get_xdata(), places)
        assert line.get_ydata().tolist() == [getattr(one, name)
                                             for one in ones]
    hollow = [one.bound for one in ones if one.is_vacuous]
    assert hollow and [list(line.get_ydata()) for line in vacuous] == [hollow]
    assert ('lambda' in fig.sp._sp.get_xlabel()) == (axis == 'lmbda')
    fig.close()


def test_what_is_no_list_of_certificates(certify):
    fig = CFigure()
    with pytest.raises(TypeError, match='`certificates` must be a list of'):
        fig.sp.plot_certificate(certify(8))
    with pytest.raises(ValueError, match=r'got \[\]'):
        fig.sp.plot_certificate([])
    with pytest.raises(ValueError, match=r"got \['int'\]"):
        fig.sp.plot_certificate([3])
    with pytest.raises(ValueError, match='of one lambda, or of one number'):
        fig.sp.plot_certificate([certify(8, 1.), certify(9, 2.)])
    fig.close()
