"""The tutorials as tests: pytest --nbval --nbval-current-env tutorials.

nbval runs each cell and compares what it prints with what the notebook
keeps, but for cells that begin with `# NBVAL_IGNORE_OUTPUT`.
"""
import json
import os

import pytest

import secml_regpoison  # noqa: F401  mends secml, which comes next
from secml.settings import SECML_DS_DIR

# What a notebook says when it reads a data set that ships with nothing, and
# the folder where secml's loaders look for it.
DATA = {'CDataLoaderMNIST(': 'mnist',
        'CDataLoaderFashionMNIST(': 'fashion-mnist',
        "load_data('mnist'": 'mnist'}


def pytest_collection_modifyitems(items):
    """Skip the cells of notebooks whose data are not here."""
    missing = {}
    for item in items:
        path = str(item.path)
        if path not in missing:
            missing[path] = _missing_data(path)
        if missing[path]:
            item.add_marker(pytest.mark.skip(
                reason=f'needs {missing[path]} in {SECML_DS_DIR}'))


def _missing_data(path):
    """Name of the data set that the notebook lacks, or None."""
    with open(path, encoding='utf-8') as stream:
        cells = json.load(stream)['cells']
    code = ''.join(''.join(cell['source']) for cell in cells
                   if cell['cell_type'] == 'code')
    for words, name in DATA.items():
        if words in code and not os.path.isdir(
                os.path.join(SECML_DS_DIR, name)):
            return name
