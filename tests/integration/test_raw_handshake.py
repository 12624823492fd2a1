"""Handshakes that break RFC 6455, section 4, or HTTP, or are no HTTP at all.

Whatever one connection sends, a pair of clients goes on chatting.
"""
import socket
import ssl

import pytest

from client import message
from utils import eventually
from wire import CHAT_PING, TEXT, End, frame, request

HELLO = frame(TEXT, '{"content":"hello"}')
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) * 10
DROP = None         # the connection just ends
LWS = 403           # libwebsockets' own word, for what it never shows to chatd


@pytest.fixture
def chatd(start):
    return start("limits.handshake_seconds=1")


def status_of(wire):
    """The status of the answer, None if the connection ends without one."""
    try:
        return wire.read_response()[0]
    except End:
        return None


def client_hello():
    """What a TLS client says first."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing,
                                                server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_wrong_versions_are_told_the_right_one(wire, pair):
    for version in ("0", "7", "8", "12", "14", "113", "-13", "1 3", "13a", "", "x", "255"):
        raw = wire()
        raw.send(request(sec_websocket_version=version))
        status, headers, _ = raw.read_response()
        assert status == 426, version
        assert headers["sec-websocket-version"] == "13"
    pair.chat()


def test_missing_version(wire, pair):
    raw = wire()
    raw.send(request(without=("sec-websocket-version",)))
    status, headers, _ = raw.read_response()
    assert status == 426
    assert headers["sec-websocket-version"] == "13"
    pair.chat()


REFUSED = {
    "no key": (request(without=("sec-websocket-key",)), {400}),
    "an empty key": (request(sec_websocket_key=""), {400}),
    "a key that is not base64": (request(sec_websocket_key="?" * 24), {400}),
    "a key of 8 bytes": (request(sec_websocket_key="AAAAAAAAAAA="), {400}),
    "a key of 1000 bytes": (request(sec_websocket_key="A" * 1332 + "=="), {400, 431, DROP}),
    "no host": (request(without=("host",)), {400}),
    "no connection header": (request(without=("connection",)), {400, 426}),
    "connection: close": (request(connection="close"), {400, 426}),
    "connection: keep-alive": (request(connection="keep-alive"), {400, 426}),
    "an unknown upgrade": (request(upgrade="fancy/2"), {400, 426, 501, LWS, DROP}),
    "an empty upgrade": (request(upgrade=""), {400, 426, DROP}),
    "h2c": (request(upgrade="h2c", connection="Upgrade, HTTP2-Settings",
                    http2_settings="AAMAAABkAAQAAP__"), {400, 426, 501}),
    "h2c, its preface, and frames": (
        request(upgrade="h2c", connection="Upgrade, HTTP2-Settings",
                http2_settings="AAMAAABkAAQAAP__") + HTTP2, {400, 426, 501}),
    "HTTP/2 at once": (HTTP2, {400, 405, 501, 505, DROP, LWS}),
    **{f"{method}": (request(method=method), {400, 405, 426, 501, LWS, DROP})
       for method in ("POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO")},
    "POST with a body": (request(method="POST", content_length="5") + b"hello", {400, 405, 426}),
    "CONNECT": (b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
                {400, 405, 501, DROP}),
    "CONNECT that upgrades": (request(method="CONNECT", path="localhost:443"),
                              {400, 405, 501, DROP}),
    "HTTP/1.0": (request(version="HTTP/1.0"), {400, 426, 505}),
    "HTTP/0.9": (b"GET /\r\n\r\n", {400, 426, 505, DROP}),
    "HTTP/9.9": (request(version="HTTP/9.9"), {400, 426, 505, DROP}),
    "no version": (request(version=""), {400, 426, 505, DROP}),
    "no path": (request(path=""), {400, DROP}),
    "garbage": (bytes(range(256)) * 4, {400, DROP, LWS}),
    "zeros": (bytes(5000), {400, DROP, LWS}),
    "a long line without an end": (b"A" * 20000, {400, 414, 431, 405, DROP, LWS}),
    "only line ends": (b"\r\n" * 3000, {400, DROP}),
    "another language": (b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 100 + b"\r\n\r\n",
                         {400, 405, DROP, LWS}),
    "mail": (b"EHLO localhost\r\n\r\n", {400, 405, DROP, LWS}),
    "TLS": (client_hello(), {400, DROP, LWS}),
    "a header without a colon": (request()[:-2] + b"nonsense\r\n\r\n", {101, 400, DROP}),
    "a header with NUL": (request(x_y="a\0b"), {101, 400, DROP}),
    "a folded header": (request(x_y="a\r\n b"), {101, 400, DROP}),
    "two keys": (request()[:-2] + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                 {400, DROP}),
    "frames instead of HTTP": (HELLO * 20, {400, DROP, LWS}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(wire, pair, case):
    """An answer or none, and the server itself ends the connection."""
    data, allowed = REFUSED[case]
    raw = wire()
    raw.send(data)
    assert status_of(raw) in allowed
    if 101 not in allowed:
        raw.send(HELLO)                     # nobody listens any more
        raw.read_end()
    pair.chat()


@pytest.mark.parametrize("case", REFUSED)
def test_refused_when_no_more_comes(wire, pair, case):
    """Some of it looks like the beginning of something: half-closed, it is all there is."""
    data, allowed = REFUSED[case]
    raw = wire()
    raw.send(data)
    raw.half_close()
    assert status_of(raw) in allowed | {DROP}
    pair.chat()


ACCEPTED = {
    "names in capitals": request().upper().replace(b"/ROOM", b"/room").replace(
        b"DGHLIHNHBXBSZSBUB25JZQ==", b"dGhlIHNhbXBsZSBub25jZQ=="),
    "connection: keep-alive, Upgrade": request(connection="keep-alive, Upgrade"),
    "connection: upgrade": request(connection="upgrade"),
    "upgrade: WebSocket": request(upgrade="WebSocket"),
    "a browser's headers": request(
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        accept="*/*", accept_language="en-US,en;q=0.5", accept_encoding="gzip, deflate, br, zstd",
        origin="null", sec_websocket_extensions="permessage-deflate", dnt="1",
        sec_fetch_dest="empty", sec_fetch_mode="websocket", sec_fetch_site="same-origin",
        pragma="no-cache", cache_control="no-cache"),
    "a cookie of 2 KB": request(cookie="session=" + "c" * 2000),
    "unknown headers": request(**{f"x_unknown_{i}": "y" * 20 for i in range(50)}),
    "an unknown extension": request(sec_websocket_extensions="x-unknown; a=1, x-other"),
    "a content length of nothing": request(content_length="0"),
    "spaces around values": request(connection="  Upgrade  ", upgrade=" websocket"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(chatd, wire, pair, case):
    listener = chatd.connect("/room")
    raw = wire()
    raw.send(ACCEPTED[case], HELLO)
    status, headers, _ = raw.read_response()
    assert status == 101
    assert "x-unknown" not in headers.get("sec-websocket-extensions", "")
    assert listener.receive() == message("hello")
    pair.chat()


@pytest.mark.parametrize("head", [
    b"GET /room HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100000 + b"\r\n\r\n",
    request(cookie="c" * 100000),
    request(path="/" + "r" * 100000),
    request(path="/?" + "q" * 100000),
    request(**{f"x_{i}": "y" * 100 for i in range(1000)}),
    request(path="/?" + "&".join(f"a{i}=b" for i in range(5000))),
], ids=["unknown header", "cookie", "path", "query", "many headers", "many arguments"])
def test_oversized_headers(wire, pair, head):
    """Refused or cut off, never taken in."""
    raw = wire()
    raw.send(head)
    assert status_of(raw) in (400, 414, 431, DROP)
    raw.close()
    pair.chat()


def test_a_drip_of_headers_has_an_end(chatd, wire, pair):
    """Headers that never stop coming are cut off by their size."""
    raw = wire()
    raw.send(request()[:-2])
    for i in range(5000):
        raw.send(b"X-Header-%d: %s\r\n" % (i, b"x" * 100))
    assert status_of(raw) in (400, 431, DROP)
    pair.chat()


@pytest.mark.parametrize("cut", [1, 10, 40, 100, -3, -1])
@pytest.mark.parametrize("how", ["half-closed", "reset"])
def test_a_client_that_goes_within_the_handshake(wire, pair, cut, how):
    raw = wire()
    raw.send(request()[:cut])
    if how == "reset":
        raw.reset()
    else:
        raw.half_close()
        assert status_of(raw) in (400, 408, DROP)
    pair.chat()


def test_a_reset_right_after_the_handshake(chatd, wire, pair):
    for _ in range(50):
        raw = wire()
        raw.send(request(path="/bystanders"))
        raw.reset()
    for client in pair.clients:
        client.fence()
    pair.chat()


def test_many_refused_leave_nothing_behind(chatd, wire, pair):
    pair.chat()
    before = chatd.descriptors()
    for data, _ in REFUSED.values():
        raw = wire()
        raw.send(data)
        raw.half_close()
        status_of(raw)
        raw.close()
    eventually(lambda: chatd.descriptors() == before, "all descriptors are closed")
    pair.chat()


def test_requests_one_after_the_other_on_one_connection(wire, pair):
    """What follows a refused upgrade or a plain request is another request at most."""
    for first in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                  b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
                  request(upgrade="fancy/2"), request(upgrade="h2c"), request(path="/%01")):
        for second in (first, request(), request(upgrade="fancy/2"), request(upgrade="h2c"),
                       b"CONNECT / HTTP/1.1\r\n\r\n", HELLO):
            raw = wire()
            raw.send(first)
            assert status_of(raw) != 101
            raw.send(second)
            status_of(raw)
            raw.close()
    pair.chat()


def test_pipelined_requests(wire, pair):
    raw = wire()
    raw.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20 + request(upgrade="fancy/2"))
    assert status_of(raw) != 101
    raw.close()
    pair.chat()


def test_urgent_data_is_no_concern(chatd, wire, pair):
    """TCP's urgent pointer, which nobody uses."""
    raw = wire()
    raw.upgrade()
    raw.sock.send(b"!", socket.MSG_OOB)
    raw.send(CHAT_PING)
    raw.read_frame()
    pair.chat()
