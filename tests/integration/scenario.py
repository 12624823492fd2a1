"""Scripts of what clients do, as data: played, described, read and written.

A scenario is a list of steps, in JSON:

    {"do": "connect", "who": "alice", "path": "/room"}
    {"do": "send", "who": "alice", "text": "{}", "gets": {"bob": [...]}}
    {"do": "leave", "who": "alice"}

A message is one of "text", "binary" (one frame), "text_fragments" and
"binary_fragments" (a list with one entry for each frame). Its bytes are a
string, {"hex": "..."}, {"repeat": "x", "times": 3}, or a list of these.

"gets" says which frames each client was sent between this step and the next;
a client that is not named got nothing. {"closed": 1009} stands for the end of
a connection. Values too long or too odd to be written out are described:
{"repeat": "x", "times": 1000}, {"nested": 900} (lists in lists, the innermost
empty), {"float": "inf"}.
"""
import json
import math

from client import NOT_JSON, PING, PONG, Closed, canonical

MESSAGE_KINDS = ("text", "binary", "text_fragments", "binary_fragments")
LONG = 200          # characters; a longer string is described
DEEP = 20           # lists in lists; a deeper value is described


def payload(spec):
    """The bytes that a message's description stands for."""
    if isinstance(spec, str):
        return spec.encode()
    if isinstance(spec, list):
        return b"".join(payload(part) for part in spec)
    if "hex" in spec:
        return bytes.fromhex(spec["hex"])
    return spec["repeat"].encode() * spec["times"]


def expand(value):
    """The value that a description in "gets" stands for."""
    if isinstance(value, list):
        return [expand(v) for v in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"repeat", "times"}:
        return value["repeat"] * value["times"]
    if value.keys() == {"float"}:
        return float(value["float"])
    if value.keys() == {"nested"}:
        lists = []
        for _ in range(value["nested"] - 1):
            lists = [lists]
        return lists
    return {k: expand(v) for k, v in value.items()}


def nesting(value):
    depth = 0
    while isinstance(value, list) and len(value) <= 1:
        depth += 1
        if not value:
            return depth
        value = value[0]
    return 0


def describe(value):
    """The inverse of expand(), for what a server sent."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, str) and len(value) > LONG:
        unit = next((value[:n] for n in range(1, LONG)
                     if value == value[:n] * (len(value) // n)), None)
        assert unit, f"a long string without a period: {value[:LONG]}..."
        return {"repeat": unit, "times": len(value) // len(unit)}
    if nesting(value) > DEEP:
        return {"nested": nesting(value)}
    if isinstance(value, list):
        return [describe(v) for v in value]
    if isinstance(value, dict):
        assert value.keys() not in ({"repeat", "times"}, {"float"}, {"nested"})
        return {k: describe(v) for k, v in value.items()}
    return value


class Player:
    """Plays steps on one server; what came is known after each, not guessed."""

    def __init__(self, connect):
        self._connect = connect     # a function: path -> Client
        self.clients = {}

    def play(self, step):
        """Do one step; returns who got what because of it, as "gets" has it."""
        who = step["who"]
        gets = {}
        if step["do"] == "connect":
            assert who not in self.clients, f"{who} is connected already"
            self.clients[who] = self._connect(step["path"])
        elif step["do"] == "leave":
            self.clients.pop(who).leave()
        else:
            self._send(self.clients[who], step)
        # Who acted first: once it has its pong, what it did has been done.
        for name in sorted(self.clients, key=lambda name: (name != who, name)):
            frames = self._fence(name)
            if frames:
                gets[name] = frames
        return gets

    def _send(self, client, step):
        (kind,) = [kind for kind in MESSAGE_KINDS if kind in step]
        parts = step[kind] if kind.endswith("_fragments") else [step[kind]]
        client.send_parts([payload(part) for part in parts],
                          binary=kind.startswith("binary"))

    def _fence(self, name):
        client = self.clients[name]
        try:
            # Asking twice tells our pong from that for a ping among the steps.
            return client.fence((PING, ""), (PONG, NOT_JSON))
        except Closed as end:
            client.close()
            del self.clients[name]
            return client.inbox + [{"closed": end.code}]

    def close(self):
        for client in self.clients.values():
            client.close()
        self.clients.clear()


def difference(expected, got):
    """What is wrong with what the clients of a step got, or None."""
    for name in sorted({*expected, *got}):
        want, have = expected.get(name, []), got.get(name, [])
        if canonical(want) != canonical(have):
            return f"{name} should get {shorten(want)}\nbut got {shorten(have)}"
    return None


def shorten(value, limit=600):
    text = canonical(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def save(path, data):
    """Write a file of scenarios, one step a line."""
    def one_line(value):
        return json.dumps(value, allow_nan=False)

    def members(pairs, indent):
        return ",\n".join(f"{indent}{json.dumps(k)}: {v}" for k, v in pairs)

    blocks = []
    for scenario in data["scenarios"]:
        steps = ",\n".join("        " + one_line(step) for step in scenario["steps"])
        rest = [(k, one_line(v)) for k, v in scenario.items() if k != "steps"]
        blocks.append("    {\n" + members(rest + [("steps", f"[\n{steps}\n      ]")],
                                          "      ") + "\n    }")
    rest = [(k, one_line(v)) for k, v in data.items() if k != "scenarios"]
    text = members(rest + [("scenarios", "[\n" + ",\n".join(blocks) + "\n  ]")], "  ")
    with open(path, "w", encoding="utf-8") as f:
        f.write("{\n" + text + "\n}\n")
