"""Calls that must be refused, by whichever door they come in.

A row: the call, the expected error, the words that it must say. What is
refused of a single argument by its kind and its range is in
test_attack_bad_input.py, test_attack_bad_data.py, test_cli.py and
test_datasets.py; here is what slipped through, or nearly.
"""
import io
import os
import zipfile
from fractions import Fraction

import numpy as np
import pytest
import torch

from attack_problems import clouds, make, run, small
from refusals import DATA, raises
from secml_regpoison import CClassifierLogisticTorch, cli
from secml_regpoison.core import Problem, hypergradient, solve
from secml_regpoison.data.sources import load_data
from secml_regpoison.paper import run_figure

from secml.adv.seceval import CSecEval
from secml.array import CArray
from secml.data import CDataset, CDatasetHeader
from secml.figure import CFigure

NAN, INF = float('nan'), float('inf')
TEST = DATA[2]
FAR = [CDataset(part.X * 1e25, part.Y) for part in DATA]
rng = np.random.default_rng(0)
X, Y = rng.random((60, 2)), np.arange(60) % 2


class Refused(Exception):
    """The one line that the command line printed."""


def built(**kwargs):
    """The constructor."""
    return lambda folder: make(DATA, 3, **kwargs)


def built_on(x, y):
    """The constructor, on other training data."""
    return lambda folder: make((CDataset(CArray(x), CArray(y)), DATA[1]))


def swept(name, *values):
    """The setter, by a security evaluation."""
    return lambda folder: CSecEval(
        make(DATA, 2), name, CArray(list(values))).run_sec_eval(TEST)


def ran(**kwargs):
    """`run`, of three points, on the test set."""
    def call(folder):
        given = {'x': TEST.X, 'y': TEST.Y, **kwargs}
        make(DATA, 3).run(given.pop('x'), given.pop('y'), **given)
    return call


def continued(**header):
    """`run` from two points with this header."""
    return ran(ds_init=CDataset(
        DATA[1].X[:2, :], DATA[1].Y[:2], CDatasetHeader(**header)))


def typed(*argv):
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


def read(name, content, classes=None):
    """A file: text, bytes or arrays."""
    def call(folder):
        if isinstance(content, dict):
            np.savez(folder / name, **content)
        else:
            (folder / name).write_bytes(content.encode() if isinstance(
                content, str) else content)
        load_data(str(folder / name), classes)
    return call


def zipped(**members):
    """Bytes of a .zip with these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name, content in members.items():
            archive.writestr(f'{name}.npy', content)
    return stream.getvalue()


def tensors(**changes):
    """The core's own: a problem, two points and their labels."""
    rows = torch.as_tensor(X)
    given = {'x_tr': rows, 'y_tr': torch.as_tensor(2. * Y - 1), 'lmbda': 0.,
             'x_p': rows[:2], 'y_p': torch.ones(2).double(), **changes}
    problem = Problem(given['x_tr'], given['y_tr'], rows,
                      torch.as_tensor(2. * Y - 1))
    return problem, given['x_p'], given['y_p'], given['lmbda']


def solved(**changes):
    options = {name: changes.pop(name) for name in list(changes)
               if name not in ('x_tr', 'y_tr', 'x_p', 'y_p', 'lmbda')}
    return lambda folder: solve(*tensors(**changes), **options)


def trained(x=X, y=Y, **kwargs):
    """The classifier of ours, by mini-batches."""
    return lambda folder: CClassifierLogisticTorch(
        **{'solver': 'sgd', **kwargs}).fit(x, y)


def asked(method, *args):
    """A method of that classifier, trained."""
    return lambda folder: getattr(
        CClassifierLogisticTorch().fit(X, Y), method)(*args)


def compared(**kwargs):
    """`check_gradient`, at a point set by hand."""
    def call(folder):
        attack = make(DATA)
        attack.xc, attack.yc = CArray([[.5, .5]]), CArray([0])
        attack.check_gradient(**kwargs)
    return call


def plotted(method, d=2, **kwargs):
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


def drawn(name='fig2', **kwargs):
    """A figure of the paper, which has begun nothing when it is refused."""
    def call(folder):
        (folder / 'file').touch()
        try:
            run_figure(name, **{'out': folder / 'new', 'quick': True,
                                **kwargs})
        finally:
            assert os.listdir(folder) == ['file']
    return call


