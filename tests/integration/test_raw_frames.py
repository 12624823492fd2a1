"""Frames that break RFC 6455, sections 5 and 7, and good ones that come oddly.

Whatever one connection sends, a pair of clients goes on chatting.
"""
import json
import struct

import pytest

from client import NOT_JSON, PONG as CHAT_PONG, message
from utils import MIB, eventually
from wire import (BINARY, CHAT_PING, CLOSE, CONT, PING, PONG, TEXT, close_frame, frame, request)

HELLO = '{"content":"hello"}'
DROP = None         # the connection just ends, which RFC 6455 7.1.7 allows


def read_json(wire):
    opcode, payload = wire.read_frame()
    assert opcode == TEXT
    return json.loads(payload)


def fence(wire):
    """The JSON frames that came before the pong to a ping sent now."""
    wire.send(CHAT_PING)
    frames = []
    while (value := read_json(wire)) != CHAT_PONG:
        frames.append(value)
    return frames


@pytest.fixture
def listener(chatd, raw):
    """Somebody else in /room."""
    return chatd.connect("/room")


VIOLATIONS = {
    **{f"reserved bits {rsv:03b} in {name}": (frame(op, data, rsv=rsv), {1002})
       for rsv in (1, 2, 4, 7)
       for name, op, data in (("text", TEXT, HELLO), ("ping", PING, "x"), ("close", CLOSE, ""))},
    "reserved bits in a continuation":
        (frame(TEXT, "{", fin=False) + frame(CONT, "}", rsv=4), {1002}),
    **{f"opcode {op}": (frame(op, "x"), {1002}) for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"opcode {op} within a message": (frame(TEXT, "{", fin=False) + frame(op, "}"), {1002})
       for op in (3, 11)},
    "ping in fragments": (frame(PING, "x", fin=False) + frame(CONT, "y"), {1002}),
    "pong in fragments": (frame(PONG, "x", fin=False), {1002}),
    "close in fragments": (frame(CLOSE, b"\x03\xe8", fin=False), {1002}),
    "ping of 126 bytes": (frame(PING, "x" * 126), {1002, DROP}),
    "ping of 65536 bytes": (frame(PING, "x" * 65536), {1002, DROP}),
    "pong of 126 bytes": (frame(PONG, "x" * 126), {1002, DROP}),
    "close of 126 bytes": (close_frame(1000, b"x" * 124), {1002, DROP}),
    "ping of 1 byte with a 16 bit length": (frame(PING, "x", length=16), {1002, DROP}),
    "ping of 1 byte with a 64 bit length": (frame(PING, "x", length=64), {1002, DROP}),
    "continuation of nothing": (frame(CONT, HELLO), {1002}),
    "continuation of nothing, not final": (frame(CONT, HELLO, fin=False), {1002}),
    "continuation after a whole message": (frame(TEXT, HELLO) + frame(CONT, "x"), {1002}),
    "continuation after a message in fragments":
        (frame(TEXT, HELLO, fin=False) + frame(CONT) + frame(CONT), {1002}),
    "text within a message": (frame(TEXT, "{", fin=False) + frame(TEXT, "}"), {1002}),
    "binary within a message": (frame(TEXT, "{", fin=False) + frame(BINARY, "}"), {1002}),
    "text within a binary message":
        (frame(BINARY, "{", fin=False) + frame(TEXT, "}", fin=False), {1002}),
    "length with the top bit set":
        (frame(TEXT, length=64, claim=1 << 63), {1002, 1009, DROP}),
    "length of all ones": (frame(TEXT, length=64, claim=(1 << 64) - 1), {1002, 1009, DROP}),
    **{f"length of {claim} bytes, and one of them":
       (frame(op, "x", length=64, claim=claim), {1009})
       for op, claim in ((TEXT, 1 << 62), (BINARY, 1 << 32), (TEXT, MIB + 1))},
    "text that is not UTF-8": (frame(TEXT, b'{"content":"\xff"}'), {1007}),
    "text in fragments that is not UTF-8":
        (frame(TEXT, b'{"content":"\xf0\x9f', fin=False) + frame(CONT, b'"}'), {1007}),
    "text that ends within a character": (frame(TEXT, b'{"content":1} \xe2\x82'), {1007}),
    "close of one byte": (frame(CLOSE, b"\x03"), {1002, DROP}),
    "close with a reason that is not UTF-8": (close_frame(1000, b"\xff"), {1007, 1002, DROP}),
}


