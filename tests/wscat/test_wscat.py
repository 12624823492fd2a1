"""Chatting as a person does: wscat in a terminal, typing and reading.

wscat comes from npm (`npm ci` in this folder, as `make test` does it).
"""
import os
import pathlib
import re

import pexpect
import pytest

from utils import TIMEOUT

WSCAT = pathlib.Path(__file__).resolve().parent / "node_modules/.bin/wscat"

PONG = '{"type":"pong"}'
PING = '{"type":"ping"}'

# wscat draws over the line that is being typed: back to its start, clear it,
# three to the left (and, with colours, another colour), the text, a new prompt.
REDRAW = r"\r\x1b\[2K\x1b\[3D(?:\x1b\[\d+m)?"
RECEIVED = re.compile(REDRAW + r"< (.*?)\x1b\[39m\r?\n", re.DOTALL)


class Wscat:
    """A person with a terminal, in which wscat runs."""

    def __init__(self, url, *options):
        env = os.environ | {"TERM": "xterm-256color"}
        # Wide enough for a line never to wrap.
        self.terminal = pexpect.spawn(str(WSCAT), [*options, "-c", url], env=env,
                                      encoding="utf-8", timeout=TIMEOUT, dimensions=(40, 500))

    def wait_until_connected(self):
        self.terminal.expect_exact("Connected (press CTRL+C to quit)")
        self.terminal.expect_exact("> ")

    def type(self, text):
        self.terminal.sendline(text)

    def receive(self):
        """What the next line that begins with `<` says."""
        self.terminal.expect(RECEIVED)
        return self.terminal.match.group(1)

    def fence(self):
        """All that was received before the pong to a ping typed now."""
        self.type(PING)
        before = []
        while (line := self.receive()) != PONG:
            before.append(line)
        return before

    def wait_for(self, text):
        self.terminal.expect_exact(text)

    def wait_until_gone(self):
        """The exit status, once wscat has ended by itself."""
        self.terminal.expect(pexpect.EOF)
        self.terminal.wait()
        return self.terminal.exitstatus

    def press_ctrl_c(self):
        self.terminal.sendcontrol("c")

    def close(self):
        self.terminal.close(force=True)


@pytest.fixture
def wscat(chatd):
    """A function that opens one more terminal, in a room of the daemon's."""
    if not WSCAT.exists():
        pytest.fail("wscat is not installed: run `npm ci` in tests/wscat, or `make test`")
    opened = []

    def wscat(room, *options):
        person = Wscat(chatd.url(room), *options)
        opened.append(person)
        person.wait_until_connected()
        return person

    yield wscat
    for person in opened:
        person.close()


def test_two_in_a_room_hear_each_other_and_another_room_hears_nothing(wscat):
    one, two, elsewhere = wscat("room1"), wscat("room1"), wscat("room2")

    one.type('{"type":"message","content":"hello","sender":"one"}')
    assert two.receive() == '{"type":"message","content":"hello","sender":"one"}'
    two.type('{"content":"hello yourself"}')
    assert one.receive() == '{"type":"message","content":"hello yourself","sender":"Anonymous"}'

    # What they said has been delivered, so here it would have come before a pong.
    assert elsewhere.fence() == []
    # And nobody hears themselves.
    assert one.fence() == []
    assert two.fence() == []


def test_ping_is_answered(wscat):
    one = wscat("room1")
    one.type(PING)
    assert one.receive() == PONG


def test_what_is_not_json_is_answered_with_an_error_and_the_chat_goes_on(wscat):
    one, two = wscat("room1"), wscat("room1")
    one.type("nope")
    assert one.receive() == '{"type":"error","message":"Invalid JSON format"}'
    one.type('{"content":"still here"}')
    assert two.receive() == '{"type":"message","content":"still here","sender":"Anonymous"}'
    assert one.fence() == []


def test_emoji_and_accents_arrive_as_typed(wscat):
    one, two = wscat("room1"), wscat("room1")
    one.type('{"content":"Grüße 👋 こんにちは","sender":"é"}')
    assert two.receive() == '{"type":"message","content":"Grüße 👋 こんにちは","sender":"é"}'


def test_chat_v1_can_be_asked_for(wscat):
    one, two = wscat("room1", "-s", "chat.v1"), wscat("room1")
    one.type('{"content":"hello"}')
    assert two.receive() == '{"type":"message","content":"hello","sender":"Anonymous"}'


def test_unknown_subprotocol_is_refused(chatd):
    person = Wscat(chatd.url("room1"), "-s", "chat.v9")
    try:
        person.wait_for("error: Unexpected server response: 400")
    finally:
        person.close()


def test_ctrl_c_leaves_and_the_others_go_on(wscat):
    one, two, three = wscat("room1"), wscat("room1"), wscat("room1")
    one.press_ctrl_c()
    assert one.wait_until_gone() == 0
    two.type('{"content":"gone?"}')
    assert three.receive() == '{"type":"message","content":"gone?","sender":"Anonymous"}'
    assert two.fence() == []


def test_the_daemon_says_goodbye_when_it_stops(wscat, chatd):
    people = [wscat("room1"), wscat("room2")]
    chatd.stop()
    for person in people:
        person.wait_for('Disconnected (code: 1012, reason: "restart")')
        assert person.wait_until_gone() == 0
