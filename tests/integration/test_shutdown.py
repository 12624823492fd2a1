"""Ending: what is queued is delivered, everyone is told, nothing is left."""
import signal

import pytest

from client import message
from utils import MIB, Pair
from wire import CHAT_PING, PING, TEXT, Wire, close_frame, frame, request

RESTART = (1012, "restart")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everyone_is_told(chatd, number):
    clients = [chatd.connect(path) for path in ("/room", "/room", "/other")]
    for client in clients:
        client.fence()
    chatd.send_signal(number)
    assert [client.wait_closed() for client in clients] == [RESTART] * 3
    chatd.wait_for_end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nobody_there(chatd, number):
    chatd.stop(number)


def test_what_is_queued_is_delivered(chatd):
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    for i in range(1000):
        alice.say(i)
    alice.fence()
    chatd.send_signal(signal.SIGTERM)
    assert bob.wait_closed() == RESTART
    assert bob.inbox == [message(i) for i in range(1000)]
    assert alice.wait_closed() == RESTART
    chatd.wait_for_end()


def test_what_is_queued_is_delivered_to_one_who_reads_late(start):
    """More than the kernel takes: it is still in the daemon when the signal comes."""
    chatd = start("limits.lag_bytes=64M")
    alice, bob = chatd.connect("/room"), chatd.connect("/room", receive_buffer=4096)
    text = "x" * 500000
    for i in range(30):
        alice.say(text, i)
    alice.fence()
    chatd.send_signal(signal.SIGTERM)
    assert alice.wait_closed() == RESTART
    assert bob.wait_closed() == RESTART
    assert bob.inbox == [message(text, i) for i in range(30)]
    chatd.wait_for_end()


def test_answers_are_delivered_before_the_close(chatd):
    raw = Wire(chatd.dial()).upgrade()
    pair = Pair(chatd)
    raw.send(CHAT_PING * 100)
    pair.chat()
    chatd.send_signal(signal.SIGTERM)
    for _ in range(100):
        assert raw.read_frame() == (TEXT, b'{"type":"pong"}')
    assert raw.read_close() == RESTART
    raw.send(close_frame(1012))
    raw.read_end()


def test_a_frozen_client_holds_up_nobody(start):
    """It does not read, and it does not answer: it is given some seconds, no more."""
    chatd = start("limits.lag_bytes=64M")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    frozen = Wire(chatd.dial(receive_buffer=4096)).upgrade()
    text = "x" * 500000
    for i in range(30):
        alice.say(text, i)
        assert bob.receive() == message(text, i)
    chatd.send_signal(signal.SIGTERM)
    assert alice.wait_closed() == RESTART
    assert bob.wait_closed() == RESTART
    chatd.wait_for_end()
    frozen.close()


def test_one_who_never_answers_the_close_holds_up_nobody(chatd):
    silent = [Wire(chatd.dial()).upgrade() for _ in range(10)]
    alice = chatd.connect()
    chatd.send_signal(signal.SIGTERM)
    assert alice.wait_closed() == RESTART
    for raw in silent:
        assert raw.read_close() == RESTART
    chatd.wait_for_end()


def test_one_who_goes_on_talking_holds_up_nobody(chatd):
    """What it says from then on is not heard."""
    raw = Wire(chatd.dial()).upgrade()
    alice = chatd.connect("/room")
    chatd.send_signal(signal.SIGTERM)
    assert alice.wait_closed() == RESTART
    assert raw.read_close() == RESTART
    raw.send(frame(TEXT, '{"content":"late"}') * 1000, frame(PING, "late"))
    chatd.wait_for_end()
    assert alice.inbox == []


def test_a_thousand_clients(chatd):
    clients = [chatd.connect(f"/room-{i % 10}") for i in range(1000)]
    for speaker in clients[:10]:
        speaker.say("hello")
        speaker.fence()
    chatd.send_signal(signal.SIGTERM)
    for i, client in enumerate(clients):
        assert client.wait_closed() == RESTART
        assert client.inbox == ([] if i < 10 else [message("hello")])
    chatd.wait_for_end()


def test_a_thousand_clients_who_do_not_notice(chatd):
    """Nobody reads, nobody answers; the leak check at the end is the judge."""
    crowd = [Wire(chatd.dial()).upgrade(path=f"/room-{i % 10}") for i in range(1000)]
    crowd[0].send(frame(TEXT, '{"content":"hello"}'))
    chatd.stop()


def test_connections_in_every_state(chatd):
    """Silent, within the handshake, refused, within a frame, closing, half-closed."""
    def dial(*data):
        raw = Wire(chatd.dial())
        raw.send(*data)
        return raw

    states = [dial(), dial(b"GET"), dial(request()[:-2]),
              dial(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              dial(request(sec_websocket_version="8"))]
    for data in (frame(TEXT, "{}")[:3], frame(TEXT, "x" * 100000, fin=False), close_frame(1000),
                 frame(TEXT, length=64, claim=MIB)):
        states.append(Wire(chatd.dial()).upgrade())
        states[-1].send(data)
    states.append(Wire(chatd.dial()).upgrade())
    states[-1].half_close()
    Pair(chatd).chat()
    chatd.stop()
    for raw in states:
        raw.close()


def test_an_impatient_operator(start):
    """A second signal ends it at once."""
    chatd = start("limits.lag_bytes=64M")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    frozen = Wire(chatd.dial(receive_buffer=4096)).upgrade()
    for i in range(30):
        alice.say("x" * 500000)
        bob.receive()
    chatd.send_signal(signal.SIGTERM)
    assert bob.wait_closed() == RESTART
    chatd.stop(signal.SIGTERM)
    frozen.close()


def test_while_it_stops_nobody_comes_in(start):
    chatd = start("limits.lag_bytes=64M")
    alice, bob = chatd.connect("/room"), chatd.connect("/room")
    frozen = Wire(chatd.dial(receive_buffer=4096)).upgrade()
    waiting = Wire(chatd.dial())
    for i in range(30):
        alice.say("x" * 500000)
        bob.receive()
    chatd.send_signal(signal.SIGTERM)
    assert bob.wait_closed() == RESTART
    assert chatd.process.poll() is None, "it waits for the frozen one"
    with pytest.raises(ConnectionRefusedError):
        chatd.dial()
    waiting.send(request())
    assert b" 101 " not in waiting.read_all()
    chatd.stop(signal.SIGTERM)
    frozen.close()


def test_starting_again_on_the_same_port(start):
    first = start()
    pair = Pair(first)
    pair.chat()
    host, port = first.address
    for client in pair.clients:
        client.leave()
    first.stop()
    Pair(start(listen=(f"{host}:{port}",))).chat()