@pytest.mark.parametrize("case", VIOLATIONS)
def test_violation(raw, listener, pair, case):
    """The connection is failed with the right code, and nobody else notices."""
    data, allowed = VIOLATIONS[case]
    raw.send(data)
    heard = listener.fence()
    if "after a" in case:                   # the whole message before it counts
        assert heard in ([], [message("hello")])
    else:
        assert heard == []
    assert raw.verdict() in allowed
    if "after a" in case:
        heard += listener.fence()
        assert heard == [message("hello")]
    assert listener.fence() == []
    pair.chat()


@pytest.mark.parametrize("case", VIOLATIONS)
def test_violation_byte_by_byte(raw, pair, case):
    """It makes no difference how the bytes arrive."""
    data, allowed = VIOLATIONS[case]
    for i in range(min(len(data), 1000)):
        raw.send(data[i:i + 1])
    raw.send(data[1000:])
    assert raw.verdict() in allowed
    pair.chat()


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                                  5000, 65535])
def test_close_with_a_code_nobody_may_send(raw, pair, code):
    raw.send(close_frame(code))
    assert raw.verdict() == 1002
    pair.chat()


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                                  3000, 3999, 4000, 4999])
@pytest.mark.parametrize("reason", [b"", b"bye", "\u00e9".encode() * 61, b"x" * 123],
                         ids=["none", "word", "accents", "longest"])
def test_close_is_echoed(raw, pair, code, reason):
    raw.send(close_frame(code, reason))
    assert raw.verdict() == code
    pair.chat()


def test_empty_close_is_answered(raw, pair):
    raw.send(frame(CLOSE))
    assert raw.read_close() in ((None, ""), (1000, ""))
    raw.read_end()
    pair.chat()


def test_nothing_counts_after_a_close(raw, listener, pair):
    raw.send(close_frame(1000), frame(TEXT, HELLO), CHAT_PING, frame(PING, "x"))
    assert raw.verdict() == 1000
    assert listener.fence() == []
    pair.chat()


def test_what_was_said_right_before_a_close_counts(raw, listener, pair):
    raw.send(frame(TEXT, HELLO), close_frame(1000))
    assert raw.verdict() == 1000
    assert listener.fence() == [message("hello")]
    pair.chat()


def test_a_claim_of_many_bytes_and_then_nothing(raw, listener, pair):
    """Nothing is kept for it, so nothing needs to happen until a byte comes."""
    raw.send(frame(TEXT, length=64, claim=1 << 62))
    assert listener.fence() == []
    pair.chat()
    raw.send(b"x")
    assert raw.verdict() == 1009
    pair.chat()


@pytest.mark.parametrize("bits", [16, 64])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_length_spelled_longer_than_needed_is_read(raw, listener, pair, opcode, bits):
    """Not allowed to clients (5.2); read as the guide's server reads it."""
    raw.send(frame(opcode, HELLO, length=bits))
    assert fence(raw) == []
    assert listener.fence() == [message("hello")]
    pair.chat()


def test_unmasked_frames_harm_nobody(raw, listener, pair):
    """RFC 6455 5.1 wants them refused. libwebsockets reads them and doesn't tell
    that there was no mask, so this holds only what matters to the others: they
    get whole messages or none.
    """
    raw.send(frame(TEXT, HELLO, mask=None))
    raw.send(CHAT_PING)
    opcode, payload = raw.read_frame()
    if opcode == CLOSE:
        assert payload[:2] == struct.pack("!H", 1002)
        assert listener.fence() == []
    else:
        assert (opcode, json.loads(payload)) == (TEXT, CHAT_PONG)
        assert listener.fence() == [message("hello")]
    pair.chat()


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00\xff" * 62, b"p" * 125],
                         ids=["empty", "one", "binary", "longest"])
def test_ping_is_answered_with_its_payload(raw, pair, payload):
    raw.send(frame(PING, payload))
    assert raw.read_frame() == (PONG, payload)
    pair.chat()


def test_pongs_that_nobody_asked_for_are_ignored(raw, pair):
    raw.send(frame(PONG), frame(PONG, "x" * 125))
    assert fence(raw) == []
    pair.chat()


def test_pings_between_fragments(raw, listener, pair):
    raw.send(frame(TEXT, '{"content":', fin=False))
    raw.send(frame(PING, "first"))
    assert raw.read_frame() == (PONG, b"first")
    raw.send(frame(CONT, '"hello"', fin=False))
    raw.send(frame(PONG, "unasked"), frame(PING, "second"))
    assert raw.read_frame() == (PONG, b"second")
    assert listener.fence() == []
    raw.send(frame(CONT, "}"))
    assert fence(raw) == []
    assert listener.fence() == [message("hello")]
    pair.chat()


