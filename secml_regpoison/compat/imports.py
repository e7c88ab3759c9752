"""Lets unmodified secml 0.15.6 import and run on today's Python stack.

secml 0.15.6 stops at Python 3.10 and at the NumPy, SciPy, scikit-learn and
setuptools of its day. What fails while secml is being imported is mended
here, by lending the one secml module concerned what its import statements
miss; what fails later is mended in `mends`, inside secml's own modules. Each
mend applies only where its cause is present, so a stack that secml supports
is left alone, but for a race between two first imports. Other libraries are
never patched, and nothing is faked in `sys.modules`, not even for a moment:
other code and other threads always import what is really there.
"""
import builtins
import functools
import importlib
import os
import re
import sys
import types
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

OLDEST_SECML = '0.15.6'


def apply():
    """Import secml, mended where this stack needs it; safe to repeat.

    Raises
    ------
    ImportError
        If secml is missing or older than 0.15.6; says what to type.

    """
    problem = secml_problem()
    if problem:
        raise ImportError(problem)
    sys.meta_path.insert(0, _ShimFinder)
    try:
        importlib.import_module('secml.adv.attacks')
        importlib.import_module('secml.figure')
    finally:
        sys.meta_path.remove(_ShimFinder)
    from .patches import PATCHES  # imports secml, which only now can be
    for mend in PATCHES:
        mend()


def secml_problem():
    """What is wrong with the installed secml and what to type, or None."""
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

    Read from the file that secml itself reads: importing it in order to ask
    is what fails on this stack, and installed metadata may describe another
    copy than the one first on the path.
    """
    spec = find_spec('secml')
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).with_name('VERSION').read_text('ascii').strip()


def _numbers(version):
    return [int(part) for part in re.findall(r'\d+', version)[:3]]


def importing(name):
    """Whether an import of the module `name`, or inside it, is under way.

    A package is executed before the module that was asked for, and only the
    import system's own frames tell which one that was. Should a later Python
    hide them, the answer is False.
    """
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get('__name__') == 'importlib._bootstrap':
            wanted = str(frame.f_locals.get('name'))
            if wanted == name or wanted.startswith(name + '.'):
                return True
        frame = frame.f_back
    return False


class _ShimFinder:
    """Finds the secml modules in `SHIMS`, and leaves the rest to others."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in SHIMS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _ShimLoader(name, spec.origin)
        return spec


class _ShimLoader(SourceFileLoader):
    """Loads a module whose own import statements ask `SHIMS` first.

    An import statement calls the `__import__` of its module's builtins, so
    giving this one module its own reaches no other.
    """

    def exec_module(self, module):
        lend = functools.partial(_import, SHIMS[self.name])
        module.__builtins__ = {**vars(builtins), '__import__': lend}
        super().exec_module(module)


def _import(lend, name, *args, **kwargs):
    lent = lend(name)
    if lent is not None:
        return lent
    return builtins.__import__(name, *args, **kwargs)


def _shim_pkg_resources(name):
    """setuptools 82 dropped `pkg_resources`, by which secml reads its version.

    It wants no more of it than `parse_version`.
    """
    if name == 'pkg_resources' and find_spec(name) is None:
        return types.SimpleNamespace(parse_version=_parse_version)


def _parse_version(text):
    dev = re.search(r'\.dev\d*', text)
    return types.SimpleNamespace(
        _version=types.SimpleNamespace(dev=dev and dev.group()),
        public=text.split('+')[0])


def _shim_torch(name):
    """Wherever torch is, secml's PyTorch classifier wants torchvision too.

    Without torchvision, secml is shown no torch, as on a machine with
    neither, and goes without that classifier.
    """
    if name == 'torch' and find_spec('torchvision') is None:
        raise ImportError('secml wants torchvision wherever torch is')


def _shim_nan(name):
    """NumPy 2 dropped `NaN`, which secml's foolbox wrapper imports."""
    import numpy as np
    if name == 'numpy' and not hasattr(np, 'NaN'):
        return types.SimpleNamespace(NaN=np.nan)


def _shim_makedirs(name):
    """secml makes each folder of its home that it does not find.

    Of two processes that import it for the first time at once, the slower
    one would stop at a folder that the other has made since it looked.
    """
    if name == 'os':
        return types.SimpleNamespace(**{
            **vars(os),
            'makedirs': functools.partial(os.makedirs, exist_ok=True)})


SHIMS = {
    'secml': _shim_pkg_resources,
    'secml.settings': _shim_makedirs,
    'secml.ml.classifiers': _shim_torch,
    'secml.adv.attacks.evasion.foolbox.c_attack_evasion_foolbox': _shim_nan,
}
