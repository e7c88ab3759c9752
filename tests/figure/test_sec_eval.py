"""The curves of lambda and ||w||, read back from the axes."""
import inspect

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from attack_problems import make, small
from figures import assert_outside
from refusals import raises
from secml_regpoison.figure.c_plot_regpoison import CPlotRegPoison
from secml_regpoison.figure.style import POLICY_STYLES
from secml.adv.seceval import CSecEval, CSecEvalData
from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.figure import CFigure
from secml.figure._plots import CPlot

STRENGTHS = [0, 5, 10, 20]


def _sec_eval_data(shift=0., strengths=STRENGTHS):
    """Data of a CSecEval in which lambda increases and ||w|| decreases."""
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
    assert fig.sp.get_lines()[0].get_markevery() is None


@pytest.mark.parametrize('method', [*CURVES, 'plot_sec_eval_minimax'])
def test_a_single_strength_is_a_marker(fig, method):
    getattr(fig.sp, method)(_evaluated(strengths=[5]))
    assert fig.sp._sp.get_xticks().tolist() == [5]
    for axes in fig._fig.axes:
        assert axes.get_lines()[0].get_xdata().tolist() == [5]


def test_strengths_are_drawn_in_order(fig):
    """secml draws them as they were given, and a line that goes back."""
    given = _evaluated(1, [20, 0, 5])
    fig.sp.plot_sec_eval_minimax([given, given])
    for axes, values in zip(fig._fig.axes, ([13.75, 15, 12.5], [1, 1.5, 3])):
        line = axes.get_lines()[0]
        assert line.get_xdata().tolist() == [0, 5, 20]
        assert line.get_ydata() == pytest.approx(values)
        assert line.get_markevery() in (None, [0, 1, 2])
    assert given.param_values.tolist() == [20, 0, 5]
    assert [ds.num_samples for ds in given.adv_ds] == [20, 0, 5]


@pytest.mark.parametrize('method', [*CURVES, 'plot_sec_eval_minimax'])
def test_the_strengths_of_all_curves_have_ticks(fig, method):
    for strengths in ([0, 5, 20], [0, 10, 30]):
        getattr(fig.sp, method)(_evaluated(strengths=strengths))
    assert fig.sp._sp.get_xticks().tolist() == [0, 5, 10, 20, 30]


@pytest.mark.parametrize('strengths', [[*range(60)], [0, 1, 2, 3, 400]])
def test_no_tick_runs_into_the_next(fig, strengths):
    fig.sp.plot_lmbda(_sec_eval_data(strengths=strengths))
    fig._fig.canvas.draw()
    labels = fig.sp._sp.get_xticklabels()
    assert {int(label.get_text()) for label in labels} < {*strengths}
    boxes = [label.get_window_extent() for label in labels]
    assert len(boxes) > 1
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:]))


def test_lambda_has_its_axis_beside_the_error(fig):
    """It was drawn on the axis of the error, in per cent."""
    fig.sp.plot_sec_eval_minimax(_evaluated(), label='learned')
    fig.sp.plot_lmbda(_sec_eval_data(2), label='small')
    error, lmbda = fig._fig.axes
    assert len(error.get_lines()) == 1
    assert lmbda.get_lines()[1].get_ydata() == pytest.approx([2, 2.5, 3, 4])
    assert lmbda.get_lines()[1].get_linestyle() == '--'
    assert [text.get_text() for text in fig.sp.get_legend().get_texts()] == [
        'test error, learned', r'$\lambda$, learned', 'small']


def test_an_axis_names_all_that_is_drawn_on_it(fig):
    fig.sp.plot_lmbda(_sec_eval_data())
    fig.sp.plot_weight_norm(_sec_eval_data())
    fig.sp.plot_lmbda(_sec_eval_data(1))
    assert fig.sp._sp.get_ylabel() == r'$\lambda$ (natural log); $\|w\|_2$'