def test_close_between_fragments(raw, listener, pair):
    raw.send(frame(TEXT, HELLO, fin=False), close_frame(1001))
    assert raw.verdict() == 1001
    assert listener.fence() == []
    pair.chat()


def test_fragments_of_nothing(raw, listener, pair):
    raw.send(*[frame(TEXT, fin=False)] + [frame(CONT, fin=False)] * 50,
             frame(CONT, HELLO, fin=False), frame(CONT))
    assert fence(raw) == []
    assert listener.fence() == [message("hello")]
    pair.chat()


def test_thousands_of_fragments(raw, listener, pair):
    text = json.dumps({"content": "x" * 5000}).encode()
    first, *rest = [frame(CONT, text[i:i + 1], fin=False) for i in range(len(text))]
    raw.send(frame(TEXT, text[:1], fin=False), *rest, frame(CONT))
    assert fence(raw) == []
    assert listener.fence() == [message("x" * 5000)]
    pair.chat()


def test_one_byte_at_a_time(wire, listener, pair):
    raw = wire()
    for byte in request():
        raw.send(bytes([byte]))
    assert raw.read_response()[0] == 101
    for byte in (frame(TEXT, HELLO) + frame(PING, "still there?")
                 + frame(TEXT, '{"content":"' + "x" * 200 + '"}')):
        raw.send(bytes([byte]))
    assert raw.read_frame() == (PONG, b"still there?")
    assert fence(raw) == []
    assert listener.fence() == [message("hello"), message("x" * 200)]
    pair.chat()


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_packet_ends_within_a_frame_header(raw, listener, pair, cut):
    data = frame(TEXT, '{"content":"' + "x" * 70000 + '"}')
    raw.send(frame(TEXT, HELLO), data[:cut])
    assert listener.receive() == message("hello")
    raw.send(data[cut:])
    assert listener.receive() == message("x" * 70000)
    pair.chat()


def test_many_frames_in_one_packet(raw, listener, pair):
    raw.send(*[frame(TEXT, '{"content":%d}' % i) for i in range(2000)])
    assert fence(raw) == []
    assert listener.fence() == [message(i) for i in range(2000)]
    pair.chat()


def test_frames_in_the_same_packet_as_the_handshake(wire, listener, pair):
    raw = wire().upgrade(frame(TEXT, HELLO), CHAT_PING, frame(TEXT, "nope"))
    assert read_json(raw) == CHAT_PONG
    assert read_json(raw) == NOT_JSON
    assert fence(raw) == []
    assert listener.fence() == [message("hello")]
    pair.chat()


@pytest.mark.parametrize("data", [b"", frame(TEXT, HELLO)[:1], frame(TEXT, HELLO)[:-1],
                                  frame(TEXT, "{", fin=False)],
                         ids=["idle", "in a header", "in a payload", "in a message"])
@pytest.mark.parametrize("how", ["half-closed", "reset"])
def test_a_client_that_goes_without_a_close(chatd, wire, listener, pair, data, how):
    raw = wire().upgrade(path="/gone")
    raw.send(data)
    if how == "reset":
        raw.reset()
    else:
        raw.half_close()
        raw.verdict()
    assert listener.fence() == []
    pair.chat()


def test_claims_cost_no_memory(chatd, wire, pair):
    """100 clients announce a message of 1 MiB each, and send one byte of it."""
    before = chatd.memory()
    claimants = [wire().upgrade(path="/claims") for _ in range(100)]
    for raw in claimants:
        raw.send(frame(TEXT, "x", length=64, claim=MIB))
    pair.chat()
    pair.chat()
    assert chatd.memory() - before < 50 * MIB
    for raw in claimants:
        raw.half_close()
    for raw in claimants:
        raw.verdict()
    pair.chat()


def test_a_flood_of_fragments_is_bounded(raw, pair):
    """A message that never ends is too big at last, in whatever pieces it comes."""
    raw.send(frame(TEXT, "x" * 1000, fin=False))
    piece = frame(CONT, "x" * 1000, fin=False) * 100
    for _ in range(11):
        raw.send(piece)
    assert raw.verdict() == 1009
    pair.chat()


def test_violations_one_after_the_other_leave_nothing_behind(chatd, wire, pair):
    """The daemon holds as many descriptors after them as before."""
    pair.chat()
    before = chatd.descriptors()
    for data, _ in VIOLATIONS.values():
        raw = wire().upgrade()
        raw.send(data)
        raw.verdict()
        raw.close()
    eventually(lambda: chatd.descriptors() == before, "all descriptors are closed")
    pair.chat()
