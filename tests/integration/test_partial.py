"""Messages that are begun and not ended: bounded together, the oldest goes."""
from utils import Pair
from wire import CONT, TEXT, Wire, frame


def begin(chatd, size):
    """A connection, in a room of its own but for listeners, with @size bytes of a message."""
    raw = Wire(chatd.dial()).upgrade(path="/begun")
    raw.send(frame(TEXT, '{"content":"' + "x" * size, fin=False), frame(9, b"there?"))
    return raw


def begin_too_much(chatd):
    """More such connections than limits.buffered_bytes=1M allows; the first ones are closed."""
    begun = []
    for _ in range(10):
        begun.append(begin(chatd, 200_000))
        assert begun[-1].read_frame() == (10, b"there?")
    for raw in begun[:3]:
        assert raw.read_close() == (1013, "overloaded")
    return begun


def test_parts_of_messages_are_bounded_together(start):
    chatd = start("limits.buffered_bytes=1M")
    pair = Pair(chatd)
    reader = chatd.connect("/begun")
    begun = begin_too_much(chatd)

    # Who is left can end what it began, and whoever comes can say something large.
    begun[-1].send(frame(CONT, '"}'))
    assert len(reader.receive()["content"]) == 200_000
    pair.chat()
    writer = chatd.connect("/begun")
    writer.say("y" * 300_000)
    assert writer.fence() == []
    assert reader.receive()["content"] == "y" * 300_000


def test_a_part_alone_is_no_reason_to_close(start):
    chatd = start("limits.buffered_bytes=1M")
    reader = chatd.connect("/room")
    listener = chatd.connect("/begun")
    raw = begin(chatd, 100_000)
    assert raw.read_frame() == (10, b"there?")
    for n in range(20):
        writer = chatd.connect("/room")
        writer.send_parts([b'{"content":"', b"z" * 300_000, b'"}'])
        assert writer.fence() == []
        assert len(reader.receive()["content"]) == 300_000
        writer.close()
    raw.send(frame(CONT, '"}'))
    assert len(listener.receive()["content"]) == 100_000
