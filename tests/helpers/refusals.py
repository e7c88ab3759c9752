"""Errors as the tests of bad input want them."""
import contextlib

import pytest

from attack_problems import small

DATA = small()


@contextlib.contextmanager
def raises(error, *words):
    """The error itself, not one derived from it, with all the words."""
    with pytest.raises(error) as found:
        yield
    assert type(found.value) is error
    for word in words:
        assert word in str(found.value)


def assert_refused(attack, error, *words, **kwargs):
    """`run` raises, and did no training."""
    call = {'x': DATA[2].X, 'y': DATA[2].Y, **kwargs}
    with raises(error, *words):
        attack.run(call.pop('x'), call.pop('y'), **call)
    assert attack.f_eval == 0 and attack.xc is None
