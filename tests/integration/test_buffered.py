"""What is held for slow readers, over all rooms: bounded, however many there are."""
import os

from far import FarReader, peak_memory
from test_limits import CHUNK, too_slow
from utils import MIB, Pair, eventually

ROOMS = 64
LIMIT = 8 * MIB
ROUNDS = 100 * MIB // (ROOMS * CHUNK)


def test_a_frozen_reader_in_each_of_many_rooms(start):
    chatd = start("limits.lag_bytes=0", "limits.buffered_bytes=8M", "log.level=debug")
    pair = Pair(chatd)
    rooms = [f"/room-{i}" for i in range(ROOMS)]
    frozen = [FarReader(chatd, room) for room in rooms]
    writers = [chatd.connect(room) for room in rooms]
    before = peak_memory(chatd)
    for _ in range(ROUNDS):
        for writer in writers:
            writer.say("x" * CHUNK)
        for writer in writers:
            assert writer.fence() == []
        pair.chat()

    # Whoever is left is behind by all but what the kernel took.
    fit = LIMIT // (ROUNDS * CHUNK - 4 * CHUNK)
    eventually(lambda: too_slow(chatd) >= len(frozen) - fit, "all that don't fit are told")
    allowance = (150 if "TEST_SANITIZE" in os.environ else 40) * MIB
    assert peak_memory(chatd) - before < LIMIT + allowance
    for writer in writers:
        assert writer.fence() == []
    pair.chat()
