"""Fixtures only; what they give stands in utils.py."""
import os

import pytest

pytest.register_assert_rewrite("client", "utils", "scenario", "wire")

# After the rewrite is registered:
from utils import CHATD, Chatd, Pair  # noqa: E402
from wire import Wire  # noqa: E402


def pytest_sessionstart():
    if not os.access(CHATD, os.X_OK):
        pytest.exit(f"there is no {CHATD}: build it, or say with TEST_CHATD where it is", 2)


@pytest.fixture
def start():
    """A function that starts a daemon; all are stopped and judged at the end."""
    started = []

    def start(*settings, **options):
        daemon = Chatd(*settings, **options)
        started.append(daemon)
        return daemon

    yield start
    faults = []
    for daemon in started:
        try:
            daemon.finish()
        except AssertionError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


@pytest.fixture
def chatd(start):
    """A daemon with its defaults, on a port of its own."""
    return start()


@pytest.fixture
def pair(chatd):
    """Two clients of chatd who chat; a test calls pair.chat() when all is done."""
    return Pair(chatd)


@pytest.fixture
def wire(chatd):
    """A function that opens a connection for bytes of one's own."""
    return lambda **options: Wire(chatd.dial(**options))


@pytest.fixture
def raw(wire):
    """One such connection, upgraded, in /room."""
    return wire().upgrade()