def test_a_black_curve_is_seen_on_a_dark_background():
    with plt.style.context('dark_background'):
        fig = CFigure()
        fig.sp.plot_sec_eval_minimax(_evaluated(), label='trusted-only')
        for axes in fig._fig.axes:
            line = axes.get_lines()[0]
            assert to_rgb(line.get_color()) == (1, 1, 1)
        assert to_rgb(line.get_markerfacecolor()) == (0, 0, 0)  # hollow
    fig.close()


@pytest.mark.parametrize('values, told', [
    ([False, True], r'\[False, True\] of the parameter n_points'),
    (['rmd', 'implicit'], "'rmd', 'implicit'"), ([1., np.inf], 'inf')])
@pytest.mark.parametrize('method', [*CURVES, 'plot_sec_eval_minimax'])
def test_strengths_that_have_no_place_on_an_axis_are_refused(
        fig, method, values, told):
    data = _evaluated(strengths=[0, 1])
    data.param_values = CArray(values)
    with pytest.raises(ValueError, match='finite numbers, got.*' + told):
        getattr(fig.sp, method)(data)


@pytest.mark.parametrize('method', [*CURVES, 'plot_sec_eval_minimax'])
def test_incomplete_evaluations_are_refused(fig, method):
    plot = getattr(fig.sp, method)
    with pytest.raises(ValueError, match='same strengths'):
        plot([_sec_eval_data(), _sec_eval_data(strengths=[0, 5, 10, 25])])
    with pytest.raises(ValueError, match='same strengths'):
        plot([_sec_eval_data(), _sec_eval_data(strengths=[0, 5, 10])])
    unsaved, foreign = _sec_eval_data(), _sec_eval_data()
    unsaved.adv_ds = None
    for ds in foreign.adv_ds:
        ds.header = None
    stock = _sec_eval_data()
    stock.adv_ds[0] = None  # of secml's own attacks at strength 0
    for data in (unsaved, foreign, stock):
        with pytest.raises(ValueError, match='save_adv_ds=True'):
            plot(data)
    with pytest.raises(ValueError, match='at least one'):
        plot([])


@pytest.mark.parametrize('method', [*CURVES, 'plot_sec_eval_minimax'])
def test_a_list_of_labels_is_refused_before_anything_is_drawn(fig, method):
    data = [_evaluated(), _evaluated()]
    with raises(TypeError, '`label` must be a text or None',
                'repetitions of one curve, got list.'):
        getattr(fig.sp, method)(data, label=['a', 'b'])
    assert len(fig._fig.axes) == 1 and not fig.sp.get_lines()


def test_curves_of_one_subplot_differ_in_color_line_and_marker(fig):
    for shift in range(4):
        fig.sp.plot_lmbda(_sec_eval_data(shift))
    for look in ('get_color', 'get_linestyle', 'get_marker'):
        assert len({getattr(line, look)() for line in fig.sp.get_lines()}) == 4


def test_a_policy_has_its_color_and_marker_in_every_plot(fig):
    """In the order of the calls 'learned' would be orange."""
    fig.sp.plot_lmbda(_sec_eval_data(), label='fixed')
    fig.sp.plot_lmbda(_sec_eval_data(1), label='learned')
    fig.sp.plot_lmbda(_sec_eval_data(2), label='learned', color='red')
    looks = [(line.get_color(), line.get_marker())
             for line in fig.sp.get_lines()]
    learned = POLICY_STYLES['learned']
    assert looks[1] == (learned['color'], learned['marker'])
    assert looks[2] == ('red', learned['marker'])
    fig.sp.plot_sec_eval_minimax(_evaluated(), label='learned')
    assert {line.get_color() for line in fig._fig.axes[1].get_lines()} \
        == {learned['color']}


@pytest.mark.parametrize('method', [*CURVES, 'plot_sec_eval_minimax'])
@pytest.mark.parametrize('policies', [
    ('learned', 'clean-cv'), ('learned-trust', 'filter', 'small', 'large')])
def test_a_policy_after_other_curves_looks_like_none_of_them(
        fig, method, policies):
    """The first curve and 'clean-cv' were both blue dots."""
    for label in ('fixed', 'own', *policies):
        getattr(fig.sp, method)(_evaluated(), label=label)
    looks = [(line.get_color(), line.get_marker())
             for line in fig.sp.get_lines()]
    assert len({*looks}) == len(looks)


