"""Release, and tests of the installed wheel, on each Python.

``nox -s build`` makes wheel and sdist in dist, checks them, and runs README's
example on the wheel in an empty environment.

``nox`` runs the sessions whose interpreter is installed, not the others,
``nox -s "wheel-3.11(packages='pinned')"`` runs one, ``nox -s audit`` looks for
known vulnerabilities in constraints.txt. On Linux an interpreter other than
the one with a CPU build of torch downloads several GB: nox keeps them in
.nox.
"""
import re
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


def _constraints(session, packages):
    """A file of constraints: the pinned versions, those with NumPy 1.26, of
    which pip chooses the packages that are built for NumPy 2 only, or the
    lowest that setup.cfg allows.
    """
    path = Path(session.create_tmp(), 'constraints.txt')
    lines = (ROOT / 'constraints.txt').read_text('utf-8').splitlines()
    if packages == 'NumPy 1.26':
        lines = [line for line in lines if not line.startswith(
            ('numpy==', 'scipy==', 'scikit-learn==', 'contourpy=='))]
        lines.append('numpy==1.26.*')
    elif packages == 'lowest':
        # a newer pyparsing makes the lowest Matplotlib warn
        needed = re.findall(r'^    ([\w-]+) >= ([\d.]+)$',
                            (ROOT / 'setup.cfg').read_text('utf-8'), re.M)
        lines = ['pyparsing<3.2', *(f'{name}=={version}.*'
                                    for name, version in needed)]
    path.write_text('\n'.join(lines) + '\n', 'utf-8')
    return str(path)


def _install_wheel(session, constraints, *wheels):
    """Install secml, whatever Python it declares, and the wheel."""
    session.install('--no-deps', '--ignore-requires-python', 'secml==0.15.6')
    session.install('-c', constraints, *wheels)


@nox.session(python=['3.10', '3.11', '3.12', '3.13'])
@nox.parametrize('packages', ['pinned', 'NumPy 1.26', 'lowest'])
def wheel(session, packages):
    """Build the wheel, install it and run the test suite beside it."""
    if session.python == '3.13' and packages != 'pinned':
        session.skip('NumPy 1.26 is not built for Python 3.13')
    constraints = _constraints(session, packages)
    folder = Path(session.create_tmp(), 'checkout')
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    session.install('build')
    session.run('python', '-m', 'build', '--wheel', '--outdir',
                str(folder / 'dist'), str(ROOT))
    wheel, = (folder / 'dist').glob('*.whl')
    _install_wheel(session, constraints, f'{wheel}[test]')
    session.chdir(folder)
    session.run('python', '-c', 'import secml_regpoison, sys, numpy; print('
                'secml_regpoison.__file__, sys.version, numpy.__version__)')
    session.run('python', '-m', 'pytest', '-n', 'auto', *session.posargs,
                env={'OMP_NUM_THREADS': '1'})


@nox.session
def build(session):
    """Make what is released, check it, and run README's example on it."""
    shutil.rmtree(ROOT / 'dist', ignore_errors=True)
    session.install('build', 'twine')
    session.run('python', '-m', 'build', '--outdir', 'dist')
    files = sorted(map(str, (ROOT / 'dist').iterdir()))
    session.run('twine', 'check', '--strict', *files)
    _install_wheel(session, 'constraints.txt', *(
        name for name in files if name.endswith('.whl')))
    readme = (ROOT / 'README.md').read_text('utf-8')
    session.chdir(session.create_tmp())
    session.run('python', '-c', re.search(
        r'^```python\n(.*?)^```', readme, re.M | re.S)[1])


@nox.session
def audit(session):
    """Look up the pinned versions in the database of vulnerabilities."""
    session.install('pip-audit')
    # strict: fail if the database cannot be read
    session.run('pip-audit', '--strict', '--requirement',
                str(ROOT / 'constraints.txt'), '--no-deps', '--disable-pip',
                '--progress-spinner', 'off', *session.posargs)
