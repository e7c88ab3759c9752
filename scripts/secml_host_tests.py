"""Run secml's own unit tests under this package's compat layer.

secml ships no tests: they are in its repository, so this takes a checkout of
it at 0.15.6 and runs the tests beside its code.

    python scripts/secml_host_tests.py ~/secml --save new.json
    python scripts/secml_host_tests.py ~/secml --layer none --save old.json
    python scripts/secml_host_tests.py --compare old.json new.json

The second line is for a stack that secml itself supports (Python 3.10, NumPy
1.26 or older); the third lists what passed there and fails here, and exits
with 1 if there is any. `--layer compat` uses the patches of this package and
nothing else of it, and needs no torch.
"""
import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
import types
import unittest
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

VERSION = '0.15.6'
FOLDERS = ('array', 'data', 'ml', 'optim', 'adv/attacks/poisoning',
           'adv/seceval', 'figure')
# the installed package, or else the one beside this file
sys.path.append(str(Path(__file__).resolve().parents[1]))
OURS = Path(find_spec('secml_regpoison').origin).parent


def main(argv=None):
    args = parse(argv)
    if args.compare:
        old, new = (json.loads(Path(path).read_text('utf-8'))
                    for path in args.compare)
        return compare(old, new)
    source = args.checkout / 'src'
    problem = wrong_checkout(source)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    results = {}
    for path in test_files(source):
        found = run_file(source, path, args.layer, args.timeout)
        results.update(found)
        counts = Counter(result['state'] for result in found.values())
        print(path.relative_to(source), dict(counts), flush=True)
    report(results)
    if args.save:
        args.save.write_text(json.dumps(results, indent=1), 'utf-8')
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkout', type=Path, nargs='?')
    parser.add_argument('--layer', choices=('all', 'compat', 'none'),
                        default='all')
    parser.add_argument('--save', type=Path, metavar='JSON')
    parser.add_argument('--compare', nargs=2, metavar=('OLD', 'NEW'))
    parser.add_argument('--timeout', type=float, default=900,
                        help='seconds for one file (default 900)')
    parser.add_argument('--one', nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one:
        sys.exit(one_module(args.checkout, args.layer, *args.one))
    if not args.checkout and not args.compare:
        parser.error('a checkout, or --compare, is needed')
    return args


def wrong_checkout(source):
    """The problem with the folder, or None."""
    version = source / 'secml' / 'VERSION'
    if not version.exists():
        return f'{source.parent} must be a checkout of secml: no {version}.'
    found = version.read_text('ascii').strip()
    if found != VERSION:
        return (f'{source.parent} must be secml at {VERSION}, got {found}: '
                f'git checkout v{VERSION}')
    if not list(test_files(source)):
        return (f'{source.parent} must hold tests: those of secml are in its '
                'repository, not in its packages.')
    return None


def test_files(source):
    """secml's test files of the parts that this package touches."""
    for folder in FOLDERS:
        yield from sorted((source / 'secml' / folder).rglob('test_*.py'))


def run_file(source, path, layer, timeout):
    """Results of one file, run in a process and an empty folder of its own.

    Returns
    -------
    dict of str to dict
        By test: `state` ('passed', 'failed' or 'skipped') and, of those that
        failed, `error`, its last line, and `where` it was raised.
    """
    module = '.'.join(path.relative_to(source).with_suffix('').parts)
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder, 'found.json')
        env = {**os.environ, 'MPLBACKEND': 'agg',
               'PYTHONPATH': os.pathsep.join([str(source)] + sys.path[1:])}
        env.setdefault('SECML_HOME_DIR', os.path.join(folder, 'home'))
        try:
            process = subprocess.run(
                [sys.executable, str(Path(__file__).resolve()), str(source),
                 '--layer', layer, '--one', module, str(found)],
                cwd=folder, env=env, capture_output=True, text=True,
                timeout=timeout)
        except subprocess.TimeoutExpired:
            return {module: failure(f'took more than {timeout:g} s', path)}
        if not found.exists():
            lines = process.stderr.strip().splitlines() or ['no output']
            return {module: failure(
                f'the process ended with {process.returncode}: {lines[-1]}',
                path)}
        return json.loads(found.read_text('utf-8'))


