"""How a patch is made: a test for its cause, and names that are replaced."""
import inspect
import types
import warnings


class _Overlay(types.ModuleType):
    """A library as one secml module sees it, with a few names replaced."""

    def __init__(self, library):
        super().__init__(library.__name__)
        self._library = library

    def __getattr__(self, name):
        return getattr(self._library, name)


def overlay(module, name, **names):
    """Replace `names` in the library that `module` knows as `name`."""
    if not isinstance(getattr(module, name), _Overlay):
        setattr(module, name, _Overlay(getattr(module, name)))
    vars(getattr(module, name)).update(names)


def dropped_arguments(function, *names):
    """The arguments `names` that `function` dropped or deprecates."""
    known = inspect.signature(function).parameters
    return [name for name in names
            if name not in known or known[name].default == 'deprecated']


def fails_or_warns(function, *args, **kwargs):
    """Whether a call fails, or warns that it will fail in a later version."""
    # not as errors, which other threads would raise too
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        try:
            function(*args, **kwargs)
        except (TypeError, ValueError):
            return True
    return any(issubclass(warning.category, (DeprecationWarning,
                                             FutureWarning))
               for warning in said)
