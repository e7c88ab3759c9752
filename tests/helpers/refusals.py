"""Errors as the tests of bad input want them."""
import contextlib

import pytest


@contextlib.contextmanager
def raises(error, *words):
    """The error itself, not one derived from it, with all the words."""
    with pytest.raises(error) as found:
        yield found
    assert type(found.value) is error
    for word in words:
        assert word in str(found.value)
