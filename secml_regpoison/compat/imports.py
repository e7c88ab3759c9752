"""Lets unmodified secml 0.15.6 import and run on today's Python stack.

secml 0.15.6 stops at Python 3.10 and at the NumPy, SciPy, scikit-learn and
setuptools of its day. This module works around failures during the import of
secml, by the module `shims`, and the module `patches` works around later
failures, inside secml's own modules. Each shim and patch applies only where
its cause is present, so on a stack that secml supports nothing changes, except
that two first imports no longer race, that the locks of its loaders are of
threads, and that the import leaves matplotlib's backend, the root logger and
the display of warnings, its filters included, to the user.
Other libraries are never patched, and `sys.modules` never holds a fake, not
even for a moment: other code and other threads always import the real modules.
"""
import importlib
import logging
import re
import sys
import warnings
from pathlib import Path

from .home import import_settings
from .shims import ShimFinder, find_module

OLDEST_SECML = '0.15.6'


def apply():
    """Import secml and patch it where this stack needs it; safe to repeat.

    Raises
    ------
    ImportError
        If secml is missing or older than 0.15.6; says what to type.

    """
    problem = secml_problem()
    if problem:
        raise ImportError(problem)
    for name in ('secml', 'secml.settings'):
        # each has a handler of its own: lines would appear twice
        logging.getLogger(name).propagate = False
    sys.meta_path.insert(0, ShimFinder)
    try:
        with warnings.catch_warnings():  # its filters hide the user's own
            importlib.import_module('secml')
        import_settings()
        importlib.import_module('secml.adv.attacks')
        importlib.import_module('secml.data.loader')
        importlib.import_module('secml.figure')
    finally:
        sys.meta_path.remove(ShimFinder)
    _explain_missing_classifier()
    from .patches import PATCHES  # imports secml, which works only now
    for patch in PATCHES:
        patch()


def secml_problem():
    """The problem with the installed secml and the remedy, or None."""
    other = _other_module()
    if other is not None:
        return (f'secml_regpoison needs secml {OLDEST_SECML} or newer, and '
                f'Python finds {other} first, which is not secml. Rename it, '
                'or start Python where it is not on the path.')
    found = secml_version()
    if found is not None and _numbers(found) >= _numbers(OLDEST_SECML):
        return None
    state = 'is not installed' if found is None else f'is at {found}'
    return (
        f'secml_regpoison needs secml {OLDEST_SECML} or newer; secml {state}. '
        f'Type:\n    {sys.executable} -m pip install --no-deps '
        f'--ignore-requires-python secml=={OLDEST_SECML}')


def _other_module():
    """The file or folder that `import secml` would take and that is not
    secml, or None."""
    path = _secml_file()
    if path is None:
        return None
    if path.name != '__init__.py':
        return path
    return None if path.with_name('VERSION').is_file() else path.parent


def _secml_file():
    """The file that `import secml` would run, or None."""
    spec = find_module('secml')
    return None if spec is None or spec.origin is None else Path(spec.origin)


def secml_version():
    """Version of the secml that `import secml` would take, None without one.

    Read from the file that secml itself reads: `import secml` fails on this
    stack, and installed metadata may describe another copy than the one first
    on the path.
    """
    path = _secml_file()
    return None if path is None else path.with_name(
        'VERSION').read_text('ascii').strip()


def _numbers(version):
    return [int(part) for part in re.findall(r'\d+', version)[:3]]


def importing(name):
    """Whether an import of the module `name`, or inside it, is under way.

    Python executes a package before its submodule, and only the frames of the
    import system tell which submodule was asked for. If a later Python hides
    these frames, the answer is False.
    """
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get('__name__') == 'importlib._bootstrap':
            wanted = str(frame.f_locals.get('name'))
            if wanted == name or wanted.startswith(name + '.'):
                return True
        frame = frame.f_back
    return False


def is_command(package):
    """Whether this process is the command whose main is in `package`.

    It was started as ``python -m PACKAGE`` or as the script that the
    installer makes, and `package` is being imported: a worker process, whose
    arguments may be those of its parent, imports something else first.
    """
    if sys.argv[:1] == ['-m']:
        return package in sys.orig_argv
    return importing(package) and Path(
        (sys.argv or [''])[0]).stem == 'secml-regpoison'


def _explain_missing_classifier():
    """Where `CClassifierPyTorch` is left out for want of torchvision, say so
    when it is imported from `secml.ml.classifiers`."""
    classifiers = importlib.import_module('secml.ml.classifiers')
    if find_module('torch') and not find_module('torchvision'):
        classifiers.__getattr__ = _missing_name


def _missing_name(name):
    if name != 'CClassifierPyTorch':
        raise AttributeError(
            f"module 'secml.ml.classifiers' has no attribute {name!r}")
    # an import statement words an AttributeError anew; `hasattr` needs one
    caller = sys._getframe(1).f_globals.get('__name__')
    raise (ImportError if caller == 'importlib._bootstrap'
           else AttributeError)(
        'CClassifierPyTorch needs torchvision, of the version and build that '
        "go with the installed torch: pip install 'secml_regpoison[pytorch]'")
