"""Connecting: subprotocols, room names, and what a browser or curl is told."""
import http.client

import pytest

from client import Refused, message
from utils import Pair
from wire import End, Wire, request


def refused(chatd, path="/", **options):
    with pytest.raises(Refused) as refusal:
        chatd.connect(path, **options)
    return refusal.value


@pytest.mark.parametrize("offers, selected", [
    (None, None), (["chat.v1"], "chat.v1"), (["other", "chat.v1"], "chat.v1"),
    (["chat.v1", "other"], "chat.v1"), (["a", "b", "c", "chat.v1", "d"], "chat.v1"),
])
def test_subprotocol(chatd, offers, selected):
    client = chatd.connect("/room", subprotocols=offers)
    assert client.response.headers.get("Sec-WebSocket-Protocol") == selected
    other = chatd.connect("/room")
    client.say("hello")
    client.fence()
    assert other.fence() == [message("hello")]


@pytest.mark.parametrize("offers", [["other"], ["chat.v9", "other"], ["Chat.v1"], ["chat.v10"],
                                    ["chat"], ["http"], ["chat.v1.x"]], ids=" ".join)
def test_unknown_subprotocols_are_refused(chatd, pair, offers):
    refusal = refused(chatd, subprotocols=offers)
    assert refusal.status == 400
    assert "chat.v1" in refusal.body, "the body says what there is"
    pair.chat()


BAD_NAMES = {
    "129 bytes": "/" + "r" * 129,
    "1000 bytes": "/" + "r" * 1000,
    "129 bytes of UTF-8": "/" + "%C3%A9" * 64 + "x",
    "first control character": "/%01",
    "last control character": "/a%1F",
    "DEL": "/a%7Fb",
    "C1 control character": "/a%C2%85b",
    "no UTF-8": "/%FF",
    "overlong": "/%C0%AF",
    "surrogate": "/%ED%A0%80",
    "cut short": "/caf%C3",
    "beyond Unicode": "/%F4%90%80%80",
}


@pytest.mark.parametrize("case", BAD_NAMES)
def test_bad_room_names_are_refused_with_the_reason(chatd, pair, case):
    refusal = refused(chatd, BAD_NAMES[case])
    assert refusal.status == 400
    assert "room" in refusal.body
    pair.chat()


@pytest.mark.parametrize("path", ["/a%00b", "/%00b", "/%zz", "/%", "/a%1", "/a%0Ab", "/a%0D%0Ab"])
def test_bad_escapes_do_not_connect(start, path):
    """libwebsockets stumbles over most of these itself, so there may be another reason
    in the answer, or no answer. (It loses a NUL right behind the last slash: "/a/%00" is "/a/".)
    """
    chatd = start("limits.handshake_seconds=1")
    pair = Pair(chatd)
    raw = Wire(chatd.dial())
    raw.send(request(path=path))
    try:
        assert raw.read_response()[0] in (400, 403)
    except End:
        pass
    pair.chat()


@pytest.mark.parametrize("path, same", [
    ("/" + "%C3%A9" * 64, "/" + "%c3%a9" * 64 + "/"),
    ("/caf%C3%A9", "/caf\u00e9"),
    ("/%F0%9F%98%80", "/\U0001f600"),
    ("/%72oom", "/room"),
    ("/team%2Fops", "/team/ops"),
    ("/%2Froom%2F", "/room"),
    ("/room?x=1&name=bob", "/room"),
    ("/room/?", "/room"),
    ("/?x=%ff", "/general"),
    ("/a%20b", "/a%20b/"),
    ("/100%25", "/100%25"),
    ("/%C2%A0", "/%C2%A0"),
])
def test_paths_that_name_the_same_room(chatd, wire, path, same):
    alice = chatd.connect(path)
    raw = wire().upgrade(path=same)
    alice.say("hello")
    opcode, payload = raw.read_frame()
    assert b'"hello"' in payload


def http_get(chatd, method="GET", path="/", **headers):
    connection = http.client.HTTPConnection(*chatd.address, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/", "/room", "/index.html", "/a?b=c", "/" + "r" * 500])
def test_plain_http_is_told_what_this_is(chatd, pair, path):
    answer, body = http_get(chatd, path=path)
    assert answer.status == 426
    assert answer.getheader("Upgrade").lower() == "websocket"
    assert "upgrade" in answer.getheader("Connection").lower()
    assert answer.getheader("Content-Type").startswith("text/plain")
    assert "WebSocket" in body
    pair.chat()


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(chatd, pair, method):
    answer, _ = http_get(chatd, method)
    assert answer.status in (400, 405, 426, 501)
    pair.chat()


def test_an_answer_carries_nothing_it_should_not(chatd):
    """No extension is accepted unasked, and no cookie is set."""
    headers = chatd.connect("/room").response.headers
    assert "Sec-WebSocket-Extensions" not in headers
    assert "Set-Cookie" not in headers
    assert headers["Upgrade"].lower() == "websocket"
    assert headers["Connection"].lower() == "upgrade"
