"""Sockets that systemd hands over: real systemd-socket-activate, and odd descriptors."""
import os
import pathlib
import random
import re
import signal
import socket

import pytest

from utils import TIMEOUT


def free_port(family, host):
    """A port that nobody has now; outside the range from which the kernel hands them out."""
    for port in random.sample(range(20000, 30000), 100):
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            try:
                sock.bind((host, port))
                return port
            except OSError:
                continue
    pytest.fail(f"no free port on {host}")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def listening(pid):
    """The listening stream sockets of a process: {"tcp": n, "tcp6": n, "unix": n}."""
    proc = pathlib.Path(f"/proc/{pid}")
    mine = set()
    for fd in (proc / "fd").iterdir():
        found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
        if found:
            mine.add(found.group(1))
    count = {}
    for name in ("tcp", "tcp6"):
        rows = [line.split() for line in (proc / "net" / name).read_text().splitlines()[1:]]
        count[name] = sum(row[3] == "0A" and row[9] in mine for row in rows)
    rows = [line.split() for line in (proc / "net/unix").read_text().splitlines()[1:]]
    # The flag is __SO_ACCEPTCON.
    count["unix"] = sum(bool(int(row[3], 16) & 0x10000) and row[6] in mine for row in rows)
    return count


def listener(family=socket.AF_INET, where=("127.0.0.1", 0)):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(where)
    sock.listen(64)
    return sock


def chat(daemon, addresses):
    """One on each address, all in one room: each is heard by all the others."""
    people = [daemon.connect(address=a) for a in addresses]
    for i, speaker in enumerate(people):
        # The server has let everybody in once it answers.
        assert [p.fence() for p in people] == [[] for _ in people]
        speaker.say(f"from {i}")
        for other in people:
            if other is not speaker:
                assert other.receive()["content"] == f"from {i}"
    return people


def test_systemd_socket_activate_with_several_sockets(start, short_path):
    addresses = [("127.0.0.1", free_port(socket.AF_INET, "127.0.0.1")),
                 str(short_path / "chat.sock")]
    where = [f"127.0.0.1:{addresses[0][1]}", addresses[1]]
    if has_ipv6():
        addresses.append(("::1", free_port(socket.AF_INET6, "::1")))
        where.append(f"[::1]:{addresses[2][1]}")
    daemon = start(activate=where)

    people = chat(daemon, addresses)

    daemon.wait_until_ready()
    assert daemon.addresses() == addresses
    # Nothing of its own: its default, localhost:8765, isn't among them.
    assert listening(daemon.pid) == {"tcp": 1, "tcp6": 1 if has_ipv6() else 0, "unix": 1}

    daemon.send_signal(signal.SIGTERM)
    for person in people:
        assert person.wait_closed() == (1012, "restart")
    assert daemon.wait() == 0


def test_sockets_are_handed_over_and_nothing_else_is_bound(start, short_path):
    path = str(short_path / "chat.sock")
    sockets = [listener(), listener(), listener(socket.AF_UNIX, path)]
    addresses = [s.getsockname() for s in sockets]
    # server.listen doesn't apply: nobody here has this address.
    daemon = start("server.listen=192.0.2.1:1", fds=[s.fileno() for s in sockets])
    for s in sockets:
        s.close()
    assert daemon.wait_until_ready().addresses() == addresses
    chat(daemon, addresses)
    assert listening(daemon.pid) == {"tcp": 2, "tcp6": 0, "unix": 1}
    # The path is systemd's, not ours to remove.
    daemon.finish()
    assert os.path.exists(path)


def test_who_waits_in_the_queue_is_served_after_a_restart(start):
    """Nobody is refused while the daemon is away: what a restart under chat.socket is."""
    with listener() as sock:
        first = start(fds=[sock.fileno()])
        first.connect().leave()
        first.stop()

        with socket.create_connection(sock.getsockname(), timeout=TIMEOUT) as early:
            early.sendall(b"GET /room1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                          b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            second = start(fds=[sock.fileno()])
            assert early.recv(4096).startswith(b"HTTP/1.1 101 ")
            assert second.connect().fence() == []


def test_named_descriptors_are_taken_too(start):
    """systemd names what it hands over; chatd needs no names and minds none."""
    with listener() as sock:
        daemon = start(fds=[sock.fileno()], env={"LISTEN_FDNAMES": "chat.socket"})
        daemon.connect().fence()


def test_descriptors_for_another_process_are_not_ours(start):
    """LISTEN_PID of somebody else, inherited by accident: the usual addresses."""
    daemon = start(env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    daemon.connect().fence()
    assert listening(daemon.pid) == {"tcp": 1, "tcp6": 0, "unix": 0}


def odd_descriptors():
    """Functions that open what is no listening stream socket."""
    def null():
        return os.open(os.devnull, os.O_RDONLY)

    def pipe():
        reader, writer = os.pipe()
        os.close(writer)
        return reader

    def datagram():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        return sock.detach()

    def not_listening():
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.bind(("127.0.0.1", 0))
        return sock.detach()

    def connected():
        one, other = socket.socketpair()
        other.close()
        return one.detach()

    return [null, pipe, datagram, not_listening, connected]


@pytest.mark.parametrize("make", odd_descriptors(), ids=lambda f: f.__name__)
@pytest.mark.parametrize("place", ["alone", "second"])
def test_what_is_no_listening_socket_is_a_clear_error(start, make, place):
    good = listener()
    odd = make()
    try:
        fds = [odd] if place == "alone" else [good.fileno(), odd]
        daemon = start(fds=fds)
        assert daemon.wait() == 1
    finally:
        os.close(odd)
        good.close()
    errors = daemon.errors()
    assert len(errors) == 1, daemon.log
    # It says which one.
    assert re.search(rf"\b{2 + len(fds)}\b", errors[0]), errors[0]
    assert "socket" in errors[0], errors[0]


def test_a_descriptor_that_is_not_there_is_a_clear_error(start):
    with listener() as sock:
        daemon = start(fds=[sock.fileno()], env={"LISTEN_FDS": "2"})
        assert daemon.wait() == 1
    assert len(daemon.errors()) == 1, daemon.log
    assert "service manager" in daemon.errors()[0]


def test_a_count_that_is_no_number_is_a_clear_error(start):
    with listener() as sock:
        daemon = start(fds=[sock.fileno()], env={"LISTEN_FDS": "many"})
        assert daemon.wait() == 1
    assert len(daemon.errors()) == 1, daemon.log
    assert "service manager" in daemon.errors()[0]
