"""Warnings that are ignored for a while, whatever other threads do."""
import re
import threading
import warnings
from contextlib import contextmanager

_lock = threading.Lock()
# Of each filter: how many blocks need it, and the lists that have it.
_blocks, _lists = {}, {}


@contextmanager
def ignoring(message, category=RuntimeWarning):
    """Ignore warnings whose text begins as the pattern `message` says.

    `warnings.catch_warnings` puts the list of filters back that it found:
    where two threads overlap, a filter may stay for good, or go too soon.
    Here the first of the blocks that overlap adds the filter, and the last
    removes it. In between it holds for all threads: choose it narrowly.
    """
    # `warnings.filterwarnings` ignores the case: no filter of a user's is
    # equal
    item = 'ignore', re.compile(message), category, None, 0
    with _lock:
        _blocks[item] = _blocks.get(item, 0) + 1
        if item not in warnings.filters:
            warnings.filters.insert(0, item)
            _lists.setdefault(item, []).append(warnings.filters)
    try:
        yield
    finally:
        with _lock:
            _blocks[item] -= 1
            if not _blocks[item]:
                _remove(item)


def _remove(item):
    """Remove a filter also from lists that others will put back, and from a
    copy that others made of them."""
    for filters in (*_lists.pop(item, ()), warnings.filters):
        while item in filters:
            filters.remove(item)
