"""Where HOME or secml's home cannot be written."""
import importlib
import os

import pytest

from processes import python
from refusals import raises
from secml_regpoison.compat.home import import_settings

CODE = ('import secml_regpoison, secml.settings as s; '
        'print(s.SECML_HOME_DIR, s.SECML_PYTORCH_DIR, s.SECML_DS_DIR, '
        'sep="\\n")')
# no folder can be made there, by root either
NOWHERE = '/dev/null/home'


def homes(process):
    """The three folders that the code has printed."""
    assert process.returncode == 0, process.stderr
    assert 'Traceback' not in process.stderr
    return process.stdout.splitlines()


@pytest.fixture
def elsewhere(tmp_path):
    """Environment: a home that cannot be written, and a temporary folder."""
    (tmp_path / 'tmp').mkdir()
    return {'HOME': NOWHERE, 'SECML_HOME_DIR': None, 'SECML_DS_DIR': None,
            'SECML_PYTORCH_DIR': None, 'TMPDIR': str(tmp_path / 'tmp'),
            'MPLCONFIGDIR': str(tmp_path)}


@pytest.mark.slow
@pytest.mark.parametrize('home', [None, NOWHERE])
def test_a_temporary_home_with_a_warning(elsewhere, home):
    process = python(CODE, env={**elsewhere, 'SECML_HOME_DIR': home})
    home, pytorch, datasets = homes(process)
    assert home.startswith(f"{elsewhere['TMPDIR']}/secml-data-")
    assert pytorch == f'{home}/pytorch-data'
    assert datasets == f'{home}/datasets'
    warning, = [line for line in process.stderr.splitlines()
                if 'Warning' in line]
    assert NOWHERE in warning and f'{home} takes its place' in warning
    assert 'Set SECML_HOME_DIR to a folder that can be written' in warning
    # and nothing is left
    assert os.listdir(elsewhere['TMPDIR']) == []


@pytest.mark.slow
def test_a_home_of_secml_that_can_be_written_is_kept(elsewhere, tmp_path):
    """secml has one folder in HOME all the same."""
    wanted = str(tmp_path / 'home')
    home, pytorch, datasets = homes(python(
        CODE, env={**elsewhere, 'SECML_HOME_DIR': wanted}))[-3:]
    assert (home, datasets) == (wanted, f'{wanted}/datasets')
    assert pytorch.startswith(elsewhere['TMPDIR'])


@pytest.mark.slow
def test_data_sets_of_a_home_that_cannot_be_written_are_used(
        elsewhere, small_disk, tmp_path_factory):
    disk, make_read_only = small_disk
    (disk / 'home' / 'datasets').mkdir(parents=True)
    (disk / 'home' / 'secml.conf').touch()
    make_read_only()
    wanted = str(disk / 'home')
    other = str(tmp_path_factory.mktemp('other'))  # that can be written
    elsewhere.update(TMPDIR=other, MPLCONFIGDIR=other)
    home, _, datasets = homes(python(
        CODE, env={**elsewhere, 'SECML_HOME_DIR': wanted}))[-3:]
    assert home != wanted and datasets == f'{wanted}/datasets'


@pytest.mark.slow
def test_without_a_temporary_folder_the_error_names_the_variable(elsewhere):
    process = python(
        'import tempfile; tempfile._candidate_tempdir_list = list; '
        'import secml_regpoison', env=elsewhere)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1] == (
        'OSError: the home of secml cannot be written ([Errno 20] Not a '
        "directory: '/dev/null/home'), and there is no temporary folder. Set "
        'SECML_HOME_DIR to a folder that can be written.')


@pytest.mark.parametrize('name, place', [
    ('SECML_HOME_DIR', 'home'), ('SECML_MODELS_DIR', 'models'),
    ('SECML_HOME_DIR', 'home/datasets')])
def test_a_file_in_the_place_of_a_folder_is_named(
        name, place, tmp_path, monkeypatch):
    """With the variable that is to be set."""
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.touch()
    for variable, folder in (('HOME', 'home'), ('MODELS', 'models')):
        monkeypatch.setenv(f'SECML_{variable}_DIR', str(tmp_path / folder))
    monkeypatch.setattr(importlib, 'import_module',
                        lambda module: os.makedirs(path))
    with raises(FileExistsError, f'`{name}` must name a folder', repr(
            str(path)), 'set it to another'):
        import_settings()
