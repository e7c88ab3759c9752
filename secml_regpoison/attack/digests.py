"""Digests of arrays, and of all that objects hold."""
import hashlib
import pickle
from types import FunctionType, SimpleNamespace

import numpy as np
import torch


class _ContentPickler(pickle.Pickler):
    """Takes classes and functions by identity: they need no importable name.
    """

    def persistent_id(self, thing):
        return id(thing) if isinstance(thing, (type, FunctionType)) else None


def content_digest(*things):
    """SHA-256 of all that the objects hold, arrays included."""
    digest = hashlib.sha256()
    _ContentPickler(SimpleNamespace(write=digest.update), 5).dump(things)
    return digest.digest()


def array_digest(*arrays):
    """The content of arrays or tensors, as a short string."""
    digest = hashlib.sha256()
    for array in arrays:
        if isinstance(array, torch.Tensor):
            array = array.numpy(force=True)
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
