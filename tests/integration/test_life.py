"""What counts as a sign of life, and timeouts that must not exist."""
import os
import select
import signal
import time

import pytest

from utils import Pair
from wire import CHAT_PING, CLOSE, PING, PONG, TEXT, Wire, frame

LONGER = 1.5            # seconds: than the interval and the timeout below together


@pytest.fixture
def chatd(start):
    return start("keepalive.interval=300ms", "keepalive.timeout=700ms")


def read_text(raw):
    """The next message; pings are not answered."""
    while True:
        opcode, payload = raw.read_frame()
        assert opcode != CLOSE, payload
        if opcode == TEXT:
            return payload


def test_pings_of_its_own_are_a_sign_of_life(raw):
    """For one who doesn't answer the daemon's."""
    for n in range(20):
        raw.send(frame(PING, str(n)))
        opcode = PING
        while opcode == PING:
            opcode, payload = raw.read_frame()
        assert (opcode, payload) == (PONG, str(n).encode())
        time.sleep(0.1)
    raw.send(CHAT_PING)
    assert read_text(raw)


def test_every_byte_is_a_sign_of_life(raw):
    """A small frame on a very slow line."""
    for byte in frame(PING, "a slow one here"):
        raw.send(bytes([byte]))
        time.sleep(0.1)
    raw.send(CHAT_PING)
    assert read_text(raw)


def test_one_who_does_nothing_is_closed(chatd, raw):
    opcode = PING
    while opcode == PING:
        opcode, payload = raw.read_frame()
    assert (opcode, payload[:2]) == (CLOSE, (4201).to_bytes(2, "big"))
    Pair(chatd).chat()


def test_an_answer_that_waits_to_be_read_counts(chatd, raw):
    """The daemon itself was too late, not the client."""
    opcode, payload = raw.read_frame()
    assert opcode == PING
    chatd.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, chatd.pid, os.WSTOPPED)
    raw.send(frame(PONG, payload))
    time.sleep(LONGER)
    chatd.send_signal(signal.SIGCONT)
    opcode, payload = raw.read_frame()
    assert opcode == PING, payload
    raw.send(frame(PONG, payload), CHAT_PING)
    assert read_text(raw)


def test_python_websockets_survives_a_pause_of_the_daemon(chatd):
    client = chatd.connect("/room")
    for _ in range(3):
        assert client.fence() == []
        chatd.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, chatd.pid, os.WSTOPPED)
        time.sleep(LONGER)
        chatd.send_signal(signal.SIGCONT)
    assert client.fence() == []


def test_no_limit_for_the_handshake(start):
    chatd = start("limits.handshake_seconds=0")
    raw = Wire(chatd.dial())
    assert not select.select([raw.sock], [], [], 3.5)[0]
    raw.upgrade(CHAT_PING)
    assert raw.read_frame()[0] == TEXT
