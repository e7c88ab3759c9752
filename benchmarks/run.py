"""Run every benchmark, each in a process of its own, then write the table.

``python benchmarks/run.py [NAME ...]`` runs all, or those named. What is
missing from results/ afterwards was skipped, and the script said why. A
target missed is a result; only a script that breaks fails the run.
"""
import subprocess
import sys
from pathlib import Path

from common import RESULTS, figure, machine, read_claims

SCRIPTS = ('rmd_vs_autograd', 'softmax_vs_autograd', 'rmd_vs_jax',
           'rmd_vs_bound', 'implicit_vs_rmd', 'secml_vs_ours', 'worst_case',
           'second_search', 'growth', 'sec_eval_time', 'sec_eval_profile',
           'solver_by_size', 'saddle_mnist', 'defences', 'own_attacker',
           'parallel_jobs', 'float32_vs_float64', 'blas_threads',
           'gpu_vs_cpu')
HEAD = ('Claim', 'Case', 'Measured', 'Least to greatest', 'Ours, other',
        'Target', '')


def cells(claim):
    """A claim as cells of the table."""
    times = '' if claim.ours != claim.ours else (
        f'{1e3 * claim.ours:.4g} ms, {1e3 * claim.other:.4g} ms')
    spread = '' if claim.low == claim.high else (
        f'{claim.low:.3g} to {claim.high:.3g}')
    return (claim.what, claim.case, figure(claim), spread, times,
            claim.target, claim.verdict)


def table(claims):
    """Claims as a table in Markdown, the machine above it."""
    lines = [HEAD, ('---',) * len(HEAD), *map(cells, claims)]
    return '\n'.join([machine(), '', *(
        '| ' + ' | '.join(line) + ' |' for line in lines)]) + '\n'


def main(names):
    broken = []
    for name in names or SCRIPTS:
        print(f'== {name}', flush=True)
        (RESULTS / f'{name}.csv').unlink(missing_ok=True)
        script = Path(__file__).with_name(f'{name}.py')
        if subprocess.run([sys.executable, script]).returncode:
            broken.append(name)
    claims = [claim for name in SCRIPTS for claim in read_claims(name)]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / 'table.md').write_text(table(claims))
    verdicts = [claim.verdict for claim in claims]
    print(f'{verdicts.count("met")} targets met, {verdicts.count("missed")} '
          f'missed. Results: {RESULTS}')
    if broken:
        sys.exit(f'broken: {", ".join(broken)}')


if __name__ == '__main__':
    main(sys.argv[1:])
