"""Messages that begin with nothing."""
from test_partial import begin_too_much
from utils import Pair
from wire import CHAT_PING, CONT, TEXT, Wire, frame


def ping_after_nothing(raw):
    raw.send(frame(TEXT, "", fin=False), frame(CONT, '{"type":"ping"}'))
    assert raw.read_frame() == (TEXT, b'{"type":"pong"}')


def test_one_who_has_ended_what_it_began_stays(start):
    """Whatever others begin, and not even as the one who began first."""
    chatd = start("limits.buffered_bytes=1M")
    pair = Pair(chatd)
    good = Wire(chatd.dial()).upgrade()
    ping_after_nothing(good)
    begin_too_much(chatd)
    ping_after_nothing(good)
    good.send(CHAT_PING)
    assert good.read_frame()[0] == TEXT
    pair.chat()


def test_empty_pieces_at_any_place(raw):
    nothing = frame(CONT, "", fin=False)
    raw.send(frame(TEXT, "", fin=False), nothing * 100, frame(CONT, '{"type":', fin=False),
             nothing, frame(CONT, '"ping"}', fin=False), frame(CONT, ""))
    assert raw.read_frame() == (TEXT, b'{"type":"pong"}')
