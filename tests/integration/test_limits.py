"""Limits, and that running into one costs nobody else anything."""
import json
import select
import time

import pytest

from client import PONG as CHAT_PONG, Closed, Refused, message
from utils import MIB, Pair, eventually
from wire import (BINARY, CHAT_PING, CLOSE, CONT, PING, PONG, TEXT, End, Wire, frame,
                  request)


def text_of(size):
    """A message of exactly that many bytes, and what others get of it."""
    content = "x" * (size - len('{"content":""}'))
    return '{"content":"%s"}' % content, message(content)


# ---- the length of messages ----

LIMITS = pytest.mark.parametrize("limit", [100, 4096, 65536, MIB, 3 * MIB + 1])
WAYS = pytest.mark.parametrize("pieces", [1, 2, 7], ids=["one frame", "two", "seven"])


def pieces_of(text, n):
    data, size = text.encode(), -(-len(text) // n)
    return [data[i:i + size] for i in range(0, len(data), size)]


@LIMITS
@WAYS
def test_a_message_of_the_limit_passes(start, limit, pieces):
    chatd = start(f"limits.message_bytes={limit}")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    text, expected = text_of(limit)
    for binary in (False, True):
        alice.send_parts(pieces_of(text, pieces), binary)
        assert alice.fence() == []
        assert bob.fence() == [expected]


@LIMITS
@WAYS
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_a_byte_more_closes_with_1009(start, limit, pieces, binary):
    chatd = start(f"limits.message_bytes={limit}")
    pair = Pair(chatd)
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    text, _ = text_of(limit + 1)
    alice.send_parts(pieces_of(text, pieces), binary)
    assert alice.wait_closed()[0] == 1009
    assert alice.inbox == []
    assert bob.fence() == []
    pair.chat()


def test_it_closes_before_the_rest_is_sent(start):
    """The frame's header is enough to know."""
    chatd = start("limits.message_bytes=1000")
    raw = Wire(chatd.dial()).upgrade()
    raw.send(frame(TEXT, "x" * 600, fin=False), frame(CONT, "xx", length=16, claim=500))
    assert raw.read_close()[0] == 1009


def test_control_frames_do_not_count(start):
    chatd = start("limits.message_bytes=100")
    raw = Wire(chatd.dial()).upgrade()
    listener = chatd.connect("/room")
    text, expected = text_of(100)
    raw.send(frame(TEXT, text[:50], fin=False), frame(PING, "p" * 125))
    assert raw.read_frame() == (PONG, b"p" * 125)
    raw.send(frame(CONT, text[50:]))
    assert listener.receive() == expected


def test_no_limit(start):
    chatd = start("limits.message_bytes=0", "limits.lag_bytes=0")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    text, expected = text_of(5 * MIB)
    alice.send(text)
    assert bob.receive() == expected


# ---- the number of connections ----

def test_a_full_house(start):
    chatd = start("limits.connections=3")
    pair = Pair(chatd)
    third = chatd.connect("/room")
    for _ in range(20):
        with pytest.raises(Refused) as refusal:
            chatd.connect("/room")
        assert refusal.value.status == 503
        assert int(refusal.value.headers["Retry-After"]) > 0
        assert refusal.value.body
    pair.chat()
    third.leave()
    fourth = chatd.connect("/room")
    with pytest.raises(Refused):
        chatd.connect("/room")
    fourth.drop()
    eventually(lambda: can_connect(chatd), "there is room again")
    pair.chat()


def can_connect(chatd):
    try:
        chatd.connect("/room").leave()
    except Refused:
        return False
    return True


def test_those_who_only_shake_hands_take_nobodys_place(start):
    chatd = start("limits.connections=3")
    waiting = [chatd.dial() for _ in range(50)]
    pair = Pair(chatd)
    waiting[0].sendall(request()[:20])
    chatd.connect("/room").fence()
    pair.chat()


# ---- the time for a handshake ----

@pytest.mark.parametrize("begin", [b"", b"G", request()[:30], request()[:-1], request()[:-2]],
                         ids=["silence", "one byte", "the beginning", "but one byte", "no end"])
def test_a_handshake_that_does_not_go_on_ends(start, begin):
    chatd = start("limits.handshake_seconds=1")
    client = chatd.connect("/room")
    pair = Pair(chatd)
    began = time.monotonic()
    raw = Wire(chatd.dial())
    raw.send(begin)
    answer = raw.read_all()
    assert not answer or answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began > 0.9, "not before its time"
    assert client.fence() == [], "one who is through has all the time there is"
    pair.chat()


def test_a_handshake_that_drips_ends(start):
    """Bytes that come are no reason to wait longer."""
    chatd = start("limits.handshake_seconds=1")
    pair = Pair(chatd)
    raw = Wire(chatd.dial())
    began = time.monotonic()
    for byte in request(**{f"x_{i}": "y" * 20 for i in range(50)}):
        raw.send(bytes([byte]))
        if select.select([raw.sock], [], [], 0.1)[0]:
            break
    else:
        pytest.fail("the whole request was waited for")
    assert b" 101 " not in raw.read_all()
    assert 0.9 < time.monotonic() - began < 30
    pair.chat()


# ---- file descriptors ----

def test_descriptors_exhausted(start):
    """Accepting pauses, nobody who is connected is harmed, and it recovers."""
    chatd = start(nofile=64)
    pair = Pair(chatd)
    crowd = [Wire(chatd.dial()) for _ in range(100)]
    for raw in crowd:
        raw.send(request())
    chatd.wait_for_line("accepting pauses")
    pair.chat()
    came_in, waiting = [], []
    for raw in crowd:
        (came_in if select.select([raw.sock], [], [], 0)[0] else waiting).append(raw)
    assert came_in and waiting
    for raw in came_in:
        assert raw.read_response()[0] == 101

    # A second of it, measured: it neither spins nor fills the log.
    cpu, lines = chatd.cpu_seconds(), len(chatd.lines)
    time.sleep(1)
    assert chatd.cpu_seconds() - cpu < 0.3
    assert len(chatd.lines) - lines < 5
    pair.chat()

    for raw in came_in:
        raw.close()
    for raw in waiting:
        assert raw.read_response()[0] == 101
        raw.close()
    chatd.connect("/room").fence()
    pair.chat()


# ---- slow readers ----

CHUNK = 60000
PLENTY = 300        # chunks: 18 MB, more than the kernel and libwebsockets hold back


def flood(chatd, speaker, listener, slow=1):
    """The speaker talks, as fast as the listener can hear, until so many are too slow."""
    before = too_slow(chatd)
    for i in range(PLENTY):
        speaker.say("x" * CHUNK, i)
        assert listener.receive() == message("x" * CHUNK, i)
        if slow and too_slow(chatd) - before == slow:
            return


def too_slow(chatd):
    """How many have been told so by now; they then have some seconds to read it."""
    return chatd.log.count("closing with 4101")


def read_chunks(raw):
    """(the numbers of the chunks that come, what ends them: a close, a pong, nothing)."""
    numbers = []
    while True:
        try:
            opcode, payload = raw.read_frame()
        except End:
            return numbers, None
        if opcode == CLOSE:
            return numbers, (int.from_bytes(payload[:2], "big"), payload[2:].decode())
        if opcode == TEXT:
            value = json.loads(payload)
            if value == CHAT_PONG:
                return numbers, value
            assert value["content"] == "x" * CHUNK
            numbers.append(value["sender"])


def test_a_slow_reader_is_closed_and_others_get_everything(start):
    chatd = start("limits.lag_bytes=256K", "log.level=debug")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    slow = Wire(chatd.dial(receive_buffer=4096)).upgrade()
    before = chatd.memory()
    flood(chatd, alice, bob)
    assert chatd.memory() - before < 16 * MIB
    numbers, end = read_chunks(slow)
    assert numbers == list(range(len(numbers))), "whole messages, in order"
    assert len(numbers) < PLENTY
    assert end == (4101, "too_slow")
    assert alice.fence() == bob.fence() == []


def test_a_slow_reader_within_the_limit_gets_everything(start):
    chatd = start("limits.lag_bytes=64M")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    slow = Wire(chatd.dial(receive_buffer=4096)).upgrade()
    flood(chatd, alice, bob, slow=None)
    alice.leave()
    bob.leave()
    slow.send(CHAT_PING)
    for i in range(PLENTY):
        opcode, payload = slow.read_frame()
        assert (opcode, json.loads(payload)) == (TEXT, message("x" * CHUNK, i))
    opcode, payload = slow.read_frame()
    assert (opcode, json.loads(payload)) == (TEXT, CHAT_PONG)


def test_slow_readers_in_many_rooms_are_bounded_together(start):
    """None is far behind for itself. Some have to go; others, if any, get everything."""
    chatd = start("limits.lag_bytes=64M", "limits.buffered_bytes=2M", "log.level=debug")
    before = chatd.memory()
    rooms = [f"/room-{i}" for i in range(5)]
    pairs = [(chatd.connect(room), chatd.connect(room)) for room in rooms]
    slow = [Wire(chatd.dial(receive_buffer=4096)).upgrade(path=room) for room in rooms]
    n = 0
    while not too_slow(chatd):
        assert n < PLENTY
        for alice, bob in pairs:
            alice.say("x" * CHUNK, n)
            assert bob.receive() == message("x" * CHUNK, n)
        n += 1
    assert chatd.memory() - before < 16 * MIB
    ends = []
    for raw in slow:
        raw.send(CHAT_PING)
        numbers, end = read_chunks(raw)
        ends.append(end)
        assert numbers == list(range(n if end == CHAT_PONG else len(numbers)))
    assert ends.count((4101, "too_slow")) == 5 - ends.count(CHAT_PONG) >= 1
    Pair(chatd).chat()


def test_many_slow_readers_in_one_room(start):
    """They share one log; the rest of the room does not notice."""
    chatd = start("limits.lag_bytes=256K", "log.level=debug")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    slow = [Wire(chatd.dial(receive_buffer=4096)).upgrade() for _ in range(20)]
    flood(chatd, alice, bob, slow=20)
    for raw in slow:
        numbers, end = read_chunks(raw)
        assert numbers == list(range(len(numbers)))
        assert end == (4101, "too_slow")


PONG_TEXT = b'{"type":"pong"}'
ERROR_TEXT = b'{"type":"error","message":"Invalid JSON format"}'


@pytest.mark.parametrize("what, total, answer", [
    (frame(PING, "p" * 125), 10 * MIB, None),
    (CHAT_PING, 20 * MIB, PONG_TEXT),  # the kernel may take 4 MiB of answers
    (frame(TEXT, "nope"), 3 * MIB, ERROR_TEXT),
    (frame(BINARY, ""), 2 * MIB, ERROR_TEXT),
    (frame(TEXT, '{"content":"' + "x" * 1000 + '"}'), 10 * MIB, None),
], ids=["pings", "chat pings", "errors", "empty frames", "messages"])
def test_a_flood_from_one_who_does_not_read(start, what, total, answer):
    """Answers that nobody takes are bounded, too."""
    chatd = start("log.level=debug")
    pair = Pair(chatd)
    listener = chatd.connect("/room")
    raw = Wire(chatd.dial(receive_buffer=1 << 18)).upgrade()
    before = chatd.memory()
    raw.sock.setblocking(False)
    flood = memoryview(what * (total // len(what)))
    heard = stalled = 0
    # A kernel whose receive window is shut may not see that what it sends is acknowledged
    # (RFC 9293 section 3.10.7.4): it then sends no more, and that's a bound, too.
    while flood and stalled < 200 and not too_slow(chatd):
        try:
            flood = flood[raw.sock.send(flood[:100000]):]
            stalled = 0
        except BlockingIOError:
            stalled += 1
        heard += len(listener.fence())
        pair.chat()
    raw.sock.setblocking(True)
    assert chatd.memory() - before < 20 * MIB
    if answer:
        assert heard == 0
        if too_slow(chatd):
            answers = raw.read_until(b"\x88\x0a\x10\x05too_slow")  # 4101
            one = b"\x81%c%b" % (len(answer), answer)
            assert answers == one * (len(answers) // len(one))
    elif b"content" in what:
        assert heard > 0
    listener.leave()


def test_a_closed_slow_reader_can_come_back(start):
    chatd = start("limits.lag_bytes=256K", "log.level=debug")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    slow = chatd.connect("/room", receive_buffer=4096)
    flood(chatd, alice, bob)
    assert slow.wait_closed() == (4101, "too_slow")
    with pytest.raises(Closed):
        slow.fence()
    again = chatd.connect("/room")
    alice.say("hello")
    assert again.receive() == message("hello")
