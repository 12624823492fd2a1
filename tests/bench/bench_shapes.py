"""What is measured: the shapes of load, the curves, and what chatd must hold in them."""

FAST = ("chatd", "floor", "bun")
ALL = ("chatd", "floor", "bun", "node", "guide")
MOST = ("chatd", "floor", "bun", "node")

# name: (title, what chat-bench is told, who is measured)
SHAPES = {
    "room100": ("1 room, 100 members, all send, window 64", "--members 100 --window 64", ALL),
    "room100w16": ("1 room, 100 members, window 16", "--members 100 --window 16", MOST),
    "room5000": ("1 room, 5,000 members", "--members 5000 --window 64 --warmup 2", MOST),
    "rooms100": ("100 rooms of 20, window 16", "--rooms 100 --members 20 --window 16", ALL),
    "rooms1000": ("1,000 rooms of 10, window 4", "--rooms 1000 --members 10 --window 4", MOST),
    "pairs": ("500 pairs, window 1", "--rooms 500 --members 2 --window 1", ALL),
    "payload1k": ("1 room, 100 members, 1 KiB", "--members 100 --window 64 --payload 1024", MOST),
    "payload16k": (
        "1 room, 100 members, 16 KiB",
        "--members 100 --window 64 --payload 16384",
        MOST,
    ),
    "idle": ("18,000 idle connections", "--idle 18000 --members 100", MOST),
    "churn": (
        "1 room of 5,000, 200 joins and leaves a second",
        "--members 5000 --window 64 --warmup 2 --churn 200",
        FAST,
    ),
    "mix": (
        "50 quiet pairs beside a saturated room of 5,000",
        "--mix --members 5000 --pairs 50 --warmup 2",
        FAST,
    ),
    "mixalone": ("50 quiet pairs alone", "--mix --members 0 --pairs 50", FAST),
    "frozen": (
        "1 room of 100, and 50 more who do not read",
        "--members 100 --window 64 --frozen 50",
        FAST,
    ),
    "frozennot": (
        "1 room of 100, and 50 more who do read",
        "--members 150 --senders 100 --window 64",
        FAST,
    ),
}
QUICK = ("room100",)

# name: (title, label of the axis, key of the figure, [(x, what chat-bench is told)])
CURVES = {
    "load": (
        "Delivery latency by load",
        "p99, ms",
        "latency",
        [
            (rate * 99, f"--members 100 --rate {rate}")
            for rate in (250, 1000, 2500, 5000, 10000, 20000, 30000, 45000)
        ],
    ),
    "window": (
        "Deliveries a second by window",
        "deliveries/s",
        "deliveries_per_s",
        [(w, f"--members 100 --window {w}") for w in (1, 4, 16, 64, 256, 1000)],
    ),
    "members": (
        "Deliveries a second by members of one room",
        "deliveries/s",
        "deliveries_per_s",
        [(m, f"--members {m} --window 64 --warmup 1") for m in (2, 10, 100, 1000, 5000, 18000)],
    ),
    "rooms": (
        "Deliveries a second by number of rooms of 10",
        "deliveries/s",
        "deliveries_per_s",
        [(r, f"--rooms {r} --members 10 --window 4") for r in (1, 10, 100, 1000, 1800)],
    ),
    "connections": (
        "User-space memory of an idle connection",
        "bytes",
        "connection_bytes",
        [(n, f"--idle {n} --members 100 --seconds 1") for n in (100, 1000, 5000, 10000, 18000)],
    ),
}


def figure(row, key):
    """A figure of one shape and server (medians), or None."""
    if key == "latency":
        return row.get("p99_ms")
    return row.get(key)


def ratio(table, shape, key, other, by="chatd", other_shape=None):
    """chatd's figure over another's; None where one was not taken."""
    own = table.get(shape, {}).get(by, {}).get(key)
    theirs = table.get(other_shape or shape, {}).get(other, {}).get(key)
    return own / theirs if own is not None and theirs else None


def goals(table):
    """[(what, value, bound, holds)]: what chatd must hold, as far as it was measured."""
    result = []

    def at_least(what, value, bound):
        if value is not None:
            result.append((what, value, f">= {bound:g}", value >= bound))

    def at_most(what, value, bound):
        if value is not None:
            result.append((what, value, f"<= {bound:g}", value <= bound))

    speed, cpu = "deliveries_per_s", "cpu_s_per_million"
    at_least("room100: deliveries/s, of Bun's", ratio(table, "room100", speed, "bun"), 1.25)
    at_least("room100: deliveries/s, of the floor's", ratio(table, "room100", speed, "floor"), 0.75)
    at_least("room100: deliveries/s, of the guide's", ratio(table, "room100", speed, "guide"), 100)
    for shape in ("room100w16", "room5000", "rooms100", "rooms1000"):
        at_most(f"{shape}: processor per delivery, of Bun's", ratio(table, shape, cpu, "bun"), 1)
        at_most(
            f"{shape}: processor per delivery, of the floor's",
            ratio(table, shape, cpu, "floor"),
            1.15,
        )
    at_most("pairs: processor per delivery, of Bun's", ratio(table, "pairs", cpu, "bun"), 1.05)
    at_most(
        "pairs: processor per delivery, of the floor's", ratio(table, "pairs", cpu, "floor"), 1.35
    )
    for shape in ("payload1k", "payload16k"):
        at_least(f"{shape}: deliveries/s, of Bun's", ratio(table, shape, speed, "bun"), 1)
    at_most("idle: memory each, of Bun's", ratio(table, "idle", "connection_bytes", "bun"), 1)
    at_most(
        "idle: processor per connect, of Bun's", ratio(table, "idle", "connect_last_us", "bun"), 1.3
    )
    idle = table.get("idle", {}).get("chatd", {})
    if idle.get("connect_first_us"):
        at_most(
            "idle: last thousand connects, of the first",
            (idle.get("connect_last_us") or 0) / idle["connect_first_us"],
            1.15,
        )
        at_most("idle: processor share while idle", idle.get("server_share"), 0.005)
    at_most(
        "churn: p99 latency, of that without",
        ratio(table, "churn", "p99_ms", "chatd", other_shape="room5000"),
        1.5,
    )
    churn = table.get("churn", {}).get("chatd", {})
    if churn.get("pss_start_kib"):
        at_most(
            "churn: memory at the end, of that at the start",
            churn["pss_end_kib"] / churn["pss_start_kib"],
            1.1,
        )
    at_most(
        "mix: the pairs' p99 latency in ms",
        table.get("mix", {}).get("chatd", {}).get("pair_p99_ms"),
        5,
    )
    at_most(
        "mix: the pairs' p99, of that alone",
        ratio(table, "mix", "pair_p99_ms", "chatd", other_shape="mixalone"),
        10,
    )
    at_least(
        "frozen: deliveries/s, of that without",
        ratio(table, "frozen", speed, "chatd", other_shape="room100"),
        0.95,
    )
    return result
