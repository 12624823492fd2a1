"""The servers that are measured: how each is started, and that it is gone afterwards."""

import os
import pathlib
import resource
import shutil
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 20
TITLES = {
    "chatd": "chatd",
    "floor": "floor (bare epoll, C)",
    "bun": "Bun, native publish",
    "node": "Node, ws",
    "guide": "Python, websockets",
}


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    text = (done.stdout or done.stderr).strip()
    return text.splitlines()[0] if text else ""


def find_bun():
    """npm's launcher if its install script ran, else the binary of the platform's package."""
    modules = HERE / "node_modules"
    candidates = [modules / ".bin" / "bun", *sorted(modules.glob("@oven/bun-linux-*/bin/bun"))]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and first_line([candidate, "--version"])[:1].isdigit():
            return str(candidate)
    return None


def commands(chatd, chatd_set, floor):
    """Map each server that can be started here to a function from port to command line."""
    found = {}
    if chatd and os.access(chatd, os.X_OK):
        settings = ["limits.connections=30000", "log.level=warning", *chatd_set]
        options = [word for setting in settings for word in ("--set", setting)]
        found["chatd"] = lambda port: [
            str(chatd),
            "--set",
            f"server.listen=127.0.0.1:{port}",
            *options,
        ]
    if floor and os.access(floor, os.X_OK):
        found["floor"] = lambda port: [str(floor), str(port)]
    bun = find_bun()
    if bun:
        found["bun"] = lambda port: [bun, str(HERE / "peers" / "bun_publish.mjs"), str(port)]
    node = shutil.which("node")
    if node and (HERE / "node_modules" / "ws").is_dir():
        found["node"] = lambda port: [node, str(HERE / "peers" / "node_ws.mjs"), str(port)]
    if first_line(["/usr/bin/python3", "-c", "import websockets; print(websockets.__version__)"])[
        :1
    ].isdigit():
        found["guide"] = lambda port: [
            "/usr/bin/python3",
            str(HERE / "peers" / "guide_server.py"),
            str(port),
        ]
    return found


def versions(found):
    result = {}
    if "chatd" in found:
        result["chatd"] = first_line([found["chatd"](0)[0], "--version"])
    if "bun" in found:
        result["bun"] = "Bun " + first_line([found["bun"](0)[0], "--version"])
    if "node" in found:
        package = HERE / "node_modules" / "ws" / "package.json"
        wanted = [line for line in package.read_text().splitlines() if '"version"' in line]
        result[
            "node"
        ] = f"Node {first_line(['node', '--version'])}, ws {wanted[0].split(chr(34))[3]}"
    if "guide" in found:
        script = "import sys, websockets; print('Python', sys.version.split()[0] + ', websockets', websockets.__version__)"
        result["guide"] = first_line(["/usr/bin/python3", "-c", script])
    return result


def raise_files():
    """Everything we start inherits it; 18,000 connections want a descriptor each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pin(core):
    return (lambda: os.sched_setaffinity(0, {core})) if core is not None else None


class Server:
    """One server process on a free port, in a folder of its own, on one core."""

    def __init__(self, command, core):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="chat-bench-")
        self.log = tempfile.TemporaryFile()
        # NODE_ENV is nothing to chatd; STATE_DIRECTORY nothing to the peers.
        env = {**os.environ, "STATE_DIRECTORY": self.folder.name, "NODE_ENV": "production"}
        env.pop("NOTIFY_SOCKET", None)
        self.process = subprocess.Popen(
            command(self.port),
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            cwd=self.folder.name,
            env=env,
            preexec_fn=pin(core),
        )
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"the server ended with {self.process.returncode}: {self.tail()}"
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the server does not listen: {self.tail()}")

    def tail(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-600:].strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
