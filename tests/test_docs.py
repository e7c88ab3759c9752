"""Public names are documented: numpydoc's rules, and some more."""
import ast
import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import secml_regpoison
from secml_regpoison.experiment.report import csv_columns
from secml_regpoison.paper import FIGURES, run_figure

validate = pytest.importorskip(
    'numpydoc.validate', reason='needs numpydoc').validate

ROOT = Path(__file__).parents[1]
PACKAGE = Path(secml_regpoison.__file__).parent
PACKAGES = 'secml_regpoison', 'secml_regpoison.core'

# Codes of numpydoc's checks: sections known and in order, a summary of one
# line with a period, all parameters documented by their names, with type and
# description, and the returned value documented.
CODES = {'GL06', 'GL07', 'GL08', 'SS01', 'SS03', 'SS04', 'SS06', 'PR01',
         'PR02', 'PR03', 'PR04', 'PR07', 'RT01', 'RT04', 'YD01'}
WAIVED_FOR_MORE = {'PR01', 'PR07', 'RT01'}
# Names of functions that raise on wrong arguments.
RAISING = re.compile(r'_?check|_prepare$|_all_points$|_with_point$')
# names, in brackets or in one line, of text or of a notebook's JSON
IMPORTED = re.compile(r'from secml_regpoison[\w.]* import '
                      r'(?:\(([^)]*)\)|([\w, ]+))')
SHAPE = re.compile(r'\bshapes?\b|\([^)]*,[^)]*\)|0-d')
FORMULA = re.compile(r'\.\. math::|``[^`]*[=/][^`]*``|^ {4}.* (=|<-) ', re.M)
# entries of the reference, and what docstrings name of them
ENTRY = re.compile(r'^\.\. auto\w+:: (\S+)(\n   :no-members:)?', re.M)
DOTTED = re.compile(r'(?<!`)`\.*(\.[\w.]+)`')
SEE = re.compile(r'\b[Ss]ee\s+`(\w[\w.]*)`')
SOURCE = re.compile(r'arXiv|arxiv\.org|\b(19|20)\d\d\b')
MATHEMATICS = re.compile(
    r'grad|hessian|^objective|^solve$|AttackPoisoning|ClassifierLogistic')

# The last example assumes six tensors.
README_CORE = '''
import torch
x_tr, x_val, x_p = torch.randn(9, 4), torch.randn(8, 4), torch.randn(2, 4)
y_tr, y_val, y_p = (x[:, 0].sign() for x in (x_tr, x_val, x_p))
lmbda = 0.
'''


def owner(cls, name):
    """The class that `cls` has the member `name` from."""
    return next(base for base in cls.__mro__ if name in vars(base))


def is_ours(thing):
    return thing.__module__.startswith('secml_regpoison')


