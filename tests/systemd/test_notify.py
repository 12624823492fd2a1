"""What the daemon tells systemd: a real notify socket, and a watchdog that a
standing loop doesn't feed."""
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time

import pytest

from utils import TIMEOUT

HERE = pathlib.Path(__file__).resolve().parent


class NotifySocket:
    """systemd's end of sd_notify()."""

    def __init__(self, name):
        self.name = name
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + name[1:] if name.startswith("@") else name)
        self.sock.settimeout(TIMEOUT)
        self.seen = []

    def receive(self):
        """The assignments of the next datagram."""
        data = self.sock.recv(65536).decode()
        self.seen.append(data)
        return dict(line.split("=", 1) for line in data.splitlines() if "=" in line)

    def wait_for(self, key, fits=lambda value: True):
        """The value of the next assignment to this key that fits."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            try:
                value = self.receive().get(key)
            except TimeoutError:
                break
            if value is not None and fits(value):
                return value
        raise AssertionError(f"no such {key}= came; what came: {self.seen}")

    def drain(self):
        while select.select([self.sock], [], [], 0)[0]:
            self.receive()

    def comes_within(self, key, seconds):
        """Does an assignment to this key come in this time?"""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.sock], [], [], left)[0] and key in self.receive():
                return True
        return False

    def close(self):
        self.sock.close()


@pytest.fixture
def notify(short_path):
    sock = NotifySocket(str(short_path / "notify"))
    yield sock
    sock.close()


def counts(status):
    """(connections, rooms) in a STATUS line."""
    connections = re.search(r"(\d+) connection", status)
    rooms = re.search(r"(\d+) room", status)
    return connections and int(connections[1]), rooms and int(rooms[1])


def wait_for_counts(notify, connections, rooms):
    notify.wait_for("STATUS", lambda status: counts(status) == (connections, rooms))


def test_ready_status_stopping(start, notify):
    daemon = start(env={"NOTIFY_SOCKET": notify.name})
    notify.wait_for("READY", lambda value: value == "1")

    one = daemon.connect()
    two = daemon.connect()
    wait_for_counts(notify, 2, 1)
    three = daemon.connect("/room2")
    wait_for_counts(notify, 3, 2)
    one.leave()
    two.leave()
    wait_for_counts(notify, 1, 1)

    daemon.send_signal(signal.SIGTERM)
    notify.wait_for("STOPPING", lambda value: value == "1")
    assert three.wait_closed() == (1012, "restart")
    assert daemon.wait() == 0


def test_ready_comes_when_the_sockets_listen(start, notify):
    """READY=1 is what chat.socket's and other units' ordering rests on."""
    daemon = start(env={"NOTIFY_SOCKET": notify.name})
    notify.wait_for("READY")
    daemon.wait_until_ready()
    daemon.connect().fence()


def test_what_can_not_start_is_never_ready(start, notify):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        daemon = start(f"server.listen=127.0.0.1:{port}", env={"NOTIFY_SOCKET": notify.name})
        assert daemon.wait() == 1
    notify.drain()
    assert not any("READY" in datagram for datagram in notify.seen)


def test_abstract_notify_socket(start):
    name = f"@chatd-test-{os.getpid()}-{time.monotonic_ns()}"
    notify = NotifySocket(name)
    try:
        start(env={"NOTIFY_SOCKET": name})
        notify.wait_for("READY", lambda value: value == "1")
    finally:
        notify.close()


def test_a_notify_socket_that_nobody_reads_does_no_harm(start, short_path):
    """The service manager is busy or gone: the chat goes on."""
    path = str(short_path / "notify")
    notify = NotifySocket(path)
    daemon = start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
    notify.close()
    one, two = daemon.connect(), daemon.connect()
    two.fence()
    one.say("hello")
    assert two.receive()["content"] == "hello"


def test_a_notify_socket_that_is_full_does_not_stop_the_loop(start, notify):
    """The service manager is there but doesn't read for a while."""
    daemon = start(env={"NOTIFY_SOCKET": notify.name, "WATCHDOG_USEC": "20000"})
    one, two = daemon.connect(), daemon.connect()
    # A hundred datagrams a second: more than the queue holds, in any case.
    queue = int(pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    deadline = time.monotonic() + (2 + queue) * 0.01 + 1
    while time.monotonic() < deadline:
        one.say("hello")
        assert two.receive()["content"] == "hello"
    # When it reads again, word comes again.
    notify.drain()
    notify.wait_for("WATCHDOG")


def test_watchdog_is_fed(start, notify):
    """With a second to live, word comes at least every second."""
    start(env={"NOTIFY_SOCKET": notify.name, "WATCHDOG_USEC": "1000000"})
    notify.wait_for("READY")
    assert [notify.comes_within("WATCHDOG", 1.0) for _ in range(4)] == [True] * 4


def test_watchdog_of_another_process_is_not_fed(start, notify):
    daemon = start(env={"NOTIFY_SOCKET": notify.name, "WATCHDOG_USEC": "100000",
                             "WATCHDOG_PID": "1"})
    notify.wait_for("READY")
    assert not notify.comes_within("WATCHDOG", 0.5)
    daemon.connect().fence()


@pytest.fixture(scope="module")
def stuck_library(tmp_path_factory):
    library = tmp_path_factory.mktemp("stuck") / "stuck.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library),
                    str(HERE / "stuck.c")], check=True, timeout=TIMEOUT)
    return library


def test_a_loop_that_stands_still_does_not_feed_the_watchdog(start, notify, stuck_library):
    env = {"NOTIFY_SOCKET": notify.name, "WATCHDOG_USEC": "1000000",
           "LD_PRELOAD": str(stuck_library)}
    if "TEST_SANITIZE" in os.environ:
        # A preloaded library stands before the sanitizer's; it does no harm here.
        env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    daemon = start(env=env)
    one, two = daemon.connect(), daemon.connect()
    two.fence()
    notify.wait_for("WATCHDOG")

    daemon.send_signal(signal.SIGUSR2)
    daemon.wait_for_line("^stuck$")
    # What it sent before is not what we are after.
    notify.drain()
    assert not notify.comes_within("WATCHDOG", 2.5)
    # It lives all the same, and takes in what is sent to it.
    assert daemon.process.poll() is None
    one.say("are you there?")

    daemon.send_signal(signal.SIGUSR1)
    daemon.wait_for_line("^released$")
    notify.wait_for("WATCHDOG")
    assert two.receive()["content"] == "are you there?"
