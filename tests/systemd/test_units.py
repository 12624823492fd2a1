"""chat.service and chat.socket, as systemd's own tools see them."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from utils import CHATD, TIMEOUT

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICE = ROOT / "chat.service"
SOCKET = ROOT / "packaging/chat.socket"


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], text=True, capture_output=True,
                          timeout=TIMEOUT, env=os.environ | {"LC_ALL": "C.UTF-8"})


@pytest.fixture
def units(tmp_path):
    """The units as installed: with the path of a daemon that exists."""
    text = SERVICE.read_text()
    assert text.count("\nExecStart=/usr/bin/chatd\n") == 1
    (tmp_path / "chat.service").write_text(
        text.replace("\nExecStart=/usr/bin/chatd\n", f"\nExecStart={CHATD}\n"))
    shutil.copy(SOCKET, tmp_path)
    return [str(tmp_path / "chat.service"), str(tmp_path / "chat.socket")]


def test_systemd_finds_no_fault_in_the_units(units):
    result = analyze("verify", *units)
    assert (result.returncode, result.stderr) == (0, "")


def test_verify_would_find_a_fault(units):
    """That no fault was found says something only if one would have been."""
    with open(units[0], "a") as unit:
        unit.write("[Service]\nWatchdogSecs=20\n")
    result = analyze("verify", *units)
    assert "WatchdogSecs" in result.stderr


def test_exposure_is_below_one_and_a_half():
    result = analyze("security", "--offline=true", "--no-pager", "--threshold=15", str(SERVICE))
    found = re.search(r"Overall exposure level for chat\.service: ([0-9.]+) ", result.stdout)
    assert found, result.stdout + result.stderr
    assert float(found.group(1)) < 1.5
    # systemd's own verdict on the threshold (in tenths).
    assert result.returncode == 0, result.stderr


def test_the_service_says_what_the_daemon_relies_on():
    lines = SERVICE.read_text().splitlines()
    for line in ("Type=notify", "NotifyAccess=main", "Restart=on-failure", "DynamicUser=yes",
                 "StateDirectory=chatd", "RuntimeDirectory=chatd",
                 # Exit code 2 is a configuration error: no restart heals it.
                 "RestartPreventExitStatus=2"):
        assert line in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