CONSTRUCTOR = {
    'text as bounds': (built(lb=CArray(['a', 'b'])), TypeError,
                       '`lb` must be numbers, got <U1.'),
    'complex bound': (built(ub=1 + 0j), TypeError, '`ub` must be a number'),
    'bounds of a matrix': (built(ub=CArray([[1, 1], [1, 1]])), ValueError,
                           '`ub` must be one bound, or one for each of 2'),
    'no bounds': (built(ub=CArray([])), ValueError, 'features, got 0.'),
    'True as a bound': (built(lb=True), TypeError, 'got bool'),
    'bound past training': (built(lb=1e31, ub=1e32), ValueError,
                            '`lb` must be free of NaN and below 1e+30'),
    'upper bound past it': (built(lb=None, ub=-1e31), ValueError,
                            '`ub` must be free of NaN and above -1e+30'),
    'features past training': (built_on(X * 1e31, Y), ValueError,
                               '`training_data.X` must be between -1e+30'),
    'their advice': (built_on(X * 1e200, Y), ValueError, 'Rescale'),
    'no features': (built_on(X[:, :0], Y), ValueError,
                    '`training_data` must have at least one feature'),
    'complex features': (built_on(X + 1j, Y), TypeError,
                         '`training_data.X` must be numbers, got complex128'),
    'text as features': (built_on(X.astype(str), Y), TypeError,
                         '`training_data.X` must be numbers, got <U'),
    'labels in between': (built_on(X, Y + .5), ValueError, 'labels that are '
                          'whole numbers, got [0.5, 1.5]. Renumber them.'),
    'labels past counting': (built_on(X, Y * 1e300), ValueError,
                             'whole numbers, got [0.0, 1e+300]'),
    'labels that round to one': (built_on(X, 1 + Y * 1e-17), ValueError,
                                 'exactly two classes, got [1.0]'),
    'one row': (built_on(X[:1], Y[:1]), ValueError, 'two classes, got [0]'),
    'unknown argument': (built(n_iter=3), TypeError, "'n_iter'"),
    'key that is no name': (built(solver_params={1: 2}), ValueError,
                            '`solver_params` must be a dict with keys among'),
    'None as tol': (built(solver_params={'tol': None}), TypeError,
                    '`tol` must be an int or a float, got NoneType.'),
    'True as n_outer': (built(solver_params={'n_outer': True}), TypeError,
                        '`n_outer` must be an int or a float, got bool.'),
    'fraction as eta': (built(solver_params={'eta': Fraction(1, 10)}),
                        TypeError, '`eta` must be an int or a float, got Fr'),
    'fraction as step': (built(solver_params={'step': Fraction(1, 10)}),
                         TypeError, '`step` must be an int or a float'),
    'array of modes': (built(poison_mode=np.array(['append', 'append'])),
                       ValueError, "`poison_mode` must be 'append' or 'repl"),
    'array of starts': (built(init_type=np.array(['random', 'random'])),
                        ValueError, "`init_type` must be 'random', got arr"),
    'infinite inner_tol': (built(solver_params={'inner_tol': INF}),
                           ValueError, '`inner_tol` must be None or positive'),
    'list of solvers': (built(solver_type=['rmd', 'fmd']), ValueError,
                        "`solver_type` must be 'fmd' or 'implicit'"),
    'set of bounds': (built(lmbda_bounds={1, 2}), TypeError, 'got set'),
    'flags as bounds': (built(lmbda_bounds=(False, True)), TypeError,
                        '`lmbda_bounds` must be two numbers in order'),
    'matrix of bounds': (built(lmbda_bounds=np.array([[1, 2]])), ValueError,
                         '`lmbda_bounds` must be two numbers'),
    'complex dmax': (built(dmax=1j), TypeError, 'got complex'),
    'list as y_target': (built(y_target=[0]), ValueError, 'got [0]'),
    'NaN as y_target': (built(y_target=NAN), ValueError, 'got nan'),
    'number as device': (built(device=5), ValueError, '`device` must be'),
    'array as device': (built(device=np.array(['cpu', 'cpu'])), ValueError,
                        '`device` must be'),
    'array as form': (built(solver_params={'form': np.array(['gram'] * 2)}),
                      ValueError, "`form` must be 'auto', 'primal' or 'gram'"),
    'empty device': (built(device=''), ValueError, "got ''"),
    'array as a flag': (built(learn_lmbda=CArray([True])), ValueError,
                        '`learn_lmbda` must be True or False, got CArray'),
    'infinite restarts': (built(n_restarts=INF), ValueError, 'got inf'),
    'other target': (built(clf=CClassifierLogisticTorch), TypeError,
                     '`classifier` must be a secml classifier, got '),
}

