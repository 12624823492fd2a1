"""Readers far away: the kernel holds little for them, and they read when they feel like it."""
import json
import pathlib
import re
import select
import socket

from client import TIMEOUT
from wire import CLOSE, CONT, PING, PONG, TEXT, End, Wire

SEGMENT = 536           # the smallest that TCP promises: about 90 KB are then on their way
FRAGMENT = 32768        # the longest piece that a message to clients comes in


def peak_memory(chatd):
    """The most resident bytes it has had so far."""
    status = pathlib.Path(f"/proc/{chatd.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) << 10


class FarReader(Wire):
    """One of them, upgraded, in a room."""

    def __init__(self, chatd, room="/room"):
        sock = socket.socket()
        sock.settimeout(TIMEOUT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        sock.connect(chatd.address)
        super().__init__(sock)
        self.control = []       # (opcode, payload), as they come
        self.upgrade(path=room)

    def wait_for_bytes(self):
        """Until something has been written to us; reads nothing."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        assert poll.poll(TIMEOUT * 1000), "nothing came"

    def read_message(self, begun=b""):
        """The next message's JSON; @begun is what has been read of it already."""
        data = begun
        is_last = False
        while not is_last:
            first, payload = self.read_piece()
            opcode = first & 0x0f
            if opcode in (CLOSE, PING, PONG):
                assert first & 0x80
                self.control.append((opcode, payload))
                if opcode == CLOSE:
                    raise End
                continue
            assert opcode == (CONT if data else TEXT)
            assert len(payload) <= FRAGMENT
            data += payload
            is_last = first & 0x80
        return json.loads(data)
