"""Hundreds of attacks in one process leave nothing behind."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WARM_UP, TRACED, ATTACKS = 150, 350, 450


@pytest.mark.slow
def test_hundreds_of_attacks(tmp_path):
    (tmp_path / 'tmp').mkdir()
    process = subprocess.run(
        [sys.executable,
         str(Path(__file__).parents[1] / 'helpers' / 'soak.py'),
         *map(str, (TRACED - 30, WARM_UP, TRACED, ATTACKS))],
        cwd=tmp_path, check=True, capture_output=True, text=True,
        env={**os.environ, 'TMPDIR': str(tmp_path / 'tmp'),
             'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep.join(sys.path)})
    warm, traced, end = map(json.loads, process.stdout.splitlines())
    assert end['rss'] <= 1.02 * warm['rss']  # some 25 kB an attack
    # of what is traced, secml's loggers stay: it makes one for each object,
    # and `logging` keeps it, 0.6 kB an attack. An attack's own data are more
    # than 2 kB; at 5 % of the memory there would be room for 13,000 attacks.
    assert end['traced'] - traced['traced'] < 2000 * (ATTACKS - TRACED)
    assert end['traced'] - traced['traced'] < .05 * warm['rss']
    for what in ('files', 'threads', 'temporary'):
        assert end[what] == warm[what], what
    assert sorted(os.listdir(tmp_path)) == ['tmp']