SWEEPS = {
    'points by name': (swept('n_points', 'many'), TypeError,
                       '`n_points` must be a whole number, got str.'),
    'points, yes': (swept('n_points', True), TypeError, 'got bool'),
    'NaN points': (swept('n_points', NAN), ValueError, 'got nan'),
    'box that closes': (swept('ub', 1., -1.), ValueError,
                        '`lb` must be at most `ub` (-1 at feature 0)'),
    'box that opens wrong': (swept('lb', 0., NAN), ValueError, 'got nan'),
    'dmax into NaN': (swept('dmax', .1, NAN), ValueError,
                      '`dmax` must be None (unbounded) or a number'),
    'norms': (swept('distance', 'l2', 'l3'), ValueError,
              "`distance` must be 'l1' or 'l2', got 'l3'."),
    'solvers': (swept('solver_type', 'rmd', 'newton'), ValueError,
                "got 'newton'"),
    'modes': (swept('poison_mode', 'append', 'drop'), ValueError,
              "'append' or 'replace', got 'drop'"),
    'half a batch': (swept('batch_size', 1., .5), ValueError,
                     '`batch_size` must be a whole number'),
    'fewer than no restarts': (swept('n_restarts', -1), ValueError,
                               '`n_restarts` must be'),
    'seeds': (swept('random_seed', .5), ValueError,
              '`random_seed` must be a whole number of at least 0, got 0.5'),
    'learned or 2': (swept('learn_lmbda', 2), ValueError,
                     '`learn_lmbda` must be True or False, got 2'),
    'one bound of two': (swept('lmbda_bounds', 1., 2.), TypeError,
                         '`lmbda_bounds` must be two numbers in order'),
    'params': (swept('solver_params', 1), TypeError,
               '`solver_params` must be a dict or None, got int'),
    'starts': (swept('init_type', 'loss'), ValueError,
               "`init_type` must be 'random', got 'loss'."),
    'devices': (swept('device', 'cpu', 'tpu'), ValueError, "got 'tpu'"),
    'C': (swept('classifier.C', 1., NAN), ValueError,
          '`classifier.C` must be a number between 1e-20 and 1e20, got nan.'),
    'halves of a class': (swept('y_target', 0., .5), ValueError, 'got 0.5'),
    'no such parameter': (swept('n_inner', 3), ValueError,
                          'param_name (n_inner) should be a parameter'),
    'result as a parameter': (swept('lmbda', 1.), ValueError, '(lmbda)'),
}

RUN = {
    'labels of another data set': (
        ran(y=CArray([7] * 60)), ValueError,
        '`y` must be labels among the classes [0, 1], got [7]'),
    'labels by name': (ran(y=CArray(['ham'] * 60)), TypeError,
                       '`y` must be numbers'),
    'x as a list': (ran(x=[[.1, .2]]), TypeError,
                    '`x` must be a CArray, got list.'),
    'x by name': (ran(x=CArray([['a', 'b']] * 60)), TypeError,
                  '`x` must be numbers, got <U1'),
    'one row too wide': (ran(x=CArray([.1, .2, .3]), y=CArray([0])),
                         ValueError, '`x` must have 2 features'),
    'more epochs': (ran(max_iter='2'), ValueError, "must be 1, got '2'"),
    'array of epochs': (ran(max_iter=np.array([1, 1])), ValueError,
                        '`max_iter` must be 1, got array([1, 1])'),
    'a path': (ran(ds_init='poison.gz'), TypeError,
               '`ds_init` must be a CDataset, got str.'),
    'starts that are one': (continued(starts=5), TypeError,
                            '`ds_init.header.starts` must be a tuple'),
    'no starts': (continued(starts=None), TypeError, 'got NoneType'),
    'starts twice': (continued(starts=(3, 3)), ValueError,
                     'must be different validation rows, whole numbers below '
                     '24, got (3, 3)'),
    'starts elsewhere': (continued(starts=(0, 24)), ValueError, '(0, 24)'),
    'starts by name': (continued(starts=('a', 'b')), ValueError, "('a', 'b'"),
    'lambda, missing': (continued(lmbda=None), TypeError,
                        '`ds_init.header.lmbda` must be a finite number'),
    'lambdas': (continued(lmbda=CArray([1, 2])), TypeError, 'got CArray'),
    'poison past the box': (
        ran(ds_init=clouds(4, 1, spread=0).append(CDataset(
            CArray([[.5, 1 + 1e-6]]), CArray([0])))), ValueError,
        '`ds_init.X` must be inside the box, got a value 1e-06 beyond `ub`'),
}

