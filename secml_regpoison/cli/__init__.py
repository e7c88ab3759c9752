"""The command line, `secml-regpoison`."""
from secml_regpoison import compat
from . import process

if compat.is_command(__name__):
    process.prepare()

from .main import main  # noqa: E402

__all__ = ['main']
