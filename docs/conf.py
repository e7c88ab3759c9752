"""Settings of Sphinx; `make docs`."""
import shutil
from pathlib import Path

import secml_regpoison

HERE = Path(__file__).parent

project = 'secml_regpoison'
author = 'the secml_regpoison authors'
release = version = secml_regpoison.__version__
extensions = ['sphinx.ext.autodoc', 'sphinx.ext.mathjax', 'numpydoc',
              'myst_nb']
exclude_patterns = ['_build']
html_theme_options = {'description': 'Poisoning against a defender that '
                                     're-tunes the regularisation'}

# Notebooks are not run: they keep their outputs, which the tests compare.
nb_execution_mode = 'off'
myst_enable_extensions = ['amsmath', 'dollarmath']

autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'inherited-members': True}
numpydoc_show_class_members = False  # autodoc lists them

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


def setup(app):
    app.connect('autodoc-skip-member', skip_what_the_host_documents)
