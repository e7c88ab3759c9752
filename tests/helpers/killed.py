"""Attacks in processes of their own, which a test can kill.

The processes are forked from one that has imported all, in milliseconds.
"""
import multiprocessing
import os
import signal
import sys
import time

import numpy as np
import pytest
import torch

from attack_problems import clouds, digits, make, run

from secml_regpoison import cli
from secml.ml.classifiers import CClassifierLogistic

CONTEXT = multiprocessing.get_context('forkserver')
CONTEXT.set_forkserver_preload(['killed'])


def start(function, *args):
    """A process of `function`, started."""
    # a daemon: a test that fails does not wait for it
    process = CONTEXT.Process(target=function, args=args, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        # where the server finds this file: up to Python 3.12 it does not
        # take our path, and without a word imports all anew in each process
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    return process


def finish(function, *args):
    """Call `function` in a process and wait for its end; its exit code."""
    process = start(function, *args)
    process.join(60)
    return process.exitcode


def fair(seconds):
    """`seconds`, or more where more processes run than there are cores."""
    return seconds * max(1., os.getloadavg()[0] / os.cpu_count())


def make_attack(**kwargs):
    """An attack of six batches, the first for lambda alone."""
    return make(digits(), 17, batch_size=4, joint=False, n_restarts=1,
                poison_mode='replace', **kwargs)


def attack(checkpoint, result):
    """Attack, and leave all that comes of it in the file `result`."""
    torch.set_num_threads(1)
    attack = make_attack()
    save_result(attack, run(attack, digits(), checkpoint=checkpoint), result)


def save_result(attack, returned, path):
    """What `run` returned and the attack holds, as npz."""
    y_pred, scores, adv_ds, f_opt = returned
    np.savez(path, y_pred=y_pred.tondarray(), scores=scores.tondarray(),
             x=adv_ds.X.tondarray(), y=adv_ds.Y.tondarray(), f_opt=f_opt,
             lmbda=adv_ds.header.lmbda, w_norm=adv_ds.header.w_norm,
             starts=adv_ds.header.starts, at=attack.lmbda,
             counts=[attack.f_eval, attack.grad_eval],
             **{name: getattr(attack, name).tondarray()
                for name in ('f_seq', 'lmbda_seq', 'x_seq', 'x0', 'xc')})


def attack_killed_at(nth, checkpoint, result):
    """Die just before the `nth` new state takes the place of the old one."""
    replace, left = os.replace, [nth]

    def die_or_replace(*args):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*args)

    os.replace = die_or_replace
    attack(checkpoint, result)


def attack_without_end(checkpoint):
    """Attack until killed."""
    endless = make_attack(solver_params={'n_outer': 10 ** 6, 'tol': 0,
                                         'patience': 10 ** 6})
    run(endless, digits(), checkpoint=checkpoint)


def attack_long(checkpoint, result):
    """A long attack on as many features as MNIST; after Ctrl-C, when it came
    and what is left."""
    torch.set_num_threads(1)
    # a test run in the background of a shell ignores it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    data = [clouds(n_rows, seed, d=784)
            for seed, n_rows in enumerate((512, 171, 60))]
    attack = make(data, 51, CClassifierLogistic(C=1000.), learn_lmbda=False,
                  joint=False,
                  solver_params={'n_outer': 10 ** 6, 'tol': 0,
                                 'patience': 10 ** 6})
    try:
        run(attack, data, checkpoint=checkpoint)
    except KeyboardInterrupt as stop:
        np.savez(result, words=str(stop), f_opt=attack.f_opt,
                 n_points=attack.adv_ds.num_samples, x=attack.xc.tondarray())


def command(*argv):
    """The command line; ends with its exit code."""
    sys.exit(cli.main(argv))


def wait_for(condition, process, seconds=60):
    """Until `condition` is true, while `process` is alive."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline and process.is_alive()
        time.sleep(.02)
