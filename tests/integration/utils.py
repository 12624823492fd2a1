"""What the tests share: the daemon under test (client.py has who talks to it).

TEST_CHATD     the chatd binary (default: build/src/chatd of this checkout)
TEST_TIMEOUT   the longest wait for anything, in seconds
"""
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time

from client import TIMEOUT, Client, dial, message

HERE = pathlib.Path(__file__).resolve().parent
CHATD = os.environ.get("TEST_CHATD", str(HERE.parents[1] / "build/src/chatd"))

# A line of the daemon's log that no test may leave behind.
BAD_LOG_LINE = re.compile(r"Sanitizer|runtime error:|[Aa]ssertion")

MIB = 1 << 20

# Some tests hold a thousand connections.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))


def environment(extra=None):
    """Our environment without what would configure a daemon."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("CHATD_")}
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "JOURNAL_STREAM"):
        env.pop(name, None)
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    # Some tests measure memory: freed memory is to be held back for a while only.
    env.setdefault("ASAN_OPTIONS", "quarantine_size_mb=4")
    env.update(extra or {})
    return env


def run_chatd(*args, env=None):
    """Run chatd to its end: for --check, --help and what cannot start."""
    return subprocess.run([CHATD, *args], env=environment(env), text=True,
                          capture_output=True, timeout=TIMEOUT)


class Process:
    """A child whose output is kept, line by line, as it comes."""

    def __init__(self, argv, stream, **options):
        self.lines = []
        self._news = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            argv, text=True, errors="replace", stdin=subprocess.DEVNULL,
            **{stream: subprocess.PIPE}, **options)
        self._pipe = getattr(self.process, stream)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._pipe:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        with self._news:
            return "\n".join(self.lines)

    def wait_for_line(self, pattern):
        """The match of the first line that the pattern is found in, by now or to come."""
        pattern = re.compile(pattern)
        seen = 0

        def found():
            nonlocal seen
            while seen < len(self.lines):
                match = pattern.search(self.lines[seen])
                if match:
                    return match
                seen += 1
            return self._ended or None

        with self._news:
            match = self._news.wait_for(found, TIMEOUT)
        assert isinstance(match, re.Match), f"no line like {pattern.pattern!r} in:\n{self.log}"
        return match

    def wait(self):
        """The exit code, once all output has been read."""
        code = self.process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.wait()


class Peer(Process):
    """Another chat server to compare with, in Python: reference.py or guide.py."""

    def __init__(self, script, *args):
        super().__init__([sys.executable, str(HERE / script), *args], "stdout",
                         stderr=subprocess.DEVNULL)
        host, port = self.wait_for_line(r"listening on ws://([\d.]+):(\d+)").groups()
        self.address = (host, int(port))

    def connect(self, path="/", **options):
        return Client(self.address, path, **options)

    def finish(self):
        self.kill()


class Chatd(Process):
    """One daemon under test, ready to be connected to.

    settings: "section.key=value", given as --set; listen: where, None for the default
    """

    def __init__(self, *settings, config=os.devnull, listen=("127.0.0.1:0",),
                 env=None, nofile=None):
        argv = [CHATD, "--config", str(config), "--set", "log.target=stderr"]
        for value in [f"server.listen={where}" for where in listen or ()] + list(settings):
            argv += ["--set", value]
        if nofile:
            # Not by preexec_fn: that can hang in a process with threads, and we read in one.
            argv = ["prlimit", f"--nofile={nofile}", *argv]
        self._clients = []
        self._is_asked_to_end = False
        super().__init__(argv, "stderr", env=environment(env))
        try:
            self.wait_for_line(r" ready\b")
        except BaseException:
            self.kill()
            raise
        found = [re.search(r"listening on (?:ws://(.*):(\d+)/|unix:(.*))$", line)
                 for line in self.lines]
        self.addresses = [m[3] or (m[1].strip("[]"), int(m[2])) for m in found if m]

    @property
    def address(self):
        return self.addresses[0]

    def url(self, room=""):
        return "ws://{}:{}/{}".format(*self.address, room)

    def dial(self, **options):
        sock = dial(self.address, **options)
        self._clients.append(sock)
        return sock

    def connect(self, path="/", address=None, **options):
        client = Client(address or self.address, path, **options)
        self._clients.append(client)
        return client

    def memory(self):
        """Resident bytes."""
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def send_signal(self, number):
        self._is_asked_to_end |= number in (signal.SIGTERM, signal.SIGINT)
        self.process.send_signal(number)

    def wait_for_end(self):
        """It must end well, once it has been asked to."""
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {TIMEOUT} s")
        assert code == 0, f"exit code {code}"

    def stop(self, number=signal.SIGTERM):
        self.send_signal(number)
        self.wait_for_end()

    def finish(self):
        """The end of a test: stop it if it runs, and judge its log."""
        for client in self._clients:
            client.close()
        try:
            if not self._is_asked_to_end:
                self.send_signal(signal.SIGTERM)
            self.wait_for_end()
        finally:
            self.kill()
            print(f"--- log of chatd {self.pid}\n{self.log}")
            bad = [line for line in self.lines if BAD_LOG_LINE.search(line)]
            assert not bad, "\n".join(bad)


def eventually(check, what):
    """Wait for a fact that only asking again can tell (memory, /proc, files)."""
    deadline = time.monotonic() + TIMEOUT
    while not check():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


class Pair:
    """Two clients whom the trouble of others must not concern."""

    def __init__(self, chatd, room="/bystanders"):
        self.clients = [chatd.connect(room), chatd.connect(room)]
        self.said = 0

    def chat(self):
        """They hear each other, and nothing else has reached them."""
        for speaker, hearer in (self.clients, self.clients[::-1]):
            self.said += 1
            speaker.say(self.said)
            assert speaker.fence() == []
            assert hearer.fence() == [message(self.said)]
