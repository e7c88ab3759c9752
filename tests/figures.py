"""Where the parts of a figure are, as the tests of plots ask."""


def assert_outside(fig, legend):
    """The legend, as drawn, covers no axes of the figure and no label."""
    fig._fig.canvas.draw()
    covered = legend.get_window_extent()
    for axes in fig._fig.axes:
        for part in (axes, axes.xaxis, axes.yaxis):
            box = part.get_window_extent() if part is axes \
                else part.get_tightbbox()
            assert box is None or not covered.overlaps(box)
