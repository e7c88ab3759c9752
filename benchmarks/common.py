"""What the benchmarks share: one thread, data, timing, results."""
import csv
import operator
import os
import statistics
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch

from secml_regpoison.core import Problem

# The data come by secml, which is imported where they are loaded: on a machine
# with a GPU the core, NumPy, SciPy and torch are enough.
RESULTS = Path(__file__).parent / 'results'

# The problem that claims are made on.
N_TRAIN, N_VAL, N_POINTS, N_INNER, ETA, LMBDA = 512, 171, 17, 150, .02, 0.
N_RUNS, N_SLOW_RUNS, N_WARM_UP = 15, 9, 2
# Hypergradients in a row, of each side of a pair, see `in_a_row`.
N_CALLS = 10

COMPARE = {'>=': operator.ge, '<=': operator.le, '<': operator.lt}


@dataclass(frozen=True)
class Claim:
    """One measured figure: a line of a script's CSV and of the table.

    value, low, high : median, least and greatest over the runs. target :
    such as '>= 5', or empty for a figure that is only reported. ours, other :
    median seconds of the two sides of a ratio, nan for other figures.
    """

    what: str
    case: str
    value: float
    low: float
    high: float
    unit: str
    target: str = ''
    ours: float = float('nan')
    other: float = float('nan')

    @property
    def verdict(self):
        """'met', 'missed', or '' without a target."""
        if not self.target:
            return ''
        sign, bound = self.target.split()
        return 'met' if COMPARE[sign](self.value, float(bound)) else 'missed'


@contextmanager
def one_thread():
    """torch and BLAS on one thread, and the process on one core: JAX has
    threads of its own, which no setting keeps from taking a second one."""
    from threadpoolctl import threadpool_limits
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


def write_csv(name, rows):
    """Write dictionaries to ``results/<name>.csv``."""
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / f'{name}.csv', 'w', newline='') as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def report(name, claims):
    """Print claims and write them to ``results/<name>.csv``."""
    for claim in claims:
        print(describe(claim))
    if claims:
        write_csv(name, [asdict(claim) | {'verdict': claim.verdict}
                         for claim in claims])


def describe(claim):
    """A claim on one line."""
    text = (f'{claim.what}; {claim.case}: {figure(claim)} '
            f'(min {claim.low:.3g}, max {claim.high:.3g})')
    if claim.ours == claim.ours:
        text += (f'; ours {1e3 * claim.ours:.4g} ms, other '
                 f'{1e3 * claim.other:.4g} ms')
    return text + (f'; target {claim.target}: {claim.verdict}'
                   if claim.target else '')


def figure(claim):
    """Value and unit of a claim."""
    return f'{claim.value:.3g}{claim.unit}'


def read_claims(name):
    """Claims that `report` wrote, [] if it wrote none."""
    path = RESULTS / f'{name}.csv'
    if not path.exists():
        return []
    with open(path, newline='') as stream:
        return [Claim(**{field.name: field.type(row[field.name])
                         for field in fields(Claim)})
                for row in csv.DictReader(stream)]


def seconds(work):
    """Processor seconds of one call, all threads together.

    On one thread that is the time on the wall, less what other jobs on the
    machine took; a side that cheated with a second thread would pay for it.
    """
    start = time.process_time()
    work()
    return time.process_time() - start


def in_a_row(work, n_calls=N_CALLS):
    """`n_calls` calls, as an attack makes them. Of a single one, between those
    of another program, a sixth is the time to fill the caches again."""
    def run():
        for _ in range(n_calls):
            work()
    return run


def compare(what, case, ours, other, unit, target='', n_runs=N_RUNS,
            other_parts=1, calls=1, clock=seconds):
    """Time two callables in turns; a `Claim` about their ratio.

    The ratio is that of each pair of neighbouring runs, other / ours for
    'x as fast' and ours / other for 'x', so that a machine that slows down
    slows both. Which side goes first alternates. `other` may do one of
    `other_parts` equal parts of its work a call, and both may do theirs
    `calls` times. `clock` takes the time of a call.
    """
    for work in (ours, other) * N_WARM_UP:
        work()
    pairs = []
    for i in range(n_runs):
        first, second = (ours, other) if i % 2 else (other, ours)
        times = {first: clock(first), second: clock(second)}
        pairs.append((times[ours] / calls,
                      other_parts * times[other] / calls))
    ratios = [b / a if unit == 'x as fast' else a / b for a, b in pairs]
    return Claim(what, case, statistics.median(ratios), min(ratios),
                 max(ratios), unit, target,
                 *(statistics.median(side) for side in zip(*pairs)))