def public():
    """Name, object and class of everything public that is callable."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing):  # __version__ is not
                yield f'{package}.{name}', thing, None
            for member in dir(thing) if inspect.isclass(thing) else ():
                function = function_of(inspect.getattr_static(thing, member))
                if not member.startswith('_') and callable(function) \
                        and is_ours(owner(thing, member)) \
                        and is_ours(function):
                    yield (f'{package}.{name}.{member}',
                           inspect.getattr_static(thing, member), thing)


def function_of(thing):
    """The function that a property, or the creation of a class, calls."""
    if inspect.isclass(thing):
        name = '__post_init__' if is_dataclass(thing) else '__init__'
        return vars(thing).get(name)
    for attribute in ('fget', 'func'):
        thing = getattr(thing, attribute, None) or thing
    return inspect.unwrap(thing)


def text(thing):
    return inspect.getdoc(thing) or ''


PUBLIC = {name: (thing, cls) for name, thing, cls in public()}
EVERYTHING = pytest.mark.parametrize('name', PUBLIC)


def refers_to_another(name):
    """Whether the docstring refers to another one for its parameters."""
    return not documented(name, 'Parameters') and re.search(
        r'\b[Ss]ee `|those of `', text(PUBLIC[name][0]))


def documented(name, section):
    return re.search(rf'^{section}\n-+$', text(PUBLIC[name][0]), re.M)


@EVERYTHING
def test_numpydoc_finds_nothing_missing(name):
    thing, _ = PUBLIC[name]
    waived = WAIVED_FOR_MORE if refers_to_another(name) else set()
    if inspect.isclass(thing) and not function_of(thing):
        waived = {'PR01'}  # created by secml, or a result with Attributes
    assert [(code, what) for code, what in validate(name)['errors']
            if code in CODES - waived] == []


@EVERYTHING
def test_arrays_have_a_shape(name):
    doc = text(PUBLIC[name][0])
    entries = re.split(r'^(?=\S.* : )', doc, flags=re.M)
    assert [entry for entry in entries
            if re.match(r'\S.* : .*\b(Tensor|CArray|ndarray)\b', entry)
            and not SHAPE.search(entry)] == []


@EVERYTHING
def test_what_it_raises_is_documented(name):
    function = function_of(PUBLIC[name][0])
    if function is None:
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raises = any(
        isinstance(node, ast.Raise) or isinstance(node, ast.Call)
        and RAISING.match(ast.unparse(node.func).rpartition('.')[2])
        for node in ast.walk(tree))
    of_class = name.rpartition('.')[0]
    assert not raises or documented(name, 'Raises') \
        or of_class in PUBLIC and documented(of_class, 'Raises')


@EVERYTHING
def test_mathematics_has_a_formula_and_a_source(name):
    thing, cls = PUBLIC[name]
    short = name.rpartition('.')[2]
    if not MATHEMATICS.search(short):
        return
    around = [text(thing), text(cls), text(inspect.getmodule(thing))]
    assert any(FORMULA.search(doc) for doc in around)
    assert any(SOURCE.search(doc) for doc in around)


def entries():
    """Each entry of docs/reference, members included, and its docstring."""
    for path in (ROOT / 'docs' / 'reference').glob('*.rst'):
        for name, is_alone in ENTRY.findall(path.read_text(encoding='utf-8')):
            thing = pkgutil.resolve_name(name)
            yield name, text(thing)
            for member in dir(thing) if inspect.isclass(thing) \
                    and not is_alone else ():
                static = inspect.getattr_static(thing, member)
                if not member.startswith('_') and is_ours(
                        owner(thing, member)) and callable(
                            function_of(static)):
                    yield f'{name}.{member}', text(static)


def test_what_docstrings_name_is_in_the_reference():
    """`.name` is an entry; after "see", `name` is a member or a parameter."""
    found = dict(entries())
    missing = {name for doc in found.values() for name in DOTTED.findall(doc)
               if not any(entry.endswith(name) for entry in found)}
    for name, doc in found.items():
        for see in re.findall(r'[\w.]+', ' '.join(SEE.findall(doc))):
            of = name.rpartition('.')[0]
            around = name, of, of.rpartition('.')[0] if of in found else of
            if not any(f'{within}.{see}' in found for within in around) \
                    and not re.search(rf'^(.*, )?{see}(, .*)? : ', doc, re.M):
                missing.add(f'{name}: {see}')
    assert len(found) > 100 and sorted(missing) == []


def test_the_docstring_of_run_figure_lists_the_figures():
    listed = re.search(r'^name : str\n((?:    .*\n)+)', text(run_figure), re.M)
    assert re.findall(r"'(\w+)'", listed[1]) == list(FIGURES)


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The pages of the documentation, as BeautifulSoup, by their paths."""
    for module in ('myst_nb', 'pydata_sphinx_theme'):
        pytest.importorskip(module, reason='needs the extra docs')
    from bs4 import BeautifulSoup
    folder = tmp_path_factory.mktemp('site')
    # a copy: the build puts the notebooks into the folder
    for name in ('docs', 'tutorials'):
        shutil.copytree(ROOT / name, folder / name,
                        ignore=shutil.ignore_patterns('_build'))
    for name in ('CHANGELOG.md', 'CONTRIBUTING.md'):
        shutil.copy(ROOT / name, folder)
    done = subprocess.run(
        [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q',
         '-b', 'html', folder / 'docs', folder / 'html'],
        capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')
    return {path: BeautifulSoup(path.read_text('utf-8'), 'html.parser')
            for path in (folder / 'html').rglob('*.html')}


def ids(page):
    return {tag['id'] for tag in page.find_all(id=True)}


@pytest.mark.slow
def test_the_reference_has_every_public_name(site):
    documented = set().union(*(
        ids(page) for path, page in site.items()
        if path.parent.name == 'reference'))

    def names(name):
        """The name, and that of the class that it is inherited from."""
        cls, member = PUBLIC[name][1], name.rpartition('.')[2]
        of = owner(cls, member) if cls else None
        return {name} | ({f'{of.__module__}.{of.__name__}.{member}'}
                         if of else set())
    assert [name for name in PUBLIC if not names(name) & documented] == []


@pytest.mark.slow
def test_the_reference_has_what_the_pages_import(site):
    documented = {name.rpartition('.')[2] for path, page in site.items()
                  if path.parent.name == 'reference' for name in ids(page)}
    pages = {path: path.read_text('utf-8').replace('\\n', '\n') for path in (
        ROOT / 'README.md', *(ROOT / 'docs').glob('*.md'),
        *(ROOT / 'tutorials').glob('*.ipynb'))}
    imported = {(path.name, name) for path, words in pages.items()
                for names in IMPORTED.findall(words)
                for name in re.findall(r'\w+', ' '.join(names))}
    assert len(imported) > 20
    assert [found for found in imported if found[1] not in documented] == []


@pytest.mark.slow
def test_no_heading_of_the_site_is_empty(site):
    empty = []
    for path, page in site.items():
        for heading in page.select('article section > :is(h1, h2, h3, h4)'):
            below = heading.parent.get_text().replace(
                heading.get_text(), '', 1).strip()
            if not heading.get_text().strip('# \n') or not (
                    below or heading.parent.find('img')):
                empty.append((path.name, heading.get_text()))
    assert not empty


@pytest.mark.slow
def test_no_link_of_the_site_is_dead(site):
    """Those within it: a page, a file or a place on a page."""
    places, dead = {path: ids(page) for path, page in site.items()}, []
    for path, page in site.items():
        for link in page.select('article a[href]'):
            target, _, place = link['href'].partition('#')
            if '://' in target or target.startswith('mailto:'):
                continue
            of = (path.parent / target).resolve() if target else path
            if not of.exists() or place and of in places \
                    and place not in places[of]:
                dead.append((path.name, link['href']))
    assert not dead


def examples():
    """Each python block of README and quick start, the output block after it
    if any, and its picture."""
    return [found for page in ('README.md', 'docs/quickstart.md')
            for found in re.findall(
                r'^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n\n'
                r'!\[.*?\]\((?:docs/)?(.*?)\))?',
                (ROOT / page).read_text(encoding='utf-8'), re.M | re.S)]


@pytest.mark.slow
@pytest.mark.parametrize('number', range(3))
def test_the_examples_run(number, tmp_path):
    """As they stand: they print what the page says, and draw."""
    code, output, picture = examples()[number]
    assert bool(output) == (number < 2) and len(code.splitlines()) <= 18
    done = subprocess.run(
        [sys.executable, '-c', code if output else README_CORE + code],
        cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, output, '')
    if picture:
        assert (tmp_path / picture).stat().st_size > 10000


def test_commands_are_those_that_the_page_has_installed():
    """README has installed with pip; who ran `make demo` has .venv only."""
    readme, quick = (
        (ROOT / page).read_text(encoding='utf-8')
        for page in ('README.md', 'docs/quickstart.md'))
    commands = r'^[^\s`]*secml-regpoison (?=sec-eval|paper)'
    assert set(re.findall(commands, readme, re.M)) == {'secml-regpoison '}
    assert set(re.findall(commands, quick, re.M)) == {
        '.venv/bin/secml-regpoison '}
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    assert 'VENV ?= .venv\n' in makefile
    assert '$(BIN)/secml-regpoison sec-eval' in makefile
    install = readme.index('## Install')
    assert install < readme.index('secml-regpoison sec-eval')
    assert install < readme.index('```python')


def test_the_columns_of_the_csv_are_explained():
    quick = (ROOT / 'docs/quickstart.md').read_text(encoding='utf-8')
    table = quick[quick.index('| column | |'):].split('\n\n')[0]
    names = [name for line in table.splitlines()
             for name in re.findall(r'`(\w+)`', line.split('|')[1])]
    assert sorted(names) == sorted((*csv_columns(2), 'confusion_A_B'))


def test_there_is_one_version():
    version = secml_regpoison.__version__
    citation = (ROOT / 'CITATION.cff').read_text(encoding='utf-8')
    changes = (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8')
    assert re.findall(r'^version: (.*)$', citation, re.M) == [version]
    assert re.search(r'^## (.*)$', changes, re.M)[1] == version


def test_the_reading_path_of_the_readme_exists():
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    steps = re.findall(r'^\d\. `([\w/]+\.py)`, `(\w+)\(\)`', readme, re.M)
    assert [name for _, name in steps] == ['run', 'solve', 'reverse']
    for path, function in steps:
        source = (PACKAGE / path).read_text(encoding='utf-8')
        assert f'def {function}(' in source
    for link in re.findall(r'\]\((?!http)([^)]+)\)', readme):
        assert (ROOT / link).exists(), link
