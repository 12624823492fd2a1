"""The golden exchanges: every client gets, value by value, what the guide's server sends."""
import pytest

import scenario
from utils import HERE

SCENARIOS = [
    pytest.param(entry, id=f"{path.stem}: {entry['name']}")
    for path in sorted((HERE / "golden").glob("*.json"))
    for entry in scenario.load(path)["scenarios"]
]


@pytest.mark.parametrize("entry", SCENARIOS)
def test_golden(chatd, entry):
    player = scenario.Player(chatd.connect)
    for number, step in enumerate(entry["steps"], 1):
        got = player.play(step)
        fault = scenario.difference(scenario.expand(step.get("gets", {})), got)
        assert not fault, f"step {number}, {scenario.shorten(step)}:\n{fault}"
