"""The client and the handling of processes are the integration tests'."""
import contextlib
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

pytest.register_assert_rewrite("daemon")

from daemon import Daemon  # noqa: E402  (after the above)


@pytest.fixture
def start():
    """A function that starts a daemon, which must end well with the test."""
    with contextlib.ExitStack() as stack:
        def start(*settings, **options):
            daemon = Daemon(*settings, **options)
            stack.callback(daemon.finish)
            return daemon

        yield start


@pytest.fixture
def short_path():
    """A folder with a path short enough for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="chatd-") as path:
        yield pathlib.Path(path)
