"""Arrays of a .npz file: the header first, then only what is asked for.

A member of 3 MB can unpack to 3 GB, and a header can announce any shape. So
nothing is unpacked unless its header agrees with the size that the archive
states, and its numbers fit into this machine. Nothing is unpickled.
"""
import math
import os
import struct
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
from numpy.lib import format as npy

DAMAGES = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, struct.error,
           NotImplementedError, OverflowError)
METHODS = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


class NpzReader:
    """An open .npz file; close it, or use it in a ``with`` statement.

    Parameters
    ----------
    path : str
    stream : file object, optional
        Its content, if it is open already.

    Attributes
    ----------
    names : list of str
        Names of all arrays.

    Raises
    ------
    ValueError
        Here and in each method: the file is damaged, encrypted, or holds
        something else than plain arrays.
    OSError
        If the file cannot be read.

    """

    def __init__(self, path, stream=None):
        self._path, self._stream = path, stream or open(path, 'rb')
        if not zipfile.is_zipfile(self._stream):
            self._stream.close()
            raise ValueError(f'{path} must be a file that numpy.savez wrote, '
                             'got no zip archive, or a part of one.')
        with self._named_damage():
            self._archive = zipfile.ZipFile(self._stream)
        self._members = {info.filename.removesuffix('.npy'): info
                         for info in self._archive.infolist()}
        self.names = list(self._members)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()

    def header(self, name):
        """Shape and dtype of an array; unpacks no more than its header."""
        info = self._members[name]
        with self._named_damage():
            # numpy.savez writes no others, and they unpack without a limit
            _check(info.compress_type in METHODS, name,
                   f'compressed by method {info.compress_type}')
            _check(not info.flag_bits & 1, name,
                   'encrypted: save it without a password')
            with self._archive.open(info) as stream:
                _check(npy.read_magic(stream) == (1, 0), name,
                       'no matrix or vector: it has named columns')
                shape, _, dtype = npy.read_array_header_1_0(stream)
                start = stream.tell()
            _check(not dtype.hasobject, name,
                   'a pickle, which is code (allow_pickle=False): save '
                   f'{name}.astype(float), or labels as .astype(str)')
            n_bytes = start + math.prod(shape) * dtype.itemsize
            _check(min(shape, default=0) >= 0 and info.file_size == n_bytes,
                   name, f'of {info.file_size} bytes, where shape {shape} and '
                   f'{dtype} need {n_bytes}')
        return shape, dtype

    def read(self, name, dtype=None):
        """An array, converted to `dtype`.

        Raises
        ------
        MemoryError
            If there is no room for it; says how much it needs.

        """
        shape, found = self.header(name)
        n_bytes = math.prod(shape) * (
            found.itemsize + (np.dtype(dtype).itemsize if dtype else 0))
        try:
            if n_bytes > _memory():
                raise MemoryError
            with self._named_damage():
                with self._archive.open(self._members[name]) as stream:
                    array = npy.read_array(stream, allow_pickle=False)
                return array.astype(dtype or found, copy=False)
        except MemoryError:
            raise MemoryError(
                f'`{name}` of {self._path}, of shape {shape}, needs '
                f'{n_bytes / 1e9:.1f} GB of memory.') from None

    @contextmanager
    def _named_damage(self):
        """Errors of a damaged file become a ValueError with its name."""
        try:
            yield
        except DAMAGES as error:
            raise ValueError(
                f'{self._path} must be a valid .npz file of plain arrays, '
                f'got: {error}') from error


def _check(is_ok, name, fault):
    """Raise ValueError unless `is_ok`."""
    if not is_ok:
        raise ValueError(f'`{name}` is {fault}')


def _memory():
    """Bytes of memory of this machine, as far as the system tells."""
    try:
        return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    except (AttributeError, ValueError):  # Windows
        return math.inf
