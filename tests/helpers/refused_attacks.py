"""Attacks that are refused before any work starts."""
from attack_problems import small
from refusals import raises

DATA = small()


def assert_refused(attack, error, *words, **kwargs):
    """`run` raises, and did no training."""
    call = {'x': DATA[2].X, 'y': DATA[2].Y, **kwargs}
    with raises(error, *words):
        attack.run(call.pop('x'), call.pop('y'), **call)
    assert attack.f_eval == 0 and attack.xc is None
