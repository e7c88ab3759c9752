"""Whatever becomes of stdout and stderr, the results are written."""
import fcntl
import os
import subprocess
import sys

import pytest

from processes import COMMAND, LIMIT, QUICK, python, sec_eval

ALONE = '--jobs', '1'


def assert_complete(folder):
    """All results are there, and nothing else."""
    assert set(os.listdir(folder)) == {
        'sec_eval.csv', 'sec_eval.json', 'sec_eval.png',
        *(name.format(policy) for policy in ('-2', 'learned') for name in (
            'sec_eval_{}_0.gz', 'sec_eval_{}_0.npz', 'poisoned_{}_0.csv',
            'rows_0.csv'))}


@pytest.mark.slow
@pytest.mark.parametrize('redirections, code', [
    ('2>&1 | head -c 1 > /dev/null', 0),  # the reader of both goes away
    ('2> /dev/full', 0), ('> /dev/full', 1), ('2>&-', 0), ('>&-', 0),
    ('<&- >&- 2>&-', 0)])
def test_a_display_never_stops_a_run(tmp_path, redirections, code):
    """The pipe's exit code is that of the command."""
    line = ' '.join(f"'{word}'" for word in (
        *COMMAND, *QUICK, *ALONE, '--out', str(tmp_path)))
    process = subprocess.run(
        ['bash', '-c', f'{line} {redirections}; exit ${{PIPESTATUS[0]}}'],
        capture_output=True, text=True, timeout=LIMIT)
    assert process.returncode == code
    assert 'Traceback' not in process.stderr
    assert 'Exception' not in process.stderr
    if code:  # the table was asked for, and is in no file
        assert process.stderr.splitlines()[-1] == (
            'secml-regpoison: error: [Errno 28] the text cannot be printed: '
            f'No space left on device; what was finished is in {tmp_path}, '
            'and the same command with --resume continues.')
        assert (tmp_path / 'sec_eval.csv').exists()
    else:
        assert_complete(tmp_path)


@pytest.mark.slow
def test_a_reader_that_stands_still_stops_no_run(tmp_path):
    """As a pager does, or a terminal after Ctrl-S."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    process = sec_eval(tmp_path, *ALONE, capture_output=False,
                       stdout=subprocess.PIPE, stderr=writer)
    os.close(reader), os.close(writer)
    assert process.returncode == 0 and 'Results are in' in process.stdout
    assert_complete(tmp_path)


def test_a_bar_outlives_its_stream():
    """Each update is drawn, and none of the failures reaches the caller."""
    process = python(
        'import os, sys\n'
        'from secml_regpoison.terminal import progress_bar\n'
        'with progress_bar(9) as bar:\n'
        '    bar.mininterval = 0\n'
        '    bar.update()\n'
        '    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)\n'
        '    bar.update()\n'
        '    os.close(2)\n'
        '    bar.update()\n'
        'import threading\n'
        'print(bar.n, threading.active_count())')
    assert (process.returncode, process.stdout) == (0, '3 1\n')
    assert '1/9' in process.stderr and '2/9' not in process.stderr


def test_help_without_stdout_or_stderr():
    for redirections in ('>&-', '2>&-', '>&- 2>&-'):
        process = subprocess.run(
            ['bash', '-c', f"'{sys.executable}' -m secml_regpoison.cli --help "
                           f'{redirections}'],
            capture_output=True, text=True, timeout=LIMIT)
        assert process.returncode == 0 and process.stderr == ''
