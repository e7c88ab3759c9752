"""Tests of the installed wheel, on each Python and NumPy.

``nox`` runs the sessions whose interpreter is installed and skips the others;
``nox -s "wheel-3.11(numpy='2')"`` runs one, ``nox -s audit`` looks for known
vulnerabilities in constraints.txt. On Linux an interpreter other than the one
with a CPU build of torch downloads several GB: nox keeps them in .nox.
"""
import shutil
from pathlib import Path

import nox

nox.needs_version = '>=2024.3.2'
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ['wheel']
ROOT = Path(__file__).parent
# The tests run in a copy without these, so that none imports the source tree.
LEFT_OUT = shutil.ignore_patterns(
    'secml_regpoison', '.git', '.nox', '.venv*', '.cache', 'build', 'dist',
    '*.egg-info', '__pycache__')


def _constraints(session, numpy):
    """A copy of constraints.txt with the given version of NumPy.

    pip chooses the versions of packages that are built for NumPy 2 only.
    """
    path = Path(session.create_tmp(), 'constraints.txt')
    lines = (ROOT / 'constraints.txt').read_text('utf-8').splitlines()
    if numpy != '2':
        lines = [line for line in lines if not line.startswith(
            ('numpy==', 'scipy==', 'scikit-learn==', 'contourpy=='))]
        lines.append(f'numpy=={numpy}.*')
    path.write_text('\n'.join(lines) + '\n', 'utf-8')
    return str(path)


@nox.session(python=['3.10', '3.11', '3.12', '3.13'])
@nox.parametrize('numpy', ['2', '1.26'])
def wheel(session, numpy):
    """Build the wheel, install it and run the test suite beside it."""
    if (session.python, numpy) == ('3.13', '1.26'):
        session.skip('NumPy 1.26 is not built for Python 3.13')
    constraints = _constraints(session, numpy)
    folder = Path(session.create_tmp(), 'checkout')
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    session.install('build')
    session.run('python', '-m', 'build', '--wheel', '--outdir',
                str(folder / 'dist'), str(ROOT))
    wheel, = (folder / 'dist').glob('*.whl')
    # makes pip ignore secml's limit on the Python version
    session.install('--no-deps', '--ignore-requires-python', 'secml==0.15.6')
    session.install('-c', constraints, f'{wheel}[test]')
    session.chdir(folder)
    session.run('python', '-c', 'import secml_regpoison, sys, numpy; print('
                'secml_regpoison.__file__, sys.version, numpy.__version__)')
    session.run('python', '-m', 'pytest', '-n', 'auto', *session.posargs,
                env={'OMP_NUM_THREADS': '1'})


@nox.session
def audit(session):
    """Look up the pinned versions in the database of vulnerabilities."""
    session.install('pip-audit')
    # strict: fail if the database cannot be read
    session.run('pip-audit', '--strict', '--requirement',
                str(ROOT / 'constraints.txt'), '--no-deps', '--disable-pip',
                '--progress-spinner', 'off', *session.posargs)
