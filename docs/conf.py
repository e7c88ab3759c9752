"""Settings of Sphinx; `make docs`."""
import re
import shutil
import urllib.request
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

import secml_regpoison

HERE = Path(__file__).parent

project = 'secml_regpoison'
author = 'the secml_regpoison authors'
release = version = secml_regpoison.__version__
extensions = ['sphinx.ext.autodoc', 'sphinx.ext.intersphinx',
              'sphinx.ext.viewcode', 'numpydoc', 'myst_nb']
exclude_patterns = ['_build']

highlight_language = 'none'
html_theme = 'pydata_sphinx_theme'
html_title = f'secml_regpoison {version}'
html_show_sourcelink = False
toc_object_entries_show_parents = 'hide'
html_theme_options = {
    'navbar_end': ['theme-switcher'], 'header_links_before_dropdown': 5,
    'show_toc_level': 2, 'footer_start': ['copyright'], 'footer_end': [],
    'secondary_sidebar_items': ['page-toc'], 'navigation_with_keys': False}
# pages without pages below them have no list of these
html_sidebars = {name: [] for name in (
    'index', 'install', 'quickstart', 'paper', 'numerics', 'design',
    'changelog', 'contributing')}
html_static_path = ['_static']
html_css_files = ['wide.css']

# Notebooks are not run: they keep their outputs, which the tests compare.
nb_execution_mode = 'off'
myst_enable_extensions = ['amsmath', 'dollarmath']
myst_heading_anchors = 3

default_role = 'py:obj'  # `.name`: whatever ends so
autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'inherited-members': True}
numpydoc_show_class_members = False  # autodoc lists them
# Links to other projects, if their pages can be reached now.
INVENTORIES = {
    'python': 'https://docs.python.org/3/',
    'numpy': 'https://numpy.org/doc/stable/',
    'sklearn': 'https://scikit-learn.org/stable/',
    'torch': 'https://docs.pytorch.org/docs/stable/'}
intersphinx_timeout = 5


def is_reached(url):
    """Whether a page can be fetched."""
    try:
        with urllib.request.urlopen(f'{url}objects.inv', timeout=5):
            return True
    except OSError:
        return False


intersphinx_mapping = {name: (url, None) for name, url in INVENTORIES.items()
                       if is_reached(url)}
# numpydoc links types to terms of these two
numpydoc_xref_param_type = {'python', 'numpy'} <= set(intersphinx_mapping)
numpydoc_xref_ignore = 'all'
numpydoc_xref_aliases = {
    'Tensor': 'torch.Tensor',
    'LogisticRegression': 'sklearn.linear_model.LogisticRegression',
    'Pipeline': 'sklearn.pipeline.Pipeline',
    'Bunch': 'sklearn.utils.Bunch',
    'Problem': 'secml_regpoison.core.Problem',
    'Solution': 'secml_regpoison.core.Solution',
    'Hypergradient': 'secml_regpoison.core.Hypergradient',
    'Source': 'secml_regpoison.data.Source',
    'Split': 'secml_regpoison.data.Split'}

# Sphinx reads no page outside its folder.
(HERE / 'tutorials').mkdir(exist_ok=True)
for notebook in (HERE.parent / 'tutorials').glob('*.ipynb'):
    shutil.copy(notebook, HERE / 'tutorials')


def skip_what_the_host_documents(app, what, name, thing, skip, options):
    """Leave out members of other packages; None: Sphinx decides."""
    if what != 'class':
        return None
    for of_property in ('fget', 'func'):
        thing = getattr(thing, of_property, None) or thing
    module = getattr(thing, '__module__', None) or ''
    return None if module.startswith('secml_regpoison') else True


# brackets of a formula grow by themselves
SIZES = re.compile(r'\\[bB]igg?[lr]?(?![a-z])')


def write_mathml(page, node):
    """A formula in the browser's own language: no script, no network."""
    try:
        page.body.append(str(tex2mathml(
            SIZES.sub('', node.astext()),
            as_block=isinstance(node, nodes.math_block))))
    except MathError as error:
        logging.getLogger(__name__).warning('%s', error, location=node)
    raise nodes.SkipNode


html_math_renderer = 'mathml'


def setup(app):
    app.connect('autodoc-skip-member', skip_what_the_host_documents)
    app.add_html_math_renderer(
        'mathml', (write_mathml, None), (write_mathml, None))
