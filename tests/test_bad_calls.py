"""Bad calls of the classifier, the plots, the paper's figures, the command
line and the readers of files: each is refused, in words.

A row: the call, the expected error, the words of its message. The attack's
refusals are in attack/test_bad_input.py and attack/test_bad_data.py.
"""
import io
import os
import zipfile

import numpy as np
import pytest

from attack_problems import make, run, small
from refusals import raises
from refused_attacks import DATA
from secml_regpoison import CClassifierLogisticTorch, cli
from secml_regpoison.data.sources import load_data
from secml_regpoison.paper import run_figure

from secml.data import CDataset
from secml.figure import CFigure

NAN = float('nan')
FAR = [CDataset(part.X * 1e25, part.Y) for part in DATA]
rng = np.random.default_rng(0)
X, Y = rng.random((60, 2)), np.arange(60) % 2


class Refused(Exception):
    """The one line that the command line printed."""


def cli_call(*argv):
    """The command line, which has begun nothing when it says no."""
    def call(folder, capsys):
        before = sorted(os.listdir(folder))
        try:
            code = cli.main(list(argv))
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert (code, out) == (2, '') and err.count('\n') == 1
        assert sorted(os.listdir(folder)) == before
        raise Refused(err)
    return call


def load(name, content, classes=None):
    """A file: text, bytes or arrays."""
    def call(folder):
        if isinstance(content, dict):
            np.savez(folder / name, **content)
        else:
            (folder / name).write_bytes(content.encode() if isinstance(
                content, str) else content)
        load_data(str(folder / name), classes)
    return call


