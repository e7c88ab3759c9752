"""Text from outside, and where it is shown."""
import io
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

from secml_regpoison.core.verdicts import SENTENCES
from secml_regpoison.experiment.picture import draw
from secml_regpoison.experiment.summary import SUMMARISED, summarise
from secml_regpoison.figure.style import save_picture
from secml_regpoison.terminal import (
    one_line, print_error, print_text, printable, progress_bar)

RECORDS = [{'policy': 'learned', 'n_points': n_points,
            'n_train': 40, 'n_test': 20,
            **dict.fromkeys(SUMMARISED, .5),
            **dict.fromkeys(SENTENCES, 0)} for n_points in (0, 2)]


def test_control_characters_become_escapes():
    for text, shown in (
            ('a\x1b[2Jb', r'a\x1b[2Jb'), ('two\nlines', r'two\nlines'),
            ('\x9b31m', r'\x9b31m'), ('\udcff.csv', r'\udcff.csv'),
            ('\u202egnp.csv', r'\u202egnp.csv'), ('\x07', r'\x07'),
            ('Größe 零.csv', 'Größe 零.csv'), (np.str_('$x$'), '$x$')):
        assert printable(text) == shown
    assert one_line('a\n  b\x1b') == r'a b\x1b'


@pytest.mark.parametrize('name', ['$x^{2$.csv', '$x_1$', r'\$', 'a $5 b $6',
                                  r'$\undefined$', '100 %_#&{}'])
def test_the_title_of_a_picture_is_no_formula(name, tmp_path):
    fig = draw(summarise(RECORDS), name)
    assert fig._suptitle.get_text() == name
    assert not fig._suptitle.get_parse_math()
    save_picture(fig, str(tmp_path / 'a'), ('png',))


def test_a_norm_of_0_on_a_log_axis_is_no_warning(tmp_path, recwarn):
    summary = summarise([{**record, 'w_norm': 0.} for record in RECORDS])
    save_picture(draw(summary, 'all columns equal'), str(tmp_path / 'a'))
    assert [str(warning.message) for warning in recwarn] == []


def test_streams_that_are_not_there(monkeypatch, capfd):
    """What is said is lost, not written elsewhere, and the work goes on."""
    for stream in (None, io.StringIO()):
        if stream is not None:
            stream.close()
        monkeypatch.setattr(sys, 'stdout', stream)
        monkeypatch.setattr(sys, 'stderr', stream)
        print_text('text')
        print_error('text')
        with progress_bar(3) as bar:
            bar.update()
        assert bar.total == 3 and bar.disable
    assert capfd.readouterr() == ('', '')


def test_a_terminal_without_our_signs_gets_question_marks(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding='ascii')
    monkeypatch.setattr(sys, 'stdout', stream)
    print_text('1 ± 2')
    assert stream.buffer.getvalue() == b'1 ? 2\n'


@pytest.mark.slow
@pytest.mark.skipif(os.name != 'posix', reason='needs a pseudo-terminal')
def test_a_bar_on_a_terminal_moves_while_a_cell_lasts():
    import fcntl
    import pty
    import termios
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ,
                struct.pack('4H', 24, 80, 0, 0))
    code = ('import time\n'
            'from secml_regpoison.terminal import progress_bar\n'
            'with progress_bar(2) as bar:\n'
            '    time.sleep(2.9)\n')
    done = subprocess.run([sys.executable, '-c', code], stderr=terminal)
    text = os.read(reader, 10 ** 6).decode()
    os.close(reader)
    os.close(terminal)
    assert done.returncode == 0
    assert len(set(re.findall(r'\[(\d\d:\d\d)<', text))) >= 3
