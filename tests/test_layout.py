"""Imports point down only: application -> c_* -> convert -> core."""
import ast
import sys
from pathlib import Path

import pytest

import secml_regpoison

PACKAGE = Path(secml_regpoison.__file__).parent

# What is named nowhere here is a c_* file or a part of one.
CORE, CONVERT, HOST, APPLICATION = range(4)
LAYERS = {
    'core': CORE, 'convert': CONVERT,
    **dict.fromkeys(['cli', 'arguments', 'data_files', 'datasets',
                     'experiment', 'paper', 'policies', 'progress', 'report',
                     'splits', 'workers'], APPLICATION)}
APART = {'compat', 'mends'}  # they mend secml, and know nothing else of ours
NEVER_IN_CORE = {'logging', 'random'}


def module_name(path):
    """Dotted name below the package: core/minimax.py is 'core.minimax'."""
    return '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)


def layer(name):
    return LAYERS.get(name.split('.')[0], HOST)


def imported(source, name):
    """Dotted names that the module `name` imports, ours made absolute."""
    package = ['secml_regpoison', *name.split('.')[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) + 1 - node.level] \
                if node.level else []
            base = '.'.join(base + ([node.module] if node.module else []))
            ours = base.startswith('secml_regpoison')
            yield from (f'{base}.{alias.name}' if ours else base
                        for alias in node.names)


def faults(source, name):
    """The imports of `source` that its place in the package forbids."""
    found = []
    for target in imported(source, name):
        top, _, inside = target.partition('.')
        if top == 'secml_regpoison':
            head = inside.split('.')[0]
            if not inside or head.startswith('__'):
                wrong = layer(name) < APPLICATION
            elif name in APART or head in APART:
                wrong = not {name, head} <= APART
            else:
                wrong = layer(inside) > layer(name)
        else:
            wrong = layer(name) == CORE and (
                top != 'torch' and top not in sys.stdlib_module_names
                or top in NEVER_IN_CORE)
        if wrong:
            found.append(target)
    return found


FILES = sorted(path for path in PACKAGE.rglob('*.py')
               if path != PACKAGE / '__init__.py')


@pytest.mark.parametrize('path', FILES, ids=module_name)
def test_imports_point_down(path):
    assert faults(path.read_text(encoding='utf-8'), module_name(path)) == []


@pytest.mark.parametrize('name, source, forbidden', [
    ('core.minimax', 'import torch, math\nfrom .logistic import loss', False),
    ('core.__init__', 'from .minimax import solve', False),
    ('core.minimax', 'import numpy as np', True),
    ('core.minimax', 'def f():\n    from secml.array import CArray', True),
    ('core.minimax', 'from ..convert import to_tensor', True),
    ('core.minimax', 'import logging', True),
    ('convert', 'from .core import Problem', False),
    ('convert', 'from .c_attack_x import CAttackX', True),
    ('convert', 'from .checks import check', True),
    ('convert', 'from secml_regpoison import c_attack_x', True),
    ('c_attack_x', 'from .convert import to_tensor', False),
    ('c_attack_x', 'from . import experiment', True),
    ('c_attack_x', 'import secml_regpoison.cli', True),
    ('c_attack_x', 'from secml_regpoison import __version__', True),
    ('c_attack_x', 'from .compat import apply', True),
    ('compat', 'from .mends import MENDS', False),
    ('mends', 'from .convert import to_tensor', True),
    ('cli', 'from secml_regpoison import __version__', False),
    ('paper.figure_1', 'from ..experiment import run', False),
])
def test_the_check_itself_sees(name, source, forbidden):
    assert bool(faults(source, name)) is forbidden