def test_a_curve_after_policies_has_a_color_of_its_own(fig):
    for label in ('trusted-only', 'clean-cv', 'large', 'fixed', 'other'):
        fig.sp.plot_lmbda(_sec_eval_data(), label=label)
    assert len({line.get_color() for line in fig.sp.get_lines()}) == 5


def test_more_curves_than_colors_differ(fig):
    for k in range(12):
        fig.sp.plot_lmbda(_sec_eval_data(k), label=str(k))
    assert len({(line.get_color(), line.get_marker())
                for line in fig.sp.get_lines()}) == 12


def test_other_objects_are_refused(fig):
    attack = CSecEval(make(small()), 'n_points', CArray(STRENGTHS))
    for wrong in (attack, [_sec_eval_data(), 1.], None):
        with pytest.raises(TypeError, match='must be a CSecEvalData'):
            fig.sp.plot_lmbda(wrong)
    with pytest.raises(ValueError, match='save_adv_ds=True'):
        fig.sp.plot_lmbda(attack.sec_eval_data)
    twice = _sec_eval_data()
    twice.adv_ds = 2 * twice.adv_ds
    with pytest.raises(ValueError, match='one adv_ds for each of 4'):
        fig.sp.plot_lmbda(twice)
    assert not fig.sp.get_lines()


def rings_of(axes):
    """Words of the rings, and the strengths that have them; no more than one
    of each kind has words."""
    return [(line.get_label(), line.get_marker(), line.get_xdata().tolist())
            for line in axes.get_lines() if line.get_markersize() == 15]


def _judged(*verdicts):
    """With verdicts at each strength."""
    data = _evaluated()
    for ds, names in zip(data.adv_ds, verdicts):
        ds.header.verdicts = names
    return data


def test_results_that_mean_something_else_have_rings(fig):
    data = _judged(('gave_up',), ('lmbda_at_bound', 'unseen'),
                   ('one_class',), ('gave_up', 'lmbda_at_bound'))
    # at strength 0 the error is clearly better than that of a constant answer
    data.Y_pred[-1] = CArray.zeros(80, dtype=int)
    fig.sp.plot_sec_eval_minimax(data, label='a')
    fig.sp.plot_sec_eval_minimax(data, label='learned')
    errors, lmbdas = fig._fig.axes
    gave_up, bound = ('gave up: no better than a constant answer',
                      r'$\lambda$ at a bound')
    assert rings_of(errors) == [(gave_up, 'o', [10, 20]), ('_', 'o', [10, 20])]
    assert rings_of(lmbdas) == [(bound, 's', [5, 20]), ('_', 's', [5, 20])]
    legend = fig.sp.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        'test error, a', gave_up, 'test error, learned',
        r'$\lambda$, a', bound, r'$\lambda$, learned']
    assert {line.get_markerfacecolor() for line in lmbdas.get_lines()
            if line.get_markersize() != 15} == {'white'}
    assert_outside(fig, legend)


def test_a_ring_of_a_mean_is_of_any_repetition(fig):
    data = [_judged(()), _judged(('gave_up',), (), ('lmbda_at_bound',))]
    fig.sp.plot_lmbda(data, label='learned')
    (words, *where), = rings_of(fig.sp._sp)
    assert (words, where) == (r'$\lambda$ at a bound in a repetition',
                              ['s', [10]])
    fig.sp.plot_weight_norm(data)
    assert len(rings_of(fig.sp._sp)) == 1


def test_a_ring_has_its_words_where_the_curve_has_no_name(fig):
    fig.sp.plot_lmbda(_judged(('lmbda_at_bound',)))
    assert [text.get_text() for text in fig.sp.get_legend().get_texts()] == [
        r'$\lambda$ at a bound']


