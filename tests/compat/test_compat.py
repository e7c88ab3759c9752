"""Unmodified secml 0.15.6 on this stack, patched by the package `compat`."""
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import textwrap
import warnings
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model

import compat_probes
import processes
from secml_regpoison import compat
from secml_regpoison.compat import (
    imports, normalizer_patches, patches, shims)
from secml.adv.attacks.poisoning import (
    CAttackPoisoningLogisticRegression, CAttackPoisoningRidge,
    CAttackPoisoningSVM)
from secml.adv.seceval import CSecEval, CSecEvalData
from secml.array import CArray
from secml.data.loader import CDLRandomBlobs
from secml.data.splitter import CTrainTestSplit
from secml.figure import CFigure
from secml.ml.classifiers import (
    CClassifierLogistic, CClassifierRidge, CClassifierSVM)
from secml.ml.features import CNormalizerUnitNorm

ROOT = Path(__file__).parents[2]
NAMES = [patch.__name__ for patch in patches.PATCHES]

WITHOUT_SECML = "sys.modules['secml'] = None\n"


def python(code, *path, options=()):
    """Run `code` in a fresh interpreter with `path` first on its path."""
    code = textwrap.dedent(code)
    path = [str(p) for p in (*path, ROOT, ROOT / 'tests' / 'helpers')]
    return subprocess.run(
        [sys.executable, *options, '-c', f'import sys\n'
         f'sys.path[:0] = {path!r}\n{code}'],
        capture_output=True, text=True, stdin=subprocess.DEVNULL)


