"""WebSocket by hand: bytes that no well-behaved client would send, and what comes back."""
import base64
import hashlib
import socket
import struct

from websockets.utils import apply_mask

from client import reset

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x01\x02\x03\x04"


def frame(opcode, payload=b"", fin=True, rsv=0, mask=MASK, length=None, claim=None):
    """One client frame.

    length: how to spell the length: 7, 16 or 64 (bits); default the shortest
    claim: the length to give, if not the true one
    """
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload) if claim is None else claim
    length = length or (7 if n < 126 else 16 if n < 65536 else 64)
    head = bytes([fin << 7 | rsv << 4 | opcode])
    masked = 0x80 if mask else 0
    if length == 7:
        head += bytes([masked | n])
    elif length == 16:
        head += struct.pack("!BH", masked | 126, n)
    else:
        head += struct.pack("!BQ", masked | 127, n)
    if not mask:
        return head + payload
    return head + mask + apply_mask(payload, mask)


CHAT_PING = frame(TEXT, '{"type":"ping"}')


def close_frame(code=1000, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


def request(path="/room", method="GET", version="HTTP/1.1", without=(), **headers):
    """An upgrade; headers are replaced or added by keyword, _ standing for -."""
    lines = {"host": "localhost", "upgrade": "websocket", "connection": "Upgrade",
             "sec-websocket-key": KEY, "sec-websocket-version": "13"}
    lines.update((k.replace("_", "-"), v) for k, v in headers.items())
    head = f"{method} {path} {version}\r\n"
    for name, value in lines.items():
        if name not in without:
            head += f"{name.title()}: {value}\r\n"
    return head.encode() + b"\r\n"


class End(Exception):
    """The stream ended where more was expected."""


class Wire:
    """A connection that sends any bytes and takes the server's apart, strictly."""

    def __init__(self, sock):
        self.sock = sock
        self._data = b""

    def send(self, *parts):
        """All parts in one call; a server that has closed already is no error here."""
        try:
            self.sock.sendall(b"".join(parts))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _more(self):
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            assert not self._data, f"the stream ends after {self._data[:200]!r}"
            raise End
        self._data += data

    def read(self, n):
        while len(self._data) < n:
            self._more()
        data, self._data = self._data[:n], self._data[n:]
        return data

    def read_response(self):
        """(status, headers, body) of an HTTP answer."""
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        proto, code, *_ = status.split(" ", 2)
        assert proto in ("HTTP/1.1", "HTTP/1.0"), status
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if int(code) == 101:
            body = b""
        elif "content-length" in headers:
            body = self.read(int(headers["content-length"]))
        else:
            body = self.read_all()
        return int(code), headers, body.decode()

    def upgrade(self, *after, **kwargs):
        """A good handshake, with frames in the same packet if any are given."""
        self.send(request(**kwargs), *after)
        status, headers, body = self.read_response()
        assert status == 101, (status, body)
        digest = hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert headers["sec-websocket-accept"] == base64.b64encode(digest).decode()
        return self

    def read_piece(self):
        """(first byte, payload) of one frame, which must be unmasked and minimal."""
        first, second = self.read(2)
        assert not first & 0x70, f"first byte {first:#x}: reserved bits"
        assert not second & 0x80, "a server's frame must not be masked"
        try:
            n = second & 0x7f
            if n == 126:
                (n,) = struct.unpack("!H", self.read(2))
                assert n >= 126, "the length is not spelled the shortest way"
            elif n == 127:
                (n,) = struct.unpack("!Q", self.read(8))
                assert n >= 65536, "the length is not spelled the shortest way"
            return first, self.read(n)
        except End:
            raise AssertionError("the stream ends within a frame")

    def read_frame(self):
        """(opcode, payload) of the next frame; a long text may come in fragments."""
        first, payload = self.read_piece()
        if first != TEXT:
            assert first & 0x80, f"first byte {first:#x}: only text comes in fragments"
            return first & 0x0f, payload
        while not first & 0x80:
            assert len(payload) % 32768 == 0, "a fragment that isn't full"
            first, more = self.read_piece()
            assert first & 0x0f == CONT, f"opcode {first & 0x0f} between two fragments"
            payload += more
        return TEXT, payload

    def read_close(self):
        """(code, reason) of the close frame that comes next, (None, "") if it is empty."""
        opcode, payload = self.read_frame()
        assert opcode == CLOSE, (opcode, payload)
        if not payload:
            return None, ""
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def read_all(self):
        """All bytes until the end of the stream."""
        data = self._data
        self._data = b""
        try:
            while piece := self.sock.recv(1 << 16):
                data += piece
        except ConnectionResetError:
            pass
        return data

    def read_until(self, tail):
        """All bytes before @tail, which is the last there is: quicker than frame by frame."""
        while not self._data.endswith(tail):
            self._more()
        data, self._data = self._data, b""
        return data.removesuffix(tail)

    def read_end(self):
        """Nothing more may come but the end of the stream."""
        data = self.read_all()
        assert not data, f"expected the end, got {data[:200]!r}"

    def verdict(self):
        """How the server ends a connection: its close code, or None for just the end."""
        try:
            code, reason = self.read_close()
        except End:
            return None
        self.send(close_frame(code or 1000, reason.encode()))
        self.half_close()
        self.read_end()
        return code

    def half_close(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass                # reset by the server: reading will tell

    def reset(self):
        """Go with a RST."""
        reset(self.sock)

    def close(self):
        self.sock.close()
