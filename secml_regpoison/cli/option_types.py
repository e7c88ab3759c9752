"""Types of the options, for argparse: text to value, or what it must be."""
import argparse

import numpy as np

from secml_regpoison.experiment.policies import POLICIES, policy_name
from secml_regpoison.limits import MAX_LMBDA


def integer(minimum):
    """Make a type for argparse: an integer, at least `minimum`."""
    def parse(text):
        if not text.strip().removeprefix('+').isdecimal() \
                or int(text) < minimum:
            raise argparse.ArgumentTypeError(
                f"must be an integer, at least {minimum}, got {text!r}.")
        return int(text)
    return parse


def points(text):
    """Parse strengths: integers, none negative, in increasing order."""
    found = [integer(0)(part) for part in text.split(',')]
    if len(found) < 2:
        raise argparse.ArgumentTypeError(
            f"must name two strengths or more, as in 0,{found[0] or 10}, got "
            f"{text!r}: a curve is drawn through them.")
    if (np.diff(found) <= 0).any():
        raise argparse.ArgumentTypeError(
            f"must increase from each strength to the next, got {text}.")
    return tuple(found)


def policies(text):
    """Parse policies: names and finite numbers, whose names differ."""
    found = [part if part in POLICIES
             else _lmbda(part, f"of {', '.join(POLICIES)}, or ")
             for part in text.split(',')]
    if len(set(map(policy_name, found))) < len(found):
        raise argparse.ArgumentTypeError(
            f"must name each policy once, got {text}.")
    return found


def _lmbda(text, others=''):
    """Parse a lambda; `others` are the words that may be in its place."""
    try:
        lmbda = float(text)
    except ValueError:
        lmbda = np.nan
    if not abs(lmbda) <= MAX_LMBDA:
        raise argparse.ArgumentTypeError(
            f'must be {others}a lambda between {-MAX_LMBDA:g} and '
            f'{MAX_LMBDA:g}, got {text!r}.')
    return lmbda


def bounds(text):
    """Parse the two ends of an interval of lambda."""
    ends = [_lmbda(part) for part in text.split(',')]
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise argparse.ArgumentTypeError(
            f'must be two lambdas, the lower first, as -8,11.5, got {text}.')
    return tuple(ends)


def share(text):
    """Parse a share of all rows, from 0 up to but not including 1."""
    try:
        found = float(text)
    except ValueError:
        found = np.nan
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(
            f"must be a share, at least 0 and below 1, as 0.05, got {text!r}.")
    return found
