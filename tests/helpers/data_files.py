"""Files for the tests of the loaders: served over HTTP, or never unpickled."""
import contextlib
import functools
import http.server
import threading


class CreatesFile:
    """Creates the file `path` if it is ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, 'w')


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Keep the test's output clean."""


@contextlib.contextmanager
def served(folder):
    """The address of a server of the files in `folder`."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f'http://127.0.0.1:{server.server_port}/'
        finally:
            server.shutdown()
