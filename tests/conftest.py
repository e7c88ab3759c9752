"""Fixtures of several test modules."""
import pytest


@pytest.fixture
def fig():
    """A secml figure, closed after the test."""
    # imported here, because some tests are about an import of secml that fails
    from secml.figure import CFigure
    figure = CFigure()
    yield figure
    figure.close()
