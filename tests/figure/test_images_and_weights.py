"""Poison as images and histograms of weights, read back from the axes."""
import io

import numpy as np
import pytest
from matplotlib.patches import Polygon

from attack_problems import digits, make, run, small
from figures import assert_outside
from secml.adv.attacks import CAttackPoisoningLogisticRegression
from secml.array import CArray
from secml.data import CDatasetHeader
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierKNN, CClassifierLogistic

N_POINTS = 3


@pytest.fixture(scope='module')
def poisoned():
    """An attack on digits that has run, and its poison."""
    data = digits()
    attack = make(data)
    return attack, run(attack, data, N_POINTS)[2]


def _images(fig):
    """Images by row and column, from the top left."""
    shown = sorted(fig._fig.axes[0].get_images(),
                   key=lambda image: (-image.get_extent()[2],
                                      image.get_extent()[0]))
    return np.array([image.get_array() for image in shown]).reshape(
        3, -1, 8, 8)


def test_starts_ends_and_their_difference(fig, poisoned):
    attack, adv_ds = poisoned
    fig.sp.plot_poisoning_images(attack, adv_ds)
    start, optimised, difference = _images(fig)
    rows = attack.val.X[list(adv_ds.header.starts), :].tondarray()
    np.testing.assert_array_equal(start.reshape(N_POINTS, 64), rows)
    np.testing.assert_array_equal(optimised.reshape(N_POINTS, 64),
                                  adv_ds.X.tondarray())
    np.testing.assert_array_equal(difference, optimised - start)
    assert np.abs(difference).max(axis=(1, 2)).min() > 0  # each has moved
    axes, = fig._fig.axes
    scales = axes.child_axes
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        str(label) for label in adv_ds.Y.tolist()]
    assert {tuple(scale.get_ylim()) for scale in scales} == {
        (0, 1), (-np.abs(difference).max(), np.abs(difference).max())}
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    for image in axes.get_images():
        x_0, x_1, y_0, y_1 = image.get_extent()
        assert left <= x_0 < x_1 <= right and bottom <= y_0 < y_1 <= top


@pytest.mark.parametrize('width', [4, 5, 12])
def test_colour_bars_and_names_keep_clear_of_each_other(poisoned, width):
    """In a figure of secml's usual size they were cut, and overlapped."""
    attack, adv_ds = poisoned
    attack = attack.deepcopy()
    attack.training_data.header = CDatasetHeader(
        y_original=('a pair of trousers', 'a handbag'))
    fig = CFigure(width=width)
    fig.sp.plot_poisoning_images(attack, adv_ds)
    fig._fig.canvas.draw()
    axes, = fig._fig.axes
    boxes = [bar.get_tightbbox() for bar in axes.child_axes]
    assert len(boxes) == 2 and not boxes[0].overlaps(boxes[1])
    whole = fig._fig.bbox
    for box in (*boxes, axes.get_tightbbox()):
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= whole.x1 and box.y1 <= whole.y1
    labels = axes.get_xticklabels()
    assert {label.get_rotation() for label in labels} == {45 * (width < 12)}
    if width == 12:
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:]))
    fig.close()


def test_n_images_limits_the_columns(fig, poisoned):
    attack, adv_ds = poisoned
    fig.sp.plot_poisoning_images(attack, adv_ds, n_images=np.int64(2))
    assert _images(fig).shape[1] == 2


def test_shape_and_names_of_the_classes_come_from_the_header(fig):
    data = digits()
    data[0].header = CDatasetHeader(img_h=4, img_w=16, y_original=(0, 8))
    attack = make(data)
    fig.sp.plot_poisoning_images(attack, run(attack, data, 2)[2])
    axes = fig._fig.axes[0]
    assert {image.get_array().shape for image in axes.get_images()} == {
        (4, 16)}
    assert {text.get_text() for text in axes.get_xticklabels()} <= {'0', '8'}


def test_sizes_in_the_header_may_be_numbers_of_numpy(fig):
    data = digits()
    data[0].header = CDatasetHeader(img_h=np.int64(4), img_w=np.uint8(16))
    attack = make(data, lb=np.int64(0), ub=np.int64(2))
    fig.sp.plot_poisoning_images(attack, run(attack, data, 2)[2])
    images = fig._fig.axes[0].get_images()
    assert {image.get_array().shape for image in images} == {(4, 16)}
    assert images[-1].get_clim() == (0, 2)


@pytest.mark.parametrize('original, names', [
    ((3, 8), {'3', '8'}), (8, {'0.0', '1.0'})])
def test_labels_may_be_floats_and_names_a_number(fig, original, names):
    data = digits()
    for part in data:
        part.Y = part.Y.astype(float)
    data[0].header = CDatasetHeader(y_original=original)
    attack = make(data, y_poison=CArray([0, 1]))
    fig.sp.plot_poisoning_images(attack, run(attack, data, 2)[2])
    labels = fig._fig.axes[0].get_xticklabels()
    assert {text.get_text() for text in labels} == names


def test_names_of_classes_are_drawn_as_they_are(fig):
    """Not as formulas, which may be wrong ones, and no control characters."""
    data = digits()
    data[0].header = CDatasetHeader(y_original=('$l^{$', 'a$b$\x1b[31m'))
    attack = make(data, y_poison=CArray([0, 1]))
    fig.sp.plot_poisoning_images(attack, run(attack, data, 2)[2])
    fig.savefig(io.BytesIO(), file_format='png')
    labels = fig._fig.axes[0].get_xticklabels()
    assert [text.get_text() for text in labels] == [
        '$l^{$', r'a$b$\x1b[31m']
    assert not any(text.get_parse_math() for text in labels)