CORE = {
    'points of other width': (solved(x_p=torch.zeros(2, 3).double()),
                              ValueError, '`x_p` must have 2 columns'),
    'points in float32': (solved(x_p=torch.zeros(2, 2)), ValueError,
                          '`x_p` must have the dtype and device of `x_tr`'),
    'labels 0 and 1': (solved(y_p=torch.zeros(2).double()), ValueError,
                       '`y_p` must hold labels -1 and +1'),
    'no training rows': (solved(x_tr=torch.zeros(0, 2).double(),
                                y_tr=torch.zeros(0).double()), ValueError,
                         '`x_tr` must have at least one row'),
    'infinite lambda': (solved(lmbda=INF), ValueError, '`lmbda` must be fin'),
    'box upside down': (solved(lb=1., ub=0.), ValueError, '`lb` must be at'),
    'bounds of no shape': (solved(lb=torch.zeros(3).double()), ValueError,
                           '`lb` must be a number, one a feature'),
    'unknown setting': (solved(n_steps=3), TypeError, "'n_steps'"),
    'half a step': (lambda folder: hypergradient(*tensors(), n_inner=.5),
                    ValueError, '`n_inner` must be an integer'),
}

NONE = np.zeros((0, 2))
CLASSIFIER = {
    'list as dtype': (trained(dtype=['float64']), ValueError,
                      "`dtype` must be 'float64' or 'float32', got ['float"),
    'array as solver': (trained(solver=np.array(['sgd', 'sgd'])), ValueError,
                        "`solver` must be 'newton' or 'sgd', got array("),
    'seed past 64 bits': (trained(random_state=2 ** 70), ValueError,
                          '`random_state` must be at least 0 and below 2**63'),
    'batch past 64 bits': (trained(batch_size=10 ** 20), ValueError,
                           '`batch_size` must be at least 1 and below 2**63'),
    'no data': (trained(None, None), ValueError,
                '`x` must be at least one row and one feature, got (1, 0)'),
    'no labels': (trained(y=None), ValueError,
                  "one label for each of 60 rows of `x`, got '0 labels'"),
    'fewer labels': (asked('objective', X, Y[:3]), ValueError,
                     "one label for each of 60 rows of `x`, got '3 labels'"),
    'other features': (asked('objective', X[:, :1], Y), ValueError,
                       "`x` must be rows of 2 features, got (60, 1)"),
    'nothing': (asked('hessian_tr_params', None, None), ValueError,
                '`x` must be at least one row and one feature, got (1, 0)'),
    'no rows': (asked('grad_tr_params', NONE, []), ValueError,
                '`x` must be at least one row and one feature, got (0, 2)'),
    'text as features': (asked('objective', X.astype(str), Y), TypeError,
                         '`x` must be numbers, got <U'),
    'lambda past float32': (trained(dtype='float32', lmbda=100), ValueError,
                            '`lmbda` must be at most 80 in float32'),
    'past float32': (trained(X * 1e25, dtype='float32'), FloatingPointError,
                     'e+24, squared, overflow in float32:'
                     ' rescale the features.'),
    'past float64': (trained(X * 1e160, solver='newton'), FloatingPointError,
                     'numbers as large as 9.9'),
    'past float32, attacked': (
        lambda folder: run(make(FAR, 2, ub=1e25, clf=CClassifierLogisticTorch(
            dtype='float32')), FAR), FloatingPointError,
        'squared, overflow in float32: rescale the features.'),
}

