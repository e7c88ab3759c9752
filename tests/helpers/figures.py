"""Positions of the parts of a figure, for the tests of plots."""


def assert_outside(fig, legend):
    """The legend, as drawn, covers no axes, labels and titles, and is in the
    picture."""
    fig._fig.canvas.draw()
    covered = legend.get_window_extent()
    assert covered.x0 >= 0 and covered.y0 >= 0
    assert covered.x1 <= fig._fig.bbox.x1
    for axes in fig._fig.axes:
        boxes = [axes.get_window_extent(), axes.title.get_window_extent(),
                 axes.xaxis.get_tightbbox(), axes.yaxis.get_tightbbox()]
        assert not any(covered.overlaps(box) for box in boxes if box)
