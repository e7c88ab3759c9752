"""Lets unmodified secml 0.15.6 import and run on today's Python stack.

secml 0.15.6 stops at Python 3.10 and at the NumPy, SciPy, scikit-learn and
setuptools of its day. This module works around failures during the import of
secml: a shim gives the one secml module concerned the names that its import
statements miss. The module `patches` works around later failures, inside
secml's own modules. Each shim and patch applies only where its cause is
present, so on a stack that secml supports nothing changes, except that two
first imports no longer race, and that the locks of its loaders are of threads.
Other libraries are never patched, and `sys.modules` never holds a fake, not
even for a moment: other code and other threads always import the real modules.
"""
import builtins
import functools
import importlib
import logging
import os
import re
import sys
import threading
import types
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

from .home import import_settings

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
    sys.meta_path.insert(0, _ShimFinder)
    try:
        import_settings()
        importlib.import_module('secml.adv.attacks')
        importlib.import_module('secml.data.loader')
        importlib.import_module('secml.figure')
    finally:
        sys.meta_path.remove(_ShimFinder)
    _explain_missing_classifier()
    from .patches import PATCHES  # imports secml, which works only now
    for patch in PATCHES:
        patch()


def secml_problem():
    """The problem with the installed secml and the remedy, or None."""
    found = secml_version()
    if found is not None and _numbers(found) >= _numbers(OLDEST_SECML):
        return None
    state = 'is not installed' if found is None else f'is at {found}'
    return (
        f'secml_regpoison needs secml {OLDEST_SECML} or newer; secml {state}. '
        f'Type:\n    {sys.executable} -m pip install --no-deps '
        f'--ignore-requires-python secml=={OLDEST_SECML}')


def secml_version():
    """Version of the secml that `import secml` would take, None without one.

    Read from the file that secml itself reads: `import secml` fails on this
    stack, and installed metadata may describe another copy than the one first
    on the path.
    """
    spec = find_spec('secml')
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).with_name('VERSION').read_text('ascii').strip()


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


class _ShimFinder:
    """Finds the secml modules in `SHIMS`, and no other module."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in SHIMS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _ShimLoader(name, spec.origin)
        return spec


class _ShimLoader(SourceFileLoader):
    """Loads a module whose import statements ask its shim in `SHIMS` first.

    An import statement calls the `__import__` of its module's builtins, so
    this module gets builtins of its own and no other module is affected.
    """

    def exec_module(self, module):
        shimmed = functools.partial(_import, SHIMS[self.name])
        module.__builtins__ = {**vars(builtins), '__import__': shimmed}
        super().exec_module(module)


def _import(shim, name, *args, **kwargs):
    module = shim(name)
    if module is not None:
        return module
    return builtins.__import__(name, *args, **kwargs)


def _shim_pkg_resources(name):
    """setuptools 82 dropped `pkg_resources`; secml reads its version with it.

    secml uses only `parse_version`.
    """
    if name == 'pkg_resources' and find_spec(name) is None:
        return types.SimpleNamespace(parse_version=_parse_version)


def _parse_version(text):
    dev = re.search(r'\.dev\d*', text)
    return types.SimpleNamespace(
        _version=types.SimpleNamespace(dev=dev and dev.group()),
        public=text.split('+')[0])


def _shim_torch(name):
    """Where torch is installed, secml requires torchvision too.

    Without torchvision the import of torch fails inside secml, as on a machine
    without torch, and secml leaves out its PyTorch classifier.
    """
    if name == 'torch' and find_spec('torchvision') is None:
        raise ImportError('secml requires torchvision where torch is')


def _explain_missing_classifier():
    """Where `CClassifierPyTorch` is left out for want of torchvision, say so
    when it is imported from `secml.ml.classifiers`."""
    classifiers = importlib.import_module('secml.ml.classifiers')
    if find_spec('torch') and not find_spec('torchvision'):
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


def _shim_nan(name):
    """NumPy 2 dropped `NaN`, which secml's foolbox wrapper imports."""
    import numpy as np
    if name == 'numpy' and not hasattr(np, 'NaN'):
        return types.SimpleNamespace(NaN=np.nan)


def _shim_makedirs(name):
    """secml creates each folder of its home that does not exist.

    If two processes import it for the first time at once, the slower one fails
    at a folder that the other has created after the check.
    """
    if name == 'os':
        return types.SimpleNamespace(**{
            **vars(os),
            'makedirs': functools.partial(os.makedirs, exist_ok=True)})


def _shim_lock(name):
    """secml's loaders keep their threads apart by locks of `multiprocessing`.

    Those are named semaphores of the system, five in each process, which a
    worker that is killed leaves behind; Python warns of them.
    """
    if name == 'multiprocessing':
        return types.SimpleNamespace(Lock=threading.Lock)


SHIMS = {
    'secml': _shim_pkg_resources,
    **{f'secml.data.loader.c_dataloader_{name}': _shim_lock
       for name in ('cifar', 'icubworld', 'lfw', 'mnist', 'sklearn')},
    'secml.settings': _shim_makedirs,
    'secml.ml.classifiers': _shim_torch,
    'secml.adv.attacks.evasion.foolbox.c_attack_evasion_foolbox': _shim_nan,
}