def zip_bytes(**members):
    """Bytes of a .zip with these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name, content in members.items():
            archive.writestr(f'{name}.npy', content)
    return stream.getvalue()


def fit(x=X, y=Y, **kwargs):
    """The classifier of ours, by mini-batches."""
    return lambda folder: CClassifierLogisticTorch(
        **{'solver': 'sgd', **kwargs}).fit(x, y)


def call_method(method, *args):
    """A method of that classifier, trained."""
    return lambda folder: getattr(
        CClassifierLogisticTorch().fit(X, Y), method)(*args)


def plot(method, d=2, **kwargs):
    """A plot of one poisoning point of `d` features."""
    def call(folder):
        data, fig = small(d=d), CFigure()
        attack = make(data, 1)
        poison = run(attack, data)[2]
        try:
            getattr(fig.sp, method)(
                *([attack, poison] if 'images' in method else [attack]),
                **kwargs)
        finally:
            fig.close()
    return call


def draw_figure(name='fig2', **kwargs):
    """A figure of the paper, which has begun nothing when it is refused."""
    def call(folder):
        (folder / 'file').touch()
        try:
            run_figure(name, **{'out': folder / 'new', 'quick': True,
                                **kwargs})
        finally:
            assert os.listdir(folder) == ['file']
    return call


NONE = np.zeros((0, 2))
CLASSIFIER = {
    'list as dtype': (fit(dtype=['float64']), ValueError,
                      "`dtype` must be 'float64' or 'float32', got ['float"),
    'array as solver': (fit(solver=np.array(['sgd', 'sgd'])), ValueError,
                        "`solver` must be 'newton' or 'sgd', got array("),
    'seed past 64 bits': (fit(random_state=2 ** 70), ValueError,
                          '`random_state` must be at least 0 and below 2**63'),
    'batch past 64 bits': (fit(batch_size=10 ** 20), ValueError,
                           '`batch_size` must be at least 1 and below 2**63'),
    'no data': (fit(None, None), ValueError,
                '`x` must be at least one row and one feature, got (1, 0)'),
    'no labels': (fit(y=None), ValueError,
                  "one label for each of 60 rows of `x`, got '0 labels'"),
    'fewer labels': (call_method('objective', X, Y[:3]), ValueError,
                     "one label for each of 60 rows of `x`, got '3 labels'"),
    'other features': (call_method('objective', X[:, :1], Y), ValueError,
                       "`x` must be rows of 2 features, got (60, 1)"),
    'no rows': (call_method('grad_tr_params', NONE, []), ValueError,
                '`x` must be at least one row and one feature, got (0, 2)'),
    'text as features': (call_method('objective', X.astype(str), Y), TypeError,
                         '`x` must be numbers, got <U'),
    'lambda past float32': (fit(dtype='float32', lmbda=100), ValueError,
                            '`lmbda` must be at most 80 in float32'),
    'past float32': (fit(X * 1e25, dtype='float32'), FloatingPointError,
                     'e+24, squared, overflow in float32:'
                     ' rescale the features.'),
    'past float64': (fit(X * 1e160, solver='newton'), FloatingPointError,
                     'numbers as large as 9.9'),
    'past float32, attacked': (
        lambda folder: run(make(FAR, 2, ub=1e25, clf=CClassifierLogisticTorch(
            dtype='float32')), FAR), FloatingPointError,
        'squared, overflow in float32: rescale the features.'),
}

IMAGES, MAP = 'plot_poisoning_images', 'plot_poisoning_map'
PLOT = {
    'side for two': (plot(IMAGES, 4, shape=4), ValueError,
                     '`shape` must be height and width, whole numbers with a '
                     'product of 4 features, got 4'),
    'inside out': (plot(IMAGES, 4, shape=(-2, -2)), ValueError,
                   'got (-2, -2)'),
    'broken sides': (plot(IMAGES, 4, shape=(2., 2.)), ValueError,
                     'got (2.0, 2.0)'),
    'end by name': (plot(MAP, vmin='a'), TypeError,
                    '`vmin` must be None or a finite number, got str'),
    'other end, NaN': (plot(MAP, vmax=NAN), ValueError,
                       '`vmax` must be None or a finite number, got nan'),
}

FIGURE = {
    'no such figure': (draw_figure('fig9'), ValueError,
                       '`name` must be one of fig1, '),
    'list of figures': (draw_figure(['fig1']), ValueError, "got ['fig1']"),
    'other option': (draw_figure(bogus=1), TypeError,
                     '`bogus` must be left out with fig2, got 1'),
    'option of another': (draw_figure('fig1', solver='rmd'), TypeError,
                          "`solver` must be left out with fig1, got 'rmd'"),
    'other solver': (draw_figure(solver='sgd'), ValueError,
                     "`solver` must be rmd or implicit, got 'sgd'"),
    'file as a folder': (draw_figure(out='file'), ValueError, "got 'file'"),
    'no jobs': (draw_figure(jobs=0), ValueError,
                '`jobs` must be an integer other than 0'),
    'quick by name': (draw_figure(quick='no'), TypeError,
                      '`quick` must be True or False, got str'),
    'resume, 1': (draw_figure(resume=1), TypeError,
                  '`resume` must be True or False, got int'),
}

COMMANDS = {
    'one strength': (cli_call('sec-eval', '--points', '3'), Refused,
                     '--points: must name two strengths or more, as in 0,3'),
    'two signs': (cli_call('sec-eval', '--points', '0,++3'), Refused,
                  "must be an integer, at least 0, got '++3'"),
    'strengths beyond': (cli_call('sec-eval', '--points', f'0,{9 ** 40}'),
                         Refused, '`points` must be at most 146'),
    'superscript': (cli_call('sec-eval', '--repetitions', '²'), Refused,
                    "at least 1, got '²'"),
    'policy left out': (cli_call('sec-eval', '--policies', '--points'),
                        Refused, "got '--points'"),
    'one training row': (cli_call('sec-eval', '--train', '1'), Refused,
                         "--train: must be an integer, at least 2, got '1'"),
    'rows for no fold': (
        cli_call('sec-eval', '--train', '3', '--val', '9', '--points', '0,1',
                 '--policies', 'clean-cv', '--poison-mode', 'append'),
        Refused, 'at least 2 rows for the folds of clean-cv, got 1 of class'),
    'no row of a class left': (
        cli_call('sec-eval', '--train', '8', '--points', '0,7'), Refused,
        'so that training rows of all classes are left, whose place they'),
    'class twice': (cli_call('sec-eval', '--classes', '0', '0.0'), Refused,
                    '`classes` must be two or more of the labels of digits'),
    'class NaN': (cli_call('sec-eval', '--classes', 'nan', '0'), Refused,
                  'got nan, 0'),
    'no folder': (cli_call('sec-eval', '--out', ''), Refused, "''"),
    'no data': (cli_call('sec-eval', '--data', ''), Refused, "got ''"),
    'null byte': (cli_call('sec-eval', '--data', 'a\0.csv'), Refused, 'null'),
    'long folder': (cli_call('sec-eval', '--out', 300 * 'x'), Refused, 'xxx'),
    'no figure': (cli_call('paper'), Refused, 'required: FIGURE'),
    'unknown figure': (cli_call('paper', 'fig9'), Refused, "choice: 'fig9'"),
    'solver of no figure': (cli_call('paper', 'fig2', '--solver', 'fmd'),
                            Refused, "invalid choice: 'fmd'"),
    'option of the other': (cli_call('paper', 'fig1', '--seed', '3'), Refused,
                            'unrecognized arguments: --seed 3'),
}

FILES = {
    'past training': (load('a.csv', '1e200,1,0\n2,3,1\n'), ValueError,
                      'line 1: column 1 must hold finite numbers, none beyond '
                      '1e+30, got 1e+200 (such cells: 1)'),
    'past float64': (load('a.csv', '1,1e400,0\n2,3,1\n'), ValueError,
                     'line 1: column 2 must hold finite'),
    'cut header': (
        load('a.npz', zip_bytes(X=b'hello', y=b'')), ValueError,
        'a.npz must be a valid .npz file of plain arrays'),
    'empty file': (load('a.npz', b''), ValueError, 'got an empty file: save'),
    'a zip archive': (load('a.xlsx', zip_bytes()), ValueError,
                      'got a zip file: save a spreadsheet as CSV'),
    'text named npz': (load('a.npz', '1,2,0\n'), ValueError,
                       'numpy.savez wrote, got no zip archive'),
    'pickles': (load('a.npz', {'X': np.array([[1, None]]), 'y': Y[:1]}),
                ValueError, 'save X.astype(float), or labels as .astype(str)'),
    'complex features': (load('a.npz', {'X': X * 1j, 'y': Y}), ValueError,
                         '`X` of'),
    'complex labels': (load('a.npz', {'X': X, 'y': Y * 1j}), ValueError,
                       'must be numbers or text, got complex128'),
    'dates as labels': (
        load('a.npz', {'X': X, 'y': Y.astype('M8[s]')}), ValueError,
        'must be numbers or text, got datetime64[s]'),
    'no columns': (load('a.npz', {'X': X[:, :0], 'y': Y}), ValueError,
                   'at least one row and one feature, got 60 rows of 0'),
    'quote not closed': (load('a.csv', '"1,2,0\n3,4,1\n'), ValueError,
                         'quotes in pairs, got an odd number, the last in '
                         'line 1'),
    'mark of the byte order': (load('a.csv', '\ufeff'), ValueError,
                               'must have rows, got an empty file'),
    'three labels, one NaN': (
        load('a.csv', '1,2,a\n3,4,b\n5,6,nan\n'), ValueError,
        'line 3: the label must not be missing'),
    'two names of a number': (
        load('a.npz', {'X': X[:2], 'y': np.array(['1', '1.0'])}), ValueError,
        'must hold two classes, got 1: 1 (2 rows)'),
    'one class, by two names': (
        load('a.csv', '1,2,1\n3,4,1.0\n5,6,a\n', ('1', 'b')), ValueError,
        'must hold labels that differ as numbers, got 1, 1.0'),
    'folder': (lambda folder: load_data(str(_folder(folder / 'a.csv'))),
               IsADirectoryError, 'a.csv'),
}


def _folder(path):
    path.mkdir()
    return path


GROUPS = {'classifier': CLASSIFIER, 'plot': PLOT, 'figure': FIGURE,
          'command': COMMANDS, 'file': FILES}
TABLE = {f'{group}: {name}': row for group, rows in GROUPS.items()
         for name, row in rows.items()}


@pytest.mark.parametrize('call, error, words', TABLE.values(),
                         ids=TABLE.keys())
def test_bad_call(call, error, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with raises(error, words):
        call(*(tmp_path, capsys)[:call.__code__.co_argcount])