IMAGES, MAP = 'plot_poisoning_images', 'plot_poisoning_map'
RESULT = {
    'no directions': (compared(n_directions=0), ValueError,
                      '`n_directions` must be at least 1 and below'),
    'fewer than none': (compared(n_directions=-1), ValueError, 'got -1'),
    'half a direction': (compared(n_directions=1.5), TypeError,
                         '`n_directions` must be a whole number, got float'),
    'no step': (compared(step=0), ValueError,
                '`step` must be positive and finite, got 0'),
    'seed by name': (compared(random_seed='a'), TypeError,
                     '`random_seed` must be a whole number, got str'),
    'side for two': (plotted(IMAGES, 4, shape=4), ValueError,
                     '`shape` must be height and width, whole numbers with a '
                     'product of 4 features, got 4'),
    'sides by name': (plotted(IMAGES, 4, shape='ab'), ValueError, "got 'ab'"),
    'inside out': (plotted(IMAGES, 4, shape=(-2, -2)), ValueError,
                   'got (-2, -2)'),
    'broken sides': (plotted(IMAGES, 4, shape=(2., 2.)), ValueError,
                     'got (2.0, 2.0)'),
    'end by name': (plotted(MAP, vmin='a'), TypeError,
                    '`vmin` must be None or a finite number, got str'),
    'other end, NaN': (plotted(MAP, vmax=NAN), ValueError,
                       '`vmax` must be None or a finite number, got nan'),
}

FIGURE = {
    'no such figure': (drawn('fig9'), ValueError,
                       '`name` must be one of fig1, '),
    'list of figures': (drawn(['fig1']), ValueError, "got ['fig1']"),
    'other option': (drawn(bogus=1), TypeError,
                     '`bogus` must be left out with fig2, got 1'),
    'option of another': (drawn('fig1', solver='rmd'), TypeError,
                          "`solver` must be left out with fig1, got 'rmd'"),
    'other solver': (drawn(solver='sgd'), ValueError,
                     "`solver` must be rmd or implicit, got 'sgd'"),
    'number as a folder': (drawn(out=3), TypeError,
                           '`out` must be the path of a folder, got int'),
    'no folder': (drawn(out=''), ValueError,
                  "`out` must be the path of a folder, got ''"),
    'file as a folder': (drawn(out='file'), ValueError, "got 'file'"),
    'no jobs': (drawn(jobs=0), ValueError,
                '`jobs` must be an integer other than 0'),
    'jobs by name': (drawn(jobs='2'), TypeError,
                     '`jobs` must be an integer, got str'),
    'quick by name': (drawn(quick='no'), TypeError,
                      '`quick` must be True or False, got str'),
    'resume, 1': (drawn(resume=1), TypeError,
                  '`resume` must be True or False, got int'),
}

COMMANDS = {
    'one strength': (typed('sec-eval', '--points', '3'), Refused,
                     '--points: must name two strengths or more, as in 0,3'),
    'two signs': (typed('sec-eval', '--points', '0,++3'), Refused,
                  "must be an integer, at least 0, got '++3'"),
    'strengths beyond': (typed('sec-eval', '--points', f'0,{9 ** 40}'),
                         Refused, '`points` must be at most 50'),
    'superscript': (typed('sec-eval', '--repetitions', '²'), Refused,
                    "at least 1, got '²'"),
    'policy left out': (typed('sec-eval', '--policies', '--points'), Refused,
                        "got '--points'"),
    'infinite lambda': (typed('sec-eval', '--policies', 'inf'), Refused,
                        "got 'inf'"),
    'one training row': (typed('sec-eval', '--train', '1'), Refused,
                         "--train: must be an integer, at least 2, got '1'"),
    'rows for no fold': (
        typed('sec-eval', '--train', '8', '--val', '9', '--points', '0,1'),
        Refused, 'at least 5 rows for the 5 folds of clean-cv, got 4'),
    'class twice': (typed('sec-eval', '--classes', '0', '0.0'), Refused,
                    '`classes` must be two of the labels of digits'),
    'class NaN': (typed('sec-eval', '--classes', 'nan', '0'), Refused,
                  'got nan, 0'),
    'no folder': (typed('sec-eval', '--out', ''), Refused, "''"),
    'no data': (typed('sec-eval', '--data', ''), Refused, "got ''"),
    'null byte': (typed('sec-eval', '--data', 'a\0.csv'), Refused, 'null'),
    'long folder': (typed('sec-eval', '--out', 300 * 'x'), Refused, 'xxx'),
    'no figure': (typed('paper'), Refused, 'required: FIGURE'),
    'unknown figure': (typed('paper', 'fig9'), Refused, "choice: 'fig9'"),
    'solver of no figure': (typed('paper', 'fig2', '--solver', 'fmd'),
                            Refused, "invalid choice: 'fmd'"),
    'option of the other': (typed('paper', 'fig1', '--seed', '3'), Refused,
                            'unrecognized arguments: --seed 3'),
}

