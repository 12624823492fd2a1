"""Configuration: the layers, what is in force, and errors that say where and why."""
import os
import socket

import pytest

from client import message
from utils import run_chatd

DEFAULTS = {
    "server.listen": ["localhost:8765"],
    "limits.connections": ["10000"],
    "limits.message_bytes": ["1M"],
    "keepalive.interval": ["20s"],
    "keepalive.timeout": ["20s"],
    "log.level": ["info"],
    "log.target": ["auto"],
}


def in_force(*args, env=None):
    """{key: [(value, origin), ...]} as --print-config tells it."""
    done = run_chatd(*args, "--print-config", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    values, section = {}, None
    for line in filter(None, done.stdout.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        else:
            setting, _, origin = line.partition(" ; ")
            key, _, value = setting.partition(" = ")
            values.setdefault(f"{section}.{key}", []).append((value, origin))
    return values


def error_of(*args, env=None, code=2):
    """The one line that a chatd that can't start leaves on stderr, without its name."""
    done = run_chatd(*args, env=env)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("chatd: ")
    return line.removeprefix("chatd: ")


@pytest.fixture
def conf(tmp_path):
    """A function that writes a configuration file and returns its path."""
    def write(text):
        path = tmp_path / "chatd.conf"
        path.write_text(text)
        return str(path)
    return write


def test_defaults():
    values = in_force("--config", os.devnull)
    for key, expected in DEFAULTS.items():
        assert [value for value, _ in values[key]] == expected, key
        assert all(origin == "default" for _, origin in values[key]), key


def test_each_layer_overrides_the_one_before(conf):
    path = conf("[limits]\nconnections = 100\nmessage_bytes = 64K\nlag_bytes = 2M\n")
    env = {"CHATD_LIMITS_MESSAGE_BYTES": "65K", "CHATD_LIMITS_LAG_BYTES": "3M"}
    values = in_force("--config", path, "--set", "limits.lag_bytes=5M", env=env)
    assert values["limits.connections"] == [("100", f"{path}:2")]
    assert values["limits.message_bytes"] == [("65K", "environment CHATD_LIMITS_MESSAGE_BYTES")]
    assert values["limits.lag_bytes"] == [("5M", "--set limits.lag_bytes")]
    assert values["keepalive.interval"] == [("20s", "default")]


def test_the_last_of_a_layer_counts(conf):
    path = conf("[limits]\nconnections = 1\nconnections = 2\n[log]\nlevel = error\n"
                "[limits]\nconnections = 3\n")
    assert in_force("--config", path)["limits.connections"] == [("3", f"{path}:7")]
    assert in_force("--set", "limits.connections=4", "--set", "limits.connections=5",
                    "--config", path)["limits.connections"] == [("5", "--set limits.connections")]


def test_listen_adds_up_within_a_layer_and_replaces_the_one_below(conf):
    path = conf("[server]\nlisten = 127.0.0.1:1\nlisten = [::1]:2, unix:/run/chat\n")
    values = in_force("--config", path)["server.listen"]
    assert values == [("127.0.0.1:1", f"{path}:2"), ("[::1]:2", f"{path}:3"),
                      ("unix:/run/chat", f"{path}:3")]
    env = {"CHATD_SERVER_LISTEN": "127.0.0.1:3,127.0.0.1:4"}
    values = in_force("--config", path, env=env)["server.listen"]
    assert [value for value, _ in values] == ["127.0.0.1:3", "127.0.0.1:4"]
    values = in_force("--config", path, "--set", "server.listen=localhost:5", env=env)
    assert values["server.listen"] == [("localhost:5", "--set server.listen")]


@pytest.mark.parametrize("key, text, shown", [
    ("limits.message_bytes", "1048576", "1M"), ("limits.message_bytes", "1500", "1500"),
    ("limits.message_bytes", "64K", "64K"), ("limits.message_bytes", "1024K", "1M"),
    ("limits.buffered_bytes", "2G", "2G"), ("limits.connections", "0", "0"),
    ("keepalive.interval", "1500ms", "1500ms"), ("keepalive.interval", "90s", "90s"),
    ("keepalive.interval", "2m", "2m"), ("keepalive.interval", "1h", "1h"),
    ("keepalive.interval", "1d", "1d"), ("keepalive.interval", "60s", "1m"),
    ("limits.handshake_seconds", "7", "7s"), ("log.level", "debug", "debug"),
])
def test_units(key, text, shown):
    values = in_force("--config", os.devnull, "--set", f"{key}={text}")
    assert values[key] == [(shown, f"--set {key}")]


def test_what_print_config_prints_is_a_configuration_file(conf):
    args = ("--config", os.devnull, "--set", "limits.connections=7", "--set", "log.level=debug",
            "--set", "server.listen=127.0.0.1:1", "--set", "server.listen=unix:/run/chat")
    printed = run_chatd(*args, "--print-config").stdout
    again = in_force("--config", conf(printed))
    for key, entries in in_force(*args).items():
        assert [value for value, _ in again[key]] == [value for value, _ in entries], key


def test_comments_blank_lines_and_spaces(conf):
    path = conf("# a comment\n; another\n\n  [limits]  \n\n connections=5\n"
                "message_bytes   =   2K   ; inline\n")
    values = in_force("--config", path)
    assert values["limits.connections"] == [("5", f"{path}:6")]
    assert values["limits.message_bytes"] == [("2K", f"{path}:7")]


def test_windows_line_ends(conf):
    path = conf("[limits]\r\nconnections = 5\r\n")
    assert in_force("--config", path)["limits.connections"][0][0] == "5"


def test_check_is_silent_about_a_good_configuration(conf):
    done = run_chatd("--config", conf("[limits]\nconnections = 5\n"), "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_does_not_start_anything():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_chatd("--config", os.devnull, "--set", f"server.listen=127.0.0.1:{port}",
                         "--check")
    assert (done.returncode, done.stderr) == (0, "")


IN_FILE = {
    "unknown key": ("[limits]\nconnektions = 5\n", 2, "limits.connektions: "),
    "unknown section": ("\n\n[limit]\nconnections = 5\n", 4, "limit.connections: "),
    "key of another section": ("[log]\nconnections = 5\n", 2, "log.connections: "),
    "key without a section": ("connections = 5\n", 1, "connections: "),
    "no number": ("[limits]\nconnections = many\n", 2, 'limits.connections: "many" '),
    "negative number": ("[limits]\nconnections = -1\n", 2, 'limits.connections: "-1" '),
    "fraction": ("[limits]\nconnections = 1.5\n", 2, 'limits.connections: "1.5" '),
    "empty value": ("[limits]\nconnections =\n", 2, "limits.connections: "),
    "unknown unit": ("[limits]\n\nmessage_bytes = 1X\n", 3, 'limits.message_bytes: "1X" '),
    "unit of another kind": ("[keepalive]\ninterval = 1K\n", 2, 'keepalive.interval: "1K" '),
    "beyond 64 bits": ("[limits]\nlag_bytes = 99999999999999999999\n", 2,
                       'limits.lag_bytes: "99999999999999999999" '),
    "too large": ("[limits]\nmessage_bytes = 1000000G\n", 2,
                  'limits.message_bytes: "1000000G" '),
    "unknown level": ("[log]\nlevel = loud\n", 2, 'log.level: "loud" '),
    "unknown target": ("[log]\ntarget = printer\n", 2, 'log.target: "printer" '),
    "not an address": ("[server]\nlisten = here\n", 2, 'server.listen: "here"'),
    "port too large": ("[server]\nlisten = localhost:65536\n", 2,
                       'server.listen: "localhost:65536"'),
    "port not a number": ("[server]\nlisten = localhost:http\n", 2,
                          'server.listen: "localhost:http"'),
    "no port": ("[server]\nlisten = [::1]\n", 2, 'server.listen: "[::1]"'),
    "IPv6 without brackets": ("[server]\nlisten = ::1:80\n", 2, 'server.listen: "::1:80"'),
    "unix without a path": ("[server]\nlisten = unix:\n", 2, 'server.listen: "unix:"'),
    "unix path too long": (f"[server]\nlisten = unix:/{'x' * 150}\n", 2, "server.listen: "),
    "second of two": ("[server]\nlisten = localhost:1\nlisten = nowhere\n", 3,
                      'server.listen: "nowhere"'),
    "not a setting": ("[limits]\nconnections = 5\nnonsense\n", 3, ""),
    "section without an end": ("[limits\nconnections = 5\n", 1, ""),
    "first of two errors": ("[limits]\nfirst = 1\nsecond = 2\n", 2, "limits.first: "),
    "a very long line": ("[limits]\n" + "connections = " + "5" * 100000 + "\n", 2, ""),
    "a NUL": ("[limits]\nconnections = 5\0\n", 2, ""),
}


@pytest.mark.parametrize("case", IN_FILE)
@pytest.mark.parametrize("how", ["check", "start"])
def test_error_in_the_file(conf, case, how):
    text, line, rest = IN_FILE[case]
    path = conf(text)
    args = ("--check",) if how == "check" else ()
    error = error_of("--config", path, *args)
    assert error.startswith(f"{path}:{line}: {rest}")
    assert len(error) > len(f"{path}:{line}: {rest}"), "and the reason"


@pytest.mark.parametrize("name, value, rest", [
    ("CHATD_LIMITS_CONNECTIONS", "many", 'limits.connections: "many" '),
    ("CHATD_LIMITS_CONNECTIONS", "", "limits.connections: "),
    ("CHATD_LIMITS_CONNEKTIONS", "5", ""), ("CHATD_LIMIT_CONNECTIONS", "5", ""),
    ("CHATD_LIMITS", "5", ""), ("CHATD_", "5", ""), ("CHATD_LIMITS_", "5", ""),
    ("CHATD_limits_connections", "5", ""), ("CHATD_" + "X" * 500, "5", ""),
    ("CHATD_SERVER_LISTEN", "here", 'server.listen: "here"'),
], ids=lambda text: text[:40])
def test_error_in_the_environment(name, value, rest):
    error = error_of("--config", os.devnull, "--check", env={name: value})
    assert error.startswith(f"environment {name[:200]}")
    assert rest in error


def test_other_variables_are_no_concern():
    done = run_chatd("--config", os.devnull, "--check",
                     env={"CHAT_LIMITS": "1", "CHATDX": "2", "XCHATD_LIMITS_X": "3"})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("setting, begin", [
    ("limits.connections=many", '--set limits.connections: limits.connections: "many" '),
    ("limits.connektions=5", "--set limits.connektions: limits.connektions: "),
    ("limit.connections=5", "--set limit.connections: limit.connections: "),
    ("limits.connections", "--set limits.connections: "),
    ("connections=5", "--set connections=5: "),
    ("=5", "--set =5: "), ("", "--set "), (".=", "--set "), ("limits.=5", "--set limits."),
    ("log.level=", "--set log.level: log.level: "),
    ("server.listen=here", '--set server.listen: server.listen: "here"'),
    ("x." * 200 + "=1", "--set x.x."),
    ("limits.connections=" + "9" * 2000, "--set limits.connections: "),
], ids=lambda text: text[:40])
def test_error_in_set(setting, begin):
    assert error_of("--config", os.devnull, "--check", "--set", setting).startswith(begin)


@pytest.mark.parametrize("args", [
    ("--nonsense",), ("-x",), ("extra",), ("--config",), ("--set",), ("--check", "extra"),
    ("--check=1",), ("--config", os.devnull, "--", "x"),
], ids=" ".join)
def test_usage(args):
    done = run_chatd(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("chatd: ")
    assert "--help" in done.stderr


def test_no_file(tmp_path):
    path = tmp_path / "nowhere.conf"
    assert error_of("--config", str(path)).startswith(f"{path}: ")


def test_a_folder_is_no_file(tmp_path):
    assert error_of("--config", str(tmp_path)).startswith(f"{tmp_path}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_file(conf):
    path = conf("[limits]\nconnections = 5\n")
    os.chmod(path, 0)
    assert error_of("--config", path).startswith(f"{path}: ")


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = run_chatd("--config", os.devnull, "--set", f"server.listen={address}",
                         "--set", "log.target=stderr")
    assert done.returncode == 1
    assert "Sanitizer" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if address in line]
    assert "--set server.listen" in line and "in use" in line.lower()


@pytest.mark.parametrize("address", ["192.0.2.1:0", "[2001:db8::1]:0", "no-such-host.invalid:0",
                                     "unix:/nowhere/at/all"])
def test_an_address_that_is_not_here(address):
    done = run_chatd("--config", os.devnull, "--set", f"server.listen={address}",
                     "--set", "log.target=stderr")
    assert done.returncode == 1
    assert address in done.stderr


def test_help_and_version():
    done = run_chatd("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--config", "--set", "--check", "--print-config", "--version", *DEFAULTS):
        assert word in done.stdout, word
    done = run_chatd("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("chatd ")


def test_several_addresses(start):
    daemon = start(listen=("127.0.0.1:0", "127.0.0.1:0", "[::1]:0"))
    assert len(daemon.addresses) == 3
    first, *others = [daemon.connect("/room", address=a) for a in daemon.addresses]
    first.say("everywhere")
    first.fence()
    assert [client.fence() for client in others] == [[message("everywhere")]] * 2


def test_what_is_configured_is_in_force(start, conf):
    daemon = start(config=conf("[limits]\nmessage_bytes = 2K\n"),
                   env={"CHATD_LOG_LEVEL": "debug"})
    client = daemon.connect()
    daemon.wait_for_line(" debug ")
    client.send("x" * 2049)
    assert client.wait_closed()[0] == 1009
