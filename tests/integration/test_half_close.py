"""One who doesn't read and then goes halfway: no work comes of it."""
import time

import pytest

from far import FarReader
from utils import MIB, Pair, eventually


@pytest.fixture
def chatd(start):
    return start("limits.lag_bytes=64M", "keepalive.interval=4s", "keepalive.timeout=2s")


WAYS = {
    "half-close": lambda reader: reader.half_close(),
    "garbage": lambda reader: reader.send(b"\xff" * 2000),
    "garbage and half-close": lambda reader: (reader.send(b"\xff" * 2000), reader.half_close()),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_costs_nothing(chatd, way):
    pair = Pair(chatd)
    writer, listener = chatd.connect("/room"), chatd.connect("/room")
    descriptors = chatd.descriptors()
    reader = FarReader(chatd)
    for _ in range(4):
        writer.say("x" * (MIB - 1000))
        assert len(listener.receive()["content"]) == MIB - 1000
    reader.wait_for_bytes()
    assert writer.fence() == listener.fence() == []
    WAYS[way](reader)
    pair.chat()

    # Two seconds of it, measured.
    cpu = chatd.cpu_seconds()
    time.sleep(2)
    assert chatd.cpu_seconds() - cpu < 0.5
    pair.chat()
    assert writer.fence() == listener.fence() == []

    # It may be gone by now; if not, it gives no sign of life.
    others = (writer, listener, *pair.clients)
    eventually(lambda: not any(client.fence() for client in others)
               and chatd.descriptors() == descriptors, "it has been let go")
    chatd.stop()
