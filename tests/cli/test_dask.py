"""Both commands on a dask cluster, as the README runs them."""
import csv

import joblib
import pytest

from secml_regpoison.cli import main

distributed = pytest.importorskip('distributed',
                                  reason='needs dask and distributed')
# Seconds of the cells, which no two runs share.
TIMES = 'seconds', 'seconds_cpu'
COMMANDS = {
    'sec_eval.csv': ['sec-eval', '--train', '40', '--val', '10', '--points',
                     '0,2,4', '--repetitions', '2', '--attacker',
                     'defender'],
    'fig2_rmd.csv': ['paper', 'fig2', '--quick']}


def rows(path):
    """Rows of a CSV without the times."""
    with open(path, newline='') as stream:
        return [{name: value for name, value in row.items()
                 if name not in TIMES} for row in csv.DictReader(stream)]


@pytest.mark.slow
@pytest.mark.parametrize('name', COMMANDS)
def test_two_local_workers_give_the_same_table(name, tmp_path):
    here, there = (str(tmp_path / place) for place in ('here', 'there'))
    assert not main([*COMMANDS[name], '--jobs', '1', '--out', here])
    with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster, distributed.Client(cluster) as client, \
            joblib.parallel_config('dask'), \
            distributed.get_task_stream(client=client) as stream:
        assert not main([*COMMANDS[name], '--jobs', '2', '--out', there])
    assert len({task['worker'] for task in stream.data}) == 2
    assert rows(f'{there}/{name}') == rows(f'{here}/{name}')
