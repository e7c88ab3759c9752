"""The tutorials as tests: pytest --nbval --nbval-current-env tutorials.

nbval runs each cell and compares what it prints with the output that the
notebook keeps, except for cells that begin with `# NBVAL_IGNORE_OUTPUT`.
"""
import json
import os

import pytest

import secml_regpoison  # noqa: F401  patches secml, which is imported next
from secml.settings import SECML_DS_DIR

# Code with which a notebook reads a data set that has to be downloaded, and
# the folder where secml's loaders look for it.
DATA = {'CDataLoaderMNIST(': 'mnist',
        'CDataLoaderFashionMNIST(': 'fashion-mnist',
        "load_data('mnist'": 'mnist'}


def pytest_itemcollected(item):
    """Skip the cells of a notebook whose data set is not here."""
    missing = _missing_data(item.path)
    if missing:
        item.add_marker(pytest.mark.skip(
            reason=f'needs {missing} in {SECML_DS_DIR}'))


def _missing_data(path):
    """Name of the data set that the notebook lacks, or None."""
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    code = ''.join(''.join(cell['source']) for cell in cells
                   if cell['cell_type'] == 'code')
    for words, name in DATA.items():
        if words in code and not os.path.isdir(
                os.path.join(SECML_DS_DIR, name)):
            return name
