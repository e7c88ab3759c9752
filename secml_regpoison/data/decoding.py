"""The bytes of a file as text; formats that are no text are named."""
import re

ZIP = b'PK\x03\x04', b'PK\x05\x06', b'PK\x07\x08'
# after a mark that a column's name may begin with: bytes that no text has,
# but as padding at its end
BYTES = rb'(?s:.*)[\x00-\x08][^\x00\x1a\r\n]'
# how a file begins that is no text, what it is, and what to do
FORMATS = {re.compile(mark): what for mark, what in {
    rb'\x1f\x8b': 'gzip: unpack it',
    rb'BZh[1-9](1AY&SY|\x17rE8P\x90)': 'bzip2: unpack it',
    rb'\xfd7zXZ\x00': 'xz: unpack it', rb'7z\xbc\xaf': '7z: unpack it',
    rb'\x28\xb5\x2f\xfd': 'zstd: unpack it',
    rb'\x80[\x02-\x05]': 'a pickle, which is code: save CSV',
    rb'\x93NUMPY': '.npy, one array: numpy.savez saves X and y together',
    **{mark: f'a {name} image: save a table with the pixels of an image in '
       'each row' for mark, name in {
           rb'\x89PNG\r\n': 'PNG', rb'\xff\xd8\xff': 'JPEG',
           rb'GIF8[79]a' + BYTES: 'GIF'}.items()},
    **{mark: f'{name}: save it as CSV' for mark, name in {
        rb'PAR1' + BYTES: 'Parquet', rb'\x89HDF\r\n': 'HDF5',
        rb'%PDF-\d': 'a PDF', rb'ARROW1\x00|FEA1\x00': 'Feather',
        rb'ORC' + BYTES: 'ORC', rb'Obj\x01': 'Avro',
        rb'SQLite format 3\x00': 'a data base', rb'{\\rtf1': 'RTF',
        rb'MATLAB \d\.\d MAT': 'MATLAB', rb'\$FL[23]@\(#\)': 'SPSS',
        rb'\xd0\xcf\x11\xe0': 'a spreadsheet'}.items()}}.items()}


def decode(path, content, encoding):
    """The text, its line ends made newlines, and the name of its encoding."""
    for mark, what in FORMATS.items():
        if mark.match(content):
            raise ValueError(
                f'{path} must be a .npz file or text, got {what}.')
    name = '' if encoding else ' (by default, --encoding names another)'
    encoding = encoding or _detect_encoding(content)
    name = 'Windows-1252' + name if encoding == 'cp1252' else encoding.upper()
    what = ('UTF-8, UTF-16 or Windows-1252' if encoding == 'cp1252'
            else encoding)
    try:
        text = content.decode(encoding).rstrip('\0\x1a\r\n')  # padding
    except (UnicodeError, LookupError) as error:
        raise ValueError(
            f'{path} must be a .npz file or text in {what}, got: {error}. '
            'A spreadsheet must be saved as CSV; --encoding names the '
            'encoding.') from error
    if '\0' in text:
        raise ValueError(
            f'{path} must be a .npz file or text, got bytes of another '
            'format: save it as CSV, or name its --encoding.')
    return text.removeprefix('\ufeff').replace('\r\n', '\n').replace(
        '\r', '\n'), name


def _detect_encoding(content):
    """UTF-8 or UTF-16 by the mark or the bytes, else Windows-1252."""
    if content[:3] == b'\xef\xbb\xbf':
        return 'utf-8-sig'
    if content[:2] in (b'\xff\xfe', b'\xfe\xff'):
        return 'utf-16'
    odd, even = content[1:2000:2], content[:2000:2]
    if len(odd) > 1 and odd.count(0) > .4 * len(odd) > 3 * even.count(0):
        return 'utf-16-le'
    if len(odd) > 1 and even.count(0) > .4 * len(even) > 3 * odd.count(0):
        return 'utf-16-be'
    try:
        content.decode('utf-8')
    except UnicodeDecodeError:
        return 'cp1252'
    return 'utf-8'
