"""The script that runs secml's own tests, on a stand-in for its checkout."""
import json
import runpy
import shutil
from pathlib import Path

import pytest

import secml_regpoison  # noqa: F401, before secml: mends it
import secml

SCRIPT = Path(__file__).parents[2] / 'scripts' / 'secml_host_tests.py'

OF_ARRAYS = """
import numpy as np
from secml.testing import CUnitTest
from secml.array import CArray


class TestArrays(CUnitTest):
    def test_mended(self):
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


@pytest.fixture(scope='module')
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope='module')
def main(script):
    return script['main']


@pytest.fixture(scope='module')
def report(script):
    return script['report']


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


@pytest.fixture(scope='module')
def results(checkout, main, tmp_path_factory):
    path = tmp_path_factory.mktemp('results') / 'new.json'
    assert main([str(checkout), '--save', str(path)]) == 0
    return path


def state(results, name):
    found, = (result for test, result in json.loads(
        results.read_text()).items() if test.endswith(name))
    return found


def test_what_passes_and_why_the_rest_does_not(results):
    found = json.loads(results.read_text())
    assert len(found) == 8
    assert state(results, 'test_mended') == {'state': 'passed'}
    assert state(results, 'test_left_out') == {
        'state': 'skipped', 'error': 'not here'}
    assert 'AssertionError: 3 != 4' in state(
        results, 'test_another_result')['error']
    assert 'test_array.py' in state(results, 'test_gone')['where']
    assert 'test_array.py' not in state(results, 'test_in_secml')['where']
    assert 'ended with 3' in state(results, 'test_data')['error']
    assert state(results, 'test_figure')['state'] == 'skipped'


def test_it_is_printed(results, report, capsys):
    report(json.loads(results.read_text()))
    out = capsys.readouterr().out
    for words in ('1 failed: another result', '1 failed: a package is missing',
                  '1 failed: the test itself calls what is gone',
                  "1 failed: secml's code", '1 failed: the file could not be',
                  '1 passed, 5 failed, 2 skipped'):
        assert words in out


def test_a_file_that_hangs_is_ended(checkout, main, tmp_path):
    main([str(checkout), '--timeout', '.01', '--save', str(tmp_path / 'a')])
    assert {result['error'] for result in json.loads(
        (tmp_path / 'a').read_text()).values()} == {'took more than 0.01 s'}


def test_what_passed_before_and_fails_now(results, main, tmp_path, capsys):
    found = json.loads(results.read_text())
    assert main(['--compare', str(results), str(results)]) == 0
    found[next(test for test in found if 'mended' in test)] = {
        'state': 'failed', 'error': 'broken'}
    (tmp_path / 'new.json').write_text(json.dumps(found))
    assert main(['--compare', str(results), str(tmp_path / 'new.json')]) == 1
    assert 'test_mended: failed broken' in capsys.readouterr().out


def test_checkouts_that_are_none(checkout, main, tmp_path, capsys):
    for prepare, words in (
            (lambda folder: None, 'must be a checkout of secml'),
            (lambda folder: (folder / 'VERSION').write_text('0.14'),
             'must be secml at 0.15.6, got 0.14'),
            (lambda folder: (folder / 'VERSION').write_text('0.15.6'),
             'must hold tests')):
        (tmp_path / 'src' / 'secml').mkdir(parents=True, exist_ok=True)
        prepare(tmp_path / 'src' / 'secml')
        assert main([str(tmp_path)]) == 2
        assert words in capsys.readouterr().err
