"""Chat: who hears whom, in which order, and that nothing is lost or doubled."""
import json
import random
from decimal import Decimal

import pytest

from client import NOT_JSON, message
from utils import MIB
from wire import BINARY, TEXT, frame


def join(chatd, *paths):
    return [chatd.connect(path) for path in paths]


def test_everybody_else_in_the_room_hears_and_nobody_in_another(chatd):
    alice, bob, carol, dave = join(chatd, "/one", "/one", "/one", "/two")
    alice.say("hello", "alice")
    assert alice.fence() == [], "no echo"
    assert bob.fence() == [message("hello", "alice")]
    assert carol.fence() == [message("hello", "alice")]
    assert dave.fence() == []


def test_errors_and_pongs_go_to_the_sender_alone(chatd):
    alice, bob = join(chatd, "/room", "/room")
    alice.send("nope")
    alice.send(b"\xff")
    assert alice.fence() == [NOT_JSON, NOT_JSON]
    assert bob.fence() == []


def test_messages_of_a_sender_keep_their_order(chatd):
    alice, bob = join(chatd, "/room", "/room")
    for i in range(5000):
        alice.say(i)
    assert bob.receive_many(5000) == [message(i) for i in range(5000)]
    assert alice.fence() == []


def test_all_listeners_hear_the_same_order(chatd):
    """Also across senders: a room has one order of messages."""
    senders = [chatd.connect("/room") for _ in range(10)]
    listeners = [chatd.connect("/room") for _ in range(5)]
    for i in range(100):
        for name, sender in enumerate(senders):
            sender.say(i, name)
    heard = [listener.receive_many(1000) for listener in listeners]
    for name in range(10):
        assert [m for m in heard[0] if m["sender"] == name] == \
            [message(i, name) for i in range(100)]
    assert all(other == heard[0] for other in heard[1:])


def test_a_hundred_members_all_send(chatd):
    """Everyone gets everything that the others say, in order, exactly once."""
    members = [chatd.connect("/room") for _ in range(100)]
    each = 20
    for i in range(each):
        for name, member in enumerate(members):
            member.say(i, name)
    for name, member in enumerate(members):
        heard = {}
        for m in member.receive_many(99 * each):
            heard.setdefault(m["sender"], []).append(m["content"])
        assert heard == {other: list(range(each)) for other in range(100) if other != name}
    for member in members:
        assert member.fence() == []


def test_many_rooms_at_once(chatd):
    rooms = {f"/room-{i}": [chatd.connect(f"/room-{i}") for _ in range(5)] for i in range(100)}
    for path, (speaker, *_) in rooms.items():
        speaker.say(path)
    for path, (speaker, *listeners) in rooms.items():
        assert speaker.fence() == []
        for listener in listeners:
            assert listener.fence() == [message(path)]


def test_a_large_message_to_fifty_members(chatd):
    """1 MiB: the largest message there may be."""
    speaker, *listeners = [chatd.connect("/room") for _ in range(51)]
    text = "x" * (MIB - len(json.dumps({"type": "message", "content": ""})))
    speaker.say(text)
    for listener in listeners:
        assert listener.receive() == message(text)
    assert speaker.fence() == []


def test_large_and_small_messages_keep_their_order(chatd):
    alice, bob = join(chatd, "/room", "/room")
    sizes = [1, 100, 70000, 10, 500000, 0, 125, 126, 65535, 65536, 1, 1000000, 2]
    for _ in range(3):
        for n in sizes:
            alice.say("x" * n)
    assert bob.receive_many(3 * len(sizes)) == [message("x" * n) for n in sizes] * 3


def test_a_room_goes_and_comes_back(chatd):
    for i in range(50):
        alice, bob = join(chatd, "/room", "/room")
        alice.say(i)
        assert alice.fence() == []
        assert bob.fence() == [message(i)], "and nothing of an earlier life"
        alice.leave()
        bob.leave()


