"""Random scripts: every client gets the same JSON from chatd as from the reference.

differential.py plays more of them, and against other servers.
"""
import pytest

import differential
from utils import Peer

STEPS = 60


@pytest.fixture(scope="module")
def reference():
    peer = Peer("reference.py")
    yield peer
    peer.finish()


@pytest.mark.parametrize("seed", range(1, 41))
def test_differential(chatd, reference, seed):
    steps = differential.generate(seed, STEPS)
    fault = differential.compare(steps, reference.connect, chatd.connect)
    assert not fault, f"seed {seed}, {fault}"
