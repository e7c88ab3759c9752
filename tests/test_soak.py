"""A thousand attacks in one process leave nothing behind."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WARM_UP, ATTACKS = 200, 1000


@pytest.mark.slow
def test_a_thousand_attacks(tmp_path):
    (tmp_path / 'tmp').mkdir()
    process = subprocess.run(
        [sys.executable, '-X', 'tracemalloc',
         str(Path(__file__).with_name('soak.py')), str(WARM_UP),
         str(ATTACKS)], cwd=tmp_path, check=True, capture_output=True,
        text=True, env={**os.environ, 'TMPDIR': str(tmp_path / 'tmp'),
                        'OMP_NUM_THREADS': '1',
                        'PYTHONPATH': os.pathsep.join(sys.path)})
    warm, end = map(json.loads, process.stdout.splitlines())
    for what in ('traced', 'rss'):
        assert end[what] <= 1.05 * warm[what], what
    # secml makes a logger for each object, which `logging` keeps: 0.6 kB
    # an attack. Anything more would be ours.
    assert end['traced'] - warm['traced'] < 1200 * (ATTACKS - WARM_UP)
    for what in ('files', 'threads', 'temporary'):
        assert end[what] == warm[what], what
    assert sorted(os.listdir(tmp_path)) == ['tmp']
