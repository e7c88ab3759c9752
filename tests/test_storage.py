"""Files and locks: no link is followed, nothing stays behind."""
import os
import re
import tempfile

import pytest

from processes import python
from secml_regpoison import storage
from secml_regpoison.experiment.tables import write_text
from secml_regpoison.storage import (
    atomic_path, is_locked, load_arrays, only_writer, save_arrays)


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    """Neither under the name of earlier versions nor under the one taken."""
    victim = tmp_path / 'victim'
    victim.write_text('mine')
    (tmp_path / '.part-a.txt').symlink_to(victim)
    write_text(str(tmp_path / 'a.txt'), 'text')
    assert (tmp_path / 'a.txt').read_text() == 'text\n'
    monkeypatch.setattr(storage.secrets, 'token_hex', lambda _: 'f' * 16)
    (tmp_path / f'.part-{"f" * 16}-b.txt').symlink_to(victim)
    with pytest.raises(FileExistsError, match='b.txt'):
        write_text(str(tmp_path / 'b.txt'), 'text')
    assert victim.read_text() == 'mine'


def test_a_link_in_the_place_of_a_result_is_replaced(tmp_path):
    victim = tmp_path / 'victim'
    victim.write_text('mine')
    (tmp_path / 'a.txt').symlink_to(victim)
    write_text(str(tmp_path / 'a.txt'), 'text')
    assert victim.read_text() == 'mine'
    assert not (tmp_path / 'a.txt').is_symlink()


def test_scratch_names_differ_and_files_have_the_usual_mode(tmp_path):
    names = set()
    for _ in range(9):
        with atomic_path(str(tmp_path / 'a')) as scratch:
            assert os.path.dirname(scratch) == str(tmp_path)
            names.add(scratch)
    (tmp_path / 'b').touch()
    assert len(names) == 9 and sorted(os.listdir(tmp_path)) == ['a', 'b']
    assert (tmp_path / 'a').stat().st_mode == (tmp_path / 'b').stat().st_mode


def test_what_a_kill_left_is_removed_by_the_next_writer(tmp_path):
    names = 'a', 'b-a', 'a*'
    for name in names:
        (tmp_path / f'.part-{"0" * 16}-{name}').touch()
    (tmp_path / '.part-mine').touch()
    with only_writer(tmp_path / 'a', 'checkpoint'):
        assert sorted(os.listdir(tmp_path)) == [
            f'.part-{"0" * 16}-a*', f'.part-{"0" * 16}-b-a', '.part-mine',
            'a.lock']
    with only_writer(tmp_path / 'b-a', 'checkpoint'):
        # not what a process with a lock of its own may be writing
        with only_writer(tmp_path, 'out'):
            assert f'.part-{"0" * 16}-b-a' not in os.listdir(tmp_path)
            with atomic_path(str(tmp_path / 'b-a')) as scratch:
                storage._remove_scratch(str(tmp_path))
                assert os.path.exists(scratch)
                os.replace(scratch, tmp_path / 'b-a')
                open(scratch, 'x').close()
    assert sorted(os.listdir(tmp_path)) == ['.part-mine', 'b-a']


def test_a_lock_tells_whether_it_is_held(tmp_path):
    for path in (tmp_path, tmp_path / 'file'):
        assert not is_locked(path)
        with only_writer(path, 'out'):
            assert is_locked(path)
        assert not is_locked(path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('name', ['', 'file'])
def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path, name):
    path = tmp_path / name
    lock = tmp_path / ('.lock' if not name else 'file.lock')
    (tmp_path / 'victim').write_text('mine')
    lock.symlink_to(tmp_path / 'victim')
    with pytest.raises(OSError, match='`out` cannot be written to: .*, its '
                       'lock file may be of another user.*'
                       f"{re.escape(str(lock))}'$"):
        with only_writer(path, 'out'):
            pass
    assert (tmp_path / 'victim').read_text() == 'mine'


@pytest.mark.skipif(not hasattr(os, 'geteuid') or os.geteuid() != 0,
                    reason='only root can act for another user')
def test_a_lock_file_of_another_user_is_named():
    # others may not look into the folders of pytest
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        os.close(os.open(f'{folder}/.lock', os.O_CREAT, 0o600))
        process = python(
            'import os, sys\n'
            'from secml_regpoison.storage import only_writer\n'
            'os.setuid(65534)\n'
            'try:\n'
            f"    with only_writer({folder!r}, '--out'): pass\n"
            'except OSError as error: sys.exit(str(error))')
    assert process.stderr.strip() == (
        '[Errno 13] `--out` cannot be written to: Permission denied, its lock '
        'file may be of another user: delete it if no run of theirs goes on: '
        f"'{folder}/.lock'")


def test_a_folder_that_is_removed_is_named(tmp_path):
    path = tmp_path / 'gone' / 'a.npz'
    with pytest.raises(FileNotFoundError, match='its folder is missing: '
                       "'.*gone.a.npz'$"):
        save_arrays(path, {'x': 1})
    path.parent.mkdir()
    save_arrays(path, {'x': 1})
    assert load_arrays(path) == {'x': 1}
