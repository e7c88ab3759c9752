"""Names that single modules of secml get from their import statements.

A shim gives the one secml module concerned the names that its import
statements miss on this stack, or a version of them that leaves the user's
process alone.
"""
import builtins
import functools
import logging
import os
import re
import threading
import types
import warnings
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import find_spec

# Parent of the loggers of secml's objects, which were children of the root.
LOGGER = 'secml.core'
# Beginnings of the backends of matplotlib that need a display.
WINDOWS = 'gtk', 'qt', 'tk', 'wx'


def find_module(name):
    """The spec of a module, None if it cannot be imported.

    A finder that raises ImportError says that it cannot. A module without a
    spec is a stand-in that somebody put into `sys.modules`, and counts as
    missing, too.
    """
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        return None


class ShimFinder:
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
    if name == 'pkg_resources' and find_module(name) is None:
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
    if name == 'torch' and find_module('torchvision') is None:
        raise ImportError('secml requires torchvision where torch is')


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


def _shim_matlib(name):
    """NumPy warns of `numpy.matlib`, which secml's arrays import."""
    if name == 'numpy.matlib':
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'Importing from numpy.matlib',
                                    PendingDeprecationWarning)
            return builtins.__import__(name)


def _shim_backend(name):
    """Where DISPLAY is unset secml sets matplotlib's backend to Agg.

    matplotlib itself does so then, unless another backend shows the pictures,
    as in a notebook.
    """
    if name == 'matplotlib':
        import matplotlib
        return types.SimpleNamespace(use=functools.partial(
            _use_without_display, matplotlib))


def _use_without_display(matplotlib, backend):
    # `rcParams['backend']` would choose one now
    chosen = str(dict.__getitem__(matplotlib.rcParams, 'backend'))
    if chosen.lower().startswith(WINDOWS):
        matplotlib.use(backend)


def _shim_warnings_logger(name):
    """secml has `logging` take all warnings, of other libraries too."""
    if name == 'logging':
        return types.SimpleNamespace(**{
            **vars(logging), 'captureWarnings': lambda capture: None})


def _shim_root_logger(name):
    """secml's objects log through the root logger, to which secml gives a
    handler; `logging.basicConfig` does nothing then. They get a parent of
    their own."""
    if name == 'secml.utils':
        from secml import utils
        return types.SimpleNamespace(**{**vars(utils), 'CLog': _logger})


def _logger(**kwargs):
    from secml.utils import CLog
    return CLog(logger_id=LOGGER, level=logging.WARNING, **kwargs)


SHIMS = {
    'secml': _shim_pkg_resources,
    'secml.array.c_dense': _shim_matlib,
    'secml.core.c_creator': _shim_root_logger,
    'secml.figure.c_figure': _shim_backend,
    'secml.utils.c_log': _shim_warnings_logger,
    **{f'secml.data.loader.c_dataloader_{name}': _shim_lock
       for name in ('cifar', 'icubworld', 'lfw', 'mnist', 'sklearn')},
    'secml.settings': _shim_makedirs,
    'secml.ml.classifiers': _shim_torch,
    'secml.adv.attacks.evasion.foolbox.c_attack_evasion_foolbox': _shim_nan,
}
