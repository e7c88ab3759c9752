"""The picture of a poisoning curve."""
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Bunch

from secml_regpoison import PoisoningCurveDisplay
from secml_regpoison.figure.style import policy_styles

FRACTIONS = np.array([0., .1])
POLICIES = ['clean-cv', 'learned', '-2']
ERRORS = np.array([[[.0, .1], [.2, .4]], [[.0, .0], [.1, .1]],
                   [[.1, .3], [.5, .5]]])


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_a_curve_and_a_band_for_each_policy(ax):
    display = PoisoningCurveDisplay(
        fractions=FRACTIONS, policies=POLICIES, test_error=ERRORS,
        majority_error=np.array([.4, .5]))
    assert display.plot(ax) is display
    assert display.ax_ is ax and display.figure_ is ax.figure
    styles = policy_styles(POLICIES)
    for k, (policy, line) in enumerate(zip(POLICIES, display.lines_)):
        np.testing.assert_allclose(line.get_xdata(), [0, 10])
        np.testing.assert_allclose(line.get_ydata(),
                                   100 * ERRORS[k].mean(axis=1))
        assert line.get_color() == styles[policy]['color']
        assert line.get_marker() == styles[policy]['marker']
        band = display.fill_between_[k].get_paths()[0].vertices
        np.testing.assert_allclose(
            [band[:, 1].min(), band[:, 1].max()],
            [100 * ERRORS[k].min(), 100 * ERRORS[k].max()])
    np.testing.assert_allclose(display.majority_line_.get_ydata(), 45)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(set(words)) == 4 and 'more frequent class' in words[-1]
    assert ax.get_ylim()[0] == 0 and ax.get_ylabel() == 'Test error (%)'


def rings_of(ax):
    """Words and places of the rings, where the legend has them."""
    shown = {text.get_text() for text in ax.get_legend().get_texts()}
    found = {line.get_label(): line.get_xydata() for line in ax.get_lines()
             if line.get_markersize() == 15}
    assert set(found) <= shown
    return found


def test_results_that_mean_something_else_have_rings(ax):
    """The mean, if a verdict is true in a repetition."""
    gave_up, at_bound = np.zeros((2, *ERRORS.shape), dtype=bool)
    curve = dict(fractions=FRACTIONS, policies=POLICIES, test_error=ERRORS)
    PoisoningCurveDisplay(**curve, gave_up=gave_up).plot(ax)
    assert rings_of(ax) == {}
    ax.clear()
    gave_up[2, 1] = gave_up[0, 1, 0] = at_bound[1, 0, 1] = True
    PoisoningCurveDisplay(**curve, gave_up=gave_up.tolist(),
                          lmbda_at_bound=at_bound).plot(ax)
    found = rings_of(ax)
    assert list(found) == [
        'gave up in a repetition: no better than a constant answer',
        r'$\lambda$ at a bound in a repetition']
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= 0 and box.x1 <= ax.figure.bbox.x1  # in one column
    circles, squares = found.values()
    np.testing.assert_allclose(circles, [[10, 30], [10, 50]])
    np.testing.assert_allclose(squares, [[0, 0]])


def test_who_errs_clearly_less_has_not_given_up(ax, monkeypatch):
    """As in the command's picture: one row far out spoils a loss."""
    def curve(*args):
        return Bunch(
            fractions=FRACTIONS, policies=['learned'], majority_error=[.5],
            test_error=np.array([[[.1], [.49]]]), test_rows=[range(100)],
            gave_up=np.ones((1, 2, 1), bool),
            one_class=np.zeros((1, 2, 1), bool),
            lmbda_at_bound=np.zeros((1, 2, 1), bool))
    monkeypatch.setattr(
        'secml_regpoison.experiment.poisoning_curve_display.poisoning_curve',
        curve)
    PoisoningCurveDisplay.from_estimator(None, None, None, ax=ax)
    circles, = rings_of(ax).values()
    np.testing.assert_allclose(circles, [[10, 49]])


def test_one_repetition_has_no_band_and_no_line_without_majority():
    display = PoisoningCurveDisplay(
        fractions=FRACTIONS, policies=POLICIES,
        test_error=ERRORS[:, :, :1]).plot()
    assert display.fill_between_ == [] and display.majority_line_ is None
    assert display.ax_ is plt.gca()  # new axes
    plt.close(display.figure_)


