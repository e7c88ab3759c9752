"""The script that runs secml's own tests, on a stand-in for its checkout."""
import json
import os
import runpy
import shutil
from pathlib import Path

import pytest

import secml_regpoison  # noqa: F401, patches secml, so imported first
import secml

SCRIPT = Path(__file__).parents[2] / 'scripts' / 'secml_host_tests.py'

OF_ARRAYS = """
import numpy as np
from secml.testing import CUnitTest
from secml.array import CArray


class TestArrays(CUnitTest):
    def test_patched(self):
        values, inverse = CArray([[2, 1], [2, 3]]).unique(return_inverse=True)
        self.assertEqual(inverse.tolist(), [1, 0, 1, 2])

    def test_another_result(self):
        self.assertEqual(CArray([1, 2]).sum(), 4)

    def test_gone(self):
        np.no_such_name

    def test_in_secml(self):
        CArray([1, 2]).dot(CArray([1, 2, 3]))

    def test_missing(self):
        import no_such_package

    def test_left_out(self):
        self.skipTest('not here')
"""
OF_DATA = "import os\nos._exit(3)\n"
OF_FIGURES = "import pytest\npytest.importorskip('no_such_package')\n"


def failed(error, where='secml/array/c_array.py:1'):
    return {'state': 'failed', 'error': error, 'where': where}


# Results in the form that `--save` writes.
RESULTS = {
    'test_passed': {'state': 'passed'},
    'test_skipped': {'state': 'skipped', 'error': 'not here'},
    'test_other': failed('AssertionError: 3 != 4'),
    'test_gone': failed('AttributeError: no_such_name',
                        'secml/array/tests/test_array.py:18'.replace(
                            '/', os.sep)),
    'test_in_secml': failed('ValueError: shapes'),
    'test_missing': failed('ModuleNotFoundError: no_such_package'),
    'test_ended': failed('the process ended with 3: no output')}


@pytest.fixture(scope='module')
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope='module')
def main(script):
    return script['main']


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """secml as it is installed, and tests where its checkout has them."""
    source = tmp_path_factory.mktemp('checkout') / 'src'
    shutil.copytree(Path(secml.__file__).parent, source / 'secml',
                    ignore=shutil.ignore_patterns('__pycache__'))
    for part, text in (('array', OF_ARRAYS), ('data', OF_DATA),
                       ('figure', OF_FIGURES)):
        folder = source / 'secml' / part / 'tests'
        folder.mkdir()
        (folder / '__init__.py').touch()
        (folder / f'test_{part}.py').write_text(text)
    return source.parent


@pytest.mark.slow
def test_results_of_a_checkout(checkout, main, tmp_path):
    path = tmp_path / 'new.json'
    assert main([str(checkout), '--save', str(path)]) == 0
    found = {test.rpartition('.')[2]: result for test, result in json.loads(
        path.read_text()).items()}
    assert len(found) == 8
    assert found['test_patched'] == {'state': 'passed'}
    assert found['test_left_out'] == {'state': 'skipped', 'error': 'not here'}
    assert 'AssertionError: 3 != 4' in found['test_another_result']['error']
    assert 'test_array.py' in found['test_gone']['where']
    assert 'test_array.py' not in found['test_in_secml']['where']
    assert 'ended with 3' in found['test_data']['error']
    assert found['test_figure']['state'] == 'skipped'


def test_results_are_printed_by_cause(script, capsys):
    script['report'](RESULTS)
    out = capsys.readouterr().out
    for words in ('1 failed: another result', '1 failed: a package is missing',
                  '1 failed: the test itself calls what is gone',
                  "1 failed: secml's code", '1 failed: the file could not be',
                  '1 passed, 5 failed, 1 skipped'):
        assert words in out


def test_a_file_that_takes_too_long_is_stopped(checkout, main, tmp_path):
    main([str(checkout), '--timeout', '.01', '--save', str(tmp_path / 'a')])
    assert {result['error'] for result in json.loads(
        (tmp_path / 'a').read_text()).values()} == {'took more than 0.01 s'}


def test_tests_that_passed_before_and_fail_now(main, tmp_path, capsys):
    old, new = (str(tmp_path / name) for name in ('old.json', 'new.json'))
    Path(old).write_text(json.dumps(RESULTS))
    Path(new).write_text(json.dumps(
        {**RESULTS, 'test_passed': failed('broken')}))
    assert main(['--compare', old, old]) == 0
    assert main(['--compare', old, new]) == 1
    assert 'test_passed: failed broken' in capsys.readouterr().out


@pytest.mark.parametrize('version, words', [
    (None, 'must be a checkout of secml'),
    ('0.14', 'must be secml at 0.15.6, got 0.14'),
    ('0.15.6', 'must hold tests')])
def test_wrong_checkouts(main, tmp_path, capsys, version, words):
    folder = tmp_path / 'src' / 'secml'
    folder.mkdir(parents=True)
    if version:
        (folder / 'VERSION').write_text(version)
    assert main([str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