def outcome(code, *path):
    """What `code` assigns to `out`, which has to be JSON."""
    done = python(code + '\nimport json\nprint("\\n" + json.dumps(out))',
                  *path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def lines_of_error(code, *path, options=()):
    done = python(code, *path, options=options)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip().splitlines()


# The package's own import would apply the patches: a stand-in with its path
# takes its place, so that each patch's probe can be tried before and after.
ONE_BY_ONE = '''
import importlib.util, types
from pathlib import Path
package = types.ModuleType('secml_regpoison')
root, = [p for p in sys.path if (Path(p) / 'secml_regpoison').is_dir()][:1]
package.__path__ = [str(Path(root) / 'secml_regpoison')]
sys.modules['secml_regpoison'] = package
from secml_regpoison.compat import shims
sys.meta_path.insert(0, shims.ShimFinder)
import secml.adv.attacks, secml.figure
sys.meta_path.remove(shims.ShimFinder)
from secml_regpoison.compat import normalizer_patches, patches, patching
import compat_probes

touched = [patches.c_dense, patches.type_utils, patches.c_classifier_logistic,
           patches.c_classifier_sgd, patches.c_classifier_svm,
           patches.CSparse, patches.CPlot, patches.CClassifierLogistic,
           patches.CAttackPoisoning, patches.CDatasetHeader,
           normalizer_patches.CNormalizerMeanStd,
           normalizer_patches.CNormalizerMinMax,
           normalizer_patches.CNormalizerUnitNorm]


def names():
    whole = {}
    for owner in touched:
        for name, value in vars(owner).items():
            whole[owner.__name__, name] = value
            if isinstance(value, patching._Overlay):
                for inner, what in vars(value).items():
                    whole[owner.__name__, name, inner] = what
    return whole


def changed(before):
    return [key for key, value in names().items()
            if before.get(key) is not value]


out = {}
for patch in patches.PATCHES:
    before, name = names(), patch.__name__
    steps = [compat_probes.passes(name)]
    patch()
    steps += [bool(changed(before)), compat_probes.passes(name)]
    before = names()
    patch()
    out[name] = steps + [bool(changed(before))]
'''


@pytest.fixture(scope='module')
def one_by_one():
    return outcome(ONE_BY_ONE)


@pytest.mark.parametrize('name', NAMES)
def test_a_patch_changes_something_only_where_its_probe_fails(
        one_by_one, name):
    passes_before, changed, passes_after, changed_again = one_by_one[name]
    assert passes_after
    assert changed is not passes_before
    assert not changed_again


def test_every_patch_has_a_probe_and_all_pass_together():
    for name in NAMES:
        getattr(compat_probes, name)()


# Import-time patches


# What the import changes in other libraries and in the import system.
FRESH_IMPORT = '''
import importlib.util, types
import numpy, numpy.random, scipy.linalg, scipy.sparse.linalg, torch
import sklearn.linear_model, sklearn.svm, matplotlib.axes, matplotlib.scale
from sklearn.linear_model import LogisticRegression, SGDClassifier
if importlib.util.find_spec('torchvision'):
    import torchvision  # whose import has torch rebind a name of its own

owners = [numpy, scipy.linalg, scipy.sparse, scipy.sparse.linalg, torch,
          scipy.sparse.csr_matrix, sklearn.linear_model, LogisticRegression,
          SGDClassifier, matplotlib.axes.Axes, matplotlib.scale.LogScale]
before = [dict(vars(owner)) for owner in owners]
finders, hooks = list(sys.meta_path), list(sys.path_hooks)
import builtins
plain_import = builtins.__import__
loaded = dict(sys.modules)
import secml_regpoison

changes = []
for owner, was in zip(owners, before):
    for name, value in vars(owner).items():
        # Submodules appear on their package as they are imported.
        if was.get(name) is not value \\
                and not isinstance(value, types.ModuleType):
            changes.append([owner.__name__, name])
if [sys.meta_path, sys.path_hooks] != [finders, hooks]:
    changes.append('import system')
if builtins.__import__ is not plain_import:
    changes.append('__import__')
changes += [name for name, module in loaded.items()
            if sys.modules.get(name) is not module]
changes += [name for name in ('pkg_resources', 'torchvision', 'foolbox')
            if not hasattr(sys.modules.get(name, sys), '__spec__')]
changes += [name for name, module in sys.modules.items()
            if module is None and name not in loaded]
import secml, secml.ml.classifiers, secml.data.loader
out = dict(
    changes=changes, version=secml.__version__,
    torch_classifier=hasattr(secml.ml.classifiers, 'CClassifierPyTorch'),
    same_torch=sys.modules['torch'] is torch,
    pkg_resources='pkg_resources' in sys.modules,
    torchvision='torchvision' in sys.modules)
'''


@pytest.fixture(scope='module')
def fresh_import():
    return outcome(FRESH_IMPORT)


@pytest.mark.slow
def test_other_libraries_and_the_import_system_are_left_alone(fresh_import):
    assert fresh_import['changes'] == []


@pytest.mark.slow
@pytest.mark.skipif(find_spec('pkg_resources') is not None,
                    reason='pkg_resources is installed')
def test_secml_imports_without_pkg_resources(fresh_import):
    assert 'pkg_resources' in python('import secml').stderr
    assert fresh_import['version'] == '0.15.6'
    assert not fresh_import['pkg_resources']


STAND_INS = '\n'.join((
    'import types', 'from unittest.mock import MagicMock',
    "sys.modules['pkg_resources'] = types.ModuleType('pkg_resources')",
    "sys.modules['torchvision'] = MagicMock()\n"))
BLOCKED = '''
class Blocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in BLOCKED:
            raise ImportError('blocked')
sys.meta_path.insert(0, Blocked)
'''


@pytest.mark.parametrize('before', [
    STAND_INS, "BLOCKED = 'pkg_resources', 'torchvision'" + BLOCKED],
    ids=['stand-ins', 'blocked'])
def test_secml_imports_beside_remedies_of_the_users_own(before):
    """Modules without a spec, as people make them for secml on this stack."""
    assert outcome(f'''{before}
given = dict(sys.modules)
import secml_regpoison, secml
out = [secml.__version__,
       [name for name in given if sys.modules.get(name) is not given[name]]]
''') == ['0.15.6', []]


@pytest.mark.parametrize('version, dev', [
    ('0.15.6', None), ('0.15.6+abc123', None), ('0.16.dev1+abc', '.dev1')])
def test_stand_in_for_parse_version_is_what_secml_reads(version, dev):
    parsed = shims._parse_version(version)
    assert parsed._version.dev == dev
    assert parsed.public == version.partition('+')[0]


@pytest.mark.slow
@pytest.mark.skipif(find_spec('torchvision') is not None,
                    reason='torchvision is installed')
def test_without_torchvision_secml_has_no_torch_classifier(fresh_import):
    assert not fresh_import['torch_classifier']
    assert not fresh_import['torchvision']
    assert fresh_import['same_torch']


@pytest.mark.skipif(find_spec('torchvision') is not None,
                    reason='torchvision is installed')
def test_the_missing_torch_classifier_is_explained_when_it_is_imported():
    from secml.ml import classifiers
    with pytest.raises(ImportError, match='CClassifierPyTorch needs '
                       r"torchvision, .*'secml_regpoison\[pytorch\]'$"):
        from secml.ml.classifiers import CClassifierPyTorch  # noqa: F401
    with pytest.raises(AttributeError, match='needs torchvision'):
        classifiers.CClassifierPyTorch
    # names are missing as ever
    for name in ('CClassifierPyTorch', 'CClassifierJAX'):
        assert not hasattr(classifiers, name)
    with pytest.raises(ImportError, match='cannot import name'):
        from secml.ml.classifiers import CClassifierJAX  # noqa: F401


CHOSEN = '''
import matplotlib
chosen = dict.__getitem__(matplotlib.rcParams, 'backend')
import secml_regpoison
assert dict.__getitem__(matplotlib.rcParams, 'backend') {} chosen
from secml.figure import CFigure
fig = CFigure()
fig.sp.plot([1, 2])
fig.savefig({!r})
print(matplotlib.get_backend())
'''


@pytest.mark.parametrize('chosen, comparison, backend', [
    (None, 'is', 'agg'), ('svg', '==', 'svg'), ('TkAgg', '!=', 'agg')])
def test_the_backend_of_matplotlib_is_the_users(
        tmp_path, chosen, comparison, backend):
    """Not one that needs a display, where there is none."""
    picture = tmp_path / 'picture.png'
    done = processes.python(
        CHOSEN.format(comparison, str(picture)),
        env={'DISPLAY': None, 'WAYLAND_DISPLAY': None, 'MPLBACKEND': chosen,
             'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1].lower() == backend
    assert picture.read_bytes()[:4] == b'\x89PNG'


LOGGED = '''
import logging, sys, warnings
import secml_regpoison
assert not logging.root.handlers and logging.root.propagate
from secml.array import CArray
from secml.ml.classifiers import CClassifierLogistic
clf = CClassifierLogistic()
assert clf.verbose == 0
clf.logger.set_level('INFO')
clf.logger.info('fitted')
logging.basicConfig(format='MINE %(message)s', stream=sys.stdout,
                    level=logging.INFO)
logging.info('hello')
clf.logger.debug('no line')
clf.logger.info('again')
assert CClassifierLogistic().verbose == 0
warnings.warn('a warning')
'''


def test_logging_and_warnings_are_the_users():
    done = processes.python(LOGGED, env={'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert [line.rpartition(' - ')[2] for line in done.stdout.splitlines()
            ] == ['fitted', 'MINE hello', 'again']
    assert re.search(r'<string>:\d+: UserWarning: a warning', done.stderr)


FILTERED = """
import warnings
import secml_regpoison
for category, text in (
        (DeprecationWarning,
         'tostring() is deprecated. Use tobytes() instead.'),
        (FutureWarning, 'Passing (type, 1) is mine'),
        (UserWarning, 'CUDA initialization is mine')):
    warnings.warn(text, category)
"""


def test_no_filter_of_secml_hides_a_warning_of_the_users():
    done = python(FILTERED, options=('-W', 'default'))
    assert done.returncode == 0, done.stderr
    assert re.findall(r'<string>:\d+: (\w+): (\w+)', done.stderr) == [
        ('DeprecationWarning', 'tostring'), ('FutureWarning', 'Passing'),
        ('UserWarning', 'CUDA')]


def test_no_warning_stops_the_import():
    done = python('import secml_regpoison; from secml.array import CArray; '
                  'print(CArray([1, 2]).repmat(1, 2).tolist())',
                  options=('-W', 'error'))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split('\n')[-2] == '[[1, 2, 1, 2]]'


LAMBDA = '''
class Lambda:
    def __init__(self, function):
        self.function = function

    def __call__(self, image):
        return self.function(image)
'''
TORCH_CLASSIFIER = '''
import torch
import secml_regpoison
from secml.array import CArray
from secml.ml.classifiers import CClassifierPyTorch
net = torch.nn.Sequential(torch.nn.Linear(1, 2))
clf = CClassifierPyTorch(
    net, torch.nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), 1.),
    epochs=50, input_shape=(1,), random_state=0)
x, y = CArray([[-1.], [1.]]), CArray([0, 1])
clf.fit(x, y)
out = clf.predict(x).tolist()
'''


@pytest.mark.slow
def test_with_torchvision_secml_keeps_its_torch_classifier(tmp_path):
    if find_spec('torchvision') is None:
        # The part of torchvision that secml imports here.
        for name, text in [('models/resnet', 'class BasicBlock: pass'),
                           ('transforms/transforms', LAMBDA),
                           ('models/__init__', ''),
                           ('transforms/__init__', ''), ('__init__', '')]:
            path = tmp_path / 'torchvision' / f'{name}.py'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    assert outcome(TORCH_CLASSIFIER, tmp_path) == [0, 1]


def test_a_shim_gives_one_module_what_numpy_dropped(
        tmp_path, monkeypatch):
    (tmp_path / 'needs_nan.py').write_text(
        'import math\nfrom numpy import NaN\nassert math.isnan(NaN)\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, 'meta_path', sys.meta_path[:])
    had_nan = hasattr(np, 'NaN')
    if not had_nan:
        with pytest.raises(ImportError, match='NaN'):
            __import__('needs_nan')
    sys.meta_path.insert(0, shims.ShimFinder)
    monkeypatch.setitem(shims.SHIMS, 'needs_nan', shims._shim_nan)
    assert np.isnan(__import__('needs_nan').NaN)
    assert hasattr(np, 'NaN') == had_nan


# As if another process created each folder just after it was found missing.
RACE = '''
import os
home, missing = os.environ['SECML_HOME_DIR'], set()
isdir, makedirs = os.path.isdir, os.makedirs
def created_after_the_check(path):
    found = isdir(path)
    if not found and path.startswith(home) and not path.endswith('.conf'):
        missing.add(path)
        makedirs(path)
    return found
os.path.isdir = created_after_the_check
'''


@pytest.mark.slow
def test_two_first_imports_at_once(tmp_path, monkeypatch):
    for name in ('DS', 'MODELS', 'EXP', 'LOGS', 'PYTORCH'):
        monkeypatch.delenv(f'SECML_{name}_DIR', raising=False)
    monkeypatch.setenv('SECML_HOME_DIR', str(tmp_path))
    monkeypatch.setenv('SECML_PYTORCH_DIR', str(tmp_path / 'pytorch-data'))
    found, folders, is_patched = outcome(f'''
{RACE}
import secml_regpoison
import secml.settings
out = [secml.settings.SECML_DS_DIR, sorted(missing),
       os.makedirs is secml.settings.os.makedirs]
''')
    assert found == str(tmp_path / 'datasets') and found in folders
    assert len(folders) > 2 and not is_patched


@pytest.mark.slow
def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv('SECML_HOME_DIR', str(tmp_path))
    monkeypatch.delenv('SECML_MODELS_DIR', raising=False)
    (tmp_path / 'models').touch()
    error = lines_of_error('import secml_regpoison')[-1]
    assert error.startswith('FileExistsError') and 'models' in error


# What must stay as it was


def test_apply_again_changes_nothing():
    names = {(owner, name): value
             for owner in (
                 patches.c_dense, patches.CSparse, patches.type_utils,
                 patches.CAttackPoisoning, patches.CClassifierLogistic,
                 normalizer_patches.CNormalizerMeanStd,
                 normalizer_patches.CNormalizerMinMax,
                 normalizer_patches.CNormalizerUnitNorm)
             for name, value in vars(owner).items()}
    compat.apply()
    assert all(vars(owner)[name] is value
               for (owner, name), value in names.items())
    for name in NAMES:
        getattr(compat_probes, name)()


# secml missing or too old


def test_missing_secml_is_reported_with_a_remedy(tmp_path):
    # -S: no installed package at all, not even NumPy, but a copy of ours.
    shutil.copytree(Path(compat.__file__).parents[1],
                    tmp_path / 'secml_regpoison')
    error = lines_of_error('import secml_regpoison', tmp_path,
                           options=['-S'])
    assert 'secml is not installed' in error[-2]
    assert error[-1].strip() == (
        f'{sys.executable} -m pip install --no-deps '
        f'--ignore-requires-python secml==0.15.6')


def test_old_secml_is_reported_with_its_version(tmp_path):
    (tmp_path / 'secml').mkdir()
    (tmp_path / 'secml' / '__init__.py').write_text('')
    (tmp_path / 'secml' / 'VERSION').write_text('0.13.post1\n')
    error = lines_of_error('import secml_regpoison', tmp_path)
    assert error[-2].startswith('ImportError: secml_regpoison needs')
    assert 'secml is at 0.13.post1' in error[-2]
    assert 'secml==0.15.6' in error[-1]


@pytest.mark.parametrize('path', ['secml.py', 'secml/__init__.py'])
def test_another_module_of_that_name_is_reported(monkeypatch, tmp_path, path):
    """A script or a folder of the user's, also beside a file VERSION."""
    file = tmp_path / path
    file.parent.mkdir(exist_ok=True)
    file.write_text('')
    (tmp_path / 'VERSION').write_text('0.15.6')
    monkeypatch.setattr(imports, 'find_module', lambda name: (
        spec_from_file_location(name, file)))
    problem = compat.secml_problem()
    assert f"{tmp_path / path.split('/')[0]} first, which is not" in problem
    assert 'Rename it' in problem


@pytest.mark.parametrize('version, good', [
    ('0.15.6', True), ('0.15.10', True), ('0.16', True), ('1.0.1', True),
    ('0.15.5', False), ('0.15', False), ('0.9', False), (None, False)])
def test_which_secml_is_accepted(monkeypatch, version, good):
    monkeypatch.setattr(imports, 'secml_version', lambda: version)
    assert (compat.secml_problem() is None) is good


def test_core_alone_needs_no_threadpoolctl():
    """Nor scikit-learn, which brings it."""
    code = '''
import torch
from secml_regpoison.core import Problem, hypergradient
x, y = torch.eye(6).double(), torch.tensor(3 * [1., -1.]).double()
out = float(hypergradient(Problem(x, y, x, y), x[:2], -y[:2], 0.).value)
'''
    without = "sys.modules['threadpoolctl'] = sys.modules['sklearn'] = None"
    assert outcome(f'{WITHOUT_SECML}{without}{code}') == pytest.approx(
        outcome(code), rel=1e-12)


@pytest.mark.parametrize('without', [
    WITHOUT_SECML, "BLOCKED = ('secml',)" + BLOCKED,
    "import types; sys.modules['secml'] = types.ModuleType('secml')\n"],
    ids=['none', 'blocked', 'stand-in'])
def test_core_alone_imports_without_secml(without):
    assert outcome(without + '''
from secml_regpoison.core import Problem
import secml_regpoison
try:
    from secml_regpoison import CAttackPoisoningMinimaxLR
except ImportError as error:
    out = [Problem.__name__, 'secml==0.15.6' in str(error),
           hasattr(secml_regpoison, '__wrapped__')]
''') == ['Problem', True, False]


def test_tests_of_a_gpu_are_found_without_secml():
    """As `make bench-gpu` finds them."""
    assert outcome(WITHOUT_SECML + f'''
import pytest
out = pytest.main(['-q', '--collect-only', '-m', 'gpu', '-p',
                   'no:cacheprovider', {str(ROOT / 'tests' / 'core')!r}])
''') == 0


@pytest.mark.parametrize('statement', [
    'import secml_regpoison', 'import secml_regpoison.cli',
    'from secml_regpoison import CAttackPoisoningMinimaxLR'])
def test_all_but_core_needs_secml(statement):
    error = lines_of_error(WITHOUT_SECML + statement)
    assert 'secml==0.15.6' in error[-1]


# secml at work


@pytest.fixture(scope='module')
def data():
    dataset = CDLRandomBlobs(n_samples=60, n_features=2, random_state=0,
                             centers=[[-.5, -.5], [.5, .5]],
                             cluster_std=0.3).load()
    return CTrainTestSplit(train_size=40, test_size=20,
                           random_state=0).split(dataset)


def test_logistic_is_scikit_learns_and_quiet(data):
    tr, ts = data
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        clf = CClassifierLogistic(C=0.5).fit(tr.X, tr.Y)
        y_pred = clf.predict(ts.X)
    oracle = sklearn.linear_model.LogisticRegression(
        C=0.5, solver='liblinear').fit(tr.X.tondarray(), tr.Y.tondarray())
    np.testing.assert_array_equal(clf.w.tondarray(), oracle.coef_.ravel())
    assert clf.b == oracle.intercept_[0]
    assert np.all(y_pred.tondarray() == oracle.predict(ts.X.tondarray()))


@pytest.mark.parametrize('clf', [
    CClassifierLogistic(preprocess='min-max'), CClassifierRidge(),
    CClassifierSVM(kernel='rbf', preprocess='mean-std')],
    ids=lambda clf: clf.class_type)
@pytest.mark.parametrize('sparse', [False, True])
def test_fitted_classifiers_pickle_copy_and_differentiate(data, clf, sparse):
    tr, ts = data
    if sparse:
        tr, ts = tr.tosparse(), ts.tosparse()
    clf = clf.deepcopy().fit(tr.X, tr.Y)
    expected = clf.predict(ts.X).tolist()
    assert np.mean(np.equal(expected, ts.Y.tolist())) > 0.9
    pickled = pickle.dumps(clf)
    # Readable where this package is not installed.
    assert b'secml_regpoison' not in pickled
    assert pickle.loads(pickled).predict(ts.X).tolist() == expected
    assert clf.deepcopy().predict(ts.X).tolist() == expected

    x, step = ts.X[0, :].todense(), CArray([1e-6, 0])
    score = [clf.decision_function(x + s * step, y=1).item() for s in (-1, 1)]
    np.testing.assert_allclose(
        clf.grad_f_x(ts.X[0, :], y=1).todense().ravel()[0].item(),
        (score[1] - score[0]) / 2e-6, rtol=1e-5)


def test_gradient_through_the_unit_norm_of_a_sparse_row():
    row = CArray([[3., 0., 4.]])
    dense = CNormalizerUnitNorm().fit(row).gradient(row)
    sparse = CNormalizerUnitNorm().fit(row).gradient(row.tosparse())
    np.testing.assert_allclose(sparse.todense().tondarray(),
                               dense.tondarray())


@pytest.mark.parametrize('attack_class, clf', [
    (CAttackPoisoningSVM, CClassifierSVM(kernel='linear')),
    (CAttackPoisoningLogisticRegression, CClassifierLogistic()),
    (CAttackPoisoningRidge, CClassifierRidge())],
    ids=lambda value: getattr(value, 'class_type', ''))
def test_stock_poisoning_attack_in_a_security_evaluation(
        data, attack_class, clf, tmp_path):
    tr, ts = data
    attack = attack_class(
        clf.deepcopy().fit(tr.X, tr.Y), training_data=tr, val=ts, lb=-1, ub=1,
        solver_type='pgd', solver_params={'eta': 0.2, 'max_iter': 20,
                                          'eps': 1e-4},
        init_type='random', random_seed=0)
    evaluation = CSecEval(attack, 'n_points', CArray([0, 10]),
                          save_adv_ds=True)
    evaluation.run_sec_eval(ts)
    found = evaluation.sec_eval_data
    assert found.adv_ds[1].num_samples == 10
    assert found.fobj[1] > 0

    found.save(str(tmp_path / 'data'))
    loaded = CSecEvalData.load(str(tmp_path / 'data.gz'))
    assert [y.tolist() for y in loaded.Y_pred] == [
        y.tolist() for y in found.Y_pred]

    figure = CFigure()
    figure.sp.plot_sec_eval(found, metric='test-error')
    figure.savefig(str(tmp_path / 'sec_eval.png'))
    figure.close()
    assert (tmp_path / 'sec_eval.png').stat().st_size > 1000


def test_decision_regions_are_drawn(data, tmp_path):
    tr, _ = data
    figure = CFigure()
    figure.sp.plot_ds(tr)
    figure.sp.plot_decision_regions(
        CClassifierLogistic().fit(tr.X, tr.Y), n_grid_points=10)
    figure.savefig(str(tmp_path / 'regions.png'))
    figure.close()
    assert (tmp_path / 'regions.png').stat().st_size > 1000


def test_environment_of_the_tests_is_a_real_one():
    assert 'secml' not in os.environ.get('PYTHONPATH', '')
    assert 'site-packages' in sys.modules['secml'].__file__
