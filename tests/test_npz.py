"""Reading .npz files with a limit: headers first, then what is asked for."""
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from secml_regpoison.data.sources import load_data
from secml_regpoison.npz import NpzReader

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.arange(40) % 2
HUGE = 2 ** 45


def header_alone(shape, dtype='<f8'):
    """The start of a .npy file of any shape, without its numbers."""
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {
        'shape': shape, 'fortran_order': False, 'descr': dtype})
    return stream.getvalue()


def write(path, method=zipfile.ZIP_DEFLATED, stated=None, **members):
    """An archive of arrays and bytes; `stated`: the size it states for X."""
    with zipfile.ZipFile(path, 'w', method) as archive:
        for name, content in members.items():
            if isinstance(content, np.ndarray):
                stream = io.BytesIO()
                np.save(stream, content)
                content = stream.getvalue()
            archive.writestr(f'{name}.npy', content)
        if stated:
            archive.getinfo('X.npy').file_size = stated
    return str(path)


def peak_memory(function, *args):
    """Most bytes at a time during a call."""
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_member_that_nobody_asked_for_is_not_unpacked(tmp_path):
    path = write(tmp_path / 'a.npz', X=X, y=Y, other=np.zeros(10 ** 7))
    assert (tmp_path / 'a.npz').stat().st_size < 10 ** 6
    assert peak_memory(load_data, path) < 2e7


def test_a_member_of_another_shape_is_refused_by_its_header(tmp_path):
    for x, words in ((np.zeros(10 ** 7), 'must be a matrix'),
                     (np.zeros((10 ** 6, 8)), 'one label for each')):
        path = write(tmp_path / 'a.npz', X=x, y=Y)

        def refused():
            with pytest.raises(ValueError, match=words):
                load_data(path)

        assert peak_memory(refused) < 2e7


@pytest.mark.parametrize('shape', [(40, HUGE), (-1, 3), (10 ** 7, 3)])
def test_a_header_that_announces_more_than_there_is(tmp_path, shape):
    path = write(tmp_path / 'a.npz', X=header_alone(shape) + X.tobytes())
    with NpzReader(path) as arrays, pytest.raises(
            ValueError, match='a.npz must be a valid .npz .* `X` is of '):
        arrays.read('X')


def test_what_does_not_fit_into_memory_says_how_much_it_is(tmp_path):
    start = header_alone((40, HUGE // 40))
    path = write(tmp_path / 'a.npz', y=Y, X=start,
                 stated=len(start) + HUGE // 40 * 40 * 8)
    with pytest.raises(MemoryError, match=r'`X` of .*a\.npz, of shape \(40, '
                       r'879609302220\), needs 562950\.0 GB of memory'):
        load_data(path)


def test_an_encrypted_member_is_named(tmp_path):
    path = tmp_path / 'a.npz'
    write(path, X=X, y=Y)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match='a.npz must be .* `X` is encrypted: '
                       'save it without a password'):
        load_data(str(path))


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_compression_is_refused(tmp_path, method):
    with pytest.raises(ValueError, match='`X` is compressed by method'):
        load_data(write(tmp_path / 'a.npz', method, X=X, y=Y))


@pytest.mark.parametrize('content, words', [
    (b'text', 'magic string'), (b'', 'magic string'),
    (np.zeros(40, [('a', float)]), '`X` .* must be a matrix'),
    (np.array([None] * 40), 'allow_pickle')])
def test_members_that_are_no_matrix(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        load_data(write(tmp_path / 'a.npz', X=content, y=Y))


def test_orders_and_types_are_read_as_numpy_reads_them(tmp_path):
    kinds = {'f': np.asfortranarray(X), 'b': X > 0, 'g': X.astype('>f4'),
             'h': X.astype(np.float16), 's': np.array(7), 't': Y.astype(str)}
    np.savez_compressed(tmp_path / 'a.npz', **kinds)
    with NpzReader(tmp_path / 'a.npz') as arrays:
        assert arrays.names == list(kinds)
        for name, array in kinds.items():
            assert arrays.header(name) == (array.shape, array.dtype)
            np.testing.assert_array_equal(arrays.read(name), array)
            assert arrays.read(name).dtype == array.dtype
        assert arrays.read('b', float).dtype == float
