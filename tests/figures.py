"""Where the parts of a figure are, as the tests of plots ask."""


def assert_outside(fig, legend):
    """The legend, as drawn, covers no axes of the figure."""
    fig._fig.canvas.draw()
    covered = legend.get_window_extent()
    for axes in fig._fig.axes:
        assert not covered.overlaps(axes.get_window_extent())
