"""A temporary home for secml where its own cannot be written.

The import of `secml.settings` makes folders in ``SECML_HOME_DIR`` and in
``HOME``, and fails where it may not: for service users, in read-only
containers.
"""
import atexit
import importlib
import logging
import os
import shutil
import tempfile
import warnings


def import_settings():
    """Import `secml.settings`, in a temporary home if need be.

    Its folder of data sets is still used if it is there. Processes that are
    started by this one share the home, and it is removed when this one ends.

    Raises
    ------
    FileExistsError
        If a file is in the place of one of the folders; names the variable
        and the file.
    OSError
        If no temporary folder can be made, either; names SECML_HOME_DIR.

    """
    try:
        importlib.import_module('secml.settings')
    except FileExistsError as error:  # no lack of rights
        if os.path.isdir(error.filename):  # made by another process
            raise
        raise FileExistsError(_no_folder(error.filename)) from error
    except OSError as error:
        _move_home(error)


def _no_folder(path):
    """What to do about a file in the place of a folder of secml."""
    name = next((name for name, value in os.environ.items() if name.startswith(
        'SECML_') and os.path.abspath(value) == path), 'SECML_HOME_DIR')
    return (f'`{name}` must name a folder that is there or can be made, got '
            f'the file {path!r}: set it to another, or move the file away.')


def _move_home(error):
    try:
        home = tempfile.mkdtemp(prefix='secml-data-')
    except OSError:
        raise OSError(
            f'the home of secml cannot be written ({error}), and there is no '
            'temporary folder. Set SECML_HOME_DIR to a folder that can be '
            'written.') from error
    atexit.register(_remove, home, os.getpid())
    warnings.warn(
        f'the home of secml cannot be written ({error}): {home:s} takes its '
        'place until this process ends. Set SECML_HOME_DIR to a folder that '
        'can be written.', RuntimeWarning, stacklevel=5)
    datasets = os.path.join(
        os.environ.get('SECML_HOME_DIR') or os.path.expanduser(
            os.path.join('~', 'secml-data')), 'datasets')
    # it prints each folder that it makes
    logging.getLogger('secml.settings').disabled = True
    os.environ['SECML_PYTORCH_DIR'] = os.path.join(home, 'pytorch-data')
    try:  # the one folder that is not in SECML_HOME_DIR unless that is unset
        importlib.import_module('secml.settings')
    except OSError:
        os.environ['SECML_HOME_DIR'] = home
        if os.path.isdir(datasets):
            os.environ.setdefault('SECML_DS_DIR', datasets)
        importlib.import_module('secml.settings')


def _remove(home, owner):
    """Remove the home, but not in a fork."""
    if os.getpid() == owner:
        shutil.rmtree(home, ignore_errors=True)
