"""A CUDA device that is pretended, for tests of what a GPU would refuse.

Its tensors say that they are on 'cuda:0' and have their numbers on the CPU.
As on a GPU, an operation on tensors of two devices fails, but for numbers
without a dimension and for indices that are on the CPU, and no NumPy array can
be made of one. What it cannot show: kernels, CUDA graphs, rounding, speed.
"""
from types import SimpleNamespace

import torch
from torch.overrides import TorchFunctionMode

CUDA = torch.device('cuda', 0)
MOVES = 'to', 'cpu', 'cuda', 'type_as'
# operations that may have arguments of two devices
ACROSS = 'copy_', '__getitem__', '__setitem__', 'index_put_'


class Pretended(torch.Tensor):
    """A tensor `on_cpu` that says it is on a GPU."""

    @staticmethod
    def __new__(cls, on_cpu):
        with torch._C.DisableTorchFunction():
            tensor = torch.Tensor._make_subclass(cls, torch.empty(0))
        tensor.__dict__['on_cpu'] = on_cpu
        return tensor

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunction():
            return _call(func, args, dict(kwargs or {}))

    def __deepcopy__(self, memo):
        return Pretended(self.on_cpu.clone())


class PretendedGPU(TorchFunctionMode):
    """Within it "cuda" is a device of torch's functions."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunction():
            return _call(func, args, dict(kwargs or {}))


def pretend(monkeypatch):
    """The context, with what `torch.cuda` says of a device; a graph of it is
    the function itself."""
    for name, value in (
            ('is_available', True), ('is_initialized', True),
            ('device_count', 1), ('current_device', 0), ('synchronize', None),
            ('empty_cache', None), ('memory_reserved', 0),
            ('current_stream', SimpleNamespace(cuda_stream=0))):
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=value: answer)
    monkeypatch.setattr(torch.cuda, 'make_graphed_callables',
                        lambda function, samples: function)
    return PretendedGPU()


def _call(func, args, kwargs):
    """What torch would do, with the devices as they are pretended."""
    name = func.__name__
    tensors = [*_tensors_of((args, kwargs.values()))]
    ours = [x for x in tensors if isinstance(x, Pretended)]
    if name == '__get__' and ours:
        what = func.__self__.__name__
        if what in ('device', 'is_cuda', 'is_cpu'):
            return {'device': CUDA, 'is_cuda': True, 'is_cpu': False}[what]
    if name in MOVES:
        return _moved(name, *args, **kwargs)
    if ours and name in ('numpy', '__array__') and not kwargs.get('force'):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")
    there = bool(ours)
    if name in ACROSS:
        there = isinstance(args[0], Pretended)
        if not there and any(x.dim() or name == '__setitem__'
                             for x in map(_on_cpu, ours)):
            raise RuntimeError(f'{name}: cuda indices or values, cpu tensor')
        if name == '__setitem__' and there and any(
                x.dim() and not isinstance(x, Pretended)
                for x in _tensors_of(args[2:])):
            raise RuntimeError('__setitem__: cpu values, cuda tensor')
    elif there and any(x.dim() and not isinstance(x, Pretended)
                       for x in tensors):
        raise RuntimeError(
            f'{name}: Expected all tensors to be on the same device')
    if kwargs.get('device') is not None:
        there = torch.device(kwargs['device']).type == 'cuda'
        kwargs['device'] = 'cpu'
    found = func(*_on_cpu(args), **_on_cpu(kwargs))
    if ours and name == 'numpy':
        return found.copy()  # of the GPU's memory
    return _wrapped(found, ours) if there else found


def _moved(name, x, *args, **kwargs):
    """`Tensor.to` and its kin."""
    device = {'cpu': 'cpu', 'cuda': 'cuda'}.get(name, kwargs.pop(
        'device', None))
    others = [] if name == 'cuda' else [kwargs.pop('other', None), *args]
    args = []
    for other in others:
        if isinstance(other, torch.Tensor):
            kwargs['dtype'] = _on_cpu(other).dtype
            device = CUDA if isinstance(other, Pretended) else 'cpu'
        elif isinstance(other, (str, torch.device)):
            device = other
        elif other is not None:
            args.append(other)
    is_ours = isinstance(x, Pretended)
    there = is_ours if device is None else torch.device(device).type == 'cuda'
    found = torch.Tensor.to(_on_cpu(x), *args, **kwargs) \
        if args or kwargs else _on_cpu(x)
    if found is _on_cpu(x):
        if there == is_ours:
            return x
        found = found.clone()
    return Pretended(found) if there else found


def _tensors_of(values):
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list, dict, type({}.values()))):
            yield from _tensors_of(
                value.values() if isinstance(value, dict) else value)


def _on_cpu(value):
    """The same with the tensors on the CPU."""
    if isinstance(value, Pretended):
        return value.on_cpu
    if isinstance(value, dict):
        return {key: _on_cpu(part) for key, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(_on_cpu, value))
    return value


def _wrapped(found, given=()):
    """The same on the pretended GPU; one of `given` where it is that."""
    if isinstance(found, (tuple, list)):
        parts = [_wrapped(part, given) for part in found]
        return type(found)(parts)
    if not isinstance(found, torch.Tensor):
        return found
    same = [x for x in given if x.on_cpu is found]
    return same[0] if same else Pretended(found)
