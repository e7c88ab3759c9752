"""The command on a dask cluster, as the quick start runs it; the paper's
figures: `test_paper`."""
import csv

import joblib
import pytest

from secml_regpoison.cli import main

distributed = pytest.importorskip('distributed',
                                  reason='needs dask and distributed')
# Seconds of the cells, which no two runs share.
TIMES = 'seconds', 'seconds_cpu'
COMMAND = ['sec-eval', '--train', '40', '--val', '10', '--points', '0,2,4',
           '--repetitions', '2', '--attacker', 'defender', '--y-poison',
           'flip']


def rows(folder):
    """Rows of the CSV without the times."""
    with open(folder / 'sec_eval.csv', newline='') as stream:
        return [{name: value for name, value in row.items()
                 if name not in TIMES} for row in csv.DictReader(stream)]


@pytest.mark.slow
def test_two_local_workers_give_the_same_table(tmp_path):
    here, there = tmp_path / 'here', tmp_path / 'there'
    assert not main([*COMMAND, '--jobs', '1', '--out', str(here)])
    with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster, distributed.Client(cluster) as client, \
            joblib.parallel_config('dask'), \
            distributed.get_task_stream(client=client) as stream:
        assert not main([*COMMAND, '--jobs', '2', '--out', str(there)])
    assert len({task['worker'] for task in stream.data}) == 2
    assert rows(there) == rows(here)
