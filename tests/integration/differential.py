#!/usr/bin/python3
"""Plays random scripts on two servers and compares what every client gets.

    differential.py --peer ws://127.0.0.1:8765 --guide --seed 1 --scripts 1000
    differential.py --seconds 600

Without --server it starts chatd (TEST_CHATD), without --peer reference.py.
--guide says that the peer is the guide's own server (see guide.py) and leaves
out what that falls over at. The same seed makes the same script. A script that
ends in a difference is printed, as steps that a golden file can take over.
"""
import argparse
import contextlib
import json
import random
import string
import sys
import time

from websockets.uri import parse_uri

import scenario
from client import Client

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
ROOMS = ("/", "/one", "/team/two")
SAME_ROOM = {"/": ("/", "/general", "/general/"), "/one": ("/one", "/one/", "//one"),
             "/team/two": ("/team/two", "/team/two//")}
SPACES = ("", "", "", "", " ", "\n", "\t ", "\r\n")
KEYS = ("type", "content", "sender", "id", "room", "", "typ\\u0065", "c\\u006fntent", "Type")
TYPES = ('"message"', '"message"', '"mess\\u0061ge"', '"ping"', '"pong"', '"Message"',
         "null", "1", "[]", '["message"]', "{}", '""', "true")
NUMBERS = ("0", "-0", "-0.0", "1", "1.0", "1e3", "1E-7", "123456789012345678901234567890",
           "9007199254740993", "0.1", "1e400", "-1e400", "1e-400", "5e-324")
STRINGS = ("", "x", "hello", "\\u0000", "\\ud83d\\ude00", "\U0001f600", "\\ud800", "\\\"\\\\",
           "\u00e9\u4e2d", "\\n\\t\\u001f", "\u2028", "\x7f", "<&>'", "</script>")
LENGTHS = (1, 60, 125, 126, 127, 300, 4000, 65535, 65536, 100000)
BROKEN = ("", " ", "nope", "{", "}", "{}{}", '{"content":', "[1,]", "{'a':1}", "tru", "01",
          '{"content":"\t"}', '{"a":1,}', "\ufeff{}", '"\\x"', "+1", "//", "\x00")
NO_OBJECTS = ("null", "true", "0", "1.5", '"ping"', "[]", '[{"type":"ping"}]', " [ ] ")
DEPARTURES = ("NaN", '{"content":NaN}', '{"content":[-Infinity]}', "[" * 3000,
              '{"content":' + "[" * 3000 + "]" * 3000 + "}", '{"content":' + "7" * 4301 + "}")


class Writer:
    """Random JSON, as text: the same value in many spellings."""

    def __init__(self, rng):
        self.rng = rng

    def string(self):
        rng = self.rng
        if rng.random() < 0.05:
            return '"' + rng.choice("x\u00e9\U0001f600") * rng.choice(LENGTHS) + '"'
        if rng.random() < 0.5:
            return '"' + rng.choice(STRINGS) + '"'
        return '"' + "".join(rng.choices(string.ascii_letters + " .,", k=rng.randrange(40))) + '"'

    def space(self):
        return self.rng.choice(SPACES)

    def listed(self, items):
        return ",".join(self.space() + item + self.space() for item in items)

    def value(self, depth=0):
        rng = self.rng
        kind = rng.random()
        if depth > 5 or kind < 0.35:
            return self.string()
        if kind < 0.55:
            return rng.choice(NUMBERS) if rng.random() < 0.5 else repr(rng.gauss(0, 1e6))
        if kind < 0.7:
            return rng.choice(("true", "false", "null", "[]", "{}"))
        items = [self.value(depth + 1) for _ in range(rng.randrange(4))]
        if kind < 0.85:
            return "[" + self.listed(items) + "]"
        return "{" + self.listed(self.string() + ":" + item for item in items) + "}"

    def member(self):
        key = self.rng.choice(KEYS)
        if key in ("type", "typ\\u0065"):
            value = self.rng.choice(TYPES)
        else:
            value = self.value()
        return f'"{key}"{self.space()}:{self.space()}{value}'

    def frame(self):
        members = [self.member() for _ in range(self.rng.randrange(6))]
        return self.space() + "{" + self.listed(members) + "}" + self.space()


def generate(seed, length, guide=False):
    """A random script, in the language of scenario.py."""
    rng = random.Random(seed)
    writer = Writer(rng)
    here = []
    steps = []
    while len(steps) < length:
        away = [name for name in NAMES if name not in here]
        if not here or (away and rng.random() < 0.15):
            who = rng.choice(away)
            here.append(who)
            path = rng.choice(SAME_ROOM[rng.choice(ROOMS)])
            steps.append({"do": "connect", "who": who, "path": path})
        elif rng.random() < 0.1:
            who = rng.choice(here)
            here.remove(who)
            steps.append({"do": "leave", "who": who})
        else:
            steps.append(send(rng, writer, rng.choice(here), guide))
    return steps


def send(rng, writer, who, guide):
    kind = rng.random()
    if kind < 0.1:
        text = rng.choice(BROKEN)
    elif kind < 0.15 and not guide:
        text = rng.choice(NO_OBJECTS)
    elif kind < 0.18 and not guide:
        text = rng.choice(DEPARTURES)
    elif kind < 0.25:
        text = '{"type":"ping"}'
    else:
        text = writer.frame()
    step = {"do": "send", "who": who}
    # A byte order mark is one thing in text and another in binary frames.
    form = "text" if rng.random() < 0.8 or text.startswith("\ufeff") else "binary"
    if rng.random() < 0.8:
        return step | {form: text}
    data = text.encode()
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 5)))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
    return step | {form + "_fragments": [{"hex": part.hex()} for part in parts]}


def compare(steps, connect_a, connect_b):
    """None, or what differs between the two servers (a is right, b is judged)."""
    players = [scenario.Player(connect_a), scenario.Player(connect_b)]
    try:
        for number, step in enumerate(steps, 1):
            expected, got = [player.play(step) for player in players]
            fault = scenario.difference(expected, got)
            if fault:
                return f"step {number}, {scenario.shorten(step)}:\n{fault}"
    finally:
        for player in players:
            player.close()
    return None


@contextlib.contextmanager
def server(url, start):
    """A function path -> Client, for a running server or for one that we start."""
    if url:
        yield lambda path: Client((url.host, url.port), path)
        return
    ours = start()
    try:
        yield ours.connect
    finally:
        ours.finish()


def main():
    from utils import Chatd, Peer
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=parse_uri, help="judge this one (default: start chatd)")
    parser.add_argument("--peer", type=parse_uri, help="by this one (default: reference.py)")
    parser.add_argument("--guide", action="store_true", help="the peer is the guide's server")
    parser.add_argument("--seed", type=int, default=1, help="of the first script")
    parser.add_argument("--scripts", type=int, default=40, help="how many")
    parser.add_argument("--steps", type=int, default=60, help="in each")
    parser.add_argument("--seconds", type=float, help="go on for so long instead of --scripts")
    args = parser.parse_args()
    end = args.seconds and time.monotonic() + args.seconds
    seed = args.seed
    with server(args.server, Chatd) as judged, \
            server(args.peer, lambda: Peer("reference.py")) as peer:
        while time.monotonic() < end if end else seed < args.seed + args.scripts:
            steps = generate(seed, args.steps, args.guide)
            fault = compare(steps, peer, judged)
            if fault:
                print("\n".join(json.dumps(step) for step in steps))
                print(f"seed {seed}: {fault}")
                return 1
            seed += 1
    print(f"{seed - args.seed} scripts of {args.steps} steps: no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