FILES = {
    'past training': (read('a.csv', '1e200,1,0\n2,3,1\n'), ValueError,
                      'finite numbers, got 1e+200 in row 1, column 1 of the '
                      'features (none may be beyond 1e+30)'),
    'past float64': (read('a.csv', '1,1e400,0\n2,3,1\n'), ValueError,
                     'got inf in row 1, column 2'),
    'cut header': (read('a.npz', zipped(X=b'hello', y=b'')), ValueError,
                   "`X` of"),
    'cut header, words': (
        read('a.npz', zipped(X=b'hello', y=b'')), ValueError,
        "must be an array that numpy.savez wrote, got b'hello'"),
    'empty file': (read('a.npz', b''), ValueError, 'numpy.savez wrote'),
    'pickles': (read('a.npz', {'X': np.array([[1, None]]), 'y': Y[:1]}),
                ValueError, 'Object arrays cannot be loaded when allow_pickl'),
    'complex features': (read('a.npz', {'X': X * 1j, 'y': Y}), ValueError,
                         '`X` of'),
    'complex labels': (read('a.npz', {'X': X, 'y': Y * 1j}), ValueError,
                       'must be numbers or text, got complex128'),
    'dates as labels': (
        read('a.npz', {'X': X, 'y': Y.astype('M8[s]')}), ValueError,
        'must be numbers or text, got datetime64[s]'),
    'no columns': (read('a.npz', {'X': X[:, :0], 'y': Y}), ValueError,
                   'at least one row and one feature, got 60 rows of 0'),
    'no rows': (read('a.npz', {'X': X[:0], 'y': Y[:0]}), ValueError,
                'one feature, got 0 rows of 2 features'),
    'quote not closed': (read('a.csv', '"1,2,0\n3,4,1\n'), ValueError,
                         'must have rows of one length'),
    'mark of the byte order': (read('a.csv', '\ufeff'), ValueError,
                               'must have rows of one length'),
    'three labels, one NaN': (
        read('a.csv', '1,2,a\n3,4,b\n5,6,nan\n'), ValueError,
        'must hold two classes, got 3: a, b, nan'),
    'two names of a number': (
        read('a.npz', {'X': X[:2], 'y': np.array(['1', '1.0'])}), ValueError,
        'must hold labels that differ as numbers, got 1, 1.0'),
    'two numbers of a float': (
        read('a.npz', {'X': X[:2], 'y': 2 ** 63 + np.arange(
            2, dtype=np.uint64)}), ValueError,
        'got 9223372036854775808, 9223372036854775809'),
    'one class, by two names': (
        read('a.csv', '1,2,1\n3,4,1.0\n5,6,a\n', ('1', 'b')), ValueError,
        'must hold labels that differ as numbers, got 1, 1.0'),
    'folder': (lambda folder: load_data(str(_folder(folder / 'a.csv'))),
               IsADirectoryError, 'a.csv'),
}


def _folder(path):
    path.mkdir()
    return path


GROUPS = {'constructor': CONSTRUCTOR, 'sweep': SWEEPS, 'run': RUN,
          'core': CORE, 'classifier': CLASSIFIER, 'result': RESULT,
          'figure': FIGURE, 'command': COMMANDS, 'file': FILES}
TABLE = {f'{group}: {name}': row for group, rows in GROUPS.items()
         for name, row in rows.items()}


@pytest.mark.parametrize('call, error, words', TABLE.values(),
                         ids=TABLE.keys())
def test_bad_call(call, error, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with raises(error, words):
        call(*(tmp_path, capsys)[:call.__code__.co_argcount])


def test_the_table_is_long_enough():
    assert len(TABLE) >= 60
    assert all(len(rows) >= 9 for rows in GROUPS.values())
