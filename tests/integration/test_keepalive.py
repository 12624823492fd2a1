"""Keep-alive: who gives no sign of life is closed, who gives any stays."""
import json
import select
import time

import pytest

from client import TIMEOUT, PONG as CHAT_PONG
from utils import Pair
from wire import CHAT_PING, CLOSE, CONT, PING, PONG, TEXT, Wire, frame


@pytest.fixture
def chatd(start):
    return start("keepalive.interval=300ms", "keepalive.timeout=500ms")


def read_ping(raw):
    opcode, payload = raw.read_frame()
    assert opcode == PING
    assert len(payload) <= 125
    return payload


def is_alive(raw):
    raw.send(CHAT_PING)
    while True:
        opcode, payload = raw.read_frame()
        assert opcode != CLOSE
        if opcode == TEXT and json.loads(payload) == CHAT_PONG:
            return True


def test_one_who_never_answers_is_closed(raw):
    read_ping(raw)
    assert raw.read_close() == (4201, "no_pong")
    raw.send(frame(CLOSE, (4201).to_bytes(2, "big")))
    raw.read_end()


def test_one_who_does_not_even_answer_the_close_is_cut_off(raw):
    read_ping(raw)
    assert raw.read_close() == (4201, "no_pong")
    raw.read_end()


def test_one_who_answers_stays(raw):
    for _ in range(6):
        raw.send(frame(PONG, read_ping(raw)))
    assert is_alive(raw)


@pytest.mark.parametrize("sign", [
    CHAT_PING, frame(TEXT, "nope"), frame(TEXT, '{"content":"x"}'),
    frame(TEXT, '{"type":"other"}'), frame(PONG, "of its own accord"),
], ids=["chat ping", "no JSON", "message", "unknown type", "another pong"])
def test_any_frame_is_a_sign_of_life(raw, sign):
    pings = 0
    while pings < 6:
        opcode, _ = raw.read_frame()
        assert opcode in (PING, TEXT)
        if opcode == PING:
            pings += 1
            raw.send(sign)
    assert is_alive(raw)


def test_parts_of_a_message_are_a_sign_of_life(raw):
    """A large message on a slow line."""
    raw.send(frame(TEXT, '{"content":"', fin=False))
    for _ in range(6):
        read_ping(raw)
        raw.send(frame(CONT, "x", fin=False))
    raw.send(frame(CONT, '"}'))
    assert is_alive(raw)


def test_who_talks_is_not_pinged(raw):
    """Pings are for the silent: with a word every tenth of a second there is none."""
    for _ in range(15):
        raw.send(CHAT_PING)
        opcode, _ = raw.read_frame()
        assert opcode == TEXT
        assert not select.select([raw.sock], [], [], 0.1)[0]


def test_hearing_is_not_enough(chatd, raw):
    """What others say is no sign of life of one's own."""
    alice = chatd.connect("/room")
    limit = time.monotonic() + TIMEOUT
    opcode = TEXT
    while opcode != CLOSE and time.monotonic() < limit:
        alice.say("hello")
        alice.fence()
        opcode, payload = raw.read_frame()
    assert (opcode, payload[:2]) == (CLOSE, (4201).to_bytes(2, "big"))


def test_python_websockets_stays_and_the_silent_go(chatd):
    """The library answers pings as long as it is read from."""
    pair = Pair(chatd)
    silent = [Wire(chatd.dial()).upgrade() for _ in range(20)]
    gone = []
    while silent:
        pair.chat()
        opcode, payload = silent[0].read_frame()
        if opcode == CLOSE:
            gone.append(int.from_bytes(payload[:2], "big"))
            silent.pop(0)
    assert gone == [4201] * 20
    pair.chat()


def test_no_interval_means_no_pings(start):
    chatd = start("keepalive.interval=0", "limits.handshake_seconds=2")
    raw = Wire(chatd.dial()).upgrade()
    clock = Wire(chatd.dial())
    clock.read_end()                # two seconds later
    raw.send(CHAT_PING)
    opcode, _ = raw.read_frame()
    assert opcode == TEXT, "no ping was waiting"
