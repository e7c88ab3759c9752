"""Which device is taken."""
import pytest
import torch

from secml_regpoison.validation import GPU_VALUES, resolve_device


@pytest.mark.parametrize('there, n_values, taken', [
    (True, GPU_VALUES, 'cuda'), (True, GPU_VALUES - 1, 'cpu'),
    (False, GPU_VALUES, 'cpu')])
def test_auto_takes_a_gpu_where_there_is_one_and_work_for_it(
        monkeypatch, there, n_values, taken):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: there)
    assert resolve_device('auto', n_values).type == taken


def test_a_device_that_is_named_is_taken_whatever_the_size(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert resolve_device('cpu', GPU_VALUES).type == 'cpu'
