"""The T steps of training with momentum, and those of its reverse.

    vel_{t+1} = momentum vel_t - eta (A^T r_t / n + mu (u_w, 0)),
    u_{t+1}   = u_t + vel_{t+1},

with ``r = sigma(A u)`` in training. In reverse u is the adjoint, time runs
backwards and ``r = s * (A u)``, `s` being the `curvature` of each time.

Nearly all the time of this project is spent here, on products so small that
the calls count too: a call of torch costs about a tenth of a product, and a
step in Gram form is four of them. A GPU would wait for calls longer than it
computes: it is given all T steps at once, as a CUDA graph.
"""
import functools
import warnings

import torch


def heavy_ball(form, eta, momentum, first, n_steps, curvature=None):
    """`n_steps` steps in the coordinates of a form.

    Parameters
    ----------
    form : Gram or Primal
        Coordinates and data.
    eta, momentum : float
        Step size and heavy-ball coefficient.
    first : Tensor, shape (2, n_coords)
        Velocity and state that the steps start from.
    n_steps : int
        T.
    curvature : Tensor, shape (T, n), optional
        Given, the steps are those of the reverse pass, from T to 0.

    Returns
    -------
    (states, rows)
        Tensors (T + 1, n_coords) and (T, n), in time's order: ``u_t``, and
        the sigmoids of its scores in training, in reverse its scores.
    """
    strengths = first.new_tensor([momentum, -eta * form.mu, -eta / form.n])
    tensors = (*form.operands, strengths, first)
    if curvature is not None:
        tensors += (curvature,)
    if first.is_cuda:
        graph = _graph(form.steps, n_steps, first.dtype, first.device,
                       *(tensor.shape for tensor in tensors))
        # the next replay writes to the same memory
        return tuple(part.clone() for part in graph(*tensors))
    return form.steps(n_steps, *tensors)


@functools.lru_cache(maxsize=8)
def _graph(steps, n_steps, dtype, device, *shapes):
    """`steps` as a CUDA graph for tensors of these shapes, or, with a
    warning, as it is where none can be captured."""
    loop = functools.partial(steps, n_steps)
    samples = tuple(torch.zeros(shape, dtype=dtype, device=device)
                    for shape in shapes)
    try:
        return torch.cuda.make_graphed_callables(loop, samples)
    except RuntimeError as error:
        warnings.warn(
            f'no CUDA graph of {n_steps:d} steps could be captured, they are '
            f'launched one by one: {error}', RuntimeWarning, stacklevel=5)
        return loop


def _room(n_steps, n_rows, first, order):
    """A path (T + 1, n_rows, n_coords), begun with `first`: at its end where
    `order` is -1."""
    path = first.new_empty(n_steps + 1, n_rows, first.shape[1])
    path[0 if order == 1 else -1, :2] = first
    return path


def gram_steps(n_steps, system, strengths, first, curvature=None):
    """`heavy_ball` in the coordinates of `Gram`, with its `system`.

    Velocity, state and answered outputs of a time are rows of one matrix: the
    next velocity is the strengths ``(momentum, -eta mu, -eta / n)`` times it.
    """
    n, order = len(system) - 2, 1 if curvature is None else -1
    path = _room(n_steps, 3, first, order)
    outputs = path[:-1, 2]
    if curvature is not None:
        outputs = path.new_empty(n_steps, n + 2)
        # what follows the scores is no score: it is taken as it is
        weights = torch.nn.functional.pad(
            curvature, (0, 2), value=1.).unbind()[::order]
    vels, states, answers, times, rows, scores = (
        part.unbind()[::order] for part in (
            *path.unbind(1), path.mT, outputs, outputs[:, :n]))
    for i, row in enumerate(rows):
        torch.mv(system, states[i], out=row)
        if curvature is None:
            scores[i].sigmoid_()
        else:
            torch.mul(row, weights[i], out=answers[i])
        torch.mv(times[i], strengths, out=vels[i + 1])
        torch.add(states[i], vels[i + 1], out=states[i + 1])
    return path[:, 1], outputs[:, :n]


def primal_steps(n_steps, rows, rows_p, strengths, first, curvature=None):
    """`heavy_ball` in the coordinates of `Primal`, with its two blocks.

    Two products with the data a step: the calls count for little.
    """
    n_tr, order = len(rows), 1 if curvature is None else -1
    _, decay, scale = strengths.unbind()
    kept = strengths[:2]
    path = _room(n_steps, 2, first, order)
    outputs = path.new_empty(n_steps, n_tr + len(rows_p))
    answer = torch.empty_like(outputs[0])
    vels, states, pairs, outs = (list(part)[::order] for part in (
        path[:, 0], path[:, 1], path.mT, outputs))
    for i, row in enumerate(outs):
        torch.mv(rows, states[i], out=row[:n_tr])
        torch.mv(rows_p, states[i], out=row[n_tr:])
        if curvature is None:
            torch.mul(row.sigmoid_(), scale, out=answer)
        else:
            torch.mul(row, curvature[-1 - i], out=answer).mul_(scale)
        after = torch.mv(pairs[i], kept, out=vels[i + 1])
        after[-1:].addcmul_(states[i][-1:], decay, value=-1)
        after.addmv_(rows.T, answer[:n_tr])
        after.addmv_(rows_p.T, answer[n_tr:])
        torch.add(states[i], after, out=states[i + 1])
    return path[:, 1], outputs