def test_rooms_that_go_leave_no_memory_behind(chatd):
    def visit(i):
        alice, bob = join(chatd, f"/room-{i}", f"/room-{i}")
        alice.say("x" * 20000)
        assert bob.receive() == message("x" * 20000)
        alice.leave()
        bob.leave()

    for i in range(100):
        visit(i)
    before = chatd.memory()
    for i in range(1000):
        visit(i)
    assert chatd.memory() - before < 10 * MIB, "20 MB were said"


def test_one_who_leaves_hears_no_more_and_one_who_comes_hears_what_follows(chatd):
    alice, bob = join(chatd, "/room", "/room")
    alice.say(1)
    alice.fence()
    carol = chatd.connect("/room")
    alice.say(2)
    alice.fence()
    bob.leave()
    alice.say(3)
    alice.fence()
    assert bob.inbox == [message(1), message(2)]
    assert carol.fence() == [message(2), message(3)]


def test_coming_and_going_while_others_chat(chatd):
    """Members in the middle of a dense set go; those who stay miss nothing."""
    rng = random.Random(7)
    alice, bob = join(chatd, "/room", "/room")
    others = []
    for i in range(300):
        if others and rng.random() < 0.5:
            leaver = others.pop(rng.randrange(len(others)))
            rng.choice((leaver.leave, leaver.drop))()
        else:
            others.append(chatd.connect("/room"))
        alice.say(i)
    assert alice.fence() == []
    assert bob.fence() == [message(i) for i in range(300)]
    for other in others:
        heard = [m["content"] for m in other.fence()]
        assert heard == list(range(300 - len(heard), 300)), "from coming on, everything"


def test_messages_of_one_who_left_at_once_are_delivered(chatd):
    bob = chatd.connect("/room")
    for i in range(50):
        alice = chatd.connect("/room")
        alice.say(i)
        alice.leave()
    assert bob.receive_many(50) == [message(i) for i in range(50)]


def test_two_who_send_to_each_other_at_once(chatd):
    """Each one's own messages stand between those of the other, and are skipped."""
    alice, bob = join(chatd, "/room", "/room")
    for i in range(2000):
        alice.say(i, "alice")
        bob.say(i, "bob")
    assert alice.receive_many(2000) == [message(i, "bob") for i in range(2000)]
    assert bob.receive_many(2000) == [message(i, "alice") for i in range(2000)]


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("value", [
    "1e400", "-1E+400", "1.0", "1.10", "100e-2", "0.1000000000000000055511151231257827", "-0",
    "-0.0", "123456789012345678901234567890", "9" * 4300, "1" + "0" * 100 + ".5",
    "12345678901234567890.12345678901234567890", "1e-400",
], ids=lambda value: value[:45])
def test_numbers_keep_every_digit(chatd, wire, value, opcode):
    """What passes through is the number, not what a double makes of it."""
    speaker, listener = wire().upgrade(), wire().upgrade()
    speaker.send(frame(opcode, '{"content":[%s],"sender":%s}' % (value, value)))
    got, payload = listener.read_frame()
    assert got == TEXT
    numbers = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
    assert numbers == message([Decimal(value)], Decimal(value))


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("text", ["\\ud800", "\\udfff\\ud800", "\U0001f600", "\x7f\u2028", "\\/",
                                  "\\u0000", "\ufeff", "\u0085"])
def test_what_is_relayed_is_utf_8_and_json(chatd, wire, text, opcode):
    """Read with nothing but RFC 8259 in mind."""
    speaker, listener = wire().upgrade(), wire().upgrade()
    speaker.send(frame(opcode, '{"content":"%s","sender":{"%s":["%s"]}}' % (text, text, text)))
    _, payload = listener.read_frame()
    value = json.loads(payload.decode("utf-8"), parse_constant=pytest.fail)
    expected = json.loads(f'"{text}"')
    assert value == message(expected, {expected: [expected]})