def test_starts_are_in_the_box():
    data = digits()
    attack = make(data, lb=.25, ub=CArray.ones(64) / 2)
    start = attack.starting_points(run(attack, data, 2)[2])
    assert (start.min(), start.max()) == (.25, .5)


def test_poison_that_is_no_image_is_refused(fig, poisoned):
    attack, adv_ds = poisoned
    plot = fig.sp.plot_poisoning_images
    stock = CAttackPoisoningLogisticRegression(
        CClassifierLogistic(), *digits()[:2], solver_params={'eta': .1})
    with pytest.raises(TypeError, match='must be a minimax poisoning attack'):
        plot(stock, adv_ds)
    with pytest.raises(ValueError, match='product of 64 features'):
        plot(attack, adv_ds, shape=(7, 8))
    plane = make(small(d=3))
    with pytest.raises(ValueError, match='product of 3 features'):
        plot(plane, run(plane, small(d=3), 1)[2])
    with pytest.raises(ValueError, match='at least 1 and below'):
        plot(attack, adv_ds, n_images=0)
    with pytest.raises(TypeError, match='whole number, got float'):
        plot(attack, adv_ds, n_images=2.)
    with pytest.raises(ValueError, match='a row for each of 2 points'):
        plot(attack, adv_ds[:2, :])
    with pytest.raises(TypeError, match='must be a CDataset'):
        plot(attack, adv_ds.X)
    with pytest.raises(ValueError, match='at least 1 point'):
        plot(attack, run(make(digits()), digits(), 0)[2])
    assert not fig._fig.axes[0].get_images()


def _trained(lmbda=0.):
    tr = digits()[0]
    return CClassifierLogistic(C=np.exp(-lmbda)).fit(tr.X, tr.Y)


def test_histograms_share_bins_and_count_every_weight(fig):
    weights = [_trained(), _trained(5.).w, CArray([[0, 0], [.5, -9]])]
    fig.sp.plot_weight_histogram(weights, label=['a', 'b', 'c'])
    filled, = fig.sp._sp.containers
    outlines = [patch for patch in fig.sp._sp.patches
                if isinstance(patch, Polygon)]
    bars = np.array([[bar.get_x(), bar.get_width(), bar.get_height()]
                     for bar in filled])
    np.testing.assert_allclose(bars[0, 0], -9)
    np.testing.assert_allclose(bars[-1, :2].sum(), 9)
    assert len(bars) % 2 == 1 and bars[:, 2].sum() == 64
    for outline in outlines:
        np.testing.assert_allclose(
            np.unique(outline.get_xy()[:, 0].round(9)),
            [*bars[:, 0], 9], atol=1e-8)
    assert len({outline.get_linestyle() for outline in outlines}) == 2
    assert fig.sp._sp.get_yscale() == 'log'
    assert fig.sp._sp.get_xlabel() == 'Weight'
    legend = fig.sp.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list('abc')
    fig.sp.title('title')
    assert_outside(fig, legend)


def test_one_histogram_needs_no_list_and_no_label(fig):
    fig.sp.plot_weight_histogram(_trained())
    assert len(fig.sp._sp.containers) == 1
    assert fig.sp.get_legend() is None


def test_bars_of_one_weight_are_in_sight(fig):
    fig.sp.plot_weight_histogram(CArray([-1., 0., 1.]))
    assert 0 < fig.sp._sp.get_ylim()[0] < 1


def test_weights_that_are_all_zero_are_drawn(fig):
    fig.sp.plot_weight_histogram(CArray.zeros(5))
    heights = [bar.get_height() for bar in fig.sp._sp.containers[0]]
    assert sum(heights) == max(heights) == 5
    assert fig.sp._sp.containers[0][0].get_width() > 0


@pytest.mark.parametrize('dtype', [bool, 'u1'])
def test_weights_may_be_numbers_of_any_kind(fig, dtype):
    weights = CArray(np.array([0, 1, 1], dtype))
    fig.sp.plot_weight_histogram([weights, weights], label=('a', 'b'))
    heights = [bar.get_height() for bar in fig.sp._sp.containers[0]]
    assert sum(heights) == 3 and heights[-1] == 2
    texts = fig.sp.get_legend_handles_labels()[1]
    assert texts == ['a', 'b']


def test_bad_weights_are_refused(fig):
    plot = fig.sp.plot_weight_histogram
    for untrained in (CClassifierLogistic(), CClassifierKNN()):
        with pytest.raises(ValueError, match='call `fit` first'):
            plot(untrained)
    with pytest.raises(TypeError, match='trained linear classifier'):
        plot([CArray([1.]), 3.])
    with pytest.raises(ValueError, match='finite'):
        plot(CArray([1., np.nan]))
    with pytest.raises(ValueError, match='at least one number'):
        plot(CArray([]))
    with pytest.raises(ValueError, match='or more'):
        plot([])
    for labels in ('both', ['a']):
        with pytest.raises(ValueError, match='a list of 2 names'):
            plot([CArray([1.]), CArray([2.])], label=labels)
    assert not fig.sp._sp.containers
