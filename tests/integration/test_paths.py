"""Requests at the edges of what is looked at: long paths, odd headers."""
import base64
import hashlib

import pytest

from utils import Pair
from wire import CHAT_PING, TEXT, Wire, request

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


LONG_PATHS = {
    **{f"{n} bytes": "/" + "r" * (n - 1) for n in (*range(1021, 1027), 3000)},
    "1024 bytes escaped": "/" + "%72" * 1023,
    "1024 bytes, a slash the last": "/" + "r" * 1022 + "/",
    "3000 bytes in pieces": "/" + "r" * 1000 + "&" + "r" * 1000 + "&" + "r" * 997,
}


@pytest.mark.parametrize("case", LONG_PATHS)
def test_long_paths_are_refused(chatd, case):
    """None is cut, least of all to nothing, which would be /general."""
    general = Pair(chatd, "/general")
    raw = Wire(chatd.dial())
    raw.send(request(path=LONG_PATHS[case]))
    status, _, body = raw.read_response()
    assert status == 400
    assert "room" in body
    general.chat()


@pytest.mark.parametrize("offer", [",", ", ,", ",,"])
def test_a_list_of_no_subprotocols_is_refused(wire, pair, offer):
    raw = wire()
    raw.send(request(sec_websocket_protocol=offer))
    assert raw.read_response()[0] == 400
    pair.chat()


@pytest.mark.parametrize("last", "ABRfgx9+/")
def test_any_24_characters_of_base64_are_a_key(wire, last):
    """Of the last one only two bits count; not all clients leave the others at zero."""
    key = "A" * 21 + last + "=="
    raw = wire()
    raw.send(request(sec_websocket_key=key))
    status, headers, _ = raw.read_response()
    assert status == 101
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    assert headers["sec-websocket-accept"] == accept
    raw.send(CHAT_PING)
    assert raw.read_frame()[0] == TEXT
