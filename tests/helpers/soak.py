"""Many small attacks in this process; prints what it holds by and by.

Run by test_soak.py. Memory is traced from one of the attacks on: tracing makes
them three times as long.
"""
import gc
import json
import os
import sys
import tempfile
import tracemalloc
import warnings

import psutil

from attack_problems import clouds, make, run

DATA = [clouds(n_rows, seed) for seed, n_rows in enumerate((12, 8, 6))]


def attack(k):
    """A small attack; solvers, modes and lambda take turns with `k`."""
    run(make(DATA, 1 + k % 3, batch_size=1 + k % 2,
             solver_type=('rmd', 'implicit')[k % 2],
             poison_mode=('append', 'replace')[k // 2 % 2],
             learn_lmbda=k % 8 == 0, random_seed=k,
             solver_params={'n_outer': 1, 'n_inner': 5}), DATA)


def held():
    """Bytes, open files, threads and temporary files of this process."""
    gc.collect()
    process = psutil.Process()
    return {'traced': tracemalloc.get_traced_memory()[0],
            'rss': process.memory_info().rss, 'files': process.num_fds(),
            'threads': process.num_threads(),
            'temporary': sorted(os.listdir(tempfile.gettempdir()))}


def main(trace_from, *marks):
    """Attack, and print what is held after so many attacks as `marks`."""
    warnings.simplefilter('ignore')  # of training that stops early
    for k in range(marks[-1]):
        if k == trace_from:
            tracemalloc.start()
        attack(k)
        if k + 1 in marks:
            print(json.dumps(held()), flush=True)


if __name__ == '__main__':
    main(*map(int, sys.argv[1:]))
