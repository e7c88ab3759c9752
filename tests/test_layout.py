"""Imports point down only, by the names of the packages (CONTRIBUTING.md).

The floors, from the ground up. A package imports what is on floors below its
own, and itself; `compat` patches secml and knows nothing else of ours. Only
`registration` applies it.
"""
import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import secml_regpoison

PACKAGE = Path(secml_regpoison.__file__).parent
FLOORS = (
    ('compat', 'core', 'limits', 'npz', 'quiet', 'terminal', 'version'),
    ('folds', 'storage', 'validation'),
    ('convert',),
    ('attack', 'classifier', 'data', 'figure'),
    ('registration',), ('experiment',), ('paper',), ('cli',))
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}
# Inside `core`: the mathematics needs these, the last one where it is, and
# never secml or sklearn.
CORE_NEEDS = {'numpy', 'scipy', 'torch', 'threadpoolctl'}
NEVER_IN_CORE = {'logging', 'random'}


def module_name(path):
    """Dotted name below the package: core/minimax.py is 'core.minimax'."""
    return '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)


def imported(nodes, name, modules=('secml_regpoison',)):
    """Dotted names that the module `name` imports at `nodes`, ours made
    absolute: a name from one of `modules` is a module."""
    package = ['secml_regpoison', *name.split('.')[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) + 1 - node.level] \
                if node.level else []
            base = '.'.join(base + ([node.module] if node.module else []))
            if base in modules:
                yield from (f'{base}.{alias.name}' for alias in node.names)
            else:
                yield base


def faults(source, name):
    """The imports of `source` that its place in the package forbids."""
    here, found = name.split('.')[0], []
    for target in imported(ast.walk(ast.parse(source)), name):
        top, _, inside = target.partition('.')
        if top == 'secml_regpoison':
            there = inside.split('.')[0]
            wrong = there not in FLOOR or (
                here != there and (FLOOR[there] >= FLOOR[here]
                                   or here == 'compat' or there == 'compat'
                                   and here not in ('registration', 'cli')))
        else:
            wrong = here == 'core' and (
                top in NEVER_IN_CORE or top not in CORE_NEEDS
                and top not in sys.stdlib_module_names)
        if wrong:
            found.append(target)
    return found


FILES = sorted(path for path in PACKAGE.rglob('*.py')
               if path != PACKAGE / '__init__.py')


def test_each_package_has_its_floor():
    assert set(FLOOR) == {module_name(path).split('.')[0] for path in FILES}


@pytest.mark.parametrize('path', FILES, ids=module_name)
def test_imports_point_down(path):
    assert faults(path.read_text(encoding='utf-8'), module_name(path)) == []


def test_each_module_can_be_imported_first():
    """No module waits for another that waits for it."""
    packages = {'.'.join(('secml_regpoison', *path.relative_to(
        PACKAGE).parent.parts)) for path in FILES}
    waits_for = {
        f'secml_regpoison.{module_name(path)}': set(imported(ast.parse(
            path.read_text(encoding='utf-8')).body, module_name(path),
            packages)) for path in FILES}
    order = list(TopologicalSorter(waits_for).static_order())
    assert set(waits_for) <= set(order)


@pytest.mark.parametrize('name, source, forbidden', [
    ('core.minimax', 'import torch, math\nfrom .defender import x', False),
    ('core.solvers.rmd', 'from ..problem import Problem', False),
    ('core.minimax', 'import scipy.linalg', False),
    ('core.minimax', 'def f():\n    from secml.array import CArray', True),
    ('core.minimax', 'import sklearn', True),
    ('core.minimax', 'from ..convert import to_tensor', True),
    ('core.minimax', 'import logging', True),
    ('convert', 'from .core import Problem', False),
    ('convert', 'from .attack.batches import x', True),
    ('validation', 'from .convert import x', True),
    ('attack.batches', 'from secml_regpoison.core import solve', False),
    ('attack.batches', 'from secml_regpoison import validation', False),
    ('attack.batches', 'from secml_regpoison.classifier import x', True),
    ('attack.batches', 'from secml_regpoison.experiment import x', True),
    ('attack.batches', 'import secml_regpoison.cli', True),
    ('attack.batches', 'from secml_regpoison import __version__', True),
    ('attack.batches', 'from secml_regpoison.compat import apply', True),
    ('compat.imports', 'from .patches import PATCHES', False),
    ('compat.patches', 'from ..convert import to_tensor', True),
    ('cli.main', 'from secml_regpoison.paper import run_figure', False),
    ('paper.fig1', 'from ..cli.main import main', True),
])
def test_the_check_itself_sees(name, source, forbidden):
    assert bool(faults(source, name)) is forbidden


def too_long(source, most=250, most_of_function=40):
    """What is longer than a module or a function may be; a docstring of a
    function does not count."""
    n_lines = len(source.splitlines())
    found = [f'{n_lines} lines'] * (n_lines > most)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[ast.get_docstring(node) is not None:] or [node]
            n_lines = node.end_lineno - first[0].lineno + 1 \
                + node.body[0].lineno - node.lineno
            if n_lines > most_of_function:
                found.append(f'{node.name}: {n_lines}')
    return found


# Public docstrings are more than half of it.
LONG = 'attack.c_attack_poisoning_minimax'


@pytest.mark.parametrize('path', FILES, ids=module_name)
def test_a_module_and_its_functions_fit_on_a_screen_or_two(path):
    most = 750 if module_name(path) == LONG else 250
    assert too_long(path.read_text(encoding='utf-8'), most) == []


def test_the_check_of_lengths_sees():
    short = 'def f(x,\n      y):\n    """A\n    B"""\n' + '    x += 1\n' * 2
    assert too_long(short, 6, 4) == []
    assert too_long(short, 5, 3) == ['6 lines', 'f: 4']


def test_gpu_tests_need_what_the_makefile_says():
    tests = Path(__file__).parent
    files = [tests / 'helpers' / 'core_problems.py', *(
        path for path in tests.joinpath('core').rglob('test_*.py')
        if '\n@on_gpu' in path.read_text(encoding='utf-8'))]
    found = {target.partition('.')[0] for path in files for target in imported(
        ast.walk(ast.parse(path.read_text(encoding='utf-8'))), 'tests')}
    assert len(files) > 1 and found - sys.stdlib_module_names <= {
        'core_problems', 'numpy', 'pytest', 'scipy', 'secml_regpoison',
        'torch'}


def set_from_outside(source):
    """Private attributes that are assigned of anything but `self`."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Attribute) and node.attr.startswith('_')
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) != 'self']


@pytest.mark.parametrize('path', FILES, ids=module_name)
def test_private_attributes_are_set_in_their_class_alone(path):
    found = set_from_outside(path.read_text(encoding='utf-8'))
    assert not found or module_name(path).startswith('compat'), found