@pytest.mark.parametrize('size, n_columns', [((6.4, 4.8), 2), ((4, 4), 1)])
def test_the_legend_hides_no_curve_and_is_in_the_picture(size, n_columns):
    policies = ['clean-cv', 'learned', 'trusted-only', '-8', '0', '2']
    display = PoisoningCurveDisplay(
        fractions=FRACTIONS, policies=policies,
        test_error=np.concatenate([ERRORS, ERRORS]), majority_error=[.4])
    figure, ax = plt.subplots(figsize=size)
    display.plot(ax)
    figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert not box.overlaps(ax.get_window_extent())
    assert not box.overlaps(ax.xaxis.get_tightbbox())
    assert min(box.x0, box.y0) >= 0 and box.x1 <= figure.bbox.x1
    assert ax.get_legend()._ncols == n_columns
    plt.close(figure)


@pytest.mark.parametrize('wrong, words', [
    (dict(policies=['clean-cv', 'learned', 'mine']),
     r"`policies` must be among \('small', .*\) or numbers, got .*'mine'"),
    (dict(test_error=ERRORS[0]), r'`test_error` .*got \(2, 2\)'),
    (dict(fractions=[0]), r'`test_error` .*\(3, 1\) and a third, got \(3, 2'),
    (dict(fractions=0.), r'`test_error` .*\(3,\) and a third, got \(3, 2'),
    (dict(gave_up=[True]), r'`gave_up` must .*\(3, 2, 2\), got \(1,\)'),
    (dict(lmbda_at_bound=True), r'`lmbda_at_bound` .*, got \(\)'),
    (dict(policies=3), '`policies` must be a list, got 3'),
    (dict(policies='abc'), "`policies` must be a list, got 'abc'"),
    (dict(policies=['clean-cv', 'learned', None]), '`policies` .*None')])
def test_what_cannot_be_drawn_is_refused(wrong, words):
    curve = dict(fractions=FRACTIONS, policies=POLICIES, test_error=ERRORS)
    with pytest.raises(ValueError, match=words):
        PoisoningCurveDisplay(**{**curve, **wrong})


@pytest.mark.parametrize('name', [
    'fractions', 'test_error', 'majority_error', 'gave_up', 'lmbda_at_bound'])
@pytest.mark.parametrize('value', ['a', ['a', 'b'], 1j])
def test_what_is_no_numbers_is_refused(name, value):
    curve = dict(fractions=FRACTIONS, policies=POLICIES, test_error=ERRORS)
    with pytest.raises(TypeError, match=f'`{name}` must be numbers, got '):
        PoisoningCurveDisplay(**{**curve, name: value})


def test_axes_that_are_none_are_refused():
    display = PoisoningCurveDisplay(
        fractions=FRACTIONS, policies=POLICIES, test_error=ERRORS)
    with pytest.raises(TypeError, match='`ax` must be matplotlib Axes or None,'
                       ' got int'):
        display.plot(3)


@pytest.mark.filterwarnings('ignore:.* results, read with care:RuntimeWarning')
def test_from_an_estimator(ax):
    x, y = load_iris(return_X_y=True)
    x, y = x[50:], y[50:]
    display = PoisoningCurveDisplay.from_estimator(
        LogisticRegression(), x, y, ax=ax, fractions=(0, .1),
        policies=('clean-cv', 'learned', 30.), y_poison='flip',
        solver_params={'n_outer': 2})
    np.testing.assert_allclose(
        display.lines_[1].get_ydata(),
        100 * display.curve_.test_error[1].mean(axis=1))
    assert len(display.lines_) == 3
    # nothing but one class at lambda 30
    (words, rings), = rings_of(ax).items()
    assert words == 'gave up: no better than a constant answer'
    np.testing.assert_array_equal(rings, display.lines_[2].get_xydata())


def test_plain_lists_and_a_logarithmic_axis(recwarn):
    display = PoisoningCurveDisplay(
        fractions=[0., .1], policies=['learned'],
        test_error=[[[.1, .2], [.2, .4]]], majority_error=.4)
    _, ax = plt.subplots()
    ax.set_yscale('log')
    display.plot(ax)
    assert display.lines_[0].get_xdata().tolist() == [0., 10.]
    assert display.majority_line_.get_ydata()[0] == pytest.approx(40.)
    assert not [str(warning.message) for warning in recwarn
                if 'ylim' in str(warning.message)]
    plt.close('all')
