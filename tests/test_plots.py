"""The curves of lambda and ||w||, read back from the axes."""
import inspect

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from secml_regpoison.c_plot_regpoison import CPlotRegPoison
from secml.adv.seceval import CSecEvalData
from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.figure import CFigure
from secml.figure._plots import CPlot

STRENGTHS = [0, 5, 10, 20]


def _sec_eval_data(shift=0., strengths=STRENGTHS):
    """What a CSecEval leaves behind: lambda grows, ||w|| falls."""
    data = CSecEvalData()
    data.param_name = 'n_points'
    data.param_values = CArray(strengths)
    data.adv_ds = [
        CDataset(CArray.zeros((n, 2)) if n else CArray.empty((0, 2)),
                 CArray.zeros(n, dtype=int),
                 header=CDatasetHeader(lmbda=n / 10 + shift,
                                       w_norm=9 - n / 5 - shift))
        for n in strengths]
    return data


@pytest.fixture
def fig():
    """A figure, closed after the test."""
    fig = CFigure()
    yield fig
    fig.close()


CURVES = {'plot_lmbda': [0, .5, 1, 2], 'plot_weight_norm': [9, 8, 7, 5]}


@pytest.mark.parametrize('method, values', CURVES.items())
def test_one_evaluation_is_a_curve(fig, method, values):
    getattr(fig.sp, method)(_sec_eval_data(), label='learned', color='red',
                            linestyle='--', marker='s')
    line, = fig.sp.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), STRENGTHS)
    np.testing.assert_allclose(line.get_ydata(), values)
    assert (line.get_color(), line.get_linestyle(), line.get_marker(),
            line.get_label()) == ('red', '--', 's', 'learned')
    assert not fig.sp._sp.collections
    assert fig.sp._sp.get_xlabel() == 'n_points'
    assert fig.sp._sp.get_ylabel()
    assert fig.sp.get_legend().get_texts()[0].get_text() == 'learned'


@pytest.mark.parametrize('method, values', CURVES.items())
def test_repetitions_are_a_mean_and_a_band(fig, method, values):
    getattr(fig.sp, method)([_sec_eval_data(-1), _sec_eval_data(1)])
    line, = fig.sp.get_lines()
    np.testing.assert_allclose(line.get_ydata(), values)
    band, = fig.sp._sp.collections
    corners = band.get_paths()[0].vertices
    for x, y in zip(STRENGTHS, values):
        at = corners[corners[:, 0] == x][:, 1]
        assert (at.min(), at.max()) == pytest.approx((y - 1, y + 1))
    np.testing.assert_allclose(
        band.get_facecolor()[0, :3], to_rgb(line.get_color()))
    assert fig.sp.get_legend() is None


def test_the_band_of_a_norm_is_never_negative(fig):
    fig.sp.plot_weight_norm([_sec_eval_data(-9), _sec_eval_data(9)])
    bottom = fig.sp._sp.collections[0].get_paths()[0].vertices[:, 1].min()
    assert bottom == 0


def test_labels_set_before_are_kept(fig):
    fig.sp.xlabel('share of poison')
    fig.sp.ylabel('strength')
    fig.sp.plot_lmbda(_sec_eval_data())
    assert fig.sp._sp.get_xlabel() == 'share of poison'
    assert fig.sp._sp.get_ylabel() == 'strength'


def test_every_strength_has_a_tick_and_a_marker(fig):
    fig.sp.plot_lmbda(_sec_eval_data(), marker='o')
    assert fig.sp._sp.get_xticks().tolist() == STRENGTHS
    assert fig.sp.get_lines()[0].get_markevery() == [0, 1, 2, 3]


@pytest.mark.parametrize('method', CURVES)
def test_what_is_not_there_is_not_drawn(fig, method):
    plot = getattr(fig.sp, method)
    with pytest.raises(ValueError, match='same strengths'):
        plot([_sec_eval_data(), _sec_eval_data(strengths=[0, 5, 10, 25])])
    with pytest.raises(ValueError, match='same strengths'):
        plot([_sec_eval_data(), _sec_eval_data(strengths=[0, 5, 10])])
    unsaved, foreign = _sec_eval_data(), _sec_eval_data()
    unsaved.adv_ds = None
    for ds in foreign.adv_ds:
        ds.header = None
    for data in (unsaved, foreign):
        with pytest.raises(ValueError, match='save_adv_ds=True'):
            plot(data)
    with pytest.raises(ValueError, match='at least one'):
        plot([])


def test_no_method_of_the_host_is_replaced():
    ours = {name for name in vars(CPlotRegPoison) if name[:2] != '__'
            and inspect.isfunction(vars(CPlotRegPoison)[name])}
    assert ours == set(CURVES)
    for name, host in CPlot.get_subclasses():
        if host is not CPlotRegPoison:
            assert not ours & set(vars(host)), name
