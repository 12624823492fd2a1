"""A log that nobody reads."""
import array
import contextlib
import fcntl
import signal
import termios

import pytest

from client import TIMEOUT
from utils import Pair

PIPE_BYTES = 4096 * 2       # the kernel calls a pipe writable if a page of it is free


@pytest.fixture
def chatd(start):
    return start("log.level=debug")


@contextlib.contextmanager
def nobody_reads(chatd):
    """Its log: the thread that does waits for us. The pipe is full at the end."""
    unread = array.array("i", [0])
    with chatd._news:
        fcntl.fcntl(chatd._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        yield
        fcntl.ioctl(chatd._pipe, termios.FIONREAD, unread)
        assert unread[0] > PIPE_BYTES // 2 - 200


def come_and_go(chatd, times):
    pair = Pair(chatd)
    for _ in range(times):
        client = chatd.connect("/room")
        assert client.fence() == []
        client.leave()
        pair.chat()


def test_the_chat_goes_on(chatd):
    with nobody_reads(chatd):
        come_and_go(chatd, 500)
        chatd.send_signal(signal.SIGTERM)
        assert chatd.process.wait(TIMEOUT) == 0


def test_who_reads_again_is_told_that_lines_are_missing(chatd):
    with nobody_reads(chatd):
        come_and_go(chatd, 200)
    chatd.wait_for_line(r'session \d+: joined "room"')
    come_and_go(chatd, 1)
    chatd.wait_for_line(r"warning \d+ lines were lost")
