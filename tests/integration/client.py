"""A chat client in straight-line code, and the JSON it reads."""
import json
import os
import socket
import struct
import sys
import time

from websockets.client import ClientConnection
from websockets.connection import State
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.uri import WebSocketURI

TIMEOUT = float(os.environ.get("TEST_TIMEOUT", 60))

PING = '{"type":"ping"}'
PONG = {"type": "pong"}
NOT_JSON = {"type": "error", "message": "Invalid JSON format"}
NOT_OBJECT = {"type": "error", "message": "Message must be a JSON object"}

sys.setrecursionlimit(5000)  # deeply nested JSON is among what we compare


def message(content="", sender="Anonymous"):
    """What the others in a room get."""
    return {"type": "message", "content": content, "sender": sender}


def parse(text):
    """The one JSON object in a server's frame; a key given twice is an error."""
    top = []

    def pairs(items):
        top[:] = items
        return dict(items)

    value = json.loads(text, object_pairs_hook=pairs)
    assert isinstance(value, dict), f"not a JSON object: {text[:200]}"
    assert len(top) == len(value), f"a key twice: {text[:200]}"
    return value


def canonical(value):
    """A text that is equal for equal JSON values only: 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


def dial(address, timeout=TIMEOUT, receive_buffer=None):
    """A stream socket to (host, port), or to a path in the file system."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if family == socket.AF_INET and ":" in address[0]:
        family = socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        sock.connect(address)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


def reset(sock):
    """Close with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Refused(Exception):
    """The upgrade was answered with another status than 101."""

    def __init__(self, response):
        self.status = response.status_code
        self.headers = response.headers
        self.body = (response.body or b"").decode()
        super().__init__(f"{self.status} {response.reason_phrase}: {self.body}")


class Closed(Exception):
    """The connection has ended; 1006 where no close frame came."""

    def __init__(self, code, reason):
        self.code, self.reason = code, reason
        super().__init__(f"{code} {reason}")


class Client:
    """A client on the protocol core of python3-websockets, without an event loop."""

    def __init__(self, address, path="/", subprotocols=None, headers=(),
                 receive_buffer=None):
        host, port = ("localhost", 80) if isinstance(address, str) else address
        self.ws = ClientConnection(WebSocketURI(False, host, port, path, ""),
                                   subprotocols=subprotocols, max_size=None)
        self.sock = dial(address, receive_buffer=receive_buffer)
        self.inbox = []         # frames that have come and nobody has asked for
        self.response = None
        self._parts = []        # of the message that is coming in
        request = self.ws.connect()
        for name, value in headers:
            request.headers[name] = value
        self.ws.send_request(request)
        self._flush()
        while self.response is None:
            assert self._pump(), "end of stream instead of an answer to the handshake"
        if self.ws.handshake_exc:
            self.close()
            if self.response.status_code != 101:
                raise Refused(self.response)
            raise self.ws.handshake_exc

    def _flush(self):
        try:
            for data in self.ws.data_to_send():
                if data:
                    self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass                # the server has gone: reading will tell how

    def _pump(self):
        """Take in what has come, or wait for it; false at the end of the stream."""
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if data:
            self.ws.receive_data(data)
        else:
            self.ws.receive_eof()
        self._flush()
        for event in self.ws.events_received():
            if isinstance(event, Response):
                self.response = event
            elif event.opcode in (Opcode.TEXT, Opcode.CONT):
                self._parts.append(event.data)
                if event.fin:
                    self.inbox.append(parse(b"".join(self._parts).decode()))
                    self._parts.clear()
            else:
                assert event.opcode is not Opcode.BINARY, "answers are text frames"
        assert self.ws.parser_exc is None or not data, repr(self.ws.parser_exc)
        return bool(data)

    def send(self, data):
        """One message: text from str, binary from bytes."""
        if isinstance(data, str):
            self.send_parts([data.encode()])
        else:
            self.send_parts([data], binary=True)

    def send_parts(self, parts, binary=False):
        """One message in as many frames; the parts are bytes, for text too."""
        if self.ws.state is not State.OPEN:
            self._raise_closed()
        first, *rest = parts
        begin = self.ws.send_binary if binary else self.ws.send_text
        begin(first, fin=not rest)
        for i, part in enumerate(rest, 1):
            self.ws.send_continuation(part, fin=i == len(rest))
        self._flush()

    def say(self, content, sender=None):
        self.send(json.dumps({"type": "message", "content": content} |
                             ({"sender": sender} if sender is not None else {})))

    def receive(self):
        """The next frame."""
        return self._wait_until(lambda: self.inbox).pop(0)

    def receive_many(self, count):
        return [self.receive() for _ in range(count)]

    def fence(self, asks=(PING,), answers=(PONG,)):
        """Everything that came before the answers to what is asked now."""
        for ask in asks:
            self.send(ask)
        width = len(answers)

        def behind():
            """Where the answers end in the inbox; 0 until they are there."""
            for end in range(width, len(self.inbox) + 1):
                if self.inbox[end - width:end] == list(answers):
                    return end
            return 0

        end = self._wait_until(behind)
        frames = self.inbox[:end - width]
        del self.inbox[:end]
        return frames

    def _wait_until(self, found):
        # The server's pings come whatever else doesn't: the socket's timeout is not enough.
        limit = time.monotonic() + TIMEOUT
        while not (result := found()):
            if not self._pump():
                self._raise_closed()
            assert time.monotonic() < limit, f"not in {TIMEOUT} s; there is {self.inbox[:20]}"
        return result

    def _raise_closed(self):
        rcvd = self.ws.close_rcvd
        raise Closed(*(rcvd.code, rcvd.reason) if rcvd else (1006, ""))

    def wait_closed(self):
        """(code, reason) once the server has closed; what came before is in the inbox."""
        limit = time.monotonic() + TIMEOUT
        while self._pump():
            assert time.monotonic() < limit, f"not closed in {TIMEOUT} s"
        try:
            self._raise_closed()
        except Closed as end:
            return end.code, end.reason
        finally:
            self.sock.close()

    def leave(self, code=1000):
        """Close as one should; the server has let go of us when this returns."""
        self.ws.send_close(code)
        self._flush()
        got, _ = self.wait_closed()
        assert got == code, f"close {code} was answered with {got}"

    def drop(self):
        """Go without a word: the connection is reset."""
        reset(self.sock)

    def close(self):
        self.sock.close()
