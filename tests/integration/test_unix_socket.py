"""Listening on a Unix socket."""
import os
import pathlib
import socket
import tempfile

import pytest

from client import message
from utils import Pair, run_chatd
from wire import Wire, request


@pytest.fixture
def path():
    """Where a socket may be; short, because such paths are."""
    with tempfile.TemporaryDirectory(prefix="chatd-") as folder:
        yield pathlib.Path(folder) / "chat.socket"


def test_chat(start, path):
    daemon = start(listen=(f"unix:{path}",))
    assert daemon.address == str(path)
    Pair(daemon).chat()


def test_the_same_rooms_as_over_tcp(start, path):
    daemon = start(listen=("127.0.0.1:0", f"unix:{path}"))
    clients = [daemon.connect("/room", address=a) for a in daemon.addresses]
    for speaker, hearer in (clients, clients[::-1]):
        speaker.say("hi")
        assert speaker.fence() == []
        assert hearer.fence() == [message("hi")]


def test_it_is_gone_after_the_end(start, path):
    daemon = start(listen=(f"unix:{path}",))
    assert path.is_socket()
    daemon.stop()
    assert not path.exists()


def test_a_stale_socket_is_replaced(start, path):
    """Left behind by one who died: nobody listens on it any more."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    Pair(start(listen=(f"unix:{path}",))).chat()


def test_another_daemons_socket_is_left_alone(start, path):
    daemon = start(listen=(f"unix:{path}",))
    pair = Pair(daemon)
    done = run_chatd("--config", os.devnull, "--set", f"server.listen=unix:{path}",
                     "--set", "log.target=stderr")
    assert done.returncode == 1
    assert str(path) in done.stderr
    pair.chat()
    Pair(daemon, "/another").chat()


def test_a_file_of_another_kind_is_left_alone(path):
    path.write_text("precious")
    done = run_chatd("--config", os.devnull, "--set", f"server.listen=unix:{path}",
                     "--set", "log.target=stderr")
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert path.read_text() == "precious"


def test_bad_input(start, path):
    daemon = start(listen=(f"unix:{path}",))
    pair = Pair(daemon)
    for data in (b"garbage\r\n\r\n", request(sec_websocket_version="8"), request()[:40]):
        raw = Wire(daemon.dial())
        raw.send(data)
        raw.close()
    pair.chat()


def test_many_clients(start, path):
    daemon = start(listen=(f"unix:{path}",))
    clients = [daemon.connect("/room") for _ in range(100)]
    clients[0].say("hi")
    assert [client.receive() for client in clients[1:]] == [message("hi")] * 99
