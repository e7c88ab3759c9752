"""The command answers before torch and secml are imported."""
import importlib
import io
import os
import re
import struct
import subprocess
import sys
import warnings

import pytest

from secml_regpoison.classifier.c_classifier_linear_torch import PENALTIES
from secml_regpoison.cli import attack_arguments
from secml_regpoison.core.solvers import SOLVERS
from secml_regpoison.experiment.policy_attack import CLASSIFIERS
from secml_regpoison.experiment.parallel import parallel_map

# As the script does that the installer makes. Last line of the output: which
# of the two it has imported, and the seconds of CPU that it took.
SCRIPT = '''
import sys, time
sys.argv[0] = 'bin/secml-regpoison'
try:
    from secml_regpoison.cli import main
    code = main()
except SystemExit as stop:
    code = stop.code
print()
print(code, [name for name in ('secml', 'torch') if name in sys.modules],
      time.process_time())
'''
MODULE = [sys.executable, '-m', 'secml_regpoison.cli']
SHORT = ['sec-eval', '--train', '40', '--val', '10', '--points', '0,2',
         '--y-poison', 'flip', '--attacker', 'defender', '--jobs', '2']


@pytest.mark.parametrize('argv, code', [
    (['--help'], 0), (['sec-eval', '--help'], 0), (['paper', '--help'], 0),
    (['paper'], 2), (['sec-eval', '--points', '0,999'], 2),
    (['sec-eval', '--data', 'no.csv'], 2),
    (['sec-eval', '--train', '9999'], 2)])
def test_help_and_refusals_need_neither_secml_nor_torch(argv, code):
    done = subprocess.run([sys.executable, '-c', SCRIPT, *argv],
                          capture_output=True, text=True)
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f'{code} [] ')
    assert float(last.split()[-1]) < 2


def test_as_a_module_it_starts_as_fast():
    began = os.times().children_user
    done = subprocess.run([*MODULE, 'sec-eval', '--points', '3'],
                          capture_output=True, text=True)
    assert done.returncode == 2 and '--points' in done.stderr
    assert os.times().children_user - began < 2


@pytest.mark.slow
@pytest.mark.parametrize('command, jobs', [
    (MODULE, 1), ([os.path.join(os.path.dirname(sys.executable),
                                'secml-regpoison')], 2)])
def test_it_works_once_it_has_started(command, jobs, tmp_path):
    """Also in the processes that it starts."""
    done = subprocess.run(
        [*command, *SHORT, '--policies=-2', '--repetitions', '2', '--jobs',
         str(jobs)],
        cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'sec_eval' / 'sec_eval.csv').is_file()


@pytest.mark.slow
def test_log_lines_of_secml_are_on_stderr_and_once(tmp_path):
    """A new home is logged."""
    done = subprocess.run(
        [*MODULE, *SHORT, '--policies=-2,-3', '--repetitions', '1'],
        cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, 'SECML_HOME_DIR': str(tmp_path / 'home')})
    assert done.returncode == 0, done.stderr
    assert not re.search(' - (INFO|WARNING) - ', done.stdout)
    logged = [line for line in done.stderr.splitlines()
              if ' - INFO - ' in line]
    assert logged and len(set(logged)) == len(logged)


def warn():
    """Seen by the logger of secml, which captures warnings."""
    warnings.warn('seen in a worker')


@pytest.mark.slow
def test_workers_log_to_stderr(capfd):
    list(parallel_map([(warn,)] * 2, 2))
    out, err = capfd.readouterr()
    assert out == '' and 'seen in a worker' in err


@pytest.mark.slow
@pytest.mark.parametrize('statement', [
    'import secml_regpoison.cli, secml.array',
    'from secml_regpoison.cli import main; import secml.array'])
def test_importing_the_command_line_patches_secml_as_ever(statement):
    done = subprocess.run([sys.executable, '-c', statement],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_offers_the_solvers_of_the_core():
    assert set(attack_arguments.SOLVERS) == set(SOLVERS)
    assert {*attack_arguments.CLASSIFIERS,
            *attack_arguments.MODELS} == set(CLASSIFIERS)
    assert attack_arguments.PENALTIES == tuple(PENALTIES)


@pytest.mark.skipif(os.name != 'posix', reason='needs a pseudo-terminal')
def test_a_terminal_has_a_bar_before_torch_is_imported(
        tmp_path, monkeypatch):
    import fcntl
    import pty
    import termios
    main, seen = importlib.import_module('secml_regpoison.cli.main'), []
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ,
                struct.pack('4H', 24, 80, 0, 0))
    os.set_blocking(reader, False)
    stream = io.TextIOWrapper(os.fdopen(terminal, 'wb', 0),
                              write_through=True)

    def importing():
        seen.append(os.read(reader, 10 ** 6).decode())
        raise RuntimeError('enough')
    monkeypatch.setattr(sys, 'stderr', stream)
    monkeypatch.setattr(main, '_register', importing)
    assert main.main(['sec-eval', '--out', str(tmp_path), '--policies',
                      'learned,-2', '--repetitions', '2', '--attacker',
                      'defender']) == 2
    os.close(reader)
    assert '0/4 ' in seen[0]
