"""A large message to many who read it late: held once, and whole for each of them."""
import pytest

from client import PONG as CHAT_PONG, message
from far import FRAGMENT, FarReader, peak_memory
from utils import MIB, Pair
from wire import CHAT_PING, PING, PONG, TEXT, frame

READERS = 200


def large(size):
    """Text of about that many bytes in which no two pieces are alike."""
    return "".join(f"{i:07}," for i in range(size // 8))


def test_it_is_held_once_for_all_of_them(chatd):
    pair = Pair(chatd)
    writer = chatd.connect("/room")
    readers = [FarReader(chatd) for _ in range(READERS)]
    most = peak_memory(chatd) + 60 * MIB
    content = large(MIB - 1000)
    writer.say(content)
    for reader in readers:
        reader.wait_for_bytes()
        pair.chat()
    assert writer.fence() == []
    assert peak_memory(chatd) < most
    for reader in readers:
        assert reader.read_message() == message(content)
        reader.send(CHAT_PING)
        assert reader.read_message() == CHAT_PONG
        assert reader.control == []
    assert peak_memory(chatd) < most
    pair.chat()


@pytest.mark.parametrize("size", [FRAGMENT - 1000, FRAGMENT + 1000, 4 * FRAGMENT, MIB - 1000])
def test_answers_do_not_come_in_between(chatd, size):
    """A pong of WebSocket's may, between two frames; one of the chat's comes after it."""
    pair = Pair(chatd)
    writer, listener = chatd.connect("/room"), chatd.connect("/room")
    reader = FarReader(chatd)
    first, second = large(size), large(size)[::-1]
    writer.say(first)
    first_byte, begun = reader.read_piece()
    is_whole = size < FRAGMENT
    assert first_byte == (0x80 | TEXT if is_whole else TEXT)
    reader.send(frame(PING, "there?"), CHAT_PING, frame(TEXT, '{"content":"mine"}'), CHAT_PING)
    assert listener.receive() == message(first)
    pair.chat()             # what we sent has been read now, if it is to be read before we read
    writer.say(second)
    writer.fence()
    if not is_whole:
        assert reader.read_message(begun) == message(first)
    rest = [reader.read_message() for _ in range(3)]
    assert message(second) in rest
    assert rest.count(CHAT_PONG) == 2
    assert reader.control == [(PONG, b"there?")]
    heard = listener.fence()
    assert len(heard) == 2 and message("mine") in heard and message(second) in heard
