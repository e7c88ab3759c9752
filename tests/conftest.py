"""Fixtures of several test modules."""
import subprocess

import pytest


@pytest.fixture
def fig():
    """A secml figure, closed after the test."""
    # imported here, because some tests are about an import of secml that fails
    from secml.figure import CFigure
    figure = CFigure()
    yield figure
    figure.close()


@pytest.fixture(params=['pretended', pytest.param(
    'real', marks=pytest.mark.gpu)])
def gpu(request, monkeypatch):
    """A GPU that is pretended, and a real one, if there is any."""
    # imported here, because some tests are about an import without torch
    import torch

    from pretended_gpu import pretend
    if request.param == 'pretended':
        with pretend(monkeypatch):
            yield
    elif torch.cuda.is_available():
        yield
    else:
        pytest.skip('no CUDA device')


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 KiB, and the function that makes it read-only."""
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=48k', 'tmpfs',
                       tmp_path], capture_output=True).returncode:
        pytest.skip('no file system can be mounted here')
    yield tmp_path, lambda: subprocess.run(
        ['mount', '-o', 'remount,ro', tmp_path], check=True)
    subprocess.run(['umount', tmp_path], check=True)
