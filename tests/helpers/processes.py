"""Processes of their own, with a time limit, for what may hang or stay."""
import os
import subprocess
import sys

COMMAND = [sys.executable, '-m', 'secml_regpoison.cli']
# an attack of a second or two
QUICK = ['sec-eval', '--train', '40', '--val', '10', '--points', '0,2,4',
         '--repetitions', '1', '--policies=-2,learned', '--attacker',
         'defender', '--y-poison', 'flip']
LIMIT = 100


def python(code, **options):
    """Run Python code; returns the finished process with its output."""
    return finish([sys.executable, '-c', code], **options)


def sec_eval(out, *argv, **options):
    """Run the command as a user does; returns the finished process."""
    return finish([*COMMAND, *QUICK, '--out', str(out), *argv], **options)


def finish(argv, env=(), **options):
    """Run a command with a time limit and changed environment variables;
    those that are None are removed."""
    env = {**os.environ, **dict(env)}
    return subprocess.run(argv, timeout=LIMIT, text=True, env={
        name: value for name, value in env.items() if value is not None},
        **{'capture_output': True, **options})