def mnist_split(seed=0):
    """512 and 171 rows of MNIST, 0 v 8, pixels in [0, 1]."""
    from secml_regpoison.data import load_data, split_data
    return split_data(load_data('mnist'), N_TRAIN, N_VAL, seed)


def splits():
    """The two cases: (name, d, split).

    The second is a stand-in for the paper's dog-v-fish features: ImageNet
    photos of another breed and fish through another network. The rows, in
    class blocks on disk, are shuffled by the split; the features are
    standardised by the training rows here, for the core, and nothing else is
    scaled: 1/L is then about 0.02, so that ``eta = 0.02`` contracts.
    """
    from secml_regpoison.data import load_data, split_data

    from secml.settings import SECML_DS_DIR
    split = mnist_split()
    yield 'MNIST 0 v 8, d = 784', 784, split
    stand_in = Path(SECML_DS_DIR) / 'dogfish-standin' / 'dogfish_standin.npz'
    if not stand_in.exists():
        print(f'skipped: d = 2048, for lack of {stand_in.name} in the dataset '
              'folder')
        return
    split = split_data(load_data(str(stand_in)), N_TRAIN, N_VAL, seed=0)
    yield 'dog-fish stand-in, d = 2048', 2048, standardised(split)


def standardised(split):
    """The split in units of the deviations of its training rows."""
    from secml.data import CDataset
    from secml.ml.features import CNormalizerMeanStd
    scaler = CNormalizerMeanStd().fit(split.train.X)

    def scaled(dataset):
        return CDataset(scaler.transform(dataset.X), dataset.Y)
    return replace(
        split, train=scaled(split.train), val=scaled(split.val),
        test=scaled(split.test), lb=scaler.transform(split.lb).ravel(),
        ub=scaler.transform(split.ub).ravel())


def tensors(dataset, dtype=torch.float32):
    """Rows and labels in {-1, 1} of a CDataset."""
    return (torch.as_tensor(dataset.X.tondarray(), dtype=dtype),
            torch.as_tensor(2. * dataset.Y.tondarray() - 1, dtype=dtype))


def poisoned(split, dtype=torch.float32, n_points=N_POINTS):
    """`Problem`, points and their labels: the first training rows are
    replaced by validation points with the label flipped."""
    x, y = (rows[n_points:].contiguous()
            for rows in tensors(split.train, dtype))
    x_val, y_val = tensors(split.val, dtype)
    return (Problem(x, y, x_val, y_val), x_val[:n_points].clone(),
            -y_val[:n_points])


def check_agreement(ours, other, rtol=1e-4):
    """Raise unless two hypergradients agree, relative to the largest entry.

    The tolerance is that of float32 sums over 150 steps in another order.
    """
    for name, a, b in zip(('value', 'grad_x_p', 'grad_lmbda'), ours, other):
        a, b = (torch.as_tensor(side, dtype=torch.float64) for side in (a, b))
        error = float((a - b).abs().max() / b.abs().max())
        if not error <= rtol:
            raise AssertionError(f'{name} differs by {error:.1e} relative.')


def machine():
    """Processor, cores and versions, in words."""
    import platform
    from importlib.metadata import PackageNotFoundError, version
    cpu = platform.processor() or platform.machine()
    if os.path.exists('/proc/cpuinfo'):
        with open('/proc/cpuinfo') as stream:
            cpu = next((line.split(':')[1].strip() for line in stream
                        if line.startswith('model name')), cpu)
    parts = [f'Python {platform.python_version()}']
    for name in ('torch', 'numpy', 'scikit-learn', 'secml', 'jax'):
        try:
            parts.append(f'{name} {version(name)}')
        except PackageNotFoundError:
            parts.append(f'no {name}')
    return f'{cpu}, {os.cpu_count()} cores; {", ".join(parts)}'
