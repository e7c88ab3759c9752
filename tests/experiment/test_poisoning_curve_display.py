"""The picture of a poisoning curve."""
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

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
    (dict(policies=3), '`policies` must be a list, got 3'),
    (dict(policies='abc'), "`policies` must be a list, got 'abc'"),
    (dict(policies=['clean-cv', 'learned', None]), '`policies` .*None')])
def test_what_cannot_be_drawn_is_refused(wrong, words):
    curve = dict(fractions=FRACTIONS, policies=POLICIES, test_error=ERRORS)
    with pytest.raises(ValueError, match=words):
        PoisoningCurveDisplay(**{**curve, **wrong})


@pytest.mark.parametrize('name', ['fractions', 'test_error', 'majority_error'])
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
        y_poison='flip', solver_params={'n_outer': 2})
    np.testing.assert_allclose(
        display.lines_[1].get_ydata(),
        100 * display.curve_.test_error[1].mean(axis=1))
    assert len(display.lines_) == 2


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
