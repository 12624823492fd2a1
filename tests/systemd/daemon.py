"""The daemon as a service manager starts it: with a notify socket, with sockets
handed over, or by systemd-socket-activate."""
import os
import re
import signal
import sys

from client import Client
from utils import BAD_LOG_LINE, CHATD, Process, environment

# What systemd does for a service: the descriptors from 3 on, and the process
# that they are meant for. argv: the descriptors, the command.
HAND_OVER = """
import os, sys
fds = [int(n) for n in sys.argv[1].split(",")]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for fd in fds:
    os.close(fd)
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""

SANITIZER_OPTIONS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")


class Daemon(Process):
    """One daemon; it need not come up.

    settings: "section.key=value", given as --set
    fds: handed over as listening sockets; without, a port of its own on 127.0.0.1
    activate: what systemd-socket-activate listens on, to start it with the first client
    """

    def __init__(self, *settings, fds=(), activate=(), env=None):
        argv = [CHATD, "--config", os.devnull, "--set", "log.target=stderr"]
        if not fds and not activate:
            settings = ("server.listen=127.0.0.1:0", *settings)
        for value in settings:
            argv += ["--set", value]
        env = env or {}
        if fds:
            env = {"LISTEN_FDS": str(len(fds))} | env
            argv = [sys.executable, "-c", HAND_OVER, ",".join(map(str, fds)), *argv]
        if activate:
            # It hands on little of the environment unless told to.
            kept = [f"--setenv={name}={os.environ[name]}" for name in SANITIZER_OPTIONS
                    if name in os.environ]
            argv = ["systemd-socket-activate", *kept,
                    *(f"--listen={where}" for where in activate), *argv]
        self.clients = []
        super().__init__(argv, "stderr", env=environment(env), pass_fds=fds)
        for fd, _ in enumerate(activate, 3):
            self.wait_for_line(rf"Listening on .* as {fd}\.")

    def wait_until_ready(self):
        self.wait_for_line(r" ready\b")
        return self

    def listening_lines(self):
        return [line for line in self.lines if " listening on " in line]

    def addresses(self):
        """Where it says that it listens: (host, port), or a path."""
        found = [re.search(r" listening on (?:ws://(.*):(\d+)/|unix:(.*))$", line)
                 for line in self.listening_lines()]
        return [m[3] or (m[1].strip("[]"), int(m[2])) for m in found]

    def connect(self, path="/room1", address=None):
        if not address:
            address = self.wait_until_ready().addresses()[0]
        client = Client(address, path)
        self.clients.append(client)
        return client

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """It must end well when asked to."""
        self.send_signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code}"

    def errors(self):
        """What it has said beside where it listens."""
        return [line for line in self.lines if " listening on " not in line]

    def finish(self):
        """The end of a test: stop it if it runs, and judge its log."""
        for client in self.clients:
            client.close()
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.kill()
            print(f"--- log of chatd {self.pid}\n{self.log}")
        bad = [line for line in self.lines if BAD_LOG_LINE.search(line)]
        assert not bad, "\n".join(bad)