def failure(error, where):
    return {'state': 'failed', 'error': error, 'where': str(where)}


def one_module(source, layer, module, out):
    """In a process of its own: patch secml, run the tests, write results."""
    sys.path.insert(0, str(source))
    if layer == 'compat':
        package = types.ModuleType(OURS.name)
        package.__path__ = [str(OURS)]
        sys.modules[OURS.name] = package
        importlib.import_module(f'{OURS.name}.compat').apply()
    elif layer == 'all':
        sys.path.insert(1, str(OURS.parent))
        importlib.import_module(OURS.name)
    import secml
    assert Path(secml.__file__).is_relative_to(source), secml.__file__
    result = _Results()
    try:
        unittest.TestLoader().loadTestsFromName(module).run(result)
    except BaseException as error:  # pytest's Skipped is no Exception
        if type(error).__name__ != 'Skipped':
            raise
        result.found[module] = {'state': 'skipped', 'error': str(error)}
    Path(out).write_text(json.dumps(result.found), 'utf-8')
    return 0


class _Results(unittest.TestResult):
    """Keeps the state of each test, and the reason of a failure."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def stopTest(self, test):
        super().stopTest(test)
        self.found.setdefault(test.id(), {'state': 'passed'})

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.found[test.id()] = {'state': 'skipped', 'error': reason}

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._failed(test, err)

    def _failed(self, test, err):
        frames = traceback.extract_tb(err[2])
        # the last of secml's own frames: the test's, or the library's
        own = [frame for frame in frames
               if f'{os.sep}secml{os.sep}' in frame.filename
               and not frame.filename.endswith('c_unittest.py')]
        where = (own or frames)[-1]
        text = ' '.join(str(err[1]).split())[:200]
        self.found[test.id()] = failure(
            f'{err[0].__name__}: {text}', f'{where.filename}:{where.lineno}')


def report(results):
    """Print the failures by cause, and the counts."""
    by_cause = {}
    for test, result in results.items():
        if result['state'] == 'failed':
            by_cause.setdefault(cause(result), []).append((test, result))
    for why, failed in sorted(by_cause.items()):
        print(f'\n{len(failed)} failed: {why}')
        for test, result in failed:
            print(f"  {test}\n      {result['error']}\n"
                  f"      {result['where']}")
    counts = Counter(result['state'] for result in results.values())
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, "
          f"{counts['skipped']} skipped, with Python "
          f"{sys.version.split()[0]}")


def cause(result):
    """The cause of a failure, as far as its traceback tells."""
    error = result['error']
    if error.startswith(('took more than', 'the process ended')):
        return 'the file could not be run to its end'
    if any(word in error for word in (
            'URLError', 'HTTPError', 'ConnectionError', 'urlopen', 'resolve',
            'MaxRetryError', 'ProxyError')):
        return 'no network'
    if error.startswith(('ImportError', 'ModuleNotFoundError')):
        return 'a package is missing'
    if error.startswith('AssertionError'):
        return 'another result'
    if f'{os.sep}tests{os.sep}' in result['where']:
        return 'the test itself calls what is gone'
    return "secml's code"


def compare(old, new):
    """Print tests that passed in `old` and fail or are missing in `new`."""
    lost = [test for test, result in old.items()
            if result['state'] == 'passed'
            and new.get(test, {}).get('state') != 'passed']
    for test in lost:
        result = new.get(test, {'state': 'missing'})
        print(f"{test}: {result['state']} {result.get('error', '')}")
    n_passed = sum(result['state'] == 'passed' for result in old.values())
    print(f'{len(lost)} of {n_passed} tests that passed before now do not')
    return 1 if lost else 0


if __name__ == '__main__':
    sys.exit(main())