def _evaluated(shift=0, strengths=STRENGTHS):
    """Ten of 80 test points are wrong, and `shift` more at each strength."""
    data = _sec_eval_data(shift, strengths)
    data.Y = CArray([0, 1] * 40)
    data.Y_pred = []
    for k in range(len(strengths)):
        y_pred = data.Y.deepcopy()
        wrong = 10 + k * shift
        y_pred[:wrong] = 1 - y_pred[:wrong]
        data.Y_pred.append(y_pred)
    data.scores = [CArray.zeros((80, 2)) for _ in strengths]
    return data


def test_error_and_lambda_share_a_plot(fig):
    fig.sp.plot_sec_eval_minimax(_evaluated(1), label='a')
    fig.sp.plot_sec_eval_minimax([_evaluated(4), _evaluated(2)], label='b')
    errors, lmbdas = (axes.get_lines() for axes in fig._fig.axes)
    np.testing.assert_allclose([line.get_ydata() for line in errors], [
        [12.5, 13.75, 15, 16.25], [12.5, 16.25, 20, 23.75]])
    np.testing.assert_allclose([line.get_ydata() for line in lmbdas],
                               [[1, 1.5, 2, 3], [3, 3.5, 4, 5]])
    assert [axes.get_ylabel() for axes in fig._fig.axes] == [
        'Test error (%), solid', r'$\lambda$ (natural log), dashed']
    # one color for each evaluation, one line style for each quantity
    looks = [[(line.get_color(), line.get_marker()) for line in lines]
             for lines in (errors, lmbdas)]
    assert looks[0] == looks[1] and len(set(looks[0])) == 2
    assert [{line.get_linestyle() for line in lines}
            for lines in (errors, lmbdas)] == [{'-'}, {'--'}]
    assert [len(axes.collections) for axes in fig._fig.axes] == [2, 1]


def test_the_legend_of_both_axes_hides_nothing(fig):
    fig.sp.title('kept')
    for shift, label in enumerate('abc'):
        fig.sp.plot_sec_eval_minimax(_evaluated(shift), label=label)
    assert fig._fig.axes[0].get_title() == 'kept'
    legends = [axes.get_legend() for axes in fig._fig.axes
               if axes.get_legend()]
    assert len(legends) == 1
    assert sorted(text.get_text() for text in legends[0].get_texts()) == [
        r'$\lambda$, a', r'$\lambda$, b', r'$\lambda$, c',
        'test error, a', 'test error, b', 'test error, c']
    assert_outside(fig, legends[0])


@pytest.mark.parametrize('method', CURVES)
def test_the_legend_of_curves_hides_nothing(fig, method):
    for shift, label in enumerate('abc'):
        getattr(fig.sp, method)(_sec_eval_data(shift), label=label)
    getattr(fig.sp, method)(_sec_eval_data(3))
    fig.sp.title('title')
    legend = fig.sp.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list('abc')
    assert_outside(fig, legend)


def test_a_legend_can_be_left_out(fig):
    fig.sp.show_legend = False
    fig.sp.plot_lmbda(_sec_eval_data(), label='learned')
    assert fig.sp.get_legend() is None
    fig.sp.plot_sec_eval_minimax(_evaluated(), label='learned')
    assert not any(axes.get_legend() for axes in fig._fig.axes)


def test_an_evaluation_that_was_not_run_has_no_error(fig):
    with pytest.raises(ValueError, match='run_sec_eval'):
        fig.sp.plot_sec_eval_minimax(_sec_eval_data())
    assert not fig._fig.axes[0].get_lines()


def test_no_method_of_the_host_is_replaced(fig):
    classes = CPlotRegPoison.__mro__
    ours = {name: method for cls in classes[:classes.index(CPlot)]
            for name, method in vars(cls).items()
            if inspect.isfunction(method)}
    assert set(ours) == {*CURVES, 'plot_sec_eval_minimax',
                         'plot_weight_histogram', 'plot_poisoning_map',
                         'plot_poisoning_images', 'plot_certificate'}
    hosts = [host for _, host in CPlot.get_subclasses()
             if host.__module__.startswith('secml.')]
    assert len(hosts) > 5 and CPlot in hosts
    for host in hosts:
        assert not set(ours) & set(dir(host)), host
    for name, method in ours.items():
        assert getattr(fig.sp, name).__func__ is method
