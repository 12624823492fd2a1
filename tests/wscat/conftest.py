"""The daemon under test is the integration tests' (utils.py)."""
import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from utils import Chatd  # noqa: E402  (after the path is set)


@pytest.fixture
def chatd():
    daemon = Chatd()
    with contextlib.ExitStack() as stack:
        stack.callback(daemon.finish)
        yield daemon
